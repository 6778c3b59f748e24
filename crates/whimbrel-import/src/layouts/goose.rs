//! goose: `00001_name.sql` with `-- +goose Up` and `-- +goose Down`.

use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::migration::{Reading, Substitute, Transactions};
use whimbrel_core::source::{Blank, Certainty, Entry, Layout, Listing, Loaded, Recognised};
use whimbrel_core::text::{Script, ScriptBuilder, SourceFile};
use whimbrel_sql::Dialect;

use super::files::{
    Found, Problems, Rules, any_file_has, begins_with, exact, lines, load, number_and_name,
    outermost,
};
use super::pairs::by_number;
use super::variables;

const WORD: &str = "+goose";

/// The layout of goose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goose;

/// What a line may tell goose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Annotation {
    Up,
    Down,
    StatementBegin,
    StatementEnd,
    NoTransaction,
    Variables(bool),
}

impl Annotation {
    /// Reads `-- +goose Up` and its like, in any case. As in goose, all other dashes go, and
    /// nothing has to part the words: `---- +gooseDown` is a mark.
    pub(super) fn of(line: &str) -> Option<Self> {
        if !line.starts_with("--") {
            return None;
        }
        let (before, after) = line.split_once(WORD)?;
        let command = format!("{before} {after}").replace("--", "");
        let words: Vec<_> = command.split_whitespace().collect();
        Some(match words.join(" ").to_ascii_lowercase().as_str() {
            "up" => Self::Up,
            "down" => Self::Down,
            "statementbegin" => Self::StatementBegin,
            "statementend" => Self::StatementEnd,
            "no transaction" => Self::NoTransaction,
            "envsub on" | "envsubst on" => Self::Variables(true),
            "envsub off" | "envsubst off" => Self::Variables(false),
            _ => return None,
        })
    }
}

impl Layout for Goose {
    fn name(&self) -> &'static str {
        "goose"
    }

    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let marked = |text: &str| lines(text).any(|(_, line)| Annotation::of(line).is_some());
        if any_file_has(listing, marked) {
            let reason = "files with `-- +goose` lines";
            return Some(Recognised::new(Certainty::Certain, reason));
        }
        let code = listing.others.iter().find(|entry| {
            is_code(entry)
                && entry
                    .read()
                    .is_ok_and(|file| file.text().contains("goose."))
        })?;
        let reason = format!("{} is a migration of goose", code.path.display());
        Some(Recognised::new(Certainty::Certain, reason))
    }

    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let listing = &*exact(listing, &mut problems);
        for entry in listing.others.iter().filter(|entry| is_code(entry)) {
            problems.code(entry, "goose");
        }
        let mut found = Vec::new();
        for entry in outermost(listing, &mut problems) {
            match split(&entry.stem) {
                Some((version, name)) => found.push(Found::new(version, name, entry, None)),
                None => problems.error(
                    entry,
                    "no-version",
                    "the name is not of the form `00001_name.sql`",
                    "goose refuses this name as well: give it a number, or move the file elsewhere",
                ),
            }
        }
        by_number(&mut found);
        let values = Arc::clone(&listing.environment);
        let rules = Rules {
            transactions: Transactions::Wrapped,
            reader: read,
            substitute: Some(Substitute::new(move |script| {
                variables::substitute(script, &values)
            })),
            foreign_keys: Some(false),
            settings: &[],
        };
        load(listing, dialect, &found, &rules, problems)
    }

    fn blank(&self, _: &Listing, version: &str, name: &str) -> Option<Vec<Blank>> {
        let text = "-- +goose Up\n\n-- +goose Down\n";
        Some(vec![(format!("{version}_{name}.sql"), text.to_owned())])
    }
}

/// A number above zero, an underscore, a name.
fn split(stem: &str) -> Option<(&str, &str)> {
    let (version, name) = stem.split_once('_')?;
    let number: i64 = version.parse().ok()?;
    (number > 0).then_some((version, name))
}

/// `00002_name.go`; `embed.go` and tests are no migrations.
fn is_code(entry: &Entry) -> bool {
    entry.extension == "go"
        && entry.folder.is_empty()
        && number_and_name(&entry.stem).is_some()
        && !entry.stem.ends_with("_test")
}

/// A comment with goose's word in it. Goose refuses what it does not know; passed over, a
/// `--- +goose Down` would let the down part run with the up part.
fn is_meant(line: &str) -> bool {
    let comment = line.trim_start().starts_with("--");
    comment && (line.to_ascii_lowercase().contains(WORD) || begins_with(line, WORD))
}

/// `--------` or `--words`, which goose leaves out between statements and MySQL takes for minus signs.
fn is_no_comment_there(line: &str) -> bool {
    let after = line.trim_start().strip_prefix("--");
    after.is_some_and(|after| after.starts_with(|c: char| !c.is_whitespace()))
}

