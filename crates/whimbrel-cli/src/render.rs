//! What people and programs see. Results go to standard output, messages to standard error.

mod conversion;
mod diagnostic;
mod events;
mod fit;
mod table;
mod takeover;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};
use whimbrel::Error;
use whimbrel::diagnostic::{Diagnostic, Severity};
use whimbrel::event::Listener;
use whimbrel::history::Holder;
use whimbrel::plan::{Direction, Noted, Plan, Status};
use whimbrel::report::Report;
use whimbrel::runner::{ConversionReport, OpenStatement, Verdict};
use whimbrel::takeover::TakeoverReport;

use crate::cli::Global;

/// Where a command's words go.
pub(crate) struct Output {
    /// Null where the arguments name none.
    command: Value,
    json: bool,
    quiet: bool,
    verbose: bool,
    colour: bool,
    /// Messages go to somebody's terminal, where lines can be drawn again.
    terminal: bool,
    /// Colours on standard output, for tables.
    colour_out: bool,
    bar: Mutex<Option<indicatif::ProgressBar>>,
    /// Warnings and notes of the run, for the JSON document.
    warnings: Mutex<Vec<Value>>,
}

/// The listener that renders a run's events.
pub(crate) fn listener(output: &Arc<Output>) -> Arc<dyn Listener> {
    Arc::new(events::Events(Arc::clone(output)))
}

impl Output {
    pub(crate) fn new(global: &Global, command: impl Into<Value>) -> Self {
        let capable = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let wanted = !global.no_color
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && capable;
        let terminal = capable && std::io::stderr().is_terminal();
        Self {
            command: command.into(),
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            colour: wanted && terminal,
            terminal,
            colour_out: wanted && std::io::stdout().is_terminal(),
            bar: Mutex::default(),
            warnings: Mutex::default(),
        }
    }

