//! Units: what is sent for one, and what its failure means.

use whimbrel_core::driver::{
    DriverError, DriverErrorKind, Outcome, Part, Progress, Unit, UnitError, Write,
};
use whimbrel_core::history::HistoryTables;

use super::driver::Mysql;
use super::flavor::{BEGIN, Mysql as Flavor};
use super::joins::{Way, looks_back, way};
use super::message::{Failed, Piece, Progressing, Talk};
use super::wire::rows;
use crate::history_sql;

/// A unit's failure, before it is said what became of the unit.
struct Stopped {
    error: DriverError,
    part: usize,
    statement: Option<usize>,
    /// Its single statement, which no transaction takes back, was done.
    done: bool,
}

impl Stopped {
    fn before(error: DriverError) -> Self {
        Self {
            error,
            part: 0,
            statement: None,
            done: false,
        }
    }
}

/// What is said around statements.
type Said = Vec<(Piece, String)>;

fn own(list: impl IntoIterator<Item = String>) -> impl Iterator<Item = (Piece, String)> {
    list.into_iter().map(|sql| (Piece::Own, sql))
}

/// What runs before a part's statements: a transaction that only goes on if the lock is ours, and
/// keeps it so. The subquery that is one row too much is an error in any `sql_mode`.
fn opening(tables: &HistoryTables, unit: &Unit<'_>, writes: &[Write<'_>]) -> Said {
    let lock = history_sql::table(&Flavor, tables, &tables.lock);
    let token = unit.lease.token;
    let fence = format!(
        "SELECT IF(COALESCE(MAX(token), -1) = {token}, 1, (SELECT 1 UNION ALL SELECT 2)) FROM {lock} WHERE id = 1 LOCK IN SHARE MODE"
    );
    let mut list = vec![
        (Piece::Own, "START TRANSACTION".to_owned()),
        (Piece::Fence, fence),
    ];
    let writes = writes.iter();
    list.extend(own(
        writes.flat_map(|write| history_sql::write(&Flavor, tables, write))
    ));
    list
}

fn closing(tables: &HistoryTables, unit: &Unit<'_>, part: &Part<'_>) -> Said {
    let writes = part.after.iter();
    let writes = writes.flat_map(|write| history_sql::write(&Flavor, tables, write));
    let end = [
        history_sql::renew_lock(&Flavor, tables, &unit.lease),
        "COMMIT".to_owned(),
    ];
    own(writes.chain(end)).collect()
}

/// What runs before a part's statements, and what after them.
fn around(tables: &HistoryTables, unit: &Unit<'_>, part: &Part<'_>) -> [Said; 2] {
    let mut before = opening(tables, unit, &part.before);
    let mut after = closing(tables, unit, part);
    if !unit.continues {
        before.insert(0, (Piece::Own, BEGIN.to_owned()));
    }
    if !unit.atomic {
        before.push((Piece::Own, "COMMIT".to_owned()));
        after.splice(0..0, opening(tables, unit, &[]));
    }
    [before, after]
}

impl Mysql {
    pub(super) fn text(&self, unit: &Unit<'_>) -> String {
        let mut list = Vec::new();
        for part in &unit.parts {
            let [before, after] = around(&self.options.tables, unit, part);
            list.extend(before.into_iter().map(|(_, sql)| sql));
            let statements = part.statements.iter();
            list.extend(statements.map(|statement| statement.text.to_owned()));
            list.extend(after.into_iter().map(|(_, sql)| sql));
        }
        history_sql::listing(&list)
    }

    pub(super) async fn run(
        &mut self,
        unit: &Unit<'_>,
        progress: Progressing<'_>,
    ) -> Result<(), UnitError> {
        let Err(stopped) = self.try_run(unit, progress).await else {
            return Ok(());
        };
        // Whether it was set is not known now.
        self.lock_timeout = None;
        let lost = stopped.error.kind == DriverErrorKind::Lost;
        if !lost {
            // Ends the unit's transaction; without one it does nothing.
            let _ = rows(&mut self.connection, "ROLLBACK").await;
        }
        if !lost && stopped.done && !unit.atomic && self.close_again(unit).await {
            return Ok(());
        }
        let outcome = match stopped.statement {
            _ if lost => Outcome::Unknown,
            _ if unit.atomic => Outcome::RolledBack,
            Some(_) => Outcome::StatementFailed,
            // The journal can't say that it was; the catalog may.
            None if stopped.done => Outcome::Unknown,
            None => Outcome::RolledBack,
        };
        Err(UnitError {
            error: stopped.error,
            part: stopped.part,
            statement: stopped.statement,
            outcome,
        })
    }

