//! How a script would run, for comparing two files that should do the same.

use super::compose::{compose, resolved};
use super::prepare::Rules;
use super::{Direction, PlanInput, Segment, placeholder};
use crate::diagnostic::Diagnostic;
use crate::directive::Directives;
use crate::migration::Migration;
use crate::rules::Placeholders;
use crate::text::Script;

/// What the server would be sent, and in which units.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    statements: Vec<(String, Option<String>)>,
    segments: Vec<Segment>,
}

impl Shape {
    /// SQLite: enforcement that holds for all of it.
    pub(crate) fn foreign_keys(&self) -> Option<bool> {
        let mut all = self.segments.iter().map(|segment| segment.foreign_keys);
        let first = all.next()??;
        all.all(|other| other == Some(first)).then_some(first)
    }
}

/// How one of a migration's scripts runs; none if there is no such script.
///
/// # Errors
/// It can't run as it is.
pub(crate) fn shape(
    input: PlanInput<'_>,
    migration: &Migration,
    direction: Direction,
) -> Result<Option<Shape>, Vec<Diagnostic>> {
    let Some(script) = script(migration, direction)? else {
        return Ok(None);
    };
    let directives = of(migration, direction);
    let prepared = compose(input, &script, rules(migration, &directives))?;
    let text = prepared.script.text();
    let statements = prepared.statements.iter().map(|statement| {
        let data = statement.data().map(|data| text[data].to_owned());
        (text[statement.span()].to_owned(), data)
    });
    Ok(Some(Shape {
        statements: statements.collect(),
        segments: prepared.segments,
    }))
}

/// Where a script has something put in that native files have no word for.
///
/// # Errors
/// A script can't be read, or has values missing.
pub(crate) fn put_in(
    input: PlanInput<'_>,
    migration: &Migration,
    direction: Direction,
) -> Result<Option<(Script, usize)>, Vec<Diagnostic>> {
    let Some(script) = script(migration, direction)? else {
        return Ok(None);
    };
    let directives = of(migration, direction);
    let there = resolved(input, &script, rules(migration, &directives))?;
    let here = placeholder::resolve(input.options, &Placeholders::AsSet, &script);
    let here = here.as_ref().unwrap_or(&script);
    if here.text() == there.text() {
        return Ok(None);
    }
    let pairs = there.text().bytes().zip(script.text().bytes());
    let at = pairs.take_while(|(a, b)| a == b).count();
    Ok(Some((script, at)))
}

fn script(migration: &Migration, direction: Direction) -> Result<Option<Script>, Vec<Diagnostic>> {
    match direction {
        Direction::Up => Ok(Some(migration.up.clone())),
        Direction::Down => migration.down_script().map_err(|error| error.diagnostics()),
    }
}

/// The directives as they go for a direction.
fn of(migration: &Migration, direction: Direction) -> Directives {
    let mut directives = (*migration.directives).clone();
    if direction == Direction::Down {
        directives.transaction = migration.down_transaction.or(directives.transaction);
    }
    directives
}

fn rules<'a>(migration: &'a Migration, directives: &'a Directives) -> Rules<'a> {
    Rules {
        directives,
        transactions: migration.transactions,
        substitute: migration.substitute.as_ref(),
    }
}
