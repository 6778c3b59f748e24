//! Headings such as `-- Down`, under which other tools' files have what undoes them.
//!
//! Read as one script, such a file would undo at once what it did.

use std::ops::Range;
use std::sync::Arc;

use whimbrel_sql::{Dialect, Lexer};

use super::remark;
use crate::diagnostic::Diagnostic;
use crate::text::{Script, SourceFile};

/// The words that a heading may have, and those of them of which it must have one.
const WORDS: [&str; 9] = [
    "migration",
    "migrations",
    "migrate",
    "script",
    "section",
    "part",
    "sql",
    "rambler",
    "rollback",
];
const UNDOING: [&str; 6] = ["down", "downs", "undo", "revert", "downgrade", "backout"];

/// True if a comment is alone on its line, between statements, and heads what undoes those above.
pub(super) fn is_heading(text: &str, comment: &Range<usize>) -> bool {
    says_so(&text[comment.clone()]) && is_between_statements(&text[..comment.start])
}

/// The words alone, behind dashes and marks; what follows a colon or stands in brackets explains.
fn says_so(comment: &str) -> bool {
    let lower = comment.to_ascii_lowercase();
    if lower.contains("create above") && lower.contains("drop below") {
        return true;
    }
    let marks = |c: char| !c.is_ascii_alphabetic();
    let body = lower.trim_start_matches(marks);
    let heads = |text: &str| {
        let words = text.split(|c: char| c == ':' || c.is_whitespace());
        let words: Vec<_> = words
            .filter(|word| word.contains(char::is_alphanumeric))
            .collect();
        let word = |word: &str| word.trim_matches(marks).to_owned();
        let known =
            |word: &String| UNDOING.contains(&word.as_str()) || WORDS.contains(&word.as_str());
        let words: Vec<_> = words.into_iter().map(word).collect();
        // `-- Rollback` itself is read before; `-- ROLLBACK;` was a statement.
        let undoes = words.iter().any(|word| UNDOING.contains(&word.as_str()))
            || !text.contains(';') && words.iter().any(|word| word == "rollback");
        undoes && words.iter().all(known)
    };
    let explained = body.find([':', '(']).map_or(body, |at| &body[..at]);
    heads(body) || heads(explained)
}

/// True if there is a statement above, and it has ended.
fn is_between_statements(above: &str) -> bool {
    if !above
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .trim()
        .is_empty()
    {
        return false;
    }
    let code = |line: &&str| !line.is_empty() && !line.starts_with("--");
    let last = above.lines().rev().map(str::trim).find(code);
    let last = last.map(|line| line.split("--").next().unwrap_or(line).trim_end());
    last.is_some_and(|line| line.ends_with(';'))
}

/// Refuses a file that has statements between the heading and `end`; comments do no harm.
pub(super) fn refusal(
    file: &Arc<SourceFile>,
    heading: Range<usize>,
    end: usize,
    dialect: Dialect,
) -> Option<Diagnostic> {
    let below = file.text().get(heading.end..end)?;
    let runs = Lexer::new(below, dialect).any(|token| !token.kind.is_trivia());
    let message = "what undoes the file stands below this line, and would run with the rest of it";
    runs.then(|| {
        Diagnostic::error("undo-section", message)
            .at(file, heading, "")
            .help("Whimbrel's own mark is `-- Rollback`: write that instead, or name the layout of the tool that these files were written for (`--layout NAME`)")
    })
}

/// Warns of statements below such a heading that run with those above it, since the file's own tool
/// takes the line for a comment. Its marks, and what nearly is one, are the tool's business.
pub fn undo_in_up(up: &Script, dialect: Dialect) -> Option<Diagnostic> {
    let (file, text) = (up.file(), up.file().text());
    let comment = |line: &str| line.starts_with("--") || line.starts_with(['#', '/']);
    // Few files have one, and the others need not be split to see that.
    if !(text.lines().map(str::trim_start)).any(|line| comment(line) && says_so(line)) {
        return None;
    }
    let mut tokens = Lexer::new(up.text(), dialect).filter(|token| !token.kind.is_trivia());
    let mut places = tokens.by_ref().map(|token| up.origin(token.span.start));
    let (first, last) = (places.next()?, places.last()?);
    let heads = |comment: &Range<usize>| {
        let is_mark = |says: &str| says.starts_with('+') || says.starts_with("migrate:");
        first < comment.start
            && comment.end < last
            && is_heading(text, comment)
            && !remark(&text[comment.clone()]).is_some_and(is_mark)
    };
    let heading = whimbrel_sql::comments(text, dialect).find(heads)?;
    let message = "the statements below this line run with those above it: to the tool that these files are of, it is a comment";
    Some(
        Diagnostic::warning("undo-section", message)
            .at(file, heading, "")
            .help("if they undo the file, put them where that tool keeps what undoes; if not, call them something else"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_told_from_prose() {
        for heading in [
            "-- Down",
            "--DOWN",
            "-- down migration",
            "-- Migration: down",
            "-- +down",
            "-- @DOWN",
            "-- !Downs",
            "# --- !Downs",
            "-- //@UNDO",
            "--//@UNDO",
            "-- rambler down",
            "/* Down */",
            "---- create above / drop below ----",
            "-- DOWN Migration (Rollback)",
            "-- migrate:down",
            "-- Down: removes it",
            "-- ===== DOWN =====",
            "-- Rollback script",
            "-- === Rollback ===",
            "---- Rollback ----",
            "-- @rollback",
            "# Rollback",
            "/* ROLLBACK */",
            "-- Revert",
            "-- downgrade:",
            "-- Backout script",
        ] {
            assert!(says_so(heading), "{heading}");
        }
        for prose in [
            "-- ROLLBACK;",
            "-- Revert 003",
            "-- Down payments",
            "-- scale down",
            "-- Up",
            "-- Undo what 003 did",
            "-- migration script",
            "-- Rollback the transaction",
            "-- down_at is set by the job",
            "--",
        ] {
            assert!(!says_so(prose), "{prose}");
        }
    }

    #[test]
    fn a_file_is_refused_where_the_undoing_half_would_run() {
        for (text, refused) in [
            ("SELECT 1;\n-- Down\nSELECT 2;\n", true),
            (
                "SELECT 1; -- one\n-- ----\n-- Down\n-- ----\nSELECT 2;\n",
                true,
            ),
            ("SELECT 1;\n-- Down\n-- SELECT 2;\n", false),
            ("SELECT 1;\n-- Down\n-- Rollback\nSELECT 2;\n", false),
            ("CREATE TABLE a (\n  -- Down\n  i int);\n", false),
            ("-- Down\nSELECT 1;\n", false),
            ("SELECT 1; -- Down\nSELECT 2;\n", false),
            ("SELECT 1;\n-- Rollback\nSELECT 2;\n", false),
            ("SELECT 1;\n-- Rollback --\nSELECT 2;\n", true),
        ] {
            let file = SourceFile::new("a.sql", text);
            let reading = super::super::read_native(&file, Dialect::Postgres);
            assert_eq!(
                !reading.problems.is_empty(),
                refused,
                "{text}: {:?}",
                reading.problems
            );
        }
    }
}
