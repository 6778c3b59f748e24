//! What a project's `wrangler.toml`, `wrangler.json` or `wrangler.jsonc` says of its databases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::text::SourceFile;

/// Where wrangler keeps its local databases.
pub(crate) const STATE: &str = ".wrangler/state/v3/d1/miniflare-D1DatabaseObject";
/// In the order in which wrangler itself looks for them.
const FILES: [&str; 3] = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/// What stands in the file.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wrangler {
    /// Whose databases they are.
    #[serde(default)]
    pub account_id: Option<String>,
    /// Databases that the worker is bound to.
    #[serde(default)]
    pub d1_databases: Vec<Database>,
    /// The same for its environments.
    #[serde(default)]
    env: BTreeMap<String, Environment>,
    #[serde(skip)]
    path: PathBuf,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Environment {
    #[serde(default)]
    account_id: Option<String>,
    #[serde(default)]
    d1_databases: Vec<Database>,
}

/// A database that a worker is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Database {
    /// The name that the worker knows it by.
    pub binding: String,
    /// Its own name.
    #[serde(default)]
    pub database_name: Option<String>,
    /// Its identifier.
    #[serde(default)]
    pub database_id: Option<String>,
    /// The identifier of the one to try things on, which `wrangler dev` prefers.
    #[serde(default)]
    pub preview_database_id: Option<String>,
    /// Where its migrations are, from the file's folder; `migrations` if nothing says.
    #[serde(default)]
    pub migrations_dir: Option<String>,
    /// Where wrangler keeps its history; `d1_migrations` if nothing says.
    #[serde(default)]
    pub migrations_table: Option<String>,
}

/// A database's full URL, and where its migrations are if the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The URL that [`crate::connector`] takes.
    pub url: String,
    /// From the folder of the wrangler file.
    pub migrations_dir: Option<String>,
    /// The table of wrangler's history, if it has another name than the usual one.
    pub migrations_table: Option<String>,
}

impl Resolved {
    fn new(url: String, database: Option<&Database>) -> Self {
        Self {
            url,
            migrations_dir: database.and_then(|one| one.migrations_dir.clone()),
            migrations_table: database.and_then(|one| one.migrations_table.clone()),
        }
    }
}

impl Wrangler {
    /// Reads the file of a folder, if there is one.
    ///
    /// # Errors
    /// It can't be read; the message says where.
    pub fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let mut paths = FILES.iter().map(|name| folder.join(name));
        let Some(path) = paths.find(|path| path.is_file()) else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(&path).map_err(|source| Error::File {
            path: path.display().to_string(),
            source,
        })?;
        let mut read = parse(&path, &text)?;
        read.path = path;
        Ok(Some(read))
    }

    /// The database of a binding, a name or an identifier, with its account if the file says.
    pub fn find(&self, wanted: &str) -> Option<(&Database, Option<&str>)> {
        let main = (&self.account_id, &self.d1_databases);
        let others = self.env.values();
        let others = others.map(|env| (&env.account_id, &env.d1_databases));
        let all = std::iter::once(main).chain(others);
        let all = all.flat_map(|(account, list)| {
            let account = account.as_deref().or(self.account_id.as_deref());
            list.iter().map(move |database| (database, account))
        });
        let wanted = Some(wanted);
        let by = |test: &dyn Fn(&Database) -> bool| all.clone().find(|(one, _)| test(one));
        by(&|one| Some(one.binding.as_str()) == wanted)
            .or_else(|| by(&|one| one.database_name.as_deref() == wanted))
            .or_else(|| by(&|one| one.database_id.as_deref() == wanted))
    }

    /// The bindings, for people.
    pub fn names(&self) -> String {
        let list = self.d1_databases.iter();
        let names: Vec<_> = list.map(|one| one.binding.as_str()).collect();
        names.join(", ")
    }
}

