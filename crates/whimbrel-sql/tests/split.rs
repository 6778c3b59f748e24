//! Statements of scripts, above all of those that broke other tools.

use whimbrel_sql::{Dialect, SplitErrorKind, facts, split};

fn texts(text: &str, dialect: Dialect) -> Vec<String> {
    split(text, dialect)
        .unwrap_or_else(|error| panic!("{error}: {text}"))
        .into_iter()
        .map(|statement| text[statement.span()].to_owned())
        .collect()
}

/// Each script with the number of its statements.
fn check(dialect: Dialect, table: &[(&str, usize)]) {
    for (text, count) in table {
        let found = texts(text, dialect);
        assert_eq!(found.len(), *count, "{text}\n{found:#?}");
    }
}

#[test]
fn postgres() {
    check(
        Dialect::Postgres,
        &[
            ("", 0),
            ("-- only a comment\n/* and another */", 0),
            (";;\n;", 0),
            ("SELECT 1", 1),
            ("SELECT 1; SELECT 2 /* the end */", 2),
            ("create table atomic_test(id int); select 1;", 2),
            (
                "create function f() returns int language sql begin atomic select 1 as pending; select 2; end; select 3",
                2,
            ),
            (
                "create function f() returns int begin atomic select case when true then 1 else 2 end; end; select 1;",
                2,
            ),
            (
                "CREATE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC INSERT INTO t VALUES (1); END",
                1,
            ),
            (
                "DO $outer$ BEGIN EXECUTE $sql$ SELECT ';'; $sql$; END $outer$; SELECT 1",
                2,
            ),
            (
                "CREATE TABLE t (f text CHECK (f ~ E'.')); CREATE FUNCTION g() RETURNS text AS $$ SELECT E'foo'; $$ LANGUAGE sql;",
                2,
            ),
            (
                "CREATE FUNCTION h() RETURNS int AS $$ SELECT 1; $$LANGUAGE plpgsql; SELECT 1;",
                2,
            ),
            ("SELECT '${test'; SELECT '}'", 2),
            (
                "INSERT INTO t VALUES (';'), ('a''b;'), (E'\\';'), (U&'\\0441;'), ($$;$$), ($x$;$x$)",
                1,
            ),
            ("SELECT 'it\\'; SELECT 2", 2),
            ("SELECT \"a;b\", \"c\"\"d;\"; SELECT 1", 2),
            ("/* a /* nested; */ ; */ SELECT 1;", 1),
            ("SELECT a$b$c, d$b$ FROM t; SELECT $1; SELECT 1", 3),
            (
                "CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)); SELECT 1",
                2,
            ),
            ("\\restrict abc\nSELECT 1;\n\\unrestrict abc\n", 1),
            ("BEGIN; SELECT 1; COMMIT;", 3),
            ("-- one\rSELECT 1;\r-- two\rSELECT 2;\r", 2),
            ("SELECT 1 -- one; \r, 2; SELECT 3", 2),
            (
                "CREATE TABLE \u{e9}t\u{e9} (x int); -- \u{e9};\nSELECT 1",
                2,
            ),
        ],
    );
}

