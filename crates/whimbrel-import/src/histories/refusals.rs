//! Why a history is not taken over.

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::takeover::Sighting;

use super::files::Files;
use super::tool::{Entry, Lock, State, Tool};
use super::{Found, Histories};

/// No table is what was looked for; those that may be one all the same were not looked for.
pub(super) fn none(histories: &Histories, others: &[Found]) -> Error {
    let named = histories
        .table
        .as_ref()
        .map(|(schema, table)| match schema {
            Some(schema) => format!("{schema}.{table}"),
            None => table.clone(),
        });
    let what = match (histories.tool, &named) {
        (Some(tool), None) => format!("no history of {} was found here", tool.title),
        (Some(tool), Some(table)) => {
            format!("there is no table `{table}` that {} made", tool.title)
        }
        (None, Some(table)) => {
            format!("there is no table `{table}` that is the history of a tool that Whimbrel knows")
        }
        (None, None) => "no other tool's history was found here".to_owned(),
    };
    let mut diagnostic = Diagnostic::error("no-foreign-history", what);
    if let Some(tool) = histories.tool {
        let needed = tool.columns.iter().filter(|column| column.needed);
        let needed: Vec<_> = needed.map(|column| column.name).collect();
        let table = named.as_deref().unwrap_or_else(|| histories.table_of(tool));
        diagnostic = diagnostic.note(format!(
            "looked for `{table}`, with the columns {}",
            needed.join(", ")
        ));
    }
    if !others.is_empty() {
        let list = others.iter().map(|found| {
            let (tool, table) = (found.tool, found.shown());
            format!(
                "{table} may be of {} (`--from {} --history-table {table}`)",
                tool.title, tool.name
            )
        });
        diagnostic = diagnostic.note(list.collect::<Vec<_>>().join(", "));
    }
    Error::refused(diagnostic.help(
        "is it the right database? `--from TOOL` and `--history-table SCHEMA.NAME` say where to look; \
         `whimbrel baseline VERSION` does without a history",
    ))
}

/// More than one would do.
pub(super) fn several(found: &[Found]) -> Error {
    let list = found.iter().map(|found| {
        format!(
            "{} of {} (`--from {}`)",
            found.shown(),
            found.tool.title,
            found.tool.name
        )
    });
    Error::refused(
        Diagnostic::error(
            "several-foreign-histories",
            "several tools' histories are here",
        )
        .note(list.collect::<Vec<_>>().join(", "))
        .help("say which one with `--from TOOL`, and `--history-table SCHEMA.NAME` if need be"),
    )
}

/// The tool is at work, or was killed.
pub(super) fn locked(found: &Found, table: &str, lock: Lock) -> Error {
    let title = found.tool.title;
    Error::refused(
        Diagnostic::error(
            "locked-there",
            format!("{title} holds its lock: it is at work, or was killed"),
        )
        .note(format!("{table}.{} is set", lock.column))
        .help(format!(
            "wait for it; if it is not running any more, unlock it by {}, and look whether what it was \
             doing is in the database: {}",
            lock.unlock, found.tool.mend
        )),
    )
}

/// Entries that nobody can take over as they are.
pub(super) fn refuse_failed(
    tool: &Tool,
    sighting: &Sighting,
    entries: &[Entry],
    files: &Files<'_>,
) -> Result<(), Error> {
    let with_file = |problem: Diagnostic, entry: &Entry| match files.find(entry) {
        Some(place) => problem.at(&files.migrations[place].file, 0..0, ""),
        None => problem,
    };
    let problem = |entry: &Entry| match &entry.state {
        State::Failed(reason) => Some(with_file(
            Diagnostic::error(
                "failed-there",
                format!("{} failed under {}", entry.label(), sighting.title),
            )
            .note(format!("{}: {reason}", sighting.table))
            .help(tool.mend),
            entry,
        )),
        State::NotThere => Some(
            Diagnostic::error(
                "not-there",
                format!(
                    "{} is part of the schema file, and this database does not have it",
                    entry.label()
                ),
            )
            .note(format!("{} does not list it", sighting.table))
            .help(format!(
                "bring the database there with {} first, or dump the schema from this one",
                sighting.title
            )),
        ),
        _ => None,
    };
    let problems: Vec<_> = entries.iter().filter_map(problem).collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(problems))
    }
}

/// "These are other files".
pub(super) fn nothing_found(sighting: &Sighting, entries: &[Entry]) -> Error {
    let some: Vec<_> = entries.iter().take(3).map(Entry::label).collect();
    let dots = if entries.len() > some.len() {
        ", ..."
    } else {
        ""
    };
    let which = match entries {
        [_] => "the one migration".to_owned(),
        _ => format!("none of the {} migrations", entries.len()),
    };
    let what = if entries.len() == 1 { "is not" } else { "is" };
    Error::refused(
        Diagnostic::error(
            "no-match",
            format!(
                "{which} in {} of {} {what} among the files",
                sighting.table, sighting.title
            ),
        )
        .note(format!("applied there: {}{dots}", some.join(", ")))
        .help(
            "check `--dir` and `--layout`; if those files are gone for good, `whimbrel baseline \
             VERSION` says which of the new ones the database has",
        ),
    )
}
