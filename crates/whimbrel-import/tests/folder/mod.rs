//! Folders of fixtures, written file by file.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use whimbrel_core::Error;
use whimbrel_core::migration::Migration;
use whimbrel_core::source::{Directory, Loaded, Source};
use whimbrel_import::layouts;
use whimbrel_sql::Dialect;

pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[allow(dead_code)] // Each test program has this module as its own.
    pub fn at(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    pub fn directory(&self) -> Directory {
        Directory::new(self.0.path()).known_layouts(layouts())
    }

    pub fn load(&self, dialect: Dialect) -> Result<Loaded, Error> {
        self.directory().load(dialect)
    }

    /// Loads for PostgreSQL; the layout must be found to be this one.
    pub fn loaded(&self, layout: &str) -> Loaded {
        let loaded = self.load(Dialect::Postgres);
        let loaded = loaded.unwrap_or_else(|error| panic!("{}", self.texts(&error).join("\n")));
        assert_eq!(loaded.layout.as_ref().unwrap().name, layout);
        loaded
    }

    /// What is wrong, with paths relative to the folder.
    pub fn errors(&self, dialect: Dialect) -> Vec<String> {
        self.texts(&self.load(dialect).map(|_| ()).unwrap_err())
    }

    fn texts(&self, error: &Error) -> Vec<String> {
        let list = error.diagnostics();
        list.iter()
            .map(|problem| self.relative(&problem.to_string()))
            .collect()
    }

    pub fn warnings(&self, loaded: &Loaded) -> Vec<String> {
        let list = loaded.warnings.iter();
        list.map(|problem| self.relative(&problem.to_string()))
            .collect()
    }

    fn relative(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}

pub fn versions(loaded: &Loaded) -> Vec<&str> {
    loaded
        .migrations
        .iter()
        .map(|m| m.version.as_str())
        .collect()
}

pub fn find<'a>(loaded: &'a Loaded, version: &str) -> &'a Migration {
    let mut all = loaded.migrations.iter();
    all.find(|m| m.version.as_str() == version).unwrap()
}

pub fn down(migration: &Migration) -> Option<String> {
    let script = migration.down_script().unwrap();
    script.map(|script| script.text().to_owned())
}
