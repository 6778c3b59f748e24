//! One form for all engines: a fresh database, a run, what there is afterwards.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use whimbrel_testkit::{D1Server, MysqlServer, PostgresServer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine<'s> {
    Postgres(&'s PostgresServer),
    MariaDb(&'s MysqlServer),
    Sqlite,
    /// With its write-ahead log; the other has a rollback journal.
    SqliteWal,
    D1(&'s D1Server),
}

pub(crate) fn d1() -> Engine<'static> {
    Engine::D1(whimbrel_testkit::d1())
}

impl Engine<'_> {
    pub(crate) fn is_sqlite(self) -> bool {
        matches!(self, Self::Sqlite | Self::SqliteWal)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres(_) => "PostgreSQL",
            Self::MariaDb(server) => server.name(),
            Self::D1(_) => "D1",
            Self::Sqlite => "SQLite",
            Self::SqliteWal => "SQLite (WAL)",
        }
    }
}

pub(crate) fn postgres() -> Engine<'static> {
    Engine::Postgres(whimbrel_testkit::postgres())
}

pub(crate) fn mariadb() -> Engine<'static> {
    Engine::MariaDb(whimbrel_testkit::mariadb())
}

pub(crate) fn mysql() -> Engine<'static> {
    Engine::MariaDb(whimbrel_testkit::mysql())
}

/// A folder with migrations, and an empty database.
pub(crate) struct Project<'s> {
    pub(crate) engine: Engine<'s>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) url: String,
}

/// How a run of the binary ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// None if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

impl<'s> Project<'s> {
    pub(crate) fn new(engine: Engine<'s>, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match engine {
            Engine::Postgres(server) => server.database(),
            Engine::MariaDb(server) => server.database(),
            Engine::Sqlite | Engine::SqliteWal => {
                format!("sqlite:{}/test.db", folder.path().display())
            }
            Engine::D1(server) => server.database(),
        };
        if engine == Engine::SqliteWal {
            let mode = "PRAGMA journal_mode = wal";
            assert_eq!(sqlite_rows(&folder.path().join("test.db"), mode), "wal\n");
        }
        std::fs::create_dir(folder.path().join("migrations")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join("migrations").join(name), text).unwrap();
        }
        Self {
            engine,
            folder,
            url,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The binary, with quick retries, about to run a command.
    pub(crate) fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whimbrel"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs([("USER", "ada"), ("HOSTNAME", "here"), ("TERM", "dumb")])
            .env("CLOUDFLARE_API_TOKEN", D1Server::TOKEN)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("DATABASE_URL", &self.url)
            .envs([("WHIMBREL_RETRIES", "8"), ("WHIMBREL_RETRY_DELAY", "50ms")])
            .envs(variables.iter().copied())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let output = self.command(arguments, variables).output().unwrap();
        Run::of(&output)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, &[])
    }

    /// A command line as it was printed, which must end well.
    pub(crate) fn shell(&self, line: &str) -> Run {
        let folder = Path::new(env!("CARGO_BIN_EXE_whimbrel")).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", folder.display());
        let whimbrel = self.command(&[], &[]);
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(self.folder.path());
        shell.env_clear();
        shell.envs(
            whimbrel
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let run = Run::of(&shell.env("PATH", path).output().unwrap());
        assert_eq!(run.code, Some(0), "{line}: {}", run.said);
        run
    }

    /// A run that must end well.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.said);
        run
    }

    /// The number of points that a run passes.
    pub(crate) fn points(&self, arguments: &[&str]) -> u64 {
        let file = self.path("points");
        let variable = format!("count:{}", file.display());
        let run = self.run_with(arguments, &[("WHIMBREL_FAILPOINT", &variable)]);
        assert_eq!(run.code, Some(0), "{}", run.said);
        std::fs::read_to_string(file).unwrap().parse().unwrap()
    }

    /// Schema, data and history, without what differs between any two runs.
    pub(crate) fn all(&self) -> String {
        const HISTORY: &str = "SELECT source, version, name, kind, sequence, checksum, down_checksum FROM whimbrel_applied ORDER BY sequence";
        // Nothing is open. The lock may bear the name of the dead: the next who needs it takes it.
        const OPEN: &str = "SELECT version, state FROM whimbrel_log WHERE state = 'started'";
        match self.engine {
            Engine::Postgres(server) => {
                let query = |sql| server.execute(&self.url, sql);
                let dump = server.dump(&self.url);
                format!("{dump}\n{}\n{}", query(HISTORY), query(OPEN))
            }
            Engine::MariaDb(server) => {
                let query = |sql| server.execute(&self.url, sql);
                let dump = server.dump(&self.url);
                format!("{dump}\n{}\n{}", query(HISTORY), query(OPEN))
            }
            Engine::D1(server) => {
                let rows = |sql| server.rows(&self.url, sql);
                format!(
                    "{}\n{}\n{}",
                    d1_dump(server, &self.url),
                    rows(HISTORY),
                    rows(OPEN)
                )
            }
            Engine::Sqlite | Engine::SqliteWal => {
                let file = self.path("test.db");
                let query = |sql| sqlite_rows(&file, sql);
                format!(
                    "{}\n{}\n{}",
                    sqlite_dump(&file),
                    query(HISTORY),
                    query(OPEN)
                )
            }
        }
    }
}

