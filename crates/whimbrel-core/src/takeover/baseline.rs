//! A baseline: the database is at a version already, whoever brought it there.

use super::{Adopted, Adoption, Entry, EntryState};
use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::history::{Applied, Attempt, History};
use crate::migration::{Kind, Migration};
use crate::plan::meant::find;

/// What marking a database as being at a version would record: every versioned migration of that
/// version's source, up to it and including it. Repeatable ones run with the next `up`.
///
/// # Errors
/// There is no such version, or the history has other records.
pub fn baseline(
    migrations: &[Migration],
    history: &History,
    wanted: &str,
) -> Result<Adoption, Error> {
    let place = find(migrations, wanted).map_err(Error::refused)?;
    let last = &migrations[place];
    if last.kind == Kind::Repeatable {
        return Err(Error::refused(
            Diagnostic::error(
                "repeatable",
                format!(
                    "{} is repeatable and has no place in the order",
                    last.label()
                ),
            )
            .at(&last.file, 0..0, "")
            .help("name the last versioned migration that the database has"),
        ));
    }
    let covered = migrations[..=place]
        .iter()
        .filter(|m| m.source == last.source && m.kind == Kind::Versioned);
    let covered: Vec<_> = covered.collect();
    let recorded = |migration: &Migration| history.applied(&migration.source, &migration.version);
    let all_there = covered
        .iter()
        .all(|migration| recorded(migration).is_some());
    let records = history.applied.iter();
    let mut records = records.filter(|row| row.source == *last.source).peekable();
    if let Some(first) = records.peek()
        && !all_there
    {
        return Err(has_records(last, first, records.count()));
    }
    let half_done = |migration: &&&Migration| {
        let attempt = history.attempt(&migration.source, &migration.version);
        recorded(migration).is_none() && attempt.is_some_and(Attempt::is_half_done)
    };
    if let Some(begun) = covered.iter().find(half_done) {
        return Err(is_half_done(last, begun));
    }
    let batch = history.next_batch();
    let entries = covered
        .into_iter()
        .map(|migration| match recorded(migration) {
            Some(row) => Ok(Entry {
                kind: row.kind,
                batch: Some(row.batch),
                applied_at: row.applied_at,
                ..Entry::of(migration, EntryState::Recorded)
            }),
            None => entry(migration, batch),
        });
    Ok(Adoption {
        entries: entries.collect::<Result<_, _>>()?,
        ..Adoption::default()
    })
}

fn entry(migration: &Migration, batch: i64) -> Result<Entry, Error> {
    Ok(Entry {
        kind: Kind::Baseline,
        batch: Some(batch),
        record: Some(Adopted {
            kind: Kind::Baseline,
            batch,
            checksum: migration.checksum.clone(),
            kept: migration.kept_scripts()?,
            applied_at: None,
            duration: None,
            applied_by: None,
            tool: None,
            former: None,
        }),
        ..Entry::of(migration, EntryState::New)
    })
}

fn is_half_done(last: &Migration, begun: &Migration) -> Error {
    let (label, version) = (begun.label(), &begun.version);
    let message = format!("{} can't be a baseline: {label} is half-done", last.label());
    let help = format!(
        "finish it: whimbrel up; or, if the rest of it was done by hand, or all of it taken back, forget the attempt first: whimbrel repair {version} --restart"
    );
    let problem = Diagnostic::error("half-done", message).at(&begun.file, 0..0, "");
    Error::refused(problem.help(help))
}

fn has_records(last: &Migration, first: &Applied, count: usize) -> Error {
    let plural = if count == 1 { "record" } else { "records" };
    Error::refused(
        Diagnostic::error(
            "history-not-empty",
            format!(
                "{} can't be a baseline: the history has {count} {plural} already",
                last.label()
            ),
        )
        .note(format!("the first is {}, {}", first.version, first.kind.as_str()))
        .help("a baseline is for a database that Whimbrel has not migrated yet; look at `whimbrel status`"),
    )
}
