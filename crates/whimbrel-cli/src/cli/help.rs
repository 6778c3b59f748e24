//! What `--help` says below the options: examples and exit codes.

use std::fmt::Write;

use clap::builder::StyledStr;

use crate::exit;

type Examples = &'static [(&'static str, &'static str)];

/// What any command that reads the settings may end with.
const SETTINGS: &[u8] = &[exit::OK, exit::USAGE];
/// ... that also looks at files and the database.
const LOOKING: &[u8] = &[exit::OK, exit::USAGE, exit::REFUSED, exit::DATABASE];
/// ... that also writes the history.
const RECORDING: &[u8] = &[
    exit::OK,
    exit::USAGE,
    exit::REFUSED,
    exit::DATABASE,
    exit::LOCKED,
    exit::CANCELLED,
];
/// ... that runs migrations.
const RUNNING: &[u8] = &[
    exit::OK,
    exit::FAILED,
    exit::USAGE,
    exit::REFUSED,
    exit::DATABASE,
    exit::LOCKED,
    exit::CANCELLED,
];

pub(super) fn whimbrel() -> StyledStr {
    let examples = &[
        ("whimbrel init", "begin: settings, folder, history tables"),
        ("whimbrel new create_users", "write a new migration file"),
        ("whimbrel plan", "show what `up` would do"),
        ("whimbrel up", "apply what is pending"),
        ("whimbrel status", "show the state of every migration"),
        ("whimbrel down", "undo the last batch"),
    ];
    let codes: Vec<u8> = exit::MEANINGS.iter().map(|&(code, _)| code).collect();
    page(examples, &codes)
}

pub(super) fn init() -> StyledStr {
    let examples = &[
        ("whimbrel init", "begin with SQLite, in whimbrel.db"),
        (
            "whimbrel init --url postgres://localhost/app",
            "begin with PostgreSQL",
        ),
        (
            "whimbrel -C services/billing init",
            "begin in another folder",
        ),
    ];
    page(examples, LOOKING)
}

pub(super) fn new() -> StyledStr {
    let examples = &[
        (
            "whimbrel new create_users",
            "one file, with a place for its rollback",
        ),
        ("whimbrel new \"add posts\" --pair", "two files"),
        ("whimbrel new active_users --repeatable", "a view, say"),
        ("$EDITOR \"$(whimbrel new -q x)\"", "open it at once"),
    ];
    page(examples, &[exit::OK, exit::USAGE, exit::REFUSED])
}

pub(super) fn status() -> StyledStr {
    let examples = &[
        ("whimbrel status", "the table"),
        (
            "whimbrel status --check",
            "in a deploy script: is anything pending?",
        ),
        ("whimbrel status --json", "for programs"),
    ];
    let codes = &[
        exit::OK,
        exit::USAGE,
        exit::PENDING,
        exit::REFUSED,
        exit::DATABASE,
    ];
    page(examples, codes)
}

pub(super) fn plan() -> StyledStr {
    let examples = &[
        ("whimbrel plan", "what `up` would do"),
        ("whimbrel plan --to 0042", "what `up --to 0042` would do"),
        ("whimbrel plan --dry-run", "the same with the exact SQL"),
    ];
    page(examples, LOOKING)
}

pub(super) fn up() -> StyledStr {
    let examples = &[
        ("whimbrel up", "apply everything that is pending"),
        ("whimbrel up --dry-run", "print the exact SQL, run nothing"),
        ("whimbrel up --steps 1", "only the next one"),
        ("whimbrel up --to 0042", "up to 0042, which is applied too"),
        ("whimbrel up 0042 0044", "only these two"),
        (
            "whimbrel up --placeholder tenant=acme",
            "with a value for ${tenant}",
        ),
        ("whimbrel up --env production", "where the settings say"),
    ];
    page(examples, RUNNING)
}

pub(super) fn down() -> StyledStr {
    let examples = &[
        ("whimbrel down", "undo what the last `up` applied"),
        (
            "whimbrel down --dry-run",
            "print the exact SQL, run nothing",
        ),
        ("whimbrel down --steps 2", "only the last two"),
        ("whimbrel down --to 0042", "down to 0042, which stays"),
        ("whimbrel down 0044", "only this one"),
        ("whimbrel down --all", "everything"),
    ];
    page(examples, RUNNING)
}

