//! Tables and lists.

use std::time::Duration;

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use serde_json::{Value, json};
use whimbrel::migration::Kind;
use whimbrel::plan::{Direction, Plan, State, Status, StatusRow, Step};
use whimbrel::report::Report;

/// A duration as people read it.
pub(super) fn milliseconds(duration: Duration) -> String {
    let ms = duration.as_millis();
    match ms {
        0..=9_999 => format!("{ms} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

/// `1 row`, `2 rows`.
pub(super) fn plural(count: u64, word: &str) -> String {
    if count == 1 {
        format!("1 {word}")
    } else {
        format!("{count} {word}s")
    }
}

pub(super) fn summary(report: &Report) -> Vec<String> {
    let count = report.steps.len() as u64;
    let mut lines = Vec::new();
    if count == 0 && report.failures.is_empty() {
        lines.push(match report.direction {
            Direction::Up => "Up to date: nothing to apply.".to_owned(),
            Direction::Down => "Nothing to undo.".to_owned(),
        });
        return lines;
    }
    let migrations = plural(count, "migration");
    let took = milliseconds(report.duration);
    lines.push(match (report.direction, report.batch) {
        (Direction::Up, Some(batch)) => format!("Applied {migrations} in {took} (batch {batch})."),
        (Direction::Up, None) => format!("Applied {migrations} in {took}."),
        (Direction::Down, _) => format!("Undid {migrations} in {took}."),
    });
    if !report.failures.is_empty() {
        let failed = plural(report.failures.len() as u64, "migration");
        lines.push(format!(
            "{failed} failed, {} skipped.",
            report.skipped.len()
        ));
    }
    lines
}

fn how(step: &Step) -> String {
    let statements = plural(step.statements.len() as u64, "statement");
    let mut text = statements;
    if step.kind == Kind::Hook {
        text.push_str(", a hook");
    }
    if step.journalled {
        text.push_str(", statement by statement");
    }
    if let Some(resume) = &step.resume {
        text.push_str(&format!(", goes on after statement {}", resume.done));
    }
    text
}

pub(super) fn plan(plan: &Plan) -> Vec<String> {
    let noted = plan.noted.iter().map(|file| {
        format!(
            "Would note the new checksum of {}: only comments, white space or the rollback changed",
            file.label
        )
    });
    if plan.steps.is_empty() {
        let nothing = "Up to date: nothing to apply.".to_owned();
        return noted.chain([nothing]).collect();
    }
    let verb = if plan.direction == Direction::Up {
        "Would apply"
    } else {
        "Would undo"
    };
    let migrations = plan.steps.iter().filter(|step| step.kind != Kind::Hook);
    let count = plural(migrations.count() as u64, "migration");
    let mut lines: Vec<_> = noted.collect();
    lines.push(format!("{verb} {count}:"));
    lines.extend(
        plan.steps
            .iter()
            .map(|step| format!("  {} ({})", step.label, how(step))),
    );
    lines
}

pub(super) fn plan_json(plan: &Plan) -> Value {
    let steps = plan.steps.iter().map(|step| {
        json!({
            "source": step.source,
            "version": step.version,
            "name": step.name,
            "description": step.description,
            "kind": step.kind,
            "direction": step.direction,
            "statements": step.statements.len(),
            "transaction": !step.journalled,
            "file": step.script.file().name(),
        })
    });
    let noted = plan.noted.iter().map(|file| file.version.as_str());
    json!({
        "direction": plan.direction,
        "batch": plan.batch,
        "steps": steps.collect::<Vec<_>>(),
        "noted": noted.collect::<Vec<_>>(),
    })
}

pub(super) fn dry_run_json(plan: &Plan, sql: &str) -> Value {
    let mut json = plan_json(plan);
    json["sql"] = json!(sql);
    json
}

fn colour(state: State) -> Color {
    match state {
        State::Applied | State::Baseline => Color::Green,
        State::Pending | State::RolledBack => Color::Yellow,
        _ => Color::Red,
    }
}

/// What was applied has a time, and a dash where nobody knows it.
fn known(row: &StatusRow, text: Option<String>) -> String {
    let unknown = if row.batch.is_some() { "-" } else { "" };
    text.unwrap_or_else(|| unknown.to_owned())
}

pub(super) fn status(status: &Status, colours: bool) -> Vec<String> {
    let totals = status.totals;
    let mut lines = Vec::new();
    if !status.migrations.is_empty() {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        if colours {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.set_header(["version", "name", "state", "batch", "applied", "took", "by"]);
        for row in &status.migrations {
            let state = Cell::new(row.state.as_str());
            let state = if colours {
                state.fg(colour(row.state))
            } else {
                state
            };
            table.add_row([
                Cell::new(row.version.as_str()),
                Cell::new(&row.name),
                state,
                Cell::new(row.batch.map(|n| n.to_string()).unwrap_or_default()),
                Cell::new(known(row, row.applied_at.map(|at| format!("{at:.0}")))),
                Cell::new(known(
                    row,
                    row.duration_ms
                        .map(|ms| milliseconds(Duration::from_millis(ms))),
                )),
                Cell::new(row.applied_by.as_deref().unwrap_or_default()),
            ]);
        }
        if let Some(width) = super::fit::window() {
            super::fit::fit(&mut table, width);
        }
        lines.push(table.trim_fmt());
    }
    let failed = status
        .migrations
        .iter()
        .filter(|row| row.state == State::Failed);
    lines.extend(failed.filter_map(|row| {
        let error = row.error.as_deref()?.lines().next()?;
        Some(format!("{} failed: {error}", row.label))
    }));
    let mut line = format!(
        "{}: {} in all, {} applied, {} pending",
        status.database, totals.total, totals.applied, totals.pending
    );
    if totals.failed > 0 {
        line.push_str(&format!(" ({} failed or interrupted)", totals.failed));
    }
    if totals.outdated > 0 {
        line.push_str(&format!(
            ", {} to run again",
            plural(totals.outdated as u64, "repeatable")
        ));
    }
    lines.push(line);
    if let Some(holder) = &status.lock {
        lines.push(format!("locked by {holder}"));
    }
    if let Some(next) = &status.next {
        lines.push(next.clone());
    }
    lines
}
