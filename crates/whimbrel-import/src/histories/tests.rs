//! What histories mean for files, without a database: rows in, lines out.
#![allow(clippy::unwrap_used)]

mod changes;

use std::path::PathBuf;

use whimbrel_core::Error;
use whimbrel_core::history::History;
use whimbrel_core::migration::{Kind, Migration};
use whimbrel_core::source::{ByName, Entry as File, Layout, Listing, Native};
use whimbrel_core::takeover::{Adoption, Sighting};
use whimbrel_core::text::SourceFile;
use whimbrel_sql::Dialect;

use super::matching::adoption;
use super::tool::{Row, Tool};
use super::tools::TOOLS;
use super::tracking::TrackingTable;

fn tool(name: &str) -> &'static Tool {
    TOOLS.iter().find(|tool| tool.name == name).unwrap()
}

/// Files by name; the text is the name in a comment, unless one is given after a `|`.
fn files(layout: &dyn Layout, names: &[&str]) -> Vec<Migration> {
    let entry = |name: &&str| {
        let (name, text) = name.split_once('|').unwrap_or((name, "SELECT 1;\n"));
        let (folder, base) = name.rsplit_once('/').unwrap_or(("", name));
        let (stem, extension) = base.rsplit_once('.').unwrap();
        File {
            path: PathBuf::from(name),
            folder: if folder.is_empty() {
                String::new()
            } else {
                format!("{folder}/")
            },
            root: 0,
            stem: stem.to_owned(),
            extension: extension.to_owned().into(),
            text: SourceFile::new(name, text).into(),
        }
    };
    let listing = Listing {
        source: "main".into(),
        entries: names.iter().map(entry).collect(),
        ..Listing::default()
    };
    layout.load(&listing, Dialect::Postgres).unwrap().migrations
}

/// Rows are written with a blank between the columns; `-` is NULL, `_` in a value a blank.
fn adopt(name: &str, rows: &[&str], migrations: &[Migration]) -> Result<Adoption, Error> {
    let tool = tool(name);
    let values: Vec<Vec<Option<String>>> = rows
        .iter()
        .map(|row| {
            let cells = row.split(' ');
            cells
                .map(|cell| (cell != "-").then(|| cell.to_owned()))
                .collect()
        })
        .collect();
    let rows: Vec<_> = values
        .iter()
        .map(|values| Row {
            columns: tool.columns,
            values,
        })
        .collect();
    let sighting = Sighting {
        tool: tool.name.to_owned(),
        title: tool.title.to_owned(),
        table: tool.table.to_owned(),
        migrations: 0,
        at: None,
        failed: None,
    };
    let table = TrackingTable {
        name: tool.table,
        dialect: Dialect::Postgres,
    };
    adoption(
        tool,
        sighting,
        (tool.read)(&rows),
        migrations,
        &History::default(),
        table,
    )
}

/// `label kind state batch`, and how many warnings there are.
fn lines(adopted: &Adoption) -> String {
    let line = |entry: &whimbrel_core::takeover::Entry| {
        let batch = entry
            .batch
            .map(|batch| format!(" {batch}"))
            .unwrap_or_default();
        let file = if entry.file.is_some() {
            ""
        } else {
            " without file"
        };
        format!(
            "{} {} {:?}{batch}{file}",
            entry.label,
            entry.kind.as_str(),
            entry.state
        )
    };
    let mut lines: Vec<_> = adopted.entries.iter().map(line).collect();
    lines.extend(
        adopted
            .warnings
            .iter()
            .map(|warning| warning.code.clone().unwrap()),
    );
    lines.join("; ")
}

fn native(name: &str, rows: &[&str], names: &[&str]) -> String {
    lines(&adopt(name, rows, &files(&Native, names)).unwrap())
}

fn refused(name: &str, rows: &[&str], names: &[&str]) -> Vec<String> {
    let error = adopt(name, rows, &files(&Native, names)).unwrap_err();
    let list = error.diagnostics().into_iter();
    list.map(|d| format!("{}: {}", d.code.unwrap(), d.message))
        .collect()
}

const THREE: [&str; 3] = ["001_a.sql", "002_b.sql", "003_c.sql"];

