//! Changesets in XML, YAML and JSON: what is SQL in them (`sql`, `sqlFile`), in its order.

use std::ops::Range;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::migration::Down;
use whimbrel_core::source::read_file;
use whimbrel_core::text::{Script, ScriptBuilder, SourceFile};
use whimbrel_sql::Dialect;

use super::attributes::{Attributes, is_for};
use super::delimiter::{self, Reading};
use super::load::{Load, Made};
use super::master::{Own, shown};
use super::node::{Node, Text};
use super::paths::{self, find, resolved};
use super::precondition;
use super::values::expand;

/// What stands in a changeset besides its attributes.
const BESIDE: [&str; 6] = [
    "comment",
    "rollback",
    "preConditions",
    "preconditions",
    "validCheckSum",
    "validCheckSums",
];

/// The changes of a changeset, which YAML has in a list of their own.
pub(super) fn changes(changeset: &Node) -> impl Iterator<Item = &Node> {
    let all = changeset.children.iter().flat_map(|node| {
        if node.name == "changes" {
            node.children.as_slice()
        } else if is_attribute(node) {
            &[]
        } else {
            std::slice::from_ref(node)
        }
    });
    let none = |node: &Node| matches!(node.name.as_str(), "empty" | TAG);
    all.filter(move |node| !BESIDE.contains(&node.name.as_str()) && !none(node))
}

/// True unless a changeset has a change that does nothing here.
pub(super) fn only_sql(changeset: &Node) -> bool {
    let has = |node: &Node| node.child("empty").is_some() || node.child(TAG).is_some();
    !has(changeset) && !changeset.child("changes").is_some_and(has)
}

/// Gives what was done so far a name, and does nothing else.
const TAG: &str = "tagDatabase";

/// The tag that a changeset is for.
fn tag(changeset: &Node) -> Option<&str> {
    let inner = || changeset.child("changes")?.child(TAG);
    changeset.child(TAG).or_else(inner)?.get("tag")
}

/// Changes that are nothing but a text.
const OF_TEXT: [&str; 3] = ["sql", "stop", "output"];

fn is_attribute(node: &Node) -> bool {
    let is_text = node.children.is_empty() && node.text.is_some();
    is_text && !OF_TEXT.contains(&node.name.as_str())
}

/// How a change of SQL is read.
pub(super) fn reading(change: &Node) -> Reading<'_> {
    Reading {
        delimiter: change.get("endDelimiter"),
        split: change.is("splitStatements", true),
        strip: change.is("stripComments", false),
    }
}

/// What Liquibase makes of a number that stands without quotes in YAML; none where that can't be said.
pub(super) fn plain_name(text: &Text) -> Option<String> {
    let value = text.value.trim();
    let starts = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.');
    if !text.is_plain || !value.starts_with(starts) {
        return Some(value.to_owned());
    }
    let digits = value.replace('_', "");
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    if is_number(&digits) {
        if digits.len() < 2 || !digits.starts_with('0') {
            return Some(digits);
        }
        let octal = u64::from_str_radix(&digits, 8);
        // Eights and nines make it a text.
        return Some(octal.map_or_else(|_| value.to_owned(), |number| number.to_string()));
    }
    if let Some((whole, part)) = digits.split_once('.')
        && is_number(whole)
        && is_number(part)
    {
        let short = whole.len() < 7 && part.len() < 8 && (whole == "0" || !whole.starts_with('0'));
        let part = part.trim_end_matches('0');
        let part = if part.is_empty() { "0" } else { part };
        return short.then(|| format!("{whole}.{part}"));
    }
    // A name such as `1-users` or `2.0.1` is none; dates, times and numbers of other kinds may be.
    let may_be = |c: char| c.is_ascii_hexdigit() || "+-.:xoXOT_Z ".contains(c);
    let dots =
        value.matches('.').count() > 1 && value.chars().all(|c| c.is_ascii_digit() || c == '.');
    (dots || !value.chars().all(may_be)).then(|| value.to_owned())
}

