//! Hooks as steps around those of the migrations.

use super::compose::{compose, conditions, hook_rules};
use super::{Direction, PlanInput, Step};
use crate::checksum::Checksum;
use crate::diagnostic::Diagnostic;
use crate::hook::{Hook, When};
use crate::migration::Kind;
use crate::version::Version;

/// Puts the hooks of a direction around its steps. `late` is the place of the first repeatable
/// migration that comes after all versioned ones.
///
/// # Errors
/// What keeps a hook from being run.
pub(super) fn around(
    input: PlanInput<'_>,
    direction: Direction,
    mut steps: Vec<Step>,
    late: usize,
) -> Result<Vec<Step>, Vec<Diagnostic>> {
    if input.hooks.iter().all(|hook| hook.direction != direction) {
        return Ok(steps);
    }
    let count = steps.len();
    let mut rest = steps.split_off(late.min(count));
    let of = |when: &'static [When]| made(input, direction, when);
    let before = of(match count {
        0 => &[When::Before],
        _ => &[When::Before, When::BeforeApplied],
    })?;
    let shift = before.len();
    let mut all = before;
    all.append(&mut steps);
    all.extend(of(&[When::AfterVersioned])?);
    if !rest.is_empty() {
        all.extend(of(&[When::BeforeRepeatables])?);
    }
    let middle = all.len() - shift - late.min(count);
    all.append(&mut rest);
    let ends: &[When] = match count {
        0 => &[When::After],
        _ => &[When::AfterApplied, When::After],
    };
    for step in all.iter_mut().filter(|step| step.kind != Kind::Hook) {
        for place in &mut step.depends {
            *place += if *place < late { shift } else { shift + middle };
        }
    }
    // What runs at the end waits for everything before it.
    for mut hook in of(ends)? {
        hook.depends = (0..all.len()).collect();
        all.push(hook);
    }
    Ok(all)
}

/// The steps of the hooks of these times, in this order.
fn made(
    input: PlanInput<'_>,
    direction: Direction,
    times: &'static [When],
) -> Result<Vec<Step>, Vec<Diagnostic>> {
    let mut steps = Vec::new();
    for when in times {
        let hooks = input.hooks.iter();
        for hook in hooks.filter(|hook| hook.when == *when && hook.direction == direction) {
            steps.push(step(input, hook)?);
        }
    }
    Ok(steps)
}

fn step(input: PlanInput<'_>, hook: &Hook) -> Result<Step, Vec<Diagnostic>> {
    let prepared = compose(input, &hook.script, hook_rules(hook))?;
    Ok(Step {
        source: hook.source.to_string(),
        version: Version::new(hook.name.as_str()),
        name: hook.name.clone(),
        label: hook.name.clone(),
        description: hook.name.clone(),
        kind: Kind::Hook,
        direction: hook.direction,
        dialect: input.dialect,
        script: prepared.script,
        statements: prepared.statements,
        segments: prepared.segments,
        journalled: prepared.journalled,
        checksum: Checksum::of(hook.script.text()),
        keep: Vec::new(),
        down_checksum: None,
        timeout: hook.directives.timeout,
        lock_timeout: hook.directives.lock_timeout,
        foreign_keys: prepared.foreign_keys,
        conditions: conditions(input, &hook.directives, hook.script.file())?,
        settings: hook.directives.rules.settings,
        resume: None,
        depends: Vec::new(),
    })
}
