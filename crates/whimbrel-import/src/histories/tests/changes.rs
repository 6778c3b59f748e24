//! Changes that are no files: Liquibase's changesets, Sqitch's plan.

use whimbrel_core::source::{ByName, Native};
use whimbrel_core::version::Version;

use super::{THREE, adopt, files, lines, native};

#[test]
fn changesets_are_found_by_file_author_and_id() {
    let mut migrations = files(&Native, &THREE);
    for (migration, version) in migrations.iter_mut().zip(["ada:1", "bob:1", "ada:2"]) {
        migration.version = Version::new(format!("db/changelog.sql::{version}"));
    }
    let rows = [
        "1 ada changelog.sql 1 EXECUTED - 4.29 9288430000",
        "1 bob changelog.sql 2 MARK_RAN - 4.29 9288430000",
        "9 bob gone.sql 3 EXECUTED - 4.29 9288430001",
    ];
    let adopted = adopt("liquibase", &rows, &migrations).unwrap();
    let found: Vec<_> = adopted
        .entries
        .iter()
        .map(|e| (e.version.as_str(), e.batch))
        .collect();
    assert_eq!(
        found,
        [
            ("db/changelog.sql::ada:1", Some(1)),
            ("db/changelog.sql::bob:1", Some(1)),
            ("gone.sql::bob:9", Some(2)),
            ("db/changelog.sql::ada:2", None),
        ]
    );
    assert_eq!(
        adopted.entries[0].record.as_ref().unwrap().tool.as_deref(),
        Some("Liquibase 4.29")
    );
    let failed = ["1 ada changelog.sql 1 FAILED - 4.29 1"];
    assert!(adopt("liquibase", &failed, &migrations).is_err());
}

/// Liquibase knows a changeset by its file as well.
#[test]
fn an_id_alone_is_anybodys() {
    let mut migrations = files(&Native, &THREE);
    let versions = ["a.sql::ada:1", "b.sql::bob:1", "b.sql::bob:2"];
    for (migration, version) in migrations.iter_mut().zip(versions) {
        migration.version = Version::new(version);
        migration.name = version.rsplit(':').next().unwrap().to_owned();
    }
    let rows = [
        "2 eve gone.sql 1 EXECUTED - 4.29 9288430000",
        "1 ada old/path.sql 2 EXECUTED - 4.29 9288430000",
        "1 bob b.sql 3 EXECUTED - 4.29 9288430000",
    ];
    let adopted = adopt("liquibase", &rows, &migrations).unwrap();
    let found = adopted.entries.iter();
    let found: Vec<_> = found.map(|e| (e.version.as_str(), e.batch)).collect();
    assert_eq!(
        found,
        [
            ("gone.sql::eve:2", Some(1)),
            ("a.sql::ada:1", Some(1)),
            ("b.sql::bob:1", Some(1)),
            ("b.sql::bob:2", None),
        ]
    );
}

#[test]
fn other_projects_are_passed_over() {
    let rows = [
        "1 schema flipr 2024-03-01T10:20:30Z - -",
        "2 gone flipr 2024-03-01T10:20:30Z - -",
        "3 x other 2024-03-01T10:20:30Z - -",
    ];
    assert_eq!(
        lines(
            &adopt(
                "sqitch",
                &rows,
                &files(&ByName, &["deploy/app/schema.sql", "deploy/schema.sql"])
            )
            .unwrap()
        ),
        "deploy/schema versioned New 1; gone versioned New 2 without file; deploy/app/schema versioned Pending; missing"
    );
}

#[test]
fn a_reworked_change_is_told_by_its_script() {
    // Of `SELECT 1;` with its line end.
    let old = "d30d858bf9fa5d8979af2d32c3be5e09b07da877";
    let mut migrations = files(
        &ByName,
        &["deploy/users@v1.sql", "deploy/users.sql|SELECT 2;\n"],
    );
    // As the layout of the tool has them: in the order of the plan.
    migrations.sort_by_key(|m| !m.file.name().contains('@'));
    for (migration, version) in migrations.iter_mut().zip(["users", "users#2"]) {
        migration.version = Version::new(version);
    }
    let row = |hash: &str| format!("1 users flipr 2024-03-01T10:20:30Z {hash} -");
    let first = row(old);
    let adopted = adopt("sqitch", &[first.as_str()], &migrations).unwrap();
    let versions: Vec<_> = adopted
        .entries
        .iter()
        .map(|e| (e.version.as_str(), e.record.is_some()))
        .collect();
    assert_eq!(versions, [("users", true), ("users#2", false)]);
    let both = [row("-"), row("-").replacen('1', "2", 1)];
    let both: Vec<_> = both.iter().map(String::as_str).collect();
    let adopted = adopt("sqitch", &both, &migrations).unwrap();
    let versions: Vec<_> = adopted
        .entries
        .iter()
        .map(|e| (e.version.as_str(), e.record.is_some()))
        .collect();
    assert_eq!(versions, [("users", true), ("users#2", true)]);
}

/// A branch that was not gone along is not applied, whatever its file's number.
#[test]
fn alembics_branches_are_followed_where_the_files_say_them() {
    let step = |file: &str, step: &str| format!("{file}|-- Running upgrade {step}\n\nSELECT 1;\n");
    let files = [
        step("001_aa1.sql", " -> aa1"),
        step("002_bb2.sql", "aa1 -> bb2"),
        step("003_cc3.sql", "aa1 -> cc3"),
        step("004_dd4.sql", "bb2, cc3 -> dd4"),
    ];
    let names: Vec<_> = files.iter().map(String::as_str).collect();
    assert_eq!(
        native("alembic", &["cc3"], &names),
        "001_aa1 versioned New 1; 003_cc3 versioned New 2; 002_bb2 versioned Pending; 004_dd4 versioned Pending"
    );
    let all = "001_aa1 versioned New 1; 002_bb2 versioned New 2; 003_cc3 versioned New 3";
    assert_eq!(
        native("alembic", &["bb2", "cc3"], &names),
        format!("{all}; 004_dd4 versioned Pending")
    );
    assert_eq!(
        native("alembic", &["dd4"], &names),
        format!("{all}; 004_dd4 versioned New 4")
    );
    // Without their word it is all that come before.
    let silent = ["001_aa1.sql", "002_bb2.sql", "003_cc3.sql"];
    assert_eq!(native("alembic", &["cc3"], &silent), all);
}
