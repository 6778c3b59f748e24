//! What a conversion made.

use whimbrel::runner::{ConversionReport, Proof};

use super::table::plural;
use super::takeover;

pub(super) fn lines(report: &ConversionReport, colours: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for one in &report.migrations {
        let version = if one.former.as_str() == one.version.as_str() {
            String::new()
        } else {
            format!("  ({} is now {})", one.former, one.version)
        };
        lines.push(format!("{} -> {}{version}", one.from, one.files.join(", ")));
    }
    lines.extend(proof(&report.proof));
    let verb = if report.written {
        "Wrote"
    } else {
        "Would write"
    };
    let files = plural(report.files as u64, "file");
    lines.push(format!("{verb} {files} to {}.", report.folder));
    if let Some(history) = &report.history {
        lines.extend(takeover::lines(history, colours));
    }
    if report.written {
        lines.push(format!(
            "Say `dir = \"{}\"` in whimbrel.toml; other databases get their records by `whimbrel import` with it.",
            report.folder
        ));
    }
    if report.history.as_ref().is_some_and(|one| one.sql.is_some()) {
        // The SQL of a dry run is to be piped on.
        let comment = |line: &String| line.lines().all(|one| one.starts_with("--"));
        let is_sql = lines
            .iter()
            .position(|line| comment(line) || line.is_empty());
        let head = is_sql.unwrap_or(lines.len());
        for line in &mut lines[..head] {
            *line = format!("-- {line}");
        }
    }
    lines
}

fn proof(proof: &Proof) -> Vec<String> {
    let kinds = proof
        .objects
        .iter()
        .map(|(kind, count)| match (kind.as_str(), count) {
            (kind, 1) => format!("1 {kind}"),
            ("index", count) => format!("{count} indexes"),
            ("policy", count) => format!("{count} policies"),
            (kind, count) => format!("{count} {kind}s"),
        });
    let objects = kinds.collect::<Vec<_>>().join(", ");
    let objects = if objects.is_empty() {
        "nothing in it".to_owned()
    } else {
        objects
    };
    let applied = plural(proof.applied as u64, "migration");
    let rows = plural(proof.rows, "row");
    let mut lines = vec![format!(
        "Both folders applied to an empty database, {applied} each: the same schema ({objects}; {rows})."
    )];
    if proof.undone > 0 {
        let undone = plural(proof.undone as u64, "migration");
        lines.push(format!("Undone again, {undone}: the same schema."));
    }
    if let Some(why) = &proof.not_undone {
        let further = if proof.undone > 0 { " any further" } else { "" };
        lines.push(format!("Not undone{further}: {why}."));
    }
    lines
}
