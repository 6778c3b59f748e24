//! `$NAME` and `${NAME}` from the environment, between goose's `ENVSUB ON` and `ENVSUB OFF`.

use std::collections::BTreeMap;
use std::sync::Arc;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::text::{Script, ScriptBuilder};

use super::files::lines;
use super::goose::Annotation;

/// The line that switches substitution on.
pub(super) const ON: &str = "-- +goose ENVSUB ON\n";

/// A script with the values put in. A variable that is not set is empty, as in goose, unless it has
/// a default (`${NAME:-default}`, `${NAME-default}`) or is said to be needed (`${NAME?message}`).
pub(super) fn substitute(
    script: &Script,
    values: &BTreeMap<String, String>,
) -> Result<Script, Vec<Diagnostic>> {
    let text = script.text();
    let switches =
        |(_, line): (usize, &str)| matches!(Annotation::of(line), Some(Annotation::Variables(_)));
    if !text.contains('$') || !lines(text).any(switches) {
        return Ok(script.clone());
    }
    let mut work = Work {
        script,
        values,
        out: Script::build(Arc::clone(script.file())),
        problems: Vec::new(),
    };
    let mut on = false;
    for (at, _) in lines(text) {
        let line = text[at..].split_inclusive('\n').next().unwrap_or_default();
        if let Some(Annotation::Variables(switched)) = Annotation::of(line.trim_end()) {
            on = switched;
        }
        if on {
            work.line(at, line);
        } else {
            work.out.copy_text(line, script.origin(at));
        }
    }
    if work.problems.is_empty() {
        Ok(work.out.finish())
    } else {
        Err(work.problems)
    }
}

struct Work<'a> {
    script: &'a Script,
    values: &'a BTreeMap<String, String>,
    out: ScriptBuilder,
    problems: Vec<Diagnostic>,
}

impl Work<'_> {
    fn line(&mut self, at: usize, line: &str) {
        let mut done = 0;
        while let Some(found) = line[done..].find('$') {
            let start = done + found;
            self.copy(at, line, done..start);
            let rest = &line[start + 1..];
            let length = match rest.strip_prefix('{') {
                // Two of them stand for one.
                _ if rest.starts_with('$') => {
                    self.out.put("$", self.script.origin(at + start));
                    1
                }
                Some(inner) => match inner.find('}') {
                    Some(end) => {
                        self.braces(at + start, &inner[..end]);
                        end + 2
                    }
                    None => self.literal(at, line, start),
                },
                None => {
                    let name = &rest[..name_length(rest)];
                    if name.is_empty() {
                        self.literal(at, line, start)
                    } else {
                        let value = self.values.get(name).map_or("", String::as_str);
                        self.out.put(value, self.script.origin(at + start));
                        name.len()
                    }
                }
            };
            done = start + 1 + length;
        }
        self.copy(at, line, done..line.len());
    }

    /// A dollar that begins no variable.
    fn literal(&mut self, at: usize, line: &str, start: usize) -> usize {
        self.copy(at, line, start..start + 1);
        0
    }

    fn copy(&mut self, at: usize, line: &str, range: std::ops::Range<usize>) {
        let from = self.script.origin(at + range.start);
        self.out.copy_text(&line[range], from);
    }

    fn braces(&mut self, at: usize, inner: &str) {
        let (name, rule) = inner.split_at(name_length(inner));
        let set = self.values.get(name);
        let filled = set.filter(|value| !value.is_empty());
        let value = if name.is_empty() {
            None
        } else if rule.is_empty() {
            Some(set.map_or("", String::as_str))
        } else if let Some(default) = rule.strip_prefix(":-") {
            Some(filled.map_or(default, String::as_str))
        } else if let Some(default) = rule.strip_prefix('-') {
            Some(set.map_or(default, String::as_str))
        } else if rule.starts_with('?') || rule.starts_with(":?") {
            let set = if rule.starts_with(':') { filled } else { set };
            set.map(String::as_str)
        } else {
            None
        };
        match value {
            Some(value) => {
                self.out.put(value, self.script.origin(at));
            }
            None => self.refuse(at, name, inner),
        }
    }

    fn refuse(&mut self, at: usize, name: &str, inner: &str) {
        let known = inner[name.len()..].trim_start_matches(':').starts_with('?');
        let message = if known {
            format!("the variable {name} is not set, and this file needs it")
        } else {
            format!("`${{{inner}}}` can't be read")
        };
        let end = at + inner.len() + 3;
        self.problems.push(
            Diagnostic::error("undefined-variable", message)
                .at_script(self.script, at..end, "")
                .help(
                    "set it in the environment; `${NAME}`, `${NAME:-default}`, `${NAME-default}` and `${NAME?}` are understood",
                ),
        );
    }
}

fn name_length(text: &str) -> usize {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c| !word(c)).unwrap_or(text.len())
}
