//! What is said about a place in a file: one form for every message, drawn by one renderer.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use crate::text::{Place, Script, SourceFile};

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Probably not what was meant; nothing is stopped.
    Warning,
    /// Stops the command.
    Error,
}

/// One message about one place.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// A stable name for programs, such as `duplicate-version`; for server errors the server's code.
    pub code: Option<String>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The file and the bytes in it that the message is about.
    pub label: Option<Label>,
    /// Facts beside it: a server's detail, what was applied before.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

/// A range of bytes in a file, with a word or two to stand at the caret.
#[derive(Clone, Debug)]
pub struct Label {
    /// The file.
    pub file: Arc<SourceFile>,
    /// The bytes.
    pub span: Range<usize>,
    /// What stands at the caret; may be empty.
    pub text: String,
}

impl Label {
    /// Line and column where the label starts.
    pub fn place(&self) -> Place {
        self.file.place(self.span.start)
    }
}

impl Diagnostic {
    /// An error.
    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A warning.
    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    fn new(severity: Severity, code: &str, message: impl Into<String>) -> Self {
        Self {
            severity,
            code: Some(code.to_owned()),
            message: message.into(),
            label: None,
            notes: Vec::new(),
            help: None,
        }
    }

    /// Points at bytes of a file.
    pub fn at(mut self, file: &Arc<SourceFile>, span: Range<usize>, text: &str) -> Self {
        self.label = Some(Label {
            file: Arc::clone(file),
            span,
            text: text.to_owned(),
        });
        self
    }

    /// Points at bytes of a script's text, by the way back to its file.
    pub fn at_script(self, script: &Script, span: Range<usize>, text: &str) -> Self {
        let start = script.origin(span.start);
        let end = script.origin(span.end).max(start);
        self.at(script.file_at(span.start), start..end, text)
    }

    /// Adds a fact.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// True for an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `path:line:column: message`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = &self.label {
            let place = label.place();
            write!(f, "{}:{}:{}: ", label.file.name(), place.line, place.column)?;
        }
        f.write_str(&self.message)
    }
}

impl Serialize for Diagnostic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Form<'a> {
            severity: Severity,
            code: Option<&'a str>,
            message: &'a str,
            file: Option<&'a str>,
            line: Option<usize>,
            column: Option<usize>,
            notes: &'a [String],
            help: Option<&'a str>,
        }
        let place = self.label.as_ref().map(Label::place);
        Form {
            severity: self.severity,
            code: self.code.as_deref(),
            message: &self.message,
            file: self.label.as_ref().map(|label| label.file.name()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            notes: &self.notes,
            help: self.help.as_deref(),
        }
        .serialize(serializer)
    }
}
/// Of the names that there are, the one that was probably meant.
pub fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &&str| strsim::damerau_levenshtein(name, wanted);
    known
        .min_by_key(distance)
        .filter(|name| distance(name) <= 1 + wanted.len() / 4)
}

/// What is wrong with a name, which one was probably meant, and which there are.
pub fn unknown_name(problem: &str, wanted: &str, known: &[&str], all: &str) -> String {
    let mut first = all.chars();
    match (nearest(wanted, known.iter().copied()), first.next()) {
        (Some(name), Some(letter)) => format!(
            "{problem}; did you mean `{name}`? {}{}",
            letter.to_uppercase(),
            first.as_str()
        ),
        _ => format!("{problem}; {all}"),
    }
}
