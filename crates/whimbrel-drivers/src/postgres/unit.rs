//! Units as commands: the one place that composes them, for runs and for dry runs.

use std::borrow::Cow;

use whimbrel_core::driver::{BoundStatement, Part, SessionOptions, Statements, Unit, Write};
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

/// Commands that share one Sync. Statements become commands as they are asked for.
#[derive(Default)]
pub(super) struct Batch<'a> {
    pieces: Vec<Piece<'a>>,
    /// How many commands there are.
    length: usize,
}

/// Commands from a place in the batch on.
struct Piece<'a> {
    first: usize,
    what: What<'a>,
}

enum What<'a> {
    One(Role, Cow<'a, str>),
    /// A COPY with its data.
    Copy(String, String),
    Statements(usize, Statements<'a>),
}

impl<'a> Batch<'a> {
    fn frame(&mut self, sql: impl Into<Cow<'a, str>>) {
        self.push(Role::Frame, sql);
    }

    fn frames(&mut self, list: &[&'static str]) {
        for sql in list {
            self.frame(*sql);
        }
    }

    fn transaction(&mut self, list: &[&'static str]) {
        self.frame("BEGIN");
        self.frames(list);
        self.frame("COMMIT");
    }

    fn push(&mut self, role: Role, sql: impl Into<Cow<'a, str>>) {
        self.add(1, What::One(role, sql.into()));
    }

    fn statements(&mut self, part: usize, statements: Statements<'a>) {
        if !statements.is_empty() {
            self.add(statements.len(), What::Statements(part, statements));
        }
    }

    fn add(&mut self, count: usize, what: What<'a>) {
        let first = self.length;
        self.pieces.push(Piece { first, what });
        self.length += count;
    }

    /// What the command at a place is.
    pub(super) fn role(&self, index: usize) -> Option<Role> {
        let after = self.pieces.partition_point(|piece| piece.first <= index);
        let piece = &self.pieces[after.checked_sub(1)?];
        (index < self.length).then_some(match piece.what {
            What::One(role, _) => role,
            What::Copy(..) => Role::Frame,
            What::Statements(part, _) => Role::Statement(part, index - piece.first),
        })
    }

    /// The server answers after each statement and each unit; what ends soon after it comes with
    /// that.
    pub(super) fn commands<'b>(&'b self) -> impl Iterator<Item = Command<'b>> + use<'a, 'b> {
        let end = self.length;
        self.pieces.iter().flat_map(move |piece| {
            let (one, statements) = match &piece.what {
                What::One(role, sql) => {
                    let command = Command {
                        sql,
                        data: None,
                        answer_now: *role == Role::Commit && piece.first + 1 < end,
                    };
                    (Some(command), Statements::default())
                }
                What::Copy(sql, data) => {
                    let command = Command {
                        sql,
                        data: Some(data),
                        answer_now: false,
                    };
                    (Some(command), Statements::default())
                }
                What::Statements(_, statements) => (None, *statements),
            };
            let last = statements.len().saturating_sub(1);
            let statements = statements.iter().enumerate();
            let command = move |(index, bound): (usize, BoundStatement<'b>)| Command {
                sql: bound.text,
                data: bound.data,
                answer_now: index < last,
            };
            one.into_iter().chain(statements.map(command))
        })
    }

    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        for command in self.commands() {
            text.push_str(command.sql);
            text.push_str(";\n");
            if let Some(data) = command.data {
                text.push_str(data);
                // The end of a file may end its last row.
                if !data.is_empty() && !data.ends_with('\n') {
                    text.push('\n');
                }
                text.push_str("\\.\n");
            }
        }
        text
    }
}

/// Roles and settings as they were at connection. The first form of each also ends SET ROLE and
/// SET LOCAL; both are undone with the transaction if it fails.
const RESET: [&str; 2] = [AS_CONNECTED, "RESET ALL"];

/// As whom the connection was made.
pub(super) const AS_CONNECTED: &str = "SET SESSION AUTHORIZATION DEFAULT";

