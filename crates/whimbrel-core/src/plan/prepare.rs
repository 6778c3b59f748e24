//! From a script to statements in units: splitting, transaction rules, resuming.

use std::ops::Range;

use whimbrel_sql::{Dialect, Facts, SplitError, Statement, TransactionControl, Verb, split};

use super::{PlanInput, Segment, batches, placeholder};
use crate::diagnostic::Diagnostic;
use crate::directive::Directives;
use crate::text::Script;

/// A script, ready to be put into a step.
pub(super) struct Prepared {
    pub(super) script: Script,
    pub(super) statements: Vec<Statement>,
    pub(super) segments: Vec<Segment>,
    pub(super) journalled: bool,
    pub(super) foreign_keys: Option<bool>,
}

/// Splits a script and decides how it runs.
pub(super) fn prepare(
    input: PlanInput<'_>,
    script: &Script,
    directives: &Directives,
) -> Result<Prepared, Vec<Diagnostic>> {
    let script = match &input.options.placeholders {
        Some(values) => placeholder::substitute(script, values)?,
        None => script.clone(),
    };
    let statements = split(script.text(), input.dialect)
        .map_err(|error| vec![split_diagnostic(&script, &error)])?;
    let refused = batches::check(input, &script, &statements, directives);
    if !refused.is_empty() {
        return Err(refused);
    }
    let mut prepared = Prepared {
        script,
        statements,
        segments: Vec::new(),
        journalled: false,
        foreign_keys: directives.foreign_keys,
    };
    if input.dialect == Dialect::Sqlite {
        prepared.take_foreign_keys_pragmas()?;
    }
    prepared.take_outer_transaction();
    prepared.journalled = prepared.is_journalled(input, directives)?;
    prepared.segments = if prepared.journalled {
        prepared.journalled_segments(input)?
    } else {
        prepared.refuse_transaction_control()?;
        vec![Segment {
            statements: 0..prepared.statements.len(),
            atomic: true,
        }]
    };
    Ok(prepared)
}

fn split_diagnostic(script: &Script, error: &SplitError) -> Diagnostic {
    let diagnostic = Diagnostic::error("syntax", error.to_string());
    let diagnostic = diagnostic.at_script(script, error.span.clone(), "");
    match error.hint() {
        Some(hint) => diagnostic.help(hint),
        None => diagnostic,
    }
}

impl Prepared {
    fn text(&self, statement: &Statement) -> &str {
        &self.script.text()[statement.span.clone()]
    }

    fn at(&self, diagnostic: Diagnostic, statement: &Statement) -> Diagnostic {
        at_statement(diagnostic, &self.script, statement)
    }

    /// `PRAGMA foreign_keys` does nothing inside a transaction, so one that leads the file becomes a
    /// property of the unit, and what switches it back at the end is left to the unit as well.
    fn take_foreign_keys_pragmas(&mut self) -> Result<(), Vec<Diagnostic>> {
        let mut value = None;
        let mut taken = Vec::new();
        for (index, statement) in self.statements.iter().enumerate() {
            let Some(on) = foreign_keys_pragma(self.text(statement)) else {
                continue;
            };
            let leads = index == taken.len()
                || (index == taken.len() + 1
                    && self.statements[taken.len()]
                        .facts
                        .transaction_control
                        .is_some());
            if value.is_none() && !leads {
                let diagnostic = Diagnostic::error(
                    "pragma-in-transaction",
                    "PRAGMA foreign_keys does nothing inside a transaction",
                );
                return Err(vec![self.at(diagnostic, statement).help(
                    "make it the file's first statement, or write the directive `-- Foreign-Keys: off`",
                )]);
            }
            value.get_or_insert(on);
            taken.push(index);
        }
        for index in taken.into_iter().rev() {
            self.statements.remove(index);
        }
        self.foreign_keys = self.foreign_keys.or(value);
        Ok(())
    }

