//! A private MariaDB.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::process::{as_user, folder, free_port, give, is_root, run, succeeds, wait_for, watch};

/// A server on a port of its own.
#[derive(Debug)]
pub struct MariaDbServer {
    port: u16,
}

/// This test process's server; started by the first who asks.
///
/// # Panics
/// No MariaDB is installed; the message says how to install it.
pub fn mariadb() -> &'static MariaDbServer {
    static SERVER: OnceLock<MariaDbServer> = OnceLock::new();
    SERVER.get_or_init(MariaDbServer::start)
}

fn program(name: &str) -> PathBuf {
    let places = ["/usr/sbin", "/usr/bin", "/usr/local/bin"];
    let found = places
        .iter()
        .map(|place| Path::new(place).join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} is not installed: run scripts/install-test-servers"))
}

impl MariaDbServer {
    fn start() -> Self {
        let folder = folder("mariadb");
        let data = folder.join("data");
        std::fs::create_dir(&data).expect("a data folder");
        give(&folder, "mysql");
        let mut install = Command::new(program("mariadb-install-db"));
        install.args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]);
        install.arg(format!("--datadir={}", data.display()));
        if is_root() {
            install.arg("--user=mysql");
        }
        run(&mut install);
        let port = free_port();
        let mut server = as_user("mysql", &program("mariadbd"));
        server.args([
            "--no-defaults",
            "--bind-address=127.0.0.1",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=64M",
        ]);
        server.arg(format!("--port={port}"));
        server.arg(format!("--datadir={}", data.display()));
        server.arg(format!("--socket={}", folder.join("m.sock").display()));
        server.arg(format!("--pid-file={}", folder.join("m.pid").display()));
        watch(&mut server, &folder);
        let started = Self { port };
        wait_for("MariaDB", &folder, || {
            succeeds(started.client("mysql").args(["-e", "SELECT 1"]))
        });
        started
    }

    fn client(&self, database: &str) -> Command {
        let mut command = Command::new(program("mariadb"));
        let port = self.port.to_string();
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
        format!("mysql://root@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs SQL by the server's own client in the database of a URL; gives what it prints.
    pub fn execute(&self, url: &str, sql: &str) -> String {
        let name = url.rsplit('/').next().unwrap_or_default();
        run(self.client(name).args(["-e", sql])).trim().to_owned()
    }
}
