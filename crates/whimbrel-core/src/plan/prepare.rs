//! From a script to statements in units: splitting, transaction rules, resuming.

use whimbrel_sql::{
    Dialect, SplitError, SplitErrorKind, Statement, TransactionControl, Verb, split,
};

use super::control::{commits, foreign_keys_pragma, is_boundary, surely_commits_inside, why_alone};
use super::segments::Segments;
use super::{PlanInput, Segment, batches};
use crate::diagnostic::Diagnostic;
use crate::directive::Directives;
use crate::migration::{Substitute, Transactions};
use crate::text::Script;

/// A script, ready to be put into a step.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) script: Script,
    pub(super) statements: Vec<Statement>,
    pub(super) segments: Vec<Segment>,
    pub(super) journalled: bool,
    pub(super) foreign_keys: Option<bool>,
}

/// How a script is run: by its directives, and by the tool that it was written for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) directives: &'a Directives,
    pub(super) transactions: Transactions,
    pub(super) substitute: Option<&'a Substitute>,
}

impl Rules<'_> {
    pub(super) fn is_off(&self) -> bool {
        self.directives.transaction == Some(false)
    }

    pub(super) fn is_strict(&self) -> bool {
        self.transactions == Transactions::Strict
    }

    /// The tool has a transaction open when the file begins.
    pub(super) fn is_wrapped(&self) -> bool {
        self.transactions == Transactions::Wrapped && !self.is_off()
    }
}

/// Splits a script and decides how it runs.
pub(super) fn prepare(
    input: PlanInput<'_>,
    script: &Script,
    rules: Rules<'_>,
) -> Result<Prepared, Vec<Diagnostic>> {
    let own;
    let rules = if input.capabilities.batches_only && batches::is_tools_switch(script, rules) {
        own = Directives {
            foreign_keys: None,
            ..rules.directives.clone()
        };
        Rules {
            directives: &own,
            ..rules
        }
    } else {
        rules
    };
    let script = script.clone();
    let statements = split(script.text(), input.dialect)
        .map_err(|error| vec![split_diagnostic(&script, &error, input.dialect)])?;
    let refused = batches::check(input, &script, &statements, rules.directives);
    if !refused.is_empty() {
        return Err(refused);
    }
    let mut prepared = Prepared {
        script,
        statements,
        segments: Vec::new(),
        journalled: false,
        foreign_keys: rules.directives.foreign_keys,
    };
    if !rules.is_off() {
        prepared.take_outer_transaction();
    }
    if prepared.is_apart(input, rules)? {
        prepared.divide(input, rules)?;
        return Ok(prepared);
    }
    prepared.take_foreign_keys_pragmas(rules)?;
    prepared.refuse_transaction_control()?;
    prepared.segments = vec![Segment {
        statements: 0..prepared.statements.len(),
        atomic: true,
        foreign_keys: prepared.foreign_keys,
    }];
    Ok(prepared)
}

pub(super) fn split_diagnostic(
    script: &Script,
    error: &SplitError,
    dialect: Dialect,
) -> Diagnostic {
    let diagnostic = Diagnostic::error("syntax", error.to_string());
    let diagnostic = diagnostic.at_script(script, error.span.clone(), "");
    match error.hint().or_else(|| backslash(script, error, dialect)) {
        Some(hint) => diagnostic.help(hint),
        None => diagnostic,
    }
}

/// Servers may be set so that a backslash is the other thing in strings. Files are read as by default.
fn backslash(script: &Script, error: &SplitError, dialect: Dialect) -> Option<&'static str> {
    let before = script.text().get(..error.span.start)?;
    let quoted = error.kind == SplitErrorKind::UnterminatedString && before.contains("\\'");
    match dialect {
        Dialect::Postgres if quoted => Some(
            "a backslash before a quote is no escape in a plain string, whatever standard_conforming_strings says: write two quotes, or E'...'",
        ),
        Dialect::Mysql if quoted => Some(
            "a backslash before a quote escapes it, whatever NO_BACKSLASH_ESCAPES says: a text that ends with one can be written with CHAR(92)",
        ),
        _ => None,
    }
}

