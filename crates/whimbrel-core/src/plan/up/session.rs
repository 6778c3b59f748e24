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

/// Values as they are without the setting, and words that are none.
const USUAL: [&str; 11] = [
    "to",
    "default",
    "none",
    "public",
    "$user",
    "pg_catalog",
    "zone",
    "local",
    "system",
    "1",
    "on",
];

/// Where names are looked up, or as whom, or how values are read, and whether the statement chooses it
/// or gives it back.
fn name(step: &Step, statement: &Statement) -> Option<(&'static str, bool)> {
    let verb = statement.facts.verb;
    if !matches!(verb, Verb::Set | Verb::Reset | Verb::Use) {
        return None;
    }
    let text = step.script.text()[statement.span()].to_ascii_lowercase();
    let mut words = text
        .split(|c: char| c.is_whitespace() || matches!(c, '=' | ',' | ';' | '\'' | '"'))
        .filter(|word| !word.is_empty() && *word != "session")
        .skip(1);
    let first = words.next()?;
    if verb == Verb::Use {
        return Some(("the database of USE", true));
    }
    let variable = first
        .trim_start_matches("@@")
        .trim_start_matches("session.");
    let name = match (step.dialect, variable) {
        (Dialect::Postgres, "search_path" | "schema") => "search_path",
        (Dialect::Postgres, "role") => "role",
        (Dialect::Postgres, "time" | "timezone") | (Dialect::Mysql, "time_zone") => "the time zone",
        (Dialect::Mysql, "sql_mode") => "sql_mode",
        (Dialect::Mysql, "foreign_key_checks") => "foreign_key_checks",
        (_, "all") if verb == Verb::Reset => "search_path",
        _ => return None,
    };
    // What was kept in a variable is given back.
    let usual = |word: &str| USUAL.contains(&word) || word.starts_with('@');
    let chooses = match name {
        "sql_mode" => !words.any(usual),
        _ => words.any(|word| !usual(word)),
    };
    Some((name, verb == Verb::Set && chooses))
}
