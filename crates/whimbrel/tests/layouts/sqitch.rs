//! Sqitch's plan and its three folders.

use whimbrel::plan::Goal;
use whimbrel_testkit::on_engines;

use super::Project;

const PLAN: &str = "%syntax-version=1.0.0
%project=flipr

users 2014-01-01T10:00:00Z Ann <ann@example.org> # users
@v1 2014-01-02T10:00:00Z Ann <ann@example.org> # first
lists [users] 2014-01-03T10:00:00Z Ann <ann@example.org> # lists
";

async fn sqitch_changes_in_the_order_of_the_plan(engine: &'static str) {
    let project = Project::found(
        engine,
        &[
            ("sqitch.plan", PLAN),
            (
                "deploy/users.sql",
                "-- Deploy\nBEGIN;\nCREATE TABLE users (id integer PRIMARY KEY);\nCOMMIT;\n",
            ),
            ("revert/users.sql", "BEGIN;\nDROP TABLE users;\nCOMMIT;\n"),
            (
                "deploy/lists.sql",
                "BEGIN;\nCREATE TABLE lists (id integer);\nCOMMIT;\n",
            ),
            ("revert/lists.sql", "BEGIN;\nDROP TABLE lists;\nCOMMIT;\n"),
        ],
    );
    assert_eq!(project.up().await, ["users", "lists"]);
    let alone = project
        .migrator()
        .run(&Goal::Undo(vec!["users".to_owned()]))
        .await;
    assert!(alone.is_err(), "lists depends on it");
    assert_eq!(project.down(2).await, ["lists", "users"]);
    let to_tag = &Goal::UpTo("@v1".to_owned());
    assert_eq!(project.run(to_tag).await, ["users"]);
    project.up().await;
    let to_tag = &Goal::DownTo("@v1".to_owned());
    assert_eq!(project.run(to_tag).await, ["lists"]);
    project.up().await;
    // Reworked: what is deployed keeps its version, the new text is another one.
    project.write(
        "sqitch.plan",
        &format!("{PLAN}users [users@v1] 2014-02-01T10:00:00Z Ann <ann@example.org>\n"),
    );
    project.write(
        "deploy/users@v1.sql",
        "-- Deploy\nBEGIN;\nCREATE TABLE users (id integer PRIMARY KEY);\nCOMMIT;\n",
    );
    project.write("deploy/users.sql", "INSERT INTO users VALUES (1);\n");
    assert_eq!(project.up().await, ["users#2"]);
    assert_eq!(project.value("SELECT count(*) FROM users"), "1");
}

on_engines! {
    [sqlite postgres mariadb]
    sqitch_changes_in_the_order_of_the_plan
}
