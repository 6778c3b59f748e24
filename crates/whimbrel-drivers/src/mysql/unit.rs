//! Units: sending them, and what their failure means.

use whimbrel_core::driver::{
    DriverError, DriverErrorKind, GroupError, Outcome, Part, Progress, Unit, UnitError,
};
use whimbrel_core::history::HistoryTables;

use super::driver::Mysql;
use super::joins::{Way, looks_back, way};
use super::message::{Failed, Piece, Progressing, Talk};
use super::said::{Place, may_join};
use super::wire::rows;
use crate::history_sql;

impl Mysql {
    /// What is sent for one unit, for people to read.
    pub(super) fn text(&self, unit: &Unit<'_>) -> String {
        let place = Place {
            tables: &self.options.tables,
            unit,
            joins: false,
            joined: false,
        };
        let mut text = history_sql::listing(set(unit));
        for (number, part) in unit.parts.iter().enumerate() {
            let last = number + 1 == unit.parts.len();
            let before = place.before(part, number == 0).into_iter();
            text.push_str(&history_sql::listing(before.map(|(_, sql)| sql)));
            for statement in part.statements.iter() {
                text.push_str(&for_clients(statement.text));
            }
            let after = place.after(part, last).into_iter();
            text.push_str(&history_sql::listing(after.map(|(_, sql)| sql)));
        }
        text
    }

    pub(super) async fn run(
        &mut self,
        unit: &Unit<'_>,
        progress: Progressing<'_>,
    ) -> Result<(), UnitError> {
        let mut alone = |told: Progress| {
            if !matches!(told, Progress::UnitDone) {
                progress(told);
            }
        };
        let result = self.run_all(std::slice::from_ref(unit), &mut alone).await;
        result.map_err(|failed| failed.error)
    }

