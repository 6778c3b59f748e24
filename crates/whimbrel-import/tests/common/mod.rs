//! Folders of files, and what a layout makes of them, as lines that are easy to compare.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, dead_code)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use whimbrel_core::Error;
use whimbrel_core::migration::Migration;
use whimbrel_core::source::{Directory, Loaded, Source};
use whimbrel_import::{layout_by_name, layouts};
use whimbrel_sql::Dialect;

pub struct Folder {
    root: tempfile::TempDir,
    inner: &'static str,
}

impl Folder {
    pub fn new(files: &[(&str, &str)]) -> Self {
        Self::at("", files)
    }

    /// The files' folder has a name, and may have others beside it.
    pub fn at(inner: &'static str, files: &[(&str, &str)]) -> Self {
        let folder = Self {
            root: tempfile::tempdir().unwrap(),
            inner,
        };
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    pub fn path(&self) -> PathBuf {
        if self.inner.is_empty() {
            self.root.path().to_owned()
        } else {
            self.root.path().join(self.inner)
        }
    }

    fn directory(&self) -> Directory {
        Directory::new(self.path()).known_layouts(layouts())
    }

    /// The layout that is found, or the error.
    pub fn detected(&self, dialect: Dialect) -> String {
        match self.directory().load(dialect) {
            Ok(loaded) => loaded.layout.unwrap().name.to_owned(),
            Err(error) => self.lines(error).join("\n"),
        }
    }

    #[allow(dead_code)] // Each test program has this module as its own.
    pub fn of_layout(&self, layout: &str) -> Directory {
        self.directory().layout(layout_by_name(layout).unwrap())
    }

    fn loaded(&self, layout: &str, dialect: Dialect) -> Result<Loaded, Error> {
        self.of_layout(layout).load(dialect)
    }

    pub fn migrations(&self, layout: &str, dialect: Dialect) -> Vec<Migration> {
        self.loaded(layout, dialect).unwrap().migrations
    }

    /// One line for each migration.
    pub fn read(&self, layout: &str, dialect: Dialect) -> Vec<String> {
        match self.loaded(layout, dialect) {
            Ok(loaded) => loaded.migrations.iter().map(line).collect(),
            Err(error) => self.lines(error),
        }
    }

    pub fn warnings(&self, layout: &str, dialect: Dialect) -> Vec<String> {
        let list = self.loaded(layout, dialect).unwrap().warnings;
        list.iter().map(|w| self.relative(&w.to_string())).collect()
    }

    /// One line for each problem.
    pub fn errors(&self, layout: &str, dialect: Dialect) -> Vec<String> {
        self.lines(self.loaded(layout, dialect).unwrap_err())
    }

    fn lines(&self, error: Error) -> Vec<String> {
        let list = error.diagnostics();
        list.iter().map(|d| self.relative(&d.to_string())).collect()
    }

    fn relative(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.path().display()), "")
    }

    fn blanks(&self, layout: &str) -> Vec<(String, String)> {
        let listing = self.directory().list(Dialect::Sqlite).unwrap();
        let layout = layout_by_name(layout).unwrap();
        let files = layout.blank(&listing, "20260102030405", "add_b");
        files.unwrap_or_default()
    }

    /// The names of a new migration's files.
    pub fn blank(&self, layout: &str) -> Vec<String> {
        let names = self.blanks(layout).into_iter().map(|(name, _)| name);
        names.collect()
    }

    pub fn write_blank(&self, layout: &str) {
        for (name, text) in self.blanks(layout) {
            let path = self.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    /// What the tool's own substitution makes of the up scripts, or what it lacks.
    pub fn substituted(&self, layout: &str, values: &[(&str, &str)]) -> Vec<String> {
        let values: BTreeMap<String, String> = values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let directory = self
            .directory()
            .layout(layout_by_name(layout).unwrap())
            .environment(values.clone())
            .placeholders(values);
        let loaded = directory.load(Dialect::Postgres).unwrap();
        let made = loaded.migrations.iter().map(|migration| {
            match migration.substitute.as_ref().unwrap().apply(&migration.up) {
                Ok(script) => plain(script.text()),
                Err(problems) => self.relative(&problems[0].to_string()),
            }
        });
        made.collect()
    }
}

/// `version name: up => down`, with what is said of transactions; comments and blanks left out.
fn line(migration: &Migration) -> String {
    let mut text = format!(
        "{} {}: {}",
        migration.version,
        migration.name,
        plain(migration.up.text())
    );
    if let Some(down) = migration.down_script().unwrap() {
        text.push_str(&format!(" => {}", plain(down.text())));
    }
    if let Some(on) = migration.directives.transaction {
        text.push_str(if on { " [on]" } else { " [off]" });
    }
    if let Some(on) = migration.down_transaction {
        text.push_str(if on { " [down on]" } else { " [down off]" });
    }
    text
}

fn plain(sql: &str) -> String {
    let lines = sql
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"));
    let words: Vec<_> = lines.flat_map(str::split_whitespace).collect();
    words.join(" ")
}
