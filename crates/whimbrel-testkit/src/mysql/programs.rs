//! Which server is started, and how its data folder is made.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{as_user, is_root, run};
use crate::programs::{program, unpacked};

/// Who makes a server, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// Debian's MariaDB.
    MariaDb,
    /// The newest MariaDB that the tests run on.
    MariaDbNewest,
    /// MySQL 8.
    Mysql,
}

impl Maker {
    /// What people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::MariaDb | Self::MariaDbNewest => "MariaDB",
            Self::Mysql => "MySQL",
        }
    }

    /// The folder that it is unpacked in, which a variable may name; none if Debian has installed it.
    fn home(self) -> Option<PathBuf> {
        let (variable, package) = match self {
            Self::MariaDb => ("WHIMBREL_TEST_MARIADB", None),
            Self::MariaDbNewest => (
                "WHIMBREL_TEST_MARIADB_NEWEST",
                Some(("mariadb", include_str!("../../mariadb/package"))),
            ),
            Self::Mysql => (
                "WHIMBREL_TEST_MYSQL",
                Some(("mysql", include_str!("../../mysql/package"))),
            ),
        };
        let named = std::env::var_os(variable).map(PathBuf::from);
        named.or_else(|| {
            let (folder, package) = package?;
            let mut lines = package.lines();
            let version = lines.find_map(|line| line.strip_prefix("version="))?;
            let what = format!("{} {version}", self.name());
            Some(unpacked(&what, &format!("{folder}-{version}")))
        })
    }

    pub(super) fn server(self) -> PathBuf {
        match (self, self.home()) {
            (Self::Mysql, home) => home.expect("it is never Debian's").join("bin/mysqld"),
            (_, Some(home)) => home.join("bin/mariadbd"),
            (_, None) => program("mariadbd"),
        }
    }

    /// What its servers are started with besides what all are.
    pub(super) fn settings(self) -> Vec<String> {
        let home = self.home();
        let mut settings: Vec<_> = home.iter().map(|home| based(home)).collect();
        let own: &[_] = match self {
            // Since 11.4 it makes a certificate first, which takes longer than all else together.
            Self::MariaDb | Self::MariaDbNewest => &["--disable-ssl"],
            Self::Mysql => &[
                "--mysqlx=OFF",
                "--disable-log-bin",
                // Else some builds want a folder that only an installation makes.
                "--secure-file-priv=NULL",
                "--innodb-redo-log-capacity=16M",
            ],
        };
        settings.extend(own.iter().map(ToString::to_string));
        settings
    }

    /// Makes a data folder with a root who needs no password.
    pub(super) fn initialize(self, data: &Path) {
        let place = format!("--datadir={}", data.display());
        if self == Self::Mysql {
            let mut install = as_user("mysql", &self.server());
            install.args(["--no-defaults", "--initialize-insecure", &place]);
            // Nobody misses it if the machine fails meanwhile.
            install.args(["--innodb-flush-method=nosync", "--innodb-doublewrite=OFF"]);
            run(install.args(self.settings()));
            return;
        }
        let home = self.home();
        let script = home
            .as_ref()
            .map(|home| home.join("scripts/mariadb-install-db"));
        let mut install = Command::new(script.unwrap_or_else(|| program("mariadb-install-db")));
        install.args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]);
        install.arg(place);
        install.args(home.iter().map(|home| based(home)));
        // Others' servers that start meanwhile delete what is in the common folder.
        install.env("TMPDIR", data);
        if is_root() {
            install.arg("--user=mysql");
        }
        run(&mut install);
    }
}

fn based(home: &Path) -> String {
    format!("--basedir={}", home.display())
}
