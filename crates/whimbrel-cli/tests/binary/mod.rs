//! The real binary in a folder, as tests of several kinds start it.
#![allow(dead_code)] // Each uses some of it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use whimbrel_testkit::Files;

/// A folder with these files in `migrations`.
pub(crate) fn project(files: &[(&str, &str)]) -> Files {
    let folder = Files::default();
    std::fs::create_dir(folder.at("migrations")).unwrap();
    for (name, text) in files {
        folder.write(&format!("migrations/{name}"), text);
    }
    folder
}

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

/// A run's end, with its two streams apart.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
