//! What a session that is gone had, and the rest of a script needs.

use whimbrel_sql::{Dialect, ObjectKind, Statement, Verb, targets};

use crate::text::Script;

/// A statement that needs what is gone with the session of an attempt that stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The statement that needs it.
    pub user: usize,
    /// What it needs: a temporary table, a variable, a prepared statement.
    pub name: String,
    /// Those done that made and filled what is gone, that and all else: run again, they make it anew,
    /// of what is in the database then.
    pub makers: Vec<usize>,
    /// Run again, they would make something else: it hangs on the id that an INSERT got.
    pub by_hand: bool,
}

/// What the statements done have left in the session that is gone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// Settings and the chosen database, which can be set again.
    pub(super) again: Vec<usize>,
    /// Other things can't be rebuilt, and matter where the rest uses them; in the order of use.
    pub(super) lost: Vec<Lost>,
}

pub(super) fn left(
    script: &Script,
    statements: &[Statement],
    done: usize,
    dialect: Dialect,
) -> Left {
    let text = |statement: &Statement| &script.text()[statement.span()];
    let (before, rest) = statements.split_at(done.min(statements.len()));
    let mut again = Vec::new();
    let mut makers = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (index, statement) in before.iter().enumerate() {
        let made = lost_with_session(statement, text(statement), dialect);
        let literal = statement.facts.only_session() && made.is_empty();
        let ends = |name: &String| match statement.facts.verb {
            Verb::Set => literal && assigned_variables(text(statement)).any(|(it, _)| it == *name),
            _ => is_ended(text(statement), name),
        };
        let sets = statement.facts.only_session() && sets_more(text(statement));
        if literal || sets || attaches(text(statement), dialect) {
            again.push(index);
        }
        let fills = || names.iter().any(|name| writes(text(statement), name));
        if !literal && (!made.is_empty() || fills()) {
            makers.push(index);
        }
        names.retain(|name| !ends(name) && !made.contains(name));
        names.extend(made);
    }
    let by_hand = last_id(dialect).is_some_and(|id| {
        let mut makers = makers.iter();
        makers.any(|&maker| mentions(text(&before[maker]), id) > 0)
    });
    let mut lost: Vec<_> = lost_id(&text, before, rest, dialect).into_iter().collect();
    for name in names {
        for (index, later) in rest.iter().enumerate().filter(|(_, one)| runs_now(one)) {
            let mentioned = mentions(text(later), &name);
            // A statement that was added for it makes it again.
            if mentioned == 1 && lost_with_session(later, text(later), dialect).contains(&name) {
                break;
            }
            if mentioned > 0 {
                lost.push(Lost {
                    user: done + index,
                    name: name.clone(),
                    makers: makers.clone(),
                    by_hand,
                });
            }
        }
    }
    lost.sort_by_key(|lost| lost.user);
    Left { again, lost }
}

/// SQLite: the session has another file besides, or no more.
fn attaches(text: &str, dialect: Dialect) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    let known = ["attach", "detach"];
    dialect == Dialect::Sqlite && known.iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// What gives the id that the last INSERT of this session got. PostgreSQL's is an error in another
/// session, these are 0.
fn last_id(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Mysql => Some("LAST_INSERT_ID"),
        Dialect::Sqlite => Some("last_insert_rowid"),
        Dialect::Postgres => None,
    }
}

/// The first statement that asks for the id of an INSERT that is done.
fn lost_id<'t>(
    text: &impl Fn(&Statement) -> &'t str,
    before: &[Statement],
    rest: &[Statement],
    dialect: Dialect,
) -> Option<Lost> {
    let id = last_id(dialect)?;
    let asks = |statement: &Statement| runs_now(statement) && mentions(text(statement), id) > 0;
    let inserts = |one: &Statement| matches!(one.facts.verb, Verb::Insert | Verb::Replace);
    let maker = before.iter().rposition(|one| inserts(one) || asks(one))?;
    let next = rest.iter().position(|one| inserts(one) || asks(one))?;
    asks(&rest[next]).then(|| Lost {
        user: before.len() + next,
        name: id.to_owned(),
        makers: vec![maker],
        by_hand: true,
    })
}

