//! Pending files that are applied already under another version.

use std::collections::{HashMap, HashSet};

use super::asked::restart;
use super::resume::begins_like;
use super::{PlanInput, Step};
use crate::diagnostic::Diagnostic;
use crate::history::{Action, Attempt, AttemptState};
use crate::migration::Kind;
use crate::takeover::former;
use crate::version::Version;

/// Which migrations have a file.
fn files(input: PlanInput<'_>) -> HashSet<(&str, &Version)> {
    let all = input.migrations.iter();
    all.map(|one| (&*one.source, &one.version)).collect()
}

/// An applied migration without its file, and a pending file with the very same text, are one that
/// got another version: it was renamed, or the folder is read by another layout than before. To
/// apply it would do everything a second time.
pub(super) fn check(input: PlanInput<'_>, chosen: &[usize]) -> Vec<Diagnostic> {
    if chosen.is_empty() {
        return Vec::new();
    }
    let files = files(input);
    let gone: HashMap<_, _> = input
        .history
        .applied
        .iter()
        .filter(|row| row.kind == Kind::Versioned)
        .filter(|row| !files.contains(&(row.source.as_str(), &row.version)))
        .map(|row| ((row.source.as_str(), &row.checksum), row))
        .collect();
    let again = chosen.iter().filter_map(|&index| {
        let migration = &input.migrations[index];
        // What does nothing is like any other that does nothing.
        if migration.written().trim().is_empty() {
            return None;
        }
        let row = gone.get(&(&*migration.source, &migration.checksum))?;
        let message = format!(
            "{} is applied already, as {}",
            migration.label(),
            row.version
        );
        let diagnostic = Diagnostic::error("renamed", message).at(&migration.file, 0..0, "");
        Some(diagnostic.help(
            "give the file its name back; or, if the folder is read by another layout than it was, set `layout` to that one",
        ))
    });
    again.chain(converted(input, chosen)).collect()
}

/// An attempt that stopped half-way and whose version has no file any more, and a file that was never
/// begun and begins with what that attempt did, are one as well.
pub(super) fn check_begun(input: PlanInput<'_>, steps: &[Step]) -> Vec<Diagnostic> {
    let history = input.history;
    let is_open = |one: &&Attempt| {
        one.journalled
            && one.action == Action::Up
            && matches!(one.state, AttemptState::Started | AttemptState::Failed)
            && (one.statements_done > 0 || one.statement_running.is_some())
    };
    let mut gone: Vec<_> = history.attempts.iter().filter(is_open).collect();
    if gone.is_empty() {
        return Vec::new();
    }
    let files = files(input);
    gone.retain(|one| !files.contains(&(one.source.as_str(), &one.version)));
    let new = steps.iter().filter(|step| step.resume.is_none());
    let begun = new.filter_map(|step| {
        let like = |one: &&&Attempt| one.source == step.source && begins_like(step, one);
        let attempt = gone.iter().find(like)?;
        let message = format!(
            "{} begins with what was applied already, as a part of {}",
            step.label, attempt.version
        );
        let diagnostic = Diagnostic::error("renamed", message);
        let restart = restart(&attempt.source, &attempt.version);
        Some(diagnostic.at(step.script.file(), 0..0, "").help(format!(
            "give the file its name back, and the run goes on after that; or take back by hand all that it did, and say so: `{restart}`"
        )))
    });
    begun.collect()
}

/// Files that were converted, whose records still go by the versions before.
fn converted<'a>(
    input: PlanInput<'a>,
    chosen: &'a [usize],
) -> impl Iterator<Item = Diagnostic> + 'a {
    let rows: HashMap<_, _> = input
        .history
        .applied
        .iter()
        .map(|row| ((row.source.as_str(), row.version.as_str()), row))
        .collect();
    chosen.iter().filter_map(move |&index| {
        let migration = &input.migrations[index];
        let row = former(migration, &rows)?;
        let message = format!(
            "{} is applied already, as {} before it was converted",
            migration.label(),
            row.version
        );
        let diagnostic = Diagnostic::error("renamed", message).at(&migration.file, 0..0, "");
        Some(diagnostic.help("`whimbrel import` gives the records here their new versions"))
    })
}
