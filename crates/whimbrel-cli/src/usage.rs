//! Arguments that can't be read, before anything else is known of the run.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use serde_json::Value;
use whimbrel::Error;

use crate::cli::{Cli, Global};
use crate::exit;
use crate::render::Output;

/// Reads the arguments. What is wrong with them is said here, also to programs.
pub(crate) fn read(arguments: &[OsString]) -> Result<Cli, ExitCode> {
    if let Some(place) = misplaced_url(arguments) {
        return Err(refuse(
            arguments,
            &format!("{place} holds a database URL, which belongs to --url"),
        ));
    }
    Cli::try_parse_from(arguments).map_err(|error| {
        if error.use_stderr() && wants_json(arguments) {
            return refuse(arguments, &message(&error));
        }
        // clap prints help to stdout and mistakes to stderr; nothing can be done if that fails.
        let _ = error.print();
        exit::of_usage(&error)
    })
}

fn refuse(arguments: &[OsString], message: &str) -> ExitCode {
    if let Some(global) = global(wants_json(arguments)) {
        let output = Output::new(&global, command(arguments));
        output.error(&Error::Settings(message.to_owned()), exit::USAGE);
    }
    ExitCode::from(exit::USAGE)
}

fn global(json: bool) -> Option<Global> {
    let mut global = Cli::try_parse_from(["whimbrel", "init"]).ok()?.global;
    global.json = json;
    Some(global)
}

/// The flags, without what follows a `--`.
fn texts(arguments: &[OsString]) -> impl Iterator<Item = &str> {
    let texts = arguments.iter().skip(1).filter_map(|text| text.to_str());
    texts.take_while(|text| *text != "--")
}

fn wants_json(arguments: &[OsString]) -> bool {
    texts(arguments).any(|text| text == "--json")
}

/// The command's name, as far as one is there.
fn command(arguments: &[OsString]) -> Value {
    let known = Cli::command();
    let name = texts(arguments).find(|text| known.find_subcommand(text).is_some());
    name.into()
}

/// The first paragraph of what clap says, on one line.
fn message(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or(&text);
    let words: Vec<_> = first.split_whitespace().collect();
    words.join(" ").trim_start_matches("error: ").to_owned()
}

/// Where a URL with a password is that messages would repeat: people give it as other tools take it
/// (`up URL`, `--database URL`).
fn misplaced_url(arguments: &[OsString]) -> Option<String> {
    let mut before = "";
    for text in arguments.iter().skip(1).filter_map(|text| text.to_str()) {
        let (flag, value) = match text.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => (flag, value),
            _ => (before, text),
        };
        if !matches!(flag, "--url" | "--shadow-url") && holds_password(value) {
            return Some(if flag.starts_with('-') {
                flag.to_owned()
            } else {
                "an argument".to_owned()
            });
        }
        before = text;
    }
    None
}

/// True if it is a database URL, or a Go program's data source, that may hold a password.
pub(crate) fn holds_password(text: &str) -> bool {
    let text = text.trim_start();
    if text.contains("@tcp(") || text.contains("@unix(") {
        return true;
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let named = |c: char| c.is_ascii_alphanumeric() || "+-.:".contains(c);
    scheme.chars().all(named) && (rest.contains('@') || rest.contains("password="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_out_of_its_place_is_seen() {
        let place = |line: &str| {
            let words: Vec<_> = line.split(' ').map(OsString::from).collect();
            misplaced_url(&words)
        };
        assert_eq!(place("whimbrel --url postgres://u:p@h/d up"), None);
        assert_eq!(place("whimbrel --url=postgres://u:p@h/d up"), None);
        assert_eq!(
            place("whimbrel import --convert --shadow-url postgres://u:p@h/d"),
            None
        );
        assert_eq!(place("whimbrel up --placeholder a=http://u:p@h"), None);
        assert_eq!(
            place("whimbrel up postgres://u:p@h/d").unwrap(),
            "an argument"
        );
        assert_eq!(
            place("whimbrel --database=mysql://u:p@h/d up").unwrap(),
            "--database"
        );
        assert_eq!(
            place("whimbrel --database u:p@tcp(h)/d up").unwrap(),
            "--database"
        );
        assert_eq!(place("whimbrel new postgres://h/d"), None);
    }
}
