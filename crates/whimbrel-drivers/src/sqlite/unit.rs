//! Units as statements: the one place that composes them, for runs and for dry runs.

use std::borrow::Cow;

use whimbrel_core::driver::{BoundStatement, SessionOptions, Statements, Unit, Write};
use whimbrel_sql::{ObjectKind, Verb};

use crate::history_sql;
use crate::sqlite_flavor::Sqlite;

/// What an operation is to the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Frame,
    /// Must give a row.
    Fence,
    /// Violations of foreign keys are noted before the unit and compared before it commits.
    NoteViolations,
    CheckViolations,
    /// A statement of the migration, by part and place; `drops` if it drops a table.
    Statement {
        part: usize,
        statement: usize,
        drops: bool,
    },
}

/// One operation.
#[derive(Clone, Debug)]
pub(super) struct Operation<'a> {
    pub(super) role: Role,
    pub(super) sql: Cow<'a, str>,
}

impl Operation<'_> {
    /// For another thread. A unit is not copied as a whole: it may be hundreds of megabytes long.
    pub(super) fn into_owned(self) -> Operation<'static> {
        Operation {
            role: self.role,
            sql: self.sql.into_owned().into(),
        }
    }
}

/// A unit's operations in order. Statements become operations as they are asked for.
#[derive(Default)]
struct List<'a>(Vec<Piece<'a>>);

enum Piece<'a> {
    One(Operation<'a>),
    Statements(usize, Statements<'a>),
}

impl<'a> List<'a> {
    fn push(&mut self, role: Role, sql: impl Into<Cow<'a, str>>) {
        let sql = sql.into();
        self.0.push(Piece::One(Operation { role, sql }));
    }

    fn frame(&mut self, sql: impl Into<Cow<'a, str>>) {
        self.push(Role::Frame, sql);
    }

    fn operations(self) -> impl Iterator<Item = Operation<'a>> {
        self.0.into_iter().flat_map(|piece| {
            let (one, part, statements) = match piece {
                Piece::One(operation) => (Some(operation), 0, Statements::default()),
                Piece::Statements(part, statements) => (None, part, statements),
            };
            let statements = statements.iter().enumerate();
            let operation = move |(index, bound): (usize, BoundStatement<'a>)| {
                statement_operation(part, index, &bound)
            };
            one.into_iter().chain(statements.map(operation))
        })
    }
}

/// Composes a unit.
pub(super) struct Composer<'o> {
    pub(super) options: &'o SessionOptions,
    pub(super) flavor: Sqlite,
}

impl Composer<'_> {
    /// The unit's operations; a unit that is not atomic has its own BEGIN and COMMIT around each
    /// list of history writes.
    pub(super) fn compose<'a>(
        &self,
        unit: &Unit<'a>,
    ) -> impl Iterator<Item = Operation<'a>> + use<'a> {
        let mut list = List::default();
        let enforce = unit.foreign_keys.unwrap_or(self.options.foreign_keys);
        list.frame(if enforce {
            "PRAGMA foreign_keys = ON"
        } else {
            "PRAGMA foreign_keys = OFF"
        });
        if !unit.continues {
            for sql in &self.options.session_sql {
                list.frame(sql.clone());
            }
            for again in &unit.replay {
                list.frame(again.text);
            }
        }
        self.begin(&mut list, unit);
        if unit.atomic && !enforce {
            list.push(Role::NoteViolations, "PRAGMA foreign_key_check");
        }
        for (number, part) in unit.parts.iter().enumerate() {
            self.writes(&mut list, &part.before);
            if !unit.atomic {
                self.commit(&mut list, unit);
            }
            list.0.push(Piece::Statements(number, part.statements));
            if !unit.atomic {
                self.begin(&mut list, unit);
            }
            self.writes(&mut list, &part.after);
        }
        if unit.atomic && !enforce {
            list.push(Role::CheckViolations, "PRAGMA foreign_key_check");
        }
        self.commit(&mut list, unit);
        list.operations()
    }

    fn begin(&self, list: &mut List<'_>, unit: &Unit<'_>) {
        let tables = &self.options.tables;
        list.frame("BEGIN IMMEDIATE");
        let token = unit.lease.token;
        let lock = history_sql::table(&self.flavor, tables, &tables.lock);
        let fence = format!("SELECT 1 FROM {lock} WHERE id = 1 AND token = {token}");
        list.push(Role::Fence, fence);
    }

    fn commit(&self, list: &mut List<'_>, unit: &Unit<'_>) {
        let tables = &self.options.tables;
        list.frame(history_sql::renew_lock(&self.flavor, tables, &unit.lease));
        list.frame("COMMIT");
    }

    fn writes(&self, list: &mut List<'_>, writes: &[Write<'_>]) {
        let text = |write| history_sql::write(&self.flavor, &self.options.tables, write);
        for sql in writes.iter().flat_map(text) {
            list.frame(sql);
        }
    }
}

fn statement_operation<'a>(
    part: usize,
    statement: usize,
    bound: &BoundStatement<'a>,
) -> Operation<'a> {
    let facts = bound.facts;
    let drops = facts.verb == Verb::Drop && facts.object == Some(ObjectKind::Table);
    Operation {
        role: Role::Statement {
            part,
            statement,
            drops,
        },
        sql: bound.text.into(),
    }
}

/// True if the session should not be used for another unit.
pub(super) fn leaves_state(unit: &Unit<'_>) -> bool {
    let mut statements = unit.parts.iter().flat_map(|part| part.statements.iter());
    statements.any(|statement| statement.facts.session_state)
}
