//! What one file leaves in the session, where the file after it may count on it.

use whimbrel_sql::{Dialect, Statement, Verb};

use super::super::prepare::at_statement;
use crate::diagnostic::Diagnostic;
use crate::migration::Kind;
use crate::plan::Step;

/// Other tools often run all files in one session: what one creates after a `SET search_path` in
/// another is then made elsewhere. Here each file starts anew, so it is said, once, where a file
/// ends with such a setting and the one after it does not make its own.
pub(super) fn handed_on(steps: &[Step]) -> Option<Diagnostic> {
    steps.windows(2).find_map(|pair| {
        let [step, next] = pair else { return None };
        if next.kind != Kind::Versioned || step.source != next.source {
            return None;
        }
        let (setting, statement) = left_at_the_end(step)?;
        let own = |one: &Statement| name(next, one).is_some_and(|(name, _)| name == setting);
        if next.statements.iter().any(own) || next.statements.iter().all(|s| s.facts.only_session()) {
            return None;
        }
        let message = format!(
            "{setting} is set for this file alone: {} after it starts without",
            next.label
        );
        let warning = Diagnostic::warning("session-ends", message).help(
            "if the files after it are to have it as well, set it in each of them, or by `session_sql` in the settings for all",
        );
        Some(at_statement(warning, &step.script, statement))
    })
}

fn left_at_the_end(step: &Step) -> Option<(&'static str, &Statement)> {
    let mut left = None;
    for statement in &step.statements {
        match (name(step, statement), left) {
            (Some((name, true)), _) => left = Some((name, statement)),
            (Some((name, false)), Some((set, _))) if name == set => left = None,
            _ => {}
        }
    }
    left
}

/// Where names are looked up, or as whom, and whether the statement chooses it or gives it back.
fn name(step: &Step, statement: &Statement) -> Option<(&'static str, bool)> {
    let verb = statement.facts.verb;
    if !matches!(verb, Verb::Set | Verb::Reset | Verb::Use) {
        return None;
    }
    let text = step.script.text()[statement.span()].to_ascii_lowercase();
    let mut words = text
        .split(|c: char| c.is_whitespace() || c == '=')
        .filter(|word| !word.is_empty() && *word != "session")
        .skip(1);
    let first = words.next()?;
    if verb == Verb::Use {
        return Some(("the database of USE", true));
    }
    let name = match first {
        "search_path" | "schema" if step.dialect == Dialect::Postgres => "search_path",
        "role" if step.dialect == Dialect::Postgres => "role",
        "all" if verb == Verb::Reset => "search_path",
        _ => return None,
    };
    let value = words.find(|word| *word != "to").unwrap_or("default");
    let value = value.trim_matches(['\'', '"', ';']);
    let chooses = verb == Verb::Set && !matches!(value, "" | "default" | "none" | "public");
    Some((name, chooses))
}
