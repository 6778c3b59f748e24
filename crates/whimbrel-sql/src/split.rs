//! Statements of a script.

use std::ops::Range;

use crate::compound::Compound;
use crate::facts::{Words, of_words};
use crate::statement::LONGEST;
use crate::{Dialect, Lexer, SplitError, SplitErrorKind, Statement, Token, TokenKind};

/// Splits a text into its statements.
///
/// # Errors
/// Something is not closed, or is a command of psql, or the text is longer than 4 GiB.
pub fn split(text: &str, dialect: Dialect) -> Result<Vec<Statement>, SplitError> {
    if text.len() > LONGEST {
        return Err(SplitError {
            span: 0..0,
            kind: SplitErrorKind::TooLong,
        });
    }
    let mut statements = Vec::new();
    for item in Splitter::new(text, dialect) {
        if let Item::Statement(statement) = item? {
            statements.push(statement);
        }
    }
    Ok(statements)
}

/// The comments that are not inside a body or parentheses. Ends early where the text cannot be
/// split.
pub fn comments(text: &str, dialect: Dialect) -> impl Iterator<Item = Range<usize>> + '_ {
    // Most files of a long history have none, and need not be split to see that.
    let bytes = text.as_bytes();
    let any = memchr::memmem::find(bytes, b"--").is_some()
        || memchr::memmem::find(bytes, b"/*").is_some()
        || dialect == Dialect::Mysql && memchr::memchr(b'#', bytes).is_some();
    Splitter::new(if any { text } else { "" }, dialect)
        .map_while(Result::ok)
        .filter_map(|item| match item {
            Item::Comment(span) => Some(span),
            Item::Statement(_) => None,
        })
}

/// What lies between the statements and their data, in a text of `length` bytes.
pub fn gaps(length: usize, statements: &[Statement]) -> impl Iterator<Item = Range<usize>> + '_ {
    let parts = statements
        .iter()
        .flat_map(|statement| std::iter::once(statement.span()).chain(statement.data()));
    let mut position = 0;
    parts
        .chain(std::iter::once(length..length))
        .map(move |part| {
            let gap = position..part.start;
            position = part.end;
            gap
        })
        .filter(|gap| !gap.is_empty())
}

enum Item {
    Statement(Statement),
    Comment(Range<usize>),
}

struct Splitter<'a> {
    text: &'a str,
    dialect: Dialect,
    lexer: Lexer<'a>,
    /// First and last byte of the statement that is open.
    open: Option<Range<usize>>,
    compound: Compound,
    words: Words<'a>,
    copy: Copy,
    failed: bool,
}

/// How much of COPY ... FROM STDIN was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copy {
    No,
    Verb,
    From,
    Stdin,
}

impl<'a> Splitter<'a> {
    fn new(text: &'a str, dialect: Dialect) -> Self {
        Self {
            text,
            dialect,
            lexer: Lexer::new(text, dialect),
            open: None,
            compound: Compound::default(),
            words: Words::default(),
            copy: Copy::No,
            failed: false,
        }
    }

    fn step(&mut self) -> Option<Result<Item, SplitError>> {
        while let Some(token) = self.lexer.next() {
            if token.unterminated {
                return Some(Err(unterminated(&token)));
            }
            match token.kind {
                TokenKind::Whitespace => {}
                TokenKind::LineComment | TokenKind::BlockComment => {
                    if self.compound.may_end() {
                        return Some(Ok(Item::Comment(token.span)));
                    }
                }
                TokenKind::Delimiter => {
                    if let Some(item) = self.finish() {
                        return Some(Ok(item));
                    }
                }
                TokenKind::Semicolon if self.compound.may_end() => {
                    let copy = self.copy == Copy::Stdin;
                    let Some(item) = self.finish() else { continue };
                    return Some(if copy { self.copy_data(item) } else { Ok(item) });
                }
                _ => {
                    if let Some(result) = self.significant(&token) {
                        return Some(result);
                    }
                }
            }
        }
        if self.compound.is_open() {
            let start = self.open.take()?.start;
            self.compound = Compound::default();
            let error = SplitError {
                span: start..self.text.len(),
                kind: SplitErrorKind::UnterminatedBody,
            };
            return Some(Err(error));
        }
        let end = self.text.len();
        // Its end is that of the statement as well as of the data.
        let copy = (self.copy == Copy::Stdin).then_some(end..end);
        Some(Ok(match (self.finish()?, copy) {
            (Item::Statement(statement), Some(data)) => Item::Statement(statement.with_data(&data)),
            (item, _) => item,
        }))
    }

    #[inline]
    fn significant(&mut self, token: &Token) -> Option<Result<Item, SplitError>> {
        let text = &self.text[token.span.clone()];
        if token.kind == TokenKind::Punctuation && self.dialect == Dialect::Postgres && text == "\\"
        {
            return self.meta_command(token.span.start).err().map(Err);
        }
        if self.open.is_none()
            && self.dialect == Dialect::Mysql
            && text.eq_ignore_ascii_case("delimiter")
        {
            return self.delimiter_command(token.span.clone()).err().map(Err);
        }
        if let Some(open) = &mut self.open {
            open.end = token.span.end;
        } else {
            self.open = Some(token.span.clone());
            if self.dialect == Dialect::Postgres && text.eq_ignore_ascii_case("copy") {
                self.copy = Copy::Verb;
            }
        }
        if self.copy != Copy::No {
            self.copy = match (self.copy, token.kind) {
                (Copy::Verb, TokenKind::Word)
                    if text.eq_ignore_ascii_case("from") && self.compound.may_end() =>
                {
                    Copy::From
                }
                // The server takes either word for either direction.
                (Copy::From, TokenKind::Word)
                    if text.eq_ignore_ascii_case("stdin")
                        || text.eq_ignore_ascii_case("stdout") =>
                {
                    Copy::Stdin
                }
                (Copy::From, _) => Copy::No,
                (state, _) => state,
            };
        }
        self.words.push(token.kind, text, self.dialect);
        if self.lexer.delimiter.is_none() {
            self.compound.token(token.kind, text, self.dialect);
        }
        None
    }

