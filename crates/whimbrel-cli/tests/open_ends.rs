//! Where a statement ends that nothing but its own form ends: as in the client of its server.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use binary::{project, succeeded, told, whimbrel};
use whimbrel_testkit::{mariadb, postgres};

/// As in psql, the end of the file is that of the data. A callback of Flyway behind it is no data.
#[test]
fn a_files_end_ends_the_data_of_a_copy() {
    let server = postgres();
    let url = server.database();
    let up = |files: &[(&str, &str)]| {
        let folder = project(files);
        whimbrel(folder.path(), &["up", "--url", &url], &[])
    };
    let files = [
        (
            "V1__a.sql",
            "CREATE TABLE a (i int, t text);\nCOPY a FROM STDIN;\n1\tx\n2\ty",
        ),
        ("V2__a.sql", "COPY a FROM STDIN;\n3\tz\n"),
        ("V3__a.sql", "COPY a FROM STDIN;"),
        ("V4__a.sql", "COPY a FROM STDIN"),
        (
            "afterEachMigrate.sql",
            "CREATE TABLE IF NOT EXISTS b (i int);\nINSERT INTO b VALUES (1);\n",
        ),
    ];
    succeeded(&up(&files));
    let rows = server.execute(&url, "SELECT string_agg(t, '' ORDER BY i) FROM a");
    assert!(rows.contains("xyz"), "{rows}");
    assert!(server.execute(&url, "SELECT count(*) FROM b").contains('4'));
    let rollback = "COPY a FROM STDIN;\n4\tu\n-- Rollback\n-- DELETE FROM a;\n";
    let refused = up(&[("005_a.sql", rollback)]);
    assert_eq!(refused.status.code(), Some(4));
    let told = told(&refused);
    assert!(
        told.contains("005_a.sql:3:1") && told.contains("write a line `\\.`"),
        "{told}"
    );
}

#[test]
fn bodies_of_oracles_mode_are_whole() {
    let server = mariadb();
    let url = server.database();
    let text = "SET sql_mode = ORACLE;\nCREATE TABLE t (i int);\nCREATE PROCEDURE p AS\n  v INT := 1;\nBEGIN\n  WHILE v < 3 LOOP\n    v := v + 1;\n  END LOOP;\n  <<again>>\n  LOOP\n    EXIT again WHEN v > 5;\n    v := v + 1;\n  END LOOP again;\n  INSERT INTO t VALUES (v);\nEXCEPTION\n  WHEN OTHERS THEN NULL;\nEND;\nCREATE PACKAGE k AS FUNCTION a RETURN INT; END;\nCREATE PACKAGE BODY k AS\n  FUNCTION a RETURN INT AS BEGIN RETURN 8; END;\nEND;\nDECLARE\n  q INT := 7;\nBEGIN\n  INSERT INTO t VALUES (q);\nEND;\nBEGIN\n  p;\n  INSERT INTO t VALUES (k.a());\nEND;\n";
    let folder = project(&[("001_oracle.sql", text)]);
    succeeded(&whimbrel(folder.path(), &["up", "--url", &url], &[]));
    let rows = server.execute(&url, "SELECT GROUP_CONCAT(i ORDER BY i) FROM t");
    assert!(rows.contains("6,7,8"), "{rows}");
}
