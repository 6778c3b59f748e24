//! What schema changes are about.

use whimbrel_sql::{Dialect, targets};

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
