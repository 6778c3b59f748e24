//! Plans: what a run will do. Planning is pure; it sees neither files nor databases.

mod asked;
mod batches;
mod compose;
mod control;
mod dependencies;
mod difference;
mod down;
mod hooks;
mod lost;
pub(crate) mod meant;
mod modified;
mod order;
mod placeholder;
mod prepare;
mod renamed;
mod resume;
mod segments;
mod shape;
mod sizes;
mod status;
mod tried;
pub(crate) mod untransactional;
mod up;
mod verify;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;

use serde::Serialize;
use whimbrel_sql::{Dialect, Statement};

pub(crate) use self::asked::{Asked, SESSION_AGAIN, SESSION_LOST, commands};
pub use self::lost::Lost;
pub(crate) use self::meant::find;
pub use self::modified::{Change, Noted, change, needed_scripts};
pub(crate) use self::resume::said_to_be_done;
pub use self::resume::{Resume, statement_hash, statement_hashes};
pub(crate) use self::shape::{Shape, put_in, shape};
pub use self::status::{State, Status, StatusRow, Totals, status};

use crate::checksum::Checksum;
use crate::diagnostic::Diagnostic;
use crate::driver::Capabilities;
use crate::error::Error;
use crate::history::{Applied, History};
use crate::hook::Hook;
use crate::migration::{Kind, Migration};
use crate::rules::{Condition, Setting};
use crate::text::Script;
use crate::version::Version;

/// Something for each migration, by source and version. Thousands of them are put into such maps for
/// a run that finds nothing to do, and nobody gains by versions that collide: so no keyed hashing.
pub(crate) type ByVersion<'a, T> = rustc_hash::FxHashMap<(&'a str, &'a Version), T>;

/// The records, from the first, that are of the files in the same places, with those; and the other
/// records. Usually there are none, and nothing has to be looked up.
pub(crate) fn in_step<'a>(
    migrations: &'a [Migration],
    history: &'a History,
) -> (
    impl Iterator<Item = (&'a Migration, &'a Applied)>,
    &'a [Applied],
) {
    let applied = &history.applied;
    let is_of = |(file, row): &(&Migration, &Applied)| {
        *file.source == *row.source && file.version == row.version
    };
    let count = migrations.iter().zip(applied).take_while(is_of).count();
    (migrations.iter().zip(&applied[..count]), &applied[count..])
}

/// Up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Apply.
    Up,
    /// Undo.
    Down,
}

/// What a plan aims at. Versions are as people type them: a version or a file's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Everything pending.
    Latest,
    /// Everything pending up to this version, which is included.
    UpTo(String),
    /// Everything pending before this version.
    Before(String),
    /// The next so many.
    NextSteps(usize),
    /// These.
    Apply(Vec<String>),
    /// Undo the last batch.
    UndoBatch,
    /// Undo everything applied after this version, which stays.
    DownTo(String),
    /// Undo the last so many.
    UndoSteps(usize),
    /// Undo these.
    Undo(Vec<String>),
    /// Undo everything.
    UndoAll,
}

impl Goal {
    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        match self {
            Self::Latest
            | Self::UpTo(_)
            | Self::Before(_)
            | Self::NextSteps(_)
            | Self::Apply(_) => Direction::Up,
            _ => Direction::Down,
        }
    }
}

/// Settings that decide a plan.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// Go on although applied files were modified, or although something is out of order.
    pub force: bool,
    /// Pending migrations below an applied version are not an error.
    pub out_of_order: bool,
    /// Every up script must have a down script.
    pub require_rollback: bool,
    /// One transaction for the whole run.
    pub single_transaction: bool,
    /// Values for `${key}`; none means that placeholders are not looked for.
    pub placeholders: Option<BTreeMap<String, String>>,
}

/// What planning looks at.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    /// The files, in order.
    pub migrations: &'a [Migration],
    /// Scripts that run around them, in order.
    pub hooks: &'a [Hook],
    /// The database's history.
    pub history: &'a History,
    /// Kept scripts, as far as [`needed_scripts`] asked for them.
    pub kept: &'a HashMap<Checksum, String>,
    /// Splits the scripts.
    pub dialect: Dialect,
    /// What the server can do.
    pub capabilities: Capabilities,
    /// Settings.
    pub options: &'a PlanOptions,
}

/// What a run will do.
#[derive(Debug)]
pub struct Plan {
    /// Up or down.
    pub direction: Direction,
    /// The batch that `up` will write.
    pub batch: i64,
    /// In order.
    pub steps: Vec<Step>,
    /// Applied files whose new checksum `up` writes down.
    pub noted: Vec<Noted>,
    /// What deserves a word but stops nothing.
    pub warnings: Vec<Diagnostic>,
}

/// One migration to apply or undo.
#[derive(Clone, Debug)]
pub struct Step {
    /// Namespace.
    pub source: String,
    /// Version.
    pub version: Version,
    /// Name.
    pub name: String,
    /// Version and name.
    pub label: String,
    /// Description.
    pub description: String,
    /// Versioned or repeatable.
    pub kind: Kind,
    /// Up or down.
    pub direction: Direction,
    /// Whose SQL it is.
    pub dialect: Dialect,
    /// What runs, placeholders substituted.
    pub script: Script,
    /// Its statements; without a transaction of the file's own, which the unit replaces.
    pub statements: Vec<Statement>,
    /// How the statements are put into units.
    pub segments: Vec<Segment>,
    /// True if the segments are journalled one by one; false if there is one for all, with the record.
    pub journalled: bool,
    /// Of the up script's file, for the record.
    pub checksum: Checksum,
    /// Scripts to keep, with their keys: up, down.
    pub keep: Vec<(Checksum, String)>,
    /// Key of the kept down script.
    pub down_checksum: Option<Checksum>,
    /// Time limit of its own.
    pub timeout: Option<Duration>,
    /// Lock time limit of its own.
    pub lock_timeout: Option<Duration>,
    /// SQLite: foreign-key enforcement of its own.
    pub foreign_keys: Option<bool>,
    /// What must hold for it to run.
    pub conditions: Vec<Condition>,
    /// The session that its tool gives it.
    pub settings: &'static [Setting],
    /// Goes on where an earlier attempt stopped.
    pub resume: Option<Resume>,
    /// Places in the plan of the steps that this one depends on.
    pub depends: Vec<usize>,
}

/// Statements that run as one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Which statements of the step.
    pub statements: Range<usize>,
    /// In a transaction; otherwise it is one statement by itself.
    pub atomic: bool,
    /// SQLite: foreign-key enforcement while they run; the session's setting if none.
    pub foreign_keys: Option<bool>,
}

/// Plans a run.
///
/// # Errors
/// [`Error::Refused`] with everything that stands against it.
pub fn plan(input: PlanInput<'_>, goal: &Goal) -> Result<Plan, Error> {
    let plan = match goal.direction() {
        Direction::Up => up::plan(input, goal),
        Direction::Down => down::plan(input, goal),
    }?;
    sizes::check(input, &plan)?;
    Ok(plan)
}
