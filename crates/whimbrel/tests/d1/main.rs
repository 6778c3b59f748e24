//! What is particular to Cloudflare D1, on its local engine.
#![allow(missing_docs, clippy::unwrap_used)]

mod example;
mod failures;
mod features;
mod foreign_keys;
mod limits;
mod local;
mod seed;
mod sizes;

use whimbrel::source::Directory;
use whimbrel::{Error, Migrator, MigratorBuilder};
use whimbrel_testkit::{D1Server, Fate, Files, Line};

/// Migrations in a folder, and a database of its own.
pub(crate) struct Project {
    folder: Files,
    pub(crate) url: String,
}

impl Project {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        Self {
            folder: Files::new(files),
            url: whimbrel_testkit::d1().database(),
        }
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        self.folder.write(name, text);
    }

    pub(crate) fn builder_at(&self, url: &str) -> MigratorBuilder {
        Migrator::builder(url)
            .source(Directory::new(self.folder.path()))
            .password(D1Server::TOKEN)
    }

    pub(crate) fn builder(&self) -> MigratorBuilder {
        self.builder_at(&self.url)
    }

    pub(crate) fn migrator(&self) -> Migrator {
        self.builder().build().unwrap()
    }

    /// A line to the database on which a rule decides what happens to requests.
    pub(crate) fn line(&self, rule: impl FnMut(&str) -> Fate + Send + 'static) -> Line {
        whimbrel_testkit::d1().line(&self.url, rule)
    }

    /// Rows of a table, as JSON.
    pub(crate) fn rows(&self, sql: &str) -> String {
        whimbrel_testkit::d1().rows(&self.url, sql)
    }

    /// Versions with their states.
    pub(crate) async fn states(&self) -> Vec<String> {
        let rows = self.migrator().status().await.unwrap().migrations;
        let list = rows.iter();
        list.map(|row| format!("{} {:?}", row.version, row.state))
            .collect()
    }
}

/// The messages of a refused plan, each with its line.
pub(crate) fn refusals(error: &Error) -> Vec<String> {
    let Error::Refused(list) = error else {
        panic!("{error}");
    };
    list.iter()
        .map(|one| {
            let line = one.label.as_ref().map_or(0, |label| label.place().line);
            format!("{line}: {}", one.message)
        })
        .collect()
}
