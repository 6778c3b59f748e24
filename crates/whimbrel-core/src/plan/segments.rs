//! A script that is not one transaction, cut into what is journalled one by one.

use whimbrel_sql::{Dialect, Statement, TransactionControl};

use super::control::{chains, commits, commits_inside, is_boundary, why_alone};
use super::prepare::{Prepared, Rules};
use super::{PlanInput, Segment};
use crate::diagnostic::Diagnostic;

/// The parts of a script and the statements that are left of it: its own transaction control and
/// what switches SQLite's enforcement became properties of the parts.
#[derive(Debug, Default)]
pub(super) struct Segments {
    pub(super) statements: Vec<Statement>,
    pub(super) segments: Vec<Segment>,
}

/// Goes through the statements as the server would.
struct Walk<'a> {
    prepared: &'a Prepared,
    input: PlanInput<'a>,
    rules: Rules<'a>,
    done: Segments,
    open: Option<Open>,
    /// Enforcement outside transactions, from here on.
    foreign_keys: Option<bool>,
    /// The next statement does not join the one before it.
    breaks: bool,
}

/// A transaction of the file's, or of the tool's around it.
struct Open {
    /// Its first statement that is kept.
    start: usize,
    /// What began it; none if the tool did.
    begin: Option<Statement>,
    foreign_keys: Option<bool>,
}

impl Segments {
    /// Each statement is a unit. It is an atomic one, so that its journal entry is exact, wherever
    /// the statement may run in a transaction; the file's own BEGIN ... COMMIT is one too. Where it
    /// makes no difference, statements in a row are one: data changes on engines whose schema
    /// changes commit, and what stands between SQLite's switches.
    pub(super) fn of(
        prepared: &Prepared,
        input: PlanInput<'_>,
        rules: Rules<'_>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let foreign_keys = rules.directives.foreign_keys;
        // Without control of its own, such a file is here since no transaction takes it.
        let boundary = |s: &Statement| is_boundary(s.facts.transaction_control);
        let controls = prepared.statements.iter().any(boundary);
        let mut walk = Walk {
            prepared,
            input,
            rules,
            done: Self::default(),
            open: (rules.is_wrapped() && controls).then_some(Open {
                start: 0,
                begin: None,
                foreign_keys,
            }),
            foreign_keys,
            breaks: false,
        };
        for statement in &prepared.statements {
            walk.step(statement).map_err(|problem| vec![problem])?;
        }
        walk.end().map_err(|problem| vec![problem])?;
        Ok(walk.done)
    }
}

