//! Each server answers; one that is not installed fails the tests that need it, with what installs it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::process::Command;

use whimbrel_testkit::{Authority, ask, database};

fn answers(engine: &str) {
    let folder = tempfile::tempdir().unwrap();
    let url = database(engine, folder.path());
    let said = ask(engine, &url, "SELECT 6 * 7");
    assert!(said.contains("42"), "{said}");
}

macro_rules! servers {
    ($($engine:ident)*) => {
        const SERVERS: &[&str] = &[$(concat!("servers::", stringify!($engine))),*];

        mod servers {
            $(
                #[test]
                fn $engine() {
                    super::answers(stringify!($engine));
                }
            )*
        }
    };
}

servers! { postgres postgres_oldest postgres_newest mariadb mariadb_newest mysql d1 }

#[test]
fn certificates() {
    assert!(Authority::new().certificate().exists());
}

/// In this test binary itself, as in CI on a machine where the installation was forgotten.
fn fails_loudly(test: &str, variable: &str) {
    let empty = tempfile::tempdir().unwrap();
    let mut this = Command::new(std::env::current_exe().unwrap());
    this.args(["--exact", test, "--nocapture"]);
    let output = this.env(variable, empty.path()).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(101), "{test}: {said}");
    for part in [
        "is not installed: run scripts/install-test-servers",
        "0 passed; 1 failed; 0 ignored",
    ] {
        assert!(said.contains(part), "{test}: {said}");
    }
}

#[test]
fn a_server_that_is_not_installed_is_a_loud_failure() {
    for test in SERVERS {
        fails_loudly(test, "WHIMBREL_TEST_ROOT");
    }
}

#[test]
fn a_command_that_is_not_installed_is_a_loud_failure() {
    fails_loudly("certificates", "PATH");
}
