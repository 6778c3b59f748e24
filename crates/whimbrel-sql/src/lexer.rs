//! Tokens of SQL. Never fails: what is not closed is a token that runs to the end and says so.

use std::ops::Range;

use crate::Dialect;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Blanks, tabs, line ends.
    Whitespace,
    /// `-- ...` or MySQL's `# ...`, without the line's end.
    LineComment,
    /// `/* ... */`
    BlockComment,
    /// MySQL's `/*! ... */` and MariaDB's `/*M! ... */`: code.
    ExecutableComment,
    /// `/*+ ... */`
    Hint,
    /// A keyword or a plain identifier.
    Word,
    /// `"..."`, `` `...` `` or `[...]`, as the dialect quotes identifiers.
    QuotedIdentifier,
    /// A string literal.
    String,
    /// PostgreSQL's `$tag$...$tag$`.
    DollarString,
    /// A number.
    Number,
    /// One character of anything else.
    Punctuation,
    /// `;`
    Semicolon,
    /// The delimiter that a DELIMITER command asked for (MySQL).
    Delimiter,
}

impl TokenKind {
    /// White space and plain comments.
    pub fn is_trivia(self) -> bool {
        matches!(
            self,
            Self::Whitespace | Self::LineComment | Self::BlockComment
        )
    }
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its bytes.
    pub span: Range<usize>,
    /// True if the text ended before it was closed.
    pub unterminated: bool,
}

/// Gives the tokens of a text, one after the other and without gaps.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pub(crate) position: usize,
    dialect: Dialect,
    pub(crate) delimiter: Option<&'a str>,
}

const WORD: u8 = 1;
const BLANK: u8 = 2;

/// What a byte can be part of: one look-up in the loops where most of the time goes.
const CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0u8;
    loop {
        table[byte as usize] = match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'$' | 0x80.. => WORD,
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => BLANK,
            _ => 0,
        };
        if byte == 255 {
            break table;
        }
        byte += 1;
    }
};

#[inline]
fn is_word(byte: u8) -> bool {
    CLASS[usize::from(byte)] == WORD
}

#[inline]
fn is_blank(byte: u8) -> bool {
    CLASS[usize::from(byte)] == BLANK
}

/// Most strings and comments are short, where a plain loop is quicker than a vectorised search;
/// the long ones are what costs.
#[inline]
fn find_either(one: u8, other: u8, bytes: &[u8]) -> Option<usize> {
    let (short, long) = bytes.split_at(bytes.len().min(48));
    short
        .iter()
        .position(|&byte| byte == one || byte == other)
        .or_else(|| memchr::memchr2(one, other, long).map(|at| short.len() + at))
}

