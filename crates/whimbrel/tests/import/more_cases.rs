//! Tools of JavaScript, PHP, Perl and Python, Liquibase, and those that teams wrote for themselves.

use super::Case;

pub(crate) const SUPABASE: Case = Case {
    tool: "supabase",
    table: "supabase_migrations.schema_migrations",
    ddl: &[(
        "postgres",
        "CREATE SCHEMA IF NOT EXISTS supabase_migrations;
         CREATE TABLE IF NOT EXISTS supabase_migrations.schema_migrations (version text NOT NULL PRIMARY KEY);
         ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN IF NOT EXISTS statements text[];
         ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN IF NOT EXISTS name text",
    )],
    rows: "INSERT INTO supabase_migrations.schema_migrations VALUES ('20240301102030', '{a,b}', 'first'), ('20240302102030', '{}', 'second')",
    files: [
        "20240301102030_first.sql",
        "20240302102030_second.sql",
        "20240303102030_third.sql",
    ],
    batches: [1, 2],
    at: None,
};

const D1_TABLE: &str = "CREATE TABLE IF NOT EXISTS d1_migrations(
            id         INTEGER PRIMARY KEY AUTOINCREMENT,
            name       TEXT UNIQUE,
            applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
        );";

pub(crate) const WRANGLER: Case = Case {
    tool: "wrangler",
    table: "d1_migrations",
    ddl: &[("sqlite", D1_TABLE), ("d1", D1_TABLE)],
    rows: "INSERT INTO d1_migrations VALUES (1, '0001_first.sql', '2024-03-01 10:20:30'), (2, '0002_second.sql', '2024-03-01 10:20:31')",
    files: ["0001_first.sql", "0002_second.sql", "0003_third.sql"],
    batches: [1, 2],
    at: Some("2024-03-01T10:20:30Z"),
};

/// Two migrations of one batch, written in JavaScript there and in SQL here.
pub(crate) const KNEX: Case = Case {
    tool: "knex",
    table: "knex_migrations",
    ddl: &[
        (
            "sqlite",
            "create table `knex_migrations` (`id` integer not null primary key autoincrement, `name` varchar(255), `batch` integer, `migration_time` datetime);
             create table `knex_migrations_lock` (`index` integer not null primary key autoincrement, `is_locked` integer);
             insert into knex_migrations_lock values (1, 0)",
        ),
        (
            "postgres",
            "create table \"knex_migrations\" (\"id\" serial primary key, \"name\" varchar(255), \"batch\" integer, \"migration_time\" timestamptz);
             create table \"knex_migrations_lock\" (\"index\" serial primary key, \"is_locked\" integer);
             insert into knex_migrations_lock values (1, 0)",
        ),
        (
            "mysql",
            "create table `knex_migrations` (`id` int unsigned not null auto_increment primary key, `name` varchar(255), `batch` int, `migration_time` timestamp);
             create table `knex_migrations_lock` (`index` int unsigned not null auto_increment primary key, `is_locked` int);
             insert into knex_migrations_lock values (1, 0)",
        ),
    ],
    rows: "INSERT INTO knex_migrations (name, batch, migration_time) VALUES ('20240301102030_first.js', 4, '2024-03-01 10:20:30'), ('20240302102030_second.ts', 4, '2024-03-01 10:20:31')",
    files: [
        "20240301102030_first.sql",
        "20240302102030_second.sql",
        "20240303102030_third.sql",
    ],
    batches: [4, 4],
    at: None,
};

const KYSELY_TABLES: &str = "create table kysely_migration (name varchar(255) not null primary key, timestamp varchar(255) not null);
create table kysely_migration_lock (id varchar(255) not null primary key, is_locked integer default 0 not null);
insert into kysely_migration_lock values ('migration_lock', 0)";

pub(crate) const KYSELY: Case = Case {
    tool: "kysely",
    table: "kysely_migration",
    ddl: &[
        ("sqlite", KYSELY_TABLES),
        ("postgres", KYSELY_TABLES),
        ("mysql", KYSELY_TABLES),
    ],
    rows: "INSERT INTO kysely_migration VALUES ('20240301_first', '2024-03-01T10:20:30.000Z'), ('20240302_second', '2024-03-01T10:20:31.000Z')",
    files: [
        "20240301_first.sql",
        "20240302_second.sql",
        "20240303_third.sql",
    ],
    batches: [1, 2],
    at: Some("2024-03-01T10:20:30Z"),
};

