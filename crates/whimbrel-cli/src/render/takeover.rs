//! What a baseline or an import recorded.

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use whimbrel::history::Action;
use whimbrel::takeover::{EntryState, TakeoverReport};

use super::table::plural;

/// In a dry run the table stands in comments before the SQL, so that the whole can be piped on.
pub(super) fn lines(report: &TakeoverReport, colours: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let sighting = report.from.as_ref();
    lines.extend(sighting.map(|found| format!("{} of {}", found.table, found.title)));
    lines.push(table(report, colours && report.sql.is_none()));
    lines.push(summary(report));
    let Some(sql) = &report.sql else {
        return lines;
    };
    let comments = lines.iter().flat_map(|text| text.lines());
    let mut lines: Vec<_> = comments.map(|line| format!("-- {line}")).collect();
    if !sql.is_empty() {
        lines.push(String::new());
        lines.push(sql.trim_end().to_owned());
    }
    lines
}

fn summary(report: &TakeoverReport) -> String {
    let new = report.count(EntryState::New);
    let renamed = report.count(EntryState::Renamed);
    if new == 0 && renamed > 0 {
        let verb = match report.written {
            0 => "Would give",
            _ => "Gave",
        };
        return format!(
            "{verb} {} the new version.",
            plural(renamed as u64, "record")
        );
    }
    if new == 0 {
        return "Nothing to record: the history has it all already.".to_owned();
    }
    let verb = match (report.action, report.written) {
        (Action::Import, 0) => "Would take over",
        (Action::Import, _) => "Took over",
        (_, 0) => "Would mark as being there:",
        _ => "Marked as being there:",
    };
    let renamed = match renamed {
        0 => String::new(),
        count => format!(", {count} under a new version"),
    };
    // `up` runs those again that the other tool took back.
    let pending = report.count(EntryState::Pending) + report.count(EntryState::RolledBack);
    let pending = match pending {
        0 => String::new(),
        count => format!(", {count} pending"),
    };
    format!(
        "{verb} {}{renamed}{pending}.",
        plural(new as u64, "migration")
    )
}

fn table(report: &TakeoverReport, colours: bool) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    if colours {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(["version", "name", "state", "batch", "applied", "file"]);
    for entry in &report.entries {
        let (word, colour) = state(entry.state, report.written > 0);
        let state = Cell::new(word);
        let time = entry.applied_at.map(|at| format!("{at:.0}"));
        table.add_row([
            Cell::new(entry.version.as_str()),
            Cell::new(&entry.name),
            if colours { state.fg(colour) } else { state },
            Cell::new(entry.batch.map(|n| n.to_string()).unwrap_or_default()),
            Cell::new(time.unwrap_or_default()),
            Cell::new(entry.file.as_deref().unwrap_or("(no file)")),
        ]);
    }
    table.trim_fmt()
}

fn state(state: EntryState, written: bool) -> (&'static str, Color) {
    match state {
        EntryState::New if written => ("recorded now", Color::Green),
        EntryState::New => ("to record", Color::Green),
        EntryState::Renamed if written => ("renamed now", Color::Green),
        EntryState::Renamed => ("to rename", Color::Green),
        EntryState::Recorded => ("recorded", Color::Green),
        EntryState::RolledBack => ("rolled back there", Color::Yellow),
        EntryState::Undone => ("undone since", Color::Yellow),
        EntryState::Pending => ("pending", Color::Yellow),
    }
}
