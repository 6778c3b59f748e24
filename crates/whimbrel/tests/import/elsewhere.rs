//! Histories under other names and in other schemas: `up` must not apply again what they list.

use whimbrel::error::ErrorKind;
use whimbrel::import::Histories;

use super::{APPLIED, PENDING, Project, block_on};

const FLYWAY: &str = "CREATE TABLE app.flyway_schema_history (installed_rank integer NOT NULL, version varchar(50), description varchar(200) NOT NULL, type varchar(20) NOT NULL, script varchar(1000) NOT NULL, checksum integer, installed_by varchar(100) NOT NULL, installed_on timestamp NOT NULL DEFAULT now(), execution_time integer NOT NULL, success boolean NOT NULL);";

async fn refusal(project: &Project) -> (String, String) {
    let error = project.migrator().up().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    let diagnostic = &error.diagnostics()[0];
    assert_eq!(diagnostic.code.as_deref(), Some("foreign-history"));
    let help = diagnostic.help.clone().unwrap();
    (diagnostic.notes[0].clone(), help)
}

#[test]
fn a_history_in_another_schema_is_noticed() {
    block_on(async {
        let project = Project::new("postgres", &[("1_a.sql", APPLIED), ("2_b.sql", PENDING)]);
        project.sql("CREATE SCHEMA app").await;
        project.sql(FLYWAY).await;
        project
            .sql("INSERT INTO app.flyway_schema_history VALUES (1, '1', 'a', 'SQL', '1_a.sql', NULL, 'ann', now(), 3, true)")
            .await;
        // Every application may have a migration 1 ...
        assert!(project.migrator().up().await.unwrap_err().kind() != ErrorKind::Refused);
        project.write("20240101_a.sql", APPLIED);
        project
            .sql("UPDATE app.flyway_schema_history SET version = '20240101', script = '20240101_a.sql'")
            .await;
        let other = Project::new("postgres", &[("1_a.sql", PENDING)]);
        other.sql("CREATE SCHEMA app").await;
        other.sql(FLYWAY).await;
        other
            .sql("INSERT INTO app.flyway_schema_history VALUES (1, '1', 'a', 'SQL', '1_a.sql', 12345, 'ann', now(), 3, true)")
            .await;
        // ... and a file of the same name may be another one, as its checksum says.
        assert_eq!(other.migrator().up().await.unwrap().steps.len(), 1);
    });
}

#[test]
fn it_is_taken_over_by_its_name_with_a_word_about_the_schema() {
    block_on(async {
        let project = Project::new("postgres", &[("20240101_a.sql", APPLIED)]);
        project.sql("CREATE SCHEMA app").await;
        project.sql(FLYWAY).await;
        project
            .sql("INSERT INTO app.flyway_schema_history VALUES (1, '20240101', 'a', 'SQL', '20240101_a.sql', NULL, 'ann', now(), 3, true)")
            .await;
        let (note, help) = refusal(&project).await;
        let table = "app.flyway_schema_history";
        assert_eq!(note, format!("{table} of Flyway lists 1 migration"));
        assert!(
            help.contains(&format!("--from flyway --history-table {table}")),
            "{help}"
        );
        let error = project.migrator().import(&Histories::all()).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("no other tool's history"), "{error}");
        let (migrator, heard) = project.heard();
        let named = Histories::all().table(table);
        assert_eq!(migrator.import(&named).await.unwrap().written, 1);
        let heard = heard.lock().unwrap().join("\n");
        assert!(
            heard.contains("is in the schema app, and this connection works in public"),
            "{heard}"
        );
        // Whoever works in that schema finds it without a word.
        let place = format!("{}?options=-csearch_path%3Dapp", project.url);
        let project = Project {
            url: place,
            ..project
        };
        let (migrator, heard) = project.heard();
        let report = migrator.plan_import(&Histories::all()).await.unwrap();
        assert_eq!(report.from.unwrap().tool, "flyway");
        assert!(heard.lock().unwrap().is_empty());
    });
}

#[test]
fn a_table_of_another_name_is_noticed() {
    for engine in ["sqlite", "postgres", "mysql", "d1"] {
        block_on(async move {
            let project = Project::new(engine, &[("1_a.sql", APPLIED), ("2_b.sql", PENDING)]);
            project
                .sql("CREATE TABLE my_versions (version_id bigint NOT NULL, is_applied boolean NOT NULL); INSERT INTO my_versions VALUES (0, true), (1, true)")
                .await;
            let (note, help) = refusal(&project).await;
            assert_eq!(note, "my_versions of goose lists 1 migration");
            assert!(
                help.contains("--from goose --history-table my_versions"),
                "{help}"
            );
            // What lists other files is not about these.
            project
                .sql("UPDATE my_versions SET version_id = 77 WHERE version_id = 1")
                .await;
            project.write("1_a.sql", "CREATE TABLE first (id integer);\n");
            assert_eq!(project.migrator().up().await.unwrap().steps.len(), 2);
        });
    }
}

/// The files' own settings know where they belong.
#[test]
fn nothing_runs_in_another_schema_than_the_settings_name() {
    block_on(async {
        let mut project = Project::new("postgres", &[("V1__a.sql", PENDING)]);
        project.write("flyway.conf", "flyway.schemas=app,other\n");
        project.layout = "flyway";
        project.sql("CREATE SCHEMA app").await;
        let error = project.migrator().up().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        let diagnostic = error.diagnostics()[0].to_string();
        assert!(
            diagnostic.contains(
                "has scripts work in the schema app, and this connection works in public"
            ),
            "{diagnostic}"
        );
        let url = format!("{}?options=-csearch_path%3Dapp", project.url);
        let project = Project { url, ..project };
        assert_eq!(project.migrator().up().await.unwrap().steps.len(), 1);
        let rows = project
            .sql("SELECT schemaname FROM pg_tables WHERE tablename = 'third'")
            .await;
        assert_eq!(rows, [[Some("app".to_owned())]]);
    });
}
