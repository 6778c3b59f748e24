//! Hooks: scripts that run around migrations, and again with every run.

use std::sync::Arc;

use crate::directive::Directives;
use crate::plan::Direction;
use crate::text::Script;

/// A script that runs around migrations. It is no migration itself: nothing is recorded of it but
/// a line in the log, and where a run has to be repeated it runs again.
#[derive(Clone, Debug)]
pub struct Hook {
    /// The namespace of the migrations that it belongs to.
    pub source: Arc<str>,
    /// What people call it: the name of its file.
    pub name: String,
    /// Up or down.
    pub direction: Direction,
    /// When.
    pub when: When,
    /// What it runs, placeholders not yet substituted.
    pub script: Script,
    /// How it runs.
    pub directives: Directives,
}

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before the first migration, also where none is pending; a unit of its own.
    Before,
    /// Before the first migration, if any runs.
    BeforeApplied,
    /// Before each migration, in its transaction if it has one.
    BeforeEach,
    /// After each migration, in its transaction if it has one.
    AfterEach,
    /// After the versioned migrations, also where none ran.
    AfterVersioned,
    /// Before the repeatable migrations that come after all others, if any runs.
    BeforeRepeatables,
    /// After the last migration, if any ran.
    AfterApplied,
    /// After the last migration, also where none was pending.
    After,
}