/// The history is written as who connected, in the middle of a file that has become somebody else
/// too. Who that is, is noted: when a transaction ends, some servers give the role back before the
/// user, which takes the role away again.
const STEP_OUT: [&str; 3] = [
    "SELECT pg_catalog.set_config('whimbrel.user', pg_catalog.current_setting('session_authorization'), false), pg_catalog.set_config('whimbrel.role', pg_catalog.current_setting('role'), false)",
    "SET LOCAL SESSION AUTHORIZATION DEFAULT",
    "SET LOCAL ROLE NONE",
];

/// As the file's statements left it.
const STEP_IN: [&str; 2] = [
    "SELECT pg_catalog.set_config('session_authorization', pg_catalog.current_setting('whimbrel.user'), false)",
    "SELECT pg_catalog.set_config('role', pg_catalog.current_setting('whimbrel.role'), false)",
];

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
    unit.parts.iter().any(changes_session)
}

fn changes_session(part: &Part<'_>) -> bool {
    let mut statements = part.statements.iter();
    statements.any(|statement| statement.facts.session_state)
}

/// Of units that are sent together every so manieth renews the lease, and the last.
const RENEW_EVERY: usize = 8;

/// Composes units for one connection's settings.
pub(super) struct Composer<'o> {
    pub(super) options: &'o SessionOptions,
    pub(super) pooled: bool,
}

