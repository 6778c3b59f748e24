//! Taking over other tools' histories, on every engine that the tool knows.
//!
//! The tables are made by the tools' own statements. The files that were applied there can't be
//! applied again: they name a table that does not exist.
#![allow(missing_docs, clippy::unwrap_used)]

mod cases;
mod elsewhere;
mod file_by_file;
mod more_cases;
mod specials;

use std::sync::{Arc, Mutex};

use whimbrel::driver::SessionOptions;
use whimbrel::error::ErrorKind;
use whimbrel::event::Event;
use whimbrel::import::{Histories, layout_by_name};
use whimbrel::plan::State;
use whimbrel::runner::RunOptions;
use whimbrel::source::Directory;
use whimbrel::sql::split;
use whimbrel::takeover::EntryState;
use whimbrel::{Migrator, MigratorBuilder};
use whimbrel_drivers::connector;
use whimbrel_testkit::{Files, block_on};

/// What the files that are applied already hold.
pub(crate) const APPLIED: &str = "INSERT INTO not_there VALUES (1);\n";
pub(crate) const PENDING: &str = "CREATE TABLE third (id integer);\n";

/// A tool's history with two of three migrations applied.
pub(crate) struct Case {
    pub(crate) tool: &'static str,
    /// Where it keeps its history, as it is shown.
    pub(crate) table: &'static str,
    /// Its statements, by engine.
    pub(crate) ddl: &'static [(&'static str, &'static str)],
    /// Two migrations.
    pub(crate) rows: &'static str,
    /// Three files.
    pub(crate) files: [&'static str; 3],
    pub(crate) batches: [i64; 2],
    /// When the first was applied, where the tool says so.
    pub(crate) at: Option<&'static str>,
}

pub(crate) struct Project {
    folder: Files,
    url: String,
    layout: &'static str,
}

impl Project {
    pub(crate) fn new(engine: &str, files: &[(&str, &str)]) -> Self {
        let folder = Files::default();
        let url = match engine {
            "postgres" => whimbrel_testkit::postgres().database(),
            "mysql" => whimbrel_testkit::mariadb().database(),
            "d1" => whimbrel_testkit::d1().database(),
            _ => format!("sqlite:{}/test.db", folder.path().display()),
        };
        let project = Self {
            folder,
            url,
            layout: "by-name",
        };
        if engine == "sqlite" {
            project.folder.write("test.db", "");
        }
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        self.folder.write(&format!("migrations/{name}"), text);
    }

    fn builder(&self) -> MigratorBuilder {
        let directory = Directory::new(self.folder.at("migrations"))
            .extensions(["sql", "js"])
            .layout(layout_by_name(self.layout).unwrap());
        let mut builder = Migrator::builder(&self.url).source(directory);
        if let Some(token) = self.token() {
            builder = builder.password(token);
        }
        builder
    }

    fn token(&self) -> Option<&'static str> {
        let is_d1 = self.url.starts_with("d1");
        is_d1.then_some(whimbrel_testkit::D1Server::TOKEN)
    }

    pub(crate) fn migrator(&self) -> Migrator {
        self.builder().build().unwrap()
    }

    pub(crate) fn migrator_with(&self, change: impl FnOnce(&mut RunOptions)) -> Migrator {
        self.builder().options(change).build().unwrap()
    }

    /// A migrator, and the warnings that it will give.
    pub(crate) fn heard(&self) -> (Migrator, Arc<Mutex<Vec<String>>>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&heard);
        let listener = Arc::new(move |event: &Event<'_>| {
            if let Event::Diagnostic(diagnostic) = event {
                list.lock().unwrap().push(diagnostic.to_string());
            }
        });
        (self.builder().listener(listener).build().unwrap(), heard)
    }

    /// Statement by statement, outside of Whimbrel; gives the last one's rows.
    pub(crate) async fn sql(&self, text: &str) -> Vec<Vec<Option<String>>> {
        let connect = connector(&self.url, self.token(), SessionOptions::default()).unwrap();
        let mut driver = connect.connect().await.unwrap();
        let mut rows = Vec::new();
        for statement in split(text, driver.dialect()).unwrap() {
            rows = driver.query(&text[statement.span()]).await.unwrap();
        }
        driver.close().await.unwrap();
        rows
    }
}

/// What the tool's own layout wants to see in a file, where it wants anything.
fn mark(layout: &str) -> &'static str {
    match layout {
        "goose" => "-- +goose Up\n",
        "dbmate" => "-- migrate:up\n",
        "node-pg-migrate" => "-- Up Migration\n",
        "sql-migrate" => "-- +migrate Up\n",
        _ => "",
    }
}

