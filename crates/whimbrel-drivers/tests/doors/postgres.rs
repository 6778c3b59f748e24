//! PostgreSQL.

use std::path::Path;
use std::sync::OnceLock;

use whimbrel_core::driver::{DriverError, DriverErrorKind, SessionOptions};
use whimbrel_testkit::{Authority, PostgresServer};

use crate::house::{Authorities, House, PASSWORD, refused};

struct Guarded {
    server: PostgresServer,
    house: House,
}

fn guarded() -> &'static Guarded {
    static GUARDED: OnceLock<Guarded> = OnceLock::new();
    GUARDED.get_or_init(|| {
        let authorities: &Authorities = Box::leak(Box::new(Authorities::new()));
        let rules = "hostssl all tls 127.0.0.1/32 scram-sha-256\n\
            hostnossl all plain 127.0.0.1/32 scram-sha-256\n\
            host all scram 127.0.0.1/32 scram-sha-256\n\
            host all md5 127.0.0.1/32 md5\n\
            host all clear 127.0.0.1/32 password\n\
            local all scram scram-sha-256\n";
        let server = PostgresServer::guarded(&authorities.own.sign("localhost"), rules);
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port());
        let mut users = String::from("SET password_encryption = 'scram-sha-256';");
        for name in ["tls", "plain", "scram", "clear"] {
            users += &format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}';");
        }
        users += &format!(
            "SET password_encryption = 'md5'; CREATE ROLE md5 LOGIN PASSWORD '{PASSWORD}';"
        );
        server.execute(&url, &users);
        let house = House {
            authorities,
            scheme: "postgres",
            place: format!("{}/postgres", server.port()),
            mode: "sslmode",
            modes: ["disable", "prefer", "require", "verify-ca", "verify-full"],
            root: "sslrootcert",
            named_is_checked: true,
            question: (
                "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
                "f",
            ),
            users: ["scram", "tls"],
            bare: whimbrel_testkit::postgres().database(),
        };
        Guarded { server, house }
    })
}

crate::house::doors! { &guarded().house }

fn ask(url: &str, password: Option<&str>) -> Result<bool, DriverError> {
    guarded().house.ask(url, password)
}

fn url(user: &str, host: &str, settings: &str) -> String {
    guarded().house.url(user, host, settings)
}

fn with_root(mode: &str, root: &Path) -> String {
    guarded().house.with_root(mode, root)
}

#[test]
fn a_file_that_is_no_certificate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing\n").unwrap();
    for file in [empty, folder.path().join("nowhere.pem")] {
        let url = url("tls", "localhost", &with_root("verify-full", &file));
        let error = refused(ask(&url, Some(PASSWORD)));
        let name = file.display().to_string();
        assert!(error.message.contains(&name), "{error}");
    }
}

/// What many make for a first test, and what libpq believes when it is named.
#[test]
fn a_certificate_that_signed_itself_is_believed_where_it_is_named() {
    let authority = Authority::new();
    let alone = authority.alone("localhost");
    let server = PostgresServer::guarded(&alone, "");
    let url = |host: &str, mode: &str, root: &Path| {
        let port = server.port();
        let settings = with_root(mode, root);
        format!("postgres://postgres@{host}:{port}/postgres?{settings}")
    };
    for mode in ["require", "verify-ca", "verify-full"] {
        assert!(ask(&url("localhost", mode, &alone.certificate), None).unwrap());
        refused(ask(&url("localhost", mode, authority.certificate()), None));
    }
    assert!(ask(&url("127.0.0.1", "verify-ca", &alone.certificate), None).unwrap());
    refused(ask(
        &url("127.0.0.1", "verify-full", &alone.certificate),
        None,
    ));
}

#[test]
fn no_tls_is_said_by_its_name() {
    let url = format!("{}?sslmode=require", guarded().house.bare);
    let error = refused(ask(&url, None));
    assert!(error.message.contains("offers no TLS"), "{error}");
}

/// `prefer` takes what the server lets in.
#[test]
fn prefer_goes_without_tls_where_only_that_is_let_in() {
    assert!(!ask(&url("plain", "127.0.0.1", "sslmode=prefer"), Some(PASSWORD)).unwrap());
    let error = refused(ask(
        &url("plain", "127.0.0.1", "sslmode=require"),
        Some(PASSWORD),
    ));
    assert_eq!(error.kind, DriverErrorKind::Refused, "{error}");
    let error = refused(ask(
        &url("tls", "127.0.0.1", "sslmode=disable"),
        Some(PASSWORD),
    ));
    assert_eq!(error.kind, DriverErrorKind::Refused, "{error}");
    assert!(error.hint.unwrap().contains("sslmode"), "{}", error.message);
}

