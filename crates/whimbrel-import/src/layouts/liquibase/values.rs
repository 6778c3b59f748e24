//! `${database....}`: what Liquibase itself says of the database that it is connected to.

use std::collections::BTreeMap;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::migration::{Down, Migration};
use whimbrel_core::rules::ServerFact;
use whimbrel_core::text::Script;
use whimbrel_sql::Dialect;

const MARK: &str = "${database.";

/// Puts values in that are known, as Liquibase does in values and paths.
pub(super) fn expand(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let inner = &rest[start + 2..];
        let found = inner
            .find('}')
            .and_then(|end| Some((end, value(&inner[..end])?)));
        let Some((end, value)) = found else {
            out.push_str(&rest[..start + 2]);
            rest = inner;
            continue;
        };
        out.push_str(&rest[..start]);
        out.push_str(&value);
        rest = &inner[end + 1..];
    }
    out + rest
}

/// Puts values into each other, those that came later as well.
pub(super) fn settle(
    values: &mut BTreeMap<String, String>,
    given: impl Fn(&str) -> Option<String>,
) {
    // A value that holds itself has no end.
    const ROUNDS: usize = 8;
    for _ in 0..ROUNDS {
        let known = values.clone();
        let mut open = values.values_mut().filter(|value| value.contains("${"));
        let mut changed = false;
        for value in &mut open {
            let made = expand(value, |key| given(key).or_else(|| known.get(key).cloned()));
            changed |= made != *value;
            *value = made;
        }
        if !changed {
            return;
        }
    }
}

/// A placeholder in another's name, which Liquibase puts in first.
pub(super) fn nested(script: &Script) -> Option<Diagnostic> {
    let at = script.text().find("${${")?;
    let message = "a placeholder within a placeholder can't be read";
    let problem = Diagnostic::error("liquibase-property", message);
    let problem = problem.at_script(script, at..at + "${${".len(), "");
    Some(problem.help("write the name of the inner one's value"))
}

/// Those that a changeset uses.
#[derive(Default)]
pub(super) struct Own {
    pub(super) values: BTreeMap<String, String>,
    pub(super) server: Vec<(String, ServerFact)>,
    /// A word about each that nobody knows: left as it is written, it would be applied as that.
    pub(super) unknown: Vec<Diagnostic>,
}

enum Value {
    Text(&'static str),
    Server(ServerFact),
}

impl Own {
    pub(super) fn of(
        migration: &Migration,
        dialect: Dialect,
        is_given: impl Fn(&str) -> bool,
    ) -> Self {
        let mut own = Self::default();
        own.read(&migration.up, dialect, &is_given);
        if let Down::Script(down) = &migration.down {
            own.read(down, dialect, &is_given);
        }
        own
    }

    fn read(&mut self, script: &Script, dialect: Dialect, is_given: &impl Fn(&str) -> bool) {
        let text = script.text();
        for (at, _) in text.match_indices(MARK) {
            let start = at + "${".len();
            let Some(length) = text[start..].find('}') else {
                continue;
            };
            let key = &text[start..start + length];
            if is_given(key) {
                continue;
            }
            match value(key, dialect) {
                Some(Value::Text(value)) => {
                    self.values.insert(key.to_owned(), value.to_owned());
                }
                Some(Value::Server(fact)) => self.server.push((key.to_owned(), fact)),
                None => {
                    let message =
                        format!("the value that Liquibase has for ${{{key}}} is not known here");
                    let problem = Diagnostic::error("undefined-placeholder", message);
                    let span = at..start + length + 1;
                    let help =
                        format!("say `--placeholder {key}=VALUE`, or set it under [placeholders]");
                    self.unknown
                        .push(problem.at_script(script, span, "").help(help));
                }
            }
        }
    }
}

fn value(key: &str, dialect: Dialect) -> Option<Value> {
    let name = key.strip_prefix("database.")?;
    let value = match (name, dialect) {
        ("databaseProductName", Dialect::Postgres) => Value::Text("PostgreSQL"),
        ("databaseProductName", Dialect::Sqlite) => Value::Text("SQLite"),
        ("typeName", Dialect::Postgres) => Value::Text("postgresql"),
        ("typeName", Dialect::Sqlite) => Value::Text("sqlite"),
        ("databaseChangeLogTableName", _) => Value::Text("DATABASECHANGELOG"),
        ("databaseChangeLogLockTableName", _) => Value::Text("DATABASECHANGELOGLOCK"),
        ("defaultSchemaName" | "liquibaseSchemaName", Dialect::Postgres) => {
            Value::Server(ServerFact::Schema)
        }
        ("defaultCatalogName" | "liquibaseCatalogName", Dialect::Postgres | Dialect::Mysql) => {
            Value::Server(ServerFact::Database)
        }
        _ => return None,
    };
    Some(value)
}
