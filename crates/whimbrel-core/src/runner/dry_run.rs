//! The exact text that a run would send.

use super::script::{Records, as_one, keep_scripts, number, pending_segments, unit};
use super::{RunOptions, note};
use crate::driver::{Driver, DriverError, Lease, Unit};
use crate::history::{AttemptId, FORMAT, History};
use crate::plan::Plan;

/// The lease that a run would have if nobody else runs before.
pub(super) fn lease(history: &History, options: &RunOptions) -> Lease {
    Lease {
        token: history.token + 1,
        length: options.lease,
    }
}

/// Puts the taking of the lock before the first of several texts, and its giving back behind the last.
pub(super) async fn in_lock(
    driver: &mut dyn Driver,
    history: &History,
    options: &RunOptions,
    texts: &mut [&mut String],
) -> Result<(), DriverError> {
    if texts.iter().all(|text| text.is_empty()) {
        return Ok(());
    }
    let lease = lease(history, options);
    let create = !history.exists || history.format < FORMAT;
    let [before, after] = driver.render_lock(&options.owner, &lease, create).await?;
    if let Some(first) = texts.first_mut() {
        let tables = if create { "the history's tables, " } else { "" };
        first.insert_str(0, &format!("-- {tables}the lock\n{before}\n"));
    }
    if let Some(last) = texts.last_mut() {
        last.push_str(&format!("-- the lock is given back\n{after}"));
    }
    Ok(())
}

/// What is done under the lock.
pub(super) fn under_lock(
    driver: &dyn Driver,
    plan: &Plan,
    history: &History,
    options: &RunOptions,
) -> String {
    let lease = lease(history, options);
    let mut text = note::render(driver, lease, &plan.noted);
    let sequences = history.next_sequence()..;
    let records: Vec<_> = sequences
        .zip(plan.steps.iter().enumerate())
        .map(|(sequence, (index, step))| {
            let id = AttemptId {
                run: lease.token,
                number: number(index + 1),
            };
            Records::new(step, id, sequence, plan.batch, history, options)
        })
        .collect();
    if options.plan.single_transaction {
        let all: Vec<_> = plan.steps.iter().zip(&records).collect();
        for (step, _) in &all {
            let file = step.script.file().name();
            text.push_str(&format!("-- {} ({file})\n", step.label));
        }
        if let Some(unit) = as_one(&all, lease, options) {
            text.push_str(&driver.render(&unit));
            text.push('\n');
        }
        return text;
    }
    let mut listing = Listing { driver, left: None };
    for (step, records) in plan.steps.iter().zip(&records) {
        text.push_str(&format!(
            "-- {} ({})\n",
            step.label,
            step.script.file().name()
        ));
        for condition in &step.conditions {
            let sql = condition.sql.replace('\n', " ");
            text.push_str(&format!("-- if this gives {}: {sql}\n", condition.expected));
        }
        if !step.journalled || step.segments.is_empty() {
            let mut part = records.whole(step);
            keep_scripts(&mut part.before, step);
            text.push_str(&listing.unit(&unit(step, part, true, lease, options)));
        } else {
            for (place, segment) in pending_segments(step).iter().enumerate() {
                let part = records.segment(step, segment, place == 0, None);
                let mut unit = unit(step, part, segment.atomic, lease, options);
                unit.continues = place > 0;
                unit.foreign_keys = segment.foreign_keys;
                text.push_str(&listing.unit(&unit));
            }
        }
        text.push('\n');
    }
    text
}

/// Unit after unit, as one session would get them.
struct Listing<'d> {
    driver: &'d dyn Driver,
    /// The unit before may have left something in the session.
    left: Option<bool>,
}

impl Listing<'_> {
    fn unit(&mut self, unit: &Unit<'_>) -> String {
        let text = match self.left {
            None => self.driver.render(unit),
            Some(left) => self.driver.render_next(unit, left),
        };
        let mut statements = unit.parts.iter().flat_map(|part| part.statements.iter());
        let leaves = statements.any(|bound| bound.facts.session_state);
        self.left = Some(leaves || (unit.continues && self.left == Some(true)));
        text
    }
}