#[test]
fn every_way_to_ask_for_a_password_works() {
    for user in ["scram", "md5", "clear"] {
        let apart = url(user, "127.0.0.1", "");
        ask(&apart, Some(PASSWORD)).unwrap();
        ask(&url(&format!("{user}:{PASSWORD}"), "127.0.0.1", ""), None).unwrap();
        let error = refused(ask(&apart, Some("wrong")));
        assert_eq!(error.kind, DriverErrorKind::Refused, "{user}");
        let named = format!("password authentication failed for user \"{user}\"");
        assert!(error.message.contains(&named), "{error}");
        assert!(error.hint.unwrap().contains("the password"));
        for missing in [None, Some("")] {
            let error = refused(ask(&apart, missing));
            assert!(error.message.contains("wants a password"), "{error}");
        }
    }
}

#[test]
fn a_socket_s_folder_is_a_host() {
    let server = &guarded().server;
    let (folder, port) = (server.folder().display().to_string(), server.port());
    let encoded = folder.replace('/', "%2F");
    for url in [
        format!("postgres://scram@{encoded}:{port}/postgres"),
        format!("postgres://scram@/postgres?host={folder}&port={port}"),
        format!("host={folder} port={port} user=scram dbname=postgres sslmode=require"),
    ] {
        assert!(!ask(&url, Some(PASSWORD)).unwrap(), "{url}");
        refused(ask(&url, Some("wrong")));
    }
    let error = refused(ask("postgres://scram@/postgres?host=/nowhere", None));
    assert!(error.message.contains("/nowhere/.s.PGSQL.5432"), "{error}");
}

/// Cancelling takes a connection of its own, which is made in the same way.
#[test]
fn a_statement_is_cancelled_through_tls() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let good = with_root("verify-full", guarded().house.authorities.own.certificate());
    let url = url("tls", "localhost", &good);
    runtime.block_on(async {
        let connect = whimbrel_drivers::connector(&url, Some(PASSWORD), SessionOptions::default());
        let mut driver = connect.unwrap().connect().await.unwrap();
        let cancel = driver.canceller().unwrap();
        let sleep = driver.query("SELECT pg_sleep(60)");
        let watch = async {
            let waiting = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'tls' AND wait_event = 'PgSleep'";
            let server = &guarded().server;
            let plain = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port());
            while server.execute(&plain, waiting) != "1" {
                tokio::task::yield_now().await;
            }
            cancel.cancel().await.unwrap();
        };
        let (slept, ()) = tokio::join!(sleep, watch);
        assert_eq!(slept.unwrap_err().kind, DriverErrorKind::Cancelled);
    });
}

/// SCRAM is tied to the TLS connection where that can be had, and always if the URL says so.
#[test]
fn channel_binding_is_required_where_the_url_says_so() {
    let good = guarded().house.authorities.own.certificate();
    for (user, settings) in [
        ("tls", "channel_binding=require&sslmode=require".to_owned()),
        ("scram", "channel_binding=require".to_owned()),
        (
            "tls",
            format!("channel_binding=require&{}", with_root("verify-full", good)),
        ),
        ("tls", "channel_binding=prefer".to_owned()),
        ("tls", "channel_binding=disable".to_owned()),
        ("plain", "channel_binding=prefer&sslmode=disable".to_owned()),
    ] {
        let answer = ask(&url(user, "localhost", &settings), Some(PASSWORD));
        assert_eq!(answer.unwrap(), user != "plain", "{user} {settings}");
    }
    for (user, settings) in [
        // Without TLS there is nothing to bind to; MD5 and plain passwords can't be bound.
        ("scram", "channel_binding=require&sslmode=disable"),
        ("md5", "channel_binding=require&sslmode=require"),
        ("clear", "channel_binding=require&sslmode=require"),
    ] {
        let error = refused(ask(&url(user, "127.0.0.1", settings), Some(PASSWORD)));
        assert_eq!(error.kind, DriverErrorKind::Refused, "{user}: {error}");
        assert!(error.message.contains("channel_binding=require"), "{error}");
        assert!(error.hint.unwrap().contains("no pooler"), "{user}");
    }
    let wrong = url("tls", "127.0.0.1", "channel_binding=always");
    let built = whimbrel_drivers::connector(&wrong, None, SessionOptions::default());
    let told = built.err().unwrap().to_string();
    assert!(told.contains("one of disable, prefer, require"), "{told}");
}
