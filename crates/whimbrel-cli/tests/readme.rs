//! README's tour, as it is written there.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A fenced block of the tour: its language and its text.
fn blocks(readme: &str) -> Vec<(String, String)> {
    let (_, tour) = readme.split_once("## 60 seconds").unwrap();
    let (tour, _) = tour.split_once("\n## ").unwrap();
    let fences = tour.split("```").skip(1).step_by(2);
    let block = |fence: &str| {
        fence
            .split_once('\n')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
    };
    fences.map(|fence| block(fence).unwrap()).collect()
}

/// What differs from run to run: timestamps, times, durations, and the widths that come of them.
fn normalise(text: &str) -> Vec<String> {
    let word = |word: &str| {
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let path = word.rfind('/').map_or(0, |at| at + 1);
        let version = word[path..].bytes().take_while(u8::is_ascii_digit).count();
        if version == 14 {
            format!("{}VERSION{}", &word[..path], &word[path + 14..])
        } else if word.len() == 20 && word.ends_with('Z') {
            "TIME".to_owned()
        } else if digits > 0 && digits == word.trim_start_matches('(').len() {
            "N".to_owned()
        } else if word.starts_with('(') && word[1..].bytes().all(|b| b.is_ascii_digit()) {
            "(N".to_owned()
        } else {
            word.to_owned()
        }
    };
    let line = |line: &str| {
        line.split_whitespace()
            .map(word)
            .collect::<Vec<_>>()
            .join(" ")
    };
    text.lines().map(line).collect()
}

/// Everything that a command says, in the order in which it says it.
fn run(folder: &Path, command: &str) -> String {
    let arguments = command.strip_prefix("whimbrel ").unwrap();
    let path = folder.join("said.txt");
    let said = File::create(&path).unwrap();
    Command::new(env!("CARGO_BIN_EXE_whimbrel"))
        .args(arguments.split(' '))
        .current_dir(folder)
        .env_clear()
        .envs([("USER", "ada"), ("HOSTNAME", "workstation")])
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said)
        .status()
        .unwrap();
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_tour_is_true() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut newest = PathBuf::new();
    let mut commands = 0;
    for (language, text) in blocks(&readme) {
        if language == "sql" {
            std::fs::write(&newest, text).unwrap();
            continue;
        }
        for part in text.split("$ ").skip(1) {
            let (command, expected) = part.split_once('\n').unwrap();
            if command.starts_with("cargo") {
                continue;
            }
            let said = run(folder.path(), command);
            assert_eq!(normalise(&said), normalise(expected), "{command}");
            if command.starts_with("whimbrel new") {
                newest = folder.path().join(said.trim());
            }
            commands += 1;
        }
    }
    assert_eq!(commands, 7);
}
