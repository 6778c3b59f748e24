//! `sqitch.conf`: sections and keys as git writes them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::text::SourceFile;
use whimbrel_sql::Dialect;

/// The settings, by `section.key` and `section.subsection.key`, sections and keys in lower case.
#[derive(Default)]
pub(super) struct Config {
    values: HashMap<String, String>,
    /// Those of sections such as `[deploy "variables"]`, whose names keep their case.
    variables: Vec<(String, String, String)>,
}

impl Config {
    pub(super) fn parse(file: &Arc<SourceFile>) -> Result<Self, Diagnostic> {
        let mut config = Self::default();
        let mut section = String::new();
        let mut start = 0;
        for line in file.text().split_inclusive('\n') {
            let (at, text) = (start, line.trim());
            start += line.len();
            if text.is_empty() || text.starts_with(['#', ';']) {
                continue;
            }
            let wrong = |message: &str| {
                Diagnostic::error("sqitch-conf", message).at(
                    file,
                    at..at + line.trim_end().len(),
                    "",
                )
            };
            if let Some(rest) = text.strip_prefix('[') {
                let end = rest
                    .rfind(']')
                    .ok_or_else(|| wrong("this section has no `]`"))?;
                section = section_name(&rest[..end]);
                continue;
            }
            // A key without a value is true, as in git.
            let (key, value) = text.split_once('=').unwrap_or((text, "true"));
            let (name, value) = (key.trim(), unquoted(value));
            if section.ends_with(".variables") {
                let variable = (section.clone(), name.to_owned(), value.clone());
                config.variables.push(variable);
            }
            let key = format!("{section}.{}", name.to_ascii_lowercase());
            config.values.insert(key, value);
        }
        Ok(config)
    }

    /// What holds for this engine: the value of its own section, else the common one.
    pub(super) fn get(&self, dialect: Dialect, key: &str) -> Option<&str> {
        let own = self
            .values
            .get(&format!("engine.{}.{key}", engine(dialect)));
        own.or_else(|| self.values.get(&format!("core.{key}")))
            .map(String::as_str)
    }

    /// Whether changes are verified when they are deployed, if it says so.
    pub(super) fn verifies(&self) -> Option<bool> {
        super::switch(self.values.get("deploy.verify")?)
    }

    /// The client's variables: what `deploy` is told before what `revert` is.
    pub(super) fn variables(&self, dialect: Dialect) -> BTreeMap<String, String> {
        let own = format!("engine.{}.variables", engine(dialect));
        let sections = [
            "core.variables",
            &own,
            "revert.variables",
            "deploy.variables",
        ];
        let mut found = BTreeMap::new();
        for section in sections {
            let of_it = self.variables.iter().filter(|(one, _, _)| one == section);
            found.extend(of_it.map(|(_, name, value)| (name.clone(), value.clone())));
        }
        found
    }

    /// The engine that the project is for, if it is not this one.
    pub(super) fn other_engine(&self, dialect: Dialect) -> Option<&str> {
        let own = engine(dialect);
        let set = self.values.get("core.engine")?;
        let prefix = format!("engine.{own}.");
        let has_own = self.values.keys().any(|key| key.starts_with(&prefix));
        (set != own && set != "cockroach" && !has_own).then_some(set)
    }
}

/// What Sqitch calls it.
pub(super) fn engine(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "pg",
        Dialect::Mysql => "mysql",
        Dialect::Sqlite => "sqlite",
    }
}

/// `engine "pg"` is `engine.pg`.
fn section_name(text: &str) -> String {
    match text.split_once('"') {
        Some((name, rest)) => {
            let name = name.trim().to_ascii_lowercase();
            format!("{name}.{}", rest.trim_end().trim_end_matches('"'))
        }
        None => text.trim().to_ascii_lowercase(),
    }
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    if let Some(rest) = value.strip_prefix('"') {
        return rest.split('"').next().unwrap_or_default().to_owned();
    }
    let end = value.find(['#', ';']).unwrap_or(value.len());
    value[..end].trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_comes_before_the_common_value() {
        let text = "[core]\n\tengine = pg # ours\n\ttop_dir = db\n[engine \"pg\"]\n\ttop_dir = \"db;pg\"\n; end\n";
        let config = Config::parse(&SourceFile::new("sqitch.conf", text)).unwrap();
        assert_eq!(config.get(Dialect::Postgres, "top_dir"), Some("db;pg"));
        assert_eq!(config.get(Dialect::Sqlite, "top_dir"), Some("db"));
        assert_eq!(config.other_engine(Dialect::Sqlite), Some("pg"));
        assert_eq!(config.other_engine(Dialect::Postgres), None);
    }
}
