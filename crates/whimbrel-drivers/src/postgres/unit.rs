//! Units as commands: the one place that composes them, for runs and for dry runs.

use std::borrow::Cow;

use whimbrel_core::driver::{BoundStatement, SessionOptions, Unit, Write};

use super::connection::Command;
use super::flavor::Postgres;
use crate::history_sql;

/// What a command is to the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Session, history.
    Frame,
    Fence,
    Commit,
    /// A statement of the migration, by part and place.
    Statement(usize, usize),
}

/// Commands that share one Sync.
pub(super) struct Batch<'a> {
    pub(super) commands: Vec<Command<'a>>,
    pub(super) roles: Vec<Role>,
}

impl<'a> Batch<'a> {
    fn new() -> Self {
        Self {
            commands: Vec::new(),
            roles: Vec::new(),
        }
    }

    fn frame(&mut self, sql: impl Into<Cow<'a, str>>) {
        self.push(Role::Frame, sql.into(), None);
    }

    fn push(&mut self, role: Role, sql: Cow<'a, str>, data: Option<&'a str>) {
        let answer_now = matches!(role, Role::Statement(..));
        self.commands.push(Command {
            sql,
            data,
            answer_now,
        });
        self.roles.push(role);
    }

    fn statement(&mut self, part: usize, index: usize, statement: &BoundStatement<'a>) {
        self.push(
            Role::Statement(part, index),
            statement.text.into(),
            statement.data,
        );
    }

    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        for command in &self.commands {
            text.push_str(&command.sql);
            text.push_str(";\n");
            if let Some(data) = command.data {
                text.push_str(data);
                text.push_str("\\.\n");
            }
        }
        text
    }
}

/// Roles and settings as they were at connection. The first form of each also ends SET ROLE and
/// SET LOCAL; both are undone with the transaction if it fails.
const RESET: [&str; 2] = ["SET SESSION AUTHORIZATION DEFAULT", "RESET ALL"];

/// What else a session can hold: see DISCARD ALL in PostgreSQL's manual, which itself can't run
/// inside a transaction.
const DISCARD: [&str; 5] = [
    "CLOSE ALL",
    "DEALLOCATE ALL",
    "UNLISTEN *",
    "SELECT pg_catalog.pg_advisory_unlock_all()",
    "DISCARD TEMP",
];

/// True if a part's statements may leave something in the session.
pub(super) fn leaves_state(unit: &Unit<'_>) -> bool {
    unit.parts
        .iter()
        .flat_map(|part| &part.statements)
        .any(|statement| statement.facts.session_state)
}

/// Composes units for one connection's settings.
pub(super) struct Composer<'o> {
    pub(super) options: &'o SessionOptions,
}

impl Composer<'_> {
    fn start<'a>(&self, batch: &mut Batch<'a>, unit: &Unit<'a>, discard: bool) {
        batch.frame("BEGIN");
        if !unit.continues {
            for sql in RESET {
                batch.frame(sql);
            }
            if discard {
                for sql in DISCARD {
                    batch.frame(sql);
                }
            }
        }
        batch.push(Role::Fence, self.fence(unit).into(), None);
        self.settings(batch, unit);
    }

    /// Our own settings, which a reset takes away.
    fn settings<'a>(&self, batch: &mut Batch<'a>, unit: &Unit<'a>) {
        if let Some(limit) = unit.lock_timeout {
            batch.frame(format!("SET LOCAL lock_timeout = {}", limit.as_millis()));
        }
        if !unit.continues {
            for sql in &self.options.session_sql {
                batch.frame(sql.clone());
            }
        }
    }

    /// Fails with a division by zero when the token is not ours; else keeps the lock row from
    /// being taken over until the transaction ends.
    fn fence(&self, unit: &Unit<'_>) -> String {
        let tables = &self.options.tables;
        let token = unit.lease.token;
        let lock = history_sql::table(&Postgres, tables, &tables.lock);
        format!(
            "SELECT 1 / count(*) FROM (SELECT 1 FROM {lock} WHERE id = 1 AND token = {token} FOR KEY SHARE) fence"
        )
    }

    /// As one statement, which spares the server most of the work of several. They change different
    /// tables, so their order does not matter; where a row is removed before it is written anew,
    /// it does.
    fn writes<'a>(&self, batch: &mut Batch<'a>, writes: &[Write<'a>]) {
        let text = |write| history_sql::write(&Postgres, &self.options.tables, write);
        let ordered = writes
            .iter()
            .any(|write| matches!(write, Write::Remove { .. }));
        let (Some(last), false) = (writes.last(), ordered) else {
            for write in writes {
                batch.frame(text(write));
            }
            return;
        };
        let mut sql = String::new();
        for (index, write) in writes[..writes.len() - 1].iter().enumerate() {
            let start = if index == 0 { "WITH" } else { "," };
            sql.push_str(&format!("{start} w{index} AS ({})\n", text(write)));
        }
        sql.push_str(&text(last));
        batch.frame(sql);
    }

    /// An atomic unit: one batch.
    pub(super) fn atomic<'a>(&self, unit: &Unit<'a>, discard: bool) -> Batch<'a> {
        let mut batch = Batch::new();
        self.start(&mut batch, unit, discard);
        for (number, part) in unit.parts.iter().enumerate() {
            if number > 0 {
                self.settings(&mut batch, unit);
            }
            self.writes(&mut batch, &part.before);
            for (index, statement) in part.statements.iter().enumerate() {
                batch.statement(number, index, statement);
            }
            let ends = part
                .after
                .iter()
                .any(|write| matches!(write, Write::Attempt(_) | Write::Finish { .. }));
            // The history is written as who we are, and a pooled connection is given back clean.
            if part
                .statements
                .iter()
                .any(|statement| statement.facts.session_state)
            {
                if ends {
                    RESET
                        .into_iter()
                        .chain(DISCARD)
                        .for_each(|sql| batch.frame(sql));
                } else {
                    batch.frame("SET LOCAL ROLE NONE");
                }
            }
            self.writes(&mut batch, &part.after);
        }
        self.end(&mut batch, unit);
        batch
    }

    fn end<'a>(&self, batch: &mut Batch<'a>, unit: &Unit<'a>) {
        batch.frame(history_sql::renew_lock(
            &Postgres,
            &self.options.tables,
            &unit.lease,
        ));
        batch.push(Role::Commit, "COMMIT".into(), None);
    }

    /// A unit of one statement by itself: the journal before, the statement, the journal after.
    pub(super) fn single<'a>(&self, unit: &Unit<'a>, discard: bool) -> [Batch<'a>; 3] {
        let mut batches = [Batch::new(), Batch::new(), Batch::new()];
        let [before, alone, after] = &mut batches;
        self.start(before, unit, discard);
        for (number, part) in unit.parts.iter().enumerate() {
            self.writes(before, &part.before);
            for (index, statement) in part.statements.iter().enumerate() {
                alone.statement(number, index, statement);
            }
        }
        self.end(before, unit);
        after.frame("BEGIN");
        after.push(Role::Fence, self.fence(unit).into(), None);
        for part in &unit.parts {
            self.writes(after, &part.after);
        }
        self.end(after, unit);
        batches
    }
}
