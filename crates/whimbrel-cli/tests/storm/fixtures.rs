//! A mixed bag per engine: schema changes, data changes that must not happen twice, statements
//! outside transactions, changes of the session, rollbacks of all of it.

use crate::engine::Engine;

pub(crate) type Files = &'static [(&'static str, &'static str)];

pub(crate) fn of(engine: Engine<'_>) -> Files {
    match engine {
        Engine::Postgres(_) => POSTGRES,
        Engine::MariaDb(_) => MARIADB,
        Engine::Sqlite | Engine::SqliteWal => SQLITE,
        Engine::D1(_) => D1,
    }
}

const ACCOUNTS: (&str, &str) = (
    "001_accounts.sql",
    "CREATE TABLE accounts (id integer PRIMARY KEY, v bigint NOT NULL);\nINSERT INTO accounts VALUES (1, 1), (2, 7);\n-- Rollback: DROP TABLE accounts;\n",
);
const TIMES: (&str, &str) = (
    "002_times.sql",
    "UPDATE accounts SET v = v * 100;\n-- Rollback: UPDATE accounts SET v = v / 100;\n",
);

const POSTGRES: Files = &[
    ACCOUNTS,
    TIMES,
    (
        "003_index.sql",
        "CREATE INDEX CONCURRENTLY accounts_v ON accounts (v);\n-- Rollback: DROP INDEX CONCURRENTLY accounts_v;\n",
    ),
    (
        "004_session.sql",
        "CREATE SCHEMA inside;\nSET search_path = inside;\nCREATE TABLE here (i integer);\nCREATE TEMP TABLE scratch (i integer);\n-- Rollback\nDROP TABLE inside.here;\nDROP SCHEMA inside;\n",
    ),
    (
        "005_after.sql",
        "CREATE TABLE outside (i integer);\nINSERT INTO outside SELECT g FROM generate_series(1, 3) g;\n-- Rollback: DROP TABLE outside;\n",
    ),
    (
        "006_off.sql",
        "-- Transaction: off\nUPDATE accounts SET v = v + 1;\nCREATE INDEX CONCURRENTLY outside_i ON outside (i);\nSET search_path = inside, public;\nCREATE TABLE there (i integer);\nUPDATE accounts SET v = v * 3;\nVACUUM outside;\n-- Rollback\nUPDATE accounts SET v = v / 3;\nDROP TABLE inside.there;\nDROP INDEX CONCURRENTLY outside_i;\nUPDATE accounts SET v = v - 1;\n",
    ),
    (
        "007_enum.sql",
        "CREATE TYPE mood AS ENUM ('sad');\nALTER TYPE mood ADD VALUE 'happy';\nCREATE FUNCTION twice(i integer) RETURNS integer LANGUAGE sql AS $$ SELECT i * 2; $$;\n-- Rollback\nDROP FUNCTION twice(integer);\nDROP TYPE mood;\n",
    ),
    (
        "R__view.sql",
        "CREATE OR REPLACE VIEW rich AS SELECT id FROM accounts WHERE v > 100;\n-- Rollback: DROP VIEW rich;\n",
    ),
];

const MARIADB: Files = &[
    ACCOUNTS,
    TIMES,
    (
        "003_mixed.sql",
        "CREATE TABLE posts (id integer PRIMARY KEY, n integer);\nINSERT INTO posts VALUES (1, 10), (2, 20);\nALTER TABLE posts ADD COLUMN w integer;\nUPDATE posts SET w = n + 1;\nUPDATE posts SET n = n * 2;\nCREATE INDEX posts_n ON posts (n);\nALTER TABLE posts DROP COLUMN w;\n-- Rollback\nALTER TABLE posts ADD COLUMN w integer;\nDROP INDEX posts_n ON posts;\nUPDATE posts SET n = n / 2;\nDROP TABLE posts;\n",
    ),
    (
        "004_session.sql",
        "SET foreign_key_checks = 0;\nCREATE TABLE child (id integer PRIMARY KEY, parent integer, FOREIGN KEY (parent) REFERENCES parents (id)) ENGINE = InnoDB;\nINSERT INTO child VALUES (1, 99);\nCREATE TABLE parents (id integer PRIMARY KEY) ENGINE = InnoDB;\nINSERT INTO parents VALUES (99);\nSET foreign_key_checks = 1;\n-- Rollback\nDROP TABLE child;\nDROP TABLE parents;\n",
    ),
    (
        "005_code.sql",
        "CREATE PROCEDURE raise(IN step integer) BEGIN UPDATE accounts SET v = v + step; END;\nCREATE TRIGGER keep_posts BEFORE INSERT ON posts FOR EACH ROW SET NEW.n = coalesce(NEW.n, 0);\nRENAME TABLE child TO children;\n-- Rollback\nRENAME TABLE children TO child;\nDROP TRIGGER keep_posts;\nDROP PROCEDURE raise;\n",
    ),
    (
        "R__view.sql",
        "CREATE OR REPLACE VIEW rich AS SELECT id FROM accounts WHERE v > 100;\n-- Rollback: DROP VIEW rich;\n",
    ),
];

