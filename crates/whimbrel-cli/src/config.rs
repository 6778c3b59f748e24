//! Settings: flags, environment, `.env`, `whimbrel.toml`, defaults, in this order.

mod file;
mod resolve;
mod types;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use whimbrel::{Error, Migrator};

#[cfg(test)]
pub(crate) use self::file::KEYS;
pub(crate) use self::file::TEMPLATE;

use crate::cli::{Cli, Global};
use crate::usage;

/// Name of the settings file.
pub(crate) const FILE_NAME: &str = "whimbrel.toml";
/// Where migrations are if nothing says.
pub(crate) const DEFAULT_DIR: &str = "migrations";
/// The database if nothing says.
pub(crate) const DEFAULT_URL: &str = "sqlite:whimbrel.db";

/// Everything that is set, from wherever.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The folder that relative paths start from.
    pub(crate) root: PathBuf,
    pub(crate) url: String,
    /// What was taken where nothing names a database.
    pub(crate) note: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) dirs: Vec<PathBuf>,
    pub(crate) layout: Option<String>,
    pub(crate) extensions: Vec<String>,
    pub(crate) sort_dirs_separately: bool,
    pub(crate) table: Option<String>,
    /// Where wrangler keeps its history, if its file says.
    pub(crate) wranglers_table: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) protected: bool,
    pub(crate) out_of_order: bool,
    pub(crate) require_rollback: bool,
    pub(crate) single_transaction: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) lock_timeout: Option<Duration>,
    pub(crate) lock_wait: Option<Duration>,
    pub(crate) lease: Option<Duration>,
    pub(crate) retries: Option<u32>,
    pub(crate) retry_delay: Option<Duration>,
    /// Where shadows are made.
    pub(crate) shadow_url: Option<String>,
    /// Scripts that run there first.
    pub(crate) shadow_sql: Vec<String>,
    pub(crate) placeholders: BTreeMap<String, String>,
    pub(crate) layout_options: BTreeMap<String, String>,
    pub(crate) session_sql: Vec<String>,
}

/// The environment: real variables before those of `.env`.
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Reads `.env` in a folder without changing the process's own environment.
    pub(crate) fn load(folder: &Path) -> Result<Self, Error> {
        let mut values = BTreeMap::new();
        let path = folder.join(".env");
        if path.is_file() {
            let broken = |why: String| Error::Settings(format!("{}: {why}", path.display()));
            let items =
                dotenvy::from_path_iter(&path).map_err(|error| broken(error.to_string()))?;
            for (number, item) in items.enumerate() {
                // The library's message would repeat the line, which may hold a password.
                let (key, value) =
                    item.map_err(|_| broken(format!("entry {} can't be read", number + 1)))?;
                values.insert(key, value);
            }
        }
        values.extend(
            std::env::vars_os().filter_map(|(key, value)| {
                Some((key.into_string().ok()?, value.into_string().ok()?))
            }),
        );
        Ok(Self(values))
    }

    /// A URL in the variable of another setting would be repeated by messages, with its password.
    fn check(&self) -> Result<(), Error> {
        let own = |key: &str| key.starts_with("WHIMBREL_");
        let secret = |key: &str| matches!(key, "WHIMBREL_URL" | "WHIMBREL_PASSWORD");
        let mut others = self.0.iter().filter(|(key, _)| own(key) && !secret(key));
        match others.find(|(_, value)| usage::holds_password(value)) {
            Some((key, _)) => Err(Error::Settings(format!(
                "the variable {key} holds a database URL, which belongs in WHIMBREL_URL"
            ))),
            None => Ok(()),
        }
    }

    /// All variables.
    pub(crate) fn all(&self) -> BTreeMap<String, String> {
        self.0.clone()
    }

    /// The URL that it gives, with the variable's name.
    pub(crate) fn url(&self) -> Option<(&'static str, &str)> {
        let mut names = ["WHIMBREL_URL", "DATABASE_URL"].into_iter();
        names.find_map(|name| Some((name, self.get(name)?)))
    }

    /// A variable that is set and not empty.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

impl Settings {
    /// Gathers the settings.
    pub(crate) fn load(global: &Global) -> Result<(Self, Environment), Error> {
        let root = global.folder.clone().unwrap_or_else(|| PathBuf::from("."));
        if !root.is_dir() {
            let root = root.display();
            return Err(Error::Settings(format!("-C: there is no folder {root}")));
        }
        let environment = Environment::load(&root)?;
        environment.check()?;
        let path = match global
            .config
            .clone()
            .or_else(|| environment.get("WHIMBREL_CONFIG").map(PathBuf::from))
        {
            Some(path) => Some(root.join(path)),
            None => Some(root.join(FILE_NAME)).filter(|path| path.is_file()),
        };
        let file = match &path {
            Some(path) => file::read(path)?,
            None => file::File::default(),
        };
        let settings = resolve::resolve(global, &environment, file, root)?;
        Ok((settings, environment))
    }
}

/// Reads the text of a settings file, resolves it with these variables for each database that it
/// names, and reads the URL that comes of it. Gives the URLs, without secrets. Files are not looked
/// at, save those that the settings name; nothing is connected.
///
/// # Errors
/// The settings are wrong; the error says where.
pub fn check(text: &str, variables: BTreeMap<String, String>) -> Result<Vec<String>, Error> {
    let file = file::parse(FILE_NAME, text)?;
    let arguments = Cli::try_parse_from(["whimbrel", "init"]);
    let mut global = arguments
        .map_err(|error| Error::Settings(error.to_string()))?
        .global;
    let environment = Environment(variables);
    let named = file.databases().into_iter();
    let mut databases: Vec<_> = named.map(|name| Some(name.to_owned())).collect();
    if databases.is_empty() {
        databases.push(None);
    }
    let mut urls = Vec::new();
    for database in databases {
        global.database = database;
        // A folder that is not there: what a project's other files say plays no part.
        let root = PathBuf::from(FILE_NAME).join("none");
        let settings = resolve::resolve(&global, &environment, file.clone(), root)?;
        let mut migrator = Migrator::builder(&settings.url);
        if let Some(password) = &settings.password {
            migrator = migrator.password(password);
        }
        urls.push(migrator.build()?.display());
    }
    Ok(urls)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_with(text: &str, variables: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        check(text, variables.iter().map(owned).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_named_database_is_resolved() {
        let text = "lock_wait = \"1m\"\n[databases.a]\nurl = \"${A}\"\n[databases.b]\nurl = \"mysql://u@h/d\"\n";
        let urls = check_with(text, &[("A", "postgres://u:secret@h/d")]).unwrap();
        assert_eq!(urls.len(), 2);
        assert!(urls[0].starts_with("postgres://") && !urls[0].contains("secret"));
        let error = check_with(text, &[]).unwrap_err();
        assert!(
            error.contains("the variable A, which is not set"),
            "{error}"
        );
        let text = text.replace("1m", "soon");
        let error = check_with(&text, &[("A", "postgres://h/d")]).unwrap_err();
        assert!(error.contains("lock_wait"), "{error}");
    }

    #[test]
    fn a_url_is_read_as_well() {
        let error = check_with("url = \"postgres://h:port/d\"", &[]).unwrap_err();
        assert!(error.contains("port"), "{error}");
        let urls = check_with("", &[("WHIMBREL_LEASE", "5s")]).unwrap();
        assert_eq!(urls, ["sqlite:whimbrel.db"]);
    }
}