#[test]
fn one_number_stands_for_all_before_it() {
    assert_eq!(
        native("golang-migrate", &["2 f"], &THREE),
        "001_a versioned New 1; 002_b versioned New 2; 003_c versioned Pending"
    );
    // The database is ahead of these files.
    assert_eq!(
        native("golang-migrate", &["7 0"], &["001_a.sql"]),
        "001_a versioned New 1; 7 versioned New 2 without file; missing"
    );
    assert_eq!(
        native("golang-migrate", &["-1 f"], &["001_a.sql"]),
        "001_a versioned Pending"
    );
    assert_eq!(
        refused("golang-migrate", &["2 t"], &THREE),
        ["failed-there: 2 failed under golang-migrate"]
    );
}

#[test]
fn goose_counts_the_last_row_of_a_version() {
    let rows = [
        "0 t 1 -", "1 t 2 -", "2 t 3 -", "2 f 4 -", "3 t 5 -", "3 f 6 -", "3 t 7 -",
    ];
    assert_eq!(
        native(
            "goose",
            &rows,
            &["00001_a.sql", "00002_b.sql", "00003_c.sql"]
        ),
        "00001_a versioned New 1; 00002_b versioned RolledBack; 00003_c versioned New 2"
    );
}

#[test]
fn flyway_keeps_a_log() {
    // rank version type script success checksum by on time
    let crc = super::digest::flyway("SELECT 1;\n");
    let applied = |rank: u32, version: &str, script: &str, crc: i32| {
        format!("{rank} {version} SQL {script} 1 {crc} ada 2024-03-01T10:20:30Z 5")
    };
    let rows = [
        "0 - SCHEMA \"public\" 1 - ada - 0".to_owned(),
        "1 1 BASELINE <<_Baseline_>> 1 - ada - 0".to_owned(),
        applied(2, "2", "V2__b.sql", crc),
        "3 2 UNDO_SQL U2__b.sql 1 1 ada - 5".to_owned(),
        applied(4, "3", "V3__c.sql", crc + 1),
        applied(5, "-", "R__same.sql", crc),
        applied(6, "-", "R__changed.sql", crc + 1),
        applied(7, "9", "V9__gone.sql", crc),
        "8 9 DELETE V9__gone.sql 1 1 ada - 5".to_owned(),
    ];
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    let names = [
        "1_a.sql",
        "2_b.sql",
        "3_c.sql",
        "R__changed.sql",
        "R__same.sql",
    ];
    assert_eq!(
        native("flyway", &rows, &names),
        "1_a baseline New 1; 2_b versioned RolledBack; 3_c versioned New 2; \
         R__same repeatable New 3; R__changed repeatable Pending; changed-since"
    );
    assert_eq!(
        refused("flyway", &["1 1 SQL V1__a.sql 0 1 ada - 5"], &["1_a.sql"]),
        ["failed-there: 1 failed under Flyway"]
    );
    // 1.0 is 1 there, and dots may be underscores.
    let rows = [
        applied(1, "1.0", "x/V1__a.sql", crc),
        applied(2, "1_2", "x/V1_2__b.sql", crc),
    ];
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    assert_eq!(
        native("flyway", &rows, &["1_a.sql", "1.2_b.sql"]),
        "1_a versioned New 1; 1.2_b versioned New 2"
    );
}

#[test]
fn names_are_found_in_any_layout() {
    let by_name = |tool: &str, rows: &[&str], names: &[&str]| {
        lines(&adopt(tool, rows, &files(&ByName, names)).unwrap())
    };
    assert_eq!(
        by_name(
            "prisma",
            &["20240301_init - 2024-03-01T10:20:30Z - - -"],
            &["20240301_init/migration.sql", "20240302_b/migration.sql"]
        ),
        "20240301_init/migration versioned New 1; 20240302_b/migration versioned Pending"
    );
    assert_eq!(
        by_name(
            "knex",
            &["01_a.js 1 1 -", "sub/02_b.ts 2 2 -"],
            &["01_a.sql", "sub/02_b.sql"]
        ),
        "01_a versioned New 1; sub/02_b versioned New 2"
    );
    assert_eq!(
        by_name(
            "diesel",
            &["20240301102030 -"],
            &["2024-03-01-102030_a/up.sql"]
        ),
        "2024-03-01-102030_a/up versioned New 1"
    );
    assert_eq!(
        native("schema-migrations-by-name", &["002_b.sql 1 - - -"], &THREE),
        "002_b versioned New 1; 001_a versioned Pending; 003_c versioned Pending"
    );
    assert_eq!(
        native("kysely", &["a 2024-03-01T10:20:30Z"], &THREE),
        "001_a versioned New 1; 002_b versioned Pending; 003_c versioned Pending"
    );
}

