//! Supabase: its project, its hosts, its poolers. The servers are PostgreSQL and PgBouncer under
//! Supabase's names; what Supabase has besides stands in `STUBS`.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use std::path::{Path, PathBuf};

use binary::{succeeded, told, whimbrel};
use whimbrel_testkit::{Authority, PoolMode, Pooler, PostgresServer, postgres};

/// Of Supabase's own schemas and roles, what the example counts on.
const STUBS: &str = "
CREATE ROLE anon; CREATE ROLE authenticated;
CREATE SCHEMA auth;
CREATE TABLE auth.users (id uuid PRIMARY KEY, raw_user_meta_data jsonb NOT NULL DEFAULT '{}');
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
  $$ SELECT nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
GRANT USAGE ON SCHEMA auth, public TO anon, authenticated;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated;
";

const DIRECT: &str = "db.abcdefghijklmnop.supabase.co";
const POOLER: &str = "aws-0-eu-central-1.pooler.supabase.com";

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/board-supabase")
}

/// The example in a folder of its own, whose local database is at a port.
fn project(port: u16) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("supabase/migrations");
    std::fs::create_dir_all(&target).unwrap();
    for file in std::fs::read_dir(example().join("supabase/migrations")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), target.join(file.file_name())).unwrap();
    }
    let config = std::fs::read_to_string(example().join("supabase/config.toml")).unwrap();
    let config = config.replace("port = 54322", &format!("port = {port}"));
    std::fs::write(folder.path().join("supabase/config.toml"), config).unwrap();
    folder
}

/// What `supabase start` would have at its port.
fn local() -> (PostgresServer, String) {
    let server = PostgresServer::private();
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port());
    server.execute(&url, STUBS);
    (server, url)
}

#[test]
fn a_project_is_migrated_without_any_settings() {
    let (server, url) = local();
    let folder = project(server.port());
    let up = succeeded(&whimbrel(folder.path(), &["up"], &[]));
    for part in [
        &format!("no database is set: using {url}, the local one of supabase/config.toml"),
        "layout supabase: the folder is `supabase/migrations`",
        "applied 20250303090000_profiles",
        "Applied 17 migrations",
    ] {
        assert!(up.contains(part), "{part}: {up}");
    }
    // Everybody on the internet may have what is in `public`, but not the history.
    let open = "SELECT count(*) FROM pg_class c, pg_roles r WHERE relname LIKE 'whimbrel%' AND relkind = 'r' AND rolname IN ('anon', 'authenticated') AND has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')";
    assert_eq!(server.execute(&url, open), "0");
    let cards = "SELECT has_table_privilege('anon', 'cards', 'SELECT')";
    assert_eq!(server.execute(&url, cards), "t");
    let status = succeeded(&whimbrel(folder.path(), &["status", "--check"], &[]));
    assert!(status.contains("17 applied, 0 pending"), "{status}");
    let down = succeeded(&whimbrel(folder.path(), &["down", "--steps", "1"], &[]));
    assert!(down.contains("undone  20250505080000"), "{down}");
    // What plans and runs says it once.
    assert_eq!(down.matches("layout supabase").count(), 1, "{down}");
    let new = succeeded(&whimbrel(folder.path(), &["new", "more"], &[]));
    assert!(new.contains("supabase/migrations/20"), "{new}");
}

#[test]
fn init_begins_with_the_project_s_places() {
    let (server, _url) = local();
    let folder = project(server.port());
    succeeded(&whimbrel(folder.path(), &["init"], &[]));
    assert!(!folder.path().join("migrations").exists());
    let up = succeeded(&whimbrel(folder.path(), &["up"], &[]));
    assert!(up.contains("Applied 17 migrations"), "{up}");
    assert!(!up.contains("no database is set"), "{up}");
}

/// The example does what it is for: teams see their own boards and no others.
#[test]
fn the_example_s_policies_hold() {
    let (server, url) = local();
    let folder = project(server.port());
    succeeded(&whimbrel(folder.path(), &["up", "-q"], &[]));
    let (ada, eve) = (
        "a0000000-0000-0000-0000-000000000000",
        "e0000000-0000-0000-0000-000000000000",
    );
    server.execute(
        &url,
        &format!("INSERT INTO auth.users (id) VALUES ('{ada}'), ('{eve}')"),
    );
    let as_user = |id: &str, sql: &str| {
        let text = format!("SET request.jwt.claim.sub = '{id}'; SET ROLE authenticated; {sql}");
        server.execute(&url, &text)
    };
    as_user(
        ada,
        &format!("INSERT INTO teams (name, created_by) VALUES ('birds', '{ada}')"),
    );
    as_user(
        ada,
        "INSERT INTO boards (team_id, title) SELECT id, 'spring' FROM teams",
    );
    as_user(
        ada,
        &format!(
            "INSERT INTO cards (column_id, author_id, title) SELECT min(id), '{ada}', 'Counting whimbrels' FROM columns"
        ),
    );
    assert_eq!(as_user(ada, "SELECT cards FROM board_overview"), "1");
    assert_eq!(as_user(ada, "SELECT count(*) FROM columns"), "3");
    assert_eq!(
        as_user(ada, "SELECT title FROM search_cards('whimbrel')"),
        "Counting whimbrels"
    );
    assert_eq!(as_user(eve, "SELECT count(*) FROM cards"), "0");
    assert_eq!(as_user(eve, "SELECT count(*) FROM board_overview"), "0");
}

