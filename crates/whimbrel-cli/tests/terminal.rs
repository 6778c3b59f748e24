//! What is shown on a terminal and nowhere else, and what is asked there. `script` (util-linux)
//! makes the terminal.
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a command on a terminal of 80 columns; gives what is on it, and the exit code.
fn on_terminal(folder: &Path, line: &str, typed: &str, more: &[(&str, &str)]) -> (String, i32) {
    let binary = env!("CARGO_BIN_EXE_whimbrel");
    let mut child = Command::new("script")
        .args([
            "-qec",
            &format!("stty cols 80 rows 24; {binary} {line}"),
            "/dev/null",
        ])
        .current_dir(folder)
        .env_clear()
        .envs([
            ("PATH", "/usr/bin:/bin"),
            ("USER", "ada"),
            ("HOSTNAME", "here"),
        ])
        .envs([("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8")])
        .envs(more.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keyboard = child.stdin.take().unwrap();
    keyboard.write_all(typed.as_bytes()).unwrap();
    // Its end would be the terminal's: it stays open until the command has ended.
    let output = child.wait_with_output().unwrap();
    drop(keyboard);
    let text = String::from_utf8(output.stdout).unwrap();
    (text, output.status.code().unwrap())
}

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("migrations")).unwrap();
    let settings = "url = \"sqlite:birds.db\"\n";
    std::fs::write(folder.path().join("whimbrel.toml"), settings).unwrap();
    for n in 1..=3 {
        let text = format!("CREATE TABLE t{n} (i int);\n-- Rollback\n-- DROP TABLE t{n};\n");
        std::fs::write(folder.path().join(format!("migrations/00{n}_t.sql")), text).unwrap();
    }
    folder
}

const BAR: char = '\u{2591}';
const GREEN: &str = "\u{1b}[38;5;10m";
const CYAN: &str = "\u{1b}[36m";

#[test]
fn colours_and_the_bar_are_for_terminals() {
    let folder = project();
    let (up, code) = on_terminal(folder.path(), "up", "", &[]);
    assert_eq!(code, 0, "{up}");
    assert!(up.contains(BAR) && up.contains(CYAN), "{up}");
    assert!(
        on_terminal(folder.path(), "status", "", &[])
            .0
            .contains(GREEN)
    );
    for (line, variables) in [
        ("status --no-color", &[][..]),
        ("status", &[("NO_COLOR", "1")][..]),
        ("status", &[("TERM", "dumb")][..]),
        ("status | cat", &[][..]),
    ] {
        let (status, _) = on_terminal(folder.path(), line, "", variables);
        assert!(
            status.contains("applied") && !status.contains('\u{1b}'),
            "{line}: {status}"
        );
    }
    let (redo, _) = on_terminal(folder.path(), "redo --no-color", "", &[]);
    assert!(redo.contains(BAR) && !redo.contains(CYAN), "{redo}");
    let (quiet, _) = on_terminal(folder.path(), "redo -q", "", &[]);
    assert!(!quiet.contains(BAR), "{quiet}");
}

#[test]
fn reset_asks_for_the_databases_name() {
    let folder = project();
    assert_eq!(on_terminal(folder.path(), "up -q", "", &[]).1, 0);
    let (asked, code) = on_terminal(folder.path(), "reset", "bird\n", &[]);
    assert_eq!(code, 130, "{asked}");
    assert!(
        asked.contains("Type the database's name (birds) to go on:"),
        "{asked}"
    );
    let (status, _) = on_terminal(folder.path(), "status", "", &[]);
    assert!(status.contains("3 applied"), "{status}");
    let (done, code) = on_terminal(folder.path(), "reset", "birds\n", &[]);
    assert_eq!(code, 0, "{done}");
    assert!(done.contains("Undid 3 migrations"), "{done}");
}
