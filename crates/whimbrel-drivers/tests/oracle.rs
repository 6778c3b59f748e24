//! The servers' own verdict on where statements end: a text that the server takes as a whole, and
//! its statements one by one, must leave the same database.
#![allow(missing_docs, clippy::unwrap_used)]

use whimbrel_core::driver::SessionOptions;
use whimbrel_sql::{Dialect, split};

/// Each stands for itself; `{n}` makes its names its own.
const COMMON: &[&str] = &[
    "CREATE TABLE a{n} (i integer, t varchar(200))",
    "CREATE TABLE b{n} (i integer DEFAULT (1 + 2), t varchar(9) DEFAULT ';')",
    "INSERT INTO log VALUES ('a; b')",
    "INSERT INTO log VALUES ('it''s; -- not a comment')",
    "INSERT INTO log VALUES ('/* not; one */')",
    "INSERT INTO log /* one; */ VALUES ('x') -- and; another\n",
    "INSERT INTO log VALUES ('\u{e9};\u{4e2d}')",
    "CREATE VIEW v{n} AS SELECT CASE WHEN t = ';' THEN 'begin' ELSE 'end' END AS x FROM log",
    "-- only; a comment\n",
    "/* another; */",
];
const POSTGRES: &[&str] = &[
    "CREATE FUNCTION f{n}() RETURNS integer LANGUAGE sql AS $$ SELECT 1; SELECT 2; $$",
    "CREATE FUNCTION g{n}() RETURNS integer LANGUAGE plpgsql AS $body$ BEGIN /* ; */ RETURN 1; END; $body$",
    "CREATE FUNCTION h{n}() RETURNS integer BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
    "INSERT INTO log VALUES (E'\\';')",
    "INSERT INTO log VALUES ($$a;'b$$)",
    "INSERT INTO log VALUES ($q$a;$$;$q$)",
    "INSERT INTO log VALUES (U&'\\0061;')",
    "/* nested /* ; */ ; */ INSERT INTO log VALUES ('n')",
    "DO $$ BEGIN INSERT INTO log VALUES ('do;'); END $$",
    "CREATE TABLE \"q;{n}\" (\"c;\" integer)",
    "INSERT INTO log SELECT 'x' WHERE 1 <> 2 AND 'a;' LIKE '%;'",
    "INSERT INTO log VALUES ('two' \n 'parts;')",
];
const SQLITE: &[&str] = &[
    "CREATE TRIGGER r{n} AFTER INSERT ON log BEGIN INSERT INTO other VALUES (new.t); UPDATE other SET t = CASE WHEN t = ';' THEN 'x' ELSE 'y' END; END",
    "CREATE TABLE \"q;{n}\" ([c;] integer, `d;` text)",
    "INSERT INTO log VALUES (x'3b')",
    "CREATE TEMP TRIGGER s{n} BEFORE DELETE ON log WHEN old.t = ';' BEGIN SELECT 1; END",
    "INSERT INTO log SELECT 'end' AS \"begin;\"",
];
const MYSQL: &[&str] = &[
    "INSERT INTO log VALUES ('\\';')",
    "INSERT INTO log VALUES (\"double; \\\" quote\")",
    "# a comment; to the end\nINSERT INTO log VALUES ('hash')",
    "CREATE TABLE `q;{n}` (`c;` integer)",
    "/*!40101 SET @x = ';' */",
    "\nDELIMITER //\nCREATE PROCEDURE p{n}() BEGIN IF 1 = 1 THEN INSERT INTO log VALUES ('p;'); END IF; END//\nDELIMITER ;\n",
    "\nDELIMITER $$\nCREATE TRIGGER r{n} BEFORE INSERT ON other FOR EACH ROW BEGIN SET NEW.t = CASE WHEN NEW.t = ';' THEN 'x' ELSE 'y' END; END$$\nDELIMITER ;\n",
    "INSERT INTO log VALUES ('a' 'b;')",
];

