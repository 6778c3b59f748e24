//! Other tools' files run in the session that their tool gives them.
#![allow(missing_docs, clippy::unwrap_used)]

use whimbrel::Migrator;
use whimbrel::import::{layout_by_name, layouts};
use whimbrel::source::Directory;
use whimbrel_testkit::Files;

struct Project {
    folder: Files,
    url: String,
}

impl Project {
    fn new(url: String, files: &[(&str, &str)]) -> Self {
        let folder = Files::new(files);
        Self { folder, url }
    }

    /// Found out if no layout is given.
    fn up(&self, layout: Option<&str>) {
        let directory = Directory::new(self.folder.path());
        let directory = match layout {
            Some(name) => directory.layout(layout_by_name(name).unwrap()),
            None => directory.known_layouts(layouts()),
        };
        let migrator = Migrator::builder(&self.url)
            .source(directory)
            .build()
            .unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let result = runtime.block_on(migrator.up());
        result.unwrap_or_else(|error| panic!("{error}"));
    }
}

const NOON: &str =
    "CREATE TABLE noon (at timestamptz); INSERT INTO noon VALUES ('2024-01-15 12:00');";
/// Hours in UTC; the zone is neither the server's nor that of a session.
const HOUR: &str = "SELECT to_char(at AT TIME ZONE 'UTC', 'HH24:MI') FROM noon";

/// A database whose sessions are in Nepal.
fn postgres() -> String {
    let server = whimbrel_testkit::postgres();
    let url = server.database();
    let name = url.rsplit('/').next().unwrap();
    server.execute(
        &url,
        &format!("ALTER DATABASE \"{name}\" SET timezone = 'Asia/Kathmandu'"),
    );
    url
}

fn hour(files: &[(&str, &str)], layout: Option<&str>) -> String {
    let project = Project::new(postgres(), files);
    project.up(layout);
    whimbrel_testkit::postgres().execute(&project.url, HOUR)
}

#[test]
fn native_files_have_the_database_s_zone_on_postgres() {
    assert_eq!(hour(&[("1_noon.sql", NOON)], None), "06:15");
}

#[test]
fn diesel_is_in_utc_on_postgres() {
    let file = "2024-01-15-120000_noon/up.sql";
    assert_eq!(hour(&[(file, NOON)], None), "12:00");
}

/// Its mark stands in one file among many, and what that runs by itself has the zone as well.
#[test]
fn sqlx_is_in_utc_on_postgres() {
    let alone = format!("-- no-transaction\n{NOON}");
    let files = [
        ("1_a.sql", "CREATE TABLE a (id integer);"),
        ("2_noon.sql", alone.as_str()),
        ("3_b.sql", "CREATE TABLE b (id integer);"),
        ("4_c.sql", "CREATE TABLE c (id integer);"),
        (
            "5_later.sql",
            "INSERT INTO noon VALUES ('2024-01-15 12:00');",
        ),
    ];
    assert_eq!(hour(&files, None), "12:00\n12:00");
}

#[test]
fn tools_have_their_session_on_mariadb() {
    let server = whimbrel_testkit::mariadb();
    let text = "CREATE TABLE noon (at TIMESTAMP NULL, what VARCHAR(20)); \
                INSERT INTO noon VALUES ('2024-01-15 12:00:00', '1' || '2');";
    let value = |file: &str, layout: &str| {
        let url = server.database();
        server.execute(&url, "SET GLOBAL time_zone = '+05:45'");
        let project = Project::new(url, &[(file, text)]);
        project.up(Some(layout));
        server.execute(
            &project.url,
            "SELECT CONCAT(CONVERT_TZ(at, @@time_zone, '+00:00'), ' ', what) FROM noon",
        )
    };
    assert_eq!(value("1_noon.sql", "native"), "2024-01-15 06:15:00 1");
    assert_eq!(value("1_noon.sql", "sqlx"), "2024-01-15 12:00:00 12");
    let folder = "2024-01-15-120000_noon/up.sql";
    assert_eq!(value(folder, "diesel"), "2024-01-15 12:00:00 1");
}
