//! The example projects: up, down to nothing, and up again.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use std::path::{Path, PathBuf};

use binary::{succeeded, whimbrel};
use whimbrel_testkit::{mariadb, postgres};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples")
        .join(name)
}

/// `down --all` leaves nothing behind, and the second `up` gives what the first did.
fn up_and_down_and_up(name: &str, url: &str, migrations: usize, schema: impl Fn() -> String) {
    let folder = example(name);
    let run = |arguments: &[&str]| whimbrel(&folder, arguments, &[("WHIMBREL_URL", url)]);
    let empty = schema();
    let up = succeeded(&run(&["up"]));
    assert!(
        up.contains(&format!("Applied {migrations} migrations")),
        "{up}"
    );
    let status = succeeded(&run(&["status", "--check"]));
    assert!(
        status.contains(&format!("{migrations} applied, 0 pending")),
        "{status}"
    );
    let applied = schema();
    assert_ne!(applied, empty);
    let down = succeeded(&run(&["down", "--all"]));
    assert!(
        down.contains(&format!("Undid {migrations} migrations")),
        "{down}"
    );
    assert_eq!(schema(), empty);
    assert_eq!(run(&["status", "--check"]).status.code(), Some(3));
    succeeded(&run(&["up"]));
    assert_eq!(schema(), applied);
    assert!(succeeded(&run(&["up"])).contains("Up to date"));
}

#[test]
fn the_clinic() {
    let server = postgres();
    let url = server.database();
    up_and_down_and_up("clinic-postgres", &url, 21, || server.schema(&url));
}

#[test]
fn the_shop() {
    let server = mariadb();
    let url = server.database();
    up_and_down_and_up("shop-mysql", &url, 16, || server.schema(&url));
}

#[test]
fn the_notes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.db");
    let url = format!("sqlite:{}", file.display());
    up_and_down_and_up("notes-sqlite", &url, 16, || {
        let connection = rusqlite::Connection::open(&file).unwrap();
        let mut rows = connection
            .prepare("SELECT type, name, sql FROM sqlite_master WHERE tbl_name NOT LIKE 'whimbrel%' AND name NOT LIKE 'sqlite_%' ORDER BY 1, 2")
            .unwrap();
        let line = |row: &rusqlite::Row<'_>| {
            Ok(format!(
                "{} {}: {}",
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Option<String>>(2)?.unwrap_or_default()
            ))
        };
        let lines: Vec<_> = rows
            .query_map([], line)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        lines.join("\n")
    });
}
