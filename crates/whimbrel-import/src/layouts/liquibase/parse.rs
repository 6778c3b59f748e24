//! Formatted SQL: a file's changesets, line by line as Liquibase finds them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::rules::Condition;
use whimbrel_core::text::SourceFile;
use whimbrel_sql::Dialect;

use super::attributes::Attributes;
use super::precondition::{Outcomes, check};
use super::values::expand;

/// A changeset as it stands in its file.
pub(super) struct Changeset {
    pub(super) author: String,
    pub(super) id: String,
    /// Its `--changeset` line.
    pub(super) header: Range<usize>,
    /// Where its attributes stand.
    pub(super) attributes: Range<usize>,
    pub(super) comment: Option<String>,
    /// The lines of its script.
    pub(super) lines: Vec<Range<usize>>,
    /// The lines of its rollback, without their marks; empty if there is none.
    pub(super) rollback: Vec<Range<usize>>,
    /// What must hold for it to run.
    pub(super) conditions: Vec<Condition>,
    outcomes: Outcomes,
    /// `--property` values known so far.
    pub(super) values: BTreeMap<String, String>,
}

/// A file of formatted SQL.
pub(super) struct Changelog {
    pub(super) logical_path: Option<String>,
    pub(super) changesets: Vec<Changeset>,
    pub(super) problems: Vec<Diagnostic>,
}

