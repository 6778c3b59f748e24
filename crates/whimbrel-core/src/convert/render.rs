//! The text of a converted file.

use std::sync::Arc;

use whimbrel_sql::Dialect;

use super::NewFile;
use super::names::NewName;
use crate::directive::Directives;
use crate::migration::Migration;
use crate::source::read_native;
use crate::text::{Script, SourceFile};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    /// `.up.sql` and `.down.sql`.
    pub(super) pair: bool,
    /// The down script as comments, so that the file may be piped to a client.
    pub(super) commented: bool,
    /// What the up script has around it.
    pub(super) around: Around,
    /// What the down script has around it.
    pub(super) around_down: Around,
    /// Transactions are spelt out.
    pub(super) explicit: bool,
}

/// Transaction control that the tool had sent itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Around {
    AsIs,
    Whole,
    Begin,
    End,
}

impl Style {
    /// All styles, the plainest first.
    pub(super) fn all(pair: bool) -> Vec<Self> {
        use Around::{AsIs, Begin, End, Whole};
        let mut list = Vec::new();
        for around in [AsIs, Whole, Begin, End] {
            for around_down in [AsIs, Whole, Begin, End] {
                let forms: &[bool] = if pair { &[true] } else { &[true, false] };
                list.extend(forms.iter().map(|commented| Self {
                    pair,
                    commented: *commented,
                    around,
                    around_down,
                    explicit: false,
                }));
            }
        }
        list
    }
}

impl Around {
    fn of(self, text: &str, explicit: bool) -> String {
        let (begin, end) = match self {
            _ if !explicit => ("", ""),
            Self::AsIs => ("", ""),
            Self::Whole => ("BEGIN;\n", "COMMIT;\n"),
            Self::Begin => ("BEGIN;\n", ""),
            Self::End => ("", "COMMIT;\n"),
        };
        if begin.is_empty() && end.is_empty() {
            return text.to_owned();
        }
        let mut text = text.trim_end().to_owned();
        if !end.is_empty() && !text.is_empty() && !text.ends_with(';') {
            // On a line of its own: the last line may be a comment.
            text.push_str("\n;");
        }
        format!("{begin}{text}\n{end}")
    }
}

/// A migration's files.
pub(super) fn files(
    migration: &Migration,
    down: Option<&Script>,
    name: &NewName,
    wanted: &Directives,
    style: Style,
    dialect: Dialect,
) -> Vec<NewFile> {
    let up = style.around.of(migration.up.text(), style.explicit);
    let down = down.map(|down| style.around_down.of(down.text(), style.explicit));
    let mut text = with_header(&up, wanted, dialect);
    let stem = &name.stem;
    if style.pair {
        let mut files = vec![(format!("{stem}.up.sql"), text)];
        files.extend(down.map(|down| (format!("{stem}.down.sql"), down)));
        return files;
    }
    if let Some(down) = down {
        text.truncate(text.trim_end().len());
        text.push_str("\n\n-- Rollback\n");
        if style.commented {
            text.extend(down.trim_matches('\n').split_inclusive('\n').map(comment));
        } else {
            text.push_str(down.trim_matches('\n'));
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    vec![(format!("{stem}.sql"), text)]
}

fn comment(line: &str) -> String {
    if line.trim().is_empty() {
        "--\n".to_owned()
    } else {
        format!("-- {line}")
    }
}

/// The script below the directives that it does not have in its own opening comment.
fn with_header(body: &str, wanted: &Directives, dialect: Dialect) -> String {
    let own = read_native(&SourceFile::new("", body), dialect);
    let mut body = body.to_owned();
    let mut has = own.directives;
    if own.down.is_some() || !own.problems.is_empty() || says_other(&has, wanted) {
        // Comments that were none of Whimbrel's business must not become so.
        body = muted(&body, dialect);
        has = Directives::default();
    }
    let mut header = String::new();
    for (key, value) in lines(wanted, &has) {
        header.push_str(&format!("-- {key}: {value}\n"));
    }
    if header.is_empty() {
        return body;
    }
    // A blank line between the header and a script that begins without a comment.
    let gap = if body.starts_with(['\n', '\r']) || body.starts_with("--") {
        ""
    } else {
        "\n"
    };
    format!("{header}{gap}{body}")
}

fn says_other(own: &Directives, wanted: &Directives) -> bool {
    fn other<T: PartialEq>(own: Option<&T>, wanted: Option<&T>) -> bool {
        own.is_some() && own != wanted
    }
    fn others(own: &[String], wanted: &[String]) -> bool {
        !own.is_empty() && own != wanted
    }
    own.version.is_some()
        || other(own.transaction.as_ref(), wanted.transaction.as_ref())
        || other(own.timeout.as_ref(), wanted.timeout.as_ref())
        || other(own.lock_timeout.as_ref(), wanted.lock_timeout.as_ref())
        || other(own.foreign_keys.as_ref(), wanted.foreign_keys.as_ref())
        || other(own.irreversible.as_ref(), wanted.irreversible.as_ref())
        || other(own.converted.as_ref(), wanted.converted.as_ref())
        || others(&own.depends, &wanted.depends)
        || others(&own.tags, &wanted.tags)
        || others(&own.allow, &wanted.allow)
}

/// Comments outside bodies that the native layout would read something into, turned into ordinary
/// ones.
fn muted(body: &str, dialect: Dialect) -> String {
    let mut text = String::with_capacity(body.len() + 64);
    let mut done = 0;
    for comment in whimbrel_sql::comments(body, dialect) {
        let line = &body[comment.clone()];
        let Some(rest) = line.strip_prefix("--") else {
            continue;
        };
        let alone = SourceFile::new("", line);
        let reading = read_native(&Arc::clone(&alone), dialect);
        let means = reading.down.is_some()
            || !reading.problems.is_empty()
            || reading.directives != Directives::default();
        if means {
            text.push_str(&body[done..comment.start]);
            text.push_str("-- was:");
            text.push_str(if rest.starts_with(' ') { "" } else { " " });
            done = comment.start + 2;
        }
    }
    text.push_str(&body[done..]);
    text
}

/// The directives that are wanted and not there.
fn lines(wanted: &Directives, has: &Directives) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let mut text = |key, value: Option<String>, there: bool| {
        if let Some(value) = value.filter(|_| !there) {
            lines.push((key, value));
        }
    };
    let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
    let time = |time: std::time::Duration| format!("{}ms", time.as_millis());
    let list = |list: &[String]| (!list.is_empty()).then(|| list.join(", "));
    text(
        "Description",
        wanted.description.clone(),
        has.description.is_some(),
    );
    text("Created", wanted.created.clone(), has.created.is_some());
    text("Depends", list(&wanted.depends), !has.depends.is_empty());
    text(
        "Transaction",
        wanted.transaction.map(switch),
        has.transaction.is_some(),
    );
    text("Timeout", wanted.timeout.map(time), has.timeout.is_some());
    text(
        "Lock-Timeout",
        wanted.lock_timeout.map(time),
        has.lock_timeout.is_some(),
    );
    text(
        "Foreign-Keys",
        wanted.foreign_keys.map(switch),
        has.foreign_keys.is_some(),
    );
    text("Tags", list(&wanted.tags), !has.tags.is_empty());
    text("Allow", list(&wanted.allow), !has.allow.is_empty());
    text(
        "Irreversible",
        wanted.irreversible.clone(),
        has.irreversible.is_some(),
    );
    let converted = wanted.converted.as_ref().map(ToString::to_string);
    text("Converted", converted, has.converted.is_some());
    lines
}
