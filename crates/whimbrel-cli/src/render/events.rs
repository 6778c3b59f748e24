//! A run's events as lines and as a progress bar.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use whimbrel::event::{Event, Listener, StepEvent};
use whimbrel::migration::Kind;
use whimbrel::plan::Direction;
use whimbrel::report::StepReport;

use super::Output;
use super::table::{milliseconds, plural};

/// How often the bar is drawn again while nothing happens.
const TICK: Duration = Duration::from_millis(200);

pub(super) struct Events(pub(super) Arc<Output>);

impl Listener for Events {
    fn event(&self, event: &Event<'_>) {
        let output = &self.0;
        match event {
            Event::Diagnostic(diagnostic) => output.diagnostic(diagnostic),
            Event::Connected { server } if output.verbose => {
                output.say(&format!(
                    "connected to {} {}",
                    server.engine, server.version
                ));
            }
            Event::LockWaiting { holder, waited } => {
                let waited = match waited.as_secs() {
                    0 => String::new(),
                    seconds => format!(" ({seconds} s)"),
                };
                output.say(&format!("waiting for the lock{waited}: held by {holder}"));
            }
            Event::StepStarted(step) => self.bar(*step),
            Event::StatementDone {
                step,
                statement,
                statements,
                rows,
            } => {
                self.message_on_bar(step, *statement, *statements);
                if output.verbose {
                    let rows = rows
                        .map(|n| format!(", {}", plural(n, "row")))
                        .unwrap_or_default();
                    output.say(&format!(
                        "  {} statement {statement} of {statements}{rows}",
                        step.label
                    ));
                }
            }
            Event::Notice { place, notice, .. } => {
                output.say(&format!(
                    "{place}: {}: {}",
                    notice.severity.to_lowercase(),
                    notice.message
                ));
            }
            Event::HeldUp { by } => {
                for line in *by {
                    output.say(&format!("waiting: {line}"));
                }
            }
            Event::StepDone(step) => self.done(step),
            Event::Retry {
                step,
                error,
                attempt,
                attempts,
                delay,
            } => {
                output.say(&format!(
                    "{}{}; trying again in {} (try {attempt} of {attempts})",
                    step.as_ref()
                        .map_or_else(String::new, |step| format!("{}: ", step.label)),
                    error.message,
                    milliseconds(*delay)
                ));
                // Who is in the way may be told to go before the tries are used up.
                for line in error.detail.iter().flat_map(|detail| detail.lines()) {
                    output.say(&format!("  {line}"));
                }
            }
            Event::Noted(file) => output.say(&format!(
                "noted   {} (only comments, white space or the rollback changed)",
                file.label
            )),
            Event::StepFailed { step, .. } => output.say(&format!("failed  {}", step.label)),
            Event::StepSkipped(step) => {
                output.say(&format!(
                    "skipped {}, which depends on one that failed",
                    step.label
                ));
            }
            _ => {}
        }
    }
}

impl Events {
    fn done(&self, step: &StepReport) {
        let verb = match step.direction {
            _ if step.kind == Kind::Hook => "ran    ",
            Direction::Up => "applied",
            Direction::Down => "undone ",
        };
        let resumed = match step.resumed_after {
            0 => String::new(),
            done => format!(", went on after statement {done}"),
        };
        let took = milliseconds(step.duration);
        let output = &self.0;
        output.say(&format!("{verb} {} ({took}{resumed})", step.label));
        let bar = output.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = bar.as_ref() {
            bar.inc(1);
        }
    }

    /// On a terminal.
    fn bar(&self, step: StepEvent<'_>) {
        let output = &self.0;
        if !output.terminal || output.quiet || output.json {
            return;
        }
        let mut slot = output.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = slot.get_or_insert_with(|| {
            let bar = ProgressBar::new(step.count as u64);
            let cyan = if output.colour { ".cyan" } else { "" };
            let template = format!("{{bar:20{cyan}}} {{pos}}/{{len}} {{elapsed}} {{wide_msg}}");
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            // The clock goes on while a statement takes its time.
            bar.enable_steady_tick(TICK);
            bar
        });
        bar.set_message(step.label.to_owned());
    }

    /// What runs after `statement` has ended.
    fn message_on_bar(&self, step: &StepEvent<'_>, statement: usize, statements: usize) {
        let slot = self.0.bar.lock();
        if let Some(bar) = slot.unwrap_or_else(PoisonError::into_inner).as_ref()
            && statement < statements
        {
            let next = statement + 1;
            bar.set_message(format!("{}, statement {next} of {statements}", step.label));
        }
    }
}
