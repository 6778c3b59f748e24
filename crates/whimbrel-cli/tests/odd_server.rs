//! MariaDB with settings for all sessions that few servers have. The server is this test's alone.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use binary::{project, succeeded, told, whimbrel};
use whimbrel_testkit::mariadb;

const FILES: [(&str, &str); 3] = [
    (
        "001_a.sql",
        "CREATE TABLE a (i int PRIMARY KEY);\n-- Rollback: DROP TABLE a;\n",
    ),
    (
        "002_b.sql",
        "INSERT INTO a VALUES (1), (2);\nUPDATE a SET i = i + 2;\n-- Rollback: DELETE FROM a;\n",
    ),
    (
        "003_c.sql",
        "CREATE TABLE c (i int);\nINSERT INTO c VALUES (1);\n-- Rollback: DROP TABLE c;\n",
    ),
];

/// With the second, all but one record of the history were not seen, and their files applied again.
#[test]
fn what_a_server_sets_for_all_sessions_changes_nothing() {
    let server = mariadb();
    for (variable, value, usual) in [
        ("autocommit", "0", "1"),
        ("sql_select_limit", "1", "18446744073709551615"),
        ("completion_type", "1", "0"),
        ("completion_type", "2", "0"),
        ("sql_mode", "'ORACLE,NO_BACKSLASH_ESCAPES'", "DEFAULT"),
        ("sql_mode", "''", "DEFAULT"),
    ] {
        let url = server.database();
        server.execute(&url, &format!("SET GLOBAL {variable} = {value}"));
        let folder = project(&FILES);
        let run = |arguments: &[&str]| {
            let variables = [("WHIMBREL_URL", url.as_str())];
            succeeded(&whimbrel(folder.path(), arguments, &variables))
        };
        let before = format!("{variable} = {value}: ");
        run(&["up"]);
        let status = run(&["status"]);
        assert!(
            status.ends_with("3 in all, 3 applied, 0 pending\n"),
            "{before}{status}"
        );
        assert!(run(&["up"]).contains("Up to date"), "{before}");
        run(&["redo"]);
        run(&["down", "--steps", "2"]);
        run(&["up"]);
        let status = run(&["status", "--check"]);
        assert!(status.contains("3 applied"), "{before}{status}");
        server.execute(&url, &format!("SET GLOBAL {variable} = {usual}"));
        let rows = server.execute(&url, "SELECT GROUP_CONCAT(i) FROM a");
        assert!(rows.contains("3,4"), "{before}{rows}");
    }
    let url = server.database();
    server.execute(&url, "SET GLOBAL sql_safe_updates = 1");
    let folder = project(&FILES);
    let refused = whimbrel(folder.path(), &["up", "--url", &url], &[]);
    let allowed = [
        "up",
        "--url",
        &url,
        "--session-sql",
        "SET sql_safe_updates = 0",
    ];
    let allowed = whimbrel(folder.path(), &allowed, &[]);
    server.execute(&url, "SET GLOBAL sql_safe_updates = 0");
    assert!(
        told(&refused).contains("--session-sql \"SET sql_safe_updates = 0\""),
        "{}",
        told(&refused)
    );
    succeeded(&allowed);
}
