//! Sqitch's verify scripts: what they try, and what is left when they fail.

use whimbrel::report::DatabaseState;
use whimbrel_testkit::{block_on, on_engines};

use super::Project;

const PLAN: &str = "%syntax-version=1.0.0
%project=flipr

users 2014-01-01T10:00:00Z Ann <ann@example.org>
lists [users] 2014-02-01T10:00:00Z Ann <ann@example.org>
";

/// It fails unless both columns are there, and writes a row to see that one can be written.
const TRIES: &str = "-- Verify\n\nBEGIN;\n\nINSERT INTO users (id, name) VALUES (1, 'a;b');\nSELECT id, name FROM users;\n\nROLLBACK;\n";

/// Two changes, which sqitch.conf wants verified; the second has a script that fails.
fn verified(engine: &'static str) -> Project {
    let project = Project::found(
        engine,
        &[
            ("sqitch.conf", "[deploy]\n\tverify = true\n"),
            ("sqitch.plan", PLAN),
            ("verify/users.sql", TRIES),
            (
                "verify/lists.sql",
                "BEGIN;\nSELECT id FROM lists;\nSELECT name FROM lists WHERE false;\nROLLBACK;\n",
            ),
        ],
    );
    for (name, columns) in [
        ("users", "id integer PRIMARY KEY, name varchar(9)"),
        ("lists", "id integer"),
    ] {
        let deploy = format!("BEGIN;\nCREATE TABLE {name} ({columns});\nCOMMIT;\n");
        project.write(&format!("deploy/{name}.sql"), &deploy);
    }
    project
}

fn has_table(project: &Project, name: &str) -> bool {
    let (catalog, column) = match project.engine {
        "sqlite" => ("sqlite_master WHERE true", "name"),
        "postgres" => ("pg_tables WHERE true", "tablename"),
        _ => (
            "information_schema.tables WHERE table_schema = DATABASE()",
            "table_name",
        ),
    };
    let sql = format!("SELECT count(*) FROM {catalog} AND {column} = '{name}'");
    project.value(&sql) == "1"
}

async fn what_a_script_tries_is_taken_back(engine: &'static str) {
    let project = verified(engine);
    project.write("verify/lists.sql", "SELECT id FROM lists");
    assert_eq!(project.up().await, ["users", "lists"]);
    assert_eq!(project.value("SELECT count(*) FROM users"), "0");
    assert!(project.migrator().is_up_to_date().await.unwrap());
    assert_eq!(project.value("SELECT count(*) FROM whimbrel_applied"), "2");
}

/// Where schema changes are transactional nothing of the change is left; elsewhere the next run
/// goes on with the script.
async fn a_script_that_fails_fails_its_change(engine: &'static str) {
    let project = verified(engine);
    let (text, state) = project.failure_with_state().await;
    assert!(text.starts_with("verify/lists.sql:3:"), "{text}");
    assert_eq!(project.value("SELECT count(*) FROM whimbrel_applied"), "1");
    if engine == "mariadb" {
        assert!(matches!(state, DatabaseState::HalfDone { done: 1, .. }));
    } else {
        assert_eq!(state, DatabaseState::Clean);
    }
    assert_eq!(has_table(&project, "lists"), engine == "mariadb");
    project.write("verify/lists.sql", "SELECT id FROM lists;\n");
    assert_eq!(project.up().await, ["lists"]);
    assert_eq!(project.value("SELECT count(*) FROM lists"), "0");
}

async fn it_is_a_setting(engine: &'static str) {
    let project = verified(engine);
    let off = project.migrator_with(&[("verify", "false")]);
    assert_eq!(off.up().await.unwrap().steps.len(), 2);
    let project = verified(engine);
    project.write("sqitch.conf", "");
    assert_eq!(project.up().await, ["users", "lists"]);
    let project = verified(engine);
    project.write("sqitch.conf", "");
    let on = project.migrator_with(&[("verify", "true")]);
    assert!(on.up().await.is_err());
    let wrong = project.migrator_with(&[("verify", "perhaps")]);
    let wrong = wrong.status().await.unwrap_err().to_string();
    assert!(wrong.contains("true or false"), "{wrong}");
}

async fn what_can_not_be_taken_back_is_refused(engine: &'static str) {
    let project = verified(engine);
    for text in [
        "BEGIN;\nSELECT 1;\nCOMMIT;\n",
        "SELECT 1;\nROLLBACK;\n",
        "VACUUM;\n",
        "CREATE TABLE more (id integer);\n",
    ] {
        // MariaDB has no such statement, and elsewhere a new table can be rolled back.
        if text.starts_with(if engine == "mariadb" {
            "VACUUM"
        } else {
            "CREATE"
        }) {
            continue;
        }
        project.write("verify/lists.sql", text);
        let error = project.migrator().up().await.unwrap_err();
        let diagnostic = &error.diagnostics()[0];
        assert_eq!(diagnostic.code.as_deref(), Some("verify-script"), "{text}");
        assert!(diagnostic.to_string().contains("verify/lists.sql:"));
        assert!(!has_table(&project, "users"), "nothing ran");
    }
}

/// A change that is not one transaction is there when its script runs.
#[test]
fn behind_an_index_that_is_built_concurrently() {
    block_on(async {
        let project = verified("postgres");
        project.write(
            "deploy/lists.sql",
            "CREATE TABLE lists (id integer);\nCREATE INDEX CONCURRENTLY lists_id ON lists (id);\n",
        );
        let (text, state) = project.failure_with_state().await;
        assert!(text.starts_with("verify/lists.sql:3:"), "{text}");
        assert!(matches!(state, DatabaseState::HalfDone { done: 2, .. }));
        project.write(
            "verify/lists.sql",
            "BEGIN;\nINSERT INTO lists VALUES (1);\nSELECT 1 / count(*) FROM pg_indexes WHERE indexname = 'lists_id';\nROLLBACK;\n",
        );
        assert_eq!(project.up().await, ["lists"]);
        assert_eq!(project.value("SELECT count(*) FROM lists"), "0");
    });
}

on_engines! {
    [sqlite postgres mariadb]
    what_a_script_tries_is_taken_back
    a_script_that_fails_fails_its_change
    it_is_a_setting
    what_can_not_be_taken_back_is_refused
}