    /// The statement was done, and what failed is only the journal's entry for it, perhaps since
    /// somebody asked for an end of the run just then: the next run must know.
    async fn close_again(&mut self, unit: &Unit<'_>) -> bool {
        let mut silent = |_| {};
        let mut talk = Talk::new(&mut self.connection, &mut silent);
        for part in &unit.parts {
            let [_, after] = around(&self.options.tables, unit, part);
            for (piece, sql) in &after {
                if talk.say(*piece, sql).await.is_err() {
                    return false;
                }
            }
        }
        talk.flush().await.is_ok()
    }

    async fn try_run(&mut self, unit: &Unit<'_>, progress: Progressing<'_>) -> Result<(), Stopped> {
        if self.dirty && !unit.continues {
            self.reset().await.map_err(Stopped::before)?;
        }
        for again in &unit.replay {
            let result = rows(&mut self.connection, again.text).await;
            self.dirty = true;
            result.map_err(Stopped::before)?;
        }
        let limit = self.limit_waits(unit.lock_timeout);
        let tables = &self.options.tables;
        let parts = unit.parts.iter();
        let around: Vec<_> = parts.map(|part| around(tables, unit, part)).collect();
        let mut done = 0;
        let mut counted = |told: Progress| {
            done += usize::from(matches!(told, Progress::StatementDone { .. }));
            progress(told);
        };
        let talk = Talk::new(&mut self.connection, &mut counted);
        let result = exchange(talk, unit, &around, limit.as_deref()).await;
        for part in &unit.parts {
            let mut statements = part.statements.iter();
            self.dirty |= statements.any(|statement| statement.facts.session_state);
        }
        match result {
            Ok(()) => {
                if unit.lock_timeout.is_some() {
                    self.lock_timeout = unit.lock_timeout;
                }
                Ok(())
            }
            Err((part, Failed { error, piece })) => {
                let (part, statement) = match piece {
                    Piece::Statement(part, index) | Piece::Warnings(part, index) => {
                        (part, Some(index))
                    }
                    Piece::Own | Piece::Fence => (part, None),
                };
                Err(Stopped {
                    error,
                    part,
                    statement,
                    done: done > 0,
                })
            }
        }
    }
}

/// Says everything that a unit is made of; the part at which it stopped, if it did.
async fn exchange(
    mut talk: Talk<'_>,
    unit: &Unit<'_>,
    around: &[[Said; 2]],
    limit: Option<&str>,
) -> Result<(), (usize, Failed)> {
    if let Some(limit) = limit {
        talk.say(Piece::Own, limit)
            .await
            .map_err(|failed| (0, failed))?;
    }
    for (number, (part, [before, after])) in unit.parts.iter().zip(around).enumerate() {
        one_part(&mut talk, number, part, before, after)
            .await
            .map_err(|failed| (number, failed))?;
    }
    let last = unit.parts.len().saturating_sub(1);
    talk.flush().await.map_err(|failed| (last, failed))
}

async fn one_part(
    talk: &mut Talk<'_>,
    number: usize,
    part: &Part<'_>,
    before: &[(Piece, String)],
    after: &[(Piece, String)],
) -> Result<(), Failed> {
    for (piece, sql) in before {
        talk.say(*piece, sql).await?;
    }
    let one_by_one = part.statements.iter().any(|one| looks_back(one.text));
    for (index, statement) in part.statements.iter().enumerate() {
        let way = match way(statement.text, statement.facts.verb) {
            Way::Joined if one_by_one => Way::Once,
            way => way,
        };
        talk.statement((number, index), statement.text, way).await?;
    }
    for (piece, sql) in after {
        talk.say(*piece, sql).await?;
    }
    Ok(())
}
