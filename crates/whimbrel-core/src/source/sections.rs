//! The parts of a native file: opening comment, up, rollback.

use std::ops::Range;
use std::sync::Arc;

use whimbrel_sql::Dialect;

use crate::diagnostic::Diagnostic;
use crate::migration::Reading;
use crate::text::{Script, SourceFile};

use super::marks::{self, MIXED, NOTHING_ABOVE, REMARK};
use super::rollback::{from_lines, goes_on, has_statements, line_start, rollback, section};
use super::undo;

/// Remarks that other tools put into their files, and whether there is a layout of the same name.
/// Read as native, such a file would run its down part as well, so it is refused.
const FOREIGN: [(&str, &str, bool); 9] = [
    ("+goose", "goose", true),
    ("+micrate", "micrate", false),
    ("+migrate", "sql-migrate", true),
    ("migrate:up", "dbmate", true),
    ("migrate:down", "dbmate", true),
    ("up migration", "node-pg-migrate", true),
    ("! previous:", "graphile-migrate", true),
    ("liquibase formatted sql", "liquibase", true),
    ("atlas:txtar", "Atlas", false),
];

/// What a comment line says behind its dashes, however many and wherever they stand; none if the
/// line is no comment. Tools are strict about how their marks are written, people are not.
pub fn remark(line: &str) -> Option<&str> {
    let body = line.trim_start().strip_prefix("--")?;
    Some(body.trim_start_matches(|c: char| c == '-' || c.is_whitespace()))
}

/// Takes a native file apart.
pub(super) fn read(file: &Arc<SourceFile>, dialect: Dialect) -> Reading {
    let text = file.text();
    let mut sections = Reading::whole(file, dialect);
    let mut opening = true;
    let mut position = 0;
    let mut one_liners: Vec<Range<usize>> = Vec::new();
    let mut undoing = None;
    let mut has_up = false;
    for comment in whimbrel_sql::comments(text, dialect) {
        opening = opening && text[position..comment.start].trim().is_empty();
        if let Some(more) = goes_on(text, one_liners.last(), &comment) {
            one_liners.push(more);
            position = comment.end;
            continue;
        }
        position = comment.end;
        let line = &text[comment.clone()];
        sections.problems.extend(foreign(file, &comment, opening));
        let own_line = is_own_line(text, comment.start);
        let mark = if own_line { half(line) } else { None };
        has_up |= mark == Some(Half::Up);
        let undoes = mark == Some(Half::Undo) || has_up && mark == Some(Half::Down);
        match rollback(line).or(undoes.then_some("")) {
            Some("") if opening && !undoes && marks::is_described(text, comment.end, dialect) => {
                sections.problems.push(marks::described(file, comment));
            }
            Some("") => {
                let unclear_as = if !own_line {
                    Some(REMARK)
                } else if undoes {
                    None
                } else if opening {
                    Some(NOTHING_ABOVE)
                } else {
                    marks::begins_commented_out(&text[comment.end..], dialect).then_some(MIXED)
                };
                let said =
                    unclear_as.and_then(|words| marks::unclear(file, &comment, dialect, words));
                sections.problems.extend(said);
                sections.up = Script::slice(Arc::clone(file), 0..start_of(text, comment.start));
                let down = section(file, comment.end, dialect);
                // Nothing at all below the mark says that there is nothing to undo.
                let said = text[comment.end..].trim().is_empty();
                sections.down = (said || has_statements(down.text(), dialect)).then_some(down);
                break;
            }
            Some(statement) => {
                let end = comment.start + line.trim_end().len();
                one_liners.push(end - statement.len()..end);
            }
            None if undoing.is_none() && undo::is_heading(text, &comment, dialect) => {
                undoing = Some(comment);
            }
            None if opening => {
                sections
                    .directives
                    .read(file, comment, &mut sections.problems);
            }
            None => {}
        }
    }
    if let Some(heading) = undoing {
        let end = sections.up.text().len();
        let refusal = undo::refusal(file, heading, end, dialect);
        sections.problems.extend(refusal);
    }
    if !one_liners.is_empty() {
        if sections.down.is_some() {
            sections.problems.push(
                Diagnostic::error(
                    "two-rollbacks",
                    "the file has both a `-- Rollback: ...` line and a `-- Rollback` section",
                )
                .at(file, one_liners[0].clone(), "")
                .help("keep one of them"),
            );
        } else {
            sections.down = Some(from_lines(file, &one_liners));
        }
    }
    sections
}

