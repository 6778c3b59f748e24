//! What a tool's layout knows of a file and Whimbrel's own directives have no word for.

use std::collections::BTreeMap;
use std::ops::Range;

/// How the tool that a file was written for treats it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The file holds other migrations, or another language: the checksum and the kept text are
    /// those of the up script alone.
    pub part_of_file: bool,
    /// A repeatable migration that runs in its place among the versioned ones, not after them.
    pub in_place: bool,
    /// A repeatable migration that runs with every `up`, changed or not.
    pub always: bool,
    /// Whether `${key}` is looked for.
    pub placeholders: Placeholders,
    /// What must hold for it to run, asked just before it would.
    pub conditions: Vec<Condition>,
    /// The schema in which the project's own settings have its scripts work; nothing runs in another.
    pub schema: Option<WorksIn>,
    /// What the tool's connection sets before anything runs.
    pub settings: &'static [Setting],
}

/// A schema that a project's settings name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorksIn {
    /// Its name.
    pub schema: String,
    /// The setting, as its file says it.
    pub setting: String,
    /// How to go on without it.
    pub without: String,
}

/// A setting of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Its value, as SQL.
    pub value: &'static str,
}

/// A query whose one value decides whether a migration runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The query, placeholders not yet substituted.
    pub sql: String,
    /// The value as text.
    pub expected: String,
    /// Where it stands in the migration's file.
    pub span: Range<usize>,
    /// What happens if the value is another one.
    pub on_fail: Otherwise,
    /// What happens if the server refuses the query.
    pub on_error: Otherwise,
}

/// What becomes of a migration whose condition does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Otherwise {
    /// The run fails.
    #[default]
    Stop,
    /// It is left for the next run.
    PassOver,
    /// It is recorded as applied without being run.
    Record,
    /// It runs, with a word.
    Run,
}

/// Whether `${key}` is looked for in a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Placeholders {
    /// If the settings give values for any.
    #[default]
    AsSet,
    /// Never.
    Off,
    /// Always. The settings' values come before these.
    On {
        /// The tool's own values, and those that the files give.
        values: BTreeMap<String, String>,
        /// One without a value is an error; otherwise it stays as it is.
        strict: bool,
        /// What stands before and behind a key.
        marks: Marks,
        /// Keys whose values the server gives; they are put among the values before planning.
        server: Vec<(String, ServerFact)>,
    },
}

/// What a placeholder looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// `${`
    pub before: String,
    /// `}`
    pub behind: String,
    /// The tool reads two characters where the first one could begin a mark, so that the second begins
    /// none: `$${key}` stays as it is, `$$${key}` does not.
    pub in_pairs: bool,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            before: "${".to_owned(),
            behind: "}".to_owned(),
            in_pairs: false,
        }
    }
}

/// What a server says of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerFact {
    /// Who is connected.
    User,
    /// The database.
    Database,
    /// The schema that unqualified names are in.
    Schema,
}
