//! A private PgBouncer.

use std::net::TcpStream;

use crate::certificates::Certificate;
use crate::postgres::PostgresServer;
use crate::process::{Daemon, as_user, give, run, wait_for};
use crate::programs::program;

/// When a pooler takes a server's connection back from a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// After each transaction.
    Transaction,
    /// When the client goes.
    Session,
}

/// A pooler in front of a server, with TLS and a password towards its clients.
#[derive(Debug)]
pub struct Pooler {
    daemon: Daemon,
}

impl Pooler {
    /// The password of the user `postgres`, which the pooler asks for.
    pub const PASSWORD: &'static str = "pool%pass";

    /// Starts one with `size` connections to the server for each database.
    ///
    /// # Panics
    /// PgBouncer is not installed; the message says how to install it.
    pub fn start(
        server: &PostgresServer,
        mode: PoolMode,
        size: u32,
        certificate: &Certificate,
    ) -> Self {
        let daemon = Daemon::new("pooler");
        let (folder, port) = (daemon.folder(), daemon.port());
        let place = |name: &str| folder.join(name).display().to_string();
        for (name, file) in [
            ("server.pem", &certificate.certificate),
            ("server.key", &certificate.key),
        ] {
            std::fs::copy(file, folder.join(name)).expect("a folder of our own");
        }
        let mode = match mode {
            PoolMode::Transaction => "transaction",
            PoolMode::Session => "session",
        };
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = {mode}\ndefault_pool_size = {size}\nclient_tls_sslmode = require\nclient_tls_cert_file = {}\nclient_tls_key_file = {}\n",
            server.port(),
            place("users.txt"),
            place("server.pem"),
            place("server.key"),
        );
        let users = format!("\"postgres\" \"{}\"\n", Self::PASSWORD);
        for (name, text) in [("users.txt", users), ("pooler.ini", settings)] {
            std::fs::write(folder.join(name), text).expect("a folder of our own");
        }
        give(folder, "postgres");
        run(std::process::Command::new("chmod")
            .arg("600")
            .arg(folder.join("server.key")));
        let mut command = as_user("postgres", &program("pgbouncer"));
        daemon.start(command.arg(folder.join("pooler.ini")));
        wait_for("PgBouncer", folder, || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self { daemon }
    }

    /// The way through the pooler to the database of a server's URL.
    pub fn url(&self, url: &str) -> String {
        let name = url.rsplit('/').next().unwrap_or_default();
        format!(
            "postgres://postgres@localhost:{}/{name}",
            self.daemon.port()
        )
    }
}