    fn finish(&mut self) -> Option<Item> {
        self.compound = Compound::default();
        self.copy = Copy::No;
        let span = self.open.take()?;
        let facts = of_words(&self.words, self.dialect);
        self.words.clear();
        Statement::new(&span, facts).map(Item::Statement)
    }

    fn line_end(&self, from: usize) -> usize {
        memchr::memchr(b'\n', &self.text.as_bytes()[from..])
            .map_or(self.text.len(), |at| from + at + 1)
    }

    /// The lines after the statement, up to the one that is `\.` or the end of the file, as in psql,
    /// which runs what else is on the statement's line after the data.
    fn copy_data(&mut self, item: Item) -> Result<Item, SplitError> {
        let Item::Statement(statement) = item else {
            return Ok(item);
        };
        let start = self.line_end(self.lexer.position);
        let rest = &self.text[self.lexer.position..start];
        if let Some(token) = Lexer::new(rest, self.dialect)
            .find(|token| !token.kind.is_trivia() || token.unterminated)
        {
            let at = self.lexer.position;
            return Err(SplitError {
                span: at + token.span.start..at + token.span.end,
                kind: SplitErrorKind::BehindCopy,
            });
        }
        let mut at = start;
        let mut comment = None;
        while at < self.text.len() {
            let end = self.line_end(at);
            if self.text[at..end].trim_end_matches(['\r', '\n']) == "\\." {
                self.lexer.position = end;
                return Ok(Item::Statement(statement.with_data(&(start..at))));
            }
            // No row is meant by it: a mark below which another script begins, or a note.
            if self.text[at..end].trim_start().starts_with("--") {
                comment = comment.or(Some(at..end));
            }
            at = end;
        }
        if let Some(span) = comment {
            let kind = SplitErrorKind::UnterminatedCopy;
            return Err(SplitError { span, kind });
        }
        self.lexer.position = at;
        Ok(Item::Statement(statement.with_data(&(start..at))))
    }

    /// pg_dump writes `\restrict` lines, which are for psql alone; any other command would do
    /// something that a server can't.
    fn meta_command(&mut self, start: usize) -> Result<(), SplitError> {
        let end = self.line_end(start);
        let line = self.text[start..end].trim_end();
        let command = line.split_whitespace().next().unwrap_or(line);
        let first_on_line = self.text[..start]
            .rsplit('\n')
            .next()
            .is_none_or(|before| before.trim().is_empty());
        if self.open.is_none() && first_on_line && matches!(command, "\\restrict" | "\\unrestrict")
        {
            self.lexer.position = end;
            return Ok(());
        }
        Err(SplitError {
            span: start..start + command.len(),
            kind: SplitErrorKind::MetaCommand {
                command: command.to_owned(),
            },
        })
    }

    /// `DELIMITER $$`, with the delimiter on the same or alone on the next line that is not blank.
    fn delimiter_command(&mut self, word: Range<usize>) -> Result<(), SplitError> {
        let mut at = word.end;
        while at < self.text.len() {
            let end = self.line_end(at);
            let line = &self.text[at..end];
            if let Some(delimiter) = delimiter_of(line, at == word.end) {
                self.lexer.delimiter = (delimiter != ";").then_some(delimiter);
                self.lexer.position = end;
                return Ok(());
            }
            if at != word.end && !line.trim().is_empty() {
                break;
            }
            at = end;
        }
        Err(SplitError {
            span: word,
            kind: SplitErrorKind::EmptyDelimiter,
        })
    }
}

/// What a line behind DELIMITER names, without its quotes. A line further down that is more than
/// signs is a statement.
fn delimiter_of(line: &str, same_line: bool) -> Option<&str> {
    let line = line.trim();
    let first = line.split_whitespace().next()?;
    if !same_line {
        let signs = first == line && !first.contains(|c: char| c.is_alphanumeric());
        return signs.then_some(first);
    }
    let quote = first.chars().next().filter(|c| "'\"`".contains(*c));
    let quoted = quote.and_then(|quote| line[1..].split_once(quote));
    match quoted {
        Some((name, _)) if !name.is_empty() => Some(name),
        _ => Some(first),
    }
}

impl Iterator for Splitter<'_> {
    type Item = Result<Item, SplitError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.step();
        self.failed = matches!(item, Some(Err(_)));
        item
    }
}

fn unterminated(token: &Token) -> SplitError {
    let kind = match token.kind {
        TokenKind::String => SplitErrorKind::UnterminatedString,
        TokenKind::QuotedIdentifier => SplitErrorKind::UnterminatedIdentifier,
        TokenKind::DollarString => SplitErrorKind::UnterminatedDollarQuote,
        _ => SplitErrorKind::UnterminatedComment,
    };
    SplitError {
        span: token.span.clone(),
        kind,
    }
}