impl<'a> Lexer<'a> {
    /// Starts at the text's beginning.
    pub fn new(text: &'a str, dialect: Dialect) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            position: 0,
            dialect,
            delimiter: None,
        }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.position + ahead).copied().unwrap_or(0)
    }

    #[inline]
    fn run(&self, from: usize, test: impl Fn(u8) -> bool) -> usize {
        let rest = &self.bytes[from..];
        rest.iter()
            .position(|&byte| !test(byte))
            .map_or(self.bytes.len(), |length| from + length)
    }

    fn find(&self, from: usize, needle: &str) -> Option<usize> {
        let rest = self.bytes.get(from..)?;
        memchr::memmem::find(rest, needle.as_bytes()).map(|at| from + at)
    }

    /// Kind and end of the token at the position, and whether it is closed.
    #[inline]
    fn scan_token(&self) -> (TokenKind, usize, bool) {
        let at = self.position;
        if let Some(delimiter) = self.delimiter
            && self.bytes[at..].starts_with(delimiter.as_bytes())
        {
            return (TokenKind::Delimiter, at + delimiter.len(), true);
        }
        let first = self.bytes[at];
        // Most tokens are blanks and words that nothing else can be.
        if is_blank(first) {
            return (TokenKind::Whitespace, self.run(at + 1, is_blank), true);
        }
        if first.is_ascii_alphabetic() && first | 0x20 != b'e' {
            return (
                TokenKind::Word,
                self.word_end(self.run(at + 1, is_word)),
                true,
            );
        }
        let mysql = self.dialect == Dialect::Mysql;
        match first {
            b'-' if self.peek(1) == b'-' && self.is_dash_comment() => self.line_comment(),
            b'#' if mysql => self.line_comment(),
            b'/' if self.peek(1) == b'*' => self.block_comment(),
            b'\'' => self.quoted(b'\'', at + 1, mysql, TokenKind::String),
            b'"' if mysql => self.quoted(b'"', at + 1, true, TokenKind::String),
            b'"' => self.quoted(b'"', at + 1, false, TokenKind::QuotedIdentifier),
            b'`' if self.dialect != Dialect::Postgres => {
                self.quoted(b'`', at + 1, false, TokenKind::QuotedIdentifier)
            }
            b'[' if self.dialect == Dialect::Sqlite => self.bracketed(),
            b'$' if self.dialect == Dialect::Postgres => self.dollar(),
            b'e' | b'E' if self.dialect == Dialect::Postgres && self.peek(1) == b'\'' => {
                self.quoted(b'\'', at + 2, true, TokenKind::String)
            }
            b'0'..=b'9' => (TokenKind::Number, self.word_end(self.number_end()), true),
            byte if is_word(byte) => (TokenKind::Word, self.word_end(self.run(at, is_word)), true),
            b';' if self.delimiter.is_none() => (TokenKind::Semicolon, at + 1, true),
            _ => (TokenKind::Punctuation, at + 1, true),
        }
    }

    /// A digit starts a number, or in MySQL and SQLite an identifier such as `2fa`; the groups
    /// are not told apart further than their bytes.
    fn number_end(&self) -> usize {
        let mut end = self.run(self.position, is_word);
        if self.bytes.get(end) == Some(&b'.')
            && self.bytes.get(end + 1).is_some_and(u8::is_ascii_digit)
        {
            end = self.run(end + 1, is_word);
        }
        end
    }

    /// `END$$` ends where the delimiter begins.
    #[inline]
    fn word_end(&self, end: usize) -> usize {
        let Some(delimiter) = self.delimiter else {
            return end;
        };
        let word = &self.text[self.position..end];
        match word.find(delimiter) {
            Some(at) if at > 0 => self.position + at,
            _ => end,
        }
    }

    /// In MySQL `--` starts a comment only before white space, a control character or the end.
    fn is_dash_comment(&self) -> bool {
        self.dialect != Dialect::Mysql
            || self
                .bytes
                .get(self.position + 2)
                .is_none_or(|&b| b <= b' ' || b == 0x7f)
    }

    /// In PostgreSQL a carriage return alone ends it, elsewhere it is a part of the comment.
    fn line_comment(&self) -> (TokenKind, usize, bool) {
        let rest = &self.bytes[self.position..];
        let other = match self.dialect {
            Dialect::Postgres => b'\r',
            Dialect::Mysql | Dialect::Sqlite => b'\n',
        };
        let end = find_either(b'\n', other, rest).unwrap_or(rest.len());
        let end = if end > 0 && rest[..end].ends_with(b"\r") {
            end - 1
        } else {
            end
        };
        (TokenKind::LineComment, self.position + end, true)
    }

    fn block_comment(&self) -> (TokenKind, usize, bool) {
        let inner = &self.bytes[self.position + 2..];
        let kind = match (self.dialect, inner) {
            (Dialect::Mysql, [b'!', ..] | [b'M', b'!', ..]) => TokenKind::ExecutableComment,
            (_, [b'+', ..]) => TokenKind::Hint,
            _ => TokenKind::BlockComment,
        };
        let (end, closed) = match (self.dialect, kind) {
            (Dialect::Postgres, _) => self.nested_comment_end(),
            (_, TokenKind::ExecutableComment) => self.executable_comment_end(),
            _ => match self.find(self.position + 2, "*/") {
                Some(at) => (at + 2, true),
                None => (self.bytes.len(), false),
            },
        };
        // SQLite takes an unclosed comment for one to the end, with every statement behind it: nobody
        // means that, and where a part ends in the middle of a comment, its tool read it otherwise.
        (kind, end, closed)
    }

    fn nested_comment_end(&self) -> (usize, bool) {
        let mut depth = 1;
        let mut at = self.position + 2;
        while let Some(found) = memchr::memchr2(b'/', b'*', &self.bytes[at..]) {
            at += found;
            match self.bytes.get(at..at + 2) {
                Some(b"/*") => {
                    depth += 1;
                    at += 2;
                }
                Some(b"*/") => {
                    depth -= 1;
                    at += 2;
                    if depth == 0 {
                        return (at, true);
                    }
                }
                _ => at += 1,
            }
        }
        (self.bytes.len(), false)
    }

    /// Code in a comment has strings and comments of its own, in which `*/` does not count.
    fn executable_comment_end(&self) -> (usize, bool) {
        let mut inner = self.clone();
        inner.delimiter = None;
        inner.position += 3;
        while inner.position < inner.bytes.len() {
            if inner.bytes[inner.position..].starts_with(b"*/") {
                return (inner.position + 2, true);
            }
            inner.next();
        }
        (self.bytes.len(), false)
    }

    fn quoted(
        &self,
        quote: u8,
        from: usize,
        backslash: bool,
        kind: TokenKind,
    ) -> (TokenKind, usize, bool) {
        let mut at = from;
        let escape = if backslash { b'\\' } else { quote };
        while let Some(found) = find_either(quote, escape, &self.bytes[at.min(self.bytes.len())..])
        {
            at += found;
            if self.bytes[at] == b'\\' || self.bytes.get(at + 1) == Some(&quote) {
                at += 2;
                // The escaped character may be of several bytes.
                while at < self.bytes.len() && !self.text.is_char_boundary(at) {
                    at += 1;
                }
            } else {
                return (kind, at + 1, true);
            }
        }
        (kind, self.bytes.len(), false)
    }

    fn bracketed(&self) -> (TokenKind, usize, bool) {
        match self.find(self.position + 1, "]") {
            Some(at) => (TokenKind::QuotedIdentifier, at + 1, true),
            None => (TokenKind::QuotedIdentifier, self.bytes.len(), false),
        }
    }

    /// `$tag$...$tag$`; `$1` is a parameter and anything else one character.
    fn dollar(&self) -> (TokenKind, usize, bool) {
        let at = self.position;
        let is_tag = |byte: u8| is_word(byte) && byte != b'$';
        let end = self.run(at + 1, is_tag);
        if self.bytes.get(end) != Some(&b'$') || self.peek(1).is_ascii_digit() {
            let end = if self.peek(1).is_ascii_digit() {
                self.run(at + 1, |b| b.is_ascii_digit())
            } else {
                at + 1
            };
            return (TokenKind::Punctuation, end, true);
        }
        let tag = &self.text[at..=end];
        match self.find(end + 1, tag) {
            Some(found) => (TokenKind::DollarString, found + tag.len(), true),
            None => (TokenKind::DollarString, self.bytes.len(), false),
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    #[inline]
    fn next(&mut self) -> Option<Token> {
        if self.position >= self.bytes.len() {
            return None;
        }
        let (kind, end, closed) = self.scan_token();
        let token = Token {
            kind,
            span: self.position..end,
            unterminated: !closed,
        };
        self.position = end;
        Some(token)
    }
}