impl Composer<'_> {
    /// Up to the fence.
    fn start<'a>(&self, batch: &mut Batch<'a>, unit: &Unit<'a>, discard: bool) {
        batch.frame("BEGIN");
        if unit.continues {
            batch.frames(&STEP_OUT);
        } else {
            batch.frames(&RESET);
            if discard {
                batch.frames(&DISCARD);
            }
        }
        self.fence(batch, unit);
    }

    /// The session that statements find: our own settings, which a reset takes away, or what the
    /// statements before them left.
    fn session<'a>(&self, batch: &mut Batch<'a>, unit: &Unit<'a>) {
        if unit.continues {
            return batch.frames(&STEP_IN);
        }
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

    /// Keeps the lock from being taken over until the transaction ends, then fails with a division
    /// by zero when the token is not ours. Limits the waits of what follows.
    ///
    /// A lock on the table costs a hundredth of one on its row. The check is a statement of its own,
    /// since it must see what was committed before the lock was had. It passes if somebody has
    /// deleted the row; then nobody has taken over either: who does puts a row there whose token is
    /// another one, and waits for this transaction.
    fn fence<'a>(&self, batch: &mut Batch<'a>, unit: &Unit<'a>) {
        let tables = &self.options.tables;
        let token = unit.lease.token;
        let lock = history_sql::table(&Postgres, tables, &tables.lock);
        if let Some(limit) = unit.lock_timeout {
            batch.frame(format!("SET LOCAL lock_timeout = {}", limit.as_millis()));
        }
        batch.frame(format!("LOCK TABLE {lock} IN ROW SHARE MODE"));
        let check = format!("SELECT 1 / (token = {token})::integer FROM {lock}");
        batch.push(Role::Fence, check);
    }

    /// As one statement, which spares the server most of the work of several, where none of them
    /// has to see what another did: the parts of one statement don't see each other's rows.
    fn writes<'a>(&self, batch: &mut Batch<'a>, writes: &[Write<'a>]) {
        // Not every pooler may know what to do with data in the middle of commands.
        if let [Write::Apply(record)] = writes
            && !self.pooled
            && let Some((head, row)) =
                history_sql::copy_record(&Postgres, &self.options.tables, record)
        {
            batch.add(1, What::Copy(head, row));
            return;
        }
        let text = |write| history_sql::write(&Postgres, &self.options.tables, write);
        let mut list: Vec<String> = writes.iter().flat_map(text).collect();
        let removes = |write: &Write<'_>| matches!(write, Write::Remove { .. });
        let sees = |write: &Write<'_>| match write {
            Write::Apply(_) => writes.iter().any(removes),
            Write::Note(_)
            | Write::Statement { .. }
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
        let mut batch = Batch::default();
        for (index, unit) in units.iter().enumerate() {
            let last = index + 1 == units.len();
            // The renewal costs a quick unit a good part of its time. Where several follow each
            // other at once the lease may run out between two of these without harm: the fence
            // holds, and nobody else gets in between unless he asks in that very moment.
            let renew = last || index % RENEW_EVERY == RENEW_EVERY - 1;
            self.one(&mut batch, unit, discard, renew);
            discard = leaves_state(unit);
        }
        batch
    }

    fn one<'a>(&self, batch: &mut Batch<'a>, unit: &Unit<'a>, discard: bool, renew: bool) {
        self.start(batch, unit, discard);
        let entered = unit.continues || !self.options.session_sql.is_empty();
        let entered = entered || !unit.replay.is_empty();
        let mut stepped_out = false;
        for (number, part) in unit.parts.iter().enumerate() {
            if let Some(limit) = unit.lock_timeout.filter(|_| number > 0) {
                batch.frame(format!("SET LOCAL lock_timeout = {}", limit.as_millis()));
            }
            self.writes(batch, &part.before);
            self.session(batch, unit);
            batch.statements(number, part.statements);
            // The history is written as who we are, and a pooled connection is given back clean.
            let left = changes_session(part);
            stepped_out = (entered || left) && !ends(part);
            if stepped_out {
                batch.frames(&STEP_OUT);
            } else if entered || left {
                batch.frames(&RESET);
                if left || unit.continues {
                    batch.frames(&DISCARD);
                }
            }
            self.writes(batch, &part.after);
        }
        self.end(batch, unit, renew);
        if stepped_out {
            batch.frames(&STEP_IN);
        }
    }

    fn end<'a>(&self, batch: &mut Batch<'a>, unit: &Unit<'a>, renew: bool) {
        if renew {
            self.renew(batch, unit);
        }
        batch.push(Role::Commit, "COMMIT");
    }

    fn renew(&self, batch: &mut Batch<'_>, unit: &Unit<'_>) {
        let tables = &self.options.tables;
        batch.frame(history_sql::renew_lock(&Postgres, tables, &unit.lease));
    }

    /// A unit of one statement by itself: the journal before it and the statement; the journal after.
    ///
    /// The first two share a Sync. If the fence fails, the server passes over the statement as well,
    /// and nothing can come between them: a process that is stopped has sent both or neither. The
    /// statement follows a COMMIT at once, since whatever opens a transaction that only the Sync would
    /// end would keep it from running.
    pub(super) fn single<'a>(&self, unit: &Unit<'a>, discard: bool) -> [Batch<'a>; 2] {
        let mut batches = <[Batch<'a>; 2]>::default();
        let [alone, after] = &mut batches;
        self.start(alone, unit, discard);
        for part in &unit.parts {
            self.writes(alone, &part.before);
        }
        self.renew(alone, unit);
        self.session(alone, unit);
        // SET LOCAL ends with the transaction. A pooler could give the setting to somebody else.
        if let Some(limit) = unit.lock_timeout.filter(|_| !self.pooled) {
            alone.frame(format!("SET lock_timeout = {}", limit.as_millis()));
        }
        alone.push(Role::Commit, "COMMIT");
        if unit.continues {
            alone.transaction(&STEP_IN);
        }
        for (number, part) in unit.parts.iter().enumerate() {
            alone.statements(number, part.statements);
        }
        after.frame("BEGIN");
        let ends = unit.parts.iter().all(ends);
        after.frames(if ends { &RESET } else { &STEP_OUT });
        self.fence(after, unit);
        for part in &unit.parts {
            self.writes(after, &part.after);
        }
        self.end(after, unit, true);
        if !ends {
            after.frames(&STEP_IN);
        }
        batches
    }
}

/// Nothing of the migration comes after this part.
fn ends(part: &Part<'_>) -> bool {
    let more = |write: &Write<'_>| matches!(write, Write::Statement { .. });
    !part.after.iter().any(more)
}
