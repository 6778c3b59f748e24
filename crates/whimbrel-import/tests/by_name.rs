//! Files whose whole names are the versions.
#![allow(missing_docs)]

mod common;

use common::Folder;
use whimbrel_core::migration::Transactions;
use whimbrel_sql::Dialect::{Mysql, Postgres, Sqlite};

const SQL: &str = "SELECT 1;\n";

/// Some projects have a letter or a word before their numbers, all the same one.
#[test]
fn numbers_after_one_prefix_are_found_and_sorted() {
    for (names, expected) in [
        (
            vec!["V0010.Roles.up.sql", "V0009.Users.up.sql"],
            ["V0009.Users", "V0010.Roles"],
        ),
        (vec!["v1.10.sql", "v1.9.sql"], ["v1.9", "v1.10"]),
        (
            vec!["update-10.sql", "update-9-users.sql"],
            ["update-9-users", "update-10"],
        ),
    ] {
        let files: Vec<_> = names.iter().map(|name| (*name, SQL)).collect();
        let folder = Folder::new(&files);
        assert_eq!(folder.detected(Postgres), "by-name");
        let read = folder.migrations("by-name", Postgres);
        let versions: Vec<_> = read.iter().map(|m| m.version.as_str()).collect();
        assert_eq!(versions, expected);
    }
}

/// Without a number in each there is no order to rely on, and two words are no habit.
#[test]
fn other_names_stay_an_error() {
    for names in [
        vec!["users.sql", "roles.sql"],
        vec!["v1.sql", "schema.sql"],
        vec!["v1_to_v2.sql", "v2_to_v1.sql"],
        vec!["app--1.0--1.1.sql", "app--1.1--1.0.sql", "app--1.0.sql"],
        vec!["a1.sql", "b2.sql"],
        vec!["app.1.0.sql", "app.1.0-1.1.sql", "app.1.1.sql"],
    ] {
        let files: Vec<_> = names.iter().map(|name| (*name, SQL)).collect();
        let detected = Folder::new(&files).detected(Postgres);
        assert!(
            detected.contains("the file's name has no version"),
            "{detected}"
        );
    }
}

/// Flyway's and refinery's names have numbers after a letter too, and two lines after them.
#[test]
fn tools_with_such_names_keep_them() {
    for names in [["V1__a.sql", "V2__b.sql"], ["V1.sql", "V2.sql"]] {
        let folder = Folder::new(&names.map(|name| (name, SQL)));
        assert_eq!(folder.detected(Postgres), "flyway");
    }
}

#[test]
fn what_no_transaction_takes_may_stand_among_others() {
    let folder = Folder::new(&[(
        "v1.0/index.sql",
        "CREATE TABLE a (b int);\nCREATE INDEX CONCURRENTLY i ON a (b);\n",
    )]);
    assert_eq!(folder.detected(Postgres), "by-name");
    let read = folder.migrations("by-name", Postgres);
    assert_eq!(read[0].transactions, Transactions::Bare);
}

/// Two files of one number whose names say that it is no mistake.
#[test]
fn numbers_that_go_on_are_by_name() {
    for names in [
        ["2024-01-05-users.sql", "2024-02-07-roles.sql"],
        ["2024_01_05_users.sql", "2024_01_05_roles.sql"],
        ["001a_users.sql", "001b_roles.sql"],
        ["2023/001_users.sql", "2024/001_roles.sql"],
        // The second folder's comes later, whatever its number.
        ["2023/002_users.sql", "2024/001_roles.sql"],
        ["35/state.sql", "70/08_edges.sql"],
    ] {
        let folder = Folder::new(&names.map(|name| (name, SQL)));
        assert_eq!(folder.detected(Postgres), "by-name", "{names:?}");
    }
    for names in [
        ["1.9/001_users.sql", "1.10/002_roles.sql"],
        ["app/002_users.sql", "billing/001_roles.sql"],
        // Tickets, in the order of the times.
        ["1234-a/20240102_users.sql", "2345-b/20240101_roles.sql"],
    ] {
        let folder = Folder::new(&names.map(|name| (name, SQL)));
        assert_eq!(folder.detected(Postgres), "native", "{names:?}");
    }
    // One file must not have another version once there is a second one.
    let one = Folder::new(&[("2024-01-05-users.sql", SQL)]);
    assert_eq!(one.detected(Postgres), "by-name");
    let collision = Folder::new(&[("001_users.sql", SQL), ("001_roles.sql", SQL)]);
    let detected = collision.detected(Postgres);
    assert!(detected.contains("is in two files"), "{detected}");
}

/// A script that undoes never passes for a migration, however the folder says that it does.
#[test]
fn pairs_are_found_in_every_spelling() {
    for [up, down] in [
        ["1_a_up.sql", "1_a_down.sql"],
        ["1-a-up.sql", "1-a-down.sql"],
        ["1.do.a.sql", "1.undo.a.sql"],
        ["up/1_a.sql", "down/1_a.sql"],
        ["1_a.sql", "rollback/1_a.sql"],
        ["1_a.SQL", "1_a_rollback.SQL"],
    ] {
        let files = [(up, SQL), (down, "SELECT 0;\n"), ("2_b.sql", SQL)];
        let folder = Folder::new(&files);
        assert_eq!(folder.detected(Postgres), "native", "{up}");
        assert_eq!(
            folder.read("native", Postgres),
            ["1 a: SELECT 1; => SELECT 0;", "2 b: SELECT 1;"],
            "{up}"
        );
    }
}

