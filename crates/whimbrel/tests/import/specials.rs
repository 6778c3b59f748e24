//! What can be wrong with a history, and what is special to one tool or engine.

use whimbrel::Error;
use whimbrel::error::ErrorKind;
use whimbrel::import::Histories;
use whimbrel::plan::{Goal, State};
use whimbrel::takeover::{EntryState, TakeoverReport};

use super::{APPLIED, PENDING, Project, block_on};

const ENGINES: [&str; 4] = ["sqlite", "postgres", "mysql", "d1"];
const VERSIONS: &str = "CREATE TABLE schema_migrations (version varchar(128) primary key);";

fn on_all<F: Future<Output = ()>>(test: impl Fn(&'static str) -> F) {
    for engine in ENGINES {
        block_on(test(engine));
    }
}

async fn import(project: &Project) -> Result<TakeoverReport, Error> {
    project.migrator().import(&Histories::all()).await
}

fn code(error: &Error) -> String {
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    error.diagnostics()[0].code.clone().unwrap()
}

async fn states(project: &Project) -> Vec<State> {
    let status = project.migrator().status().await.unwrap();
    status.migrations.iter().map(|row| row.state).collect()
}

#[test]
fn a_dirty_entry_stops_with_what_to_do() {
    on_all(|engine| async move {
        let project = Project::new(engine, &[("1_a.up.sql", APPLIED), ("2_b.up.sql", PENDING)]);
        project
            .sql("CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null); INSERT INTO schema_migrations VALUES (2, true)")
            .await;
        let error = import(&project).await.unwrap_err();
        assert_eq!(code(&error), "failed-there");
        let diagnostic = error.diagnostics()[0].clone();
        let help = diagnostic.help.clone().unwrap();
        assert!(help.contains("migrate force"), "{help}");
        assert!(
            diagnostic.to_string().contains("2_b.up.sql"),
            "{diagnostic}"
        );
        let stopped = project.migrator().up().await.unwrap_err();
        assert_eq!(
            stopped.diagnostics()[0].notes,
            [
                "schema_migrations of golang-migrate says that the database is at 2, which failed there"
            ]
        );
        assert!(
            !project
                .migrator()
                .plan(&Goal::Latest)
                .await
                .unwrap()
                .warnings
                .is_empty()
        );
        project
            .sql("UPDATE schema_migrations SET version = 1, dirty = false")
            .await;
        assert_eq!(import(&project).await.unwrap().written, 1);
    });
}

#[test]
fn a_lock_that_is_held_stops() {
    on_all(|engine| async move {
        let project = Project::new(engine, &[("1_a.sql", APPLIED)]);
        project
            .sql("create table kysely_migration (name varchar(255) not null primary key, timestamp varchar(255) not null);
                  insert into kysely_migration values ('1_a', '2024-03-01T10:20:30.000Z');
                  create table kysely_migration_lock (id varchar(255) not null primary key, is_locked integer default 0 not null);
                  insert into kysely_migration_lock values ('migration_lock', 1)")
            .await;
        let error = import(&project).await.unwrap_err();
        assert_eq!(code(&error), "locked-there");
        let help = error.diagnostics()[0].help.clone().unwrap();
        assert!(
            help.contains("unlock it by `UPDATE kysely_migration_lock SET is_locked = 0`"),
            "{help}"
        );
        project
            .sql("update kysely_migration_lock set is_locked = 0")
            .await;
        assert_eq!(import(&project).await.unwrap().written, 1);
    });
}

#[test]
fn a_file_that_was_applied_without_its_file_is_not_applied_when_it_comes_back() {
    on_all(|engine| async move {
        let project = Project::new(engine, &[("2_b.sql", APPLIED)]);
        project.sql(VERSIONS).await;
        project
            .sql("INSERT INTO schema_migrations VALUES ('1'), ('2')")
            .await;
        let report = import(&project).await.unwrap();
        assert_eq!((report.written, report.entries[0].file.clone()), (2, None));
        assert_eq!(states(&project).await, [State::Missing, State::Applied]);
        project.write("1.sql", APPLIED);
        assert!(project.migrator().up().await.unwrap().steps.is_empty());
        assert_eq!(states(&project).await, [State::Applied; 2]);
    });
}

#[test]
fn what_was_undone_since_stays_undone() {
    on_all(|engine| async move {
        let files = [("1_a.sql", APPLIED), ("2_b.sql", APPLIED)];
        let project = Project::new(engine, &files);
        project.write(
            "2_b.sql",
            "CREATE TABLE b (id integer);\n-- Rollback: DROP TABLE b;\n",
        );
        project.sql(VERSIONS).await;
        project
            .sql("CREATE TABLE b (id integer); INSERT INTO schema_migrations VALUES ('1'), ('2')")
            .await;
        import(&project).await.unwrap();
        let undone = project.migrator().down().await.unwrap();
        assert_eq!(undone.steps.len(), 1, "each is a batch of its own");
        let again = import(&project).await.unwrap();
        assert_eq!((again.written, again.count(EntryState::Undone)), (0, 1));
        assert_eq!(project.migrator().up().await.unwrap().steps.len(), 1);
        // What the other tool applied since is taken over too.
        project.write("3_c.sql", APPLIED);
        project
            .sql("INSERT INTO schema_migrations VALUES ('3')")
            .await;
        assert_eq!(import(&project).await.unwrap().written, 1);
        assert!(project.migrator().is_up_to_date().await.unwrap());
    });
}

#[test]
fn two_histories_are_asked_about() {
    on_all(|engine| async move {
        let project = Project::new(engine, &[("1_a.sql", APPLIED)]);
        project.sql(VERSIONS).await;
        project
            .sql("create table migrations (id integer primary key, migration varchar(255) not null, batch integer not null);
                  insert into migrations values (1, '1_a', 7)")
            .await;
        let one = project
            .migrator()
            .plan_import(&Histories::all())
            .await
            .unwrap();
        assert_eq!(
            one.from.unwrap().tool,
            "laravel",
            "an empty one does not count"
        );
        project
            .sql("INSERT INTO schema_migrations VALUES ('1')")
            .await;
        let error = import(&project).await.unwrap_err();
        assert_eq!(code(&error), "several-foreign-histories");
        let refused = project.migrator().up().await.unwrap_err();
        let notes = refused.diagnostics()[0].notes[0].clone();
        assert!(
            notes.contains("dbmate") && notes.contains("Laravel"),
            "{notes}"
        );
        let dbmate = Histories::all().from("dbmate").unwrap();
        assert_eq!(project.migrator().import(&dbmate).await.unwrap().written, 1);
    });
}

#[test]
fn a_table_may_have_another_name() {
    on_all(|engine| async move {
        let project = Project::new(engine, &[("1_a.sql", APPLIED)]);
        project
            .sql("CREATE TABLE my_versions (version_id bigint NOT NULL, is_applied boolean NOT NULL); INSERT INTO my_versions VALUES (0, true), (1, true)")
            .await;
        assert_eq!(
            code(&import(&project).await.unwrap_err()),
            "no-foreign-history"
        );
        let goose = Histories::all().from("goose").unwrap();
        let error = project.migrator().import(&goose).await.unwrap_err();
        assert_eq!(code(&error), "no-foreign-history");
        let named = Histories::all().table("my_versions");
        let report = project.migrator().import(&named).await.unwrap();
        assert_eq!(
            (report.written, report.from.unwrap().tool.as_str()),
            (1, "goose")
        );
        let sqlx = Histories::all().from("sqlx").unwrap();
        let sqlx = sqlx.table("other.my_versions");
        let error = project.migrator().import(&sqlx).await.unwrap_err();
        let note = &error.diagnostics()[0].notes[0];
        assert!(
            note.starts_with("looked for `other.my_versions`, with the columns version, "),
            "{note}"
        );
    });
}

/// Its columns would do for every tool that wants only a version; the one that wants all of them is meant.
#[test]
fn a_named_table_is_that_of_the_tool_that_wants_most_of_it() {
    on_all(|engine| async move {
        let project = Project::new(engine, &[("V1__a.sql", APPLIED)]);
        project
            .sql("CREATE TABLE hist (installed_rank int NOT NULL, version varchar(50), description varchar(200) NOT NULL, type varchar(20) NOT NULL, script varchar(1000) NOT NULL, checksum int, success boolean NOT NULL);
                  INSERT INTO hist VALUES (1, '1', 'a', 'SQL', 'V1__a.sql', NULL, true)")
            .await;
        let named = Histories::all().table("hist");
        let report = project.migrator().import(&named).await.unwrap();
        assert_eq!(report.from.unwrap().tool, "flyway");
        assert_eq!(report.written, 1);
        // Two tools that want the same are still asked about.
        project
            .sql("CREATE TABLE plain (version varchar(50)); INSERT INTO plain VALUES ('1')")
            .await;
        let named = Histories::all().table("plain");
        let error = project.migrator().import(&named).await.unwrap_err();
        assert_eq!(code(&error), "several-foreign-histories");
    });
}

#[test]
fn force_goes_on_without() {
    on_all(|engine| async move {
        let project = Project::new(engine, &[("1_a.sql", PENDING)]);
        project.sql(VERSIONS).await;
        assert!(
            project
                .migrator()
                .plan(&Goal::Latest)
                .await
                .unwrap()
                .warnings
                .is_empty()
        );
        project
            .sql("INSERT INTO schema_migrations VALUES ('1')")
            .await;
        assert_eq!(
            code(&project.migrator().up().await.unwrap_err()),
            "foreign-history"
        );
        let forced = project.migrator_with(|options| options.plan.force = true);
        assert_eq!(forced.up().await.unwrap().steps.len(), 1);
        // It is asked once: the history is not empty any more, and not untouched either.
        project.write(
            "1_a.sql",
            &format!("{PENDING}-- Rollback: DROP TABLE third;\n"),
        );
        project.migrator().run(&Goal::UndoAll).await.unwrap();
        assert_eq!(project.migrator().up().await.unwrap().steps.len(), 1);
    });
}

#[test]
fn many_take_over_at_once() {
    on_all(|engine| async move {
        let files: Vec<_> = (1..=250)
            .map(|n| (format!("{n:03}_a.sql"), APPLIED))
            .collect();
        let files: Vec<_> = files
            .iter()
            .map(|(name, text)| (name.as_str(), *text))
            .collect();
        let project = Project::new(engine, &files);
        project.sql(VERSIONS).await;
        let rows: Vec<_> = (1..=250).map(|n| format!("('{n}')")).collect();
        project
            .sql(&format!(
                "INSERT INTO schema_migrations VALUES {}",
                rows.join(", ")
            ))
            .await;
        let mut set = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let migrator = project.migrator();
            set.spawn(async move { migrator.import(&Histories::all()).await.unwrap().written });
        }
        let written = set.join_all().await;
        assert_eq!(written.iter().sum::<usize>(), 250, "{written:?}");
        assert!(project.migrator().is_up_to_date().await.unwrap());
    });
}

#[test]
fn a_changed_file_is_named() {
    block_on(async {
        let mut project = Project::new(
            "postgres",
            &[("1_a.sql", "SELECT 2;\n"), ("2_b.sql", APPLIED)],
        );
        project.layout = "sqlx";
        project
            .sql("CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL)")
            .await;
        let hash = "0df5d53a79dff3439b29fef950a3873fd9a7b5a6b93c800b28cd5a668d5e7f83bd6776b2e5c6319937a6992585917a0b";
        project
            .sql(&format!("INSERT INTO _sqlx_migrations VALUES (1, 'a', '2024-03-01T10:20:30Z', true, decode('{hash}', 'hex'), 1), (2, 'b', '2024-03-01T10:20:30Z', true, decode('{hash}', 'hex'), 4200000)"))
            .await;
        let (migrator, warnings) = project.heard();
        assert_eq!(migrator.import(&Histories::all()).await.unwrap().written, 2);
        let warnings = warnings.lock().unwrap().clone();
        let changed: Vec<_> = warnings
            .iter()
            .filter(|text| text.contains("1_a"))
            .collect();
        assert_eq!((changed.len(), warnings.len()), (1, 1), "{warnings:?}");
        assert!(changed[0].contains("1_a.sql:1:1"), "{changed:?}");
        let status = project.migrator().status().await.unwrap();
        assert_eq!(status.migrations[1].duration_ms, Some(4));
    });
}

#[test]
fn drizzle_is_read_by_its_journal() {
    on_all(|engine| async move {
        let files = [
            ("0000_a.sql", APPLIED),
            ("0001_b.sql", APPLIED),
            ("0002_c.sql", PENDING),
        ];
        let project = Project::new(engine, &files);
        project.write("meta/_journal.json", r#"{"version":"7","dialect":"x","entries":[{"idx":0,"version":"7","when":1709288430000,"tag":"0000_a","breakpoints":true},{"idx":1,"version":"7","when":1709288431000,"tag":"0001_b","breakpoints":true},{"idx":2,"when":1709288432000,"tag":"0002_c"}]}"#);
        let hash = "6df95ac948b36ce13ec402f0d3be358b60c13361b6f75bd911f27301dfca7a8e";
        let (before, table) = if engine == "postgres" {
            ("CREATE SCHEMA drizzle;", "drizzle.__drizzle_migrations")
        } else {
            ("", "__drizzle_migrations")
        };
        let id = if engine == "sqlite" {
            "SERIAL PRIMARY KEY"
        } else {
            "serial primary key"
        };
        project
            .sql(&format!("{before} CREATE TABLE {table} (id {id}, hash text not null, created_at bigint); INSERT INTO {table} VALUES (1, '{hash}', 1709288430000), (2, '{hash}', 1709288431000)"))
            .await;
        let report = import(&project).await.unwrap();
        assert_eq!((report.written, report.count(EntryState::Pending)), (2, 1));
        assert_eq!(project.migrator().up().await.unwrap().steps.len(), 1);
    });
}

#[test]
fn sqitch_has_a_database_of_its_own_on_mysql() {
    block_on(async {
        let project = Project::new("mysql", &[("deploy/users.sql", APPLIED)]);
        project
            .sql("CREATE DATABASE sqitch;
                  CREATE TABLE sqitch.changes (change_id VARCHAR(40) PRIMARY KEY, script_hash VARCHAR(40) NULL UNIQUE, `change` VARCHAR(255) NOT NULL, project VARCHAR(255) NOT NULL, note TEXT NOT NULL, committed_at DATETIME(6) NOT NULL, committer_name VARCHAR(255) NOT NULL, committer_email VARCHAR(255) NOT NULL, planned_at DATETIME(6) NOT NULL, planner_name VARCHAR(255) NOT NULL, planner_email VARCHAR(255) NOT NULL) ENGINE InnoDB;
                  INSERT INTO sqitch.changes VALUES ('1', SHA1('INSERT INTO not_there VALUES (1);\n'), 'users', 'p', '', '2024-03-01 10:20:30', 'ada', '', '2024-03-01 10:20:30', 'ada', '')")
            .await;
        // Not read by itself, but not passed over either.
        let stopped = project.migrator().up().await.unwrap_err();
        assert_eq!(code(&stopped), "foreign-history");
        let sqitch = Histories::all().from("sqitch").unwrap();
        let report = project.migrator().import(&sqitch).await.unwrap();
        assert_eq!(
            (report.written, report.from.unwrap().table.as_str()),
            (1, "sqitch.changes")
        );
        project.sql("DROP DATABASE sqitch").await;
    });
}

/// golang-migrate leaves foreign keys alone on SQLite; its files look like native ones.
#[test]
fn files_that_are_read_as_native_are_warned_of() {
    block_on(async {
        let files = [("1_a.up.sql", APPLIED), ("2_b.up.sql", PENDING)];
        let mut project = Project::new("sqlite", &files);
        project
            .sql("CREATE TABLE schema_migrations (version uint64, dirty bool); INSERT INTO schema_migrations VALUES (1, false)")
            .await;
        for (layout, count) in [("native", 1), ("golang-migrate", 0)] {
            project.layout = layout;
            let (migrator, warnings) = project.heard();
            let histories = Histories::all();
            migrator.plan_import(&histories).await.unwrap();
            let told = |text: &&String| text.contains("without enforcement of foreign keys");
            let told = warnings.lock().unwrap().iter().filter(told).count();
            assert_eq!(told, count, "{layout}");
        }
    });
}
