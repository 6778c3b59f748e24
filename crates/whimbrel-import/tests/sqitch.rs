//! Sqitch's projects, read as they are.
#![allow(missing_docs, clippy::unwrap_used)]

mod folder;

use folder::{Folder, down, find, versions};
use whimbrel_core::migration::Transactions;
use whimbrel_sql::Dialect;

const PLAN: &str = "%syntax-version=1.0.0
%project=flipr
%uri=https://example.org/flipr/

appschema 2013-12-31T10:26:59Z Ann <ann@example.org> # the schema
users [appschema] 2014-01-01T10:00:00Z Ann <ann@example.org>
@v1 2014-01-02T10:00:00Z Ann <ann@example.org> # first
users [users@v1 !lists] 2014-02-01T10:00:00Z Ann <ann@example.org> # again
func/lists [users other:base] 2014-02-02T10:00:00Z Ann <ann@example.org>
";

fn project(plan: &str) -> Folder {
    let script = |name: &str| format!("BEGIN;\nSELECT '{name}';\nCOMMIT;\n");
    let folder = Folder::new(&[("sqitch.plan", plan)]);
    for name in ["appschema", "users@v1", "users", "func/lists"] {
        folder.write(&format!("deploy/{name}.sql"), &script(name));
        folder.write(
            &format!("revert/{name}.sql"),
            &script(&format!("no {name}")),
        );
    }
    folder
}

#[test]
fn the_plan_gives_the_order_and_the_scripts() {
    let folder = project(PLAN);
    let loaded = folder.loaded("sqitch");
    assert_eq!(
        versions(&loaded),
        ["appschema", "users", "users#2", "func/lists"]
    );
    let first = find(&loaded, "users");
    assert!(first.up.text().contains("'users@v1'"));
    assert!(down(first).unwrap().contains("'no users@v1'"));
    assert_eq!(first.directives.tags, ["v1"]);
    assert_eq!(first.transactions, Transactions::Bare);
    let again = find(&loaded, "users#2");
    assert!(again.up.text().contains("'users'"));
    assert_eq!(again.directives.depends, ["main/users"]);
    assert_eq!(again.description(), "again");
    let lists = find(&loaded, "func/lists");
    assert_eq!(lists.directives.depends, ["main/users#2", "other/base"]);
}

#[test]
fn a_lone_plan_may_have_another_name() {
    let plan = "%project=a\n\none [other:@v1] 2020-01-01T00:00:00Z A <a@b.c>\n";
    let folder = Folder::new(&[("pgpm.plan", plan), ("deploy/one.sql", "SELECT 1;\n")]);
    let loaded = folder.loaded("sqitch");
    assert_eq!(find(&loaded, "one").directives.depends, ["other/@v1"]);
}

#[test]
fn the_configuration_says_where_files_are() {
    let folder = Folder::new(&[
        (
            "sqitch.conf",
            "[core]\n\tengine = pg\n\ttop_dir = db\n\textension = ddl\n[engine \"pg\"]\n\trevert_dir = undo\n",
        ),
        (
            "db/sqitch.plan",
            "%project=a\none 2020-01-01T00:00:00Z A <a@b.c>\n",
        ),
        ("db/deploy/one.ddl", "SELECT 1;\n"),
        ("undo/one.ddl", "SELECT 2;\n"),
    ]);
    let loaded = folder.loaded("sqitch");
    assert_eq!(down(find(&loaded, "one")).unwrap(), "SELECT 2;\n");
    assert_eq!(
        folder.errors(Dialect::Sqlite),
        ["sqitch.conf:1:1: this project is for Sqitch's engine pg, the database is of sqlite"]
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let folder = project("%project=a\n@v0 x\nusers [gone] 2020-01-01T00:00:00Z A <a@b.c>\n");
    assert_eq!(
        folder.errors(Dialect::Postgres),
        ["sqitch.plan:2:1: the tag @v0 stands before the first change"]
    );
    folder.write(
        "sqitch.plan",
        "users [gone appschema@v9] now\nappschema [!users] now\nmissing now\nusers now\n",
    );
    let errors = folder.errors(Dialect::Postgres);
    assert_eq!(
        errors[0],
        "sqitch.plan:1:1: users is in the plan twice, with no tag in between"
    );
    assert_eq!(
        errors[1],
        "sqitch.plan:2:12: appschema conflicts with users, which the plan deploys before it"
    );
    assert!(errors[2].starts_with("sqitch.plan:3:1: the change missing has no deploy script"));
    folder.write("sqitch.plan", "users [gone appschema@v9] now\n");
    assert_eq!(
        folder.errors(Dialect::Postgres),
        [
            "sqitch.plan:1:8: users needs gone, which does not come before it in the plan",
            "sqitch.plan:1:13: there is no tag @v9 in the plan"
        ]
    );
}

/// The names of variables keep their case, and a value that is given counts before the project's.
#[test]
fn variables_have_the_values_of_the_configuration() {
    let folder = project(PLAN);
    let conf = "[deploy \"variables\"]\n\tOwner = ann\n[revert \"variables\"]\n\tOwner = bob\n\tplace = x\n";
    folder.write("sqitch.conf", conf);
    folder.write("deploy/appschema.sql", "SELECT :'Owner', :place, :owner;\n");
    let loaded = folder.loaded("sqitch");
    let first = find(&loaded, "appschema");
    let sent = first.substitute.as_ref().unwrap().apply(&first.up).unwrap();
    assert_eq!(sent.text(), "SELECT 'ann', x, :owner;\n");
}