impl Prepared {
    pub(super) fn text(&self, statement: &Statement) -> &str {
        &self.script.text()[statement.span()]
    }

    pub(super) fn at(&self, diagnostic: Diagnostic, statement: &Statement) -> Diagnostic {
        at_statement(diagnostic, &self.script, statement)
    }

    /// What it switches enforcement to, if that is what a statement does. Other engines have no
    /// such statement.
    pub(super) fn switches_foreign_keys(&self, statement: &Statement) -> Option<bool> {
        (statement.facts.verb == Verb::Pragma)
            .then(|| foreign_keys_pragma(self.text(statement)))
            .flatten()
    }

    /// Cuts into segments. What turns out to be one transaction is one.
    fn divide(&mut self, input: PlanInput<'_>, rules: Rules<'_>) -> Result<(), Vec<Diagnostic>> {
        let parts = Segments::of(self, input, rules)?;
        self.statements = parts.statements;
        self.segments = parts.segments;
        self.journalled = true;
        if let [only] = self.segments.as_slice()
            && only.atomic
            && !rules.is_strict()
        {
            self.journalled = false;
            self.foreign_keys = only.foreign_keys;
        }
        Ok(())
    }

    /// `PRAGMA foreign_keys` does nothing inside a transaction, so one that leads the file becomes a
    /// property of the unit, and what switches it back at the end is left to the unit as well.
    ///
    /// Other tools send it inside their transaction all the same, where it has no effect: there,
    /// what the author meant counts, and the check before the commit keeps it safe.
    fn take_foreign_keys_pragmas(&mut self, rules: Rules<'_>) -> Result<(), Vec<Diagnostic>> {
        let switches: Vec<_> = self
            .statements
            .iter()
            .map(|statement| self.switches_foreign_keys(statement))
            .collect();
        let values: Vec<bool> = switches.iter().copied().flatten().collect();
        let Some(&first) = values.first() else {
            return Ok(());
        };
        self.foreign_keys = match rules.transactions {
            Transactions::Strict => {
                self.refuse_late_switch()?;
                self.foreign_keys.or(Some(first))
            }
            Transactions::Wrapped if values.contains(&false) => Some(false),
            Transactions::Bare if self.leads(&switches) => Some(first),
            Transactions::Wrapped | Transactions::Bare => self.foreign_keys,
        };
        let mut switches = switches.into_iter();
        self.statements
            .retain(|_| switches.next().flatten().is_none());
        Ok(())
    }

    /// True if the first switch has nothing but settings before it.
    fn leads(&self, switches: &[Option<bool>]) -> bool {
        let before = switches.iter().take_while(|switch| switch.is_none());
        let before = &self.statements[..before.count()];
        before.iter().all(is_setting)
    }

    fn refuse_late_switch(&self) -> Result<(), Vec<Diagnostic>> {
        let is_switch = |statement: &&Statement| self.switches_foreign_keys(statement).is_some();
        let Some(first) = self.statements.iter().find(is_switch) else {
            return Ok(());
        };
        let before = self
            .statements
            .iter()
            .take_while(|s| s.span() != first.span());
        if before.into_iter().all(is_setting) {
            return Ok(());
        }
        let diagnostic = Diagnostic::error(
            "pragma-in-transaction",
            "PRAGMA foreign_keys does nothing inside a transaction",
        );
        Err(vec![self.at(diagnostic, first).help(
            "make it the file's first statement, or write the directive `-- Foreign-Keys: off`",
        )])
    }

    /// True if enforcement is switched between other statements, so that one transaction around
    /// everything would run some of them with the wrong setting.
    fn switches_in_the_middle(&self) -> bool {
        let is_switch = |s: &Statement| self.switches_foreign_keys(s).is_some();
        let middle = self.statements.iter().skip_while(|s| is_setting(s));
        let middle: Vec<_> = middle.collect();
        let end = middle.iter().rposition(|s| !is_setting(s));
        end.is_some_and(|end| middle[..end].iter().any(|s| is_switch(s)))
    }

