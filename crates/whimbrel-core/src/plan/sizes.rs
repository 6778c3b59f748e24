//! Whether a plan's requests and what the history keeps are of the sizes that the engine takes.

use std::ops::Range;

use super::prepare::at_statement;
use super::{Plan, PlanInput, Step};
use crate::diagnostic::Diagnostic;
use crate::driver::Limits;
use crate::error::Error;

/// What a request holds besides statements and kept scripts: the fence, the record, the renewal.
const FRAME: usize = 8 * 1024;
/// What stands around each statement of it.
const AROUND: usize = 16;
/// A key in the same row as a kept script.
const KEY: usize = 64;

/// Refuses a plan of which a request or a row would be too large.
pub(super) fn check(input: PlanInput<'_>, plan: &Plan) -> Result<(), Error> {
    let Some(limits) = input.capabilities.limits else {
        return Ok(());
    };
    let mut found: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|step| row(step, limits))
        .collect();
    if input.options.single_transaction {
        found.extend(whole_run(&plan.steps, limits));
    } else {
        let requests = plan.steps.iter().filter_map(|step| request(step, limits));
        found.extend(requests);
    }
    if found.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(found))
    }
}

/// A script is kept as one value. A file's own text is left out if it is long; what undoes it is
/// not.
fn row(step: &Step, limits: Limits) -> Option<Diagnostic> {
    let down = step.down_checksum.as_ref()?;
    let (_, text) = step.keep.iter().find(|(key, _)| key == down)?;
    let bytes = text.len();
    if bytes + KEY <= limits.row_bytes {
        return None;
    }
    let message = format!(
        "the rollback of {} is {bytes} bytes long; the database takes rows of {} at most, so the history can't keep it",
        step.label, limits.row_bytes
    );
    let problem = Diagnostic::error("row-too-large", message).at(step.script.file(), 0..0, "");
    Some(problem.help("split the migration into several, each with its part of the rollback"))
}

/// The request of a step, or of one of its segments.
fn request(step: &Step, limits: Limits) -> Option<Diagnostic> {
    let mut bytes = FRAME + kept(step);
    for segment in &step.segments {
        let (total, over) = add(step, segment.statements.clone(), bytes, limits);
        if let Some(statement) = over {
            let message = format!(
                "{} is a request of {total} bytes; the database takes {} at most",
                step.label, limits.request_bytes
            );
            let problem = Diagnostic::error("request-too-large", message);
            let problem = at_statement(problem, &step.script, &step.statements[statement]);
            return Some(problem.help(
                "split the file; or write the directive `-- Transaction: off`, which makes each statement a request of its own, journalled",
            ));
        }
        bytes = FRAME;
    }
    None
}

/// All steps in one request.
fn whole_run(steps: &[Step], limits: Limits) -> Option<Diagnostic> {
    let mut bytes = FRAME;
    let mut first = None;
    for step in steps {
        let (total, over) = add(
            step,
            0..step.statements.len(),
            bytes + FRAME + kept(step),
            limits,
        );
        bytes = total;
        first = first.or(over.map(|statement| (step, statement)));
    }
    let (step, statement) = first?;
    let message = format!(
        "the run is one request of {bytes} bytes; the database takes {} at most, which is reached here",
        limits.request_bytes
    );
    let problem = Diagnostic::error("request-too-large", message);
    let problem = at_statement(problem, &step.script, &step.statements[statement]);
    Some(problem.help("leave `--single-transaction` out, or apply fewer migrations at a time"))
}

/// Adds statements to a request: its size, and the statement at which it was too large.
fn add(
    step: &Step,
    statements: Range<usize>,
    mut bytes: usize,
    limits: Limits,
) -> (usize, Option<usize>) {
    let mut over = None;
    for index in statements {
        let span = step.statements[index].span();
        bytes += AROUND + as_json(&step.script.text()[span]);
        if bytes > limits.request_bytes && over.is_none() {
            over = Some(index);
        }
    }
    (bytes, over)
}

fn kept(step: &Step) -> usize {
    let keep = step.keep.iter();
    keep.map(|(_, text)| AROUND + KEY + as_json(text)).sum()
}

/// The length of a text as a JSON string.
fn as_json(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
        0..0x20 => 5,
        _ => 0,
    };
    text.len() + text.bytes().map(escaped).sum::<usize>()
}
