//! The tables that a data change writes to, and what tables are stored by.

use super::Target;
use super::targets::{Reader, significant};
use crate::{Dialect, ObjectKind};

/// So many words and signs of a change are looked at, and of an INSERT, of which there may be millions:
/// rows of data come after its table.
const FRONT: usize = 512;
const BEGINNING: usize = 12;

/// What stands between a verb and the table of an INSERT or REPLACE.
const BEFORE_TABLE: [&str; 5] = ["low_priority", "delayed", "high_priority", "ignore", "into"];
/// Words among the tables of an UPDATE or DELETE.
const AMONG_TABLES: [&str; 14] = [
    "low_priority",
    "quick",
    "ignore",
    "from",
    "using",
    "join",
    "inner",
    "left",
    "right",
    "outer",
    "cross",
    "straight_join",
    "on",
    "as",
];

/// The tables that an INSERT, REPLACE, UPDATE or DELETE may write to: of one about several tables all
/// that it names before its SET or WHERE, aliases too. Empty for other statements.
pub fn written(statement: &str, dialect: Dialect) -> Vec<Target> {
    let mut rest = significant(statement, dialect);
    let mut tokens: Vec<_> = rest.by_ref().take(BEGINNING).collect();
    let inserts = ["insert", "replace"];
    if !inserts
        .iter()
        .any(|verb| tokens.first().is_some_and(|first| first.is_word(verb)))
    {
        tokens.extend(rest.take(FRONT));
    }
    let mut reader = Reader::new(&mut tokens, dialect);
    if reader.is(0, &["with"]) {
        // The change stands behind the named queries.
        let change = ["insert", "replace", "update", "delete"];
        let Some(start) = (1..reader.len()).find(|&at| reader.is(at, &change)) else {
            return Vec::new();
        };
        reader.start_at(start);
    }
    if reader.is(0, &["insert", "replace"]) {
        reader.skip(&BEFORE_TABLE);
        return reader.name(ObjectKind::Table).into_iter().collect();
    }
    if reader.is(0, &["update", "delete"]) {
        return reader.names_until(&["set", "where"], &AMONG_TABLES);
    }
    Vec::new()
}

/// What `ENGINE = ...` says.
pub fn storage_engine(statement: &str) -> Option<String> {
    let tokens: Vec<_> = significant(statement, Dialect::Mysql).collect();
    let at = tokens.iter().position(|token| token.is_word("engine"))?;
    let value = tokens[at + 1..].iter().find(|token| token.text != "=")?;
    Some(value.text.trim_matches(['\'', '"', '`']).to_owned())
}

/// The table that `CREATE TABLE ... LIKE` takes after.
pub fn model(statement: &str) -> Option<Target> {
    let mut tokens: Vec<_> = significant(statement, Dialect::Mysql).take(16).collect();
    let at = tokens.iter().position(|token| token.is_word("like"))?;
    let mut reader = Reader::new(&mut tokens, Dialect::Mysql);
    reader.start_at(at);
    reader.name(ObjectKind::Table)
}