impl Load<'_> {
    /// A changeset that is not in formatted SQL.
    pub(super) fn own(&mut self, own: &Own) -> Result<(), Error> {
        let (node, file) = (&own.node, &own.file);
        let name = |load: &mut Self, name: &str| {
            let text = node.child(name).and_then(|child| child.text.as_ref());
            let Some(text) = text.filter(|text| !text.value.trim().is_empty()) else {
                load.refuse(
                    file,
                    node.at.clone(),
                    &format!("this changeset has no {name}"),
                );
                return None;
            };
            let named = plain_name(text);
            if named.is_none() {
                let message = format!(
                    "what Liquibase makes of this {name} is not known here: put it in quotes, as it is in databasechangelog"
                );
                load.refuse(file, text.from..text.from + text.value.len(), &message);
            }
            named.map(|name| load.expanded(&name))
        };
        let (Some(id), Some(author)) = (name(self, "id"), name(self, "author")) else {
            return Ok(());
        };
        let attributes = Attributes::of_node(file, node);
        if !self.is_chosen(file, node.at.clone(), &attributes, &own.around) {
            return Ok(());
        }
        let path = attributes.get("logicalFilePath").map(str::trim);
        let path = path.map(|path| path.trim_start_matches('/'));
        let path = path.unwrap_or(&own.around.path).to_owned();
        let up = self.scripts(own, &changes(node).collect::<Vec<_>>(), node)?;
        let down = self.undoing(own, &path)?;
        let mut conditions = Vec::new();
        for node in &node.children {
            if node.name.eq_ignore_ascii_case("preConditions") {
                match precondition::of_node(node, self.dialect) {
                    Ok(list) => conditions.extend(list),
                    Err(problems) => {
                        for (span, message) in problems {
                            self.refuse(file, span, &message);
                        }
                    }
                }
            }
        }
        let made = Made {
            file,
            path: &path,
            author: &author,
            id: &id,
            comment: node.get("comment").map(|text| text.trim().to_owned()),
            conditions,
            values: self.values.clone(),
            tag: tag(node).map(|tag| self.expanded(tag)),
            up,
            down,
        };
        self.add(made, &attributes);
        Ok(())
    }

    fn expanded(&self, text: &str) -> String {
        expand(text, |key| {
            let given = self.listing.placeholders.get(key);
            given.or_else(|| self.values.get(key)).cloned()
        })
    }

    fn refuse(&mut self, file: &Arc<SourceFile>, span: Range<usize>, message: &str) {
        let problem = Diagnostic::error("liquibase-changeset", message);
        self.problems.add(problem.at(file, span, ""));
    }

    /// What a list of changes runs, one after the other.
    fn scripts(&mut self, own: &Own, changes: &[&Node], at: &Node) -> Result<Script, Error> {
        let mut parts = Vec::new();
        for change in changes {
            match change.name.as_str() {
                "sql" | "sqlFile" => parts.extend(self.change(own, change)?),
                name => {
                    let message = format!("the change {name} can't be read, only sql and sqlFile");
                    let problem = Diagnostic::error("liquibase-change", message);
                    let help = "`liquibase update-sql` shows what it runs: write that as <sql> in its place; Liquibase then has another checksum for it, which `import` does not ask for";
                    self.problems
                        .add(problem.at(&own.file, change.at.clone(), "").help(help));
                }
            }
        }
        let [one] = parts.as_slice() else {
            let mut builder = Script::build(Arc::clone(&own.file));
            for (script, has_delimiter) in &parts {
                builder.append(script);
                self.end(&mut builder, script, *has_delimiter);
            }
            builder.put("", at.at.start);
            return Ok(builder.finish());
        };
        // The script's file is the changelog, where its conditions stand.
        let mut builder = Script::build(Arc::clone(&own.file));
        builder.append(&one.0);
        Ok(builder.finish())
    }

    /// Ends a change's last statement, so that the next one's first is another.
    fn end(&self, builder: &mut ScriptBuilder, script: &Script, has_delimiter: bool) {
        let last = script.text().len().saturating_sub(1);
        let text = match (self.dialect, has_delimiter) {
            (Dialect::Mysql, true) => "\nDELIMITER ;\n",
            _ => "\n;\n",
        };
        builder.put_for(text, script, last);
    }

    /// One change, and whether it has a delimiter of its own; none if it is for other databases.
    fn change(&mut self, own: &Own, change: &Node) -> Result<Option<(Script, bool)>, Error> {
        if change
            .get("dbms")
            .is_some_and(|list| !is_for(list, self.dialect))
        {
            return Ok(None);
        }
        let known: &[&str] = if change.name == "sql" {
            &[
                "sql",
                "comment",
                "dbms",
                "endDelimiter",
                "splitStatements",
                "stripComments",
            ]
        } else {
            &[
                "path",
                "relativeToChangelogFile",
                "encoding",
                "dbms",
                "endDelimiter",
                "splitStatements",
                "stripComments",
                "doNotExpandAttributes",
            ]
        };
        if let Some(other) = change
            .children
            .iter()
            .find(|child| !known.contains(&child.name.as_str()))
        {
            let message = format!("{} of {} can't be read", other.name, change.name);
            self.refuse(&own.file, other.at.clone(), &message);
            return Ok(None);
        }
        let reading = reading(change);
        if change.name == "sql" {
            let Some(text) = change.content() else {
                self.refuse(&own.file, change.at.clone(), "there is no SQL in it");
                return Ok(None);
            };
            return Ok(self.text(own, text, reading, &change.at));
        }
        let Some(file) = self.sql_file(own, change)? else {
            return Ok(None);
        };
        let script = self.split(&file, reading, &own.file, &change.at);
        Ok(script.map(|script| (script, reading.delimiter.is_some())))
    }

    fn text(
        &mut self,
        own: &Own,
        text: &Text,
        reading: Reading<'_>,
        at: &Range<usize>,
    ) -> Option<(Script, bool)> {
        let alone = SourceFile::new(own.file.name(), text.value.as_str());
        let script = self.split(&alone, reading, &own.file, at)?;
        let script = script.standing_in(&own.file, &text.places(&own.file));
        Some((script, reading.delimiter.is_some()))
    }

    fn split(
        &mut self,
        file: &Arc<SourceFile>,
        reading: Reading<'_>,
        shown: &Arc<SourceFile>,
        at: &Range<usize>,
    ) -> Option<Script> {
        let mut start = 0;
        let lines = file.text().split_inclusive('\n').map(|line| {
            start += line.len();
            start - line.len()..start
        });
        let lines: Vec<_> = lines.collect();
        match delimiter::script(file, &lines, reading, self.dialect) {
            Ok(script) => Some(script),
            Err(message) => {
                self.refuse(shown, at.clone(), &message);
                None
            }
        }
    }

    /// The file of a `sqlFile`.
    fn sql_file(&mut self, own: &Own, change: &Node) -> Result<Option<Arc<SourceFile>>, Error> {
        let path = change.get("path").map(str::trim).unwrap_or_default();
        let path = self.expanded(path);
        let relative = change.is("relativeToChangelogFile", false);
        let from = &own.around.place;
        if let Some(problem) = paths::problem(from, &path, relative) {
            self.problems
                .add(problem.at(&own.file, change.at.clone(), ""));
            return Ok(None);
        }
        let Some(found) = find(from, &path, relative).filter(|found| found.is_file()) else {
            let message = format!("{path} is no file");
            self.refuse(&own.file, change.at.clone(), &message);
            return Ok(None);
        };
        let shown = shown(self.listing, &resolved(&found));
        let file = self.problems.take(read_file(&shown))?;
        self.used.insert(shown);
        let encoding = change
            .get("encoding")
            .unwrap_or("utf-8")
            .to_ascii_lowercase();
        let is_utf8 = matches!(encoding.trim(), "utf-8" | "utf8" | "us-ascii" | "ascii");
        if !is_utf8 && file.as_ref().is_some_and(|file| !file.text().is_ascii()) {
            let message = format!("a file in {encoding} can't be read");
            let problem = Diagnostic::error("liquibase-changeset", message);
            let problem = problem.at(&own.file, change.at.clone(), "");
            self.problems
                .add(problem.help("write it in UTF-8, and say so"));
        }
        Ok(file)
    }

    fn undoing(&mut self, own: &Own, path: &str) -> Result<Down, Error> {
        let inner = own
            .node
            .children
            .iter()
            .filter(|node| node.name == "changes");
        let all = own
            .node
            .children
            .iter()
            .chain(inner.flat_map(|node| &node.children));
        let nodes: Vec<_> = all.filter(|node| node.name == "rollback").collect();
        if nodes.is_empty() && tag(&own.node).is_some() {
            let nothing = Script::slice(Arc::clone(&own.file), 0..0);
            return Ok(Down::Script(nothing));
        }
        if nodes.is_empty() {
            return Ok(Down::None);
        }
        let mut builder = Script::build(Arc::clone(&own.file));
        for node in &nodes {
            if let Some(id) = node.get("changeSetId") {
                let author = node.get("changeSetAuthor").unwrap_or_default();
                let path = node.get("changeSetPath").unwrap_or(path);
                self.refer((path, author, id), &own.file, node.at.clone());
                return Ok(Down::None);
            }
            let changes: Vec<_> = changes(node).collect();
            builder.append(&self.scripts(own, &changes, node)?);
            if let Some(text) = &node.text {
                let reading = Reading {
                    delimiter: None,
                    split: true,
                    strip: true,
                };
                if let Some((script, _)) = self.text(own, text, reading, &node.at) {
                    builder.append(&script);
                    if nodes.len() > 1 {
                        self.end(&mut builder, &script, false);
                    }
                }
            }
        }
        Ok(Down::Script(builder.finish()))
    }
}
