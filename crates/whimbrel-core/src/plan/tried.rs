//! What an earlier run tried: what that run went on to apply doesn't make it late.

use std::collections::HashMap;

use super::dependencies::Dependencies;
use crate::history::{Action, Attempt, AttemptState, History};
use crate::migration::{Kind, Migration};

/// The run that tried each migration last, by its place among the files. What depends on one that
/// failed was passed over with it, and has no entry of its own.
pub(super) fn tried(migrations: &[Migration], history: &History) -> HashMap<usize, i64> {
    let counts =
        |attempt: &&Attempt| attempt.action == Action::Up && attempt.state != AttemptState::Done;
    let mut tried = HashMap::new();
    if !history.attempts.iter().any(|attempt| counts(&attempt)) {
        return tried;
    }
    let dependencies = Dependencies::of(migrations);
    // In the order of dependencies, so that one pass is enough.
    let all: Vec<_> = (0..migrations.len()).collect();
    for index in dependencies.order(&all).unwrap_or_default() {
        let migration = &migrations[index];
        let (source, version) = (&*migration.source, &migration.version);
        if migration.kind != Kind::Versioned || history.applied(source, version).is_some() {
            continue;
        }
        let own = history.attempt(source, version).filter(counts);
        let before = dependencies.indexes(index).filter_map(|i| tried.get(&i));
        let last = before.copied().chain(own.map(|attempt| attempt.id.run));
        if let Some(run) = last.max() {
            tried.insert(index, run);
        }
    }
    tried
}