#[test]
fn what_has_no_file_is_recorded_and_said() {
    assert_eq!(
        native("dbmate", &["000 - -", "1 - -"], &["001_a.sql"]),
        "000 versioned New 1 without file; 001_a versioned New 2; missing"
    );
    let codes = refused("dbmate", &["20240301 - -"], &THREE);
    assert!(
        codes[0].starts_with("no-match: the one migration in "),
        "{codes:?}"
    );
    assert_eq!(
        native("dbmate", &[], &["001_a.sql"]),
        "001_a versioned Pending"
    );
}

#[test]
fn a_baseline_file_stands_for_those_before_it() {
    let mut migrations = files(&Native, &["005_structure.sql", "006_f.sql"]);
    migrations[0].kind = Kind::Baseline;
    let rows = ["001 - -", "002 - -", "005 - -", "007 - -"];
    assert_eq!(
        lines(&adopt("rails", &rows, &migrations).unwrap()),
        "005_structure baseline New 1; 007 versioned New 2 without file; 006_f versioned Pending; missing"
    );
}

/// What structure.sql lists came with it, also after it was converted: nothing is without a file then.
#[test]
fn a_converted_structure_holds_what_it_lists() {
    let text = "20240102_structure.sql|INSERT INTO schema_migrations (version) VALUES ('20240101'), ('20240102');\n";
    let rows = ["20240101 - -", "20240102 - -", "20240103 - -"];
    assert_eq!(
        native("rails", &rows, &[text, "20240103_c.sql"]),
        "20240102_structure versioned New 1; 20240103_c versioned New 2"
    );
    let codes = refused("rails", &["20240102 - -"], &[text]);
    assert!(codes[0].starts_with("not-there: 20240101"), "{codes:?}");
    // Pending, and meant for Rails to see: no schema file.
    let tells = "20240103_c.sql|INSERT INTO schema_migrations (version) VALUES ('20240103');\n";
    assert_eq!(
        native("rails", &rows[..2], &[text, tells]),
        "20240102_structure versioned New 1; 20240103_c versioned Pending"
    );
}

/// `V2` beside `B2`: Flyway runs but the baseline, and there is one record for both.
#[test]
fn a_baseline_has_one_record_with_the_migration_of_its_version() {
    let names = ["V1__a.sql", "B2__all.sql", "V2__b.sql", "V3__c.sql"];
    let migrations = files(crate::layout_by_name("flyway").unwrap(), &names);
    let rows = ["1 2 SQL_BASELINE B2__all.sql 1 - ada - 5"];
    assert_eq!(
        lines(&adopt("flyway", &rows, &migrations).unwrap()),
        "1_a versioned New 1; 2_all baseline New 2; 3_c versioned Pending"
    );
}

#[test]
fn the_file_that_makes_the_table_is_done() {
    let makes = "000_migrations_table.sql|CREATE TABLE IF NOT EXISTS public.schema_migrations (id serial);\nCREATE INDEX i ON schema_migrations (id);\n";
    assert_eq!(
        native(
            "schema-migrations-by-name",
            &["001_a.sql 1 - - -"],
            &[makes, "001_a.sql"]
        ),
        "000_migrations_table versioned New 1; 001_a versioned New 2"
    );
    let more = "000_all.sql|CREATE TABLE schema_migrations (id serial);\nCREATE TABLE users (id serial);\n";
    assert_eq!(
        native(
            "schema-migrations-by-name",
            &["001_a.sql 1 - - -"],
            &[more, "001_a.sql"]
        ),
        "001_a versioned New 1; 000_all versioned Pending"
    );
}

#[test]
fn statuses_decide_where_there_are_some() {
    let rows = [
        "001 a applied - - -",
        "002 b rolled_back - - -",
        "003 c pending - - -",
    ];
    assert_eq!(
        native("schema-migrations-with-status", &rows, &THREE),
        "001_a versioned New 1; 002_b versioned RolledBack; 003_c versioned Pending"
    );
    assert_eq!(
        refused(
            "schema-migrations-with-status",
            &["001 a running - - -"],
            &THREE
        )
        .len(),
        1
    );
}

#[test]
fn names_of_tools_differ() {
    let mut names = super::Histories::names();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TOOLS.len());
    assert!(
        TOOLS
            .iter()
            .all(|tool| tool.columns.iter().any(|column| column.needed))
    );
    assert!(super::Histories::all().from("nonsense").is_err());
}