/// As soda names them: one number, a file for each engine, or one for all that have none.
#[test]
fn files_for_other_engines_are_passed_over() {
    let folder = Folder::new(&[
        ("1_a.mysql.up.sql", "SELECT 'my';\n"),
        ("1_a.postgres.up.sql", "SELECT 'pg';\n"),
        ("1_a.cockroach.up.sql", "SELECT 'co';\n"),
        ("1_a.up.sql", "SELECT 'all';\n"),
        ("1_a.down.sql", "SELECT 0;\n"),
        ("2_b.up.sql", SQL),
    ]);
    assert_eq!(folder.detected(Postgres), "native");
    for (dialect, expected) in [
        (Postgres, "1 a: SELECT 'pg'; => SELECT 0;"),
        (Mysql, "1 a: SELECT 'my'; => SELECT 0;"),
        (Sqlite, "1 a: SELECT 'all'; => SELECT 0;"),
    ] {
        assert_eq!(folder.read("native", dialect), [expected, "2 b: SELECT 1;"]);
    }
    // One such word may be anything.
    let one = Folder::new(&[("1_to.mysql.sql", SQL), ("2_b.sql", SQL)]);
    assert_eq!(
        one.read("native", Postgres),
        ["1 to.mysql: SELECT 1;", "2 b: SELECT 1;"]
    );
}

/// golang-migrate and sqlx pair by number, so their folders have down scripts of other names.
#[test]
fn a_down_script_of_another_name_belongs_to_its_number() {
    let folder = Folder::new(&[
        ("1_add_a.up.sql", SQL),
        ("1_drop_a.down.sql", "SELECT 0;\n"),
        ("2_b.sql", SQL),
        ("2_c.down.sql", "SELECT 0;\n"),
    ]);
    // Beside a file that is no half of a pair, it is another migration's.
    assert_eq!(
        folder.errors("native", Postgres),
        ["2_c.down.sql:1:1: the down script has no up script"]
    );
    let folder = Folder::new(&[
        ("1_add_a.up.sql", SQL),
        ("1_drop_a.down.sql", "SELECT 0;\n"),
    ]);
    assert_eq!(
        folder.read("native", Postgres),
        ["1 add_a: SELECT 1; => SELECT 0;"]
    );
}

#[test]
fn a_folder_of_programs_is_not_empty() {
    for name in [
        "2024_01_01_000000_create_users.php",
        "20240101000000_create_users.exs",
        "Version20240101000000.php",
    ] {
        assert_eq!(
            Folder::new(&[(name, "")]).detected(Postgres),
            format!("{name}:1:1: the migrations here are programs, which Whimbrel can't run")
        );
    }
    let beside = Folder::new(&[("001_a.sql", SQL), ("001_after.go", "")]);
    assert_eq!(beside.detected(Postgres), "native");
}

/// Java projects have `h2/` beside the engines that they run on.
#[test]
fn folders_for_other_engines_are_passed_over() {
    let folder = Folder::new(&[
        ("common/V1__a.sql", SQL),
        ("h2/V2__b.sql", "SELECT 'h2';\n"),
        ("mysql/V2__b.sql", "SELECT 'my';\n"),
        ("postgresql/V2__b.sql", "SELECT 'pg';\n"),
    ]);
    assert_eq!(
        folder.read("flyway", Postgres),
        ["1 a: SELECT 1;", "2 b: SELECT 'pg';"]
    );
    // One alone may be about anything.
    let oracle = Folder::new(&[("1_a.sql", SQL), ("oracle/2_prices.sql", SQL)]);
    assert_eq!(oracle.migrations("native", Postgres).len(), 2);
}

/// What the ends of names say is not known, and one of the files may undo the other.
#[test]
fn files_that_come_in_parts_are_not_taken_for_migrations() {
    for ends in [
        ["", ".rb"],
        ["_create", "_drop"],
        [".i", ".d"],
        ["", "_verify"],
        ["", ".bak"],
    ] {
        let names =
            ["001_users", "002_posts"].map(|base| ends.map(|end| format!("{base}{end}.sql")));
        let files: Vec<_> = names
            .iter()
            .flatten()
            .map(|name| (name.as_str(), SQL))
            .collect();
        let folder = Folder::new(&files);
        assert!(
            folder
                .detected(Postgres)
                .contains("version 001 is in two files"),
            "{ends:?}: {}",
            folder.detected(Postgres)
        );
        assert_eq!(folder.migrations("by-name", Postgres).len(), 4, "{ends:?}");
    }
    let habit = [
        "001_tables.sql",
        "001_data.sql",
        "002_tables.sql",
        "002_data.sql",
    ];
    let files: Vec<_> = habit.iter().map(|name| (*name, SQL)).collect();
    assert_eq!(Folder::new(&files).detected(Postgres), "by-name");
}
