//! Units as statements: the one place that composes them, for runs and for dry runs.

use whimbrel_core::checksum::Checksum;
use whimbrel_core::driver::{BoundStatement, SessionOptions, Unit, Write};
use whimbrel_core::history::HistoryTables;
use whimbrel_sql::{ObjectKind, Verb};

use super::guard::{self, References};
use super::http::Query;
use crate::history_sql;
use crate::sqlite_flavor::Sqlite;

/// Values that D1 takes with one statement.
const MOST_VALUES: usize = 100;

/// The flavor; D1's clock is another one than ours.
pub(super) const FLAVOR: Sqlite = Sqlite { began: None };

/// What an operation is to the unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Fails if the lock is not ours.
    Fence,
    /// History, lease, session.
    Frame,
    /// Fails if the statement after it would take rows of other tables along.
    Guard {
        part: usize,
        statement: usize,
        why: String,
    },
    /// A statement of the migration.
    Statement { part: usize, statement: usize },
}

/// One statement of a request.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) role: Role,
    /// The unit that it belongs to.
    pub(super) unit: usize,
    pub(super) query: Query,
}

/// Composes units.
pub(super) struct Composer<'o> {
    pub(super) options: &'o SessionOptions,
    /// Tables whose rows a DROP TABLE would take along, as they were before.
    pub(super) references: &'o References,
}

impl Composer<'_> {
    fn tables(&self) -> &HistoryTables {
        &self.options.tables
    }

    /// Units of one run as one request: one fence, all statements and records, one renewal.
    pub(super) fn compose(&self, units: &[Unit<'_>]) -> Vec<Operation> {
        let Some(first) = units.first() else {
            return Vec::new();
        };
        let mut list = List {
            unit: 0,
            operations: Vec::new(),
        };
        list.push(Role::Fence, fence(self.tables(), first.lease.token));
        for (number, unit) in units.iter().enumerate() {
            list.unit = number;
            self.unit(&mut list, unit);
        }
        let renew = history_sql::renew_lock(&FLAVOR, self.tables(), &first.lease);
        list.push(Role::Frame, Query::new(renew));
        list.operations
    }

    fn unit(&self, list: &mut List, unit: &Unit<'_>) {
        for sql in &self.options.session_sql {
            list.push(Role::Frame, Query::new(sql));
        }
        for again in &unit.replay {
            list.push(Role::Frame, Query::new(again.text));
        }
        for (number, part) in unit.parts.iter().enumerate() {
            self.writes(list, &part.before);
            for (index, bound) in part.statements.iter().enumerate() {
                if drops_table(&bound) {
                    let before = part.statements.take(index);
                    if let Some((why, query)) =
                        guard::before_drop(self.tables(), self.references, bound.text, before)
                    {
                        let role = Role::Guard {
                            part: number,
                            statement: index,
                            why,
                        };
                        list.push(role, query);
                    }
                }
                let role = Role::Statement {
                    part: number,
                    statement: index,
                };
                list.push(role, Query::new(bound.text));
            }
            self.writes(list, &part.after);
        }
    }

    fn writes(&self, list: &mut List, writes: &[Write<'_>]) {
        for write in writes {
            match write {
                // A script may be longer than a statement may be, so it goes along as a value.
                Write::Keep(scripts) => {
                    for some in scripts.chunks(MOST_VALUES / 2) {
                        list.push(Role::Frame, keep(self.tables(), some));
                    }
                }
                write => {
                    for sql in history_sql::write(&FLAVOR, self.tables(), write) {
                        list.push(Role::Frame, Query::new(sql));
                    }
                }
            }
        }
    }
}

struct List {
    unit: usize,
    operations: Vec<Operation>,
}

impl List {
    fn push(&mut self, role: Role, query: Query) {
        self.operations.push(Operation {
            role,
            unit: self.unit,
            query,
        });
    }
}

/// Writes nothing while the lock is ours. Else it writes a row that the lock table's CHECK refuses,
/// and the whole batch fails.
fn fence(tables: &HistoryTables, token: i64) -> Query {
    let lock = history_sql::table(&FLAVOR, tables, &tables.lock);
    fail_if(
        tables,
        &format!("NOT EXISTS (SELECT 1 FROM {lock} WHERE id = 1 AND token = {token})"),
    )
}

/// A statement that fails if a condition is met.
pub(super) fn fail_if(tables: &HistoryTables, condition: &str) -> Query {
    let lock = history_sql::table(&FLAVOR, tables, &tables.lock);
    Query::new(format!(
        "INSERT INTO {lock} (id, token, format) SELECT 0, 0, 0 WHERE {condition}"
    ))
}

fn keep(tables: &HistoryTables, scripts: &[(&Checksum, &str)]) -> Query {
    let table = history_sql::table(&FLAVOR, tables, &tables.scripts);
    let rows = vec!["(?, ?)"; scripts.len()].join(", ");
    let values = scripts
        .iter()
        .flat_map(|(checksum, text)| [checksum.to_string(), (*text).to_owned()]);
    Query {
        sql: format!("INSERT OR IGNORE INTO {table} (checksum, text) VALUES {rows}"),
        params: values.collect(),
    }
}

pub(super) fn drops_table(bound: &BoundStatement<'_>) -> bool {
    bound.facts.verb == Verb::Drop && bound.facts.object == Some(ObjectKind::Table)
}
