//! Other tools' files, applied and undone on the engines.
#![allow(missing_docs, clippy::unwrap_used)]

mod by_name;
mod flyway;
mod go;
mod javascript;
mod liquibase;
mod rails;
mod rust;
mod sqitch;
mod sqitch_verify;

use std::path::PathBuf;

use whimbrel::Migrator;
use whimbrel::import::{layout_by_name, layouts};
use whimbrel::plan::{Goal, State};
use whimbrel::report::{DatabaseState, Report};
use whimbrel::source::Directory;
use whimbrel_testkit::Files;

/// A tool's folder, and a database of its own.
pub(crate) struct Project {
    folder: Files,
    layout: Option<&'static str>,
    pub(crate) engine: &'static str,
    pub(crate) url: String,
}

impl Project {
    /// A folder whose layout is found out.
    pub(crate) fn found(engine: &'static str, files: &[(&str, &str)]) -> Self {
        Self::new(None, engine, files)
    }

    /// A folder of a layout that is named.
    pub(crate) fn of(layout: &'static str, engine: &'static str, files: &[(&str, &str)]) -> Self {
        Self::new(Some(layout), engine, files)
    }

    fn new(layout: Option<&'static str>, engine: &'static str, files: &[(&str, &str)]) -> Self {
        let folder = Files::default();
        let url = whimbrel_testkit::database(engine, folder.path());
        let project = Self {
            folder,
            layout,
            engine,
            url,
        };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.at("migrations")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        self.folder.write(&format!("migrations/{name}"), text);
    }

    pub(crate) fn migrator(&self) -> Migrator {
        self.migrator_with(&[])
    }

    /// With what its tool is told besides the files.
    pub(crate) fn migrator_with(&self, options: &[(&str, &str)]) -> Migrator {
        let mut directory = Directory::new(self.path());
        for (name, value) in options {
            directory = directory.layout_option(*name, *value);
        }
        let directory = match self.layout {
            Some(name) => directory.layout(layout_by_name(name).unwrap()),
            None => directory.known_layouts(layouts()),
        };
        let builder = Migrator::builder(&self.url).source(directory);
        builder.build().unwrap()
    }

    /// The labels of what was applied.
    pub(crate) async fn up(&self) -> Vec<String> {
        labels(&self.migrator().up().await.unwrap_or_else(|e| panic!("{e}")))
    }

    pub(crate) async fn down(&self, steps: usize) -> Vec<String> {
        self.run(&Goal::UndoSteps(steps)).await
    }

    pub(crate) async fn undo_all(&self) -> Vec<String> {
        self.run(&Goal::UndoAll).await
    }

    pub(crate) async fn run(&self, goal: &Goal) -> Vec<String> {
        let report = self.migrator().run(goal).await;
        labels(&report.unwrap_or_else(|e| panic!("{e}")))
    }

    /// The place and the text of what `up` fails with.
    pub(crate) async fn failure(&self) -> String {
        self.failure_with_state().await.0
    }

    /// The same, and what it leaves.
    pub(crate) async fn failure_with_state(&self) -> (String, DatabaseState) {
        let error = self.migrator().up().await.unwrap_err();
        let whimbrel::Error::Failed(failure) = error else {
            panic!("{error}")
        };
        let root = format!("{}/", self.path().display());
        let text = failure.diagnostic.to_string().replace(&root, "");
        (text, failure.state)
    }

    pub(crate) async fn states(&self) -> Vec<(String, State)> {
        let status = self.migrator().status().await.unwrap();
        let rows = status.migrations.into_iter();
        rows.map(|row| (row.version.to_string(), row.state))
            .collect()
    }

    pub(crate) async fn state(&self, version: &str) -> State {
        let mut states = self.states().await.into_iter();
        states.find(|(found, _)| found == version).unwrap().1
    }

    /// The one value that a query gives.
    pub(crate) fn value(&self, sql: &str) -> String {
        whimbrel_testkit::ask(self.engine, &self.url, sql)
    }
}

fn labels(report: &Report) -> Vec<String> {
    report.steps.iter().map(|step| step.label.clone()).collect()
}

/// Tables and indexes of the migrations alone.
pub(crate) const SQLITE_TABLES: &str = "SELECT coalesce(group_concat(name), '') FROM (SELECT name FROM sqlite_master WHERE name NOT LIKE 'whimbrel%' AND name NOT LIKE 'sqlite%' ORDER BY name)";
pub(crate) const POSTGRES_TABLES: &str = "SELECT coalesce(string_agg(relname, ',' ORDER BY relname), '') FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'whimbrel%'";

/// A parent with a child that goes with it.
pub(crate) const PARENT: &str = "CREATE TABLE p (id integer PRIMARY KEY);\nCREATE TABLE c (p integer REFERENCES p ON DELETE CASCADE);\nINSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1);\n";
