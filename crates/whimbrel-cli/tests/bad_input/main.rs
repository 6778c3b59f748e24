//! Whatever it is given, the binary says what is wrong, loses nothing and does not panic.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../binary/mod.rs"]
mod binary;
mod large;
mod noise;
mod trouble;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use binary::{project, told};
use whimbrel_testkit::Files;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_whimbrel");

pub(crate) struct Project(Files);

impl Project {
    pub(crate) fn new() -> Self {
        Self(project(&[]))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.at(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.0.write(name, bytes);
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(arguments).current_dir(self.0.path());
        command.env_clear().env("USER", "ada");
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

/// An exit code of its own, and words.
pub(crate) fn refused(output: &Output) {
    let text = told(output);
    assert!(
        matches!(output.status.code(), Some(1..=9)),
        "{:?}: {text}",
        output.status
    );
    assert!(text.contains("error["), "{text}");
    assert!(!text.contains("panicked"), "{text}");
}
