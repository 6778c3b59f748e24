//! A script that tries what a migration made: in the migration's own unit, and taken back.

use std::sync::Arc;

use whimbrel_sql::{Statement, TransactionControl, split};

use super::compose::resolved;
use super::control::{commits, is_boundary, why_alone};
use super::prepare::{Prepared, Rules, at_statement, split_diagnostic};
use super::{PlanInput, Segment, batches};
use crate::diagnostic::Diagnostic;
use crate::text::Script;

const BEFORE: &str = "SAVEPOINT whimbrel_verify;\n";
const AFTER: &str =
    "\nROLLBACK TO SAVEPOINT whimbrel_verify;\nRELEASE SAVEPOINT whimbrel_verify;\n";

/// Puts a verify script behind a migration: what fails there fails the migration. What is one
/// transaction stays one, so nothing of it is kept then; behind one that is journalled it is a piece
/// of its own, the last.
///
/// # Errors
/// The script could not be taken back.
pub(super) fn add(
    input: PlanInput<'_>,
    own: Prepared,
    verify: &Script,
    rules: Rules<'_>,
) -> Result<Prepared, Vec<Diagnostic>> {
    let verify = resolved(input, verify, rules)?;
    let Some(statements) = to_run(input, &verify, rules)? else {
        return Ok(own);
    };
    let mut builder = Script::build(Arc::clone(own.script.file()));
    builder.append(&own.script);
    let mut all = own.statements;
    let first = all.len();
    let mut end = own.script.text().len();
    let pieces = [
        // The last line of a file may lack its end.
        (None, "\n", Vec::new()),
        (None, BEFORE, bracket(input, BEFORE)),
        (Some(&verify), verify.text(), statements),
        (None, AFTER, bracket(input, AFTER)),
    ];
    for (script, text, statements) in pieces {
        match script {
            Some(script) => builder.append(script),
            None => builder.put(text, 0),
        };
        let moved: Option<Vec<_>> = statements.iter().map(|one| one.moved(end)).collect();
        all.extend(moved.ok_or_else(|| vec![too_long(&verify)])?);
        end += text.len();
    }
    let mut segments = own.segments;
    match segments.as_mut_slice() {
        [only] if !own.journalled => only.statements.end = all.len(),
        _ => segments.push(Segment {
            statements: first..all.len(),
            atomic: true,
            foreign_keys: own.foreign_keys,
        }),
    }
    Ok(Prepared {
        script: builder.finish(),
        statements: all,
        segments,
        ..own
    })
}

/// Its statements without the transaction around them; none if there is nothing to run.
fn to_run(
    input: PlanInput<'_>,
    script: &Script,
    rules: Rules<'_>,
) -> Result<Option<Vec<Statement>>, Vec<Diagnostic>> {
    let mut list = split(script.text(), input.dialect)
        .map_err(|error| vec![split_diagnostic(script, &error, input.dialect)])?;
    let refused = batches::check(input, script, &list, rules.directives);
    if !refused.is_empty() {
        return Err(refused);
    }
    let is = |one: Option<&Statement>, what| {
        one.is_some_and(|one| one.facts.transaction_control == Some(what))
    };
    if is(list.first(), TransactionControl::Begin) && is(list.last(), TransactionControl::Rollback)
    {
        list.pop();
        list.remove(0);
    }
    let problems: Vec<_> = list
        .iter()
        .filter_map(|one| Some(at_statement(refusal(input, one)?, script, one)))
        .collect();
    if problems.is_empty() {
        Ok((!list.is_empty()).then_some(list))
    } else {
        Err(problems)
    }
}

/// What keeps a statement from being taken back.
fn refusal(input: PlanInput<'_>, statement: &Statement) -> Option<Diagnostic> {
    let facts = &statement.facts;
    let transactional = input.capabilities.transactional_ddl;
    let what = match why_alone(input, facts) {
        _ if is_boundary(facts.transaction_control) => "this transaction control",
        Some(what) => what,
        None if !transactional && commits(facts) => "a statement that commits",
        None => return None,
    };
    let message = format!("{what} can't be in a verify script, which is taken back");
    Some(Diagnostic::error("verify-script", message).help(
        "write BEGIN at its beginning and ROLLBACK at its end, or neither, and in between what can be rolled back",
    ))
}

fn too_long(script: &Script) -> Diagnostic {
    Diagnostic::error(
        "too-long",
        "behind its change, this script ends beyond 4 GiB",
    )
    .at_script(script, 0..0, "")
}

fn bracket(input: PlanInput<'_>, text: &str) -> Vec<Statement> {
    split(text, input.dialect).unwrap_or_default()
}