#[test]
fn mysql() {
    check(
        Dialect::Mysql,
        &[
            (
                "SELECT 1; -- it's a comment; really\nSELECT 2; # don't; stop\nSELECT 3",
                3,
            ),
            ("SELECT 5--1; SELECT 'a\\';b', \"c;\", `d;e`", 2),
            ("/*!40101 SET NAMES utf8; */; SELECT 1;", 2),
            (
                "DELIMITER $$\nCREATE PROCEDURE p() BEGIN SELECT 1; END$$\nDELIMITER ;\nSELECT 2;",
                2,
            ),
            ("DELIMITER\n\n$$\nSELECT 1; $$\ndelimiter ;\nSELECT 2", 2),
            (
                "delimiter ;;\nCREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET NEW.a = 1; END;;\ndelimiter ;\nSELECT 1;",
                2,
            ),
            ("DELIMITER //\nSELECT 1 //\nSELECT 2//\nDELIMITER ;", 2),
            (
                "CREATE PROCEDURE p() BEGIN select if(1,2,3), if(1,2,3); END; SELECT 1",
                2,
            ),
            (
                "CREATE PROCEDURE p(IN a INT) BEGIN IF a > 1 THEN SELECT 1; ELSEIF a = 0 THEN SELECT 2; END IF; CASE a WHEN 1 THEN SELECT CASE WHEN a THEN IF(a,1,2) ELSE 2 END; END CASE; WHILE a > 0 DO SET a = a - 1; END WHILE; x: LOOP LEAVE x; END LOOP; REPEAT SET a = 1; UNTIL a END REPEAT; END; SELECT 1;",
                2,
            ),
            (
                "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW IF NEW.a IS NULL THEN SET NEW.a = 1; END IF; SELECT 1;",
                2,
            ),
            (
                "CREATE DEFINER=`root`@`localhost` FUNCTION f(x INT) RETURNS INT DETERMINISTIC RETURN IF(x, 1, 2); SELECT 1;",
                2,
            ),
            ("CREATE PROCEDURE IF NOT EXISTS p() SELECT 1; SELECT 2;", 2),
            (
                "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN DELETE FROM t; DELETE FROM u; END; SELECT 1;",
                2,
            ),
            ("BEGIN NOT ATOMIC SELECT 1; SELECT 2; END; SELECT 3", 2),
            (
                "CREATE PROCEDURE p() BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END; SELECT 1; END; SELECT 2",
                2,
            ),
            (
                "CREATE PROCEDURE p() BEGIN DECLARE bad CONDITION FOR 1062; DECLARE CONTINUE HANDLER FOR NOT FOUND, SQLSTATE VALUE '23000', bad BEGIN END; SELECT 1; END; SELECT 2",
                2,
            ),
            (
                "CREATE PROCEDURE p() BEGIN DECLARE CONTINUE HANDLER FOR NOT FOUND SET @done = IF(1, 2, 3); DECLARE CONTINUE HANDLER FOR 1062, 1146 IF @a THEN SET @b = 1; END IF; SELECT 1; END; SELECT 2",
                2,
            ),
            (
                "CREATE PROCEDURE p(IN start DATETIME, IN end DATETIME) BEGIN CALL q(start, end); SELECT end; REPEAT SET @a = 1; UNTIL CASE WHEN @a THEN 1 END END REPEAT; SELECT 1; END; SELECT 2",
                2,
            ),
            (
                "CREATE PROCEDURE p() again: LOOP SELECT 1; LEAVE again; END LOOP again; SELECT 2",
                2,
            ),
            (
                "CREATE PROCEDURE p() FOR i IN 1..3 DO SELECT i; END FOR; SELECT 2",
                2,
            ),
            (
                "CREATE FUNCTION f(x INT) RETURNS INT UNSIGNED NOT DETERMINISTIC IF x THEN RETURN 1; ELSE RETURN 2; END IF; SELECT 2",
                2,
            ),
            (
                "CREATE FUNCTION f(x INT) RETURNS INT RETURN CASE WHEN x THEN IF(x, 1, 2) END; SELECT 2",
                2,
            ),
            (
                "CREATE PROCEDURE p() BEGIN XA START 'x'; XA END 'x'; SELECT 1; END; SELECT 2",
                2,
            ),
            ("DELIMITER '$$'\nSELECT 1; $$\nDELIMITER ;\nSELECT 2", 2),
            ("BEGIN; INSERT INTO t VALUES (1); COMMIT;", 3),
            (
                "CREATE VIEW v AS SELECT event, begin, end FROM t; SELECT 1",
                2,
            ),
            (
                "CREATE TRIGGER IF NOT EXISTS t AFTER UPDATE ON x FOR EACH ROW INSERT INTO log VALUES (1); SELECT 1;",
                2,
            ),
        ],
    );
}

