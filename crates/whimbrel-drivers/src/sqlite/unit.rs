//! Units as statements: the one place that composes them, for runs and for dry runs.

use std::borrow::Cow;

use whimbrel_core::driver::{BoundStatement, SessionOptions, Unit, Write};
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

/// Composes a unit.
pub(super) struct Composer<'o> {
    pub(super) options: &'o SessionOptions,
    pub(super) flavor: Sqlite,
}

impl Composer<'_> {
    /// The unit's operations; a unit that is not atomic has its own BEGIN and COMMIT around each
    /// list of history writes.
    pub(super) fn compose<'a>(&self, unit: &Unit<'a>) -> Vec<Operation<'a>> {
        let mut list: Vec<Operation<'a>> = Vec::new();
        let enforce = unit.foreign_keys.unwrap_or(self.options.foreign_keys);
        let mut frame = |sql: &str| {
            list.push(Operation {
                role: Role::Frame,
                sql: sql.to_owned().into(),
            });
        };
        frame(if enforce {
            "PRAGMA foreign_keys = ON"
        } else {
            "PRAGMA foreign_keys = OFF"
        });
        if !unit.continues {
            self.options.session_sql.iter().for_each(|sql| frame(sql));
            unit.replay.iter().for_each(|again| frame(again.text));
        }
        self.begin(&mut list, unit);
        if unit.atomic && !enforce {
            list.push(Operation {
                role: Role::NoteViolations,
                sql: "PRAGMA foreign_key_check".into(),
            });
        }
        for (number, part) in unit.parts.iter().enumerate() {
            self.writes(&mut list, &part.before);
            if !unit.atomic {
                self.commit(&mut list, unit);
            }
            for (index, statement) in part.statements.iter().enumerate() {
                list.push(statement_operation(number, index, statement));
            }
            if !unit.atomic {
                self.begin(&mut list, unit);
            }
            self.writes(&mut list, &part.after);
        }
        if unit.atomic && !enforce {
            list.push(Operation {
                role: Role::CheckViolations,
                sql: "PRAGMA foreign_key_check".into(),
            });
        }
        self.commit(&mut list, unit);
        list
    }

    fn begin(&self, list: &mut Vec<Operation<'_>>, unit: &Unit<'_>) {
        let tables = &self.options.tables;
        list.push(Operation {
            role: Role::Frame,
            sql: "BEGIN IMMEDIATE".into(),
        });
        let token = unit.lease.token;
        let lock = history_sql::table(&self.flavor, tables, &tables.lock);
        let fence = format!("SELECT 1 FROM {lock} WHERE id = 1 AND token = {token}");
        list.push(Operation {
            role: Role::Fence,
            sql: fence.into(),
        });
    }

    fn commit(&self, list: &mut Vec<Operation<'_>>, unit: &Unit<'_>) {
        let renew = history_sql::renew_lock(&self.flavor, &self.options.tables, &unit.lease);
        for sql in [renew, "COMMIT".to_owned()] {
            list.push(Operation {
                role: Role::Frame,
                sql: sql.into(),
            });
        }
    }

    fn writes(&self, list: &mut Vec<Operation<'_>>, writes: &[Write<'_>]) {
        let text = |write| history_sql::write(&self.flavor, &self.options.tables, write);
        for sql in writes.iter().flat_map(text) {
            list.push(Operation {
                role: Role::Frame,
                sql: sql.into(),
            });
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
    let statements = unit.parts.iter().flat_map(|part| &part.statements);
    statements
        .into_iter()
        .any(|statement| statement.facts.session_state)
}
