//! What is known of a tool's history table, and what is read from it.

use std::time::Duration;

use jiff::Timestamp;
use whimbrel_core::migration::Migration;
use whimbrel_sql::Dialect;

use super::time;

/// A tool's history table: where it is, what is read of it, and what that means.
pub(super) struct Tool {
    /// Name in settings and arguments.
    pub(super) name: &'static str,
    /// Name as people write it.
    pub(super) title: &'static str,
    /// The table's name, unless it is set otherwise there.
    pub(super) table: &'static str,
    /// The schema that the tool makes for it, where the engine has schemas.
    pub(super) schema: Schema,
    /// The columns that are read; the needed ones tell the table.
    pub(super) columns: &'static [Column],
    /// A column that hardly any other table has, by which it is noticed under another name.
    pub(super) mark: Option<&'static str>,
    /// A column that another tool's table of the same name has.
    pub(super) unlike: &'static [&'static str],
    /// A table that stands beside it and tells two tools apart.
    pub(super) beside: Beside,
    /// The columns that give the order of application.
    pub(super) order: &'static [&'static str],
    /// What says that the tool is at work.
    pub(super) lock: Option<Lock>,
    /// From rows to entries, in their order.
    pub(super) read: fn(&[Row<'_>]) -> Vec<Entry>,
    /// Looks at the files before entries are matched with them by version and name.
    pub(super) prepare: Option<Prepare>,
    /// Whether a file is what an entry's checksum says; none where the tool keeps none.
    pub(super) is_unchanged: Option<fn(&Migration, &Entry) -> bool>,
    /// What to do about an entry that failed there.
    pub(super) mend: &'static str,
}

/// A tool's own lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lock {
    pub(super) table: &'static str,
    pub(super) column: &'static str,
    /// How people take it away.
    pub(super) unlock: &'static str,
}

pub(super) type Prepare = fn(&mut Vec<Entry>, &[Migration], Dialect);

/// Where a tool's table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schema {
    /// Where the others are.
    Current,
    /// In this one, or where the others are.
    Preferred(&'static str),
    /// In this one alone: the table's name says too little by itself.
    Own(&'static str),
}

impl Schema {
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Current => None,
            Self::Preferred(name) | Self::Own(name) => Some(name),
        }
    }
}

/// Another table beside a tool's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    Any,
    With(&'static str),
    Without(&'static str),
}

/// A column that is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// The table is not this tool's if it is missing.
    pub(super) needed: bool,
}

/// A column that must be there.
pub(super) const fn needed(name: &'static str) -> Column {
    Column { name, needed: true }
}

/// A column that some versions of the tool don't have.
pub(super) const fn maybe(name: &'static str) -> Column {
    Column {
        name,
        needed: false,
    }
}

/// What most tools share; each says what is different.
pub(super) const TOOL: Tool = Tool {
    name: "",
    title: "",
    table: "",
    schema: Schema::Current,
    columns: &[],
    mark: None,
    unlike: &[],
    beside: Beside::Any,
    order: &[],
    lock: None,
    read: |_| Vec::new(),
    prepare: None,
    is_unchanged: None,
    mend: "finish or undo it by hand, say so in the other tool's history, and import again",
};

/// A row, by its columns' names.
pub(super) struct Row<'a> {
    pub(super) columns: &'static [Column],
    pub(super) values: &'a [Option<String>],
}

impl Row<'_> {
    /// A value; none if it is NULL or the column is not there.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let index = self.columns.iter().position(|column| column.name == name)?;
        self.values.get(index)?.as_deref()
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    /// A truth value, as any engine writes it.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(is_true)
    }

    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        time::read(self.get(name)?)
    }

    pub(super) fn milliseconds(&self, name: &str) -> Option<Duration> {
        let number = self.get(name).and_then(|text| text.parse().ok());
        number.map(Duration::from_millis)
    }
}

pub(super) fn is_true(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "t" | "true" | "1" | "yes" | "\u{1}"
    )
}

/// One migration in a tool's history.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// The version, where the tool has versions.
    pub(super) version: Option<String>,
    /// The names that the file may go by: paths without their folders' beginning, stems, names.
    pub(super) names: Vec<String>,
    /// What happened to it.
    pub(super) state: State,
    /// How much it says.
    pub(super) reach: Reach,
    pub(super) at: Option<Timestamp>,
    /// What was applied together has the same text here.
    pub(super) batch: Option<String>,
    pub(super) checksum: Option<String>,
    pub(super) duration: Option<Duration>,
    pub(super) by: Option<String>,
    /// The tool's own version, where it says so.
    pub(super) tool_version: Option<String>,
    /// Where one table serves several projects: whose it is.
    pub(super) project: Option<String>,
}

impl Entry {
    /// An applied entry known by its version.
    pub(super) fn of_version(version: impl Into<String>) -> Self {
        Self {
            version: Some(version.into()),
            ..Self::default()
        }
    }

    /// An applied entry known by its name.
    pub(super) fn of_name(name: impl Into<String>) -> Self {
        Self {
            names: vec![name.into()],
            ..Self::default()
        }
    }

    /// As people know it.
    pub(super) fn label(&self) -> &str {
        let name = self.names.first().map(String::as_str);
        self.version.as_deref().or(name).unwrap_or_default()
    }
}

/// What happened to an entry's migration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Applied,
    /// It ended with an error, or did not end; what the tool says of that.
    Failed(String),
    RolledBack,
    /// The files say that it must be there, and it is not.
    NotThere,
}

/// How much an entry says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reach {
    /// That its own migration was applied.
    #[default]
    Itself,
    /// That everything up to it was applied.
    UpTo,
    /// That the database was at this version before the tool came.
    Baseline,
}

/// Each row is an entry.
pub(super) fn each(rows: &[Row<'_>], entry: impl Fn(&Row<'_>) -> Entry) -> Vec<Entry> {
    rows.iter().map(entry).collect()
}
