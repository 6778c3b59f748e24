//! `import --convert` by the real binary, on SQLite.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use std::path::Path;

use binary::{Ended, project, whimbrel};

fn run(folder: &Path, arguments: &[&str]) -> Ended {
    let arguments = [arguments, &["--url", "sqlite:app.db"]].concat();
    let temporary = folder.join("tmp");
    let variables = [("TMPDIR", temporary.to_str().unwrap())];
    whimbrel(folder, &arguments, &variables).into()
}

const PRISMA: [(&str, &str); 3] = [
    ("migration_lock.toml", "provider = \"sqlite\"\n"),
    (
        "20240101000000_users/migration.sql",
        "CREATE TABLE users (id INTEGER PRIMARY KEY);\nINSERT INTO users VALUES (1), (2);\n",
    ),
    (
        "20240102000000_posts/migration.sql",
        "CREATE TABLE posts (id INTEGER PRIMARY KEY);\nCREATE INDEX posts_id ON posts (id);\n",
    ),
];

#[test]
fn a_folder_is_converted_with_its_records() {
    let project = project(&PRISMA);
    let here = project.path();
    std::fs::create_dir(here.join("tmp")).unwrap();
    assert_eq!(run(here, &["up", "--steps", "1"]).code, 0);
    let dry = run(here, &["import", "--convert", "--dry-run"]);
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    let (comments, sql) = dry.stdout.split_once("\n\n").unwrap();
    insta::assert_snapshot!(masked(comments), @r##"
    -- migrations/20240101000000_users/migration.sql -> 20240101000000_users.sql  (20240101000000_users is now 20240101000000)
    -- migrations/20240102000000_posts/migration.sql -> 20240102000000_posts.sql  (20240102000000_posts is now 20240102000000)
    -- Both folders applied to an empty database, 2 migrations each: the same schema (1 index, 2 tables; 2 rows).
    -- Not undone: 20240102000000_posts has no rollback.
    -- Would write 2 files to migrations-whimbrel.
    --  version         name   state      batch  applied               file
    --  20240101000000  users  to rename  1      (time)  migrations-whimbrel/20240101000000_users.sql
    -- Would give 1 record the new version.
    "##);
    assert!(sql.contains("DELETE FROM \"whimbrel_applied\""), "{sql}");
    assert!(!here.join("migrations-whimbrel").exists());

    let done = run(here, &["import", "--convert"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    insta::assert_snapshot!(masked(&done.stdout), @r##"
    migrations/20240101000000_users/migration.sql -> 20240101000000_users.sql  (20240101000000_users is now 20240101000000)
    migrations/20240102000000_posts/migration.sql -> 20240102000000_posts.sql  (20240102000000_posts is now 20240102000000)
    Both folders applied to an empty database, 2 migrations each: the same schema (1 index, 2 tables; 2 rows).
    Not undone: 20240102000000_posts has no rollback.
    Wrote 2 files to migrations-whimbrel.
     version         name   state        batch  applied               file
     20240101000000  users  renamed now  1      (time)  migrations-whimbrel/20240101000000_users.sql
    Gave 1 record the new version.
    Say `dir = "migrations-whimbrel"` in whimbrel.toml; other databases get their records by `whimbrel import` with it.
    "##);
    // Nothing is left of the shadows.
    assert_eq!(std::fs::read_dir(here.join("tmp")).unwrap().count(), 0);
    let text = here.join("migrations-whimbrel/20240101000000_users.sql");
    let text = std::fs::read_to_string(text).unwrap();
    assert!(
        text.contains("20240101000000_users\n") && text.contains("INSERT INTO users"),
        "{text}"
    );

    let dir = ["--dir", "migrations-whimbrel"];
    let up = run(here, &["up", dir[0], dir[1]]);
    assert_eq!(up.code, 0, "{}", up.stderr);
    assert!(up.stdout.contains("Applied 1 migration"), "{}", up.stdout);
    assert_eq!(run(here, &["status", "--check", dir[0], dir[1]]).code, 0);
    // The old files now disagree with the records, and say so.
    assert_eq!(run(here, &["up"]).code, 4);
}

/// The times of the records are those of this run.
fn masked(text: &str) -> String {
    let lines = text.lines().map(|line| match line.rfind("  20") {
        Some(at) if line.contains("renamed now") || line.contains("to rename") => {
            let after = line[at + 2..]
                .find(' ')
                .map_or("", |end| &line[at + 2 + end..]);
            format!("{}  (time){after}", &line[..at])
        }
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn programs_read_what_was_made() {
    let project = project(&PRISMA);
    std::fs::create_dir(project.path().join("tmp")).unwrap();
    let made = run(
        project.path(),
        &["import", "--convert", "--to", "new", "--json"],
    );
    assert_eq!(made.code, 0, "{}", made.stdout);
    let json: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
    let result = &json["result"];
    assert_eq!(result["folder"], "new");
    assert_eq!(result["files"], 2);
    assert_eq!(result["written"], true);
    assert_eq!(result["migrations"][0]["former"], "20240101000000_users");
    assert_eq!(result["migrations"][0]["version"], "20240101000000");
    assert_eq!(result["proof"]["objects"]["table"], 2);
    assert_eq!(result["proof"]["objects"]["index"], 1);
    assert_eq!(result["proof"]["rows"], 2);
    assert_eq!(result["proof"]["applied"], 2);
    assert!(result["history"].is_null());
}

#[test]
fn what_can_be_wrong_is_said() {
    let twice = project(&PRISMA);
    std::fs::create_dir(twice.path().join("tmp")).unwrap();
    std::fs::create_dir(twice.path().join("new")).unwrap();
    std::fs::write(twice.path().join("new/notes.txt"), "mine").unwrap();
    let output = run(twice.path(), &["import", "--convert", "--to", "new"]);
    assert_eq!(output.code, 4);
    insta::assert_snapshot!(output.stderr, @r##"
    note: layout prisma: `migration_lock.toml`
    error[folder-not-empty]: new is there already and has other files
     |
     = help: `--to DIR` names a new folder; nothing that exists is overwritten
    "##);
    let flyway = project(&[
        ("V1__a.sql", "CREATE TABLE ${prefix}a (b);\n"),
        ("afterMigrate.sql", "SELECT 1;\n"),
    ]);
    std::fs::create_dir(flyway.path().join("tmp")).unwrap();
    let output = run(
        flyway.path(),
        &["import", "--convert", "--placeholder", "prefix=x_"],
    );
    assert_eq!(output.code, 4);
    insta::assert_snapshot!(output.stderr, @r##"
    note: layout flyway: names such as V1__a.sql
    error[not-convertible]: native files have no callbacks such as afterMigrate
    --> migrations/afterMigrate.sql
     = help: put what it does into migrations, or keep the folder in its layout
    "##);
    std::fs::remove_file(flyway.path().join("migrations/afterMigrate.sql")).unwrap();
    let output = run(flyway.path(), &["import", "--convert"]);
    assert_eq!(output.code, 4);
    assert!(
        output.stderr.contains("undefined-placeholder"),
        "{}",
        output.stderr
    );
    let output = run(
        flyway.path(),
        &["import", "--convert", "--placeholder", "prefix=x_"],
    );
    assert_eq!(output.code, 0, "{}", output.stderr);
    let text = flyway.path().join("migrations-whimbrel/1_a.sql");
    let text = std::fs::read_to_string(text).unwrap();
    assert!(text.ends_with("\nCREATE TABLE ${prefix}a (b);\n"), "{text}");
    // Before anything is read.
    assert_eq!(run(flyway.path(), &["import", "--to", "x"]).code, 2);
}

/// A migration whose rows are random gives no proof.
#[test]
fn a_difference_is_shown_and_nothing_is_kept() {
    let random = "INSERT INTO a WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT abs(random() % 100000)) SELECT n FROM r;";
    let text = format!("-- +goose Up\nCREATE TABLE a (id INTEGER);\n{random}\n");
    let project = project(&[("1_a.sql", &text)]);
    std::fs::create_dir(project.path().join("tmp")).unwrap();
    let output = run(project.path(), &["import", "--convert"]);
    assert_eq!(output.code, 4);
    assert!(
        output.stderr.contains("error[schemas-differ]"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("rows a: "), "{}", output.stderr);
    assert!(!project.path().join("migrations-whimbrel").exists());
    assert_eq!(
        std::fs::read_dir(project.path().join("tmp"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn what_files_count_on_can_be_made_first() {
    let project = project(&[(
        "20240101000000_more/migration.sql",
        "ALTER TABLE users ADD COLUMN name text;\n",
    )]);
    std::fs::create_dir(project.path().join("tmp")).unwrap();
    let failed = run(project.path(), &["import", "--convert"]);
    assert_eq!(failed.code, 4, "{}", failed.stderr);
    assert!(
        failed.stderr.contains("`--shadow-sql FILE` makes it"),
        "{}",
        failed.stderr
    );
    std::fs::write(
        project.path().join("first.sql"),
        "CREATE TABLE users (id int);",
    )
    .unwrap();
    let done = run(
        project.path(),
        &["import", "--convert", "--shadow-sql", "first.sql"],
    );
    assert_eq!(done.code, 0, "{}", done.stderr);
}