/// What a routine's body names it names when it is called.
fn runs_now(statement: &Statement) -> bool {
    use ObjectKind::{Event, Function, Procedure, Trigger};
    !matches!(
        statement.facts.object,
        Some(Procedure | Function | Trigger | Event)
    )
}

/// Words that may stand before the name of what a statement writes to.
const BEFORE_ITS_NAME: [&str; 26] = [
    "insert",
    "into",
    "ignore",
    "or",
    "replace",
    "abort",
    "fail",
    "rollback",
    "low_priority",
    "delayed",
    "high_priority",
    "overwrite",
    "update",
    "delete",
    "from",
    "only",
    "alter",
    "table",
    "if",
    "exists",
    "truncate",
    "drop",
    "temporary",
    "deallocate",
    "prepare",
    "quick",
];

/// True if a statement changes what has this name, and nothing else.
fn writes(text: &str, name: &str) -> bool {
    let mut words = words(text).filter(|word| !word.is_empty());
    words
        .find(|word| {
            !BEFORE_ITS_NAME
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known))
        })
        .is_some_and(|word| word.eq_ignore_ascii_case(name))
}

fn is_ended(text: &str, name: &str) -> bool {
    let first = words(text)
        .find(|word| !word.is_empty())
        .unwrap_or_default();
    let ends = first.eq_ignore_ascii_case("drop") || first.eq_ignore_ascii_case("deallocate");
    ends && writes(text, name)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '@'))
}

/// Names that a statement leaves in the session and that nothing can set again: temporary tables,
/// prepared statements, user variables whose value is not a literal.
fn lost_with_session(statement: &Statement, text: &str, dialect: Dialect) -> Vec<String> {
    let facts = &statement.facts;
    match facts.verb {
        Verb::Create if facts.temporary => {
            let made = targets(text, dialect).into_iter();
            made.map(|target| target.name).collect()
        }
        Verb::Prepare => text
            .split_whitespace()
            .nth(1)
            .map(str::to_owned)
            .into_iter()
            .collect(),
        Verb::Set => assigned_variables(text)
            .filter(|(_, value)| !is_literal(value))
            .map(|(name, _)| name)
            .collect(),
        Verb::Select | Verb::With => variables(text),
        _ => Vec::new(),
    }
}

/// `@x` and its value in `SET @x = 1, @y := (SELECT ...)`; a server's own `@@x` is not one.
fn assigned_variables(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.split(',').filter_map(|part| {
        let (left, value) = part.split_once('=')?;
        let name = left.trim_end_matches(':').split_whitespace().last()?;
        let value = value.trim().trim_end_matches("*/").trim_end();
        is_user_variable(name).then(|| (name.to_owned(), value.to_owned()))
    })
}

fn is_user_variable(name: &str) -> bool {
    name.starts_with('@') && !name.starts_with("@@")
}

/// True if a SET assigns settings beside its variables: the head of a dump keeps what a setting was and
/// sets it in one statement.
fn sets_more(text: &str) -> bool {
    text.split(',').any(|part| {
        let left = part.split_once('=').map(|(left, _)| left);
        let name = left.and_then(|left| left.trim_end_matches(':').split_whitespace().last());
        name.is_some_and(|name| !is_user_variable(name))
    })
}

/// The same in every session that the same settings were made in.
fn is_literal(value: &str) -> bool {
    let quoted = value.starts_with('\'') && value.ends_with('\'') && value.len() > 1;
    let setting = || {
        let name = value.strip_prefix("@@").map(str::to_ascii_lowercase);
        name.is_some_and(|name| {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
            name.chars().all(plain)
                && !name.starts_with("global.")
                && name != "identity"
                && name != "last_insert_id"
        })
    };
    quoted || value.parse::<f64>().is_ok() || value.eq_ignore_ascii_case("null") || setting()
}

/// User variables that a query assigns: `SELECT ... INTO @x`, `@x := ...`.
fn variables(text: &str) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    if !lower.contains('@') || !(lower.contains(":=") || lower.contains("into")) {
        return Vec::new();
    }
    words(text)
        .filter(|part| part.starts_with('@') && !part.starts_with("@@") && part.len() > 1)
        .map(str::to_owned)
        .collect()
}

