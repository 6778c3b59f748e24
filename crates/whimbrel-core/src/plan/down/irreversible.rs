//! What can't be undone, said once however many there are.

use whimbrel_sql::Dialect;

use crate::diagnostic::Diagnostic;
use crate::history::Applied;
use crate::migration::{Migration, label};
use crate::text::{Script, SourceFile};

/// So many are named.
const NAMED: usize = 5;

pub(super) struct Irreversible<'a> {
    dialect: Dialect,
    /// The last applied first, as they would be undone.
    found: Vec<(&'a Applied, Option<&'a Migration>)>,
}

impl<'a> Irreversible<'a> {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            found: Vec::new(),
        }
    }

    /// Remembers one. The step has no other problem, so that the list that is given back is empty.
    pub(super) fn add(&mut self, row: &'a Applied, file: Option<&'a Migration>) -> Vec<Diagnostic> {
        self.found.push((row, file));
        Vec::new()
    }

    /// Those that say why, each by itself; the others together.
    pub(super) fn problems(&self) -> Vec<Diagnostic> {
        let reason = |file: Option<&'a Migration>| file?.directives.irreversible.as_ref();
        let mut problems = Vec::new();
        let (mut present, mut gone) = (Vec::new(), Vec::new());
        for &(row, file) in &self.found {
            match (file, reason(file)) {
                (Some(migration), Some(reason)) => {
                    let message = format!("{} can't be undone: {reason}", name(row));
                    let problem = Diagnostic::error("irreversible", message);
                    let problem = problem.at(&migration.file, 0..0, "");
                    problems.push(problem.help("undo only what came after it"));
                }
                (Some(migration), None) => match migration.declined() {
                    Some(script) => problems.push(declined(row, script)),
                    None => present.push((row, migration)),
                },
                (None, _) => gone.push(row),
            }
        }
        if let Some((_, migration)) = present.first() {
            let names: Vec<_> = present.iter().map(|(row, _)| name(row)).collect();
            let problem = list(&names).at(&migration.file, 0..0, "");
            let (how, it) = (self.how(migration), them(names.len()));
            problems.push(problem.help(format!("{how}, or undo only what came after {it}")));
        }
        if !gone.is_empty() {
            let names: Vec<_> = gone.iter().map(|row| name(row)).collect();
            let (files, were) = match names.len() {
                1 => ("its file is", "no rollback was"),
                _ => ("their files are", "no rollbacks were"),
            };
            let problem = list(&names).note(format!("{files} gone, and {were} kept when applied"));
            problems.push(
                problem.help("get the files back from version control, and add the rollbacks"),
            );
        }
        problems
    }

    /// How a rollback is written, as the layout reads it.
    fn how(&self, migration: &Migration) -> &'static str {
        let probe = SourceFile::new("probe", "SELECT 1;\n-- Rollback\n-- SELECT 2;\n");
        if migration.file.name().contains(".up.") {
            "write the `.down` file beside the `.up` file"
        } else if (migration.reader)(&probe, self.dialect).down.is_some() {
            "add a `-- Rollback` section to the file"
        } else {
            "write a rollback as the files' own tool has it"
        }
    }
}

fn declined(row: &Applied, script: &Script) -> Diagnostic {
    let text = script.text();
    let start = text.len() - text.trim_start().len();
    let first = text[start..].lines().next().unwrap_or_default();
    let words = first.trim_end_matches(|c: char| c.is_whitespace() || c == ';');
    let message = format!("{} can't be undone: its rollback is `{words}`", name(row));
    Diagnostic::error("irreversible", message)
        .at_script(script, start..start + words.len(), "")
        .help("write SQL there, or undo only what came after it")
}

fn name(row: &Applied) -> String {
    label(&row.version, &row.name)
}

fn them(count: usize) -> &'static str {
    if count == 1 { "it" } else { "them" }
}

fn list(names: &[String]) -> Diagnostic {
    if let [one] = names {
        let message = format!("{one} can't be undone: it has no rollback");
        return Diagnostic::error("irreversible", message);
    }
    let count = names.len();
    let mut text = names[..count.min(NAMED)].join(", ");
    if count > NAMED {
        text.push_str(&format!(" and {} more", count - NAMED));
    }
    let message = format!("{count} migrations can't be undone: they have no rollback");
    Diagnostic::error("irreversible", message).note(text)
}
