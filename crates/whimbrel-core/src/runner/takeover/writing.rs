//! The units that a takeover writes.

use std::time::Duration;

use super::Origin;
use crate::checksum::Checksum;
use crate::driver::{Driver, Fact, Lease, Part, Record, Unit, Write};
use crate::history::{Attempt, AttemptId, AttemptState, History};
use crate::migration::Kind;
use crate::runner::Runner;
use crate::takeover::Adoption;

/// Rows per statement: some engines limit a statement's length.
const ROWS: usize = 50;
/// Kept scripts per statement, in bytes, for the same reason.
const KEEP_BYTES: usize = 64 * 1024;

/// The units of a takeover: first the scripts, which are keyed by their contents and do no harm
/// without their records, then all records in one transaction.
pub(super) struct Writing<'a> {
    adoption: &'a Adoption,
    pub(super) attempts: Vec<Attempt>,
    tools: Vec<String>,
    sequence: i64,
    lease: Lease,
}

impl<'a> Writing<'a> {
    pub(super) fn new(
        runner: &Runner<'_>,
        adoption: &'a Adoption,
        origin: &Origin<'_>,
        history: &History,
        lease: Lease,
    ) -> Self {
        let who = runner.options.owner.who();
        let records = adoption.records();
        let attempts = records.zip(1..).map(|((entry, _), number)| Attempt {
            id: AttemptId {
                run: lease.token,
                number,
            },
            source: entry.source.clone(),
            version: entry.version.clone(),
            name: entry.name.clone(),
            action: origin.action(),
            state: AttemptState::Done,
            journalled: false,
            statements_done: 0,
            statement_running: None,
            statements: 0,
            hashes: String::new(),
            connection: None,
            state_before: None,
            error: None,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            duration: Duration::ZERO,
            started_by: who.clone(),
        });
        let tools = adoption.records().map(|(_, record)| match &record.tool {
            Some(tool) if record.former.is_some() => tool.clone(),
            Some(tool) => format!("{tool}, taken over by {}", crate::TOOL),
            None => crate::TOOL.to_owned(),
        });
        Self {
            adoption,
            attempts: attempts.collect(),
            tools: tools.collect(),
            sequence: history.next_sequence(),
            lease,
        }
    }

    pub(super) fn units(&self) -> Vec<Unit<'_>> {
        let lease = self.lease;
        let mut units: Vec<_> = self
            .scripts()
            .into_iter()
            .map(|scripts| unit(lease, vec![Write::Keep(scripts)]))
            .collect();
        let records: Vec<_> = self.records().collect();
        let rows = records.chunks(ROWS).map(|rows| Write::Adopt(rows.to_vec()));
        let attempts = self.attempts.chunks(ROWS).map(Write::Attempts);
        let renamed = self.adoption.records().filter_map(|(entry, record)| {
            let former = record.former.as_ref()?;
            Some(Write::Remove {
                source: &entry.source,
                version: former.version.as_str(),
            })
        });
        units.push(unit(lease, renamed.chain(rows).chain(attempts).collect()));
        units
    }

    fn scripts(&self) -> Vec<Vec<(&Checksum, &str)>> {
        let mut chunks: Vec<Vec<_>> = Vec::new();
        let mut room = 0;
        for (_, record) in self.adoption.records() {
            for (checksum, text) in &record.kept.scripts {
                if room < text.len() {
                    chunks.push(Vec::new());
                    room = KEEP_BYTES;
                }
                room = room.saturating_sub(text.len());
                if let Some(chunk) = chunks.last_mut() {
                    chunk.push((checksum, text.as_str()));
                }
            }
        }
        chunks.retain(|chunk| !chunk.is_empty());
        chunks
    }

    fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let records = self.adoption.records().zip(&self.attempts);
        let mut sequence = self.sequence - 1;
        records
            .zip(&self.tools)
            .map(move |(((entry, record), attempt), tool)| Record {
                source: &entry.source,
                version: entry.version.as_str(),
                name: &entry.name,
                kind: record.kind,
                sequence: record.former.as_ref().map_or_else(
                    || {
                        sequence += 1;
                        sequence
                    },
                    |former| former.sequence,
                ),
                batch: record.batch,
                checksum: &record.checksum,
                down_checksum: record.kept.down.as_ref(),
                applied_at: match record.applied_at {
                    Some(at) => Fact::Was(at),
                    // A baseline is marked now, whenever the database came there.
                    None if record.kind == Kind::Baseline && record.tool.is_none() => Fact::Now,
                    None => Fact::Unknown,
                },
                duration: Fact::known(record.duration),
                applied_by: record.applied_by.as_deref().unwrap_or(&attempt.started_by),
                tool,
                id: attempt.id,
                statements: 0,
            })
    }

    pub(super) fn render(&self, driver: &dyn Driver) -> String {
        if self.attempts.is_empty() {
            return String::new();
        }
        let units = self.units();
        units.iter().map(|unit| driver.render(unit)).collect()
    }
}

fn unit(lease: Lease, after: Vec<Write<'_>>) -> Unit<'_> {
    Unit {
        lease,
        atomic: true,
        parts: vec![Part {
            after,
            ..Part::default()
        }],
        lock_timeout: None,
        foreign_keys: None,
        settings: &[],
        replay: Vec::new(),
        continues: false,
    }
}
