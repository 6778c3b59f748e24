//! From a migration's script to the one that runs: placeholders, hooks around it, then statements
//! and units.

use std::sync::Arc;

use whimbrel_sql::{Dialect, Statement, split};

use super::prepare::{Prepared, Rules, prepare};
use super::{Direction, PlanInput, placeholder};
use crate::diagnostic::Diagnostic;
use crate::directive::Directives;
use crate::hook::{Hook, When};
use crate::migration::Transactions;
use crate::rules::Condition;
use crate::text::{Script, ScriptBuilder, SourceFile};

/// Puts placeholders in, splits the script and decides how it runs.
pub(super) fn compose(
    input: PlanInput<'_>,
    script: &Script,
    rules: Rules<'_>,
) -> Result<Prepared, Vec<Diagnostic>> {
    let script = resolved(input, script, rules)?;
    prepare(input, &script, rules)
}

/// The script with everything put in that stands for something else.
pub(super) fn resolved(
    input: PlanInput<'_>,
    script: &Script,
    rules: Rules<'_>,
) -> Result<Script, Vec<Diagnostic>> {
    let script = match rules.substitute {
        Some(tool) => tool.apply(script)?,
        None => script.clone(),
    };
    let placeholders = &rules.directives.rules.placeholders;
    placeholder::resolve(input.options, placeholders, &script)
}

/// A migration's script with the hooks that run before and after each, in one transaction.
pub(super) fn compose_with_hooks(
    input: PlanInput<'_>,
    source: &str,
    direction: Direction,
    script: &Script,
    rules: Rules<'_>,
) -> Result<Prepared, Vec<Diagnostic>> {
    let of = |when: When| {
        let hooks = input.hooks.iter();
        hooks.filter(move |h| h.when == when && h.direction == direction && *h.source == *source)
    };
    let own = compose(input, script, rules)?;
    let mut around = of(When::BeforeEach).chain(of(When::AfterEach));
    if around.next().is_none() {
        return Ok(own);
    }
    let script = resolved(input, script, rules)?;
    let mut builder = Script::build(Arc::clone(script.file()));
    for hook in of(When::BeforeEach) {
        add(&mut builder, input, hook)?;
    }
    builder.append(&script);
    let after: Vec<_> = of(When::AfterEach).collect();
    if !after.is_empty() {
        end_script(&mut builder, &script, input.dialect);
    }
    for hook in after {
        add(&mut builder, input, hook)?;
    }
    let mut directives = rules.directives.clone();
    if own.journalled && input.capabilities.transactional_ddl {
        directives.transaction = Some(false);
    }
    directives.foreign_keys = own.foreign_keys;
    let rules = Rules {
        directives: &directives,
        ..rules
    };
    prepare(input, &builder.finish(), rules)
}

/// How a hook runs: as its file says, by the rule of Whimbrel's own files.
pub(super) fn hook_rules(hook: &Hook) -> Rules<'_> {
    Rules {
        directives: &hook.directives,
        transactions: Transactions::default(),
        substitute: None,
    }
}

/// The conditions that a file sets, with their placeholders put in.
pub(super) fn conditions(
    input: PlanInput<'_>,
    directives: &Directives,
    file: &Arc<SourceFile>,
) -> Result<Vec<Condition>, Vec<Diagnostic>> {
    let rules = &directives.rules;
    let mut conditions = rules.conditions.clone();
    for condition in &mut conditions {
        let mut builder = Script::build(Arc::clone(file));
        builder.put(&condition.sql, condition.span.start);
        let made = placeholder::resolve(input.options, &rules.placeholders, &builder.finish())?;
        made.text().clone_into(&mut condition.sql);
    }
    Ok(conditions)
}

fn add(
    builder: &mut ScriptBuilder,
    input: PlanInput<'_>,
    hook: &Hook,
) -> Result<(), Vec<Diagnostic>> {
    let script = resolved(input, &hook.script, hook_rules(hook))?;
    builder.append(&script);
    end_script(builder, &script, input.dialect);
    Ok(())
}

/// The last statement of a file may lack its semicolon, its last line its end, and the data of a COPY
/// theirs.
fn end_script(builder: &mut ScriptBuilder, script: &Script, dialect: Dialect) {
    let text = script.text();
    let statements = split(text, dialect).unwrap_or_default();
    let last = statements.last();
    let data = last.and_then(Statement::data);
    let end = match last.filter(|_| data.is_some_and(|data| data.end == text.len())) {
        Some(copy) if !text[copy.span().end..].contains(';') => "\n;\n\\.\n",
        Some(_) if text.ends_with('\n') => "\\.\n",
        Some(_) => "\n\\.\n",
        None => "\n;\n",
    };
    builder.put(end, 0);
}