impl Walk<'_> {
    fn step(&mut self, statement: &Statement) -> Result<(), Diagnostic> {
        if let Some(on) = self.prepared.switches_foreign_keys(statement) {
            return self.switch(statement, on);
        }
        match statement.facts.transaction_control {
            Some(TransactionControl::Begin) => self.begin(statement),
            Some(TransactionControl::Commit) => self.commit(statement),
            Some(TransactionControl::Rollback) if self.open.is_none() && self.ends_nothing() => {
                self.breaks = true;
                Ok(())
            }
            control if is_boundary(control) => Err(self.unbalanced(
                statement,
                "this transaction control can't be followed",
                "write BEGIN ... COMMIT in pairs, without ROLLBACK",
            )),
            _ => self.statement(statement),
        }
    }

    /// Inside a transaction it does nothing. A file that switches enforcement off there was meant
    /// to run without.
    fn switch(&mut self, statement: &Statement, on: bool) -> Result<(), Diagnostic> {
        let at = self.done.statements.len();
        match &mut self.open {
            Some(open) if open.start == at || !self.rules.is_strict() => {
                if !on {
                    open.foreign_keys = Some(false);
                }
                Ok(())
            }
            Some(_) => {
                let message = "PRAGMA foreign_keys does nothing inside a transaction";
                let diagnostic = Diagnostic::error("pragma-in-transaction", message);
                Err(self
                    .prepared
                    .at(diagnostic, statement)
                    .help("move it before the BEGIN"))
            }
            None => {
                self.foreign_keys = Some(on);
                self.breaks = true;
                Ok(())
            }
        }
    }

    fn begin(&mut self, statement: &Statement) -> Result<(), Diagnostic> {
        let at = self.done.statements.len();
        self.breaks = true;
        match &self.open {
            None => {
                self.open = Some(Open {
                    start: at,
                    begin: Some(statement.clone()),
                    foreign_keys: self.foreign_keys,
                });
                Ok(())
            }
            // PostgreSQL warns, MySQL commits and begins.
            Some(open)
                if !self.rules.is_strict()
                    && (self.input.dialect != Dialect::Sqlite || open.start == at) =>
            {
                Ok(())
            }
            Some(_) => Err(self.unbalanced(
                statement,
                "this begins a transaction inside one",
                "write BEGIN ... COMMIT in pairs",
            )),
        }
    }

    fn commit(&mut self, statement: &Statement) -> Result<(), Diagnostic> {
        self.breaks = true;
        if self.open.is_some() {
            self.close();
            if chains(self.prepared.text(statement)) {
                return self.begin(statement);
            }
            return Ok(());
        }
        if self.ends_nothing() {
            return Ok(());
        }
        Err(self.unbalanced(
            statement,
            "this transaction control has no partner in the file",
            "write BEGIN ... COMMIT in pairs, without ROLLBACK",
        ))
    }

    /// Without a transaction its end does nothing: PostgreSQL warns, and MySQL does not care; SQLite
    /// refuses it. Some scripts have a ROLLBACK behind their COMMIT, for psql's sake.
    fn ends_nothing(&self) -> bool {
        !self.rules.is_strict() && self.input.dialect != Dialect::Sqlite
    }

    fn close(&mut self) {
        let end = self.done.statements.len();
        if let Some(open) = self.open.take()
            && self.is_transactional()
            && open.start < end
        {
            self.done.segments.push(Segment {
                statements: open.start..end,
                atomic: true,
                foreign_keys: open.foreign_keys,
            });
        }
    }

    /// What the tool began it ends as well.
    fn end(&mut self) -> Result<(), Diagnostic> {
        let begin = self.open.as_ref().and_then(|open| open.begin.clone());
        if let Some(begin) = begin.filter(|_| !self.rules.is_wrapped()) {
            return Err(self.unbalanced(
                &begin,
                "this transaction control has no partner in the file",
                "write the COMMIT that ends it",
            ));
        }
        self.close();
        Ok(())
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), Diagnostic> {
        let at = self.done.statements.len();
        let breaks = std::mem::take(&mut self.breaks);
        self.done.statements.push(statement.clone());
        let facts = &statement.facts;
        if self.open.is_some() && self.is_transactional() {
            return match why_alone(self.input, facts) {
                None => Ok(()),
                Some(reason) => Err(self.not_in_transaction(statement, reason)),
            };
        }
        let atomic = if self.is_transactional() {
            why_alone(self.input, facts).is_none() && !commits_inside(facts)
        } else {
            !commits(facts)
        };
        let joins = self.joins();
        match self.done.segments.last_mut() {
            Some(last)
                if joins && !breaks && atomic && last.atomic && last.statements.end == at =>
            {
                last.statements.end += 1;
            }
            _ => self.done.segments.push(Segment {
                statements: at..at + 1,
                atomic,
                foreign_keys: self.foreign_keys,
            }),
        }
        Ok(())
    }

    fn is_transactional(&self) -> bool {
        self.input.capabilities.transactional_ddl
    }

    /// True if statements outside the file's transactions may share one. On PostgreSQL one may need
    /// that the one before it is committed (a new value of an enum). SQLite checks references when a
    /// transaction ends, which between the steps of a table's rebuilding is too early.
    fn joins(&self) -> bool {
        match self.input.dialect {
            Dialect::Postgres => false,
            Dialect::Mysql => true,
            Dialect::Sqlite => !self.rules.is_strict() || self.foreign_keys == Some(false),
        }
    }

    fn not_in_transaction(&self, statement: &Statement, reason: &str) -> Diagnostic {
        let message = format!("{reason} can't run inside a transaction");
        let diagnostic = Diagnostic::error("not-in-transaction", message);
        self.prepared
            .at(diagnostic, statement)
            .help("move it out of the BEGIN ... COMMIT around it")
    }

    fn unbalanced(&self, statement: &Statement, message: &str, help: &str) -> Diagnostic {
        let diagnostic = Diagnostic::error("transaction-control", message);
        self.prepared.at(diagnostic, statement).help(help)
    }
}
