//! MariaDB, Debian's and the newest, and MySQL 8.

use std::sync::OnceLock;

use whimbrel_core::driver::DriverErrorKind;
use whimbrel_testkit::{Maker, MysqlServer};

use crate::house::{Authorities, House, PASSWORD, refused};

struct Guarded {
    server: MysqlServer,
    house: House,
}

fn guard(maker: Maker, bare: &str) -> Guarded {
    let authorities: &Authorities = Box::leak(Box::new(Authorities::new()));
    let server = MysqlServer::guarded(maker, &authorities.own.sign("localhost"));
    let users = format!(
        "CREATE USER secure@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL; CREATE USER free@'%' IDENTIFIED BY '{PASSWORD}'"
    );
    server.execute("mysql://h/mysql", &users);
    let house = House {
        authorities,
        scheme: "mysql",
        place: format!("{}/information_schema", server.port()),
        mode: "ssl-mode",
        modes: [
            "DISABLED",
            "PREFERRED",
            "REQUIRED",
            "VERIFY_CA",
            "VERIFY_IDENTITY",
        ],
        root: "ssl-ca",
        named_is_checked: false,
        question: ("SHOW STATUS LIKE 'Ssl_cipher'", ""),
        users: ["free", "secure"],
        bare: bare.to_owned(),
    };
    Guarded { server, house }
}

/// Debian's has no certificate unless it is given one; MySQL makes its own.
fn bare() -> String {
    whimbrel_testkit::mariadb().database()
}

fn maria() -> &'static Guarded {
    static GUARDED: OnceLock<Guarded> = OnceLock::new();
    GUARDED.get_or_init(|| guard(Maker::MariaDb, &bare()))
}

fn maria_newest() -> &'static Guarded {
    static GUARDED: OnceLock<Guarded> = OnceLock::new();
    GUARDED.get_or_init(|| guard(Maker::MariaDbNewest, &bare()))
}

fn mysql() -> &'static Guarded {
    static GUARDED: OnceLock<Guarded> = OnceLock::new();
    GUARDED.get_or_init(|| guard(Maker::Mysql, &bare()))
}

fn a_socket_is_a_way_in(guarded: &Guarded) {
    let socket = guarded.server.folder().join("m.sock");
    let url = format!(
        "mysql://free@localhost/information_schema?socket={}",
        socket.display()
    );
    assert!(!guarded.house.ask(&url, Some(PASSWORD)).unwrap());
    refused(guarded.house.ask(&url, Some("wrong")));
}

mod on_mariadb {
    crate::house::doors! { &super::maria().house }

    #[test]
    fn a_socket_is_a_way_in() {
        super::a_socket_is_a_way_in(super::maria());
    }
}

mod on_mariadb_newest {
    crate::house::doors! { &super::maria_newest().house }
}

mod on_mysql {
    crate::house::doors! { &super::mysql().house }

    #[test]
    fn a_socket_is_a_way_in() {
        super::a_socket_is_a_way_in(super::mysql());
    }
}

/// MySQL asks for the password itself unless it has seen it since it started: through TLS, or
/// encrypted by the server's key where the line is not.
#[test]
fn every_way_to_ask_for_a_password_works() {
    let Guarded { server, house } = mysql();
    for plugin in ["caching_sha2_password", "mysql_native_password"] {
        for mode in ["DISABLED", "REQUIRED"] {
            let user = format!("{plugin}_{mode}").to_lowercase();
            let user = &user[..user.len().min(32)];
            server.execute(
                "mysql://h/mysql",
                &format!("CREATE USER {user}@'%' IDENTIFIED WITH {plugin} BY '{PASSWORD}'"),
            );
            let url = house.url(user, "127.0.0.1", &house.with_mode(mode));
            // Before it was seen, and after.
            for _ in 0..2 {
                let encrypted = house.ask(&url, Some(PASSWORD)).unwrap();
                assert_eq!(encrypted, mode == "REQUIRED", "{user}");
            }
            for wrong in [Some("wrong"), Some(""), None] {
                let error = refused(house.ask(&url, wrong));
                assert_eq!(error.kind, DriverErrorKind::Refused, "{user}: {error}");
                assert!(error.hint.unwrap().contains("the password"));
            }
        }
    }
}