/// What a line is.
enum Line<'a> {
    Property(&'a str),
    Ignore(&'a str),
    Changeset(&'a str),
    Comment(&'a str),
    Rollback(&'a str),
    RollbackBlock,
    Preconditions(&'a str),
    Precondition(&'a str),
    Nothing,
    OneDash,
    Sql,
}

/// True for the first line of a file of formatted SQL.
pub(super) fn is_header(line: &str) -> bool {
    let rest = after_dashes(line).and_then(|rest| word(rest, "liquibase"));
    rest.is_some_and(|rest| word(rest, "formatted").is_some())
}

fn after_dashes(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("--").map(str::trim_start)
}

/// The rest of a text that starts with a word, in any case.
fn word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let start = text.get(..word.len())?;
    let rest = &text[word.len()..];
    start
        .eq_ignore_ascii_case(word)
        .then_some(rest.trim_start())
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Self {
        let text = line.trim_end();
        let Some(rest) = after_dashes(text) else {
            let block = text.trim_start().strip_prefix("/*").map(str::trim_start);
            let rollback = block
                .and_then(|rest| word(rest, "liquibase"))
                .and_then(|rest| word(rest, "rollback"));
            if rollback == Some("") {
                return Self::RollbackBlock;
            }
            return if is_one_dash(text) {
                Self::OneDash
            } else {
                Self::Sql
            };
        };
        let spaced = |name: &str| {
            let found = word(rest, name)?;
            (rest.len() > name.len() && rest[name.len()..].starts_with([' ', '\t']))
                .then_some(found)
        };
        let colon = |name: &str| word(rest, name).and_then(|rest| rest.strip_prefix(':'));
        if let Some(rest) = spaced("property") {
            Self::Property(rest)
        } else if let Some(rest) = colon("ignoreLines") {
            Self::Ignore(rest.trim())
        } else if let Some(rest) = word(rest, "changeset") {
            Self::Changeset(rest)
        } else if let Some(rest) = colon("comment").or_else(|| spaced("comment"))
            && text.starts_with("--")
        {
            Self::Comment(rest.trim())
        } else if let Some(rest) = spaced("rollback") {
            Self::Rollback(rest)
        } else if let Some(rest) = word(rest, "preconditions") {
            Self::Preconditions(rest)
        } else if let Some(rest) = word(rest, "precondition-") {
            Self::Precondition(rest)
        } else if word(rest, "validCheckSum").is_some() || is_header(text) {
            Self::Nothing
        } else {
            Self::Sql
        }
    }
}

/// `-changeset` with one dash, which Liquibase takes for a slip.
fn is_one_dash(text: &str) -> bool {
    let rest = text.trim_start().strip_prefix('-').map(str::trim_start);
    let names = ["changeset ", "rollback ", "property "];
    rest.is_some_and(|rest| names.iter().any(|name| word(rest, name).is_some()))
}

/// Reads a file.
pub(super) fn parse(
    file: &Arc<SourceFile>,
    dialect: Dialect,
    values: &mut BTreeMap<String, String>,
    given: &dyn Fn(&str) -> Option<String>,
) -> Changelog {
    let mut parser = Parser {
        file,
        given,
        dialect,
        changelog: Changelog {
            logical_path: None,
            changesets: Vec::new(),
            problems: Vec::new(),
        },
        ignore: Ignore::No,
        block: None,
        local: BTreeMap::new(),
    };
    let mut start = 0;
    for text in file.text().split_inclusive('\n') {
        let span = start..start + text.len();
        start += text.len();
        parser.line(span, values);
    }
    for changeset in &mut parser.changelog.changesets {
        let outcomes = changeset.outcomes;
        for condition in &mut changeset.conditions {
            outcomes.set(condition);
        }
    }
    if let Some(open) = parser.block.take() {
        parser.problem(open, "this rollback is not closed with `*/`");
    }
    parser.changelog
}

struct Parser<'a> {
    file: &'a Arc<SourceFile>,
    /// Values that the settings give.
    given: &'a dyn Fn(&str) -> Option<String>,
    dialect: Dialect,
    changelog: Changelog,
    ignore: Ignore,
    /// The line that opened a `/* liquibase rollback` block.
    block: Option<Range<usize>>,
    /// Properties with `global:false`.
    local: BTreeMap<String, String>,
}

/// `--ignoreLines`
enum Ignore {
    No,
    Lines(usize),
    UntilEnd,
}

impl Parser<'_> {
    fn line(&mut self, span: Range<usize>, values: &mut BTreeMap<String, String>) {
        let file = Arc::clone(self.file);
        let text = &file.text()[span.clone()];
        if self.is_ignored(text) || self.is_in_block(text, &span) {
            return;
        }
        let place = |part: &str| part.as_ptr() as usize - file.text().as_ptr() as usize;
        let line = Line::read(text);
        let current = self.changelog.changesets.last_mut();
        match (line, current) {
            (Line::Property(rest), _) => {
                let start = place(rest);
                self.property(start..start + rest.len(), values);
            }
            (Line::Ignore(word), _) => match (word, word.parse()) {
                ("start", _) => self.ignore = Ignore::UntilEnd,
                (_, Ok(count)) => self.ignore = Ignore::Lines(count),
                _ => self.problem(span, "expected `--ignoreLines:start` or a number of lines"),
            },
            (Line::Changeset(rest), _) => self.changeset(span, place(rest), values),
            (Line::OneDash, _) => {
                self.problem(span, "this line begins with one dash, not with two");
            }
            (Line::Nothing, _) => {
                let attributes = Attributes::parse(self.file, span);
                if let Some(path) = attributes.get("logicalFilePath") {
                    self.changelog.logical_path = Some(path.to_owned());
                }
            }
            (_, None) => self.before_the_first(span, text),
            (Line::Comment(rest), Some(current)) => current.comment = Some(rest.to_owned()),
            (Line::Rollback(rest), Some(current)) => {
                let start = place(rest);
                current.rollback.push(start..span.end);
            }
            (Line::RollbackBlock, Some(_)) => self.block = Some(span),
            (Line::Preconditions(rest), Some(current)) => {
                let start = place(rest);
                let attributes = Attributes::parse(self.file, start..span.end);
                match Outcomes::read(&attributes) {
                    Ok(outcomes) => current.outcomes = outcomes,
                    Err(message) => self.problem(span, &message),
                }
            }
            (Line::Precondition(rest), Some(current)) => {
                let at = trimmed(text, &span);
                let start = place(rest);
                let attributes = Attributes::parse(self.file, start..span.end);
                match check(rest, &attributes, at, self.dialect) {
                    Ok(condition) => current.conditions.push(condition),
                    Err(message) => self.problem(span, &message),
                }
            }
            (Line::Sql, Some(current)) => current.lines.push(span),
        }
    }

    fn is_ignored(&mut self, text: &str) -> bool {
        match self.ignore {
            Ignore::No | Ignore::Lines(0) => {
                self.ignore = Ignore::No;
                false
            }
            Ignore::Lines(count) => {
                self.ignore = Ignore::Lines(count - 1);
                true
            }
            Ignore::UntilEnd => {
                if matches!(Line::read(text), Line::Ignore("end")) {
                    self.ignore = Ignore::No;
                }
                true
            }
        }
    }

    fn is_in_block(&mut self, text: &str, span: &Range<usize>) -> bool {
        if self.block.is_none() {
            return false;
        }
        let body = text.trim_end().strip_suffix("*/");
        let end = body.map_or(text.len(), str::len);
        if let Some(current) = self.changelog.changesets.last_mut() {
            current.rollback.push(span.start..span.start + end);
        }
        if body.is_some() {
            self.block = None;
        }
        true
    }

    fn property(&mut self, range: Range<usize>, values: &mut BTreeMap<String, String>) {
        let attributes = Attributes::parse(self.file, range.clone());
        let text = &self.file.text()[range.clone()];
        let (Some(name), Some(value)) = (part(text, "name:"), part(text, "value:")) else {
            return self.problem(range, "expected `--property name:NAME value:VALUE`");
        };
        if value.starts_with('"') {
            let message =
                "the quotes belong to the value, which ends at the first space, as in Liquibase";
            let problem = Diagnostic::warning("liquibase-property", message);
            let problem = problem.at(self.file, trimmed(text, &range), "");
            self.changelog.problems.push(problem);
        }
        if !attributes.is_for(self.dialect) {
            return;
        }
        let known = |key: &str| {
            let own = || values.get(key).or_else(|| self.local.get(key)).cloned();
            (self.given)(key).or_else(own)
        };
        let value = expand(value, known);
        let map = if attributes.is("global", true) {
            values
        } else {
            &mut self.local
        };
        // The first one counts, as in Liquibase.
        map.entry(name.to_owned()).or_insert(value);
    }

    /// `--changeset author:id attributes`; the rest of the line begins at `start`.
    fn changeset(&mut self, span: Range<usize>, start: usize, values: &BTreeMap<String, String>) {
        let text = &self.file.text()[start..span.end];
        let Some((author, id, length)) = author_and_id(text) else {
            return self.problem(span, "expected `--changeset AUTHOR:ID`");
        };
        let mut known = self.local.clone();
        known.extend(
            values
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        self.changelog.changesets.push(Changeset {
            author: author.to_owned(),
            id: id.to_owned(),
            attributes: start + length..span.end,
            header: span,
            comment: None,
            lines: Vec::new(),
            rollback: Vec::new(),
            conditions: Vec::new(),
            outcomes: Outcomes::default(),
            values: known,
        });
    }

    /// Liquibase passes over what stands before the first changeset.
    fn before_the_first(&mut self, span: Range<usize>, text: &str) {
        let is_comment = text.trim().is_empty() || after_dashes(text).is_some();
        let told = self
            .changelog
            .problems
            .iter()
            .any(|p| p.code.as_deref() == Some("liquibase-stray"));
        if !is_comment && !told {
            let problem = Diagnostic::warning(
                "liquibase-stray",
                "what stands before the first changeset is passed over, as in Liquibase",
            );
            let problem = problem.at(self.file, trimmed(text, &span), "");
            self.changelog.problems.push(problem);
        }
    }

    fn problem(&mut self, span: Range<usize>, message: &str) {
        let text = &self.file.text()[span.clone()];
        let problem = Diagnostic::error("liquibase-line", message);
        self.changelog
            .problems
            .push(problem.at(self.file, trimmed(text, &span), ""));
    }
}

/// What follows a property's word, up to the next space; the last such word counts, as in Liquibase.
fn part<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let start = text.to_ascii_lowercase().rfind(word)? + word.len();
    text[start..].split_whitespace().next()
}

fn trimmed(text: &str, span: &Range<usize>) -> Range<usize> {
    span.start..span.start + text.trim_end().len()
}

/// Author, id, and how long both are. Either may be in double quotes.
fn author_and_id(text: &str) -> Option<(&str, &str, usize)> {
    let (author, rest) = match text.strip_prefix('"') {
        Some(rest) => rest.split_once("\":")?,
        None => text.split_once(':')?,
    };
    let rest = rest.trim_start_matches([' ', '\t']);
    let (id, rest) = match rest.strip_prefix('"') {
        Some(rest) => rest.split_once('"')?,
        None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
    };
    let author = author.trim();
    (!author.is_empty() && !id.is_empty()).then_some((author, id, text.len() - rest.len()))
}
