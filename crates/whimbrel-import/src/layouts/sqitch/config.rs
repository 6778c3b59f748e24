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
    /// The section of the target that is deployed to.
    target: Option<String>,
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

    /// Takes the target of that name, else the one that the engine's section or the common one names.
    ///
    /// # Errors
    /// There is none of that name.
    pub(super) fn choose(&mut self, dialect: Dialect, given: Option<&str>) -> Result<(), String> {
        let own = format!("engine.{}.target", engine(dialect));
        let set = self.values.get(&own).or(self.values.get("core.target"));
        let Some(name) = given.or(set.map(String::as_str)) else {
            return Ok(());
        };
        let section = format!("target.{name}");
        let inside = format!("{section}.");
        let is_there = self.values.keys().any(|key| key.starts_with(&inside));
        if given.is_some() && !is_there {
            return Err(format!("sqitch.conf has no target `{name}`"));
        }
        // Otherwise it is a URI.
        self.target = is_there.then_some(section);
        Ok(())
    }

    /// What holds here: the value of the target, else of the engine, else the common one.
    pub(super) fn get(&self, dialect: Dialect, key: &str) -> Option<&str> {
        let engine = format!("engine.{}", engine(dialect));
        let sections = [self.target.as_deref(), Some(&engine), Some("core")];
        let mut sections = sections.into_iter().flatten();
        let found = sections.find_map(|section| self.values.get(&format!("{section}.{key}")));
        found.map(String::as_str)
    }

    /// Whether changes are verified when they are deployed, if it says so.
    pub(super) fn verifies(&self) -> Option<bool> {
        super::switch(self.values.get("deploy.verify")?)
    }

    /// The client's variables: the target's and the engine's before those of `deploy`, as Sqitch has it, and
    /// these before those of `revert`.
    pub(super) fn variables(&self, dialect: Dialect) -> BTreeMap<String, String> {
        let own = format!("engine.{}.variables", engine(dialect));
        let target = self.target.as_deref().unwrap_or_default();
        let sections = [
            "core.variables",
            "revert.variables",
            "deploy.variables",
            &own,
            &format!("{target}.variables"),
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

    #[test]
    fn a_target_comes_before_its_engine() {
        let text = "[core]\n\tengine = pg\n[engine \"pg\"]\n\ttarget = dev\n\ttop_dir = pg\n[deploy \"variables\"]\n\ta = deploy\n\tb = deploy\n[engine \"pg.variables\"]\n\ta = engine\n[target \"dev\"]\n\ttop_dir = dev\n[target \"prod\"]\n\turi = db:pg:prod\n";
        let mut config = Config::parse(&SourceFile::new("sqitch.conf", text)).unwrap();
        let pg = Dialect::Postgres;
        config.choose(pg, None).unwrap();
        assert_eq!(config.get(pg, "top_dir"), Some("dev"));
        config.choose(pg, Some("prod")).unwrap();
        assert_eq!(config.get(pg, "top_dir"), Some("pg"));
        assert!(config.choose(pg, Some("other")).is_err());
        let values = config.variables(pg);
        assert_eq!(
            (values["a"].as_str(), values["b"].as_str()),
            ("engine", "deploy")
        );
    }
}
