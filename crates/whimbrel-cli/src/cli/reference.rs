//! docs/cli.md: what `--help` says of every command, written from the definitions themselves.

use std::path::Path;

use clap::{Command, CommandFactory};

use super::Cli;

const INTRODUCTION: &str = "\
# Commands

What `whimbrel COMMAND --help` says; `-h` is shorter. A test compares this page with the binary, and
`WHIMBREL_BLESS=1 cargo test -p whimbrel-cli --bin whimbrel reference` writes it anew. Settings besides flags are in
[settings.md](settings.md), the codes in [exit-codes.md](exit-codes.md).

";

/// Wide enough for every default, narrow enough for a page.
const WIDTH: usize = 100;

/// A command's help as a section. Global options stand once, with the program itself.
fn section(name: &str, command: &Command) -> String {
    let mut command = command
        .clone()
        .bin_name(name)
        .disable_version_flag(true)
        .term_width(WIDTH);
    let help = command.render_long_help().to_string();
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    format!("## {name}\n\n```text\n{}\n```\n\n", lines.join("\n").trim())
}

fn page() -> String {
    let whimbrel = Cli::command();
    let mut page = INTRODUCTION.to_owned();
    page.push_str(&section("whimbrel", &whimbrel));
    for command in whimbrel.get_subcommands() {
        page.push_str(&section(
            &format!("whimbrel {}", command.get_name()),
            command,
        ));
    }
    page.trim_end().to_owned() + "\n"
}

#[test]
fn the_reference_is_what_the_binary_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = page();
    if std::env::var_os("WHIMBREL_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/cli.md is not what the binary says: run this test with WHIMBREL_BLESS=1"
    );
}

#[test]
fn exit_codes_are_all_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/exit-codes.md");
    let page = std::fs::read_to_string(path).unwrap();
    for (code, meaning) in crate::exit::MEANINGS {
        assert!(
            page.contains(&format!("| {code} | {meaning} |")),
            "{code}: {meaning}"
        );
    }
}