pub(super) fn redo() -> StyledStr {
    let examples = &[
        ("whimbrel redo", "after editing the newest migration"),
        (
            "whimbrel redo --dry-run",
            "print the exact SQL of both, run nothing",
        ),
    ];
    page(examples, RUNNING)
}

pub(super) fn reset() -> StyledStr {
    let examples = &[
        ("whimbrel reset", "asks for the database's name"),
        ("whimbrel reset --yes", "in a script"),
        (
            "whimbrel reset --dry-run",
            "print the exact SQL, run nothing",
        ),
    ];
    page(examples, RUNNING)
}

pub(super) fn import() -> StyledStr {
    let examples = &[
        ("whimbrel import --dry-run", "show what would be recorded"),
        ("whimbrel import", "find the tool and take its history over"),
        (
            "whimbrel import --from flyway --history-table ops.history",
            "a table of another name",
        ),
    ];
    page(examples, RECORDING)
}

pub(super) fn baseline() -> StyledStr {
    let examples = &[
        (
            "whimbrel baseline 0042",
            "everything up to 0042 is there already",
        ),
        (
            "whimbrel baseline 0042 --dry-run",
            "print the exact SQL, run nothing",
        ),
    ];
    page(examples, RECORDING)
}

pub(super) fn repair() -> StyledStr {
    let examples = &[
        ("whimbrel repair", "what is open?"),
        (
            "whimbrel repair 0042 --done",
            "its statement happened: go on after it",
        ),
        ("whimbrel repair 0042 --again", "it did not: run it again"),
        (
            "whimbrel repair 0042 --restart",
            "what 0042 did was taken back by hand",
        ),
        (
            "whimbrel repair 0042 --accept",
            "its changed file is what the database has",
        ),
    ];
    page(examples, RECORDING)
}

pub(super) fn unlock() -> StyledStr {
    let examples = &[
        ("whimbrel unlock", "shows who holds it, and asks"),
        ("whimbrel unlock --yes", "in a script"),
    ];
    page(
        examples,
        &[exit::OK, exit::USAGE, exit::DATABASE, exit::CANCELLED],
    )
}

pub(super) fn completions() -> StyledStr {
    let examples = &[
        (
            "whimbrel completions bash > ~/.local/share/bash-completion/completions/whimbrel",
            "",
        ),
        ("whimbrel completions zsh > \"${fpath[1]}/_whimbrel\"", ""),
        (
            "whimbrel completions fish > ~/.config/fish/completions/whimbrel.fish",
            "",
        ),
    ];
    page(examples, SETTINGS)
}

pub(super) fn man() -> StyledStr {
    let examples = &[
        ("whimbrel man | man -l -", "read it"),
        ("whimbrel man up | man -l -", "the page of `up`"),
    ];
    page(examples, SETTINGS)
}

/// Examples in one column and what they do in the next, then the codes.
fn page(examples: Examples, codes: &[u8]) -> StyledStr {
    const BESIDE: usize = 40;
    let mut text = heading("Examples");
    let lines = examples.iter().map(|(line, _)| line.len());
    let width = lines.filter(|&width| width <= BESIDE).max().unwrap_or(0);
    for (line, what) in examples {
        let _ = match what {
            &"" => writeln!(text, "  {line}"),
            _ if line.len() > BESIDE => writeln!(text, "  {line}\n  {:width$}  {what}", ""),
            _ => writeln!(text, "  {line:width$}  {what}"),
        };
    }
    text.push('\n');
    text.push_str(&heading("Exit codes"));
    for (code, meaning) in exit::MEANINGS
        .iter()
        .filter(|(code, _)| codes.contains(code))
    {
        let _ = writeln!(text, "  {code:<3}  {meaning}");
    }
    StyledStr::from(text)
}

/// As clap writes its own.
fn heading(title: &str) -> String {
    let style = clap::builder::Styles::default();
    let style = style.get_header();
    format!("{style}{title}:{style:#}\n")
}