pub(crate) const NODE_PG_MIGRATE: Case = Case {
    tool: "node-pg-migrate",
    table: "pgmigrations",
    ddl: &[(
        "postgres",
        "CREATE TABLE \"public\".\"pgmigrations\" ( id SERIAL PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)",
    )],
    rows: "INSERT INTO pgmigrations (name, run_on) VALUES ('1709288430000_first', '2024-03-01 10:20:30'), ('1709288431000_second', '2024-03-01 10:20:31')",
    files: [
        "1709288430000_first.sql",
        "1709288431000_second.sql",
        "1709288432000_third.sql",
    ],
    batches: [1, 2],
    at: Some("2024-03-01T10:20:30Z"),
};

const GORP_TABLE: &str = "CREATE TABLE gorp_migrations (id VARCHAR(255) NOT NULL PRIMARY KEY, applied_at TIMESTAMP NULL)";

pub(crate) const SQL_MIGRATE: Case = Case {
    tool: "sql-migrate",
    table: "gorp_migrations",
    ddl: &[
        ("postgres", GORP_TABLE),
        ("sqlite", GORP_TABLE),
        ("mysql", GORP_TABLE),
    ],
    rows: "INSERT INTO gorp_migrations VALUES ('1_first.sql', '2024-03-01 10:20:30'), ('2-second.sql', '2024-03-01 10:20:31')",
    files: ["1_first.sql", "2-second.sql", "10_third.sql"],
    batches: [1, 2],
    at: Some("2024-03-01T10:20:30Z"),
};

pub(crate) const LARAVEL: Case = Case {
    tool: "laravel",
    table: "migrations",
    ddl: &[
        (
            "sqlite",
            "create table \"migrations\" (\"id\" integer primary key autoincrement not null, \"migration\" varchar not null, \"batch\" integer not null)",
        ),
        (
            "postgres",
            "create table \"migrations\" (\"id\" serial not null primary key, \"migration\" varchar(255) not null, \"batch\" integer not null)",
        ),
        (
            "mysql",
            "create table `migrations` (`id` int unsigned not null auto_increment primary key, `migration` varchar(255) not null, `batch` int not null)",
        ),
    ],
    rows: "INSERT INTO migrations (migration, batch) VALUES ('2024_03_01_102030_first', 1), ('2024_03_02_102030_second', 3)",
    files: [
        "2024_03_01_102030_first.sql",
        "2024_03_02_102030_second.sql",
        "2024_03_03_102030_third.sql",
    ],
    batches: [1, 3],
    at: None,
};

/// The changesets' ids are the files' names here.
pub(crate) const LIQUIBASE: Case = Case {
    tool: "liquibase",
    table: "DATABASECHANGELOG",
    ddl: &[
        (
            "sqlite",
            "CREATE TABLE DATABASECHANGELOGLOCK (ID INTEGER NOT NULL, LOCKED BOOLEAN NOT NULL, LOCKGRANTED TEXT, LOCKEDBY VARCHAR(255), CONSTRAINT PK_DATABASECHANGELOGLOCK PRIMARY KEY (ID));
             INSERT INTO DATABASECHANGELOGLOCK (ID, LOCKED) VALUES (1, 0);
             CREATE TABLE DATABASECHANGELOG (ID VARCHAR(255) NOT NULL, AUTHOR VARCHAR(255) NOT NULL, FILENAME VARCHAR(255) NOT NULL, DATEEXECUTED TEXT NOT NULL, ORDEREXECUTED INTEGER NOT NULL, EXECTYPE VARCHAR(10) NOT NULL, MD5SUM VARCHAR(35), DESCRIPTION VARCHAR(255), COMMENTS VARCHAR(255), TAG VARCHAR(255), LIQUIBASE VARCHAR(20), CONTEXTS VARCHAR(255), LABELS VARCHAR(255), DEPLOYMENT_ID VARCHAR(10))",
        ),
        (
            "mysql",
            "CREATE TABLE DATABASECHANGELOGLOCK (ID INT NOT NULL, `LOCKED` BIT(1) NOT NULL, LOCKGRANTED datetime NULL, LOCKEDBY VARCHAR(255) NULL, CONSTRAINT PK_DATABASECHANGELOGLOCK PRIMARY KEY (ID));
             INSERT INTO DATABASECHANGELOGLOCK (ID, `LOCKED`) VALUES (1, 0);
             CREATE TABLE DATABASECHANGELOG (ID VARCHAR(255) NOT NULL, AUTHOR VARCHAR(255) NOT NULL, FILENAME VARCHAR(255) NOT NULL, DATEEXECUTED datetime NOT NULL, ORDEREXECUTED INT NOT NULL, EXECTYPE VARCHAR(10) NOT NULL, MD5SUM VARCHAR(35) NULL, `DESCRIPTION` VARCHAR(255) NULL, COMMENTS VARCHAR(255) NULL, TAG VARCHAR(255) NULL, LIQUIBASE VARCHAR(20) NULL, CONTEXTS VARCHAR(255) NULL, LABELS VARCHAR(255) NULL, DEPLOYMENT_ID VARCHAR(10) NULL)",
        ),
    ],
    rows: "INSERT INTO DATABASECHANGELOG VALUES ('001_first', 'ada', 'changelog.sql', '2024-03-01 10:20:30', 1, 'EXECUTED', '9:abc', 'sql', '', NULL, '4.29.2', NULL, NULL, '9288430000'), ('002_second', 'ada', 'changelog.sql', '2024-03-01 10:20:30', 2, 'MARK_RAN', '9:abc', 'sql', '', NULL, '4.29.2', NULL, NULL, '9288430000')",
    files: ["001_first.sql", "002_second.sql", "003_third.sql"],
    batches: [1, 1],
    at: Some("2024-03-01T10:20:30Z"),
};

