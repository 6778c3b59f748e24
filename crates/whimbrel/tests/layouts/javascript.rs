//! Prisma, Drizzle, Supabase, wrangler, node-pg-migrate, graphile-migrate, and scripts in TypeScript.

use whimbrel::plan::State;
use whimbrel_testkit::on_engines;

use super::{PARENT, POSTGRES_TABLES, Project, SQLITE_TABLES};

#[tokio::test]
async fn prisma_switches_enforcement_in_the_middle() {
    let rebuild = "CREATE TABLE other (a int);\nPRAGMA defer_foreign_keys=ON;\nPRAGMA foreign_keys=OFF;\nCREATE TABLE new_p (id integer PRIMARY KEY, x int);\nINSERT INTO new_p (id) SELECT id FROM p;\nDROP TABLE p;\nALTER TABLE new_p RENAME TO p;\nPRAGMA foreign_keys=ON;\nPRAGMA defer_foreign_keys=OFF;\n";
    let project = Project::of(
        "prisma",
        "sqlite",
        &[
            ("20230101000000_p/migration.sql", PARENT),
            ("20230102000000_rebuild/migration.sql", rebuild),
            ("migration_lock.toml", "provider = \"sqlite\"\n"),
        ],
    );
    assert_eq!(project.up().await.len(), 2);
    assert_eq!(project.value("SELECT count(*) FROM c"), "1");
    assert_eq!(project.value(SQLITE_TABLES), "c,other,p");
}

#[tokio::test]
async fn drizzle_ends_statements_at_breakpoints() {
    let project = Project::of(
        "drizzle",
        "mariadb",
        &[
            (
                "0000_a.sql",
                "CREATE TABLE a (b int)\n--> statement-breakpoint\nINSERT INTO a VALUES (1)\n--> statement-breakpoint\nINSERT INTO a VALUES (2);",
            ),
            (
                "meta/_journal.json",
                "{\"entries\": [{\"idx\": 0, \"tag\": \"0000_a\"}]}",
            ),
        ],
    );
    assert_eq!(project.up().await.len(), 1);
    assert_eq!(project.value("SELECT sum(b) FROM a"), "3");
}

#[tokio::test]
async fn drizzle_loses_no_children() {
    let rebuild = "CREATE TABLE other (a int);--> statement-breakpoint\nPRAGMA foreign_keys=OFF;--> statement-breakpoint\nCREATE TABLE `__new_p` (id integer PRIMARY KEY, x int);--> statement-breakpoint\nINSERT INTO `__new_p` (id) SELECT id FROM p;--> statement-breakpoint\nDROP TABLE p;--> statement-breakpoint\nALTER TABLE `__new_p` RENAME TO p;--> statement-breakpoint\nPRAGMA foreign_keys=ON;";
    let project = Project::of(
        "drizzle",
        "sqlite",
        &[
            ("0000_p.sql", PARENT),
            ("0001_rebuild.sql", rebuild),
            (
                "meta/_journal.json",
                "{\"entries\": [{\"tag\": \"0000_p\"}, {\"tag\": \"0001_rebuild\"}]}",
            ),
        ],
    );
    assert_eq!(project.up().await.len(), 2);
    assert_eq!(project.value("SELECT count(*) FROM c"), "1");
}

#[tokio::test]
async fn supabase_and_wrangler() {
    let project = Project::of(
        "supabase",
        "postgres",
        &[(
            "20240101000000_a.sql",
            "CREATE TABLE a (b int);\nALTER TABLE a ENABLE ROW LEVEL SECURITY;\n",
        )],
    );
    assert_eq!(project.up().await.len(), 1);
    assert_eq!(project.value(POSTGRES_TABLES), "a");
    let trigger = "CREATE TABLE a (b int);\nCREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = 2; END;\nINSERT INTO a VALUES (1);\n";
    let project = Project::of("wrangler", "sqlite", &[("0001_a.sql", trigger)]);
    assert_eq!(project.up().await.len(), 1);
    assert_eq!(project.value("SELECT b FROM a"), "2");
    assert_eq!(project.state("0001").await, State::Applied);
}

#[tokio::test]
async fn node_pg_migrate_and_graphile_migrate() {
    let project = Project::of(
        "node-pg-migrate",
        "postgres",
        &[(
            "1700000000000_a.sql",
            "-- Up Migration\nCREATE TABLE a (b int);\n-- Down Migration\nDROP TABLE a;\n",
        )],
    );
    assert_eq!(project.up().await.len(), 1);
    assert_eq!(project.undo_all().await.len(), 1);
    assert_eq!(project.value(POSTGRES_TABLES), "");
    let project = Project::of(
        "graphile-migrate",
        "postgres",
        &[
            (
                "committed/000001.sql",
                "--! Previous: -\n--! Hash: sha1:aa\n\nCREATE TABLE a (b int);\n",
            ),
            (
                "committed/000002.sql",
                "--! Previous: sha1:aa\n--! Hash: sha1:bb\n\n--! no-transaction\nCREATE INDEX CONCURRENTLY i ON a (b);\n",
            ),
        ],
    );
    assert_eq!(project.up().await.len(), 2);
    assert_eq!(project.value(POSTGRES_TABLES), "a,i");
    // What its settings run around migrations runs where any did.
    project.write(".gmrc", "{\"migrationsFolder\": \".\", \"beforeAllMigrations\": [\"before.sql\"], \"afterAllMigrations\": [\"after.sql\"]}");
    project.write("before.sql", "CREATE TABLE c (d int);");
    project.write("after.sql", "INSERT INTO c SELECT count(*) FROM e;");
    assert_eq!(project.up().await.len(), 0);
    project.write(
        "committed/000003.sql",
        "--! Previous: sha1:bb\n--! Hash: sha1:cc\n\nCREATE TABLE e AS SELECT * FROM c;\n",
    );
    assert_eq!(project.up().await, ["000003"]);
    assert_eq!(project.value("SELECT sum(d) FROM c"), "0");
    assert_eq!(project.up().await.len(), 0);
}

async fn strings_of_typescript(engine: &'static str) {
    let users = "export const up = `
  CREATE TABLE users (id integer PRIMARY KEY, name varchar(50) DEFAULT '\\${x}');
`;
export const down = 'DROP TABLE users;';
";
    let project = Project::found(
        engine,
        &[
            ("001_users.ts", users),
            (
                "002_bad.ts",
                "export const up = `\n  SELECT 1;\n  INSERT INTO users (id, nothing) VALUES (1, 2);\n`;\nexport const config = { transaction: false };\n",
            ),
        ],
    );
    let failure = project.failure().await;
    assert!(failure.starts_with("002_bad.ts:3:"), "{failure}");
    project.write("002_bad.ts", "export const up = 'SELECT 1;\\nINSERT INTO users (id) VALUES (1)';\nexport const down = \"DELETE FROM users\";\n");
    assert_eq!(project.up().await, ["002_bad"]);
    assert_eq!(project.value("SELECT name FROM users"), "${x}");
    assert_eq!(project.down(2).await, ["002_bad", "001_users"]);
}

on_engines! {
    [sqlite postgres mariadb]
    strings_of_typescript
}
