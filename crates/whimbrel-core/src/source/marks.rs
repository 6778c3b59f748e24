//! Rollback marks of which it is not clear what they mean.

use std::ops::Range;
use std::sync::Arc;

use whimbrel_sql::{Dialect, TokenKind};

use crate::diagnostic::Diagnostic;
use crate::text::SourceFile;

/// `...; -- Rollback`: message and advice.
pub(super) const REMARK: (&str, &str) = (
    "behind a statement this may be a remark, or begin the rollback",
    "write `-- Rollback` on a line of its own, or the remark in other words",
);
/// `-- Rollback` and then all of the file.
pub(super) const NOTHING_ABOVE: (&str, &str) = (
    "all statements of this file stand below this line, so they would be its rollback and nothing would be applied",
    "put the rollback at the file's end, or write `-- Rollback: STATEMENT` on one line",
);
/// A commented-out rollback in the middle of a file.
pub(super) const MIXED: (&str, &str) = (
    "below this line statements are commented out and others are not: all that are not would be the rollback",
    "put the rollback at the file's end, and all of it in comments or none",
);

/// True if a header goes on below the mark, in comments, and the migration follows: many people
/// say there what would undo it, in words as often as in SQL.
pub(super) fn is_described(text: &str, mark: usize, dialect: Dialect) -> bool {
    let below = &text[mark..];
    let commented = below.trim_start().starts_with("--");
    commented && whimbrel_sql::Lexer::new(below, dialect).any(|token| !token.kind.is_trivia())
}

pub(super) fn described(file: &Arc<SourceFile>, mark: Range<usize>) -> Diagnostic {
    let message = "this rollback stands above the migration: it is taken for a comment";
    Diagnostic::warning("rollback-mark", message)
        .at(file, mark, "")
        .help("put it at the file's end, and `down` can run it")
}

/// True if the first comment below the mark is a statement.
pub(super) fn begins_commented_out(below: &str, dialect: Dialect) -> bool {
    let mut tokens = whimbrel_sql::Lexer::new(below, dialect);
    let first = tokens.find(|token| token.kind != TokenKind::Whitespace);
    first.is_some_and(|token| {
        token.kind == TokenKind::LineComment && below[token.span].trim_end().ends_with(';')
    })
}

/// Refuses a mark of which it is not clear what it means, if there are statements below it.
pub(super) fn unclear(
    file: &Arc<SourceFile>,
    comment: &Range<usize>,
    dialect: Dialect,
    (message, help): (&str, &str),
) -> Option<Diagnostic> {
    let below = &file.text()[comment.end..];
    let runs = whimbrel_sql::Lexer::new(below, dialect).any(|token| !token.kind.is_trivia());
    runs.then(|| {
        Diagnostic::error("rollback-mark", message)
            .at(file, comment.clone(), "")
            .help(help)
    })
}
