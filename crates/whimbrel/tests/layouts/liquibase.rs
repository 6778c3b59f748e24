//! Liquibase's formatted SQL.

use whimbrel::plan::{Goal, State};
use whimbrel_testkit::on_engines;

use super::Project;

const CHANGELOG: &str = "--liquibase formatted sql
--property name:table value:users
--changeset ann:users
CREATE TABLE ${table} (id integer PRIMARY KEY, name varchar(50));
--rollback DROP TABLE ${table};
--changeset ann:view runOnChange:true
CREATE TABLE IF NOT EXISTS copies (id integer);
--rollback DROP TABLE copies;
--changeset bob:fill
INSERT INTO copies VALUES (1);
--rollback DELETE FROM copies;
";

async fn liquibase_changesets(engine: &'static str) {
    let project = Project::found(engine, &[("log.sql", CHANGELOG)]);
    let labels = [
        "log.sql::ann:users",
        "log.sql::ann:view",
        "log.sql::bob:fill",
    ];
    assert_eq!(project.up().await, labels);
    // Another comment is no change; another statement is one, and what runs on change runs.
    project.write(
        "log.sql",
        &CHANGELOG.replace("INSERT INTO copies", "-- once\nINSERT INTO copies"),
    );
    assert!(project.up().await.is_empty());
    project.write(
        "log.sql",
        &CHANGELOG.replace("(id integer);", "(id bigint);"),
    );
    assert_eq!(project.up().await, ["log.sql::ann:view"]);
    // A changeset in an earlier file is not too late.
    project.write("first.sql", "--liquibase formatted sql\n--changeset a:1\nCREATE TABLE IF NOT EXISTS early (id integer);\n--rollback not required\n");
    assert_eq!(project.up().await, ["first.sql::a:1"]);
    project.write("log.sql", &CHANGELOG.replace("VALUES (1)", "VALUES (2)"));
    let refused = project.migrator().up().await.unwrap_err();
    assert_eq!(refused.kind(), whimbrel::error::ErrorKind::Refused);
    project.write("log.sql", CHANGELOG);
    let undone = project.migrator().run(&Goal::UndoAll).await.unwrap();
    assert_eq!(undone.steps.len(), 4);
    assert_eq!(project.up().await.len(), 4);
}

/// Changesets of SQL in a changelog of XML, in one order with those of its files, and what it asks before all.
async fn liquibase_changelog(engine: &'static str) {
    let check = "<sqlCheck expectedResult=\"N\">SELECT count(*) FROM gate</sqlCheck>";
    let log = format!(
        "<databaseChangeLog><preConditions>{check}</preConditions>
<property name=\"tab\" value=\"users\"/>
<changeSet id=\"1\" author=\"ann\"><sql>CREATE TABLE ${{tab}} (id integer);</sql>
<sqlFile path=\"more.sql\" relativeToChangelogFile=\"true\"/><sql dbms=\"h2\">nonsense</sql>
<rollback>DROP TABLE more; DROP TABLE ${{tab}}</rollback></changeSet>
<include file=\"log.sql\" relativeToChangelogFile=\"true\"/>
<changeSet id=\"2\" author=\"ann\"><preConditions onFail=\"MARK_RAN\"><not><tableExists tableName=\"users\"/></not><columnExists tableName=\"users\" columnName=\"ID\"/></preConditions><sql>nonsense</sql><rollback/></changeSet>
<changeSet id=\"3\" author=\"ann\"><sql>INSERT INTO more SELECT 1 FROM seen WHERE 1 &lt; 2</sql><rollback>DELETE FROM more</rollback></changeSet>
<changeSet id=\"4\" author=\"ann\"><preConditions><columnExists tableName=\"users\" columnName=\"ID\"/></preConditions><tagDatabase tag=\"v1\"/></changeSet>
</databaseChangeLog>"
    );
    let project = Project::found(
        engine,
        &[
            ("log.xml", log.as_str()),
            ("more.sql", "-- ${tab}\nCREATE TABLE more (id integer)"),
            (
                "log.sql",
                "--liquibase formatted sql\n--changeset bob:1\nCREATE TABLE seen (id integer);\n--rollback DROP TABLE seen;\n",
            ),
        ],
    );
    // Asked before anything runs.
    assert!(project.failure().await.contains("condition can't be asked"));
    assert!(
        project
            .states()
            .await
            .iter()
            .all(|(_, state)| *state == State::Pending)
    );
    project.write("log.xml", &log.replace(check, "<dbms type=\"h2\"/>"));
    assert!(project.failure().await.contains("expected 1, got 0"));
    let open = "<sqlCheck expectedResult=\"1\">SELECT 1</sqlCheck><not><dbms type=\"h2\"/></not>";
    project.write("log.xml", &log.replace(check, open));
    let all = [
        "log.xml::ann:1",
        "log.sql::bob:1",
        "log.xml::ann:2",
        "log.xml::ann:3",
        "log.xml::ann:4",
    ];
    let ran: Vec<_> = project.up().await;
    let ran: Vec<_> = ran
        .iter()
        .filter(|label| *label != "preConditions")
        .collect();
    assert_eq!(ran, all.iter().collect::<Vec<_>>());
    // An error is where it stands in its file.
    project.undo_all().await;
    project.write(
        "more.sql",
        "CREATE TABLE more (id integer);\n\n  nonsense;\n",
    );
    let failure = project.failure().await;
    assert!(failure.contains("more.sql:3:"), "{failure}");
}

async fn liquibase_preconditions(engine: &'static str) {
    let changeset = |id: &str, outcome: &str, check: &str| {
        format!(
            "--changeset a:{id}\n--preconditions onFail:{outcome}\n--precondition-{check}\nINSERT INTO seen VALUES ('{id}');\n"
        )
    };
    let log = [
        "--liquibase formatted sql\n--changeset a:0\nCREATE TABLE seen (id varchar(20));\n"
            .to_owned(),
        changeset("holds", "HALT", "table-exists table:SEEN"),
        changeset("marked", "MARK_RAN", "view-exists view:seen"),
        changeset(
            "later",
            "CONTINUE",
            "sql-check expectedResult:1 SELECT count(*) FROM seen WHERE id = 'last'",
        ),
        changeset("warned", "WARN", "sql-check expectedResult:7 SELECT 6"),
    ]
    .concat();
    let project = Project::found(engine, &[("log.sql", &log)]);
    assert_eq!(
        project.up().await,
        [
            "log.sql::a:0",
            "log.sql::a:holds",
            "log.sql::a:marked",
            "log.sql::a:warned"
        ]
    );
    assert_eq!(project.value("SELECT max(id) FROM seen"), "warned");
    assert_eq!(project.value("SELECT count(*) FROM seen"), "2");
    assert_eq!(project.migrator().pending().await.unwrap().len(), 1);
    project.write(
        "log.sql",
        &(log.clone() + "--changeset a:last\nINSERT INTO seen VALUES ('last');\n"),
    );
    assert_eq!(project.up().await, ["log.sql::a:last"]);
    assert_eq!(project.up().await, ["log.sql::a:later"]);
    project.write(
        "log.sql",
        &(log
            + "--changeset a:last\nINSERT INTO seen VALUES ('last');\n"
            + &changeset("stops", "HALT", "sql-check expectedResult:0 SELECT 1")),
    );
    let failure = project.failure().await;
    assert_eq!(
        failure,
        "log.sql:24:1: the condition does not hold: expected 0, got 1"
    );
}

on_engines! {
    [sqlite postgres mariadb]
    liquibase_changesets
    liquibase_changelog
    liquibase_preconditions
}
