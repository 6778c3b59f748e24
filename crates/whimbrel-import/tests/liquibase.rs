//! Liquibase's formatted SQL, read as it is.
#![allow(missing_docs, clippy::unwrap_used)]

mod folder;

use folder::{Folder, down, find, versions};
use whimbrel_core::migration::Kind;
use whimbrel_core::rules::{Otherwise, Placeholders, ServerFact};
use whimbrel_core::source::{Directory, Source};
use whimbrel_import::layouts;
use whimbrel_sql::Dialect;

const LOG: &str = "-- liquibase formatted sql

--property name:schema value:app
--changeset ann:1 labels:x
--comment: The users
CREATE TABLE ${schema}.users (id int);
--rollback DROP TABLE ${schema}.users;

--changeset \"ann b\":\"the 10th\" dbms:postgresql splitStatements:false runInTransaction:false
CREATE INDEX CONCURRENTLY i ON users (id);
/* liquibase rollback
DROP INDEX i;
DROP INDEX j; */

--changeset bob:2 dbms:oracle
SELECT 1 FROM dual;

--changeset bob:view runOnChange:true endDelimiter:/
CREATE VIEW v AS SELECT id/2 FROM users
/
--rollback empty

--ignoreLines:1
this is not SQL
--changeset bob:always runAlways:true
ANALYZE;
--rollback changesetId:1 changesetAuthor:ann
";

#[test]
fn changesets_are_migrations() {
    let folder = Folder::new(&[("log.sql", LOG)]);
    let loaded = folder.loaded("liquibase");
    assert_eq!(
        versions(&loaded),
        [
            "log.sql::ann:1",
            "log.sql::ann b:the 10th",
            "log.sql::bob:view",
            "log.sql::bob:always"
        ]
    );
    let users = find(&loaded, "log.sql::ann:1");
    assert_eq!(
        users.up.text(),
        "CREATE TABLE ${schema}.users (id int);\n\n"
    );
    assert_eq!(down(users).unwrap(), "DROP TABLE ${schema}.users;\n");
    assert_eq!(users.description(), "The users");
    assert_eq!(users.up.place(0).line, 6);
    let Placeholders::On { values, strict, .. } = &users.directives.rules.placeholders else {
        panic!()
    };
    assert_eq!((values["schema"].as_str(), *strict), ("app", false));
    let index = find(&loaded, "log.sql::ann b:the 10th");
    assert_eq!(index.directives.transaction, Some(false));
    assert_eq!(down(index).unwrap(), "DROP INDEX i;\nDROP INDEX j; ");
    let view = find(&loaded, "log.sql::bob:view");
    assert_eq!(view.kind, Kind::Repeatable);
    assert_eq!(
        view.up.text().trim(),
        "CREATE VIEW v AS SELECT id/2 FROM users\n;"
    );
    assert_eq!(down(view).unwrap(), "");
    let always = find(&loaded, "log.sql::bob:always");
    assert!(always.directives.rules.always && always.directives.rules.in_place);
    assert_eq!(down(always), Some(users.up.text().to_owned()));
    assert_eq!(
        folder.warnings(&loaded),
        ["a changeset has a context or labels: it runs, as in Liquibase when it is given none"]
    );
}

#[test]
fn preconditions_are_queries() {
    let text = "--liquibase formatted sql
--changeset a:1
--precondition-sql-check expectedResult:0 SELECT count(*) FROM t
--precondition-table-exists table:users schema:app
--preconditions onFail:MARK_RAN onError:WARN
SELECT 1;
";
    let loaded = Folder::new(&[("log.sql", text)]).loaded("liquibase");
    let conditions = &loaded.migrations[0].directives.rules.conditions;
    assert_eq!(conditions.len(), 2);
    assert_eq!(
        (conditions[0].sql.as_str(), conditions[0].expected.as_str()),
        ("SELECT count(*) FROM t", "0")
    );
    assert_eq!(
        (conditions[1].on_fail, conditions[1].on_error),
        (Otherwise::Record, Otherwise::Run)
    );
    assert!(
        conditions[1].sql.contains("lower('app')"),
        "{}",
        conditions[1].sql
    );
}

