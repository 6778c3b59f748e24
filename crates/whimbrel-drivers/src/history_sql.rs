//! The SQL of the history tables, shared by the SQL engines.
//!
//! A driver gives a [`Flavor`] (its spelling of literals, names, types and times) and gets the
//! statements: [`create`] for the tables, [`write`] for every change, [`SELECT_LOCK`] and its like for
//! reading, and [`applied`], [`attempt`] for the rows read. Values stand in the text as
//! literals, so that a dry run shows exactly what runs.

mod read;
mod write;

use whimbrel_core::history::{FORMAT, HistoryTables};

#[cfg(any(feature = "sqlite", feature = "mysql", feature = "d1"))]
pub(crate) use self::read::history;
#[cfg(any(feature = "postgres", feature = "d1"))]
pub(crate) use self::read::lock;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) use self::read::unknown_holder;
#[cfg(feature = "postgres")]
pub(crate) use self::read::{Part, Rows};
pub(crate) use self::read::{
    fenced, held, scripts, select_applied, select_attempts, select_lock, select_scripts,
};
#[cfg(feature = "postgres")]
pub(crate) use self::write::copy_record;
#[cfg(feature = "mysql")]
pub(crate) use self::write::statement;
pub(crate) use self::write::{Claim, release_lock, renew_lock, take_lock, write};

/// Stands where nobody knows how long something took.
const UNKNOWN_DURATION: i64 = -1;
/// Stands where nobody knows when it was: long before any migration.
const UNKNOWN_TIME: jiff::Timestamp = jiff::Timestamp::UNIX_EPOCH;

/// A row as text.
pub(crate) type Row = Vec<Option<String>>;

/// How an engine spells what differs.
pub(crate) trait Flavor {
    /// A string literal.
    fn literal(&self, text: &str) -> String;
    /// A quoted name.
    fn name(&self, name: &str) -> String;
    /// Now, by the server's clock.
    fn now(&self) -> &'static str;
    /// A time, as a value for a time column.
    fn time(&self, time: jiff::Timestamp) -> String {
        self.literal(&format!("{time:.3}"))
    }
    /// `seconds` from now, by the server's clock.
    fn after(&self, seconds: u64) -> String;
    /// A time column as milliseconds since 1970, as an integer.
    fn milliseconds(&self, column: &str) -> String;
    /// Milliseconds since the unit began.
    fn elapsed(&self) -> String;
    /// A statement that makes a record's duration [`Flavor::elapsed`] where it is not given.
    fn elapsed_by_default(&self, _applied: &str) -> Option<String> {
        None
    }
    /// The connection, for the journal; SQL that gives a text or NULL.
    fn connection(&self) -> &'static str;
    /// Types: short text (keys), long text, time, big integer.
    fn types(&self) -> Types;
    /// What follows the columns of a table.
    fn table_suffix(&self) -> &'static str;
    /// Starts an INSERT that passes over rows that are there; and what ends it.
    fn insert_or_ignore(&self) -> (&'static str, &'static str);
}

/// Names of column types.
pub(crate) struct Types {
    pub(crate) key: &'static str,
    pub(crate) word: &'static str,
    pub(crate) text: &'static str,
    pub(crate) time: &'static str,
}

/// A table's quoted name, with its schema.
pub(crate) fn table(flavor: &dyn Flavor, tables: &HistoryTables, name: &str) -> String {
    match &tables.schema {
        Some(schema) => format!("{}.{}", flavor.name(schema), flavor.name(name)),
        None => flavor.name(name),
    }
}

/// The statements that create what is missing.
pub(crate) fn create(flavor: &dyn Flavor, tables: &HistoryTables) -> Vec<String> {
    let Types {
        key,
        word,
        text,
        time,
    } = flavor.types();
    let suffix = flavor.table_suffix();
    let make = |name: &str, columns: &str| {
        format!(
            "CREATE TABLE IF NOT EXISTS {} (\n{columns}\n){suffix}",
            table(flavor, tables, name)
        )
    };
    let (insert, ignore) = flavor.insert_or_ignore();
    let lock = table(flavor, tables, &tables.lock);
    let mut list = vec![
        make(
            &tables.lock,
            &format!(
                "  id smallint NOT NULL PRIMARY KEY CHECK (id = 1),\n  token bigint NOT NULL,\n  owner {word},\n  connection {text},\n  since {time},\n  expires {time},\n  format integer NOT NULL"
            ),
        ),
        make(
            &tables.applied,
            &format!(
                "  source {word} NOT NULL,\n  version {key} NOT NULL,\n  name {text} NOT NULL,\n  kind {word} NOT NULL,\n  sequence bigint NOT NULL,\n  batch bigint NOT NULL,\n  checksum {word} NOT NULL,\n  down_checksum {word},\n  applied_at {time} NOT NULL,\n  duration_ms bigint NOT NULL,\n  applied_by {text} NOT NULL,\n  tool {word} NOT NULL,\n  run bigint NOT NULL,\n  number integer NOT NULL,\n  statements integer NOT NULL,\n  PRIMARY KEY (source, version)"
            ),
        ),
        make(
            &tables.log,
            &format!(
                "  run bigint NOT NULL,\n  number integer NOT NULL,\n  source {word} NOT NULL,\n  version {key} NOT NULL,\n  name {text} NOT NULL,\n  action {word} NOT NULL,\n  state {word} NOT NULL,\n  journalled smallint NOT NULL,\n  statements_done integer NOT NULL,\n  statement_running integer,\n  statements integer NOT NULL,\n  hashes {text} NOT NULL,\n  connection {text},\n  state_before {text},\n  error {text},\n  started_at {time} NOT NULL,\n  duration_ms bigint NOT NULL,\n  started_by {text} NOT NULL,\n  PRIMARY KEY (run, number)"
            ),
        ),
        make(
            &tables.scripts,
            &format!("  checksum {word} NOT NULL PRIMARY KEY,\n  text {text} NOT NULL"),
        ),
        // Tokens only grow: a row that has to be put back goes on far above those that were given.
        format!(
            "{insert} INTO {} (id, token, format) SELECT 1, COALESCE(MAX(run) + 1000, 0), {FORMAT} FROM (SELECT run FROM {} UNION ALL SELECT run FROM {}) runs WHERE 1 = 1{ignore}",
            lock,
            table(flavor, tables, &tables.log),
            table(flavor, tables, &tables.applied)
        ),
    ];
    list.extend(flavor.elapsed_by_default(&table(flavor, tables, &tables.applied)));
    // Tables of an older format are brought to this one by what stands above.
    list.push(format!(
        "UPDATE {lock} SET format = {FORMAT} WHERE format < {FORMAT}"
    ));
    list
}

/// What a dry run shows around a run: the history's tables where they are to be created, taking the
/// lock; giving it back.
pub(crate) fn lock_listing(
    created: Option<Vec<String>>,
    take: impl IntoIterator<Item = String>,
    release: impl IntoIterator<Item = String>,
) -> [String; 2] {
    let before = created.into_iter().flatten().chain(take);
    [listing(before), listing(release)]
}

/// Statements as a dry run shows them: one after the other, each with its semicolon.
pub(crate) fn listing<S: AsRef<str>>(statements: impl IntoIterator<Item = S>) -> String {
    let mut text = String::new();
    for statement in statements {
        text.push_str(statement.as_ref());
        text.push_str(";\n");
    }
    text
}