/// MariaDB with `sql_mode = ORACLE`: declarations stand before BEGIN, and their semicolons end nothing.
#[test]
fn oracle_bodies() {
    let statements = [
        "CREATE OR REPLACE PROCEDURE p (x INT, y OUT INT) AS v INT := 1; CURSOR c IS SELECT 1 FROM dual; TYPE r IS RECORD (a INT); BEGIN IF x = 1 THEN NULL; ELSIF x = 2 THEN NULL; END IF; FOR i IN 1..3 LOOP IF i = 1 THEN NULL; END IF; END LOOP; WHILE v < 3 LOOP v := v + 1; END LOOP; <<again>> LOOP EXIT again WHEN v > 5; END LOOP again; EXCEPTION WHEN OTHERS THEN NULL; END p",
        "CREATE PROCEDURE p AS BEGIN NULL; END",
        "CREATE FUNCTION f (x INT) RETURN VARCHAR(10) DETERMINISTIC IS BEGIN RETURN CASE WHEN x IS NULL THEN 1 ELSE 2 END; END",
        "CREATE FUNCTION f RETURN INT IS a INT; BEGIN DECLARE b INT; BEGIN NULL; END; RETURN 1; END",
        "CREATE TRIGGER t BEFORE INSERT ON t1 FOR EACH ROW DECLARE z INT; BEGIN :NEW.a := :NEW.a + 1; END",
        "CREATE TRIGGER t BEFORE INSERT ON t1 FOR EACH ROW BEGIN :NEW.a := 1; NULL; END",
        "CREATE PACKAGE k AS FUNCTION a RETURN INT; PROCEDURE b(x INT); END",
        "CREATE OR REPLACE PACKAGE BODY k AS n INT := 0; FUNCTION a RETURN INT; FUNCTION a RETURN INT AS BEGIN RETURN 1; END; PROCEDURE b(x INT) AS y INT; BEGIN n := x; END; BEGIN n := 5; NULL; END",
        "CREATE PACKAGE BODY k IS PROCEDURE b IS BEGIN NULL; END b; END k",
        "DECLARE q INT := 2; BEGIN IF q IS NULL THEN NULL; END IF; END",
        "BEGIN INSERT INTO t1 VALUES (7); END",
        "BEGIN IF 1 = 1 THEN NULL; END IF; END",
        // As ever: these are no declarations.
        "CREATE PROCEDURE p() SELECT 1 AS x",
        "CREATE FUNCTION f(x INT) RETURNS INT RETURN x IS NULL",
        "CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC LANGUAGE JAVASCRIPT AS 'return x;'",
        "CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC LANGUAGE JAVASCRIPT AS $$ return x $$",
        "BEGIN",
        "BEGIN WORK",
        "COMMIT",
    ];
    assert_eq!(texts(&statements.join(";\n"), Dialect::Mysql), statements);
    let control = |text: &str| facts(text, Dialect::Mysql).transaction_control;
    assert_eq!(control(statements[10]), None);
    assert!(control("BEGIN WORK").is_some() && control("BEGIN").is_some());
}

#[test]
fn sqlite() {
    let long = format!(
        "INSERT INTO t VALUES ('{}'); SELECT 1",
        "x;".repeat(100_000)
    );
    check(
        Dialect::Sqlite,
        &[
            (
                "create trigger t after insert on a begin insert into b values (new.id); end; select 1;",
                2,
            ),
            (
                "CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b VALUES(new.id);END; SELECT 1;",
                2,
            ),
            (
                "CREATE TRIGGER t AFTER INSERT ON a WHEN (1=1)BEGIN SELECT 1; SELECT 2; END; SELECT 3",
                2,
            ),
            ("CREATE TABLE weekend (x); SELECT 1", 2),
            (
                "CREATE TRIGGER t AFTER UPDATE ON a BEGIN UPDATE b SET x = CASE WHEN 1 THEN 2 ELSE 3 END, y = 4; END; SELECT 1;",
                2,
            ),
            (
                "CREATE TABLE t (\"begin\" text, [end] text, `x;` text); SELECT 1;",
                2,
            ),
            (
                "CREATE TEMP TRIGGER t\r\nAFTER INSERT ON a\r\nBEGIN\r\n  SELECT 1;\r\nEND;\r\nSELECT 1;\r\n",
                2,
            ),
            ("BEGIN TRANSACTION; SELECT 1; END TRANSACTION;", 3),
            ("SELECT 'a\\'; SELECT 2", 2),
            (&long, 2),
        ],
    );
}

