//! The first words of a statement.

use crate::{Dialect, Lexer, TokenKind};

/// How many words and signs are looked at; what decides stands near the front. Of a data change
/// the verb alone says everything.
const LIMIT: usize = 16;
const DATA_CHANGES: [&str; 4] = ["insert", "update", "delete", "merge"];

/// The first words of a statement; `(`, `=` and other signs count as words. Filled while the
/// statement is split, so that its text is read once.
#[derive(Debug, Default)]
pub(crate) struct Words<'a> {
    list: [&'a str; LIMIT],
    length: usize,
}

/// A word's key: its bytes in lower case as a number, so that a word is found in a table by
/// comparing numbers. Longer words than any keyword have the key 0.
pub(super) const fn key(word: &str) -> u128 {
    let bytes = word.as_bytes();
    if bytes.len() > 16 {
        return 0;
    }
    let mut key = 0;
    let mut index = 0;
    while index < bytes.len() {
        key = key << 8 | bytes[index].to_ascii_lowercase() as u128;
        index += 1;
    }
    key
}

impl<'a> Words<'a> {
    pub(super) fn of(statement: &'a str, dialect: Dialect) -> Self {
        let mut words = Self::default();
        for token in Lexer::new(statement, dialect) {
            if words.is_full() {
                break;
            }
            words.push(token.kind, &statement[token.span], dialect);
        }
        words
    }

    /// Takes the statement's next token.
    #[inline]
    pub(crate) fn push(&mut self, kind: TokenKind, text: &'a str, dialect: Dialect) {
        if self.length >= LIMIT {
            return;
        }
        match kind {
            kind if kind.is_trivia() => {}
            TokenKind::Hint => {}
            TokenKind::ExecutableComment => {
                let inner = inside(text);
                for token in Lexer::new(inner, dialect) {
                    self.push(token.kind, &inner[token.span], dialect);
                }
            }
            _ => {
                self.list[self.length] = text;
                self.length += 1;
                if self.length == 2 && self.is(0, &DATA_CHANGES) {
                    self.length = LIMIT + 1;
                }
            }
        }
    }

    /// The words from a place on.
    pub(super) fn since(&self, start: usize) -> Self {
        let rest = self.words().get(start..).unwrap_or_default();
        let mut words = Self::default();
        words.list[..rest.len()].copy_from_slice(rest);
        words.length = rest.len();
        words
    }

    /// Makes ready for the next statement.
    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }

    /// True if further tokens say nothing more.
    fn is_full(&self) -> bool {
        self.length >= LIMIT
    }

    fn words(&self) -> &[&'a str] {
        // Of a data change the first word alone was taken.
        let length = if self.length > LIMIT { 1 } else { self.length };
        &self.list[..length]
    }

    pub(super) fn at(&self, index: usize) -> &'a str {
        self.words().get(index).copied().unwrap_or("")
    }

    pub(super) fn is(&self, index: usize, words: &[&str]) -> bool {
        words
            .iter()
            .any(|word| self.at(index).eq_ignore_ascii_case(word))
    }

    pub(super) fn starts_with(&self, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(index, word)| self.is(index, &[word]))
    }

    /// True if one of the words is among the first `count`.
    pub(super) fn among_first(&self, count: usize, words: &[&str]) -> bool {
        self.position(count, words).is_some()
    }

    pub(super) fn position(&self, count: usize, words: &[&str]) -> Option<usize> {
        (0..count.min(self.len())).find(|&index| self.is(index, words))
    }

    /// True if the words stand in this order, next to each other.
    pub(super) fn sequence_of(&self, words: &[&str]) -> bool {
        self.words().windows(words.len()).any(|window| {
            window
                .iter()
                .zip(words)
                .all(|(a, b)| a.eq_ignore_ascii_case(b))
        })
    }

    pub(super) fn len(&self) -> usize {
        self.words().len()
    }
}

/// What `/*!50003 ... */` holds.
fn inside(comment: &str) -> &str {
    let inner = comment
        .trim_start_matches("/*")
        .trim_start_matches('M')
        .trim_start_matches('!');
    let inner = inner.trim_start_matches(|c: char| c.is_ascii_digit());
    inner.strip_suffix("*/").unwrap_or(inner)
}
