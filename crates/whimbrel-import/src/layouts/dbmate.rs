//! dbmate: `20230101000000_name.sql` with `-- migrate:up` and `-- migrate:down`.

use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::migration::{Reading, Transactions};
use whimbrel_core::source::{Blank, Certainty, Layout, Listing, Loaded, Recognised, remark};
use whimbrel_core::text::{Script, SourceFile};
use whimbrel_sql::Dialect;

use super::files::{
    Found, Problems, Rules, any_file_has, exact, lines, load, number_and_name, outermost,
};

/// The layout of dbmate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dbmate;

impl Layout for Dbmate {
    fn name(&self) -> &'static str {
        "dbmate"
    }

    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        any_file_has(listing, |text| marks(text, "up").next().is_some()).then(|| {
            let reason = "files with `-- migrate:up` lines";
            Recognised::new(Certainty::Certain, reason)
        })
    }

    /// In the order of the files' names, as texts.
    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let listing = &*exact(listing, &mut problems);
        let mut found = Vec::new();
        for entry in outermost(listing, &mut problems) {
            match number_and_name(&entry.stem) {
                Some((version, name)) => found.push(Found::new(version, name, entry, None)),
                None => problems.stray(entry, "the name does not begin with a number"),
            }
        }
        found.sort_by(|a, b| a.up.stem.cmp(&b.up.stem));
        let rules = Rules {
            transactions: Transactions::Wrapped,
            reader: read,
            substitute: None,
            foreign_keys: Some(false),
            settings: &[],
        };
        load(listing, dialect, &found, &rules, problems)
    }

    fn blank(&self, _: &Listing, version: &str, name: &str) -> Option<Vec<Blank>> {
        let text = "-- migrate:up\n\n-- migrate:down\n";
        Some(vec![(format!("{version}_{name}.sql"), text.to_owned())])
    }
}

/// A line that begins a part.
struct Mark {
    start: usize,
    /// Where the part's SQL begins.
    end: usize,
    transaction: Option<bool>,
}

fn marks(text: &str, part: &str) -> impl Iterator<Item = Mark> {
    let wanted = format!("migrate:{part}");
    lines(text).filter_map(move |(start, line)| {
        let mut words = line.strip_prefix("--")?.split_whitespace();
        if words.next() != Some(wanted.as_str()) {
            return None;
        }
        let off = words.any(|word| word == "transaction:false");
        Some(Mark {
            start,
            end: start + line.len(),
            transaction: off.then_some(false),
        })
    })
}

/// ` -- migrate:down`, `-- Migrate:Down`, `-- migrate: down`, `-- migrate:down;`, `-- migrate down`:
/// the part below would run with the one above, so that a table would be gone as soon as it is there.
fn is_nearly_a_mark(line: &str) -> bool {
    const PARTS: [&str; 2] = ["up", "down"];
    let says = remark(line).unwrap_or_default().trim_end();
    // Few comments begin so.
    if !says.starts_with(['m', 'M']) {
        return false;
    }
    let says = says.to_ascii_lowercase();
    let Some(rest) = says.strip_prefix("migrate") else {
        return false;
    };
    let rest = rest.trim_start();
    let means = match rest.strip_prefix(':') {
        Some(part) => PARTS.iter().any(|name| part.trim_start().starts_with(name)),
        None => PARTS.contains(&rest),
    };
    means && PARTS.iter().all(|part| marks(line, part).next().is_none())
}

fn read(file: &Arc<SourceFile>, dialect: Dialect) -> Reading {
    let mut reading = Reading::whole(file, dialect);
    let text = file.text();
    let (mut ups, mut downs) = (marks(text, "up"), marks(text, "down"));
    let (up, down) = (ups.next(), downs.next());
    let wrong = |at: usize, message: &str| {
        Diagnostic::error("dbmate-mark", message)
            .at(file, at..at, "")
            .help("dbmate refuses this file as well: put its `-- migrate:` lines right")
    };
    let unread = lines(text).filter(|(_, line)| is_nearly_a_mark(line));
    reading.problems.extend(unread.map(|(at, line)| {
        Diagnostic::error("dbmate-mark", "dbmate does not read this line as a mark")
            .at(file, at..at + line.len(), "")
            .help("marks are `-- migrate:up` and `-- migrate:down`, in small letters, at the beginning of the line")
    }));
    let Some(up) = up else {
        let problem = wrong(0, "the file has no `-- migrate:up` line");
        reading.problems.push(problem);
        return reading;
    };
    if let Some(second) = ups.next().or_else(|| downs.next()) {
        let problem = wrong(second.start, "this part is in the file twice");
        reading.problems.push(problem);
    }
    let before =
        |(_, line): &(usize, &str)| !line.trim().is_empty() && !line.trim_start().starts_with("--");
    let early = lines(&text[..up.start]).find(before);
    if let Some((at, _)) = early {
        let problem = wrong(at, "there is SQL before the `-- migrate:up` line");
        reading.problems.push(problem);
    }
    let mut end = text.len();
    if let Some(down) = down {
        if down.start < up.start {
            let problem = wrong(down.start, "`-- migrate:up` must come before this");
            reading.problems.push(problem);
            return reading;
        }
        end = down.start;
        reading.down = Some(Script::slice(Arc::clone(file), down.end..text.len()));
        reading.down_transaction = down.transaction.or(up.transaction.map(|_| true));
    }
    reading.directives.transaction = up.transaction;
    reading.up = Script::slice(Arc::clone(file), up.end..end);
    reading
}