#[test]
fn spans_leave_terminators_and_comments_out() {
    let text = "-- first\nSELECT 1 ; -- second\n\nSELECT\n 2 -- third\n;";
    assert_eq!(texts(text, Dialect::Postgres), ["SELECT 1", "SELECT\n 2"]);
}

#[test]
fn copy_data_belongs_to_its_statement() {
    let text = "COPY t (a) FROM stdin;\n1;'\n$$ -- \\N\n\\.\nSELECT 1;\nCOPY t FROM '/x';\n";
    let found = split(text, Dialect::Postgres).unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(&text[found[0].data().unwrap()], "1;'\n$$ -- \\N\n");
    assert!(found[2].data().is_none());
    let crlf = "COPY t FROM STDIN WITH (FORMAT text);\r\n1\r\n\\.\r\nSELECT 1;";
    let found = split(crlf, Dialect::Postgres).unwrap();
    assert_eq!(&crlf[found[0].data().unwrap()], "1\r\n");
    let noted = "COPY t FROM stdout; -- the server takes this word too\n1\n\\.\n";
    let found = split(noted, Dialect::Postgres).unwrap();
    assert_eq!(&noted[found[0].data().unwrap()], "1\n");
    // The end of the file ends the data, but what is no row is not taken for one.
    for data in ["", "1\n2\n", "1\n2"] {
        let text = format!("COPY t FROM STDIN;\n{data}");
        let found = split(&text, Dialect::Postgres).unwrap();
        assert_eq!(&text[found[0].data().unwrap()], data);
        assert_eq!(found.len(), 1);
    }
    let found = split("COPY t FROM STDIN -- nothing", Dialect::Postgres).unwrap();
    assert_eq!(found[0].span(), 0..17);
    assert!(found[0].data().unwrap().is_empty());
    let text = "COPY t FROM STDIN;\n1\n\n -- Rollback\nDELETE FROM t;\n";
    let error = split(text, Dialect::Postgres).unwrap_err();
    assert_eq!(error.kind, SplitErrorKind::UnterminatedCopy);
    assert_eq!(&text[error.span], " -- Rollback\n");
}

#[test]
fn what_is_not_closed_is_named() {
    let table = [
        (
            Dialect::Postgres,
            "SELECT 'a",
            SplitErrorKind::UnterminatedString,
        ),
        (
            Dialect::Postgres,
            "SELECT \"a",
            SplitErrorKind::UnterminatedIdentifier,
        ),
        (
            Dialect::Postgres,
            "SELECT 1; /* a /* b */",
            SplitErrorKind::UnterminatedComment,
        ),
        (
            Dialect::Postgres,
            "DO $x$ BEGIN END $y$",
            SplitErrorKind::UnterminatedDollarQuote,
        ),
        (
            Dialect::Postgres,
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;",
            SplitErrorKind::UnterminatedBody,
        ),
        (
            Dialect::Sqlite,
            "SELECT 1; /* SELECT 2;",
            SplitErrorKind::UnterminatedComment,
        ),
        (
            Dialect::Sqlite,
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1;",
            SplitErrorKind::UnterminatedBody,
        ),
        (
            Dialect::Mysql,
            "SELECT `a",
            SplitErrorKind::UnterminatedIdentifier,
        ),
        (Dialect::Mysql, "DELIMITER", SplitErrorKind::EmptyDelimiter),
        (
            Dialect::Mysql,
            "DELIMITER\nDROP TABLE a;",
            SplitErrorKind::EmptyDelimiter,
        ),
        (
            Dialect::Mysql,
            "DELIMITER\nDELIMITER ;\nSELECT 1;",
            SplitErrorKind::EmptyDelimiter,
        ),
        (
            Dialect::Postgres,
            "COPY t FROM STDIN; SELECT 1;\n1\n\\.\n",
            SplitErrorKind::BehindCopy,
        ),
    ];
    for (dialect, text, kind) in table {
        assert_eq!(split(text, dialect).unwrap_err().kind, kind, "{text}");
    }
}

