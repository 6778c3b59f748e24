//! The real binary in a folder, as tests of several kinds start it.
#![allow(dead_code)] // Each uses some of it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs it in a folder, with these variables and no others of this process.
pub(crate) fn whimbrel(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_whimbrel"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs([("USER", "ada"), ("HOSTNAME", "here"), ("TERM", "dumb")])
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Everything that it said.
pub(crate) fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The same, of a run that ended well.
pub(crate) fn succeeded(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{:?}: {}",
        output.status,
        told(output)
    );
    told(output)
}
