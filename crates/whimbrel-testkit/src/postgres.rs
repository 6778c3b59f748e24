//! A private PostgreSQL.

mod binaries;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use self::binaries::{installed, packaged};
use crate::certificates::Certificate;
use crate::process::{Daemon, as_user, give, run, succeeds, wait_for};

/// A server on a port of its own.
#[derive(Debug)]
pub struct PostgresServer {
    bin: PathBuf,
    pub(crate) daemon: Daemon,
    settings: Vec<String>,
}

/// This test process's server; started by the first who asks.
///
/// # Panics
/// No PostgreSQL is installed; the message says how to install it.
pub fn postgres() -> &'static PostgresServer {
    static SERVER: OnceLock<PostgresServer> = OnceLock::new();
    SERVER.get_or_init(PostgresServer::private)
}

/// As [`postgres`], of the oldest version that the tests run on.
///
/// # Panics
/// It is not installed; the message says how to install it.
pub fn postgres_oldest() -> &'static PostgresServer {
    static SERVER: OnceLock<PostgresServer> = OnceLock::new();
    SERVER.get_or_init(|| PostgresServer::of(packaged("oldest")))
}

/// As [`postgres`], of the newest version that the tests run on.
///
/// # Panics
/// It is not installed; the message says how to install it.
pub fn postgres_newest() -> &'static PostgresServer {
    static SERVER: OnceLock<PostgresServer> = OnceLock::new();
    SERVER.get_or_init(|| PostgresServer::of(packaged("newest")))
}

impl PostgresServer {
    /// A server for one test alone, which may kill it.
    ///
    /// # Panics
    /// As [`postgres`].
    pub fn private() -> Self {
        Self::of(installed())
    }

    /// A private server that shows a certificate and asks for who comes, by the lines of its
    /// `pg_hba.conf`. The user `postgres` is let in at once, where TLS is used or not. It listens
    /// on a socket in [`Daemon::folder`] as well.
    ///
    /// # Panics
    /// As [`postgres`].
    pub fn guarded(certificate: &Certificate, rules: &str) -> Self {
        let mut server = Self::new(installed());
        let own = |name: &str, file: &std::path::Path| {
            let place = server.folder().join(name);
            run(std::process::Command::new("install")
                .args(["-m", "600"])
                .arg(file)
                .arg(&place));
            give(&place, "postgres");
            place.display().to_string()
        };
        let (file, key) = (
            own("server.pem", &certificate.certificate),
            own("server.key", &certificate.key),
        );
        let rules = format!("host all postgres 127.0.0.1/32 trust\n{rules}");
        std::fs::write(server.folder().join("data/pg_hba.conf"), rules)
            .expect("a folder of our own");
        server.settings = vec![
            "ssl=on".to_owned(),
            format!("ssl_cert_file={file}"),
            format!("ssl_key_file={key}"),
            format!("unix_socket_directories={}", server.folder().display()),
        ];
        server.start();
        server
    }

    fn of(bin: PathBuf) -> Self {
        let server = Self::new(bin);
        server.start();
        server
    }

    fn new(bin: PathBuf) -> Self {
        let daemon = Daemon::new("postgres");
        let data = daemon.folder().join("data");
        std::fs::create_dir(&data).expect("a data folder");
        give(daemon.folder(), "postgres");
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
            .current_dir(daemon.folder()));
        Self {
            bin,
            daemon,
            settings: Vec::new(),
        }
    }

    /// Starts it, again after [`Daemon::kill`].
    pub fn start(&self) {
        self.launch();
        wait_for("PostgreSQL", self.folder(), || {
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
            .arg(self.folder().join("data"))
            .args(["-p", &self.port().to_string(), "-k", ""])
            .current_dir(self.folder());
        for setting in [
            "listen_addresses=127.0.0.1",
            // A killed process loses nothing that it handed to the system.
            "fsync=off",
            "max_connections=200",
        ] {
            server.args(["-c", setting]);
        }
        for setting in &self.settings {
            server.args(["-c", setting]);
        }
        self.daemon.start(&mut server);
    }

    /// Schema and data of a URL's database, without Whimbrel's own tables, by pg_dump.
    pub fn dump(&self, url: &str) -> String {
        self.dumped(url, "--inserts")
    }

    /// The same without the data.
    pub fn schema(&self, url: &str) -> String {
        self.dumped(url, "--schema-only")
    }

    fn dumped(&self, url: &str, what: &str) -> String {
        let own = self.bin.join("pg_dump");
        let mut dump = Command::new(if own.exists() { own } else { "pg_dump".into() });
        let text = run(dump.args(["--exclude-table=whimbrel_*", what, "-d", url]));
        let kept =
            |line: &&str| !line.is_empty() && !line.starts_with("--") && !line.starts_with('\\');
        text.lines().filter(kept).collect::<Vec<_>>().join("\n")
    }

    fn psql(&self, database: &str) -> Command {
        let own = self.bin.join("psql");
        let mut command = Command::new(if own.exists() { own } else { "psql".into() });
        let port = self.port().to_string();
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
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port())
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