#[test]
fn settings_come_before_the_project_s() {
    let folder = project(1);
    let other = postgres().database();
    // A database is set: the folder is still the project's.
    let variables = [("DATABASE_URL", other.as_str())];
    let status = succeeded(&whimbrel(folder.path(), &["status"], &variables));
    assert!(
        status.contains("17 pending") && !status.contains("no database is set"),
        "{status}"
    );
    // A folder is set, or there is one: nothing of the project's counts.
    std::fs::create_dir(folder.path().join("sql")).unwrap();
    let status = succeeded(&whimbrel(folder.path(), &["status", "--dir", "sql"], &[]));
    assert!(status.contains("using sqlite:whimbrel.db"), "{status}");
    std::fs::create_dir(folder.path().join("migrations")).unwrap();
    let status = succeeded(&whimbrel(folder.path(), &["status"], &[]));
    assert!(status.contains("using sqlite:whimbrel.db"), "{status}");
}

#[test]
fn a_wrong_port_has_its_place() {
    let folder = project(1);
    let path = folder.path().join("supabase/config.toml");
    std::fs::write(path, "[db]\nport = \"many\"\n").unwrap();
    let output = whimbrel(folder.path(), &["status"], &[]);
    assert_eq!(output.status.code(), Some(2));
    let told = told(&output);
    assert!(told.contains("supabase/config.toml:2:1"), "{told}");
}

const UNCHECKED: &str = "is encrypted, but who answers is not checked";

/// A real server under a project's name, by `hostaddr`.
#[test]
fn a_project_s_host_is_never_spoken_to_in_the_clear() {
    let authority = Authority::new();
    let server = PostgresServer::guarded(&authority.sign(DIRECT), "");
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("migrations")).unwrap();
    let sql = "CREATE TABLE line AS SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid();\n-- Rollback: DROP TABLE line;\n";
    std::fs::write(folder.path().join("migrations/001_line.sql"), sql).unwrap();
    let at = |port: u16, more: &str| {
        format!("postgres://postgres@{DIRECT}:{port}/postgres?hostaddr=127.0.0.1{more}")
    };
    let run = |arguments: &[&str], url: &str| {
        whimbrel(folder.path(), arguments, &[("DATABASE_URL", url)])
    };
    let up = succeeded(&run(&["up"], &at(server.port(), "")));
    let direct = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port());
    assert_eq!(server.execute(&direct, "SELECT ssl FROM line"), "t");
    assert_eq!(up.matches(UNCHECKED).count(), 1, "{up}");
    assert!(up.contains("sslrootcert=FILE"), "{up}");
    let down = succeeded(&run(&["down"], &at(server.port(), "&sslmode=require")));
    assert_eq!(down.matches(UNCHECKED).count(), 1, "{down}");
    let root = authority.certificate().display();
    let checked = at(
        server.port(),
        &format!("&sslmode=verify-full&sslrootcert={root}"),
    );
    assert!(!succeeded(&run(&["up"], &checked)).contains(UNCHECKED));
    // Nobody known signed it, and Supabase's own file is told of.
    let strange = run(&["up"], &at(server.port(), "&sslmode=verify-full"));
    assert_eq!(strange.status.code(), Some(5));
    assert!(
        told(&strange).contains("Supabase signs"),
        "{}",
        told(&strange)
    );
    // A server that has no TLS does not get a word.
    let plain = run(&["up"], &at(postgres().port(), ""));
    assert_eq!(plain.status.code(), Some(5));
    assert!(told(&plain).contains("offers no TLS"), "{}", told(&plain));
}

/// An address that no packet comes back from, as IPv6 is where there is none.
#[test]
fn a_host_that_can_t_be_reached_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("migrations")).unwrap();
    let url =
        format!("postgres://postgres:hunter2@{DIRECT}/postgres?hostaddr=100::1&connect_timeout=2");
    let output = whimbrel(folder.path(), &["status", "--url", &url], &[]);
    assert_eq!(output.status.code(), Some(5));
    let told = told(&output);
    for part in [
        "IPv6",
        "postgres.abcdefghijklmnop",
        "5432 (session pooler)",
        "6543 (transaction pooler)",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(
        !told.contains("hunter2") && !told.contains(UNCHECKED),
        "{told}"
    );
}

#[test]
fn the_pooler_s_user_is_explained() {
    let authority = Authority::new();
    let server = postgres();
    let pooler = Pooler::start(server, PoolMode::Transaction, 1, &authority.sign(POOLER));
    let database = server.database();
    let url = pooler.url(&database).replace("localhost", POOLER) + "?hostaddr=127.0.0.1";
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("migrations")).unwrap();
    let run = |password| {
        let variables = [
            ("DATABASE_URL", url.as_str()),
            ("WHIMBREL_PASSWORD", password),
        ];
        whimbrel(folder.path(), &["status"], &variables)
    };
    assert!(succeeded(&run(Pooler::PASSWORD)).contains(UNCHECKED));
    let output = run("hunter2");
    assert_eq!(output.status.code(), Some(5));
    let told = told(&output);
    assert!(
        told.contains("the user is postgres.REF") && !told.contains("hunter2"),
        "{told}"
    );
}
