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

#[test]
fn two_databases_are_not_one() {
    let folder = Folder::new(&[
        ("structure.sql", STRUCTURE),
        ("animals_structure.sql", STRUCTURE),
    ]);
    assert!(folder.errors(Dialect::Postgres)[0].contains("schemas of two databases"));
}
