//! What Rails dumps.
#![allow(missing_docs, clippy::unwrap_used)]

mod folder;

use folder::{Folder, versions};
use whimbrel_core::migration::Kind;
use whimbrel_sql::Dialect;

const STRUCTURE: &str = "SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TABLE public.schema_migrations (version character varying NOT NULL);
CREATE TABLE public.users (id bigint NOT NULL);
SET search_path TO \"$user\", public;

INSERT INTO \"schema_migrations\" (version) VALUES
('20240301120000'),
('20231101120000');

";

#[test]
fn the_structure_is_one_baseline() {
    let folder = Folder::new(&[
        ("structure.sql", STRUCTURE),
        ("views/users.sql", "SELECT 1;"),
        (
            "migrate/20240301120000_create_users.rb",
            "class CreateUsers < ActiveRecord::Migration[7.1]\nend\n",
        ),
        ("seeds.rb", "User.create\n"),
    ]);
    let loaded = folder.loaded("rails");
    assert_eq!(versions(&loaded), ["20240301120000"]);
    assert_eq!(loaded.migrations[0].kind, Kind::Baseline);
    assert_eq!(loaded.migrations[0].label(), "20240301120000_structure");
    assert_eq!(
        folder.warnings(&loaded),
        ["other .sql files (1) are passed over: Rails loads structure.sql alone"]
    );
    folder.write("migrate/20240401120000_add_name.rb", "");
    assert_eq!(
        folder.errors(Dialect::Postgres),
        [
            "migrate/20240401120000_add_name.rb:1:1: 20240401120000_add_name.rb is a migration in Ruby, which Whimbrel can't run"
        ]
    );
}

#[test]
fn ruby_alone_is_refused_by_name() {
    let folder = Folder::new(&[("20240301120000_create_users.rb", "class A\nend\n")]);
    assert_eq!(
        folder.errors(Dialect::Mysql),
        [
            "20240301120000_create_users.rb:1:1: 20240301120000_create_users.rb is a migration in Ruby, which Whimbrel can't run"
        ]
    );
}

/// Hundreds of files are one error, which names the first ones.
#[test]
fn many_in_ruby_are_one_error() {
    let names: Vec<_> = (0..9).map(|n| format!("2024030112000{n}_a.rb")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let folder = Folder::new(&files);
    assert_eq!(folder.errors(Dialect::Mysql).len(), 1);
    let problem = folder
        .load(Dialect::Mysql)
        .unwrap_err()
        .diagnostics()
        .remove(0);
    assert!(
        problem.notes[0].ends_with("20240301120005_a.rb, 3 more"),
        "{:?}",
        problem.notes
    );
}

/// SQLite's shell dumps the table of its counters, which nobody may make.
#[test]
fn what_only_sqlite_makes_is_left_out() {
    let text = "CREATE TABLE a (id integer PRIMARY KEY AUTOINCREMENT);\nCREATE TABLE sqlite_sequence(name,seq);\nCREATE TABLE \"sqlite_stat1\"(tbl,idx,stat);\nCREATE TABLE sqlites (id);\nINSERT INTO \"schema_migrations\" (version) VALUES\n('20240301120000');\n";
    let folder = Folder::new(&[("structure.sql", text)]);
    let loaded = folder.load(Dialect::Sqlite).unwrap();
    let up = loaded.migrations[0].up.text();
    assert!(!up.contains("sqlite_") && up.contains("sqlites"), "{up}");
    assert_eq!(
        loaded.migrations[0].written(),
        text,
        "the checksum is the file's"
    );
    let places = &loaded.migrations[0].up;
    let at = up.find("INSERT").unwrap();
    assert_eq!(places.place(at).line, 5);
}

/// What a conversion made of it is not Rails' any more: native files may be put beside it.
#[test]
fn a_converted_structure_is_native() {
    let folder = Folder::new(&[
        ("20240301120000_structure.sql", STRUCTURE),
        (
            "20240401120000_more.sql",
            "CREATE TABLE more (id integer);\n",
        ),
    ]);
    let loaded = folder.loaded("native");
    assert_eq!(versions(&loaded), ["20240301120000", "20240401120000"]);
}

#[test]
fn two_databases_are_not_one() {
    let folder = Folder::new(&[
        ("structure.sql", STRUCTURE),
        ("animals_structure.sql", STRUCTURE),
    ]);
    assert!(folder.errors(Dialect::Postgres)[0].contains("schemas of two databases"));
}
