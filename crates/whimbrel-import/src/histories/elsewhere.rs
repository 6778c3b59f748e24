//! Histories under other names, and in schemas where this connection does not look: without a word about
//! them, all that they list would be applied again.

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::driver::{Driver, DriverError};
use whimbrel_core::migration::Migration;
use whimbrel_core::takeover::Sighting;
use whimbrel_sql::Dialect;

use super::catalog::{self, Table};
use super::files::Files;
use super::tool::{Entry, Schema, State, Tool};
use super::{Found, Histories, has_columns, has_company, is_placed};

/// In another schema a number says nothing: every application has a migration 1.
const TELLING: usize = 8;

/// Those that list migrations of this project.
pub(super) async fn of(
    histories: &Histories,
    tables: &[Table],
    driver: &mut dyn Driver,
    migrations: &[Migration],
) -> Result<Vec<Sighting>, DriverError> {
    let files = Files::new(migrations);
    let mut sightings = Vec::new();
    for found in candidates(histories, tables) {
        let entries = found.entries(driver).await?;
        if lists(&found, &entries, &files) {
            sightings.push(found.sighting(&entries));
        }
    }
    Ok(sightings)
}

/// All tables that may be a history, whatever they list.
pub(super) async fn all(
    histories: &Histories,
    driver: &mut dyn Driver,
) -> Result<Vec<Found>, DriverError> {
    let search = histories.search(driver.dialect(), true);
    let tables = catalog::tables(driver, &search).await?;
    Ok(candidates(histories, &tables))
}

/// Each is of one tool.
fn candidates(histories: &Histories, tables: &[Table]) -> Vec<Found> {
    let of_tool = |table: &Table| {
        let mut tools = histories.tools();
        tools.find(|tool| may_be_of(tool, table) && has_company(tool, table, tables))
    };
    let found = tables.iter().filter_map(|table| {
        Some(Found {
            tool: of_tool(table)?,
            lock: None,
            by_schema: !table.here,
            table: table.clone(),
        })
    });
    found.collect()
}

/// A table of another name is told by a column that few others have, and by having few besides.
fn may_be_of(tool: &Tool, table: &Table) -> bool {
    let named = tool.table.eq_ignore_ascii_case(&table.name);
    let marked = tool.mark.is_some_and(|mark| table.column(mark).is_some());
    let few = named || table.columns.len() <= 2 * tool.columns.len();
    (named && is_placed(tool, table) || marked) && few && has_columns(tool, table)
}

/// True if most of what was applied there is among the files.
fn lists(found: &Found, entries: &[Entry], files: &Files<'_>) -> bool {
    let applied = entries.iter();
    let applied: Vec<_> = applied
        .filter(|entry| entry.state != State::RolledBack)
        .collect();
    let is_here = |entry: &&&Entry| {
        let Some(place) = files.find(entry) else {
            return false;
        };
        match found.tool.is_unchanged {
            _ if !found.by_schema => true,
            Some(is_unchanged) if entry.checksum.is_some() => {
                is_unchanged(&files.migrations[place], entry)
            }
            _ => entry.label().len() >= TELLING,
        }
    };
    let here = applied.iter().filter(is_here).count();
    here > 0 && 2 * here >= applied.len()
}

/// The schema in which this connection makes what has no schema of its own; none where the tool's table
/// says nothing about where its migrations did.
pub(super) async fn schema_in_use(
    driver: &mut dyn Driver,
    found: &Found,
) -> Result<Option<String>, DriverError> {
    let is_postgres = driver.dialect() == Dialect::Postgres;
    if found.tool.schema != Schema::Current || !is_postgres {
        return Ok(None);
    }
    let rows = driver.query("SELECT pg_catalog.current_schema()").await?;
    let here = rows.into_iter().flatten().flatten().next();
    Ok(here.filter(|here| *here != found.table.schema))
}

/// Most tools keep their table where their migrations work.
pub(super) fn warning(found: &Found, in_use: &str) -> Diagnostic {
    let schema = &found.table.schema;
    let title = found.tool.title;
    let message = format!(
        "the history of {title} is in the schema {schema}, and this connection works in {in_use}"
    );
    Diagnostic::warning("other-schema", message)
        .note(format!(
            "if {title} worked in {schema}, what is pending would be made in {in_use} where its scripts name no schema"
        ))
        .help(format!(
            "begin each connection there: add `options=-csearch_path%3D{schema}` to the URL's parameters; then no `--history-table` is needed"
        ))
}