/// What a URL means in a folder: `d1://NAME` is the database that the wrangler file knows by that
/// binding or name, in the account that the file or the caller names. None if the URL has nothing
/// to do with D1.
///
/// # Errors
/// The wrangler file can't be read, or does not know the name.
pub fn resolve(url: &str, folder: &Path, account: Option<&str>) -> Result<Option<Resolved>, Error> {
    if let Some(path) = url.strip_prefix("d1-local:") {
        if let Some(found) = local_binding(path, folder)? {
            return Ok(Some(found));
        }
        let place = folder.join(path);
        let known = Wrangler::read(&place)?;
        let only = match known.as_ref().map(|known| known.d1_databases.as_slice()) {
            Some([only]) => Some(only),
            _ => None,
        };
        let url = format!("d1-local:{}", place.display());
        return Ok(Some(Resolved::new(url, only)));
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return Ok(None);
    };
    if !matches!(scheme, "d1" | "d1+http" | "d1+https") {
        return Ok(None);
    }
    let known = Wrangler::read(folder)?;
    let last = rest.trim_end_matches('/').rsplit('/').next();
    let found = known
        .as_ref()
        .and_then(|known| known.find(last.unwrap_or_default()));
    let database = found.map(|(database, _)| database);
    if scheme != "d1" || rest.contains('/') {
        return Ok(Some(Resolved::new(url.to_owned(), database)));
    }
    if rest.contains('@') {
        // Not shown: it may hold a password.
        return Err(Error::Settings(
            "a D1 URL is d1://ACCOUNT_ID/DATABASE_ID or d1://BINDING; the token comes from CLOUDFLARE_API_TOKEN"
                .to_owned(),
        ));
    }
    let Some(known) = &known else {
        return Err(Error::Settings(format!(
            "`{rest}` would be a binding of wrangler.toml or wrangler.jsonc, but there is no such file here; a full URL is d1://ACCOUNT_ID/DATABASE_ID"
        )));
    };
    let url = full_url(rest, known, found, account)?;
    Ok(Some(Resolved::new(url, database)))
}

/// `d1-local:NAME`, where there is no such file or folder, is the local database of a binding.
fn local_binding(name: &str, folder: &Path) -> Result<Option<Resolved>, Error> {
    if name.is_empty() || folder.join(name).exists() {
        return Ok(None);
    }
    let known = Wrangler::read(folder)?;
    let found = known.as_ref().and_then(|known| known.find(name));
    let Some((database, _)) = found else {
        return Ok(None);
    };
    let file = local_file(database);
    let url = format!("d1-local:{}", folder.join(STATE).join(file).display());
    Ok(Some(Resolved::new(url, Some(database))))
}

/// The file in which Miniflare keeps a database: the name of the object that holds it is made of
/// its class and the database's identifier.
pub(crate) fn local_file(database: &Database) -> String {
    let own = || database.preview_database_id.as_ref();
    let id = own().or(database.database_id.as_ref());
    let id = id.unwrap_or(&database.binding);
    let key = Sha256::digest("miniflare-D1DatabaseObject");
    let sign = |message: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(message);
        Some(mac.finalize().into_bytes()[..16].to_vec())
    };
    let name = sign(id.as_bytes()).unwrap_or_default();
    let check = sign(&name).unwrap_or_default();
    let bytes = name.iter().chain(&check);
    let mut file = bytes.fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    file.push_str(".sqlite");
    file
}

fn full_url(
    name: &str,
    known: &Wrangler,
    found: Option<(&Database, Option<&str>)>,
    account: Option<&str>,
) -> Result<String, Error> {
    let file = known.path.display();
    let wrong = |text: String| Err(Error::Settings(format!("{file}: {text}")));
    let Some((database, in_file)) = found else {
        return wrong(format!(
            "no D1 database has the binding or name `{name}`; there are: {}",
            known.names()
        ));
    };
    let Some(id) = &database.database_id else {
        return wrong(format!("the D1 database `{name}` has no database_id"));
    };
    let Some(account) = account.or(in_file) else {
        return wrong(
            "no account_id is set: write it there, or set CLOUDFLARE_ACCOUNT_ID".to_owned(),
        );
    };
    Ok(format!("d1://{account}/{id}"))
}

