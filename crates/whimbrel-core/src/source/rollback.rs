//! A native file's rollback: a section at its end, or lines with the mark.

use std::ops::Range;
use std::sync::Arc;

use whimbrel_sql::{Dialect, Lexer, TokenKind};

use crate::text::{Script, SourceFile};

/// The text after `-- Rollback` (empty for a section) or none if the comment is something else.
pub(super) fn rollback(comment: &str) -> Option<&str> {
    const WORD: &str = "rollback";
    let body = comment.strip_prefix("--")?.trim();
    let word = body.get(..WORD.len())?;
    if !word.eq_ignore_ascii_case(WORD) {
        return None;
    }
    let rest = body[WORD.len()..].trim_start();
    match rest.strip_prefix(':') {
        Some(rest) => Some(rest.trim_start()),
        None if rest.is_empty() => Some(""),
        // `-- Rollback the transaction if ...` is prose.
        None => None,
    }
}

/// A section after its mark: plain SQL, or commented out line by line.
pub(super) fn section(file: &Arc<SourceFile>, start: usize, dialect: Dialect) -> Script {
    let text = &file.text()[start..];
    // Plain as soon as anything but comments is in it.
    if has_statements(text, dialect) {
        return Script::slice(Arc::clone(file), start..start + text.len());
    }
    let mut tokens = Lexer::new(text, dialect);
    let first = tokens.find(|token| token.kind != TokenKind::Whitespace);
    if let Some(block) = first.filter(|token| token.kind == TokenKind::BlockComment) {
        let inner = text[block.span.clone()].trim_start_matches("/*");
        let from = start + block.span.end - inner.len();
        let inner = inner.trim_end_matches("*/");
        return Script::slice(Arc::clone(file), from..from + inner.len());
    }
    let mut lines = Vec::new();
    let mut offset = start;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start_matches([' ', '\t']);
        let body = offset + (line.len() - trimmed.len());
        let skip = trimmed.strip_prefix("--").map_or(0, |rest| {
            trimmed.len() - rest.strip_prefix(' ').unwrap_or(rest).len()
        });
        lines.push(body + skip..offset + line.len());
        offset += line.len();
    }
    let mut builder = Script::build(Arc::clone(file));
    for line in lines {
        builder.copy(line);
    }
    builder.finish()
}

pub(super) fn has_statements(text: &str, dialect: Dialect) -> bool {
    Lexer::new(text, dialect).any(|token| !token.kind.is_trivia())
}

/// What a comment holds that is the next line of a `-- Rollback: ...`: it is set in further.
pub(super) fn goes_on(
    text: &str,
    before: Option<&Range<usize>>,
    comment: &Range<usize>,
) -> Option<Range<usize>> {
    let between = text.get(before?.end..comment.start)?;
    let next = between.trim().is_empty() && between.matches('\n').count() == 1;
    let body = text[comment.clone()].strip_prefix("--")?;
    let set_in = body.starts_with("  ") || body.trim_start_matches(' ').starts_with('\t');
    let words = body.trim();
    let start = comment.end - body.trim_start().len();
    (next && set_in && !words.is_empty()).then_some(start..start + words.len())
}

pub(super) fn from_lines(file: &Arc<SourceFile>, lines: &[Range<usize>]) -> Script {
    let text = file.text();
    let mut builder = Script::build(Arc::clone(file));
    for (index, line) in lines.iter().enumerate() {
        builder.copy(line.clone());
        // A statement may go on in the next line, which no mark stands before.
        let goes_on = lines.get(index + 1).is_some_and(|next| {
            rollback(
                text[line_start(text, next.start)..]
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .trim_start(),
            )
            .is_none()
        });
        let end = if goes_on || text[line.clone()].ends_with(';') {
            "\n"
        } else {
            ";\n"
        };
        builder.put(end, line.end);
    }
    builder.finish()
}

pub(super) fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |index| index + 1)
}
