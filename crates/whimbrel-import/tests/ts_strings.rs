//! Migrations in strings of TypeScript and JavaScript.
#![allow(missing_docs, clippy::unwrap_used)]

mod folder;

use std::time::Duration;

use folder::{Folder, down, find, versions};
use whimbrel_sql::Dialect;

const USERS: &str = "import type { Config } from '../migrator';
// The first one.
export const up = `
  CREATE TABLE users (
    id SERIAL PRIMARY KEY,
    name text DEFAULT '\\`\\${x}\\u0041'
  );
`;

export const down: string = 'DROP TABLE ' + \"users;\"

export const config: Config = { transaction: false, timeout: 30_000, } as const;
";

#[test]
fn strings_are_scripts_that_lead_back_to_their_file() {
    let folder = Folder::new(&[
        (
            "10_posts.js",
            "exports.up = \"CREATE TABLE posts (id int);\\nSELECT 1\";\n",
        ),
        ("002_users.ts", USERS),
        ("index.ts", "export function all() {}\n"),
        ("types.d.ts", "declare const x: string;\n"),
    ]);
    let loaded = folder.loaded("ts-strings");
    assert_eq!(versions(&loaded), ["002", "10"]);
    let users = find(&loaded, "002");
    assert!(
        users.up.text().contains("DEFAULT '`${x}A'"),
        "{}",
        users.up.text()
    );
    let place = users.up.place(users.up.text().find("PRIMARY").unwrap());
    assert_eq!((place.line, place.column), (5, 15));
    assert_eq!(down(users).unwrap(), "DROP TABLE users;");
    assert_eq!(users.directives.transaction, Some(false));
    assert_eq!(users.directives.timeout, Some(Duration::from_secs(30)));
    assert_eq!(
        find(&loaded, "10").up.text(),
        "CREATE TABLE posts (id int);\nSELECT 1"
    );
}

#[test]
fn line_ends_are_those_of_the_language() {
    let folder = Folder::new(&[(
        "1_a.ts",
        "export const up = `SELECT 1;\r\nSELECT \\\r\n2`\r\n",
    )]);
    assert_eq!(
        folder.loaded("ts-strings").migrations[0].up.text(),
        "SELECT 1;\nSELECT 2"
    );
}

#[test]
fn code_is_refused_with_its_place() {
    let table = [
        (
            "export const up = `SELECT ${x}`",
            "1_a.ts:1:27: an expression in the SQL can't be read",
        ),
        (
            "\nexport const up = sql`SELECT 1`",
            "1_a.ts:2:14: `up` is code, not a string: Whimbrel can't run it",
        ),
        (
            "export const up = async (knex) => {}",
            "1_a.ts:1:14: `up` is code, not a string: Whimbrel can't run it",
        ),
        (
            "export async function up(db) {}",
            "1_a.ts:1:8: `async` is code, which Whimbrel does not run",
        ),
        (
            "const x = 1;\nexport const up = `x`",
            "1_a.ts:1:7: `x` is code, not a string: Whimbrel can't run it",
        ),
        (
            "export const up = 'a'.trim()",
            "1_a.ts:1:22: `.` is code, which Whimbrel does not run",
        ),
        (
            "export const up = 'a\n'",
            "1_a.ts:1:19: this string is not closed on its line",
        ),
        (
            "export const up = `a",
            "1_a.ts:1:19: this template is not closed",
        ),
        (
            "export const up = '\\xZZ'",
            "1_a.ts:1:20: this escape can't be read",
        ),
        (
            "export const config = { lock: true }",
            "1_a.ts:1:25: `lock` is not a setting of a migration of strings",
        ),
        (
            "export const down = ``",
            "1_a.ts:1:1: the file has no `export const up`",
        ),
    ];
    for (text, expected) in table {
        let folder = Folder::new(&[("1_a.ts", text)]);
        assert_eq!(folder.errors(Dialect::Postgres), [expected], "{text}");
    }
}

#[test]
fn two_files_with_one_version_are_refused() {
    let folder = Folder::new(&[
        ("1_a.ts", "export const up = ``"),
        ("01_b.ts", "export const up = ``"),
    ]);
    let errors = folder.errors(Dialect::Postgres);
    assert!(errors[0].contains("is in two files"), "{errors:?}");
}

#[test]
fn beside_sql_files_scripts_are_not_looked_at() {
    let folder = Folder::new(&[("1_a.ts", "export const up = ``"), ("2_b.sql", "SELECT 1;")]);
    assert_eq!(versions(&folder.loaded("native")), ["2"]);
}

/// Kysely's names, and others that begin with a date in parts: the year alone is no version.
#[test]
fn names_with_dates_are_versions_as_a_whole() {
    let text = "export const up = 'SELECT 1';\n";
    let folder = Folder::new(&[
        ("2024-02-01T10-00-00_b.ts", text),
        ("2024-01-31T10-00-00_a.ts", text),
    ]);
    let loaded = folder.loaded("ts-strings");
    assert_eq!(
        versions(&loaded),
        ["2024-01-31T10-00-00_a", "2024-02-01T10-00-00_b"]
    );
}

#[test]
fn an_object_says_the_same_as_exports() {
    let forms = [
        "export default { up: `SELECT 1;`, down: 'SELECT 2;', } satisfies Migration;\n",
        "module.exports = {\n  'up': 'SELECT ' + '1;',\n  down: `SELECT 2;` as string\n};\n",
        "export const migration: Migration = { id: '1', up: `SELECT 1;`, down: `SELECT 2;` };\nexport default migration;\n",
        "const up = `SELECT 1;`\nconst down = `SELECT 2;`;\nexport { up, down };\n",
        "const one = '1;';\nconst down = 'SELECT 2;';\nmodule.exports = { up: 'SELECT ' + one, down };\n",
    ];
    for text in forms {
        let folder = Folder::new(&[("1_a.ts", text)]);
        let loaded = folder.loaded("ts-strings");
        let migration = find(&loaded, "1");
        assert_eq!(migration.up.text(), "SELECT 1;", "{text}");
        assert_eq!(down(migration).unwrap(), "SELECT 2;", "{text}");
    }
    let none = Folder::new(&[(
        "1_a.ts",
        "export const up = '1;';\nexport const down = null;\n",
    )]);
    assert_eq!(down(find(&none.loaded("ts-strings"), "1")), None);
    let two = "export const a = { up: '1;' };\nexport const b = { up: '2;' };\n";
    let two = Folder::new(&[("1_a.ts", two)]);
    assert_eq!(
        two.errors(Dialect::Sqlite),
        ["1_a.ts:2:20: `up` is there twice: a file is one migration"]
    );
}