#[test]
fn psql_commands_are_refused_with_advice() {
    for (text, command) in [
        ("\\i other.sql\n", "\\i"),
        ("SELECT 1;\n\\connect x\n", "\\connect"),
        ("SELECT 1 \\gexec\n", "\\gexec"),
    ] {
        let error = split(text, Dialect::Postgres).unwrap_err();
        assert_eq!(
            error.kind,
            SplitErrorKind::MetaCommand {
                command: command.to_owned()
            }
        );
        assert!(error.hint().is_some());
    }
}

#[test]
fn what_takes_only_batches_refuses_files_sessions_and_transactions() {
    let refused = |text: &str| {
        whimbrel_sql::facts(text, Dialect::Sqlite)
            .not_in_batch
            .map(whimbrel_sql::Restricted::as_str)
    };
    assert_eq!(refused("vacuum"), Some("VACUUM"));
    assert_eq!(refused("/* x */ Attach 'a' AS b"), Some("ATTACH"));
    assert_eq!(
        refused("CREATE TEMP VIEW v AS SELECT 1"),
        Some("CREATE TEMP")
    );
    assert_eq!(
        refused("PRAGMA main.journal_mode = wal"),
        Some("this PRAGMA")
    );
    assert_eq!(refused("PRAGMA main.table_info(t)"), None);
    assert_eq!(refused("pragma DEFER_FOREIGN_KEYS = on"), None);
    assert_eq!(refused("CREATE TABLE temp (temp REAL)"), None);
    assert_eq!(refused("CREATE TABLE t (a); -- vacuum"), None);
}

#[test]
fn what_postgres_runs_in_no_transaction() {
    let alone = |text: &str| {
        let facts = whimbrel_sql::facts(text, Dialect::Postgres);
        facts.not_in_transaction.is_some()
    };
    for text in [
        "CLUSTER",
        "CLUSTER VERBOSE",
        "CLUSTER (VERBOSE)",
        "ALTER SUBSCRIPTION s REFRESH PUBLICATION",
        "ALTER SUBSCRIPTION s SET PUBLICATION p",
        "ALTER SUBSCRIPTION s ADD PUBLICATION p WITH (refresh = true)",
        "REINDEX (VERBOSE) DATABASE d",
        "ALTER TABLE IF EXISTS ONLY \"a\".\"b\" DETACH PARTITION \"a\".\"c\" CONCURRENTLY",
    ] {
        assert!(alone(text), "{text}");
    }
    for text in [
        "CLUSTER a",
        "CLUSTER VERBOSE a",
        "CLUSTER (VERBOSE) a USING b",
        "ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)",
        "ALTER SUBSCRIPTION s DISABLE",
        "REINDEX TABLE a",
    ] {
        assert!(!alone(text), "{text}");
    }
}

#[test]
fn a_checkpoint_is_locked_out_by_its_own_transaction() {
    let facts = whimbrel_sql::facts("PRAGMA main.wal_checkpoint(TRUNCATE)", Dialect::Sqlite);
    assert!(facts.not_in_transaction.is_some());
}

#[test]
fn settings_for_one_statement_are_that_statement() {
    let text =
        "SET STATEMENT lock_wait_timeout = 5, max_statement_time = 60 FOR ALTER TABLE a ADD b INT";
    let facts = whimbrel_sql::facts(text, Dialect::Mysql);
    assert!(facts.implicit_commit);
    assert_eq!(whimbrel_sql::targets(text, Dialect::Mysql)[0].name, "a");
    let text = "SET STATEMENT max_statement_time = 60 FOR UPDATE a SET b = 1";
    let facts = whimbrel_sql::facts(text, Dialect::Mysql);
    assert!(!facts.implicit_commit && facts.verb == whimbrel_sql::Verb::Update);
}
