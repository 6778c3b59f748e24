//! The objects that a schema change is about, by name.

use super::{ObjectKind, rules};
use crate::{Dialect, Lexer, TokenKind};

/// An object that a statement creates, alters, drops or renames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What it is. Of an index statement, the table is a target as well.
    pub kind: ObjectKind,
    /// The schema or database that the statement names.
    pub schema: Option<String>,
    /// Its name, without quotes.
    pub name: String,
}

/// Words between the kind and the name.
const BETWEEN: [&str; 6] = ["if", "not", "exists", "concurrently", "only", "view"];

/// The objects that a CREATE, ALTER, DROP, RENAME or TRUNCATE names. Names that RENAME TO gives are
/// among them. Empty for other statements.
pub fn targets(statement: &str, dialect: Dialect) -> Vec<Target> {
    let mut tokens = significant(statement, dialect).collect();
    let mut reader = Reader::new(&mut tokens, dialect);
    let Some(first) = reader.tokens.first() else {
        return Vec::new();
    };
    match first.text.to_ascii_lowercase().as_str() {
        "create" | "alter" | "drop" => reader.schema_change(),
        "rename" if reader.is(1, &["table", "tables"]) => {
            reader.skip(&["table", "tables"]);
            reader.list(ObjectKind::Table, &["to"])
        }
        "truncate" => {
            reader.skip(&["table"]);
            reader.list(ObjectKind::Table, &[])
        }
        _ => Vec::new(),
    }
}

pub(super) struct Piece<'a> {
    kind: TokenKind,
    pub(super) text: &'a str,
}

impl Piece<'_> {
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }
}

pub(super) fn significant(statement: &str, dialect: Dialect) -> impl Iterator<Item = Piece<'_>> {
    let tokens = Lexer::new(statement, dialect).filter(|token| {
        !token.kind.is_trivia()
            && !matches!(token.kind, TokenKind::Hint | TokenKind::ExecutableComment)
    });
    tokens.map(|token| Piece {
        kind: token.kind,
        text: &statement[token.span],
    })
}

pub(super) struct Reader<'t, 'a> {
    tokens: &'t [Piece<'a>],
    at: usize,
    dialect: Dialect,
}

impl<'t, 'a> Reader<'t, 'a> {
    /// Begins behind the settings that a statement may run with.
    pub(super) fn new(tokens: &'t mut Vec<Piece<'a>>, dialect: Dialect) -> Self {
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is_word(word));
        let start = rules::after_settings(tokens.len(), is, dialect);
        if let Some(start) = start {
            tokens.drain(..start);
        }
        Self {
            tokens,
            at: 1,
            dialect,
        }
    }

    /// A later word is the first one.
    pub(super) fn start_at(&mut self, start: usize) {
        self.tokens = &self.tokens[start..];
        self.at = 1;
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Every name before one of `ends`, besides the words that stand among them.
    pub(super) fn names_until(&mut self, ends: &[&str], among: &[&str]) -> Vec<Target> {
        let mut list = Vec::new();
        while self.at < self.len() && !self.is(self.at, ends) {
            if self.is(self.at, among) {
                self.at += 1;
            } else if let Some(target) = self.name(ObjectKind::Table) {
                list.push(target);
            } else {
                self.at += 1;
            }
        }
        list
    }

    pub(super) fn is(&self, at: usize, words: &[&str]) -> bool {
        self.tokens.get(at).is_some_and(|token| {
            token.kind != TokenKind::QuotedIdentifier
                && words
                    .iter()
                    .any(|word| token.text.eq_ignore_ascii_case(word))
        })
    }

    pub(super) fn skip(&mut self, words: &[&str]) {
        while self.is(self.at, words) {
            self.at += 1;
        }
    }

    fn schema_change(&mut self) -> Vec<Target> {
        let drops = self.is(0, &["drop"]);
        let Some((at, kind)) = (1..self.tokens.len().min(16)).find_map(|at| {
            let several = drops && self.is(at, &["tables"]);
            let word = if several {
                "table"
            } else {
                self.tokens[at].text
            };
            Some((at, rules::object_word(word)?))
        }) else {
            return Vec::new();
        };
        self.at = at + 1;
        self.skip(&BETWEEN);
        let mut list = if drops {
            self.list(kind, &[])
        } else {
            self.name(kind).into_iter().collect()
        };
        // CREATE INDEX i ON t, CREATE TRIGGER r ... ON t; ALTER TABLE t RENAME TO u.
        for at in self.at..self.tokens.len().min(self.at + 24) {
            let on =
                matches!(kind, ObjectKind::Index | ObjectKind::Trigger) && self.is(at, &["on"]);
            let renamed = self.is(0, &["alter"])
                && self.is(at, &["to", "as"])
                && self.is(at - 1, &["rename"]);
            if on || renamed {
                self.at = at + 1;
                self.skip(&["only"]);
                let kind = if on { ObjectKind::Table } else { kind };
                list.extend(self.name(kind));
                break;
            }
        }
        list
    }

    /// Names with commas, or one of `separators`, between them.
    fn list(&mut self, kind: ObjectKind, separators: &[&str]) -> Vec<Target> {
        let mut list = Vec::new();
        self.skip(&BETWEEN);
        while let Some(target) = self.name(kind) {
            list.push(target);
            if self.is(self.at, &[","]) || self.is(self.at, separators) {
                self.at += 1;
            } else {
                break;
            }
        }
        list
    }

    pub(super) fn name(&mut self, kind: ObjectKind) -> Option<Target> {
        let mut name = self.part()?;
        let mut schema = None;
        while self.is(self.at, &["."]) {
            self.at += 1;
            schema = Some(std::mem::replace(&mut name, self.part()?));
        }
        Some(Target { kind, schema, name })
    }

    fn part(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at)?;
        let name = match token.kind {
            TokenKind::Word | TokenKind::Number if self.dialect == Dialect::Postgres => {
                token.text.to_lowercase()
            }
            TokenKind::Word | TokenKind::Number => token.text.to_owned(),
            TokenKind::QuotedIdentifier => unquoted(token.text),
            _ => return None,
        };
        self.at += 1;
        Some(name)
    }
}

/// Takes the quotes off an identifier.
fn unquoted(text: &str) -> String {
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
    match text.chars().next() {
        Some('[') | None => inner.to_owned(),
        Some(quote) => inner.replace(&format!("{quote}{quote}"), &quote.to_string()),
    }
}
