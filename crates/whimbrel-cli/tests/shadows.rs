//! `import --convert` killed while its shadow is there: the next one removes what is left, and never the shadow of
//! a run that lives.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use binary::{succeeded, whimbrel};

#[derive(Clone, Copy, PartialEq)]
enum Engine {
    Sqlite,
    Postgres,
    MariaDb,
    Mysql,
}

struct Project {
    folder: tempfile::TempDir,
    engine: Engine,
    url: String,
}

impl Project {
    fn new(engine: Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match engine {
            Engine::Sqlite => format!("sqlite:{}/app.db", folder.path().display()),
            Engine::Postgres => whimbrel_testkit::postgres().database(),
            Engine::MariaDb => whimbrel_testkit::mariadb().database(),
            Engine::Mysql => whimbrel_testkit::mysql().database(),
        };
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        let project = Self {
            folder,
            engine,
            url,
        };
        project.write("slow", project.endless());
        project.write("quick", "SELECT 1;");
        project
    }

    fn write(&self, name: &str, sql: &str) {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let text = format!("-- +goose Up\nCREATE TABLE a (id integer);\n{sql}\n");
        std::fs::write(folder.join("1_a.sql"), text).unwrap();
    }

    /// It works on until somebody ends it.
    fn endless(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => {
                "INSERT INTO a WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r;"
            }
            Engine::Postgres => "SELECT pg_sleep(3600);",
            Engine::MariaDb | Engine::Mysql => "SELECT SLEEP(3600);",
        }
    }

    /// A conversion that is at its endless statement.
    fn begun(&self, to: &str) -> Child {
        let here = self.folder.path();
        let child = Command::new(env!("CARGO_BIN_EXE_whimbrel"))
            .args([
                "import",
                "--convert",
                "--url",
                &self.url,
                "--dir",
                "slow",
                "--to",
                to,
            ])
            .current_dir(here)
            .env_clear()
            .envs([("USER", "ada"), ("HOSTNAME", "here")])
            .env("TMPDIR", here.join("tmp"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sleeping = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(3600)%' AND info NOT LIKE '%processlist%' AND db LIKE ";
        let working = match self.engine {
            Engine::Sqlite => return self.until_there(child),
            Engine::Postgres => {
                format!(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)%' AND state = 'active' AND datname LIKE '{}'",
                    self.pattern()
                )
            }
            Engine::MariaDb | Engine::Mysql => format!("{sleeping}'{}'", self.pattern()),
        };
        wait_for("the endless statement", || self.ask(&working) != "0");
        child
    }

    fn until_there(&self, child: Child) -> Child {
        wait_for("the shadow", || self.shadows().len() == 1);
        child
    }

    /// Converts, and gives what it said.
    fn converted(&self, to: &str) -> String {
        let here = self.folder.path();
        let tmp = here.join("tmp");
        let arguments = [
            "import",
            "--convert",
            "--url",
            &self.url,
            "--dir",
            "quick",
            "--to",
            to,
        ];
        succeeded(&whimbrel(
            here,
            &arguments,
            &[("TMPDIR", tmp.to_str().unwrap())],
        ))
    }

    /// What is left of this project's shadows.
    fn shadows(&self) -> Vec<String> {
        if self.engine == Engine::Sqlite {
            return listed(&self.folder.path().join("tmp"));
        }
        let sql = match self.engine {
            Engine::Postgres => "SELECT datname FROM pg_database WHERE datname LIKE ",
            _ => "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE ",
        };
        let said = self.ask(&format!("{sql}'{}'", self.pattern()));
        said.lines().map(str::to_owned).collect()
    }

    fn pattern(&self) -> String {
        let database = self
            .url
            .rsplit('/')
            .next()
            .unwrap()
            .split('?')
            .next()
            .unwrap();
        let end = &database[database.len().saturating_sub(16)..];
        format!("whimbrel_shadow_{end}_%").replace('_', r"\_")
    }

    fn ask(&self, sql: &str) -> String {
        match self.engine {
            Engine::Postgres => whimbrel_testkit::postgres().execute(&self.url, sql),
            Engine::MariaDb => whimbrel_testkit::mariadb().execute(&self.url, sql),
            _ => whimbrel_testkit::mysql().execute(&self.url, sql),
        }
    }

    /// The server works on at what the dead client asked for, until it is ended there.
    fn end_sessions(&self, shadow: &str) {
        match self.engine {
            Engine::Sqlite => {}
            Engine::Postgres => {
                self.ask(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{shadow}'"));
                let left = format!(
                    "SELECT count(*) FROM pg_stat_activity WHERE '{shadow}' IN (datname, application_name)"
                );
                wait_for("its sessions", || self.ask(&left) == "0");
            }
            // It looks every few seconds whether the client is still there.
            Engine::MariaDb | Engine::Mysql => {
                let free = format!(
                    "SELECT IS_FREE_LOCK('{shadow}') = 1 AND NOT EXISTS (SELECT 1 FROM information_schema.processlist WHERE db = '{shadow}')"
                );
                wait_for("its sessions", || self.ask(&free) == "1");
            }
        }
    }
}

fn listed(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "no end of waiting for {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn what_a_dead_run_left_goes_and_a_living_ones_stays(engine: Engine) {
    let project = Project::new(engine);
    let mut slow = project.begun("slow-native");
    let shadows = project.shadows();
    assert_eq!(shadows.len(), 1);
    let said = project.converted("first");
    assert!(!said.contains(&shadows[0]), "{said}");
    assert_eq!(project.shadows(), shadows, "it is wanted");

    // SIGKILL: nothing of it can run any more.
    slow.kill().unwrap();
    slow.wait().unwrap();
    assert_eq!(project.shadows(), shadows, "nobody removed it yet");
    if engine == Engine::Postgres {
        // While the server is still at work in it, it stays.
        project.converted("second");
        assert_eq!(project.shadows(), shadows);
    }
    project.end_sessions(&shadows[0]);
    let said = project.converted("third");
    assert!(
        said.contains(&format!(
            "{}, which a conversion that died left",
            shadows[0]
        )),
        "{said}"
    );
    assert_eq!(project.shadows(), Vec::<String>::new());
    assert!(!project.converted("fourth").contains("died"));
}

#[test]
fn on_sqlite() {
    what_a_dead_run_left_goes_and_a_living_ones_stays(Engine::Sqlite);
}

#[test]
fn on_postgres() {
    what_a_dead_run_left_goes_and_a_living_ones_stays(Engine::Postgres);
}

#[test]
fn on_mariadb() {
    what_a_dead_run_left_goes_and_a_living_ones_stays(Engine::MariaDb);
}

#[test]
fn on_mysql() {
    what_a_dead_run_left_goes_and_a_living_ones_stays(Engine::Mysql);
}