/// Another project's change is in the same registry.
pub(crate) const SQITCH: Case = Case {
    tool: "sqitch",
    table: "sqitch.changes",
    ddl: &[(
        "postgres",
        "CREATE SCHEMA sqitch;
         CREATE TABLE sqitch.projects (project TEXT PRIMARY KEY, uri TEXT NULL UNIQUE, created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(), creator_name TEXT NOT NULL, creator_email TEXT NOT NULL);
         CREATE TABLE sqitch.changes (change_id TEXT PRIMARY KEY, script_hash TEXT NULL, change TEXT NOT NULL, project TEXT NOT NULL REFERENCES sqitch.projects(project) ON UPDATE CASCADE, note TEXT NOT NULL DEFAULT '', committed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(), committer_name TEXT NOT NULL, committer_email TEXT NOT NULL, planned_at TIMESTAMPTZ NOT NULL, planner_name TEXT NOT NULL, planner_email TEXT NOT NULL, UNIQUE(project, script_hash));
         INSERT INTO sqitch.projects VALUES ('flipr', NULL, now(), 'a', 'b'), ('other', NULL, now(), 'a', 'b')",
    )],
    rows: "INSERT INTO sqitch.changes VALUES ('1', '25479e21648237ec2e5e41fdceba4e710a529389', 'schema', 'flipr', '', '2024-03-01T10:20:30Z', 'ada', 'a@b', now(), 'ada', 'a@b'), ('2', NULL, 'tables/users', 'flipr', '', '2024-03-01T10:20:31Z', 'ada', 'a@b', now(), 'ada', 'a@b'), ('3', 'abc', 'elsewhere', 'other', '', '2024-03-01T10:20:32Z', 'ada', 'a@b', now(), 'ada', 'a@b')",
    files: ["deploy/schema.sql", "deploy/tables/users.sql", "deploy/views.sql"],
    batches: [1, 2],
    at: Some("2024-03-01T10:20:30Z"),
};

const ALEMBIC_TABLE: &str = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))";

pub(crate) const ALEMBIC: Case = Case {
    tool: "alembic",
    table: "alembic_version",
    ddl: &[
        ("sqlite", ALEMBIC_TABLE),
        ("postgres", ALEMBIC_TABLE),
        ("mysql", ALEMBIC_TABLE),
    ],
    rows: "INSERT INTO alembic_version VALUES ('ae1027a6acf')",
    files: ["001_first.sql", "002_ae1027a6acf.sql", "003_third.sql"],
    batches: [1, 2],
    at: None,
};

/// The files have no hashes, so that each is warned of; the layout's own are in `interop/`.
pub(crate) const GRAPHILE_MIGRATE: Case = Case {
    tool: "graphile-migrate",
    table: "graphile_migrate.migrations",
    ddl: &[(
        "postgres",
        "CREATE SCHEMA graphile_migrate; CREATE TABLE graphile_migrate.migrations (hash text PRIMARY KEY, previous_hash text REFERENCES graphile_migrate.migrations, filename text NOT NULL, date timestamptz NOT NULL DEFAULT now());",
    )],
    rows: "INSERT INTO graphile_migrate.migrations VALUES ('sha1:a', NULL, '000001.sql', '2024-03-01 10:20:30Z'), ('sha1:b', 'sha1:a', '000002.sql', '2024-03-01 10:20:31Z')",
    files: ["000001.sql", "000002-second.sql", "000003.sql"],
    batches: [1, 2],
    at: Some("2024-03-01T10:20:30Z"),
};

