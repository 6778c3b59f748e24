//! The state of every migration, for people to look at.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use whimbrel_sql::Dialect;

use super::ByVersion;
use super::modified::{Change, change};
use super::order::Order;
use crate::checksum::Checksum;
use crate::history::{Action, Applied, Attempt, AttemptState, History, Holder};
use crate::migration::{Kind, Migration, label};
use crate::version::Version;

/// A migration's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not applied yet.
    Pending,
    /// Applied.
    Applied,
    /// The last attempt ended with an error.
    Failed,
    /// The last attempt did not end; the next run goes on.
    Interrupted,
    /// Applied once and undone.
    RolledBack,
    /// Applied, but its file is gone.
    Missing,
    /// Applied, but its file was changed.
    Modified,
    /// Pending, below an applied version.
    OutOfOrder,
    /// Marked as there already.
    Baseline,
}

impl State {
    /// As people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::RolledBack => "rolled back",
            Self::Missing => "missing",
            Self::Modified => "modified",
            Self::OutOfOrder => "out of order",
            Self::Baseline => "baseline",
        }
    }

    /// True if `up` has something to do.
    pub fn is_pending(self) -> bool {
        matches!(
            self,
            Self::Pending | Self::Failed | Self::Interrupted | Self::RolledBack | Self::OutOfOrder
        )
    }
}

/// One line of the status.
#[derive(Clone, Debug, Serialize)]
pub struct StatusRow {
    /// Namespace.
    pub source: String,
    /// Version.
    pub version: Version,
    /// Name.
    pub name: String,
    /// Version and name.
    #[serde(skip)]
    pub label: String,
    /// Versioned, repeatable, baseline.
    pub kind: Kind,
    /// State.
    pub state: State,
    /// Batch that applied it.
    pub batch: Option<i64>,
    /// When.
    pub applied_at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// `user@host`.
    pub applied_by: Option<String>,
    /// The last error of a failed one.
    pub error: Option<String>,
    /// True if there is a rollback.
    pub reversible: bool,
    /// File, where it is among the files.
    pub file: Option<String>,
}

/// Counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Lines.
    pub total: usize,
    /// Applied, modified and missing ones included.
    pub applied: usize,
    /// What `up` has to do.
    pub pending: usize,
    /// Failed or interrupted, of the pending ones.
    pub failed: usize,
    /// Repeatable ones that run again with the next `up`.
    pub outdated: usize,
}

/// The state of a database.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// A URL without secrets.
    pub database: String,
    /// Line by line: as applied, then pending.
    pub migrations: Vec<StatusRow>,
    /// Counts.
    pub totals: Totals,
    /// Who holds the lock.
    pub lock: Option<Holder>,
    /// Where the run that held it is gone: what the next one does.
    pub next: Option<String>,
}

/// How the next run deals with a lock that a dead one left behind.
fn next(history: &History) -> Option<String> {
    history.holder.as_ref().filter(|holder| holder.gone)?;
    let mut text = "the next run with something to do takes the lock over at once".to_owned();
    let open = |attempt: &&Attempt| attempt.state == AttemptState::Started && attempt.journalled;
    for attempt in history.attempts.iter().filter(open) {
        let label = label(&attempt.version, &attempt.name);
        let (done, all) = (attempt.statements_done, attempt.statements);
        text.push_str(&format!(
            ", and goes on with {label}, of whose {all} statements {done} are done"
        ));
        if let Some(running) = attempt.statement_running {
            let number = running + 1;
            text.push_str(&format!(
                "; what became of statement {number} it looks up in the catalog"
            ));
        }
    }
    Some(text)
}