fn parse(path: &Path, text: &str) -> Result<Wrangler, Error> {
    let is_toml = path.extension().is_some_and(|end| end == "toml");
    let result = if is_toml {
        toml::from_str(text).map_err(|error| {
            let place = error.span().map_or(0, |span| span.start);
            (error.message().to_owned(), place)
        })
    } else {
        let options = jsonc_parser::ParseOptions::default();
        jsonc_parser::parse_to_serde_value(text, &options)
            .map_err(|error| (error.kind().to_string(), error.range().start))
    };
    result.map_err(|(why, at)| {
        let file = SourceFile::new(path.display().to_string(), text);
        let problem = Diagnostic::error("settings", format!("it can't be read: {why}"));
        Error::Settings(problem.at(&file, at..at, "").to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = "name = \"app\"\naccount_id = \"acc\"\n[[d1_databases]]\nbinding = \"DB\"\ndatabase_name = \"app-db\"\ndatabase_id = \"1-2\"\nmigrations_dir = \"sql\"\n[[env.production.d1_databases]]\nbinding = \"DB\"\ndatabase_name = \"app-prod\"\ndatabase_id = \"3-4\"\n";
    const JSONC: &str = "{\n  // databases\n  \"d1_databases\": [\n    { \"binding\": \"DB\", \"database_id\": \"5-6\", \"migrations_table\": \"m\", },\n  ],\n}\n";

    fn folder(name: &str, text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        folder
    }

    fn url(folder: &Path, url: &str, account: Option<&str>) -> Result<String, String> {
        match resolve(url, folder, account) {
            Ok(resolved) => Ok(resolved.unwrap().url),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn names_become_urls() {
        let folder = folder("wrangler.toml", TOML);
        let path = folder.path();
        assert_eq!(url(path, "d1://DB", None).unwrap(), "d1://acc/1-2");
        assert_eq!(url(path, "d1://app-db", Some("x")).unwrap(), "d1://x/1-2");
        assert_eq!(url(path, "d1://app-prod", None).unwrap(), "d1://acc/3-4");
        let full = resolve("d1://acc/1-2", path, None).unwrap().unwrap();
        assert_eq!(full.migrations_dir.as_deref(), Some("sql"));
        assert_eq!(resolve("sqlite:a.db", path, None).unwrap(), None);
        let error = url(path, "d1://nothing", None).unwrap_err();
        assert!(
            error.ends_with("or name `nothing`; there are: DB"),
            "{error}"
        );
    }

    #[test]
    fn comments_and_trailing_commas_are_fine() {
        let folder = folder("wrangler.jsonc", JSONC);
        let path = folder.path();
        assert_eq!(url(path, "d1://DB", Some("a")).unwrap(), "d1://a/5-6");
        let full = resolve("d1://a/5-6", path, None).unwrap().unwrap();
        assert_eq!(full.migrations_table.as_deref(), Some("m"));
        let error = url(path, "d1://DB", None).unwrap_err();
        assert!(error.contains("CLOUDFLARE_ACCOUNT_ID"), "{error}");
    }

    /// As Miniflare itself named them.
    #[test]
    fn the_local_database_of_a_binding_is_found_by_its_name() {
        let two = "{ \"d1_databases\": [ { \"binding\": \"DB\", \"database_id\": \"db-1\", \"migrations_dir\": \"sql\" }, { \"binding\": \"LOGS\", \"database_id\": \"x\", \"preview_database_id\": \"db-2\" } ] }";
        let folder = folder("wrangler.json", two);
        let path = folder.path();
        let found = resolve("d1-local:DB", path, None).unwrap().unwrap();
        assert_eq!(found.migrations_dir.as_deref(), Some("sql"));
        assert!(
            found.url.ends_with(
                "/2daf131e09591ecdf3de59bf3600a581fb5e47d17d255e5abcbb1f5a182c4db7.sqlite"
            ),
            "{}",
            found.url
        );
        let other = url(path, "d1-local:LOGS", None).unwrap();
        assert!(
            other.ends_with(
                "/4b8efd738a857cb97c3a540965f84762ae517e225db7f8722ba9062b0a913f7e.sqlite"
            ),
            "{other}"
        );
    }

    #[test]
    fn a_broken_file_is_shown_where_it_is_broken() {
        let folder = folder(
            "wrangler.jsonc",
            "{\n  \"d1_databases\": [\n    { \"binding\": ?\n",
        );
        let error = url(folder.path(), "d1://DB", None).unwrap_err();
        assert!(error.contains("wrangler.jsonc:3:"), "{error}");
    }
}