const STATUS_TABLE: &str = "CREATE TABLE __schema_migrations (id varchar(50) PRIMARY KEY, version varchar(50) NOT NULL, name varchar(200), checksum varchar(64), status varchar(20) NOT NULL, applied_at bigint, execution_time integer)";

pub(crate) const WITH_STATUS: Case = Case {
    tool: "schema-migrations-with-status",
    table: "__schema_migrations",
    ddl: &[
        ("d1", STATUS_TABLE),
        ("sqlite", STATUS_TABLE),
        ("postgres", STATUS_TABLE),
        ("mysql", STATUS_TABLE),
    ],
    rows: "INSERT INTO __schema_migrations VALUES ('a', '001', 'First', 'abc123', 'applied', 1709288430000, 5), ('b', '002', 'Second', 'abc123', 'applied', 1709288431000, 5), ('c', '003', 'Third', 'abc123', 'pending', NULL, NULL)",
    files: ["001_first.sql", "002_second.sql", "003_third.sql"],
    batches: [1, 2],
    at: Some("2024-03-01T10:20:30Z"),
};

const BATCHES_TABLE: &str = "CREATE TABLE migrations (id VARCHAR(255) PRIMARY KEY, name VARCHAR(255) NOT NULL, executed_at TIMESTAMP NULL, batch INTEGER NOT NULL)";

pub(crate) const WITH_BATCHES: Case = Case {
    tool: "migrations-with-batches",
    table: "migrations",
    ddl: &[
        ("sqlite", BATCHES_TABLE),
        ("postgres", BATCHES_TABLE),
        ("mysql", BATCHES_TABLE),
    ],
    rows: "INSERT INTO migrations VALUES ('001', 'first', '2024-03-01 10:20:30', 0), ('002', 'second', '2024-03-01 10:20:30', 0)",
    files: ["001_first.sql", "002_second.sql", "003_third.sql"],
    batches: [0, 0],
    at: Some("2024-03-01T10:20:30Z"),
};

const NAMES_TABLE: &str = "CREATE TABLE schema_migrations (id integer PRIMARY KEY, migration_name varchar(255) NOT NULL UNIQUE, executed_at TIMESTAMP NULL)";

pub(crate) const WITH_NAMES: Case = Case {
    tool: "schema-migrations-by-name",
    table: "schema_migrations",
    ddl: &[
        ("sqlite", NAMES_TABLE),
        ("postgres", NAMES_TABLE),
        ("mysql", NAMES_TABLE),
    ],
    rows: "INSERT INTO schema_migrations VALUES (1, '001_first.sql', '2024-03-01 10:20:30'), (2, '002_second.sql', '2024-03-01 10:20:31')",
    files: ["001_first.sql", "002_second.sql", "003_third.sql"],
    batches: [1, 2],
    at: Some("2024-03-01T10:20:30Z"),
};

const YOYO_TABLE: &str = "CREATE TABLE _yoyo_migration (migration_hash VARCHAR(64), migration_id VARCHAR(255), applied_at_utc TIMESTAMP, PRIMARY KEY (migration_hash));
CREATE TABLE _yoyo_version (version INT NOT NULL PRIMARY KEY, installed_at_utc TIMESTAMP);
CREATE TABLE yoyo_lock (locked INT DEFAULT 1, ctime TIMESTAMP, pid INT NOT NULL, PRIMARY KEY (locked));";

/// The hashes are those that yoyo 9 makes of these names.
pub(crate) const YOYO: Case = Case {
    tool: "yoyo",
    table: "_yoyo_migration",
    ddl: &[
        ("sqlite", YOYO_TABLE),
        ("postgres", YOYO_TABLE),
        ("mysql", YOYO_TABLE),
    ],
    rows: "INSERT INTO _yoyo_migration VALUES ('0e873fecf6bb40a5acc1c75020541d0dbfcd890f45e443f5531939484d267546', '0001.first', '2024-03-01 10:20:30'), ('1fa0a2e72117ea2297a1e9c33e0555932817537671b2eba930e6ba4ef1a2efca', '0002.second', '2024-03-01 10:20:31')",
    files: ["0001.first.sql", "0002.second.sql", "0003.third.sql"],
    batches: [1, 2],
    at: Some("2024-03-01T10:20:30Z"),
};
