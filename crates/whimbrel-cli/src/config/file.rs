//! `whimbrel.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::{Table, Value};
use whimbrel::Error;
use whimbrel::diagnostic::{Diagnostic, nearest};
use whimbrel::text::SourceFile;

use super::types;

/// What `init` writes.
pub(crate) const TEMPLATE: &str = r#"# Settings of Whimbrel; all of them: docs/settings.md

# The database; ${NAME} is taken from the environment.
url = "@URL@"

# Where the migrations are.
dir = "@DIR@"

# [environments.production]
# url = "${DATABASE_URL}"
# protected = true          # `reset` and `down --all` refuse
"#;

/// Settings of the file, of a named database, or of an environment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Section {
    pub(super) url: Option<String>,
    pub(super) password: Option<String>,
    pub(super) password_file: Option<String>,
    pub(super) password_env: Option<String>,
    pub(super) dir: Option<OneOrMany>,
    pub(super) layout: Option<String>,
    pub(super) extensions: Option<OneOrMany>,
    pub(super) sort_dirs_separately: Option<bool>,
    pub(super) table: Option<String>,
    pub(super) source: Option<String>,
    pub(super) protected: Option<bool>,
    pub(super) out_of_order: Option<bool>,
    pub(super) require_rollback: Option<bool>,
    pub(super) single_transaction: Option<bool>,
    pub(super) timeout: Option<Time>,
    pub(super) lock_timeout: Option<Time>,
    pub(super) lock_wait: Option<Time>,
    pub(super) lease: Option<Time>,
    pub(super) retries: Option<u32>,
    pub(super) retry_delay: Option<Time>,
    pub(super) session_sql: Option<OneOrMany>,
    pub(super) placeholders: BTreeMap<String, String>,
    pub(super) layout_options: BTreeMap<String, String>,
}

/// `"a"` or `["a", "b"]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn list(&self) -> Vec<String> {
        match self {
            Self::One(item) => vec![item.clone()],
            Self::Many(items) => items.clone(),
        }
    }
}

/// `"30s"`, or a number of seconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Time {
    Text(String),
    Seconds(u64),
}

impl Time {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Seconds(seconds) => seconds.to_string(),
        }
    }
}

pub(crate) const KEYS: [&str; 23] = [
    "url",
    "password",
    "password_file",
    "password_env",
    "dir",
    "layout",
    "extensions",
    "sort_dirs_separately",
    "table",
    "source",
    "protected",
    "out_of_order",
    "require_rollback",
    "single_transaction",
    "timeout",
    "lock_timeout",
    "lock_wait",
    "lease",
    "retries",
    "retry_delay",
    "session_sql",
    "placeholders",
    "layout_options",
];

/// A settings file as it stands, before anything is chosen from it.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    table: Table,
}

/// Reads a settings file; every key in it must be known.
pub(super) fn read(path: &Path) -> Result<File, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::Settings(format!("{}: {error}", path.display())))?;
    parse(&path.display().to_string(), &text)
}

/// Reads the text of a settings file.
pub(super) fn parse(name: &str, text: &str) -> Result<File, Error> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let span = error.span().unwrap_or(0..0);
        let problem = Diagnostic::error(
            "settings",
            format!("the settings can't be read: {}", error.message()),
        );
        Error::Settings(place(problem, name, text, span.start))
    })?;
    let file = File { table };
    file.check(name, text)?;
    Ok(file)
}

fn place(diagnostic: Diagnostic, name: &str, text: &str, at: usize) -> String {
    let source = SourceFile::new(name, text);
    diagnostic.at(&source, at..at, "").to_string()
}

impl File {
    fn check(&self, name: &str, text: &str) -> Result<(), Error> {
        check_keys(&self.table, &["databases", "environments"], "", name, text)?;
        for (group, inner) in [("databases", &[][..]), ("environments", &["databases"][..])] {
            for (key, value) in self.group(group) {
                let Value::Table(table) = value else {
                    return Err(Error::Settings(format!(
                        "{name}: [{group}.{key}] must be a table"
                    )));
                };
                check_keys(table, inner, &format!("{group}.{key}"), name, text)?;
            }
        }
        self.section(None, None).map(|_| ())
    }

    fn group(&self, name: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.table
            .get(name)
            .and_then(Value::as_table)
            .into_iter()
            .flatten()
    }

    /// Names of the databases that the file has.
    pub(super) fn databases(&self) -> Vec<&str> {
        self.group("databases")
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// The settings for an environment and a named database: each takes the place of what is
    /// more general.
    pub(super) fn section(
        &self,
        environment: Option<&str>,
        database: Option<&str>,
    ) -> Result<Section, Error> {
        let mut merged = self.table.clone();
        merged.remove("databases");
        merged.remove("environments");
        let within = |table: &Table, group: &str, name: &str| {
            table
                .get(group)
                .and_then(|group| group.get(name))
                .and_then(Value::as_table)
                .cloned()
        };
        if let Some(name) = database {
            let section = within(&self.table, "databases", name)
                .ok_or_else(|| unknown("database", name, &self.databases()))?;
            merge(&mut merged, section);
        }
        if let Some(name) = environment {
            let known: Vec<_> = self
                .group("environments")
                .map(|(key, _)| key.as_str())
                .collect();
            let mut section = within(&self.table, "environments", name)
                .ok_or_else(|| unknown("environment", name, &known))?;
            let inner = database.and_then(|database| within(&section, "databases", database));
            section.remove("databases");
            merge(&mut merged, section);
            merge(&mut merged, inner.unwrap_or_default());
        }
        Section::deserialize(merged)
            .map_err(|error| Error::Settings(format!("whimbrel.toml: {}", error.message())))
    }
}

impl File {
    /// True if the environment of this name says by itself which database is meant.
    pub(super) fn has_url(&self, environment: &str) -> bool {
        self.group("environments")
            .any(|(name, section)| name == environment && section.get("url").is_some())
    }
}

fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(over)) => merge(inner, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> Error {
    Error::Settings(match known {
        [] => format!("there is no {what} `{name}`: the settings file names none"),
        known => format!(
            "there is no {what} `{name}` in the settings file; it has: {}",
            known.join(", ")
        ),
    })
}

fn check_keys(
    table: &Table,
    also: &[&str],
    section: &str,
    name: &str,
    text: &str,
) -> Result<(), Error> {
    let known = || KEYS.iter().chain(also);
    let wrong = |key: &str, problem: String| {
        let problem = Diagnostic::error("settings", problem);
        let at = find_key(text, section, key);
        Err(Error::Settings(place(problem, name, text, at)))
    };
    let Some(key) = table.keys().find(|key| !known().any(|known| known == key)) else {
        let expected =
            |(key, value): (&String, &Value)| Some((key.clone(), types::expected(key, value)?));
        return match table.iter().find_map(expected) {
            Some((key, expected)) => wrong(&key, format!("the setting `{key}` must be {expected}")),
            None => Ok(()),
        };
    };
    let near = nearest(key, known().copied());
    let help = near.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    wrong(key, format!("unknown setting `{key}`{help}"))
}

/// Where a key of a section stands in the file.
fn find_key(text: &str, section: &str, key: &str) -> usize {
    let mut inside = section.is_empty();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            let header = trimmed.trim_matches(['[', ']']);
            inside = header == section;
            if header.rsplit('.').next() == Some(key) {
                return offset;
            }
        } else if inside && trimmed.trim_start_matches('"').starts_with(key) {
            return offset + line.len() - line.trim_start().len();
        }
        offset += line.len();
    }
    0
}
