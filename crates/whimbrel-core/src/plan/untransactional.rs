//! Changes of tables that no transaction takes back (MyISAM, Aria, MEMORY, ...): each is journalled by
//! itself, for a run that dies behind it leaves it there without a record.

use std::collections::HashSet;

use whimbrel_sql::{ObjectKind, Target, Verb, model, storage_engine, targets, written};

use super::{Plan, Segment, Step};
use crate::driver::Untransactional;

/// The tables that the plan's data changes write to, and those that such come from, in each database that it chooses.
pub(crate) fn asked(plan: &Plan) -> Vec<Target> {
    let mut list = written_to(plan);
    for database in chosen(plan) {
        let there = |one: &Target| Target {
            schema: Some(database.clone()),
            ..one.clone()
        };
        let unqualified = list.iter().filter(|one| one.schema.is_none());
        let more: Vec<_> = unqualified.map(there).collect();
        list.extend(more);
    }
    list
}

fn chosen(plan: &Plan) -> HashSet<String> {
    let uses = |step: &Step| {
        let used = (0..step.statements.len()).filter_map(|index| {
            let uses = step.statements[index].facts.verb == Verb::Use;
            let name = text(step, index).split_whitespace().nth(1);
            name.filter(|_| uses)
                .map(|name| name.trim_matches('`').to_owned())
        });
        used.collect::<Vec<_>>()
    };
    plan.steps.iter().flat_map(uses).collect()
}

fn written_to(plan: &Plan) -> Vec<Target> {
    let mut seen = HashSet::new();
    let mut list = Vec::new();
    let mut any = false;
    for step in &plan.steps {
        for index in 0..step.statements.len() {
            let changed = changed(step, index);
            any |= !changed.is_empty();
            for target in changed.into_iter().chain(ancestors(step, index)) {
                let key = (target.schema.clone(), target.name.clone());
                if seen.insert(key) {
                    list.push(target);
                }
            }
        }
    }
    if !any {
        list.clear();
    }
    list
}

/// Takes the changes of such tables out of the transactions that they would be in.
pub(crate) fn set_apart(plan: &mut Plan, found: &Untransactional) {
    let mut known = Known {
        names: found.tables.iter().map(key).collect(),
        found,
        by_default: found.by_default,
    };
    for step in &mut plan.steps {
        known.by_default = found.by_default;
        let mut apart = Vec::new();
        for index in 0..step.statements.len() {
            if known.changes(step, index) {
                apart.push(index);
            }
        }
        divide(step, &apart);
    }
}

fn changed(step: &Step, index: usize) -> Vec<Target> {
    match step.statements[index].facts.verb {
        Verb::Insert | Verb::Replace | Verb::Update | Verb::Delete | Verb::With => {
            written(text(step, index), step.dialect)
        }
        _ => Vec::new(),
    }
}

/// What a table that is made takes after, or was called before.
fn ancestors(step: &Step, index: usize) -> Vec<Target> {
    let facts = &step.statements[index].facts;
    let text = text(step, index);
    match facts.verb {
        Verb::Create if facts.object == Some(ObjectKind::Table) => {
            model(text).into_iter().collect()
        }
        Verb::Alter if facts.object == Some(ObjectKind::Table) => targets(text, step.dialect),
        Verb::Rename => targets(text, step.dialect),
        _ => Vec::new(),
    }
}

fn text(step: &Step, index: usize) -> &str {
    &step.script.text()[step.statements[index].span()]
}

/// By name alone: one too many is journalled without need.
fn key(target: &Target) -> String {
    target.name.to_lowercase()
}

/// Such tables, as far as the plan has come.
struct Known<'f> {
    names: HashSet<String>,
    found: &'f Untransactional,
    by_default: bool,
}

impl Known<'_> {
    /// True if a statement changes one of them. Takes in those that it makes.
    fn changes(&mut self, step: &Step, index: usize) -> bool {
        let facts = &step.statements[index].facts;
        let is_table = facts.object == Some(ObjectKind::Table);
        match facts.verb {
            Verb::Create | Verb::Alter if is_table => self.make(step, index),
            Verb::Rename => {
                let list = targets(text(step, index), step.dialect);
                for pair in list.chunks(2) {
                    if pair.iter().any(|one| self.names.contains(&key(one))) {
                        self.names.extend(pair.iter().map(key));
                    }
                }
            }
            Verb::Set => self.choose(text(step, index)),
            _ if !self.names.is_empty() => {
                let mut list = changed(step, index).into_iter();
                return list.any(|one| self.names.contains(&key(&one)));
            }
            _ => {}
        }
        false
    }

    fn make(&mut self, step: &Step, index: usize) {
        let text = text(step, index);
        let list = targets(text, step.dialect);
        let creates = step.statements[index].facts.verb == Verb::Create;
        let like = || creates.then(|| model(text)).flatten();
        let is_one = match storage_engine(text) {
            Some(engine) => self.is_engine(&engine),
            None if !creates => list.iter().any(|one| self.names.contains(&key(one))),
            None => match like() {
                Some(model) => self.names.contains(&key(&model)),
                None => self.by_default,
            },
        };
        if is_one {
            self.names.extend(list.iter().map(key));
        }
    }

    /// `SET default_storage_engine = ...` holds up to the end of its migration.
    fn choose(&mut self, text: &str) {
        let text = text.to_ascii_lowercase();
        if let Some((_, value)) = text.split_once("storage_engine") {
            let value = value.trim_start_matches([' ', '=', ':', '\'', '"']);
            let end = value.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            self.by_default = self.is_engine(&value[..end.unwrap_or(value.len())]);
        }
    }

    fn is_engine(&self, name: &str) -> bool {
        let mut engines = self.found.engines.iter();
        engines.any(|engine| engine.eq_ignore_ascii_case(name))
    }
}

fn divide(step: &mut Step, apart: &[usize]) {
    if apart.is_empty() {
        return;
    }
    let mut segments = Vec::new();
    for segment in std::mem::take(&mut step.segments) {
        let mut start = segment.statements.start;
        let end = segment.statements.end;
        let part = |statements, atomic| Segment {
            statements,
            atomic,
            ..segment.clone()
        };
        for &at in apart
            .iter()
            .filter(|at| segment.atomic && segment.statements.contains(at))
        {
            if start < at {
                segments.push(part(start..at, true));
            }
            segments.push(part(at..at + 1, false));
            start = at + 1;
        }
        if start < end || segment.statements.is_empty() {
            segments.push(part(start..end, segment.atomic));
        }
    }
    step.segments = segments;
    step.journalled = true;
}
