//! What is tried on shadows, what can't be, and that they always go.

use whimbrel::Migrator;
use whimbrel::driver::SessionOptions;
use whimbrel::error::ErrorKind;
use whimbrel::import::{Histories, layout_by_name};
use whimbrel::source::Directory;
use whimbrel_drivers::connector;
use whimbrel_testkit::{block_on, on_engines};

use super::{GOOSE, Project};

/// What is not the same each time is no proof, so nothing is kept.
async fn a_difference_keeps_nothing(engine: &str) {
    let random = match engine {
        "postgres" => {
            "INSERT INTO a SELECT g FROM generate_series(1, (random() * 1000000)::int) g;"
        }
        "mariadb" => {
            "SET @n = FLOOR(RAND() * 100000);\nINSERT INTO a WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 1000 AND n < @n / 100) SELECT n * 100000 + @n FROM r;\nSET @s = CONCAT('CREATE TABLE r', @n, ' (id integer)');\nPREPARE s FROM @s;\nEXECUTE s;"
        }
        _ => {
            "INSERT INTO a WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT abs(random() % 100000)) SELECT n FROM r;"
        }
    };
    let text = format!("-- +goose Up\nCREATE TABLE a (id integer PRIMARY KEY);\n{random}\n");
    let project = Project::new(engine, "goose", &[("1_a.sql", &text)]);
    let to = project.new_folder();
    let error = project
        .before()
        .convert(&Histories::all(), &to)
        .await
        .unwrap_err();
    let diagnostic = &error.diagnostics()[0];
    assert_eq!(
        diagnostic.code.as_deref(),
        Some("schemas-differ"),
        "{diagnostic}"
    );
    assert!(!diagnostic.notes.is_empty());
    assert!(!to.exists());
    assert_eq!(project.shadows().await, 0);
}

async fn what_fails_on_an_empty_database(engine: &str) {
    let text = "-- +goose Up\nSELECT 1;\nINSERT INTO not_there VALUES (1);\n";
    let project = Project::new(engine, "goose", &[("1_a.sql", text)]);
    let to = project.new_folder();
    let error = project
        .before()
        .convert(&Histories::all(), &to)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let diagnostic = error.diagnostics()[0].clone();
    assert!(
        diagnostic.to_string().contains("1_a.sql:3:"),
        "{diagnostic}"
    );
    assert!(
        diagnostic
            .notes
            .iter()
            .any(|note| note.contains("empty database"))
    );
    assert!(!to.exists());
    assert_eq!(project.shadows().await, 0);
}

/// What the other tests count is there while it is used, and empty.
async fn a_shadow_comes_and_goes(engine: &str) {
    let project = Project::new(engine, "goose", &GOOSE);
    let connect = connector(&project.url, None, SessionOptions::default()).unwrap();
    let name = format!("whimbrel_shadow_{}_x", connect.database());
    let shadow = connect.shadow(&name).await.unwrap().unwrap();
    let mut driver = shadow.connect().connect().await.unwrap();
    driver.read_history().await.unwrap();
    driver.create_history().await.unwrap();
    // The history's own tables don't count.
    assert_eq!(
        driver
            .schema()
            .await
            .unwrap()
            .unwrap()
            .iter()
            .filter(|object| object.kind == "table")
            .count(),
        0
    );
    driver.query("CREATE TABLE a (id integer)").await.unwrap();
    driver.query("INSERT INTO a VALUES (1)").await.unwrap();
    let schema = driver.schema().await.unwrap().unwrap();
    let rows = schema.iter().find(|object| object.kind == "rows").unwrap();
    assert_eq!(rows.definition, "1");
    let before = schema.len();
    driver
        .query("ALTER TABLE a ADD COLUMN b integer")
        .await
        .unwrap();
    let after = driver.schema().await.unwrap().unwrap();
    assert!(schema != after && after.len() >= before);
    driver.close().await.unwrap();
    if engine != "sqlite" {
        assert_eq!(project.shadows().await, 1);
    }
    shadow.remove().await.unwrap();
    assert_eq!(project.shadows().await, 0);
}

/// Cancelled while a shadow is at work, it goes all the same.
async fn a_cancelled_conversion_leaves_nothing(engine: &str) {
    let wait = if engine == "postgres" {
        "SELECT pg_sleep(60);"
    } else {
        "SELECT SLEEP(60);"
    };
    let text = format!("-- +goose Up\nCREATE TABLE a (id integer);\n{wait}\n");
    let project = Project::new(engine, "goose", &[("1_a.sql", &text)]);
    let token = whimbrel::CancellationToken::new();
    let directory = Directory::new(project.old());
    let migrator = Migrator::builder(&project.url)
        .source(directory.layout(layout_by_name("goose").unwrap()))
        .cancel(token.clone())
        .build()
        .unwrap();
    let to = project.new_folder();
    let all = Histories::all();
    let cancel = async {
        while project.shadows().await == 0 {
            tokio::task::yield_now().await;
        }
        token.cancel();
    };
    let (result, ()) = tokio::join!(migrator.convert(&all, &to), cancel);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(project.shadows().await, 0);
    assert!(!to.exists());
}

#[test]
fn a_cancelled_conversion_leaves_nothing_on_servers() {
    for engine in ["postgres", "mariadb"] {
        block_on(a_cancelled_conversion_leaves_nothing(engine));
    }
}

#[test]
fn what_a_shadow_cannot_hold_is_not_tried() {
    for (engine, sql, what) in [
        ("postgres", "CREATE ROLE app;", "CREATE ROLE"),
        (
            "postgres",
            "DO $$ BEGIN CREATE USER app; END $$;",
            "CREATE USER",
        ),
        (
            "postgres",
            "ALTER SYSTEM SET work_mem = '1MB';",
            "ALTER SYSTEM",
        ),
        (
            "mariadb",
            "CREATE TABLE mysql.evil (id int);",
            "the database mysql",
        ),
        ("mariadb", "GRANT SELECT ON *.* TO app;", "GRANT"),
        (
            "mariadb",
            "SET @s = 'DROP DATABASE x'; PREPARE s FROM @s;",
            "DROP DATABASE",
        ),
        ("sqlite", "ATTACH DATABASE 'other.db' AS o;", "ATTACH"),
    ] {
        let text = format!("-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;\n{sql}\n");
        let project = Project::new(engine, "goose", &[("1_a.sql", &text)]);
        let to = project.new_folder();
        let error = block_on(project.before().convert(&Histories::all(), &to)).unwrap_err();
        let diagnostic = error.diagnostics()[0].clone();
        assert_eq!(
            diagnostic.code.as_deref(),
            Some("beyond-shadow"),
            "{diagnostic}"
        );
        assert!(diagnostic.message.starts_with(what), "{diagnostic}");
        assert!(
            diagnostic.to_string().contains("1_a.sql:4:"),
            "{diagnostic}"
        );
    }
}

on_engines! {
    [sqlite postgres mariadb]
    a_difference_keeps_nothing
    what_fails_on_an_empty_database
    a_shadow_comes_and_goes
}