/// Below the opening comment only what no sentence begins with counts.
fn foreign(file: &Arc<SourceFile>, comment: &Range<usize>, opening: bool) -> Option<Diagnostic> {
    let says = remark(&file.text()[comment.clone()])?;
    if !(opening || says.starts_with(['+', 'm', 'M'])) {
        return None;
    }
    if opening && says.starts_with("atlas:checkpoint") {
        return Some(checkpoint(file, comment));
    }
    let (mark, tool, layout) = FOREIGN.into_iter().find(|(mark, _, _)| {
        says.get(..mark.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(mark))
    })?;
    if !opening && !mark.starts_with(['+', 'm']) {
        return None;
    }
    // Without the other half it is but a heading, as people write them.
    if tool == "node-pg-migrate" && !file.text().to_ascii_lowercase().contains("down migration") {
        return None;
    }
    let message = format!("this is a file of {tool}, not a native one");
    let help = if layout {
        format!("its parts would all run as one script: read the folder with `--layout {tool}`")
    } else {
        "its parts would all run as one script; Whimbrel has no layout for that tool".to_owned()
    };
    Some(
        Diagnostic::error("foreign-file", message)
            .at(file, comment.clone(), "")
            .help(help),
    )
}

/// Atlas begins an empty database there, and passes over it on others.
fn checkpoint(file: &Arc<SourceFile>, comment: &Range<usize>) -> Diagnostic {
    let message =
        "this checkpoint of Atlas stands for all files before it: here it would run behind them";
    Diagnostic::error("foreign-file", message)
        .at(file, comment.clone(), "")
        .help("take it out of the folder; or take those before it out, and say with `whimbrel baseline` which databases have it")
}

/// How other programs mark the halves of a file, all of which is read by Whimbrel too: a down half
/// must never pass for a part of the migration.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    /// `-- Up`, `-- @UP`, `-- !Ups`, `-- rambler up`, aerich's `-- upgrade --`
    Up,
    /// The same with "down", which by itself may be a heading.
    Down,
    /// `-- //@UNDO`, tern's `---- create above / drop below ----`
    Undo,
}

fn half(comment: &str) -> Option<Half> {
    // Most comments are longer.
    let start = comment.get(..2)?;
    if comment.len() > 40 || start == "/*" {
        return None;
    }
    let body = comment.trim_matches(|c: char| !c.is_ascii_alphabetic());
    if body == "create above / drop below" {
        return Some(Half::Undo);
    }
    let (front, word) = body.rsplit_once(' ').unwrap_or(("", body));
    let is = |words: &[&str]| words.iter().any(|one| one.eq_ignore_ascii_case(word));
    if !front.is_empty() && front != "rambler" {
        None
    } else if is(&["up", "ups", "upgrade"]) {
        Some(Half::Up)
    } else if is(&["down", "downs", "downgrade"]) {
        Some(Half::Down)
    } else {
        (is(&["undo"]) && comment.contains("@UNDO")).then_some(Half::Undo)
    }
}

/// Where the comment's line begins, or the comment itself behind a statement on its line.
fn start_of(text: &str, comment: usize) -> usize {
    if is_own_line(text, comment) {
        line_start(text, comment)
    } else {
        comment
    }
}

