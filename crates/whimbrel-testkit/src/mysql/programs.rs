//! Where the servers' programs are, and how a data folder is made.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{as_user, cache, is_root, run};

/// Who makes a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// Debian's MariaDB.
    MariaDb,
    /// MySQL 8.
    Mysql,
}

/// What comes with Debian. The clients reach both makers' servers.
pub(super) fn installed(name: &str) -> PathBuf {
    let places = ["/usr/sbin", "/usr/bin", "/usr/local/bin"];
    let found = places
        .iter()
        .map(|place| Path::new(place).join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} is not installed: run scripts/install-test-servers"))
}

/// Where `scripts/install-test-servers` unpacks MySQL: a folder named after its package's version.
/// `WHIMBREL_TEST_MYSQL` names that of another version.
fn packaged() -> PathBuf {
    if let Some(home) = std::env::var_os("WHIMBREL_TEST_MYSQL") {
        return home.into();
    }
    let package = include_str!("../../mysql/package");
    let version = package
        .lines()
        .find_map(|line| line.strip_prefix("version="));
    let home = cache().join(format!("mysql-{}", version.expect("it names one")));
    assert!(
        home.join("complete").exists(),
        "MySQL 8 is not installed: run scripts/install-test-servers"
    );
    home
}

impl Maker {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::Mysql => "mysql",
        }
    }

    pub(super) fn server(self) -> PathBuf {
        match self {
            Self::MariaDb => installed("mariadbd"),
            Self::Mysql => packaged().join("bin/mysqld"),
        }
    }

    /// What its servers are started with besides what all are.
    pub(super) fn settings(self) -> Vec<String> {
        match self {
            Self::MariaDb => Vec::new(),
            Self::Mysql => vec![
                format!("--basedir={}", packaged().display()),
                "--mysqlx=OFF".to_owned(),
                "--disable-log-bin".to_owned(),
                // Else some builds want a folder that only an installation makes.
                "--secure-file-priv=NULL".to_owned(),
                "--innodb-redo-log-capacity=16M".to_owned(),
            ],
        }
    }

    /// Makes a data folder with a root who needs no password.
    pub(super) fn initialize(self, data: &Path) {
        let place = format!("--datadir={}", data.display());
        match self {
            Self::MariaDb => {
                let mut install = Command::new(installed("mariadb-install-db"));
                install.args([
                    "--no-defaults",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                ]);
                install.arg(place);
                // Others' servers that start meanwhile delete what is in the common folder.
                install.env("TMPDIR", data);
                if is_root() {
                    install.arg("--user=mysql");
                }
                run(&mut install);
            }
            Self::Mysql => {
                let mut install = as_user("mysql", &self.server());
                install.args(["--no-defaults", "--initialize-insecure", &place]);
                // Nobody misses it if the machine fails meanwhile.
                install.args(["--innodb-flush-method=nosync", "--innodb-doublewrite=OFF"]);
                run(install.args(self.settings()));
            }
        }
    }
}