    pub(super) async fn run_all(
        &mut self,
        units: &[Unit<'_>],
        progress: Progressing<'_>,
    ) -> Result<(), GroupError> {
        let mut counts = (0, 0);
        let result = self.send(units, progress, &mut counts).await;
        let Err(failed) = result else {
            return Ok(());
        };
        // Whether it was set is not known now.
        self.lock_timeout = None;
        let (number, statements) = counts;
        let unit = &units[number];
        let lost = failed.error.kind == DriverErrorKind::Lost;
        if !lost {
            // Ends the unit's transaction; without one it does nothing.
            let _ = rows(&mut self.connection, "ROLLBACK").await;
        }
        let mut error = failed.in_terms_of(unit);
        let mut done = number;
        if !lost && !unit.atomic && statements > 0 && error.statement.is_none() {
            if self.close_again(unit).await {
                done += 1;
                progress(Progress::UnitDone);
            } else {
                // The journal can't say that it was done; the catalog may.
                error.outcome = Outcome::Unknown;
            }
        }
        if done == units.len() {
            return Ok(());
        }
        Err(GroupError {
            unit: done,
            done,
            error,
        })
    }

    /// The statement was done, and what failed is only the journal's entry for it, perhaps since
    /// somebody asked for an end of the run just then: the next run must know.
    async fn close_again(&mut self, unit: &Unit<'_>) -> bool {
        let place = Place {
            tables: &self.options.tables,
            unit,
            joins: false,
            joined: false,
        };
        let mut silent = |_| {};
        let mut talk = Talk::new(&mut self.connection, &mut silent);
        for (piece, sql) in unit.parts.iter().flat_map(|part| place.after(part, true)) {
            if talk.say(piece, &sql).await.is_err() {
                return false;
            }
        }
        talk.flush().await.is_ok()
    }

    /// Says everything that the units are made of. `counts` are the units done, and the statements
    /// done of the next one.
    async fn send(
        &mut self,
        units: &[Unit<'_>],
        progress: Progressing<'_>,
        counts: &mut (usize, usize),
    ) -> Result<(), Failed> {
        let mut sent = 0;
        while sent < units.len() {
            // Those up to the next one that wants the session as new.
            let rest = &units[sent..];
            *counts = (sent, 0);
            self.prepare(&rest[0]).await.map_err(Failed::own)?;
            let changes = |unit: &Unit<'_>| {
                let mut parts = unit.parts.iter();
                parts.any(|part| part.statements.iter().any(|one| one.facts.session_state))
            };
            let mut dirty = self.dirty;
            let mut count = 0;
            while let Some(unit) = rest.get(count) {
                let other = !unit.continues && unit.settings != rest[0].settings;
                if count > 0 && (!unit.replay.is_empty() || other || dirty && !unit.continues) {
                    break;
                }
                dirty |= changes(unit);
                count += 1;
            }
            self.dirty = dirty || !rest[0].settings.is_empty();
            let limit = self.limit_waits(rest[0].lock_timeout);
            let mut talk = Talk::new(&mut self.connection, &mut *progress);
            let tables = &self.options.tables;
            let result = together(&mut talk, tables, &rest[..count], limit.as_deref()).await;
            *counts = (sent + talk.heard.units, talk.heard.statements);
            result?;
            self.lock_timeout = rest[0].lock_timeout.or(self.lock_timeout);
            sent += count;
        }
        Ok(())
    }

    /// The session that a unit begins with.
    async fn prepare(&mut self, unit: &Unit<'_>) -> Result<(), DriverError> {
        if self.dirty && !unit.continues {
            self.reset().await?;
        }
        if let Some(sql) = set(unit) {
            rows(&mut self.connection, &sql).await?;
            self.session_sql().await?;
        }
        for again in &unit.replay {
            self.dirty = true;
            rows(&mut self.connection, again.text).await?;
        }
        Ok(())
    }
}

/// The session that a migration's tool gives it.
fn set(unit: &Unit<'_>) -> Option<String> {
    let settings = unit.settings.iter();
    let list: Vec<_> = settings
        .map(|one| format!("{} = {}", one.name, one.value))
        .collect();
    (!unit.continues && !list.is_empty()).then(|| format!("SET {}", list.join(", ")))
}

impl Failed {
    /// What the failure means for a unit.
    fn in_terms_of(self, unit: &Unit<'_>) -> UnitError {
        let (part, statement) = match self.piece {
            Piece::Statement(part, index) | Piece::Warnings(part, index) => (part, Some(index)),
            _ => (0, None),
        };
        let outcome = match statement {
            _ if self.error.kind == DriverErrorKind::Lost => Outcome::Unknown,
            Some(_) if !unit.atomic => Outcome::StatementFailed,
            _ => Outcome::RolledBack,
        };
        UnitError {
            error: self.error,
            part,
            statement,
            outcome,
        }
    }
}

/// Units with nothing to be done between them.
async fn together(
    talk: &mut Talk<'_>,
    tables: &HistoryTables,
    units: &[Unit<'_>],
    limit: Option<&str>,
) -> Result<(), Failed> {
    if let Some(limit) = limit {
        talk.say(Piece::Own, limit).await?;
    }
    let mut joins = false;
    for (index, unit) in units.iter().enumerate() {
        let joined = may_join(units.get(index + 1));
        let place = Place {
            tables,
            unit,
            joins,
            joined,
        };
        for (number, part) in unit.parts.iter().enumerate() {
            one_part(talk, &place, number, part).await?;
        }
        joins = joined;
    }
    talk.flush().await
}

async fn one_part(
    talk: &mut Talk<'_>,
    place: &Place<'_>,
    number: usize,
    part: &Part<'_>,
) -> Result<(), Failed> {
    for (piece, sql) in place.before(part, number == 0) {
        talk.say(piece, &sql).await?;
    }
    let one_by_one = part.statements.iter().any(|one| looks_back(one.text));
    for (index, statement) in part.statements.iter().enumerate() {
        let way = match way(statement.text, statement.facts.verb) {
            Way::Joined if one_by_one => Way::Once,
            way => way,
        };
        talk.statement((number, index), statement.text, way).await?;
    }
    let last = number + 1 == place.unit.parts.len();
    for (piece, sql) in place.after(part, last) {
        talk.say(piece, &sql).await?;
    }
    Ok(())
}

/// A statement as the server's own client can be given it, who takes the first semicolon for its end.
fn for_clients(statement: &str) -> String {
    const MARKS: [&str; 3] = ["$$", "//", ";;"];
    if !statement.contains(';') {
        return format!("{statement};\n");
    }
    let unused = MARKS.iter().find(|mark| !statement.contains(**mark));
    let mark = unused.unwrap_or(&MARKS[0]);
    format!("DELIMITER {mark}\n{statement}\n{mark}\nDELIMITER ;\n")
}