    /// One BEGIN ... COMMIT around everything becomes the unit's own transaction.
    fn take_outer_transaction(&mut self) {
        let count = self.statements.len();
        let control = |index: usize| self.statements[index].facts.transaction_control;
        let inner = |range: Range<usize>| range.into_iter().all(|i| !is_boundary(control(i)));
        if count >= 2
            && control(0) == Some(TransactionControl::Begin)
            && control(count - 1) == Some(TransactionControl::Commit)
            && inner(1..count - 1)
        {
            self.statements.pop();
            self.statements.remove(0);
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
                    "take it out (the whole file is one transaction), split the file there, or write the directive `-- Transaction: off`",
                )
            })
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    fn is_journalled(
        &self,
        input: PlanInput<'_>,
        directives: &Directives,
    ) -> Result<bool, Vec<Diagnostic>> {
        if !input.capabilities.transactional_ddl {
            let commits = |facts: &Facts| facts.implicit_commit || facts.may_commit;
            let off = directives.transaction == Some(false);
            return Ok(off || self.statements.iter().any(|s| commits(&s.facts)));
        }
        if directives.transaction == Some(false) {
            return Ok(true);
        }
        let alone: Vec<_> = self
            .statements
            .iter()
            .filter_map(|statement| Some((statement, why_alone(input, &statement.facts)?)))
            .collect();
        let Some((statement, reason)) = alone.first() else {
            return Ok(false);
        };
        if alone.len() == self.statements.len() && directives.transaction.is_none() {
            return Ok(true);
        }
        let message = format!("{reason} can't run inside a transaction");
        let diagnostic = self.at(Diagnostic::error("not-in-transaction", message), statement);
        Err(vec![diagnostic.help(
            "move it into a file of its own, or write the directive `-- Transaction: off` at the top of this file",
        )])
    }

    /// Each statement is a unit. It is an atomic one, so that its journal entry is exact, wherever
    /// the statement may run in a transaction; the file's own BEGIN ... COMMIT is one too, and on
    /// engines whose schema changes commit, so are data changes in a row.
    fn journalled_segments(
        &mut self,
        input: PlanInput<'_>,
    ) -> Result<Vec<Segment>, Vec<Diagnostic>> {
        let group = !input.capabilities.transactional_ddl;
        let mut segments: Vec<Segment> = Vec::new();
        let mut kept = Vec::with_capacity(self.statements.len());
        let mut open: Option<(usize, Statement)> = None;
        for statement in &self.statements {
            let control = statement.facts.transaction_control;
            match control {
                Some(TransactionControl::Begin) if open.is_none() => {
                    open = Some((kept.len(), statement.clone()));
                    continue;
                }
                Some(TransactionControl::Commit) if open.is_some() => {
                    if let Some((start, _)) = open.take() {
                        segments.push(Segment {
                            statements: start..kept.len(),
                            atomic: true,
                        });
                    }
                    continue;
                }
                control if is_boundary(control) => return Err(vec![self.unbalanced(statement)]),
                _ => {}
            }
            let at = kept.len();
            kept.push(statement.clone());
            if open.is_some() {
                continue;
            }
            let facts = &statement.facts;
            let atomic = if group {
                !facts.implicit_commit && !facts.may_commit
            } else {
                why_alone(input, facts).is_none() && !commits_inside(facts)
            };
            match segments.last_mut() {
                Some(last) if group && atomic && last.atomic && last.statements.end == at => {
                    last.statements.end += 1;
                }
                _ => segments.push(Segment {
                    statements: at..at + 1,
                    atomic,
                }),
            }
        }
        if let Some((_, begin)) = open {
            return Err(vec![self.unbalanced(&begin)]);
        }
        self.statements = kept;
        segments.retain(|segment| !segment.statements.is_empty());
        Ok(segments)
    }

    fn unbalanced(&self, statement: &Statement) -> Diagnostic {
        let diagnostic = Diagnostic::error(
            "transaction-control",
            "this transaction control has no partner in the file",
        );
        self.at(diagnostic, statement)
            .help("write BEGIN ... COMMIT in pairs, without ROLLBACK")
    }
}

/// Points a diagnostic at a statement's first line.
pub(super) fn at_statement(
    diagnostic: Diagnostic,
    script: &Script,
    statement: &Statement,
) -> Diagnostic {
    let text = &script.text()[statement.span.clone()];
    let end = text.find('\n').unwrap_or(text.len());
    let start = statement.span.start;
    diagnostic.at_script(script, start..start + end, "")
}

/// Control that begins or ends transactions; savepoints inside one are fine.
fn is_boundary(control: Option<TransactionControl>) -> bool {
    !matches!(
        control,
        None | Some(
            TransactionControl::Savepoint
                | TransactionControl::Release
                | TransactionControl::RollbackTo
        )
    )
}

fn why_alone(input: PlanInput<'_>, facts: &Facts) -> Option<&'static str> {
    let enum_value = facts.add_enum_value && !input.capabilities.enum_value_in_transaction;
    facts
        .not_in_transaction
        .or(enum_value.then_some("ALTER TYPE ... ADD VALUE (before PostgreSQL 12)"))
}

/// A procedure or a block may commit by itself, which it can't inside a transaction.
fn commits_inside(facts: &Facts) -> bool {
    facts.may_commit || matches!(facts.verb, Verb::Call | Verb::Do)
}

/// `PRAGMA foreign_keys = off` and its other spellings.
pub(super) fn foreign_keys_pragma(text: &str) -> Option<bool> {
    let facts_text = text.to_ascii_lowercase();
    let rest = facts_text.strip_prefix("pragma")?.trim_start();
    let rest = rest.strip_prefix("main.").unwrap_or(rest);
    let rest = rest.strip_prefix("foreign_keys")?.trim();
    let value = rest
        .strip_prefix('=')
        .or_else(|| rest.strip_prefix('(').and_then(|r| r.strip_suffix(')')))?;
    Some(matches!(
        value.trim().trim_matches(['\'', '"']),
        "on" | "1" | "true" | "yes"
    ))
}