/// A file being taken apart line by line, as goose does it: its lines count even inside bodies.
struct Parts<'a> {
    file: &'a Arc<SourceFile>,
    sections: Vec<Section>,
    substituting: bool,
    in_statement: Option<usize>,
    /// Whether a statement has begun, by goose's account, which goes by lines.
    is_open: bool,
    dialect: Dialect,
    problems: Vec<Diagnostic>,
}

struct Section {
    annotation: Annotation,
    script: ScriptBuilder,
}

fn read(file: &Arc<SourceFile>, dialect: Dialect) -> Reading {
    let mut reading = Reading::whole(file, dialect);
    let mut parts = Parts {
        file,
        sections: Vec::new(),
        substituting: false,
        in_statement: None,
        is_open: false,
        dialect,
        problems: Vec::new(),
    };
    for (at, line) in lines(file.text()) {
        match Annotation::of(line) {
            Some(Annotation::NoTransaction) => reading.directives.transaction = Some(false),
            Some(annotation) => parts.annotation(annotation, at, line),
            None => {
                if is_meant(line) {
                    parts.wrong(at, line, "goose does not know this annotation");
                }
                parts.line(at, line);
            }
        }
    }
    parts.check_end();
    reading.up = Script::slice(Arc::clone(file), 0..0);
    for section in parts.sections {
        let script = section.script.finish();
        if section.annotation == Annotation::Up {
            reading.up = script;
        } else {
            reading.down = Some(script);
        }
    }
    reading.problems = parts.problems;
    reading
}

impl Parts<'_> {
    fn annotation(&mut self, annotation: Annotation, at: usize, line: &str) {
        match annotation {
            Annotation::Up | Annotation::Down => self.section(annotation, at, line),
            Annotation::StatementBegin => self.in_statement = Some(at),
            Annotation::StatementEnd => {
                if self.in_statement.take().is_none() {
                    self.wrong(at, line, "there is no StatementBegin before this");
                }
                self.is_open = false;
                self.end_statement(at);
            }
            Annotation::Variables(on) => {
                self.substituting = on;
                self.line(at, line);
            }
            Annotation::NoTransaction => {}
        }
    }

    fn section(&mut self, annotation: Annotation, at: usize, line: &str) {
        if let Some(begin) = self.in_statement.take() {
            self.wrong(begin, line, "this StatementBegin has no StatementEnd");
        }
        let made: Vec<_> = self.sections.iter().map(|s| s.annotation).collect();
        let message = match (made.as_slice(), annotation) {
            ([], Annotation::Up) | ([Annotation::Up], Annotation::Down) => None,
            ([], _) => Some("a `-- +goose Up` line must come first"),
            _ => Some("this part is in the file twice"),
        };
        if let Some(message) = message {
            self.wrong(at, line, message);
        }
        self.is_open = false;
        let mut script = Script::build(Arc::clone(self.file));
        if self.substituting {
            script.put(variables::ON, at);
        }
        self.sections.push(Section { annotation, script });
    }

    /// The end of a statement that may lack its semicolon.
    fn end_statement(&mut self, at: usize) {
        if let Some(section) = self.sections.last_mut() {
            section.script.put(";\n", at);
        }
    }

    fn line(&mut self, at: usize, line: &str) {
        if !self.is_open && self.dialect == Dialect::Mysql && is_no_comment_there(line) {
            return;
        }
        self.follow(line);
        let text = self.file.text();
        let end = text[at..].find('\n').map_or(text.len(), |n| at + n + 1);
        if let Some(section) = self.sections.last_mut() {
            section.script.copy(at..end);
        } else if !line.trim().is_empty() && !line.trim_start().starts_with("--") {
            self.wrong(at, line, "there is SQL before the `-- +goose Up` line");
        }
    }

    /// Goose ends a statement with a line whose last word before a comment ends in a semicolon.
    fn follow(&mut self, line: &str) {
        let words = line.split_whitespace();
        let last = words.take_while(|word| !word.starts_with("--")).last();
        let ends = last.is_some_and(|word| word.ends_with(';')) && self.in_statement.is_none();
        self.is_open = !ends && (self.is_open || last.is_some());
    }

    fn check_end(&mut self) {
        if let Some(begin) = self.in_statement.take() {
            self.wrong(begin, "", "this StatementBegin has no StatementEnd");
        }
        if self.sections.is_empty() {
            self.wrong(0, "", "the file has no `-- +goose Up` line");
        }
    }

    fn wrong(&mut self, at: usize, line: &str, message: &str) {
        let comment_there = is_meant(line) && !line.contains(WORD);
        let help = if comment_there {
            "goose takes this line for a comment, and runs what is below with the part above: write `-- +goose Up` or `Down`"
        } else {
            "goose refuses this file as well: put its annotations right"
        };
        self.problems.push(
            Diagnostic::error("goose-annotation", message)
                .at(self.file, at..at + line.len(), "")
                .help(help),
        );
    }
}
