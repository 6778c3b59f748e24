//! What keeps a text from being split.

use std::fmt;
use std::ops::Range;

/// A text cannot be split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitError {
    /// Where it begins.
    pub span: Range<usize>,
    /// What it is.
    pub kind: SplitErrorKind,
}

/// Reasons why a text cannot be split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SplitErrorKind {
    /// A string literal is not closed.
    UnterminatedString,
    /// A quoted identifier is not closed.
    UnterminatedIdentifier,
    /// A comment is not closed.
    UnterminatedComment,
    /// A dollar quote is not closed.
    UnterminatedDollarQuote,
    /// A body of BEGIN ... END is not closed.
    UnterminatedBody,
    /// COPY ... FROM STDIN without the `\.` line, and a comment below it.
    UnterminatedCopy,
    /// More on the line of a COPY ... FROM STDIN.
    BehindCopy,
    /// A command of psql.
    MetaCommand {
        /// Its name, with the backslash.
        command: String,
    },
    /// DELIMITER without a delimiter.
    EmptyDelimiter,
    /// A script of 4 GiB or more.
    TooLong,
}

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            SplitErrorKind::UnterminatedString => "this string is not closed",
            SplitErrorKind::UnterminatedIdentifier => "this quoted identifier is not closed",
            SplitErrorKind::UnterminatedComment => "this comment is not closed",
            SplitErrorKind::UnterminatedDollarQuote => "this dollar quote is not closed",
            SplitErrorKind::UnterminatedBody => "this statement's body has no END",
            SplitErrorKind::UnterminatedCopy => {
                "this would be a row of the COPY above, whose data do not end with a line `\\.`"
            }
            SplitErrorKind::BehindCopy => "this stands between a COPY and its data",
            SplitErrorKind::MetaCommand { command } => {
                return write!(f, "`{command}` is a command of psql, not SQL");
            }
            SplitErrorKind::EmptyDelimiter => "DELIMITER names no delimiter",
            SplitErrorKind::TooLong => "a script can't be longer than 4 GiB",
        })
    }
}

impl std::error::Error for SplitError {}

impl SplitError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        let command = match &self.kind {
            SplitErrorKind::BehindCopy => {
                return Some("move it below the line `\\.` that ends the data");
            }
            SplitErrorKind::UnterminatedCopy => {
                return Some("write a line `\\.` where the data end");
            }
            SplitErrorKind::EmptyDelimiter => {
                return Some("write it on the same line, as in `DELIMITER $$`");
            }
            SplitErrorKind::MetaCommand { command } => command,
            _ => return None,
        };
        Some(match command.as_str() {
            "\\i" | "\\ir" | "\\include" | "\\include_relative" => {
                "make the included file a migration of its own"
            }
            "\\set" | "\\unset" | "\\gset" => "use a placeholder, `${name}`",
            "\\c" | "\\connect" => "choose the database by the URL",
            "\\copy" => "use COPY ... FROM STDIN with the data below it",
            "\\gexec" => "use a DO block with EXECUTE",
            _ => "take the line out; Whimbrel speaks to the server without psql",
        })
    }
}