/// Puts files and history together.
pub fn status(
    migrations: &[Migration],
    history: &History,
    kept: &HashMap<Checksum, String>,
    dialect: Dialect,
    database: String,
) -> Status {
    let files: ByVersion<'_, &Migration> = migrations
        .iter()
        .filter(|m| m.kind != Kind::Baseline)
        .map(|m| ((&*m.source, &m.version), m))
        .collect();
    let sources: Vec<&str> = migrations.iter().map(|m| &*m.source).collect();
    let mut rows = Vec::with_capacity(migrations.len());
    let mut seen = std::collections::HashSet::new();
    let mut outdated = 0;
    let order = Order::of(migrations, history);
    for row in &history.applied {
        if !sources.is_empty() && !sources.contains(&row.source.as_str()) {
            continue;
        }
        let file = files.get(&(row.source.as_str(), &row.version)).copied();
        seen.insert((row.source.as_str(), &row.version));
        let changed = file.map(|m| change(m, row, kept, dialect));
        let mut state = match (&changed, row.kind) {
            (_, Kind::Baseline) => State::Baseline,
            (None, _) => State::Missing,
            (Some(Change::Modified(_)), Kind::Versioned) => State::Modified,
            _ => State::Applied,
        };
        if row.kind == Kind::Repeatable && changed.is_some_and(|c| c != Change::None) {
            outdated += 1;
        }
        let attempt = history.attempt(&row.source, &row.version);
        if attempt.is_some_and(|a| a.action == Action::Down && a.is_half_done()) {
            state = State::Interrupted;
        }
        rows.push(applied_row(row, file, state));
    }
    for (index, migration) in migrations.iter().enumerate() {
        let baseline = migration.kind == Kind::Baseline && order.is_passed_over(index);
        if !baseline && !seen.contains(&(&*migration.source, &migration.version)) {
            rows.push(pending_row(migration, history, &order, index));
        }
    }
    let count = |test: fn(State) -> bool| rows.iter().filter(|row| test(row.state)).count();
    let totals = Totals {
        total: rows.len(),
        applied: count(|s| {
            matches!(
                s,
                State::Applied | State::Modified | State::Missing | State::Baseline
            )
        }),
        pending: count(State::is_pending),
        failed: count(|s| matches!(s, State::Failed | State::Interrupted)),
        outdated,
    };
    Status {
        database,
        migrations: rows,
        totals,
        lock: history.holder.clone(),
        next: next(history),
    }
}

fn applied_row(row: &Applied, file: Option<&Migration>, state: State) -> StatusRow {
    StatusRow {
        source: row.source.clone(),
        version: row.version.clone(),
        name: row.name.clone(),
        label: label(&row.version, &row.name),
        kind: row.kind,
        state,
        batch: Some(row.batch),
        applied_at: row.applied_at,
        duration_ms: row.duration.map(milliseconds),
        applied_by: Some(row.applied_by.to_string()),
        error: None,
        reversible: row.down_checksum.is_some() || file.is_some_and(Migration::is_reversible),
        file: file.map(|m| m.file.name().to_owned()),
    }
}

fn pending_row(
    migration: &Migration,
    history: &History,
    order: &Order<'_>,
    index: usize,
) -> StatusRow {
    let attempt = history.attempt(&migration.source, &migration.version);
    let state = if order.in_baseline(index) || order.is_passed_over(index) {
        State::Baseline
    } else {
        attempt.map_or_else(
            || pending_state(migration, order, index),
            |a| attempt_state(a, history),
        )
    };
    StatusRow {
        source: migration.source.to_string(),
        version: migration.version.clone(),
        name: migration.name.clone(),
        label: migration.label(),
        kind: migration.kind,
        state,
        batch: None,
        applied_at: None,
        duration_ms: None,
        applied_by: None,
        error: attempt
            .filter(|_| state == State::Failed)
            .and_then(|a| a.error.clone()),
        reversible: migration.is_reversible(),
        file: Some(migration.file.name().to_owned()),
    }
}

fn attempt_state(attempt: &Attempt, history: &History) -> State {
    match (attempt.state, attempt.action) {
        (AttemptState::Done, Action::Down) => State::RolledBack,
        (AttemptState::Failed, _) => State::Failed,
        // While somebody holds the lock it is under way.
        (AttemptState::Started, _) if history.is_held() => State::Pending,
        (AttemptState::Started, _) => State::Interrupted,
        _ => State::Pending,
    }
}

fn pending_state(migration: &Migration, order: &Order<'_>, index: usize) -> State {
    if migration.kind == Kind::Versioned && order.applied_after(index).is_some() {
        State::OutOfOrder
    } else {
        State::Pending
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
