//! sql-migrate (rubenv): `1_name.sql` with `-- +migrate Up` and `-- +migrate Down`.

use std::ops::Range;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::migration::{Reading, Transactions};
use whimbrel_core::source::{Blank, Certainty, Layout, Listing, Loaded, Recognised, remark};
use whimbrel_core::text::{Script, ScriptBuilder, SourceFile};
use whimbrel_core::version::Version;
use whimbrel_sql::Dialect;

use super::files::{
    Found, Problems, Rules, any_file_has, begins_with, exact, file_name, lines, load,
    number_and_name, outermost,
};

/// The layout of sql-migrate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SqlMigrate;

const MARK: &str = "-- +migrate ";

impl Layout for SqlMigrate {
    fn name(&self) -> &'static str {
        "sql-migrate"
    }

    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let marked = |text: &str| lines(text).any(|(_, line)| line.starts_with(MARK));
        any_file_has(listing, marked).then(|| {
            let reason = "files with `-- +migrate` lines";
            Recognised::new(Certainty::Certain, reason)
        })
    }

    /// The whole name is the version. Numbers come first, by their values; names decide the rest.
    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let listing = &*exact(listing, &mut problems);
        let mut found: Vec<_> = outermost(listing, &mut problems)
            .into_iter()
            .map(|entry| {
                let name =
                    number_and_name(&entry.stem).map_or(entry.stem.as_str(), |(_, name)| name);
                Found::new(entry.stem.as_str(), name, entry, None)
            })
            .collect();
        found.sort_by_cached_key(|item| {
            let number = number_and_name(&item.version).map(|(number, _)| Version::new(number));
            (number.is_none(), number, file_name(item.up))
        });
        let rules = Rules {
            reader: read,
            foreign_keys: Some(false),
            ..Rules::plain(Transactions::Wrapped)
        };
        load(listing, dialect, &found, &rules, problems)
    }

    fn blank(&self, _: &Listing, version: &str, name: &str) -> Option<Vec<Blank>> {
        let text = "-- +migrate Up\n\n-- +migrate Down\n";
        Some(vec![(format!("{version}-{name}.sql"), text.to_owned())])
    }
}

/// A file being taken apart line by line, as the tool does it: each part may come more than once,
/// and what is before the first belongs to none.
struct Parts<'a> {
    file: &'a Arc<SourceFile>,
    up: ScriptBuilder,
    down: Option<ScriptBuilder>,
    /// Whether it is in the down part; none before the first mark.
    in_down: Option<bool>,
    in_statement: Option<usize>,
    /// The first line of SQL before the first mark.
    early: Option<Range<usize>>,
    /// Up and down.
    without_transaction: [bool; 2],
    problems: Vec<Diagnostic>,
}

fn read(file: &Arc<SourceFile>, dialect: Dialect) -> Reading {
    let mut reading = Reading::whole(file, dialect);
    let mut parts = Parts {
        file,
        up: Script::build(Arc::clone(file)),
        down: None,
        in_down: None,
        in_statement: None,
        early: None,
        without_transaction: [false; 2],
        problems: Vec::new(),
    };
    for (at, line) in lines(file.text()) {
        match line.strip_prefix(MARK) {
            Some(command) => parts.command(command, at, line),
            None if begins_with(line, "+migrate") => parts.passed_over(at, line),
            // The tool leaves such lines out, within bodies and strings as well.
            None if line.starts_with("-- ") => {}
            None => parts.line(at, line),
        }
    }
    if let Some(begin) = parts.in_statement {
        parts.wrong(begin, "", "this StatementBegin has no StatementEnd");
    }
    if parts.in_down.is_none() {
        parts.wrong(
            0,
            "",
            "the file has neither `-- +migrate Up` nor `-- +migrate Down`",
        );
    }
    if let Some(early) = parts.early.take().filter(|_| parts.in_down.is_some()) {
        let message = "what is before the first `-- +migrate` line is not run";
        parts.problems.push(
            Diagnostic::warning("sql-migrate-early", message)
                .at(file, early, "")
                .help("sql-migrate passes over it as well: put it below `-- +migrate Up`"),
        );
    }
    let [up, down] = parts.without_transaction;
    reading.directives.transaction = up.then_some(false);
    reading.down_transaction = (up || down).then_some(!down);
    reading.up = parts.up.finish();
    reading.down = parts.down.map(ScriptBuilder::finish);
    reading.problems = parts.problems;
    reading
}

impl Parts<'_> {
    fn command(&mut self, command: &str, at: usize, line: &str) {
        let mut words = command.split_whitespace();
        match words.next() {
            Some(word @ ("Up" | "Down")) => {
                let down = word == "Down";
                self.in_down = Some(down);
                self.without_transaction[usize::from(down)] |=
                    words.any(|word| word == "notransaction");
                if down && self.down.is_none() {
                    self.down = Some(Script::build(Arc::clone(self.file)));
                }
            }
            Some("StatementBegin") => self.in_statement = self.in_down.map(|_| at),
            Some("StatementEnd") => {
                if self.in_statement.take().is_some() {
                    self.script().put(";\n", at);
                }
            }
            _ => self.passed_over(at, line),
        }
    }

    fn script(&mut self) -> &mut ScriptBuilder {
        match &mut self.down {
            Some(down) if self.in_down == Some(true) => down,
            _ => &mut self.up,
        }
    }

    fn line(&mut self, at: usize, line: &str) {
        if self.in_down.is_some() {
            let text = self.file.text();
            let end = text[at..].find('\n').map_or(text.len(), |n| at + n + 1);
            self.script().copy(at..end);
        } else if !line.trim().is_empty() && remark(line).is_none() {
            self.early.get_or_insert(at..at + line.len());
        }
    }

    /// The tool goes on as if the line was not there, and runs what is below with the part above.
    fn passed_over(&mut self, at: usize, line: &str) {
        self.problems.push(
            Diagnostic::error("sql-migrate-command", "sql-migrate does not know this command")
                .at(self.file, at..at + line.len(), "")
                .help("it passes over the line, and what is below belongs to the part above: write `-- +migrate Up`, `Down`, `StatementBegin` or `StatementEnd`, at the beginning of the line"),
        );
    }

    fn wrong(&mut self, at: usize, line: &str, message: &str) {
        self.problems.push(
            Diagnostic::error("sql-migrate-command", message)
                .at(self.file, at..at + line.len(), "")
                .help("sql-migrate refuses this file as well: put its `-- +migrate` lines right"),
        );
    }
}