/// A text of pieces in an order that the seed gives (xorshift).
fn text(seed: u64, pieces: &[&[&str]]) -> String {
    let pieces: Vec<&str> = pieces.concat();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 1_000_003).unwrap() % limit
    };
    let mut text =
        "CREATE TABLE log (t varchar(200));\nCREATE TABLE other (t varchar(200));\n".to_owned();
    for number in 0..20 {
        let piece = pieces[next(pieces.len())].replace("{n}", &number.to_string());
        let ends = piece.ends_with(['\n', '/']) || piece.starts_with("--") || piece.ends_with("*/");
        text.push_str(&piece);
        let comment = piece.starts_with("--") || piece.starts_with("/* another");
        if !(comment || ends && piece.contains("DELIMITER")) {
            text.push_str([";", ";\n", " ;\r\n", ";;\n"][next(4)]);
        }
    }
    text
}

async fn one_by_one(url: &str, text: &str) {
    let connect = whimbrel_drivers::connector(url, None, SessionOptions::default()).unwrap();
    let mut driver = connect.connect().await.unwrap();
    // SQLite makes the file here.
    driver.create_history().await.ok();
    for statement in split(text, driver.dialect()).unwrap() {
        let sql = &text[statement.span()];
        if let Err(error) = driver.query(sql).await {
            panic!("{error}: {sql}\n{text}");
        }
    }
    driver.close().await.unwrap();
}

#[tokio::test]
async fn postgres_agrees() {
    let server = whimbrel_testkit::postgres();
    for seed in 1..=8 {
        let text = text(seed, &[COMMON, POSTGRES]);
        let (whole, parts) = (server.database(), server.database());
        server.execute(&whole, &text);
        one_by_one(&parts, &text).await;
        assert_eq!(server.dump(&whole), server.dump(&parts), "{text}");
    }
}

#[tokio::test]
async fn mariadb_agrees() {
    mysql_s_like_agrees(whimbrel_testkit::mariadb()).await;
}

#[tokio::test]
async fn mysql_agrees() {
    mysql_s_like_agrees(whimbrel_testkit::mysql()).await;
}

async fn mysql_s_like_agrees(server: &whimbrel_testkit::MysqlServer) {
    // A routine remembers the character set of whoever made it.
    let dump = |url: &str| {
        let text = server.dump(url);
        let kept =
            |line: &&str| !line.contains(" SET character_set") && !line.contains(" SET collation");
        text.lines().filter(kept).collect::<Vec<_>>().join("\n")
    };
    for seed in 1..=8 {
        // The client hides what it takes for a comment from the server; what is stored is the same.
        let text = text(seed, &[COMMON, MYSQL]).replace(";;", ";");
        let (whole, parts) = (server.database(), server.database());
        server.execute(&whole, &text);
        one_by_one(&parts, &text).await;
        assert_eq!(dump(&whole), dump(&parts), "{text}");
    }
}

#[test]
fn sqlite_agrees() {
    let dump = |connection: &rusqlite::Connection| {
        let sql = "SELECT coalesce(sql, name) FROM sqlite_master UNION ALL SELECT sql FROM sqlite_temp_master UNION ALL SELECT quote(t) FROM log UNION ALL SELECT quote(t) FROM other";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement
            .query_map([], |row| row.get::<_, String>(0))
            .unwrap();
        rows.collect::<Result<Vec<_>, _>>().unwrap()
    };
    for seed in 1..=300 {
        let text = text(seed, &[COMMON, SQLITE]);
        let whole = rusqlite::Connection::open_in_memory().unwrap();
        whole.execute_batch(&text).unwrap();
        let parts = rusqlite::Connection::open_in_memory().unwrap();
        for statement in split(&text, Dialect::Sqlite).unwrap() {
            let sql = &text[statement.span()];
            let mut prepared = parts.prepare(sql).unwrap_or_else(|e| panic!("{e}: {sql}"));
            let mut rows = prepared.raw_query();
            while rows.next().unwrap().is_some() {}
        }
        assert_eq!(dump(&whole), dump(&parts), "{text}");
    }
}