const SQLITE: Files = &[
    ACCOUNTS,
    TIMES,
    (
        "003_family.sql",
        "CREATE TABLE parents (id integer PRIMARY KEY, name text);\nCREATE TABLE children (id integer PRIMARY KEY, parent integer NOT NULL REFERENCES parents (id) ON DELETE CASCADE);\nINSERT INTO parents VALUES (1, 'a'), (2, 'b');\nINSERT INTO children VALUES (1, 1), (2, 2);\n-- Rollback\nDROP TABLE children;\nDROP TABLE parents;\n",
    ),
    (
        "004_rebuild.sql",
        "-- Foreign-Keys: off\nCREATE TABLE new_parents (id integer PRIMARY KEY, name text NOT NULL);\nINSERT INTO new_parents SELECT * FROM parents;\nDROP TABLE parents;\nALTER TABLE new_parents RENAME TO parents;\n-- Rollback\nUPDATE parents SET name = NULL WHERE 1 = 0;\n",
    ),
    (
        "005_off.sql",
        "-- Transaction: off\nUPDATE accounts SET v = v + 1;\nCREATE TABLE there (i integer);\nVACUUM;\nUPDATE accounts SET v = v * 3;\n-- Rollback\nUPDATE accounts SET v = v / 3;\nDROP TABLE there;\nUPDATE accounts SET v = v - 1;\n",
    ),
    (
        "006_trigger.sql",
        "CREATE TEMP TABLE scratch (i integer);\nCREATE TRIGGER grow AFTER INSERT ON children BEGIN UPDATE accounts SET v = v + 1; END;\n-- Rollback: DROP TRIGGER grow;\n",
    ),
    (
        "R__view.sql",
        "DROP VIEW IF EXISTS rich;\nCREATE VIEW rich AS SELECT id FROM accounts WHERE v > 100;\n-- Rollback: DROP VIEW rich;\n",
    ),
];

const D1: Files = &[
    ACCOUNTS,
    TIMES,
    (
        "003_family.sql",
        "PRAGMA defer_foreign_keys = on;\nCREATE TABLE children (id integer PRIMARY KEY, parent integer NOT NULL REFERENCES parents (id) ON DELETE CASCADE);\nCREATE TABLE parents (id integer PRIMARY KEY, name text);\nINSERT INTO children VALUES (1, 1), (2, 2);\nINSERT INTO parents VALUES (1, 'a'), (2, 'b');\n-- Rollback\nDROP TABLE children;\nDROP TABLE parents;\n",
    ),
    (
        "004_off.sql",
        "-- Transaction: off\nUPDATE accounts SET v = v + 1;\nCREATE TABLE there (i integer);\nUPDATE accounts SET v = v * 3;\n-- Rollback\nUPDATE accounts SET v = v / 3;\nDROP TABLE there;\nUPDATE accounts SET v = v - 1;\n",
    ),
    (
        "005_trigger.sql",
        "CREATE TRIGGER grow AFTER INSERT ON children BEGIN UPDATE accounts SET v = v + 1; END;\nINSERT INTO children VALUES (3, 1);\n-- Rollback\nDELETE FROM children WHERE id = 3;\nUPDATE accounts SET v = v - 1;\nDROP TRIGGER grow;\n",
    ),
    (
        "R__view.sql",
        "DROP VIEW IF EXISTS rich;\nCREATE VIEW rich AS SELECT id FROM accounts WHERE v > 100;\n-- Rollback: DROP VIEW rich;\n",
    ),
];
