//! Units as commands: the one place that composes them, for runs and for dry runs.

use std::borrow::Cow;

use whimbrel_core::driver::{BoundStatement, SessionOptions, Unit, Write};
use whimbrel_core::rules::Setting;

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
        self.commands.push(Command {
            sql,
            data,
            answer_now: false,
        });
        self.roles.push(role);
    }

    /// The server answers after each statement and each unit; what ends soon after it comes with
    /// that.
    fn answer_after_statements(&mut self) {
        let last = self.roles.len().saturating_sub(1);
        for index in 0..last {
            let statement = matches!(self.roles[index], Role::Statement(..));
            let more = matches!(self.roles[index + 1], Role::Statement(..));
            self.commands[index].answer_now =
                statement && more || self.roles[index] == Role::Commit;
        }
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

/// Of units that are sent together every so manieth renews the lease, and the last.
const RENEW_EVERY: usize = 8;

/// Composes units for one connection's settings.
pub(super) struct Composer<'o> {
    pub(super) options: &'o SessionOptions,
    pub(super) pooled: bool,
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
        self.session(batch, unit);
    }

    /// Our own settings, which a reset takes away.
    fn session<'a>(&self, batch: &mut Batch<'a>, unit: &Unit<'a>) {
        if !unit.continues {
            for setting in unit.settings {
                self.set(batch, unit, *setting);
            }
            for sql in &self.options.session_sql {
                batch.frame(sql.clone());
            }
            for again in &unit.replay {
                batch.frame(again.text);
            }
        }
    }

    /// For the session, whose next unit resets it. A pooler could give that to somebody else: there
    /// it lasts as long as the transaction, and what runs outside one goes without.
    fn set(&self, batch: &mut Batch<'_>, unit: &Unit<'_>, setting: Setting) {
        let Setting { name, value } = setting;
        match (self.pooled, unit.atomic) {
            (true, true) => batch.frame(format!("SET LOCAL {name} = {value}")),
            (false, _) => batch.frame(format!("SET {name} = {value}")),
            (true, false) => {}
        }
    }

    /// Fails with a division by zero when the token is not ours; else keeps the lock row from
    /// being taken over until the transaction ends. Limits the waits of what follows in the same
    /// statement, which spares each unit one.
    fn fence(&self, unit: &Unit<'_>) -> String {
        let tables = &self.options.tables;
        let token = unit.lease.token;
        let lock = history_sql::table(&Postgres, tables, &tables.lock);
        let limit = unit.lock_timeout.map_or_else(String::new, |limit| {
            let limit = limit.as_millis();
            format!(", pg_catalog.set_config('lock_timeout', '{limit}', true)")
        });
        format!(
            "SELECT 1 / count(*){limit} FROM (SELECT 1 FROM {lock} WHERE id = 1 AND token = {token} FOR KEY SHARE) fence"
        )
    }

    /// As one statement, which spares the server most of the work of several, where none of them
    /// has to see what another did: the parts of one statement don't see each other's rows.
    fn writes<'a>(&self, batch: &mut Batch<'a>, writes: &[Write<'a>]) {
        let text = |write| history_sql::write(&Postgres, &self.options.tables, write);
        let mut list: Vec<String> = writes.iter().flat_map(text).collect();
        let removes = |write: &Write<'_>| matches!(write, Write::Remove { .. });
        let sees = |write: &Write<'_>| match write {
            Write::Apply(_) => writes.iter().any(removes),
            Write::Statement { .. }
            | Write::Finish { .. }
            | Write::Fail { .. }
            | Write::Supersede { .. } => true,
            Write::Remove { .. }
            | Write::Adopt(_)
            | Write::Keep(_)
            | Write::Attempt(_)
            | Write::Attempts(_) => false,
        };
        if writes.iter().any(sees) {
            for sql in list {
                batch.frame(sql);
            }
            return;
        }
        let Some(main) = list.pop() else { return };
        let mut sql = String::new();
        for (index, first) in list.iter().enumerate() {
            let start = if index == 0 { "WITH" } else { "," };
            sql.push_str(&format!("{start} w{index} AS ({first})\n"));
        }
        sql.push_str(&main);
        batch.frame(sql);
    }

    /// Atomic units: one batch. What one leaves in the session is taken away before the next.
    pub(super) fn atomic<'a>(&self, units: &[Unit<'a>], mut discard: bool) -> Batch<'a> {
        let mut batch = Batch::new();
        for (index, unit) in units.iter().enumerate() {
            let last = index + 1 == units.len();
            // The renewal costs a quick unit a good part of its time. Where several follow each
            // other at once the lease may run out between two of these without harm: the fence
            // holds, and nobody else gets in between unless he asks in that very moment.
            let renew = last || index % RENEW_EVERY == RENEW_EVERY - 1;
            self.one(&mut batch, unit, discard, renew);
            discard = leaves_state(unit);
        }
        batch.answer_after_statements();
        batch
    }

    fn one<'a>(&self, batch: &mut Batch<'a>, unit: &Unit<'a>, discard: bool, renew: bool) {
        self.start(batch, unit, discard);
        for (number, part) in unit.parts.iter().enumerate() {
            if number > 0 {
                if let Some(limit) = unit.lock_timeout {
                    batch.frame(format!("SET LOCAL lock_timeout = {}", limit.as_millis()));
                }
                self.session(batch, unit);
            }
            self.writes(batch, &part.before);
            for (index, statement) in part.statements.iter().enumerate() {
                batch.statement(number, index, statement);
            }
            let ends = part
                .after
                .iter()
                .all(|write| !matches!(write, Write::Statement { .. }));
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
            self.writes(batch, &part.after);
        }
        self.end(batch, unit, renew);
    }

    fn end<'a>(&self, batch: &mut Batch<'a>, unit: &Unit<'a>, renew: bool) {
        if renew {
            batch.frame(history_sql::renew_lock(
                &Postgres,
                &self.options.tables,
                &unit.lease,
            ));
        }
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
        self.end(before, unit, true);
        // SET LOCAL ends with the transaction. A pooler could give the setting to somebody else.
        if let Some(limit) = unit.lock_timeout.filter(|_| !self.pooled) {
            before.frame(format!("SET lock_timeout = {}", limit.as_millis()));
        }
        after.frame("BEGIN");
        after.push(Role::Fence, self.fence(unit).into(), None);
        for part in &unit.parts {
            self.writes(after, &part.after);
        }
        self.end(after, unit, true);
        batches
    }
}
