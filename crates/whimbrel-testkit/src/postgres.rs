//! A private PostgreSQL.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::process::{Daemon, as_user, folder, free_port, give, run, succeeds, wait_for};

/// A server on a port of its own.
#[derive(Debug)]
pub struct PostgresServer {
    port: u16,
    bin: PathBuf,
    folder: PathBuf,
    daemon: Daemon,
}

/// This test process's server; started by the first who asks.
///
/// # Panics
/// No PostgreSQL is installed; the message says how to install it.
pub fn postgres() -> &'static PostgresServer {
    static SERVER: OnceLock<PostgresServer> = OnceLock::new();
    SERVER.get_or_init(PostgresServer::private)
}

/// The newest version under Debian's folder, or the one that `WHIMBREL_TEST_PG_BIN` names.
fn binaries() -> PathBuf {
    if let Some(path) = std::env::var_os("WHIMBREL_TEST_PG_BIN") {
        return path.into();
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .max_by_key(|bin| {
            let version = bin
                .parent()
                .and_then(Path::file_name)
                .map(|name| name.to_string_lossy().into_owned());
            version.and_then(|text| text.parse::<u32>().ok())
        });
    newest.expect("no PostgreSQL server is installed: run scripts/install-test-servers")
}

impl PostgresServer {
    /// A server for one test alone, which may kill it.
    ///
    /// # Panics
    /// As [`postgres`].
    pub fn private() -> Self {
        let bin = binaries();
        let folder = folder("postgres");
        let data = folder.join("data");
        std::fs::create_dir(&data).expect("a data folder");
        give(&folder, "postgres");
        let options = [
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "-D",
        ];
        run(as_user("postgres", &bin.join("initdb"))
            .args(options)
            .arg(&data)
            .current_dir(&folder));
        let server = Self {
            port: free_port(),
            bin,
            daemon: Daemon::new(folder.clone()),
            folder,
        };
        server.start();
        server
    }

    /// Starts it, again after [`PostgresServer::kill`].
    pub fn start(&self) {
        self.launch();
        wait_for("PostgreSQL", &self.folder, || {
            // After a crash the memory of the old one may not be free yet.
            if self.daemon.has_ended() {
                self.launch();
            }
            succeeds(self.psql("postgres").args(["-c", "SELECT 1"]))
        });
    }

    fn launch(&self) {
        let mut server = as_user("postgres", &self.bin.join("postgres"));
        server
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-p", &self.port.to_string(), "-k", ""])
            .current_dir(&self.folder);
        for setting in [
            "listen_addresses=127.0.0.1",
            // A killed process loses nothing that it handed to the system.
            "fsync=off",
            "max_connections=200",
        ] {
            server.args(["-c", setting]);
        }
        self.daemon.start(&mut server);
    }

    /// Ends it as a crash does.
    pub fn kill(&self) {
        self.daemon.kill();
    }

    /// Where it listens on the loopback address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Schema and data of a URL's database, without Whimbrel's own tables, by pg_dump.
    pub fn dump(&self, url: &str) -> String {
        let own = self.bin.join("pg_dump");
        let mut dump = Command::new(if own.exists() { own } else { "pg_dump".into() });
        let text = run(dump.args(["--exclude-table=whimbrel_*", "--inserts", "-d", url]));
        let kept =
            |line: &&str| !line.is_empty() && !line.starts_with("--") && !line.starts_with('\\');
        text.lines().filter(kept).collect::<Vec<_>>().join("\n")
    }

    fn psql(&self, database: &str) -> Command {
        let own = self.bin.join("psql");
        let mut command = Command::new(if own.exists() { own } else { "psql".into() });
        let port = self.port.to_string();
        command.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "postgres",
            "-d",
            database,
        ]);
        command
    }

    /// A new, empty database; gives its URL.
    pub fn database(&self) -> String {
        let name = crate::unique("test");
        run(self
            .psql("postgres")
            .args(["-c", &format!("CREATE DATABASE {name} TEMPLATE template0")]));
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Another user of a URL's database, who may keep a transaction open.
    ///
    /// # Panics
    /// psql can't be started.
    pub fn session(&self, url: &str) -> Session {
        let name = url.rsplit('/').next().unwrap_or_default();
        let mut psql = self.psql(name);
        psql.stdin(Stdio::piped()).stdout(Stdio::null());
        Session(psql.spawn().expect("psql starts"))
    }

    /// Runs SQL by psql in the database of a URL; gives what it prints.
    pub fn execute(&self, url: &str, sql: &str) -> String {
        let name = url.rsplit('/').next().unwrap_or_default();
        run(self.psql(name).args(["-c", sql])).trim().to_owned()
    }
}

/// A psql that stays open.
#[derive(Debug)]
pub struct Session(std::process::Child);

impl Session {
    /// Sends statements without waiting for them.
    ///
    /// # Panics
    /// psql has ended.
    pub fn send(&mut self, sql: &str) {
        let input = self.0.stdin.as_mut().expect("it was piped");
        writeln!(input, "{sql}").expect("psql reads");
        input.flush().expect("psql reads");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

impl PartialEq for PostgresServer {
    fn eq(&self, other: &Self) -> bool {
        self.port == other.port
    }
}

impl Eq for PostgresServer {}
