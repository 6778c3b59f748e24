//! Callbacks: scripts named after what they go with.

use std::sync::Arc;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::directive::Directives;
use whimbrel_core::hook::{Hook, When};
use whimbrel_core::plan::Direction;
use whimbrel_core::source::{Entry, Listing};
use whimbrel_core::text::{Script, SourceFile};

use super::super::read::about;

/// Events that a run has, in the order of those that run at the same time.
const EVENTS: [(&str, Direction, When); 14] = [
    ("beforeValidate", Direction::Up, When::Before),
    ("afterValidate", Direction::Up, When::Before),
    ("beforeMigrate", Direction::Up, When::Before),
    ("beforeEachMigrate", Direction::Up, When::BeforeEach),
    ("afterEachMigrate", Direction::Up, When::AfterEach),
    ("afterVersioned", Direction::Up, When::AfterVersioned),
    ("beforeRepeatables", Direction::Up, When::BeforeRepeatables),
    ("afterMigrateApplied", Direction::Up, When::AfterApplied),
    ("afterMigrate", Direction::Up, When::After),
    ("afterMigrateOperationFinish", Direction::Up, When::After),
    ("beforeUndo", Direction::Down, When::Before),
    ("beforeEachUndo", Direction::Down, When::BeforeEach),
    ("afterEachUndo", Direction::Down, When::AfterEach),
    ("afterUndo", Direction::Down, When::After),
];

/// Events of commands that Whimbrel does not have, or that are over when a run goes well.
const NEVER: [&str; 6] = ["Clean", "Info", "Repair", "Baseline", "Error", "Connect"];

/// The hook of a callback's file, with what it is sorted by.
///
/// # Errors
/// Whimbrel has no such moment: an error if the script belongs to a run, else a warning.
pub(super) fn hook(
    listing: &Listing,
    entry: &Entry,
    (event, description): (&str, &str),
    file: &Arc<SourceFile>,
    directives: Directives,
) -> Result<((usize, String), Hook), Diagnostic> {
    let Some(rank) = EVENTS.iter().position(|(name, ..)| *name == event) else {
        return Err(unknown(entry, event));
    };
    let (_, direction, when) = EVENTS[rank];
    let hook = Hook {
        source: Arc::clone(&listing.source),
        name: entry.stem.clone(),
        direction,
        when,
        script: Script::whole(Arc::clone(file)),
        directives,
    };
    Ok(((rank, description.to_owned()), hook))
}

fn unknown(entry: &Entry, event: &str) -> Diagnostic {
    if event == "createSchema" || NEVER.iter().any(|word| event.contains(word)) {
        let message =
            format!("the callback {event} is passed over: `up` and `down` never come to it");
        return about(Diagnostic::warning("flyway-callback", message), &entry.path);
    }
    let message = format!("the callback {event} can't be run");
    about(Diagnostic::error("flyway-callback", message), &entry.path).help(
        "scripts for beforeMigrate, afterMigrate, afterMigrateApplied, beforeEachMigrate, afterEachMigrate and the like around repeatable migrations, validation and undo are run",
    )
}
