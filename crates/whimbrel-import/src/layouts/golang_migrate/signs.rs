//! What a folder of pairs may have that means nothing to golang-migrate, and that native files
//! can't have.

use whimbrel_core::source::{Entry, Listing, in_parallel, read_native};
use whimbrel_sql::Dialect;

use super::super::files::{has_files_of_its_own, lines};
use super::super::pairs::{Role, role};
use super::split;

/// The first such thing; none if the folder is not one of pairs alone, each with its own number.
pub(super) fn of(listing: &Listing) -> Option<String> {
    if !has_files_of_its_own(listing) {
        return None;
    }
    let (outer, inner): (Vec<&Entry>, Vec<&Entry>) = listing
        .entries
        .iter()
        .partition(|entry| entry.folder.is_empty());
    let mut pairs = Vec::with_capacity(outer.len());
    let mut stray = None;
    for entry in &outer {
        match named(entry) {
            Some(pair) => pairs.push(pair),
            // A migration in one file, which this tool does not have.
            None if entry.stem.starts_with(|c: char| c.is_ascii_digit()) => return None,
            None => stray = stray.or(Some(*entry)),
        }
    }
    // A listing is nearly in order, so this is quicker than sets.
    pairs.sort();
    let twice = pairs.windows(2).any(|two| two[0] == two[1]);
    if twice || !pairs.iter().any(|(_, role)| *role == Role::Up) {
        return None;
    }
    let of_its_own =
        |entry: &&&Entry| named(entry).is_none_or(|pair| pairs.binary_search(&pair).is_ok());
    let lone = pairs.iter().enumerate().find(|(at, (number, role))| {
        *role == Role::Down && pairs.get(at + 1) != Some(&(*number, Role::Up))
    });
    if let Some(entry) = stray {
        return Some(format!("{} is none of them", entry.path.display()));
    }
    if let Some(entry) = inner.iter().find(of_its_own) {
        return Some(format!("{} is something else", entry.path.display()));
    }
    let lone = lone.and_then(|(_, pair)| outer.iter().find(|entry| named(entry) == Some(*pair)));
    if let Some(entry) = lone {
        return Some(format!("{} has no up script", entry.path.display()));
    }
    let refused = in_parallel(&outer, |entry| is_refused(entry).then_some(*entry));
    let entry = refused.into_iter().flatten().next()?;
    Some(format!(
        "{} has comments that would mean something else in native files",
        entry.path.display()
    ))
}

/// The number and the role, of a name of the tool's form.
fn named(entry: &Entry) -> Option<(&str, Role)> {
    let (stem, role) = role(&entry.stem);
    let (version, _) = split(stem).filter(|_| role != Role::Single)?;
    Some((version.trim_start_matches('0'), role))
}

/// True if the comments of an up script are those of native files, put wrongly; not if only a
/// directive has a wrong value, which is a slip of somebody who means it.
fn is_refused(entry: &Entry) -> bool {
    // What undoes is read when it is needed, which is seldom.
    let is_up = role(&entry.stem).1 == Role::Up;
    let Some(file) = is_up.then(|| entry.read().ok()).flatten() else {
        return false;
    };
    if !lines(file.text()).any(|(_, line)| may_mean(line)) {
        return false;
    }
    let reading = read_native(&file, Dialect::Postgres);
    let slip = Some("directive-value");
    let mut problems = reading.problems.iter();
    reading.down.is_some()
        || problems.any(|problem| problem.is_error() && problem.code.as_deref() != slip)
}

/// A comment with one of the words that count; few files have any.
fn may_mean(line: &str) -> bool {
    let Some(comment) = line.trim_start().strip_prefix("--") else {
        return false;
    };
    let comment = comment.to_ascii_lowercase();
    ["rollback", "down", "undo", "revert", "backout"]
        .iter()
        .any(|word| comment.contains(word))
}