/// Tools whose layout goes by the files' names, with a mark at most. Tools and their layouts have the
/// same names.
const NAMED_FILES: [&str; 13] = [
    "golang-migrate",
    "goose",
    "dbmate",
    "sqlx",
    "diesel",
    "refinery",
    "prisma",
    "drizzle",
    "supabase",
    "wrangler",
    "node-pg-migrate",
    "sql-migrate",
    "flyway",
];

/// Beside drizzle's files.
const JOURNAL: &str = r#"{"version":"7","entries":[
    {"idx":0,"version":"7","when":1709288430000,"tag":"0000_first","breakpoints":true},
    {"idx":1,"version":"7","when":1709288431000,"tag":"0001_second","breakpoints":true},
    {"idx":2,"version":"7","when":1709288432000,"tag":"0002_third","breakpoints":true}]}"#;

/// Above Sqitch's files.
const PLAN: &str = "%syntax-version=1.0.0
%project=flipr

schema 2024-03-01T10:20:30Z ada <a@b> # one
tables/users 2024-03-01T10:20:31Z ada <a@b> # two
views 2024-03-01T10:20:32Z ada <a@b> # three
";

async fn takes_over(case: &Case, engine: &str, ddl: &str, layout: &'static str) {
    let mut project = Project::new(engine, &[]);
    if layout == "drizzle" {
        project.write("meta/_journal.json", JOURNAL);
    }
    if layout == "sqitch" {
        project.write("sqitch.plan", PLAN);
    }
    project.layout = layout;
    for (name, text) in case.files.iter().zip([APPLIED, APPLIED, PENDING]) {
        project.write(name, &format!("{}{text}", mark(layout)));
    }
    project.sql(ddl).await;
    project.sql(case.rows).await;
    let everything = format!("SELECT * FROM {}", case.table);
    let before = project.sql(&everything).await;

    let refused = project.migrator().up().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    let diagnostic = &refused.diagnostics()[0];
    assert_eq!(
        diagnostic.code.as_deref(),
        Some("foreign-history"),
        "{diagnostic}"
    );
    assert!(
        diagnostic.notes[0].contains(case.table),
        "{:?}",
        diagnostic.notes
    );

    let planned = project
        .migrator()
        .plan_import(&Histories::all())
        .await
        .unwrap();
    assert_eq!(planned.written, 0);
    assert!(planned.sql.unwrap().contains("whimbrel_applied"));
    let done = project.migrator().import(&Histories::all()).await.unwrap();
    assert_eq!((done.written, done.count(EntryState::Pending)), (2, 1));
    assert_eq!(done.from.unwrap().tool, case.tool);
    let batches: Vec<_> = done
        .entries
        .iter()
        .filter_map(|entry| entry.batch)
        .collect();
    assert_eq!(batches, case.batches);

    let again = project.migrator().import(&Histories::all()).await.unwrap();
    assert_eq!((again.written, again.count(EntryState::Recorded)), (0, 2));
    assert_eq!(project.migrator().up().await.unwrap().steps.len(), 1);
    let status = project.migrator().status().await.unwrap();
    let rows: Vec<_> = status.migrations.iter().map(|row| row.state).collect();
    assert_eq!(rows, [State::Applied; 3]);
    if let Some(at) = case.at {
        let kept = status.migrations[0].applied_at.unwrap();
        assert_eq!(kept, at.parse().unwrap());
    }
    assert_eq!(project.sql(&everything).await, before);
}

fn run(case: &Case) {
    for (engine, ddl) in case.ddl {
        block_on(takes_over(case, engine, ddl, "by-name"));
        if NAMED_FILES.contains(&case.tool) && layout_by_name(case.tool).is_ok() {
            block_on(takes_over(case, engine, ddl, case.tool));
        }
    }
}

macro_rules! cases {
    ($($module:ident::$name:ident)*) => {$(
        #[test]
        #[allow(non_snake_case)]
        fn $name() {
            run(&$module::$name);
        }
    )*};
}

cases! {
    cases::FLYWAY
    cases::GOLANG_MIGRATE
    cases::DBMATE
    cases::RAILS
    cases::GOOSE
    cases::SQLX
    cases::DIESEL
    cases::REFINERY
    cases::PRISMA
    cases::DRIZZLE
    more_cases::SUPABASE
    more_cases::WRANGLER
    more_cases::KNEX
    more_cases::KYSELY
    more_cases::NODE_PG_MIGRATE
    more_cases::GRAPHILE_MIGRATE
    more_cases::SQL_MIGRATE
    more_cases::LARAVEL
    more_cases::LIQUIBASE
    more_cases::SQITCH
    more_cases::ALEMBIC
    more_cases::YOYO
    more_cases::WITH_STATUS
    more_cases::WITH_BATCHES
    more_cases::WITH_NAMES
}
