//! What schema changes are about.

use whimbrel_sql::{Dialect, Verb, facts, targets};

fn named(statement: &str, dialect: Dialect) -> String {
    let list: Vec<_> = targets(statement, dialect)
        .into_iter()
        .map(|target| {
            let schema = target.schema.map(|s| s + ".").unwrap_or_default();
            format!("{:?} {schema}{}", target.kind, target.name)
        })
        .collect();
    list.join(", ")
}

#[test]
fn targets_are_found() {
    let table = [
        (
            "CREATE TABLE IF NOT EXISTS `my ``t` (i int)",
            Dialect::Mysql,
            "Table my `t",
        ),
        (
            "create unique index concurrently if not exists A on S.\"B c\" (x)",
            Dialect::Postgres,
            "Index a, Table s.B c",
        ),
        (
            "CREATE OR REPLACE ALGORITHM = MERGE DEFINER=`a`@`b` VIEW v AS SELECT 1",
            Dialect::Mysql,
            "View v",
        ),
        (
            "DROP TABLE IF EXISTS a, b.c CASCADE",
            Dialect::Mysql,
            "Table a, Table b.c",
        ),
        (
            "ALTER TABLE ONLY a RENAME TO b",
            Dialect::Postgres,
            "Table a, Table b",
        ),
        (
            "RENAME TABLE a TO b, c TO d",
            Dialect::Mysql,
            "Table a, Table b, Table c, Table d",
        ),
        ("TRUNCATE x", Dialect::Mysql, "Table x"),
        ("RENAME USER a TO b", Dialect::Mysql, ""),
        ("DROP TABLES a, b", Dialect::Mysql, "Table a, Table b"),
        (
            "SET STATEMENT lock_wait_timeout = 5 FOR DROP TABLE a",
            Dialect::Mysql,
            "Table a",
        ),
        ("DROP INDEX i ON t", Dialect::Mysql, "Index i, Table t"),
        (
            "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
            Dialect::Mysql,
            "Trigger tr, Table t",
        ),
        (
            "CREATE DEFINER = 'a'@'b' PROCEDURE p() SELECT 1",
            Dialect::Mysql,
            "Procedure p",
        ),
        (
            "CREATE MATERIALIZED VIEW m AS SELECT 1",
            Dialect::Postgres,
            "MaterializedView m",
        ),
        ("INSERT INTO t VALUES (1)", Dialect::Mysql, ""),
        ("", Dialect::Mysql, ""),
    ];
    for (statement, dialect, expected) in table {
        assert_eq!(named(statement, dialect), expected, "{statement}");
    }
}

#[test]
fn what_mysql_may_commit_is_known() {
    for (statement, verb, commits) in [
        (
            "SET STATEMENT a = 1, b = 'x' FOR INSERT INTO t VALUES (1)",
            Verb::Insert,
            false,
        ),
        (
            "SET STATEMENT a = 1 FOR ALTER TABLE t ADD b int",
            Verb::Alter,
            true,
        ),
        ("SET STATEMENT a = 1 FOR CALL p()", Verb::Call, true),
        ("SET STATEMENT a = 1", Verb::Other, true),
        ("SET a = 1", Verb::Set, false),
        ("SET DEFAULT ROLE r", Verb::Set, true),
        ("SET sql_log_bin = 0", Verb::Set, true),
        ("SET @@SESSION.SQL_LOG_BIN= 0", Verb::Set, true),
        ("IF 1 THEN DROP TABLE t; END IF", Verb::Other, true),
        ("WHILE 1 DO SELECT 1; END WHILE", Verb::Other, true),
        ("again: LOOP LEAVE again; END LOOP", Verb::Other, true),
        ("BEGIN NOT ATOMIC SELECT 1; END", Verb::Begin, true),
        ("SHOW TABLES", Verb::Other, false),
    ] {
        let facts = facts(statement, Dialect::Mysql);
        let may = facts.implicit_commit || facts.may_commit;
        assert_eq!((facts.verb, may), (verb, commits), "{statement}");
    }
}

#[test]
fn what_replaces_a_table_may_not_run_again() {
    let again = |statement| facts(statement, Dialect::Mysql).may_run_again;
    assert!(!again("CREATE OR REPLACE TABLE t (i int)"));
    assert!(again("CREATE OR REPLACE VIEW v AS SELECT 1"));
    assert!(again("CREATE TABLE IF NOT EXISTS t (i int)"));
}

#[test]
fn what_a_change_writes_to() {
    for (statement, expected) in [
        ("INSERT INTO a.b (c) SELECT d FROM e", "a.b"),
        ("replace low_priority `t` set a = 1", "t"),
        ("UPDATE t SET a = (SELECT b FROM u)", "t"),
        (
            "UPDATE a JOIN b AS x ON a.i = x.i SET a.j = 1",
            "a b x a.i x.i",
        ),
        ("DELETE FROM t WHERE i IN (SELECT j FROM u)", "t"),
        ("DELETE a FROM a, b", "a a b"),
        ("WITH q AS (SELECT 1) UPDATE t SET a = 1", "t"),
        (
            "SET STATEMENT max_statement_time = 1 FOR DELETE FROM t",
            "t",
        ),
        ("SELECT 1 FROM t", ""),
    ] {
        let list = whimbrel_sql::written(statement, Dialect::Mysql).into_iter();
        let names = list.map(|t| t.schema.map(|s| s + ".").unwrap_or_default() + &t.name);
        assert_eq!(names.collect::<Vec<_>>().join(" "), expected, "{statement}");
    }
}

#[test]
fn what_a_table_is_stored_by() {
    let engine = whimbrel_sql::storage_engine;
    assert_eq!(
        engine("CREATE TABLE t (i int) ENGINE=MyISAM").as_deref(),
        Some("MyISAM")
    );
    assert_eq!(
        engine("ALTER TABLE t engine = 'Aria'").as_deref(),
        Some("Aria")
    );
    assert_eq!(
        engine("CREATE TABLE t (engine int)").as_deref(),
        Some("int")
    );
    assert_eq!(
        engine("CREATE TABLE t (i int) COMMENT 'ENGINE=MyISAM'"),
        None
    );
    let model = whimbrel_sql::model("CREATE TABLE t LIKE `u`").unwrap();
    assert_eq!(model.name, "u");
}
