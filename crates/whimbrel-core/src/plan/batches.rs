//! What an engine that takes only whole batches would refuse, found before anything is sent.

use whimbrel_sql::{Dialect, Lexer, Statement, TokenKind, Verb};

use super::PlanInput;
use super::control::foreign_keys_pragma;
use super::prepare::{Rules, at_statement};
use crate::diagnostic::Diagnostic;
use crate::directive::Directives;
use crate::text::Script;

/// Everything in a script that stands against it.
pub(super) fn check(
    input: PlanInput<'_>,
    script: &Script,
    statements: &[Statement],
    directives: &Directives,
) -> Vec<Diagnostic> {
    let mut found = too_long(input, script, statements);
    found.extend(files_of_the_client(input, script, statements));
    if !input.capabilities.batches_only {
        return found;
    }
    if directives.foreign_keys == Some(false) {
        found.push(no_switch().at(script.file(), 0..0, ""));
    }
    for statement in statements {
        let text = &script.text()[statement.span()];
        let at = |diagnostic| at_statement(diagnostic, script, statement);
        match foreign_keys_pragma(text) {
            Some(false) => found.push(at(no_switch())),
            Some(true) => {}
            None => found.extend(refused(statement).map(at)),
        }
        found.extend(unbound(script, statement, input.dialect));
    }
    found
}

/// MySQL: the server asks its client for a file, which may be any, and a client that sends none is cut off
/// from what became of the statement.
fn files_of_the_client(
    input: PlanInput<'_>,
    script: &Script,
    statements: &[Statement],
) -> Vec<Diagnostic> {
    let asks = |statement: &&Statement| {
        let mut words = script.text()[statement.span()].split_whitespace();
        let loads = words
            .next()
            .is_some_and(|first| first.eq_ignore_ascii_case("load"));
        loads && words.take(3).any(|word| word.eq_ignore_ascii_case("local"))
    };
    let mysql = input.dialect == Dialect::Mysql;
    let found = statements
        .iter()
        .filter(|one| mysql && one.facts.verb == Verb::Other)
        .filter(asks);
    let problem = |statement| {
        let message = "LOAD DATA LOCAL reads a file of the client's machine, which is not sent";
        let problem = at_statement(Diagnostic::error("local-file", message), script, statement);
        problem.help("write the rows as INSERT, or put the file where the server can read it and leave LOCAL out")
    };
    found.map(problem).collect()
}

/// Foreign keys are off only because the tool that the file was written for never switches them on
/// in SQLite. Where they are always on, that is no reason to refuse the file.
pub(super) fn is_tools_switch(script: &Script, rules: Rules<'_>) -> bool {
    let says = || {
        let text = script.file().text().to_ascii_lowercase();
        text.contains("foreign-keys")
    };
    rules.directives.foreign_keys == Some(false) && !says()
}

fn too_long(input: PlanInput<'_>, script: &Script, statements: &[Statement]) -> Vec<Diagnostic> {
    let Some(limits) = input.capabilities.limits else {
        return Vec::new();
    };
    let limit = limits.statement_bytes;
    let long = statements.iter().filter(|one| one.span().len() > limit);
    long.map(|statement| {
        let message = format!(
            "this statement is {} bytes long; the database takes {limit} at most",
            statement.span().len()
        );
        at_statement(Diagnostic::error("statement-too-long", message), script, statement)
            .help("split it, for example an INSERT of many rows into several; a long text can be put together by `UPDATE ... SET x = x || '...'`")
    })
    .collect()
}

fn refused(statement: &Statement) -> Option<Diagnostic> {
    let what = statement.facts.not_in_batch?.as_str();
    if statement.facts.transaction_control.is_some() {
        let message = format!("{what}: the database has no transactions that a script controls");
        return Some(Diagnostic::error("transaction-control", message).help(
            "take it out: each migration is one batch, which happens as a whole or not at all",
        ));
    }
    let message = format!("the database does not let {what} pass");
    let help = match what {
        "CREATE TEMP" => {
            "use an ordinary table and drop it at the end: sessions don't outlive a batch"
        }
        "this PRAGMA" => {
            "take it out; `PRAGMA defer_foreign_keys = on` and those that look things up are let through"
        }
        _ => "take it out; there is no file that a script could reach",
    };
    Some(Diagnostic::error("not-in-batch", message).help(help))
}

/// A `?` or `:name` for which nobody has a value.
fn unbound(script: &Script, statement: &Statement, dialect: Dialect) -> Option<Diagnostic> {
    let text = &script.text()[statement.span()];
    if !text.contains(['?', ':', '@', '$']) {
        return None;
    }
    let mut tokens = Lexer::new(text, dialect).peekable();
    while let Some(token) = tokens.next() {
        let own = &text[token.span.clone()];
        let mut end = token.span.end;
        let name = tokens.peek().filter(|next| {
            next.span.start == end && matches!(next.kind, TokenKind::Word | TokenKind::Number)
        });
        end = name.map_or(end, |next| next.span.end);
        let is_value = match token.kind {
            TokenKind::Punctuation => own == "?" || matches!(own, ":" | "@") && name.is_some(),
            TokenKind::Word => own.starts_with('$') && own.len() > 1,
            _ => false,
        };
        if is_value {
            let start = statement.span().start;
            let place = start + token.span.start..start + end;
            let message = format!(
                "`{}` stands for a value, and a file has none to give",
                &text[token.span.start..end]
            );
            let problem = Diagnostic::error("unbound-value", message);
            return Some(
                problem
                    .at_script(script, place, "")
                    .help("write the value itself, or quote it if it is text"),
            );
        }
    }
    None
}

/// The usual way to rebuild a table would lose the rows of its children without a word.
fn no_switch() -> Diagnostic {
    Diagnostic::error("foreign-keys", "the database keeps foreign keys on: they can't be switched off")
        .help("`PRAGMA defer_foreign_keys = on` puts the checks off to the end of the migration, but DROP TABLE still deletes the rows that refer to the table by ON DELETE CASCADE; change columns by ALTER TABLE, or rebuild the children first (docs/d1.md)")
}
