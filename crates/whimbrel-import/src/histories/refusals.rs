//! Why a history is not taken over: what is said before it is read.

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;

use super::{Found, Histories};
use crate::histories::tool::Lock;

/// No table is what was looked for.
pub(super) fn none(histories: &Histories) -> Error {
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
