//! How a MariaDB is reached: TLS, passwords, sockets.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;
use std::sync::OnceLock;

use whimbrel_core::driver::{DriverError, DriverErrorKind, SessionOptions};
use whimbrel_testkit::{Authority, Maker, MysqlServer, mariadb};

/// Characters that break URLs.
const PASSWORD: &str = "foo%hejsan2%t@o/b?#";

struct Guarded {
    server: MysqlServer,
    authority: Authority,
    other: Authority,
}

/// A server whose certificate is for `localhost`, by an authority that nobody else knows.
fn guarded() -> &'static Guarded {
    static GUARDED: OnceLock<Guarded> = OnceLock::new();
    GUARDED.get_or_init(|| {
        let authority = Authority::new();
        let server = MysqlServer::guarded(Maker::MariaDb, &authority.sign("localhost"));
        let sql = format!(
            "CREATE USER secure@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL; CREATE USER free@'%' IDENTIFIED BY '{PASSWORD}'"
        );
        server.execute("mysql://h/mysql", &sql);
        Guarded {
            server,
            authority,
            other: Authority::new(),
        }
    })
}

/// Connects; gives whether the line is encrypted, by the server.
fn ask(url: &str, password: &str) -> Result<bool, DriverError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let connect = whimbrel_drivers::connector(url, Some(password), SessionOptions::default());
        let mut driver = connect.unwrap().connect().await?;
        let rows = driver.query("SHOW STATUS LIKE 'Ssl_cipher'").await?;
        driver.close().await?;
        Ok(rows[0][1]
            .as_deref()
            .is_some_and(|cipher| !cipher.is_empty()))
    })
}

fn url(user: &str, host: &str, settings: &str) -> String {
    let port = guarded().server.port();
    format!("mysql://{user}@{host}:{port}/information_schema?{settings}")
}

fn with_root(mode: &str, root: &Path) -> String {
    format!("ssl-mode={mode}&ssl-ca={}", root.display())
}

fn refused(result: Result<bool, DriverError>) -> DriverError {
    let error = result.unwrap_err();
    let told = format!("{error} {:?}", error.hint);
    assert!(!told.contains(PASSWORD), "{told}");
    error
}

#[test]
fn ssl_mode_says_whether_the_line_is_encrypted() {
    for (settings, encrypted) in [
        ("ssl-mode=DISABLED", false),
        ("ssl-mode=PREFERRED", true),
        ("", true),
        ("ssl-mode=REQUIRED", true),
    ] {
        let answer = ask(&url("free", "127.0.0.1", settings), PASSWORD);
        assert_eq!(answer.unwrap(), encrypted, "{settings}");
    }
    refused(ask(
        &url("secure", "127.0.0.1", "ssl-mode=DISABLED"),
        PASSWORD,
    ));
}

#[test]
fn the_authority_and_the_name_are_checked() {
    let good = guarded().authority.certificate();
    for (mode, host) in [
        ("REQUIRED", "127.0.0.1"),
        ("VERIFY_CA", "localhost"),
        ("VERIFY_CA", "127.0.0.1"),
        ("VERIFY_IDENTITY", "localhost"),
    ] {
        let answer = ask(&url("secure", host, &with_root(mode, good)), PASSWORD);
        assert!(answer.unwrap(), "{mode} {host}");
    }
}

#[test]
fn a_stranger_is_not_believed() {
    let wrong = guarded().other.certificate();
    for mode in ["VERIFY_CA", "VERIFY_IDENTITY"] {
        for settings in [with_root(mode, wrong), format!("ssl-mode={mode}")] {
            let error = refused(ask(&url("secure", "localhost", &settings), PASSWORD));
            assert_eq!(error.kind, DriverErrorKind::Connect);
            assert!(error.message.contains("authority"), "{settings}: {error}");
            assert!(error.hint.unwrap().contains("ssl-ca"));
        }
    }
}

#[test]
fn another_name_is_not_believed() {
    let good = with_root("VERIFY_IDENTITY", guarded().authority.certificate());
    let error = refused(ask(&url("secure", "127.0.0.1", &good), PASSWORD));
    assert!(error.message.contains("localhost"), "{error}");
    assert!(error.hint.unwrap().contains("VERIFY_CA"));
}

#[test]
fn a_server_without_tls_is_said_so() {
    let url = mariadb().database();
    assert!(!ask(&format!("{url}?ssl-mode=PREFERRED"), "").unwrap());
    for mode in ["REQUIRED", "VERIFY_IDENTITY"] {
        let error = refused(ask(&format!("{url}?ssl-mode={mode}"), ""));
        assert_eq!(error.kind, DriverErrorKind::Connect, "{error}");
    }
}

#[test]
fn a_wrong_password_is_said_so() {
    let error = refused(ask(&url("free", "127.0.0.1", ""), "wrong"));
    assert_eq!(error.kind, DriverErrorKind::Refused);
    assert!(
        error.message.contains("'free'") && !error.message.contains("wrong"),
        "{error}"
    );
    assert!(error.hint.unwrap().contains("the password"));
}

#[test]
fn a_socket_is_a_way_in() {
    let socket = guarded().server.folder().join("m.sock");
    let url = format!(
        "mysql://free@localhost/information_schema?socket={}",
        socket.display()
    );
    assert!(!ask(&url, PASSWORD).unwrap());
    refused(ask(&url, "wrong"));
}