#[test]
fn contexts_and_labels_choose() {
    let text = "--liquibase formatted sql
--changeset a:test context:test
SELECT 1;
--changeset a:live contextFilter:\"prod or stage\" labels:v1,v2
SELECT 2;
--changeset a:all
SELECT 3;
";
    let folder = Folder::new(&[("log.sql", text)]);
    let load = |options: &[(&str, &str)]| {
        let mut directory = folder.directory();
        for (name, value) in options {
            directory = directory.layout_option(*name, *value);
        }
        directory.load(Dialect::Postgres)
    };
    let loaded = load(&[("contexts", "prod, eu"), ("label-filter", "v2 and !v3")]).unwrap();
    assert_eq!(versions(&loaded), ["log.sql::a:live", "log.sql::a:all"]);
    assert!(loaded.warnings.is_empty());
    let loaded = load(&[("label-filter", "v3")]).unwrap();
    assert_eq!(versions(&loaded), ["log.sql::a:test", "log.sql::a:all"]);
    assert_eq!(loaded.warnings.len(), 1);
    assert_eq!(
        load(&[("context", "prod")]).unwrap_err().to_string(),
        "the layout liquibase has no option `context`; it has contexts, label-filter"
    );
}

#[test]
fn a_folder_is_read_in_the_order_of_its_names() {
    let one = "--liquibase formatted sql logicalFilePath:old/one.sql\n--changeset a:1\nSELECT 1;\n";
    let folder = Folder::new(&[
        ("10.sql", one),
        (
            "2.sql",
            "--liquibase formatted sql\n--changeset a:1\nSELECT 2;\n",
        ),
        ("sub/plain.sql", "SELECT 3;\n"),
    ]);
    let loaded = folder.loaded("liquibase");
    assert_eq!(
        versions(&loaded),
        [
            "old/one.sql::a:1",
            "2.sql::a:1",
            "sub/plain.sql::includeAll:raw"
        ]
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let folder = Folder::new(&[(
        "log.sql",
        "--liquibase formatted sql\n--changeset ann\n--changeset a:1 failOnError:false\nSELECT 1;\n--preconditions onFail:MARK_RUN\n--precondition-rows table:x\n-rollback x\n--changeset a:2\n--changeset a:1 endDelimiter:/|;\nSELECT 2;\n",
    )]);
    let mut errors = folder.errors(Dialect::Postgres);
    errors.sort();
    assert_eq!(
        errors,
        [
            "log.sql:2:1: expected `--changeset AUTHOR:ID`",
            "log.sql:3:17: a changeset that may fail can't be read",
            "log.sql:5:1: onFail can't be MARK_RUN: expected HALT, CONTINUE, MARK_RAN or WARN",
            "log.sql:6:1: the precondition rows can't be read",
            "log.sql:7:1: this line begins with one dash, not with two",
            "log.sql:8:1: this changeset has no SQL",
            "log.sql:9:1: the changeset log.sql::a:1 is there twice",
            "log.sql:9:1: the delimiter `/|;` is a pattern, which can't be read",
        ]
    );
}

/// The order is the changelog's; a file that it does not include is not run.
#[test]
fn a_changelog_that_includes_files_is_followed() {
    let sql = |id: &str| format!("--liquibase formatted sql\n--changeset ann:{id}\nSELECT {id};\n");
    let (one, two, three) = (sql("1"), sql("2"), sql("3"));
    let files = [
        ("changes/b.sql", one.as_str()),
        ("changes/a.sql", two.as_str()),
        ("more/c.sql", three.as_str()),
        (
            "more/inner.xml",
            "<databaseChangeLog><includeAll path=\"db/more\" endsWithFilter=\".sql\"/></databaseChangeLog>",
        ),
        ("spare.sql", three.as_str()),
        (
            "master.yaml",
            "databaseChangeLog:\n  - include:\n      file: classpath:/changes/b.sql\n  - include:\n      file: changes/a.sql\n      relativeToChangelogFile: true\n  - include:\n      file: more/inner.xml\n",
        ),
    ];
    // `db/more` is looked for above the folder that is named.
    let place = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = place.path().join("db").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let found = |dir: &std::path::Path| {
        let directory = Directory::new(dir).known_layouts(layouts());
        let loaded = directory.load(Dialect::Postgres).unwrap();
        let versions = versions(&loaded).join(" ");
        (versions, loaded.warnings.len())
    };
    let expected = "changes/b.sql::ann:1 changes/a.sql::ann:2 more/c.sql::ann:3";
    assert_eq!(found(&place.path().join("db")), (expected.to_owned(), 1));
    // The file may be named as well.
    let (versions, _) = found(&place.path().join("db/master.yaml"));
    assert_eq!(
        versions,
        "changes/b.sql::ann:1 changes/a.sql::ann:2 db/more/c.sql::ann:3"
    );
}

#[test]
fn other_changelogs_are_refused_by_name() {
    let errors = |files: &[(&str, &str)]| Folder::new(files).errors(Dialect::Postgres);
    let master = "databaseChangeLog:\n  - changeSet: {id: 1, author: ann, changes: [createTable: {tableName: t}]}\n  - include: {file: a.sql}\n";
    assert_eq!(
        errors(&[("master.yaml", master)]),
        [
            "master.yaml:3:5: the changelog names a.sql, which is not there",
            "master.yaml:2:47: the change createTable can't be read, only sql and sqlFile",
        ]
    );
    // What is included by what can't be read is no other beginning.
    let filtered =
        "<databaseChangeLog><includeAll path=\"in\" filter=\"x.Y\"/></databaseChangeLog>";
    assert_eq!(
        errors(&[("a.xml", filtered), ("in/b.xml", "<databaseChangeLog/>")]),
        [
            "a.xml:1:20: a.xml is a changelog of Liquibase in XML with includeAll, which Whimbrel does not read"
        ]
    );
    let empty = "<databaseChangeLog/>";
    let said = errors(&[("a.xml", empty), ("b.xml", empty)]);
    assert!(
        said[0].contains("which changelog comes first can't be told"),
        "{said:?}"
    );
}

/// What is read otherwise than it looks, and was seen so beside Liquibase 4.31.
#[test]
fn values_are_those_of_liquibase() {
    let folder = Folder::new(&[(
        "log.sql",
        "--liquibase formatted sql\n--property name: spaced value: one\n--property name:quoted value:\"two words\"\n--changeset a:1\nSELECT '${spaced} ${quoted} ${database.defaultSchemaName} ${database.typeName}';\n--changeset a:2 context:@test\nSELECT 2;\n--changeset a:3 dbms:\"postgresql\"\nSELECT 3;\n",
    )]);
    let loaded = folder.loaded("liquibase");
    assert_eq!(versions(&loaded), ["log.sql::a:1"]);
    let rules = &loaded.migrations[0].directives.rules;
    let Placeholders::On { values, server, .. } = &rules.placeholders else {
        panic!()
    };
    let text = |key: &str| values[key].as_str();
    assert_eq!(
        (text("spaced"), text("quoted"), text("database.typeName")),
        ("one", "\"two", "postgresql")
    );
    let schema = ("database.defaultSchemaName".to_owned(), ServerFact::Schema);
    assert_eq!(server, &[schema]);
    assert_eq!(
        folder.warnings(&loaded),
        [
            "log.sql:3:12: the quotes belong to the value, which ends at the first space, as in Liquibase",
            "log.sql:8:17: Liquibase takes this quote for a part of the first name, which is then no database's"
        ]
    );
    let folder = Folder::new(&[(
        "log.sql",
        "--liquibase formatted sql\n--changeset a:1\nSELECT ${database.databaseMajorVersion};\n",
    )]);
    assert_eq!(
        folder.errors(Dialect::Postgres),
        [
            "log.sql:3:8: the value that Liquibase has for ${database.databaseMajorVersion} is not known here"
        ]
    );
}

#[test]
fn strings_keep_what_looks_like_a_delimiter() {
    let text = "--liquibase formatted sql\n--changeset a:1\nINSERT INTO a VALUES ('x\n/\ngo\n');\n";
    let folder = Folder::new(&[("log.sql", text)]);
    let loaded = folder.loaded("liquibase");
    let sql = "INSERT INTO a VALUES ('x\n/\ngo\n');\n";
    assert_eq!(loaded.migrations[0].up.text(), sql);
}

const XML: &str = r#"<databaseChangeLog>
  <changeSet id="1" author="ann" runOnChange="true" dbms="postgresql, h2">
    <comment>Two tables</comment>
    <sql>CREATE TABLE a (t text DEFAULT '&lt;');</sql>
    <sqlFile path="b.sql" relativeToChangelogFile="true" endDelimiter="//"/>
    <sql dbms="mysql">SELECT nonsense</sql>
    <rollback>DROP TABLE a; DROP TABLE b</rollback>
  </changeSet>
  <changeSet id="2" author="ann" runInTransaction="false">
    <preConditions onFail="MARK_RAN"><not><tableExists tableName="c"/></not><dbms type="postgresql"/></preConditions>
    <sql>CREATE TABLE c (id int)</sql>
    <rollback/>
  </changeSet>
  <changeSet id="3" author="ann" runAlways="true" logicalFilePath="/own"><sql>ANALYZE</sql><rollback changeSetId="2" changeSetAuthor="ann" changeSetPath="log.xml"/></changeSet>
  <changeSet id="4" author="ann" dbms="mysql"><createTable tableName="x"/></changeSet>
</databaseChangeLog>
"#;

const YAML: &str = "databaseChangeLog:
- changeSet:
    id: 1
    author: ann
    runOnChange: true
    dbms: postgresql, h2
    comment: Two tables
    changes:
    - sql: {sql: CREATE TABLE a (t text DEFAULT '<');}
    - sqlFile: {path: b.sql, relativeToChangelogFile: true, endDelimiter: //}
    - sql: {sql: SELECT nonsense, dbms: mysql}
    rollback: DROP TABLE a; DROP TABLE b
- changeSet:
    id: 02
    author: ann
    runInTransaction: false
    preConditions:
    - onFail: MARK_RAN
    - not:
      - tableExists: {tableName: c}
    - dbms: {type: postgresql}
    changes:
    - sql: CREATE TABLE c (id int)
    rollback: ''
- changeSet:
    id: 3
    author: ann
    runAlways: true
    logicalFilePath: /own
    changes: [sql: {sql: ANALYZE}]
    rollback: {changeSetId: 2, changeSetAuthor: ann, changeSetPath: log.yaml}
- changeSet: {id: 4, author: ann, dbms: mysql, changes: [createTable: {tableName: x}]}
";

#[test]
fn changesets_of_sql_are_read_in_other_forms() {
    for (name, text) in [("log.xml", XML), ("log.yaml", YAML)] {
        let folder = Folder::new(&[(name, text), ("b.sql", "CREATE TABLE b (id int) //\n")]);
        let loaded = folder.loaded("liquibase");
        let (one, two) = (format!("{name}::ann:1"), format!("{name}::ann:2"));
        assert_eq!(versions(&loaded), [&one, &two, "own::ann:3"]);
        assert_eq!(folder.warnings(&loaded), Vec::<String>::new());
        let one = find(&loaded, &one);
        assert_eq!(one.kind, Kind::Repeatable);
        assert_eq!(one.description(), "Two tables");
        assert_eq!(
            one.up.text(),
            "CREATE TABLE a (t text DEFAULT '<');\n;\nCREATE TABLE b (id int) ;\n\n;\n"
        );
        let b = one.up.text().find("TABLE b").unwrap();
        assert!(one.up.file_at(b).name().ends_with("b.sql"), "{name}");
        assert_eq!(one.up.place(b).column, 8);
        assert_eq!(down(one).unwrap(), "DROP TABLE a; DROP TABLE b");
        let two = find(&loaded, &two);
        assert_eq!(two.directives.transaction, Some(false));
        assert_eq!(down(two).unwrap(), "");
        let conditions = &two.directives.rules.conditions;
        let asked: Vec<_> = conditions
            .iter()
            .map(|one| (one.expected.as_str(), one.on_fail))
            .collect();
        assert_eq!(asked, [("0", Otherwise::Record), ("1", Otherwise::Record)]);
        let three = &loaded.migrations[2];
        assert!(three.directives.rules.always);
        assert_eq!(down(three).unwrap(), "CREATE TABLE c (id int)");
    }
}

#[test]
fn what_changesets_of_other_forms_cannot_have_is_refused_with_its_place() {
    let text = r#"<databaseChangeLog>
<preConditions onFail="MARK_RAN"><dbms type="postgresql"/></preConditions>
<changeSet id="1" author="ann" failOnError="false"><sqlFile path="none.sql"/></changeSet>
<changeSet id="2" author="ann"><addColumn tableName="v"/><stop>here</stop></changeSet>
<changeSet id="3" author="ann"><preConditions><or><dbms type="h2"/></or><not><sqlCheck expectedResult="1">SELECT 1</sqlCheck></not></preConditions><sql>SELECT 1</sql></changeSet>
<changeSet id="4" author="ann"><sql>SELECT '${${x}}'</sql><rollback><dropTable tableName="x"/></rollback><modifySql><append value="x"/></modifySql></changeSet>
<changeSet author="ann"><sql>SELECT 1</sql></changeSet>
</databaseChangeLog>
"#;
    let folder = Folder::new(&[("log.xml", text)]);
    let mut errors = folder.errors(Dialect::Postgres);
    errors.sort();
    assert_eq!(
        errors,
        [
            "log.xml:2:1: a changelog's own preconditions can HALT or WARN",
            "log.xml:3:32: a changeset that may fail can't be read",
            "log.xml:3:52: the changelog names none.sql, which is not there",
            "log.xml:4:32: the change addColumn can't be read, only sql and sqlFile",
            "log.xml:4:58: the change stop can't be read, only sql and sqlFile",
            "log.xml:5:47: the precondition or can't be read",
            "log.xml:5:73: `not` can't be read of a query: write it into the query",
            "log.xml:6:106: the change modifySql can't be read, only sql and sqlFile",
            "log.xml:6:45: a placeholder within a placeholder can't be read",
            "log.xml:6:69: the change dropTable can't be read, only sql and sqlFile",
            "log.xml:7:1: this changeset has no id",
        ]
    );
}

/// Seen beside Liquibase 4.31: what a plain number in YAML is called in its table.
#[test]
fn numbers_in_yaml_are_what_liquibase_makes_of_them() {
    let load = |id: &str| {
        let text = format!(
            "databaseChangeLog:\n- changeSet: {{id: {id}, author: ann, changes: [sql: SELECT 1]}}\n"
        );
        Folder::new(&[("a.yaml", text.as_str())]).load(Dialect::Postgres)
    };
    let table = [
        ("010", "8"),
        ("'010'", "010"),
        ("20240101_1", "202401011"),
        ("1.10", "1.1"),
        ("2.0", "2.0"),
        ("089", "089"),
        ("2.0.1", "2.0.1"),
        ("1-users", "1-users"),
    ];
    for (written, expected) in table {
        let loaded = load(written).unwrap();
        assert_eq!(versions(&loaded), [format!("a.yaml::ann:{expected}")]);
    }
    for id in ["2024-01-01", "1:30", "0x1F", "1e3"] {
        let error = load(id).unwrap_err().to_string();
        assert!(error.contains("put it in quotes"), "{id}: {error}");
    }
}

#[test]
fn a_tag_is_one_and_columns_are_asked_for() {
    let text = r#"<databaseChangeLog>
<changeSet id="1" author="ann"><tagDatabase tag="v1"/></changeSet>
<changeSet id="2" author="ann"><preConditions onFail="MARK_RAN"><not><columnExists tableName="t" columnName="c"/></not></preConditions><sql>SELECT 1</sql></changeSet>
</databaseChangeLog>"#;
    let loaded = Folder::new(&[("log.xml", text)]).loaded("liquibase");
    let [tag, column] = loaded.migrations.as_slice() else {
        panic!()
    };
    assert_eq!(
        (tag.up.text(), tag.directives.tags.as_slice()),
        ("", ["v1".to_owned()].as_slice())
    );
    assert!(tag.is_reversible());
    let asked = &column.directives.rules.conditions[0];
    assert!(
        asked.sql.contains("lower(column_name) = lower('c')"),
        "{}",
        asked.sql
    );
    assert_eq!(asked.expected, "0");
}

/// Where Liquibase looks is said when it is started, so one place has to be the only one.
#[test]
fn a_path_that_leads_to_two_places_is_refused() {
    let master = r#"<databaseChangeLog><include file="sql/a.sql"/>
<changeSet id="1" author="ann"><sqlFile path="sql/a.sql"/></changeSet>
<includeAll path="none" relativeToChangelogFile="true"/></databaseChangeLog>"#;
    let text = "--liquibase formatted sql\n--changeset ann:1\nSELECT 1;\n";
    let folder = Folder::new(&[
        ("db/m.xml", master),
        ("db/sql/a.sql", text),
        ("sql/a.sql", text),
    ]);
    std::fs::create_dir(folder.at("db/none")).unwrap();
    let directory = Directory::new(folder.at("db")).known_layouts(layouts());
    let error = directory.load(Dialect::Postgres).unwrap_err();
    let texts: Vec<_> = error
        .diagnostics()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(
        texts[0].contains("m.xml:1:20: sql/a.sql may be ")
            && texts[0].contains("where Liquibase is started")
    );
    assert!(texts[1].ends_with("m.xml:3:1: there is nothing in none to include"));
    assert!(texts[2].contains("m.xml:2:32: sql/a.sql may be "));
}

/// In YAML all properties come first, and a value may have one that comes later in it.
#[test]
fn values_are_put_into_each_other() {
    let text = "databaseChangeLog:\n- property: {name: a, value: '${b}!'}\n- changeSet: {id: 1, author: ann, changes: [sql: SELECT 1]}\n- property: {name: b, value: '${c}2'}\n- property: {name: c, value: 1}\n- property: {name: d, value: '${d}'}\n";
    let loaded = Folder::new(&[("a.yaml", text)]).loaded("liquibase");
    let Placeholders::On { values, .. } = &loaded.migrations[0].directives.rules.placeholders
    else {
        panic!()
    };
    let value = |key: &str| values[key].as_str();
    assert_eq!((value("a"), value("b"), value("d")), ("12!", "12", "${d}"));
}

/// Seen beside Liquibase 4.31: names of includes, what is around a file, hidden files, values in values.
#[test]
fn what_stands_around_an_include_holds_for_its_files() {
    let sql = |id: &str| {
        format!("--liquibase formatted sql\n--changeset ann:{id} labels:own\nSELECT '${{v}}';\n")
    };
    let (one, two, three) = (sql("1"), sql("2"), sql("3"));
    let master = r#"<databaseChangeLog logicalFilePath="/outer" context="all">
        <property name="u" value="1"/>
        <include file="c.sql"/>
        <property name="v" value="${u}2"/>
        <include file="inner.xml" logicalFilePath="given" context="prod" labels="l1"/>
        <includeAll path="all" minDepth="1" maxDepth="1"/>
        </databaseChangeLog>"#;
    let inner = r#"<databaseChangeLog><include file="b.sql"/><changeSet id="i" author="ann"><sql>SELECT 1</sql></changeSet></databaseChangeLog>"#;
    let folder = Folder::new(&[
        ("master.xml", master),
        ("inner.xml", inner),
        ("b.sql", &one),
        ("all/.hidden.sql", &two),
        ("all/deep/d.sql", &two),
        ("c.sql", &three),
    ]);
    let load = |options: &[(&str, &str)]| {
        let mut directory = folder.directory();
        for (name, value) in options {
            directory = directory.layout_option(*name, *value);
        }
        let loaded = directory.load(Dialect::Postgres).unwrap();
        let values: Vec<_> = loaded
            .migrations
            .iter()
            .map(|one| match &one.directives.rules.placeholders {
                Placeholders::On { values, .. } => values.get("v").cloned(),
                _ => None,
            })
            .collect();
        (versions(&loaded).join(" "), values)
    };
    let (all, values) = load(&[("contexts", "all,prod")]);
    assert_eq!(all, "outer::ann:3 given::ann:1 given::ann:i outer::ann:2");
    // A value is there for what comes after it.
    assert_eq!(values[..2], [None, Some("12".to_owned())]);
    assert_eq!(load(&[("contexts", "all")]).0, "outer::ann:3 outer::ann:2");
    assert_eq!(load(&[("contexts", "prod")]).0, "");
    assert_eq!(
        load(&[("contexts", "all,prod"), ("label-filter", "l1")]).0,
        "given::ann:1 given::ann:i"
    );
}