    /// One BEGIN ... COMMIT around everything becomes the unit's own transaction.
    fn take_outer_transaction(&mut self) {
        let pragmas = |statement: &&Statement| self.switches_foreign_keys(statement).is_some();
        let count = self.statements.len();
        let start = self.statements.iter().take_while(pragmas).count();
        let end = count - self.statements.iter().rev().take_while(pragmas).count();
        if end < start + 2 {
            return;
        }
        let control = |index: usize| self.statements[index].facts.transaction_control;
        if control(start) == Some(TransactionControl::Begin)
            && control(end - 1) == Some(TransactionControl::Commit)
            && !(start + 1..end - 1).any(|index| is_boundary(control(index)))
        {
            self.statements.remove(end - 1);
            self.statements.remove(start);
        }
    }

    fn refuse_transaction_control(&self) -> Result<(), Vec<Diagnostic>> {
        let wrong = self
            .statements
            .iter()
            .filter(|statement| is_boundary(statement.facts.transaction_control));
        let errors: Vec<_> = wrong
            .map(|statement| {
                let diagnostic = Diagnostic::error(
                    "transaction-control",
                    "the file controls transactions itself, but runs inside one",
                );
                self.at(diagnostic, statement).help(
                    "take it out (the whole file is one transaction), split the file there, or write the directive `-- Transaction: off`; if another tool ran this file as it is, name that tool's layout: `--layout NAME`",
                )
            })
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    /// True if the script is not one transaction.
    fn is_apart(&self, input: PlanInput<'_>, rules: Rules<'_>) -> Result<bool, Vec<Diagnostic>> {
        let boundary = |s: &Statement| is_boundary(s.facts.transaction_control);
        let own_control = !rules.is_strict() && self.statements.iter().any(boundary);
        if rules.is_off() || own_control {
            return Ok(true);
        }
        if !input.capabilities.transactional_ddl {
            return Ok(self.statements.iter().any(|s| commits(&s.facts)));
        }
        let others = || {
            let all = self.statements.iter();
            all.filter(|statement| self.switches_foreign_keys(statement).is_none())
        };
        let alone: Vec<_> = others()
            .filter_map(|statement| Some((statement, why_alone(input, &statement.facts)?)))
            .collect();
        if rules.transactions == Transactions::Bare {
            return Ok(!alone.is_empty()
                || self.switches_in_the_middle()
                || self.is_one_that_commits());
        }
        let Some((statement, reason)) = alone.first() else {
            return Ok(false);
        };
        // Only Whimbrel's own files can say `Transaction: on` and mean it.
        let insists = rules.is_strict() && rules.directives.transaction.is_some();
        if alone.len() == others().count() && !insists {
            return Ok(true);
        }
        let message = format!("{reason} can't run inside a transaction");
        let diagnostic = self.at(Diagnostic::error("not-in-transaction", message), statement);
        Err(vec![diagnostic.help(if rules.is_strict() {
            "move it into a file of its own, or write the directive `-- Transaction: off` at the top of this file (of Flyway's: `executeInTransaction=false` into a `.conf` file beside it)"
        } else {
            "move it into a file of its own, or say in this file, as its tool has it, that it runs without a transaction"
        })])
    }

    /// A single call or block that commits: with others beside it, the server would refuse it.
    fn is_one_that_commits(&self) -> bool {
        match self.statements.as_slice() {
            [only] => {
                only.facts.verb != Verb::Pragma && surely_commits_inside(only, self.text(only))
            }
            _ => false,
        }
    }
}

/// Settings and transaction control, which change no data.
fn is_setting(statement: &Statement) -> bool {
    statement.facts.verb == Verb::Pragma || statement.facts.transaction_control.is_some()
}

/// Points a diagnostic at a statement's first line.
pub(super) fn at_statement(
    diagnostic: Diagnostic,
    script: &Script,
    statement: &Statement,
) -> Diagnostic {
    let text = &script.text()[statement.span()];
    let end = text.find('\n').unwrap_or(text.len());
    let start = statement.span().start;
    diagnostic.at_script(script, start..start + end, "")
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
