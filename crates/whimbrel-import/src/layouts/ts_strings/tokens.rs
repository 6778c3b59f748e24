//! As much of TypeScript as files of strings need: words, punctuation, strings, numbers.

use std::ops::Range;
use std::sync::Arc;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::text::SourceFile;

/// A token and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword or a number.
    Word,
    /// A string or a template without expressions, as its pieces.
    Text(Vec<Piece>),
    /// Any other character.
    Mark(char),
    /// The file is over.
    End,
}

/// A piece of a string's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// As it stands in the file.
    Copy(Range<usize>),
    /// What an escape at this place stands for.
    Put(String, usize),
}

/// Reads a file token by token.
pub(super) struct Tokens<'a> {
    file: &'a Arc<SourceFile>,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(file: &'a Arc<SourceFile>) -> Self {
        Self { file, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.file.text()[self.at..]
    }

    fn wrong(&self, span: Range<usize>, message: &str) -> Diagnostic {
        Diagnostic::error("ts-strings", message).at(self.file, span, "")
    }

    /// The next token, without taking it.
    pub(super) fn peek(&mut self) -> Result<Token, Diagnostic> {
        let at = self.at;
        let token = self.next();
        self.at = at;
        token
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Result<Token, Diagnostic> {
        self.skip()?;
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            return Ok(Token {
                kind: Kind::End,
                span: start..start,
            });
        };
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
        let kind = if is_word(first) {
            let rest = self.rest();
            self.at += rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            Kind::Word
        } else if matches!(first, '\'' | '"' | '`') {
            self.at += 1;
            Kind::Text(self.text(first, start)?)
        } else {
            self.at += first.len_utf8();
            Kind::Mark(first)
        };
        Ok(Token {
            kind,
            span: start..self.at,
        })
    }

    /// White space and comments.
    fn skip(&mut self) -> Result<(), Diagnostic> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            let length = if trimmed.starts_with("//") || (self.at == 0 && trimmed.starts_with("#!"))
            {
                trimmed.find('\n').unwrap_or(trimmed.len())
            } else if trimmed.starts_with("/*") {
                let end = trimmed.find("*/");
                end.ok_or_else(|| self.wrong(self.at..self.at + 2, "this comment is not closed"))?
                    + 2
            } else {
                return Ok(());
            };
            self.at += length;
        }
    }

    /// A string after its opening quote.
    fn text(&mut self, quote: char, open: usize) -> Result<Vec<Piece>, Diagnostic> {
        let mut pieces = Vec::new();
        let mut from = self.at;
        loop {
            let at = self.at;
            let copy = |pieces: &mut Vec<Piece>| {
                if from < at {
                    pieces.push(Piece::Copy(from..at));
                }
            };
            let mut chars = self.rest().chars();
            match (chars.next(), chars.next()) {
                (Some(c), _) if c == quote => {
                    copy(&mut pieces);
                    self.at += 1;
                    return Ok(pieces);
                }
                (Some('\\'), Some(_)) => {
                    copy(&mut pieces);
                    let text = self.escape()?;
                    pieces.push(Piece::Put(text, at));
                    from = self.at;
                }
                (Some('$'), Some('{')) if quote == '`' => {
                    let problem = self.wrong(at..at + 2, "an expression in the SQL can't be read");
                    return Err(problem.help("write the SQL out; `\\${` is the text itself"));
                }
                // A line end in a template is one line feed, however the file was saved.
                (Some('\r'), Some('\n')) if quote == '`' => {
                    copy(&mut pieces);
                    self.at += 1;
                    from = self.at;
                }
                (Some('\n' | '\r') | None, _) if quote != '`' => {
                    return Err(self.wrong(open..open + 1, "this string is not closed on its line"));
                }
                (Some(c), _) => self.at += c.len_utf8(),
                (None, _) => return Err(self.wrong(open..open + 1, "this template is not closed")),
            }
        }
    }

    /// What an escape stands for; `at` is at its backslash.
    fn escape(&mut self) -> Result<String, Diagnostic> {
        let start = self.at;
        let rest = &self.rest()[1..];
        let c = rest.chars().next().unwrap_or_default();
        self.at += 1 + c.len_utf8();
        let simple = match c {
            'n' => "\n",
            't' => "\t",
            'r' => "\r",
            'b' => "\u{8}",
            'f' => "\u{c}",
            'v' => "\u{b}",
            '\n' => "",
            '\r' => {
                self.at += usize::from(rest[1..].starts_with('\n'));
                ""
            }
            'x' | 'u' | '0'..='9' => return self.code(start, c, &rest[1..]),
            other => return Ok(other.to_string()),
        };
        Ok(simple.to_owned())
    }

    /// `\x41`, `\u0041`, `\u{1F600}`.
    fn code(&mut self, start: usize, kind: char, rest: &str) -> Result<String, Diagnostic> {
        let (digits, length) = match (kind, rest.strip_prefix('{')) {
            ('u', Some(rest)) => {
                let end = rest.find('}').unwrap_or(0);
                (rest.get(..end), end + 2)
            }
            ('u', None) => (rest.get(..4), 4),
            ('x', _) => (rest.get(..2), 2),
            _ => (None, 0),
        };
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let Some(made) = code.and_then(char::from_u32) else {
            return Err(self.wrong(start..start + 2, "this escape can't be read"));
        };
        self.at += length;
        Ok(made.to_string())
    }
}