fn mentions(text: &str, name: &str) -> usize {
    words(text)
        .filter(|part| part.eq_ignore_ascii_case(name))
        .count()
}

#[cfg(test)]
mod tests {
    use whimbrel_sql::{Dialect, split};

    use super::*;
    use crate::text::SourceFile;

    fn replayed(text: &str, done: usize) -> Result<Vec<usize>, (String, Vec<usize>)> {
        let statements = split(text, Dialect::Mysql).unwrap();
        let script = Script::whole(SourceFile::new("a.sql", text));
        let left = left(&script, &statements, done, Dialect::Mysql);
        let first = left.lost.into_iter().next();
        first.map_or(Ok(left.again), |lost| Err((lost.name, lost.makers)))
    }

    #[test]
    fn settings_are_run_again_and_what_is_gone_is_told() {
        type Case = (
            &'static str,
            usize,
            Result<Vec<usize>, (&'static str, Vec<usize>)>,
        );
        let table: [Case; 13] = [
            (
                "CREATE TEMPORARY TABLE t (i int); INSERT INTO t VALUES (1); INSERT INTO b SELECT i FROM t; CREATE TABLE a (i int); INSERT INTO a SELECT i FROM t",
                4,
                Err(("t", vec![0, 1])),
            ),
            (
                "CREATE TEMPORARY TABLE t (i int); DROP TEMPORARY TABLE t; CREATE TABLE t (i int); INSERT INTO t VALUES (1)",
                3,
                Ok(vec![]),
            ),
            (
                "SET @x = (SELECT max(i) FROM b); SET @x = 5; CREATE TABLE a (i int); INSERT INTO a VALUES (@x)",
                3,
                Ok(vec![1]),
            ),
            (
                "SET @q = 'SELECT 1'; PREPARE p FROM @q; DEALLOCATE PREPARE p; PREPARE p FROM @q; CREATE TABLE a (i int); EXECUTE p",
                5,
                Err(("p", vec![1, 2, 3])),
            ),
            (
                "SET foreign_key_checks = 0; USE shop; CREATE TABLE a (i int); DROP TABLE b",
                3,
                Ok(vec![0, 1]),
            ),
            (
                "SET @x = 5; CREATE TABLE a (i int); INSERT INTO a VALUES (@x)",
                2,
                Ok(vec![0]),
            ),
            (
                "SET @x = (SELECT max(i) FROM b); CREATE TABLE a (i int); INSERT INTO a VALUES (@x)",
                2,
                Err(("@x", vec![0])),
            ),
            (
                "SET @x = (SELECT max(i) FROM b); DROP TABLE b; CREATE TABLE a (i int)",
                2,
                Ok(vec![]),
            ),
            (
                "CREATE TEMPORARY TABLE t (i int); CREATE TABLE a (i int); INSERT INTO a SELECT i FROM t",
                2,
                Err(("t", vec![0])),
            ),
            (
                "SELECT max(i) INTO @m FROM b; CREATE TABLE a (i int); INSERT INTO a VALUES (@m)",
                2,
                Err(("@m", vec![0])),
            ),
            (
                "CREATE TEMPORARY TABLE t (i int); CREATE TABLE a (i int); CREATE TEMPORARY TABLE t (i int); INSERT INTO a SELECT i FROM t",
                2,
                Ok(vec![]),
            ),
            (
                "SET @x = (SELECT max(i) FROM b); CREATE TABLE a (i int); SET @x = @x + 1",
                2,
                Err(("@x", vec![0])),
            ),
            (
                "PREPARE p FROM 'x'; CREATE TABLE a (i int); EXECUTE p",
                2,
                Err(("p", vec![0])),
            ),
        ];
        for (text, done, expected) in table {
            let got = replayed(text, done);
            let expected = expected.map_err(|(name, makers)| (name.to_owned(), makers));
            assert_eq!(got, expected, "{text}");
        }
    }
}
