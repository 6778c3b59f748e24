//! The first words of a statement.

use crate::{Dialect, Lexer, TokenKind};

/// How many words and signs are looked at; what decides stands near the front. Of a data change
/// the verb alone says everything.
const LIMIT: usize = 16;
const DATA_CHANGES: [&str; 4] = ["insert", "update", "delete", "merge"];

/// The first words of a statement; `(`, `=` and other signs count as words.
pub(super) struct Words<'a> {
    list: Vec<&'a str>,
}

impl<'a> Words<'a> {
    pub(super) fn of(statement: &'a str, dialect: Dialect) -> Self {
        let mut list = Vec::with_capacity(16);
        collect(statement, dialect, &mut list);
        Self { list }
    }

    pub(super) fn at(&self, index: usize) -> &'a str {
        self.list.get(index).copied().unwrap_or("")
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
        (0..count.min(self.list.len())).find(|&index| self.is(index, words))
    }

    /// True if the words stand in this order, next to each other.
    pub(super) fn sequence_of(&self, words: &[&str]) -> bool {
        self.list.windows(words.len()).any(|window| {
            window
                .iter()
                .zip(words)
                .all(|(a, b)| a.eq_ignore_ascii_case(b))
        })
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }
}

fn collect<'a>(text: &'a str, dialect: Dialect, list: &mut Vec<&'a str>) {
    for token in Lexer::new(text, dialect) {
        if list.len() >= LIMIT {
            return;
        }
        if let [verb] = list.as_slice()
            && DATA_CHANGES
                .iter()
                .any(|word| word.eq_ignore_ascii_case(verb))
        {
            return;
        }
        let part = &text[token.span.clone()];
        match token.kind {
            kind if kind.is_trivia() => {}
            TokenKind::Hint => {}
            TokenKind::ExecutableComment => collect(inside(part), dialect, list),
            _ => list.push(part),
        }
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
