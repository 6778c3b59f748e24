//! What a statement leaves in the catalog, by its words.

use whimbrel_sql::{Dialect, Lexer, ObjectKind, Target, TokenKind, Verb};

/// What the state of a statement's objects says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    /// Another state: it happened. The same one: it did not, or may happen again.
    Whole,
    /// As above where there is nothing. What replaces something may look like it, and is empty.
    OfNewOnes,
    /// Each of its objects goes by itself, so some may be gone and others not.
    OfAllTogether,
    /// It may have happened and have left the same state.
    Uncertain,
}

/// Rows move, or go, and nothing else changes.
const MOVES_ROWS: [[&str; 2]; 4] = [
    ["exchange", "partition"],
    ["truncate", "partition"],
    ["discard", "tablespace"],
    ["import", "tablespace"],
];

pub(super) fn of(statement: &str, verb: Verb, objects: &[Target]) -> Trace {
    let words = words(statement);
    let is_about = |kinds: &[ObjectKind]| objects.iter().any(|one| kinds.contains(&one.kind));
    match verb {
        Verb::Alter if is_about(&[ObjectKind::Sequence]) => Trace::Uncertain,
        Verb::Alter if MOVES_ROWS.iter().any(|two| has(&words, two)) => Trace::Uncertain,
        Verb::Rename if may_trade_places(&words, objects) => Trace::Uncertain,
        Verb::Create if has(&words, &["or", "replace"]) && is_about(&REPLACED_BY_EMPTY) => {
            Trace::OfNewOnes
        }
        Verb::Drop if objects.len() > 1 && !is_about(&[ObjectKind::Index, ObjectKind::Trigger]) => {
            Trace::OfAllTogether
        }
        _ => Trace::Whole,
    }
}

const REPLACED_BY_EMPTY: [ObjectKind; 4] = [
    ObjectKind::Table,
    ObjectKind::Sequence,
    ObjectKind::Database,
    ObjectKind::Schema,
];

fn words(statement: &str) -> Vec<&str> {
    Lexer::new(statement, Dialect::Mysql)
        .filter(|token| token.kind == TokenKind::Word)
        .map(|token| &statement[token.span])
        .collect()
}

fn has(words: &[&str], wanted: &[&str]) -> bool {
    words.windows(wanted.len()).any(|part| {
        let mut pairs = part.iter().zip(wanted);
        pairs.all(|(word, wanted)| word.eq_ignore_ascii_case(wanted))
    })
}

/// Tables that take each other's names look the same afterwards if they have the same columns. Where
/// a name is left behind, it is seen to be gone.
fn may_trade_places(words: &[&str], objects: &[Target]) -> bool {
    let to = words.iter().filter(|word| word.eq_ignore_ascii_case("to"));
    if to.count() * 2 != objects.len() {
        return true;
    }
    if objects.len() == 2 {
        return false;
    }
    let side = |first: usize| objects.iter().skip(first).step_by(2);
    let names = |first: usize| {
        let mut names: Vec<_> = side(first).map(|one| one.name.to_lowercase()).collect();
        names.sort_unstable();
        names
    };
    let stays = || side(0).any(|old| side(1).any(|new| old.schema == new.schema));
    names(0) == names(1) && stays()
}

#[cfg(test)]
mod tests {
    use whimbrel_sql::{facts, targets};

    use super::*;

    fn trace(statement: &str) -> Trace {
        let verb = facts(statement, Dialect::Mysql).verb;
        of(statement, verb, &targets(statement, Dialect::Mysql))
    }

    #[test]
    fn what_can_be_told_is_known() {
        for (statement, expected) in [
            ("ALTER TABLE t ADD COLUMN exchange int", Trace::Whole),
            ("ALTER TABLE t COMMENT 'exchange partition'", Trace::Whole),
            (
                "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u",
                Trace::Uncertain,
            ),
            ("ALTER SEQUENCE s RESTART 1", Trace::Uncertain),
            ("RENAME TABLE a TO A", Trace::Whole),
            ("RENAME TABLE a TO b, b TO c", Trace::Whole),
            ("RENAME TABLE a TO old, new TO a", Trace::Whole),
            ("RENAME TABLE a TO x.a, b TO x.b", Trace::Whole),
            ("RENAME TABLE a TO x, b TO a, x TO b", Trace::Uncertain),
            ("RENAME TABLE d.a TO x, b TO a, x TO b", Trace::Uncertain),
            (
                "RENAME TABLE a WAIT 5 TO x, b TO a, x TO b",
                Trace::Uncertain,
            ),
            ("CREATE TABLE t AS SELECT 1", Trace::Whole),
            ("CREATE OR REPLACE TABLE t (i int)", Trace::OfNewOnes),
            ("CREATE OR REPLACE VIEW v AS SELECT 1", Trace::Whole),
            ("DROP TABLE a", Trace::Whole),
            ("DROP TABLE a, b", Trace::OfAllTogether),
            ("DROP INDEX i ON t", Trace::Whole),
        ] {
            assert_eq!(trace(statement), expected, "{statement}");
        }
    }
}
