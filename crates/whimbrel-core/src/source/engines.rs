//! Folders and files for one engine, beside those for others.

use std::collections::{BTreeSet, HashSet};

use whimbrel_sql::Dialect;

use super::layout::{Entry, Listing};
use super::native::{about_file, split_role};
use super::walk::sorted;
use crate::diagnostic::Diagnostic;
use crate::error::Error;

/// Whose a folder or a part of a name is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Postgres,
    Mysql,
    Sqlite,
    /// Of an engine that Whimbrel does not speak.
    Other,
}

impl Owner {
    fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Postgres => Self::Postgres,
            Dialect::Mysql => Self::Mysql,
            Dialect::Sqlite => Self::Sqlite,
        }
    }

    /// Also for `postgres-migrations`.
    fn named(name: &str) -> Option<Self> {
        Some(match bare(name).as_str() {
            "postgres" | "postgresql" | "postgre" | "pgsql" | "psql" | "pg" => Self::Postgres,
            "mysql" | "mariadb" => Self::Mysql,
            "sqlite" | "sqlite3" | "libsql" | "turso" | "d1" => Self::Sqlite,
            _ => return None,
        })
    }
}

/// A name in small letters, without what only says that migrations are in it.
fn bare(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let separators = ['-', '_', '.'];
    let before = |word| name.strip_suffix(word)?.strip_suffix(separators);
    let behind = |word| name.strip_prefix(word)?.strip_prefix(separators);
    let words = ["migrations", "migration"].into_iter();
    let rest = words
        .into_iter()
        .find_map(|word| before(word).or_else(|| behind(word)));
    rest.unwrap_or(&name).to_owned()
}

/// Engines that Whimbrel does not speak.
const OTHERS: [&str; 30] = [
    "cockroach",
    "cockroachdb",
    "mssql",
    "sqlserver",
    "oracle",
    "h2",
    "hsqldb",
    "derby",
    "db2",
    "clickhouse",
    "cassandra",
    "crdb",
    "yugabyte",
    "yugabytedb",
    "redshift",
    "snowflake",
    "bigquery",
    "spanner",
    "tidb",
    "singlestore",
    "vertica",
    "ydb",
    "duckdb",
    "firebird",
    "mongo",
    "mongodb",
    "neo4j",
    "sybase",
    "informix",
    "ignite",
];

/// True for a name of this dialect's engine.
pub(super) fn is_engines_own(name: &str, dialect: Dialect) -> bool {
    Owner::named(name) == Some(Owner::of(dialect))
}

fn is_others(name: &str) -> bool {
    OTHERS.contains(&bare(name).as_str())
}

/// In a folder with `postgres/` beside `mysql/`, each database reads its own. The names of engines
/// that Whimbrel does not speak may mean anything, unless another engine's name is beside them.
pub(super) fn is_other_engines(folder: &str, beside: &[String], dialect: Dialect) -> bool {
    if let Some(owner) = Owner::named(folder) {
        return owner != Owner::of(dialect);
    }
    let is_engines = |name: &str| Owner::named(name).is_some() || is_others(name);
    let another = |name: &String| name != folder && is_engines(name);
    is_others(folder) && beside.iter().any(another)
}

/// Two folders side by side that are both this engine's, such as `mysql/` and `mariadb/`: they have
/// the same migrations for different servers, and nothing tells which this one is.
pub(super) fn two_of_one(folders: &[String], dialect: Dialect) -> Option<(String, String)> {
    let mut own = folders.iter().filter(|name| is_engines_own(name, dialect));
    Some((own.next()?.clone(), own.next()?.clone()))
}

/// What is there for other engines alone is no empty folder: the URL is the wrong one, or the folder.
pub(super) fn refuse_others_alone(listing: &Listing, dialect: Dialect) -> Result<(), Error> {
    if !listing.entries.is_empty() || !listing.others.is_empty() {
        return Ok(());
    }
    for root in listing.roots.iter().filter(|root| root.is_dir()) {
        let failed = |source| Error::File {
            path: root.display().to_string(),
            source,
        };
        let (list, _) = sorted(root).map_err(failed)?;
        let names: Vec<String> = list.into_iter().map(|item| item.name).collect();
        let others = names
            .iter()
            .filter(|name| is_other_engines(name, &names, dialect));
        let others: Vec<_> = others.map(|name| format!("{name}/")).collect();
        let own = names.iter().any(|name| is_engines_own(name, dialect));
        if !others.is_empty() && !own {
            let message = format!("what is here is for other engines: {}", others.join(", "));
            let error = Diagnostic::error("other-engines", message)
                .help("check the URL; `--dir` names a folder that is read whatever it is called");
            return Err(Error::refused(about_file(error, root)));
        }
    }
    Ok(())
}

/// The same in names, as soda has them: `001_users.mysql.up.sql` beside `001_users.postgres.up.sql`,
/// or beside `001_users.up.sql`, which is for whoever has no file of its own. One engine's name
/// alone may be a part of what the file is called.
pub(super) fn keep_own(listing: &mut Listing, dialect: Dialect) {
    let owners: BTreeSet<Owner> = listing.entries.iter().filter_map(owner).collect();
    let numbered = |entry: &Entry| entry.stem.starts_with(|c: char| c.is_ascii_digit());
    if owners.len() < 2 || !listing.entries.iter().all(numbered) {
        return;
    }
    let mut own = HashSet::new();
    listing.entries.retain_mut(|entry| match owner(entry) {
        Some(owner) if owner == Owner::of(dialect) => {
            entry.stem = without_owner(&entry.stem);
            own.insert((entry.root, entry.folder.clone(), entry.stem.clone()));
            true
        }
        Some(_) => false,
        None => true,
    });
    let mut seen = HashSet::new();
    // Of two with one name, the engine's own is the one whose path says more.
    listing.entries.sort_by_key(|entry| {
        let length = entry.path.as_os_str().len();
        (
            entry.root,
            entry.folder.clone(),
            entry.stem.clone(),
            std::cmp::Reverse(length),
        )
    });
    listing.entries.retain(|entry| {
        let key = (entry.root, entry.folder.clone(), entry.stem.clone());
        !own.contains(&key) || seen.insert(key)
    });
}

/// The part between the name and `.up`, if it is an engine's.
fn owner(entry: &Entry) -> Option<Owner> {
    let (_, word) = split_role(&entry.stem).0.rsplit_once('.')?;
    Owner::named(word).or_else(|| is_others(word).then_some(Owner::Other))
}

fn without_owner(stem: &str) -> String {
    let (name, _) = split_role(stem);
    let role = &stem[name.len()..];
    let base = name.rsplit_once('.').map_or(name, |(base, _)| base);
    format!("{base}{role}")
}