impl Project<'_> {
    pub(crate) fn execute(&self, sql: &str) -> String {
        match self.engine {
            Engine::Postgres(server) => server.execute(&self.url, sql),
            Engine::MariaDb(server) => server.execute(&self.url, sql),
            Engine::D1(server) => server.rows(&self.url, sql),
            Engine::Sqlite | Engine::SqliteWal => sqlite_rows(&self.path("test.db"), sql),
        }
    }

    /// One statement that gives no rows.
    pub(crate) fn change(&self, sql: &str) {
        match self.engine {
            Engine::D1(server) => drop(server.execute(&self.url, sql)),
            Engine::Sqlite | Engine::SqliteWal => {
                let file = self.path("test.db");
                let connection = rusqlite::Connection::open(file).unwrap();
                connection.execute_batch(sql).unwrap();
            }
            _ => drop(self.execute(sql)),
        }
    }

    /// SQLite alone: none while the table is not there.
    pub(crate) fn try_execute(&self, sql: &str) -> Option<String> {
        let connection = rusqlite::Connection::open(self.path("test.db")).ok()?;
        connection.prepare(sql).is_ok().then(|| self.execute(sql))
    }
}

impl Run {
    pub(crate) fn of(output: &std::process::Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            said: text(&output.stdout) + &text(&output.stderr),
        }
    }
}

/// The printed command that has a flag.
pub(crate) fn told(said: &str, flag: &str) -> String {
    let mut lines = said.lines().map(|line| line.trim_start_matches(['|', ' ']));
    let start = |line: &str| line.find("whimbrel repair ");
    let line = lines.find_map(|line| Some(&line[start(line).filter(|_| line.contains(flag))?..]));
    let line = line.map(|line| line.split('`').next().unwrap_or(line));
    line.unwrap_or_else(|| panic!("no command with {flag}: {said}"))
        .to_owned()
}

fn sqlite_rows(file: &Path, sql: &str) -> String {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection
        .busy_timeout(std::time::Duration::from_secs(20))
        .unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut text = String::new();
    while let Some(row) = rows.next().unwrap() {
        let value = |index| match row.get_ref(index).unwrap() {
            rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        };
        let row: Vec<_> = (0..columns).map(value).collect();
        text.push_str(&row.join("|"));
        text.push('\n');
    }
    text
}

fn d1_dump(server: &D1Server, url: &str) -> String {
    const OBJECTS: &str = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE '%whimbrel%' AND name NOT LIKE '!_cf%' ESCAPE '!' ORDER BY name";
    let mut text = server.rows(url, OBJECTS);
    for table in text.clone().split("\"type\":\"table\",\"name\":\"").skip(1) {
        let name = table.split('"').next().unwrap_or_default();
        text.push_str(&server.rows(url, &format!("SELECT * FROM {name} ORDER BY 1")));
    }
    text
}

fn sqlite_dump(file: &Path) -> String {
    let objects = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'whimbrel%' AND name NOT LIKE 'sqlite_autoindex_whimbrel%' ORDER BY name";
    let mut text = sqlite_rows(file, objects);
    let connection = rusqlite::Connection::open(file).unwrap();
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'whimbrel%' ORDER BY name")
        .unwrap();
    let names = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    for name in names {
        text.push_str(&sqlite_rows(
            file,
            &format!("SELECT * FROM \"{}\"", name.unwrap()),
        ));
    }
    text
}

/// Runs `work` for each number, several at a time; the first panic is passed on.
pub(crate) fn in_parallel(numbers: impl IntoIterator<Item = u64>, work: impl Fn(u64) + Sync) {
    let numbers: Vec<u64> = numbers.into_iter().collect();
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(&number) = numbers
                    .get(usize::try_from(next.fetch_add(1, Ordering::SeqCst)).unwrap_or(usize::MAX))
                {
                    work(number);
                }
            });
        }
    });
}

/// Every point, or every `step`th where `WHIMBREL_STORM=all` does not ask for all.
pub(crate) fn some(points: u64, step: usize) -> impl Iterator<Item = u64> {
    let all = std::env::var("WHIMBREL_STORM").is_ok_and(|value| value == "all");
    (1..=points).step_by(if all { 1 } else { step })
}