    /// A line of the result. A closed pipe is no error: whoever reads has read enough.
    pub(crate) fn print(&self, line: &str) {
        if !self.json {
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    }

    /// A message; not with --quiet, nor where a program reads.
    pub(crate) fn say(&self, line: &str) {
        if !self.quiet && !self.json {
            self.message(line);
        }
    }

    /// A message about the settings.
    pub(crate) fn note(&self, text: &str) {
        self.say(&format!("note: {text}"));
    }

    /// A question, without a line's end.
    pub(crate) fn prompt(text: &str) {
        let mut stderr = std::io::stderr();
        let _ = write!(stderr, "{text}");
        let _ = stderr.flush();
    }

    fn message(&self, line: &str) {
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let write = || {
            let _ = writeln!(std::io::stderr(), "{line}");
        };
        match bar.as_ref() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// A command that plans and then runs hears its notes twice, and says them once.
    fn diagnostic(&self, diagnostic: &Diagnostic) {
        if let Ok(value) = serde_json::to_value(diagnostic) {
            let mut said = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
            if diagnostic.severity == Severity::Note && said.contains(&value) {
                return;
            }
            said.push(value);
        }
        if self.json {
            return;
        }
        if diagnostic.is_error() || !self.quiet {
            self.message(&diagnostic::draw(diagnostic, self.colour));
        }
    }

    fn document(&self, mut document: Value) {
        if self.json {
            document["command"] = json!(self.command);
            document["warnings"] =
                json!(*self.warnings.lock().unwrap_or_else(PoisonError::into_inner));
            let _ = writeln!(std::io::stdout(), "{document:#}");
        }
    }

    /// The result of a command as JSON, if that is asked for.
    pub(crate) fn result(&self, result: &impl Serialize) {
        self.document(json!({ "ok": true, "result": result }));
    }

    /// An error.
    pub(crate) fn error(&self, error: &Error, code: u8) {
        self.end_bar();
        let diagnostics = error.diagnostics();
        if self.json {
            let (state, done) = match error {
                Error::Failed(failure) => (json!(failure.state), json!(failure.done)),
                _ => (Value::Null, json!([])),
            };
            self.document(json!({
                "ok": false,
                "error": {
                    "kind": error.kind(),
                    "exit_code": code,
                    "diagnostics": diagnostics,
                    "state": state,
                    "done": done,
                },
            }));
            return;
        }
        self.diagnostics(&diagnostics);
        if let Error::Failed(failure) = error {
            let verb = if failure.direction == Direction::Up {
                "applied"
            } else {
                "undone"
            };
            self.message(&match failure.done.len() {
                0 => format!("Nothing was {verb}."),
                1 => format!("1 migration before it was {verb} and stays so."),
                count => format!("{count} migrations before it were {verb} and stay so."),
            });
        }
    }

    /// One mistake in a folder's names may be wrong with each of a thousand files: of what is alike a few
    /// are drawn, and all with `-v`.
    fn diagnostics(&self, list: &[Diagnostic]) {
        const ALIKE: usize = 10;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for diagnostic in list {
            let count = counts
                .entry(diagnostic.code.as_deref().unwrap_or_default())
                .or_default();
            *count += 1;
            if self.verbose || *count <= ALIKE {
                self.diagnostic(diagnostic);
            }
        }
        for (code, count) in counts {
            let more = count.saturating_sub(ALIKE);
            if more > 0 && !self.verbose {
                self.message(&format!("and {more} more of `{code}`: -v shows them all"));
            }
        }
    }

    fn end_bar(&self) {
        if let Some(bar) = self
            .bar
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            bar.finish_and_clear();
        }
    }

    /// What a run did.
    pub(crate) fn report(&self, report: &Report) {
        self.end_bar();
        let well = self.went_well(std::slice::from_ref(report));
        for line in table::summary(report) {
            self.print(&line);
        }
        self.document(json!({ "ok": well, "result": report }));
    }

    /// Shows what failed and did not end the run; a document has it in its result.
    fn went_well(&self, reports: &[Report]) -> bool {
        let mut well = true;
        for failure in reports.iter().flat_map(|report| &report.failures) {
            well = false;
            if !self.json {
                self.diagnostic(&failure.diagnostic);
            }
        }
        well
    }

    /// What `redo` did.
    pub(crate) fn reports(&self, reports: &[Report; 2]) {
        self.end_bar();
        let well = self.went_well(reports);
        for line in reports.iter().flat_map(table::summary) {
            self.print(&line);
        }
        self.document(json!({ "ok": well, "result": reports }));
    }

    /// Nothing to do.
    pub(crate) fn nothing(&self, why: &str) {
        self.print(why);
        self.result(&Value::Null);
    }

    /// A plan.
    pub(crate) fn plan(&self, plan: &Plan) {
        for warning in &plan.warnings {
            self.diagnostic(warning);
        }
        for line in table::plan(plan) {
            self.print(&line);
        }
        self.result(&table::plan_json(plan));
    }

    /// A dry run.
    pub(crate) fn dry_run(&self, plan: &Plan, sql: &str) {
        self.print_sql(plan, sql);
        self.result(&table::dry_run_json(plan, sql));
    }

    /// What `redo` would send.
    pub(crate) fn dry_runs(&self, plans: &[(Plan, String); 2]) {
        for (plan, sql) in plans {
            self.print_sql(plan, sql);
        }
        let results = plans
            .each_ref()
            .map(|(plan, sql)| table::dry_run_json(plan, sql));
        self.result(&results);
    }

    fn print_sql(&self, plan: &Plan, sql: &str) {
        for warning in &plan.warnings {
            self.diagnostic(warning);
        }
        if plan.steps.is_empty() && plan.noted.is_empty() {
            self.print("-- nothing to do");
        } else {
            self.print(sql.trim_end());
        }
    }

    /// What a baseline or an import did, or would do.
    pub(crate) fn takeover(&self, report: &TakeoverReport) {
        for line in takeover::lines(report, self.colour_out) {
            self.print(&line);
        }
        self.result(report);
    }

    /// What a conversion made, or would make.
    pub(crate) fn conversion(&self, report: &ConversionReport) {
        for line in conversion::lines(report, self.colour_out) {
            self.print(&line);
        }
        self.result(report);
    }

    /// Statements whose end is not known.
    pub(crate) fn open_statements(&self, list: &[OpenStatement]) {
        if list.is_empty() {
            self.print("Nothing to repair: the end of every statement is known.");
        }
        for open in list {
            let version = &open.version;
            self.print(&format!(
                "{}: statement {} of {} was started by {} ({:.0}), and its end is not known\n  `whimbrel up` looks for it in the catalog; if it can't tell, say so:\n  whimbrel repair {version} --done     it happened: go on after it\n  whimbrel repair {version} --again    it did not: run it again",
                open.label, open.statement, open.statements, open.started_by, open.started_at
            ));
        }
        self.result(&serde_json::json!({ "open": list }));
    }

    /// What was said of a statement.
    pub(crate) fn repaired(&self, open: &OpenStatement) {
        let place = format!("statement {} of {}", open.statement, open.statements);
        let next = match open.verdict {
            Some(Verdict::Done) => format!("{place}: the next run goes on after it"),
            Some(Verdict::Restart) => "the next run begins it anew".to_owned(),
            _ => format!("{place}: the next run runs it again"),
        };
        self.print(&format!("{}: {next}.", open.label));
        self.result(open);
    }

    /// A changed file that counts as what was applied.
    pub(crate) fn accepted(&self, noted: &Noted) {
        let Noted { label, file, .. } = noted;
        self.print(&format!(
            "{label}: {file}, as it stands, counts as what was applied. Nothing was run."
        ));
        self.result(noted);
    }

    /// Who held the lock that was freed.
    pub(crate) fn unlocked(&self, holder: Option<&Holder>) {
        match holder {
            Some(holder) => self.print(&format!("The lock is free. It was held by {holder}.")),
            None => self.print("The lock is free: nobody holds it."),
        }
        self.result(&serde_json::json!({ "holder": holder }));
    }

    /// What is about to be undone.
    pub(crate) fn undo_list(&self, plan: &Plan) {
        if !plan.steps.is_empty() {
            let labels: Vec<_> = plan
                .steps
                .iter()
                .map(|step| format!("  {}", step.label))
                .collect();
            self.say(&format!("Undoing, in this order:\n{}", labels.join("\n")));
        }
    }

    /// The state of every migration.
    pub(crate) fn status(&self, status: &Status) {
        for line in table::status(status, self.colour_out) {
            self.print(&line);
        }
        self.result(status);
    }
}
