//! What is said around a unit's statements.

use whimbrel_core::driver::{Part, Unit, Write};
use whimbrel_core::history::HistoryTables;

use super::flavor::{BEGIN, Mysql as Flavor};
use super::message::Piece;
use super::observe::select;
use crate::history_sql;

/// Statements of ours, in order.
pub(super) type Said = Vec<(Piece, String)>;

/// Where the state of what a statement changes is kept for a moment: asked for in the middle of the
/// UPDATE, the server could lock what it looks at.
const STATE: &str = "@whimbrel_state";

/// A unit among those that are sent with it.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) tables: &'p HistoryTables,
    pub(super) unit: &'p Unit<'p>,
    /// The transaction of the unit before is still open: its COMMIT is this one's.
    pub(super) joins: bool,
    /// So is this one's for the unit after it.
    pub(super) joined: bool,
}

/// True if the history writes between two units may be one transaction: the second one's own end
/// before its statement, which runs by itself.
pub(super) fn may_join(after: Option<&Unit<'_>>) -> bool {
    after.is_some_and(|unit| !unit.atomic && unit.continues && unit.replay.is_empty())
}

impl Place<'_> {
    /// What runs before a part's statements; `first` says that it is the unit's first.
    pub(super) fn before(&self, part: &Part<'_>, first: bool) -> Said {
        let mut list = Vec::new();
        if first && !self.unit.continues {
            list.push((Piece::Own, BEGIN.to_owned()));
        }
        if first && !self.joins {
            list.extend(self.fenced());
        }
        let observed = self.observed(part);
        let state = if observed.is_some() { STATE } else { "NULL" };
        list.extend(observed.map(|sql| (Piece::Own, sql)));
        for write in &part.before {
            list.extend(own(self.write(write, state)));
        }
        if self.joins {
            list.push((Piece::Done, "COMMIT".to_owned()));
        } else if !self.unit.atomic {
            list.push((Piece::Own, "COMMIT".to_owned()));
        }
        list
    }

    /// What runs after them; `last` says that it is the unit's last.
    pub(super) fn after(&self, part: &Part<'_>, last: bool) -> Said {
        let mut said = Vec::new();
        if !self.unit.atomic {
            said.extend(self.fenced());
        }
        for write in &part.after {
            said.extend(own(history_sql::write(&Flavor, self.tables, write)));
        }
        let renewed = history_sql::renew_lock(&Flavor, self.tables, &self.unit.lease);
        said.push((Piece::Own, renewed));
        if last && !self.joined {
            said.push((Piece::Done, "COMMIT".to_owned()));
        }
        said
    }

    /// A transaction that only goes on if the lock is ours, and keeps it so. The subquery that is
    /// one row too much is an error in any `sql_mode`.
    fn fenced(&self) -> Said {
        let lock = history_sql::table(&Flavor, self.tables, &self.tables.lock);
        let token = self.unit.lease.token;
        let fence = format!(
            "SELECT IF(COALESCE(MAX(token), -1) = {token}, 1, (SELECT 1 UNION ALL SELECT 2)) FROM {lock} WHERE id = 1 LOCK IN SHARE MODE"
        );
        vec![
            (Piece::Own, "START TRANSACTION".to_owned()),
            (Piece::Fence, fence),
        ]
    }

    /// What looks at what the unit's single statement changes.
    fn observed(&self, part: &Part<'_>) -> Option<String> {
        if self.unit.atomic {
            return None;
        }
        let mut statements = part.statements.iter();
        let observed = statements.find_map(|one| select(one.text, one.facts.verb))?;
        Some(format!("SET {STATE} = ({observed})"))
    }

    fn write(&self, write: &Write<'_>, state: &str) -> Vec<String> {
        match write {
            Write::Statement {
                id,
                done,
                running,
                state_before: None,
            } => vec![history_sql::statement(
                &Flavor,
                self.tables,
                *id,
                *done,
                *running,
                state,
            )],
            write => history_sql::write(&Flavor, self.tables, write),
        }
    }
}

fn own(list: Vec<String>) -> impl Iterator<Item = (Piece, String)> {
    list.into_iter().map(|sql| (Piece::Own, sql))
}