/// True if nothing but blanks stands before the comment on its line.
fn is_own_line(text: &str, comment: usize) -> bool {
    text[line_start(text, comment)..comment].trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, Option<String>) {
        let sections = read(&SourceFile::new("a.sql", text), Dialect::Postgres);
        assert!(sections.problems.is_empty(), "{:?}", sections.problems);
        (
            sections.up.text().to_owned(),
            sections.down.map(|down| down.text().to_owned()),
        )
    }

    #[test]
    fn a_commented_section_loses_its_dashes() {
        let (up, down) =
            parts("CREATE TABLE a();\n\n-- Rollback\n-- DROP TABLE a;\n--DROP TABLE b;\n");
        assert_eq!(up, "CREATE TABLE a();\n\n");
        assert_eq!(down.unwrap(), "\nDROP TABLE a;\nDROP TABLE b;\n");
    }

    #[test]
    fn a_plain_section_stays() {
        let (up, down) =
            parts("CREATE TABLE a();\r\n-- ROLLBACK:\r\n-- really\r\nDROP TABLE a;\r\n");
        assert_eq!(up, "CREATE TABLE a();\r\n");
        assert_eq!(
            down.unwrap(),
            "\n-- really\r\nDROP TABLE a;\r\n".replacen('\n', "\r\n", 1)
        );
    }

    #[test]
    fn one_line_rollbacks_are_gathered() {
        let (up, down) = parts(
            "-- Migration: x\n-- Rollback: DROP TABLE a\n-- rollback: DROP TABLE b;\nCREATE TABLE a();\n",
        );
        assert!(up.contains("CREATE"));
        assert_eq!(down.unwrap(), "DROP TABLE a;\nDROP TABLE b;\n");
    }

    #[test]
    fn a_one_line_rollback_may_go_on() {
        let (up, down) = parts(
            "-- Rollback: DROP TABLE a;\n--           ALTER TABLE b\n--             DROP COLUMN c;\n-- Users\nCREATE TABLE a();\n",
        );
        assert!(up.contains("CREATE"));
        assert_eq!(
            down.unwrap(),
            "DROP TABLE a;\nALTER TABLE b\nDROP COLUMN c;\n"
        );
    }

    #[test]
    fn a_section_in_a_block_comment_is_its_text() {
        let (up, down) = parts("SELECT 1;\n-- Rollback\n/*\nSELECT 2;\n*/\n");
        assert_eq!(
            (up.as_str(), down.as_deref()),
            ("SELECT 1;\n", Some("\nSELECT 2;\n"))
        );
    }

    #[test]
    fn a_section_of_nothing_but_comments_is_no_rollback() {
        let (_, down) = parts("SELECT 1;\n-- Rollback\n");
        assert_eq!(down.unwrap().trim(), "");
        for nothing in ["-- ", "-- \n--\n", "\n\n/* */"] {
            let text = format!("SELECT 1;\n-- Rollback\n{nothing}");
            assert_eq!(parts(&text), ("SELECT 1;\n".to_owned(), None), "{text}");
        }
    }

    #[test]
    fn marks_inside_strings_and_bodies_do_not_count() {
        let text =
            "SELECT '\n-- Rollback\n';\nDO $$ BEGIN\n-- Rollback\nEND $$;\n-- Rollback the plane\n";
        let (up, down) = parts(text);
        assert_eq!(up, text);
        assert!(down.is_none());
    }

    #[test]
    fn a_mark_behind_a_statement_does_not_take_it_along() {
        let (up, down) = parts("SELECT 1;\nSELECT 2; -- Rollback\n-- SELECT 3;\n");
        assert_eq!(up, "SELECT 1;\nSELECT 2; ");
        assert_eq!(down.unwrap(), "\nSELECT 3;\n");
        let text = "SELECT 1; -- up\nSELECT 2; -- down\nSELECT 3; -- left\n";
        assert_eq!(parts(text), (text.to_owned(), None));
        let text = "INSERT INTO keys VALUES (1); -- rollback\nINSERT INTO keys VALUES (2);\n";
        let sections = read(&SourceFile::new("a.sql", text), Dialect::Postgres);
        assert_eq!(
            sections.problems[0].to_string(),
            "a.sql:1:30: behind a statement this may be a remark, or begin the rollback"
        );
    }

    #[test]
    fn a_mark_above_statements_of_the_migration_is_refused() {
        let text = "-- Users\n-- Rollback:\nCREATE TABLE a();\n";
        let sections = read(&SourceFile::new("a.sql", text), Dialect::Postgres);
        assert!(sections.problems[0].is_error());
        assert_eq!(sections.problems[0].code.as_deref(), Some("rollback-mark"));
        let text = "SELECT 1;\n-- Rollback\n-- SELECT 2;\n\nSELECT 3;\n";
        let sections = read(&SourceFile::new("a.sql", text), Dialect::Postgres);
        assert_eq!(sections.problems[0].code.as_deref(), Some("rollback-mark"));
        let (up, down) = parts("-- nothing yet\n-- Rollback\n-- DROP TABLE a;\n");
        assert_eq!(up, "-- nothing yet\n");
        assert_eq!(down.unwrap(), "\nDROP TABLE a;\n");
    }

    #[test]
    fn a_rollback_that_a_header_describes_is_a_comment() {
        let text = "-- Users\n-- Rollback:\n--   DROP TABLE a;\n-- Tags: a\n\nCREATE TABLE a();\n";
        let sections = read(&SourceFile::new("a.sql", text), Dialect::Postgres);
        assert!(!sections.problems[0].is_error() && sections.problems.len() == 1);
        assert_eq!((sections.up.text(), sections.down.is_none()), (text, true));
    }

    #[test]
    fn a_heading_without_its_other_half_is_a_comment() {
        let (up, _) = parts("-- Up Migration: users\nCREATE TABLE a();\n");
        assert!(up.contains("CREATE"));
    }

    #[test]
    fn halves_that_other_programs_mark_are_told_apart() {
        for (up, down) in [
            ("-- Up", "-- Down"),
            ("--UP:", "--DOWN:"),
            ("-----\n-- Up\n-----", "-- Down"),
            ("-- @UP", "-- @DOWN"),
            ("-- !Ups", "-- !Downs"),
            ("-- rambler up", "-- rambler down"),
            ("-- upgrade --", "-- downgrade --"),
            ("-- // users", "-- //@UNDO"),
            ("-- users", "---- create above / drop below ----"),
        ] {
            let text = format!("{up}\nCREATE TABLE a();\n{down}\nDROP TABLE a;\n");
            let (first, second) = parts(&text);
            assert!(first.ends_with("CREATE TABLE a();\n"), "{up}: {first}");
            assert_eq!(second.unwrap(), "\nDROP TABLE a;\n", "{down}");
        }
        for comment in ["-- undo it", "-- Up and down", "-- roll it down"] {
            let text = format!("CREATE TABLE a();\n{comment}\nDROP TABLE b;\n");
            assert_eq!(parts(&text), (text.clone(), None));
        }
    }

    #[test]
    fn files_of_other_tools_are_refused() {
        for (mark, expected) in [
            (
                "-- atlas:txtar",
                "this is a file of Atlas, not a native one",
            ),
            ("-- atlas:checkpoint", "this checkpoint of Atlas stands for"),
        ] {
            let text = format!("{mark}\n\n-- migration.sql --\nSELECT 1;\n");
            let sections = read(&SourceFile::new("a.sql", text), Dialect::Postgres);
            let message = sections.problems[0].to_string();
            assert!(message.contains(expected), "{message}");
        }
        let file = SourceFile::new("a.sql", "-- +goose Up\nSELECT 1;\n-- +goose Down\n");
        let sections = read(&file, Dialect::Postgres);
        assert_eq!(
            sections.problems[0].to_string(),
            "a.sql:1:1: this is a file of goose, not a native one"
        );
        for mark in [
            "-- migrate:down",
            "--migrate:down",
            "---- +goose Down",
            " -- +migrate down",
        ] {
            for text in [
                format!("{mark}\nDROP TABLE a;\n"),
                format!("CREATE TABLE a ();\n{mark}\nDROP TABLE a;\n"),
            ] {
                let sections = read(&SourceFile::new("a.sql", text), Dialect::Postgres);
                let message = sections.problems[0].to_string();
                assert!(message.contains("this is a file of"), "{mark}: {message}");
            }
        }
    }
}
