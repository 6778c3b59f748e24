//! Sqitch's verify scripts on real engines: what they try, and what is left when they fail.
#![allow(missing_docs, clippy::unwrap_used)]

use whimbrel::Migrator;
use whimbrel::import::layouts;
use whimbrel::report::DatabaseState;
use whimbrel::source::Directory;

struct Project {
    folder: tempfile::TempDir,
    engine: &'static str,
    url: String,
}

const PLAN: &str = "%syntax-version=1.0.0
%project=flipr

users 2014-01-01T10:00:00Z Ann <ann@example.org>
lists [users] 2014-02-01T10:00:00Z Ann <ann@example.org>
";

/// It fails unless both columns are there, and writes a row to see that one can be written.
const TRIES: &str = "-- Verify\n\nBEGIN;\n\nINSERT INTO users (id, name) VALUES (1, 'a;b');\nSELECT id, name FROM users;\n\nROLLBACK;\n";

impl Project {
    /// Two changes, which sqitch.conf wants verified; the second has a script that fails.
    fn new(engine: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match engine {
            "postgres" => whimbrel_testkit::postgres().database(),
            "mysql" => whimbrel_testkit::mariadb().database(),
            _ => format!("sqlite:{}/test.db", folder.path().display()),
        };
        let project = Self {
            folder,
            engine,
            url,
        };
        project.write("sqitch.conf", "[deploy]\n\tverify = true\n");
        project.write("sqitch.plan", PLAN);
        for (name, columns) in [
            ("users", "id integer PRIMARY KEY, name varchar(9)"),
            ("lists", "id integer"),
        ] {
            let deploy = format!("BEGIN;\nCREATE TABLE {name} ({columns});\nCOMMIT;\n");
            project.write(&format!("deploy/{name}.sql"), &deploy);
        }
        project.write("verify/users.sql", TRIES);
        project.write(
            "verify/lists.sql",
            "BEGIN;\nSELECT id FROM lists;\nSELECT name FROM lists WHERE false;\nROLLBACK;\n",
        );
        project
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join("files").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn migrator(&self, options: &[(&str, &str)]) -> Migrator {
        let mut directory = Directory::new(self.folder.path().join("files"));
        for (name, value) in options {
            directory = directory.layout_option(*name, *value);
        }
        Migrator::builder(&self.url)
            .source(directory.known_layouts(layouts()))
            .build()
            .unwrap()
    }

    async fn up(&self) -> Vec<String> {
        let report = self.migrator(&[]).up().await;
        let report = report.unwrap_or_else(|error| panic!("{error}"));
        report.steps.into_iter().map(|step| step.label).collect()
    }

    /// Where `up` fails, and what it leaves.
    async fn failure(&self) -> (String, DatabaseState) {
        let error = self.migrator(&[]).up().await.unwrap_err();
        let whimbrel::Error::Failed(failure) = error else {
            panic!("{error}")
        };
        let root = format!("{}/files/", self.folder.path().display());
        let text = failure.diagnostic.to_string().replace(&root, "");
        (text, failure.state)
    }

    fn value(&self, sql: &str) -> String {
        match self.engine {
            "postgres" => whimbrel_testkit::postgres().execute(&self.url, sql),
            "mysql" => whimbrel_testkit::mariadb().execute(&self.url, sql),
            _ => {
                let path = self.url.trim_start_matches("sqlite:");
                let connection = rusqlite::Connection::open(path).unwrap();
                let value = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
                value.unwrap().to_string()
            }
        }
    }

    fn has_table(&self, name: &str) -> bool {
        let (catalog, column) = match self.engine {
            "sqlite" => ("sqlite_master", "name"),
            "postgres" => ("pg_tables", "tablename"),
            _ => (
                "information_schema.tables WHERE table_schema = DATABASE() AND 1 = 1",
                "table_name",
            ),
        };
        let join = if catalog.contains("WHERE") {
            "AND"
        } else {
            "WHERE"
        };
        let sql = format!("SELECT count(*) FROM {catalog} {join} {column} = '{name}'");
        self.value(&sql) == "1"
    }
}

async fn what_a_script_tries_is_taken_back(engine: &'static str) {
    let project = Project::new(engine);
    project.write("verify/lists.sql", "SELECT id FROM lists");
    assert_eq!(project.up().await, ["users", "lists"]);
    assert_eq!(project.value("SELECT count(*) FROM users"), "0");
    assert!(project.migrator(&[]).is_up_to_date().await.unwrap());
    assert_eq!(project.value("SELECT count(*) FROM whimbrel_applied"), "2");
}

/// Where schema changes are transactional nothing of the change is left; elsewhere the next run
/// goes on with the script.
async fn a_script_that_fails_fails_its_change(engine: &'static str) {
    let project = Project::new(engine);
    let (text, state) = project.failure().await;
    assert!(text.starts_with("verify/lists.sql:3:"), "{text}");
    assert_eq!(project.value("SELECT count(*) FROM whimbrel_applied"), "1");
    if engine == "mysql" {
        assert!(matches!(state, DatabaseState::HalfDone { done: 1, .. }));
    } else {
        assert_eq!(state, DatabaseState::Clean);
    }
    assert_eq!(project.has_table("lists"), engine == "mysql");
    project.write("verify/lists.sql", "SELECT id FROM lists;\n");
    assert_eq!(project.up().await, ["lists"]);
    assert_eq!(project.value("SELECT count(*) FROM lists"), "0");
}

async fn it_is_a_setting(engine: &'static str) {
    let project = Project::new(engine);
    let off = project.migrator(&[("verify", "false")]);
    assert_eq!(off.up().await.unwrap().steps.len(), 2);
    let project = Project::new(engine);
    project.write("sqitch.conf", "");
    assert_eq!(project.up().await, ["users", "lists"]);
    let project = Project::new(engine);
    project.write("sqitch.conf", "");
    let on = project.migrator(&[("verify", "true")]);
    assert!(on.up().await.is_err());
    let wrong = project.migrator(&[("verify", "perhaps")]);
    let wrong = wrong.status().await.unwrap_err().to_string();
    assert!(wrong.contains("true or false"), "{wrong}");
}

async fn what_can_not_be_taken_back_is_refused(engine: &'static str) {
    let project = Project::new(engine);
    for text in [
        "BEGIN;\nSELECT 1;\nCOMMIT;\n",
        "SELECT 1;\nROLLBACK;\n",
        "VACUUM;\n",
        "CREATE TABLE more (id integer);\n",
    ] {
        // MariaDB has no such statement, and elsewhere a new table can be rolled back.
        if text.starts_with(if engine == "mysql" {
            "VACUUM"
        } else {
            "CREATE"
        }) {
            continue;
        }
        project.write("verify/lists.sql", text);
        let error = project.migrator(&[]).up().await.unwrap_err();
        let diagnostic = &error.diagnostics()[0];
        assert_eq!(diagnostic.code.as_deref(), Some("verify-script"), "{text}");
        assert!(diagnostic.to_string().contains("verify/lists.sql:"));
        assert!(!project.has_table("users"), "nothing ran");
    }
}

/// A change that is not one transaction is there when its script runs.
#[test]
fn behind_an_index_that_is_built_concurrently() {
    block_on(async {
        let project = Project::new("postgres");
        project.write(
            "deploy/lists.sql",
            "CREATE TABLE lists (id integer);\nCREATE INDEX CONCURRENTLY lists_id ON lists (id);\n",
        );
        let (text, state) = project.failure().await;
        assert!(text.starts_with("verify/lists.sql:3:"), "{text}");
        assert!(matches!(state, DatabaseState::HalfDone { done: 2, .. }));
        project.write(
            "verify/lists.sql",
            "BEGIN;\nINSERT INTO lists VALUES (1);\nSELECT 1 / count(*) FROM pg_indexes WHERE indexname = 'lists_id';\nROLLBACK;\n",
        );
        assert_eq!(project.up().await, ["lists"]);
        assert_eq!(project.value("SELECT count(*) FROM lists"), "0");
    });
}

fn block_on(future: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(future);
}

macro_rules! engines {
    ($($test:ident)*) => {
        engines! { @ sqlite $($test)* }
        engines! { @ postgres $($test)* }
        engines! { @ mysql $($test)* }
    };
    (@ $engine:ident $($test:ident)*) => {
        mod $engine {
            $(
                #[test]
                fn $test() {
                    super::block_on(super::$test(stringify!($engine)));
                }
            )*
        }
    };
}

engines! {
    what_a_script_tries_is_taken_back
    a_script_that_fails_fails_its_change
    it_is_a_setting
    what_can_not_be_taken_back_is_refused
}
