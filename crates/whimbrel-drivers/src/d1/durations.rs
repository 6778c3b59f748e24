//! How long migrations took, which D1 tells in its answer: too late for their own records. So it
//! is written when the lock is given back.

use whimbrel_core::driver::{Unit, Write};
use whimbrel_core::history::{AttemptId, HistoryTables};

use super::answer::Answer;
use super::http::Query;
use super::unit::{FLAVOR, Operation};
use crate::history_sql;

/// Units of this run and the milliseconds that they took.
#[derive(Debug, Default)]
pub(super) struct Durations {
    /// By place in the order of application.
    applied: Vec<(i64, u64)>,
    /// By number within the run.
    attempts: Vec<(i64, u64)>,
}

impl Durations {
    /// Notes what a request told.
    pub(super) fn note(
        &mut self,
        units: &[Unit<'_>],
        operations: &[Operation],
        answers: &[Answer],
    ) {
        for (number, unit) in units.iter().enumerate() {
            let own = operations
                .iter()
                .zip(answers)
                .filter(|(operation, _)| operation.unit == number);
            let sum: f64 = own.map(|(_, answer)| answer.meta.duration).sum();
            let took = std::time::Duration::try_from_secs_f64(sum / 1000.0).unwrap_or_default();
            let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            for write in unit.parts.iter().flat_map(|part| &part.after) {
                match write {
                    Write::Apply(record) => self.applied.push((record.sequence, took)),
                    Write::Attempt(attempt) => {
                        let AttemptId { number, .. } = attempt.id;
                        self.attempts.push((i64::from(number), took));
                    }
                    _ => {}
                }
            }
        }
    }

    /// The statements that write it all, for the holder of a token.
    pub(super) fn take(&mut self, tables: &HistoryTables, token: i64) -> Vec<Query> {
        let lock = history_sql::table(&FLAVOR, tables, &tables.lock);
        let ours = format!("EXISTS (SELECT 1 FROM {lock} WHERE id = 1 AND token = {token})");
        let of_run = format!("run = {token} AND {ours}");
        let applied = std::mem::take(&mut self.applied);
        let attempts = std::mem::take(&mut self.attempts);
        let table = |name| history_sql::table(&FLAVOR, tables, name);
        let mut list = update(&table(&tables.applied), "sequence", &applied, &ours);
        list.extend(update(&table(&tables.log), "number", &attempts, &of_run));
        list
    }
}

/// Rows that one statement changes, so that it stays short.
const ROWS: usize = 1000;

fn update(table: &str, key: &str, rows: &[(i64, u64)], condition: &str) -> Vec<Query> {
    let longer: Vec<_> = rows.iter().filter(|(_, took)| *took > 0).collect();
    let pieces = longer.chunks(ROWS).map(|rows| {
        let cases: Vec<_> = rows
            .iter()
            .map(|(key, took)| format!("WHEN {key} THEN {took}"))
            .collect();
        let keys: Vec<_> = rows.iter().map(|(key, _)| key.to_string()).collect();
        Query::new(format!(
            "UPDATE {table} SET duration_ms = CASE {key} {} END WHERE {key} IN ({}) AND {condition}",
            cases.join(" "),
            keys.join(", ")
        ))
    });
    pieces.collect()
}
