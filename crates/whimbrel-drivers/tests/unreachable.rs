//! A server that is not there is told by its host and port, and never by a password.
#![allow(missing_docs, clippy::unwrap_used)]

use whimbrel_core::driver::{DriverError, DriverErrorKind, SessionOptions};

const PASSWORD: &str = "very-secret";

fn failed(url: &str) -> DriverError {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let connect = whimbrel_drivers::connector(url, Some(PASSWORD), SessionOptions::default());
    let connect = connect.unwrap();
    let error = runtime.block_on(async {
        let mut driver = connect.connect().await?;
        driver.read_history().await
    });
    let error = error.unwrap_err();
    assert_eq!(error.kind, DriverErrorKind::Connect, "{error}");
    let told = format!("{error} {:?} {:?}", error.hint, error.detail);
    assert!(!told.contains(PASSWORD), "{told}");
    error
}

#[test]
fn the_host_and_the_port_are_named() {
    for (url, place) in [
        ("postgres://ada:very-secret@127.0.0.1:1/x", "127.0.0.1:1"),
        ("mysql://ada:very-secret@127.0.0.1:1/x", "127.0.0.1:1"),
        ("mariadb://ada@nowhere.invalid/x", "nowhere.invalid:3306"),
        (
            "mysql://ada@localhost/x?socket=/no/such.sock",
            "the socket /no/such.sock",
        ),
        ("d1+http://127.0.0.1:1/account/db", "127.0.0.1:1"),
        (
            "d1+https://nowhere.invalid/account/db",
            "nowhere.invalid:443",
        ),
    ] {
        let error = failed(url);
        let start = format!("can't connect to {place}: ");
        assert!(error.message.starts_with(&start), "{url}: {error}");
        assert!(error.hint.unwrap().contains("check "), "{url}");
    }
}
