//! A private MariaDB or MySQL.

mod programs;

use std::process::Command;
use std::sync::OnceLock;

pub use self::programs::Maker;
use crate::certificates::Certificate;
use crate::process::{Daemon, as_user, give, run, succeeds, wait_for};
use crate::programs::program;

/// A server on a port of its own.
#[derive(Debug)]
pub struct MysqlServer {
    maker: Maker,
    pub(crate) daemon: Daemon,
    settings: Vec<String>,
}

/// This test process's server; started by the first who asks.
///
/// # Panics
/// No MariaDB is installed; the message says how to install it.
pub fn mariadb() -> &'static MysqlServer {
    static SERVER: OnceLock<MysqlServer> = OnceLock::new();
    SERVER.get_or_init(MysqlServer::private)
}

/// As [`mariadb`], the newest version that the tests run on.
///
/// # Panics
/// It is not installed; the message says how to install it.
pub fn mariadb_newest() -> &'static MysqlServer {
    static SERVER: OnceLock<MysqlServer> = OnceLock::new();
    SERVER.get_or_init(|| MysqlServer::private_of(Maker::MariaDbNewest))
}

/// As [`mariadb`], a MySQL 8.
///
/// # Panics
/// It is not installed; the message says how to install it.
pub fn mysql() -> &'static MysqlServer {
    static SERVER: OnceLock<MysqlServer> = OnceLock::new();
    SERVER.get_or_init(|| MysqlServer::private_of(Maker::Mysql))
}

impl MysqlServer {
    /// A MariaDB for one test alone, which may kill it.
    ///
    /// # Panics
    /// As [`mariadb`].
    pub fn private() -> Self {
        Self::private_of(Maker::MariaDb)
    }

    /// A server for one test alone, which may kill it.
    ///
    /// # Panics
    /// As [`mariadb`].
    pub fn private_of(maker: Maker) -> Self {
        let server = Self::new(maker);
        server.start();
        server
    }

    /// A private server that shows a certificate.
    ///
    /// # Panics
    /// As [`mariadb`].
    pub fn guarded(maker: Maker, certificate: &Certificate) -> Self {
        let mut server = Self::new(maker);
        for (option, file) in [
            ("--ssl-cert", &certificate.certificate),
            ("--ssl-key", &certificate.key),
        ] {
            let place = server.folder().join(option);
            std::fs::copy(file, &place).expect("a folder of our own");
            server
                .settings
                .push(format!("{option}={}", place.display()));
        }
        server.settings.retain(|setting| setting != "--disable-ssl");
        give(server.folder(), "mysql");
        server.start();
        server
    }

    fn new(maker: Maker) -> Self {
        let daemon = Daemon::new("mysql");
        let data = daemon.folder().join("data");
        std::fs::create_dir(&data).expect("a data folder");
        give(daemon.folder(), "mysql");
        maker.initialize(&data);
        Self {
            maker,
            daemon,
            settings: maker.settings(),
        }
    }

    /// What people call it.
    pub fn name(&self) -> &'static str {
        self.maker.name()
    }

    /// Starts it, again after [`Daemon::kill`].
    pub fn start(&self) {
        let mut server = as_user("mysql", &self.maker.server());
        server.args([
            "--no-defaults",
            "--bind-address=127.0.0.1",
            // A killed process loses nothing that it handed to the system, at 2.
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-buffer-pool-size=64M",
            "--max-connections=200",
        ]);
        let folder = self.folder();
        server.arg(format!("--port={}", self.port()));
        server.arg(format!("--datadir={}", folder.join("data").display()));
        // Each start deletes what older servers left there, also what another one still uses.
        server.arg(format!("--tmpdir={}", folder.join("data").display()));
        server.arg(format!("--socket={}", folder.join("m.sock").display()));
        server.arg(format!("--pid-file={}", folder.join("m.pid").display()));
        server.args(&self.settings);
        self.daemon.start(&mut server);
        wait_for(self.maker.name(), folder, || {
            succeeds(self.client("mysql").args(["-e", "SELECT 1"]))
        });
    }

    /// Schema and data of a URL's database, without Whimbrel's own tables, by mariadb-dump.
    pub fn dump(&self, url: &str) -> String {
        self.dumped(url, "--skip-extended-insert")
    }

    /// The same without the data.
    pub fn schema(&self, url: &str) -> String {
        self.dumped(url, "--no-data")
    }

    fn dumped(&self, url: &str, what: &str) -> String {
        let name = url.rsplit('/').next().unwrap_or_default();
        let mut dump = Command::new(program("mariadb-dump"));
        dump.args([
            "--no-defaults",
            "--protocol=tcp",
            "-h",
            "127.0.0.1",
            "-u",
            "root",
        ]);
        dump.arg(format!("--port={}", self.port()));
        dump.args(["--compact", what, "--routines", "--triggers"]);
        for table in ["applied", "log", "lock", "scripts"] {
            dump.arg(format!("--ignore-table={name}.whimbrel_{table}"));
        }
        let text = run(dump.arg(name));
        // The counter also counts what was rolled back, and the name is this test's own.
        let line = |line: &str| {
            let counted = line.split(" AUTO_INCREMENT=").collect::<Vec<_>>();
            counted.join(" ").replace(name, "db")
        };
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    fn client(&self, database: &str) -> Command {
        let mut command = Command::new(program("mariadb"));
        let port = self.port().to_string();
        command.args([
            "--no-defaults",
            "--protocol=tcp",
            "-h",
            "127.0.0.1",
            "-P",
            &port,
            "-u",
            "root",
            "-N",
            "-B",
            database,
        ]);
        command
    }

    /// A new, empty database; gives its URL.
    pub fn database(&self) -> String {
        let name = crate::unique("test");
        run(self.client("mysql").args([
            "-e",
            &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
        ]));
        format!("mysql://root@127.0.0.1:{}/{name}", self.port())
    }

    /// Runs SQL by the server's own client in the database of a URL; gives what it prints.
    pub fn execute(&self, url: &str, sql: &str) -> String {
        let name = url.rsplit('/').next().unwrap_or_default();
        run(self.client(name).args(["-e", sql])).trim().to_owned()
    }
}
