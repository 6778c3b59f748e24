//! `sqitch.plan`: the changes in their order, what they need, and the tags between them.

use std::ops::Range;
use std::sync::Arc;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::text::SourceFile;

/// A plan.
pub(super) struct Plan {
    pub(super) project: String,
    pub(super) changes: Vec<Change>,
}

/// One line with a change, and the tags that follow it.
pub(super) struct Change {
    pub(super) name: String,
    /// The change's line.
    pub(super) span: Range<usize>,
    pub(super) needs: Vec<Dependency>,
    pub(super) planned: Option<String>,
    pub(super) note: Option<String>,
    pub(super) tags: Vec<String>,
}

/// What stands between `[` and `]`.
pub(super) struct Dependency {
    pub(super) span: Range<usize>,
    /// `!change`: must not be there.
    pub(super) conflict: bool,
    pub(super) project: Option<String>,
    pub(super) change: String,
    pub(super) tag: Option<String>,
}

impl Plan {
    pub(super) fn parse(file: &Arc<SourceFile>) -> Result<Self, Vec<Diagnostic>> {
        let mut plan = Self {
            project: String::new(),
            changes: Vec::new(),
        };
        let mut errors = Vec::new();
        let mut start = 0;
        for line in file.text().split_inclusive('\n') {
            let text = line.trim();
            let at = start + (line.len() - line.trim_start().len());
            start += line.len();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let span = at..at + text.len();
            if let Err(message) = plan.line(text, span.clone()) {
                errors.push(Diagnostic::error("sqitch-plan", message).at(file, span, ""));
            }
        }
        if errors.is_empty() {
            Ok(plan)
        } else {
            Err(errors)
        }
    }

    fn line(&mut self, text: &str, span: Range<usize>) -> Result<(), String> {
        if let Some(pragma) = text.strip_prefix('%') {
            let (key, value) = pragma.split_once('=').unwrap_or((pragma, ""));
            if key.trim() == "project" {
                value.trim().clone_into(&mut self.project);
            }
            return Ok(());
        }
        let word = text.split_whitespace().next().unwrap_or_default();
        if let Some(tag) = word.strip_prefix('@') {
            let Some(last) = self.changes.last_mut() else {
                return Err(format!("the tag @{tag} stands before the first change"));
            };
            last.tags.push(tag.to_owned());
            return Ok(());
        }
        if word.starts_with('-') {
            return Err("a line that takes a change back again can't be read".to_owned());
        }
        let name = word.trim_start_matches('+');
        let begin = text.find(name).unwrap_or(0) + name.len();
        let (needs, rest) = dependencies(text, begin, span.start)?;
        let (facts, note) = match rest.split_once('#') {
            Some((facts, note)) => (facts, Some(note.trim().to_owned())),
            None => (rest, None),
        };
        self.changes.push(Change {
            name: name.to_owned(),
            span,
            needs,
            planned: facts.split_whitespace().next().map(str::to_owned),
            note: note.filter(|note| !note.is_empty()),
            tags: Vec::new(),
        });
        Ok(())
    }
}

/// The list between brackets, if there is one, and what follows it. `base` is where the line
/// starts in its file.
fn dependencies(text: &str, begin: usize, base: usize) -> Result<(Vec<Dependency>, &str), String> {
    let rest = &text[begin..];
    let Some(list) = rest.trim_start().strip_prefix('[') else {
        return Ok((Vec::new(), rest));
    };
    let from = text.len() - list.len();
    let end = list.find(']').ok_or("this list has no `]`")?;
    let mut found = Vec::new();
    for word in list[..end].split_whitespace() {
        let at = base + from + (word.as_ptr() as usize - list.as_ptr() as usize);
        found.push(dependency(word, at..at + word.len()));
    }
    Ok((found, &list[end + 1..]))
}

fn dependency(word: &str, span: Range<usize>) -> Dependency {
    let (conflict, word) = match word.strip_prefix('!') {
        Some(word) => (true, word),
        None => (false, word),
    };
    let (project, word) = match word.split_once(':') {
        Some((project, word)) => (Some(project.to_owned()), word),
        None => (None, word),
    };
    let (change, tag) = match word.split_once('@') {
        Some((change, tag)) => (change, Some(tag.to_owned())),
        None => (word, None),
    };
    Dependency {
        span,
        conflict,
        project: project.filter(|project| !project.is_empty()),
        change: change.to_owned(),
        tag,
    }
}
