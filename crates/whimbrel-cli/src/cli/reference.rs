//! docs/cli.md: what `--help` says of every command, written from the definitions themselves.

use std::path::Path;

use clap::{Command, CommandFactory};

use super::Cli;

const INTRODUCTION: &str = "\
# Commands

What `whimbrel COMMAND --help` says; `-h` is shorter. A test compares this page with the binary, and
`WHIMBREL_BLESS=1 cargo test -p whimbrel-cli --lib reference` writes it anew. Settings besides flags are in
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

fn settings_page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_key_and_variable_is_documented() {
    let page = settings_page();
    for key in crate::config::KEYS {
        assert!(
            page.contains(&format!("`{key}`")) || page.contains(&format!("`[{key}]`")),
            "{key}"
        );
    }
}

/// What the systems could be told that Whimbrel replaces.
#[test]
fn every_option_of_the_replaced_systems_has_a_line() {
    const OPTIONS: &str = "migrationsDirectory migrationsPath directory migrationTimeout timeout maxRetries retries \
        retryDelay maxConcurrentMigrations logLevel enableConsole enableLogging enableRollback requireRollback \
        validateChecksums enableBatchMode batch stopOnFirstError enableHealthChecks healthCheckInterval tableName \
        dryRun force extension loadExtensions sortDirsSeparately validation.enabled validation.strictMode \
        migrations.enabled transaction dependencies beforeMigration afterMigration steps versions to all \
        DATABASE_URL rejectUnauthorized client connection shutdown level limit getHistory";
    let page = settings_page();
    let (_, table) = page.split_once("| their option |").unwrap();
    let theirs: Vec<_> = table
        .lines()
        .filter_map(|line| line.split('|').nth(1))
        .collect();
    for option in OPTIONS.split_whitespace() {
        let is_there = |cell: &&str| {
            cell.split(|c: char| !(c.is_alphanumeric() || c == '.' || c == '_'))
                .any(|word| word == option)
        };
        assert!(theirs.iter().any(is_there), "{option}");
    }
}
