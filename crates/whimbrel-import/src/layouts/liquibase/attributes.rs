//! What stands behind a changeset's name: `runOnChange:true context:"a or b"`.

use std::ops::Range;
use std::sync::Arc;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::text::SourceFile;
use whimbrel_sql::Dialect;

use super::node::{Node, is_true};

/// The attributes of one line, in order.
pub(super) struct Attributes<'a> {
    file: &'a Arc<SourceFile>,
    list: Vec<Attribute<'a>>,
    /// Those of a line, where no quotes are meant for `dbms`.
    is_line: bool,
}

struct Attribute<'a> {
    name: &'a str,
    value: &'a str,
    span: Range<usize>,
}

/// Attributes that change nothing here: their statements are split by the dialect's own rules,
/// and comments do no harm.
const WITHOUT_EFFECT: [&str; 8] = [
    "splitStatements",
    "stripComments",
    "rollbackSplitStatements",
    "objectQuotingStrategy",
    "created",
    "endDelimiter",
    "rollbackEndDelimiter",
    "logicalFilePath",
];

/// Attributes that are read.
const READ: [&str; 8] = [
    "runOnChange",
    "runAlways",
    "runInTransaction",
    "context",
    "contextFilter",
    "labels",
    "dbms",
    "ignore",
];

/// What a changeset in XML, YAML or JSON has besides its attributes.
const OTHER_NODES: [&str; 14] = [
    "id",
    "author",
    "comment",
    "changes",
    "rollback",
    "preConditions",
    "preconditions",
    "validCheckSum",
    "validCheckSums",
    "sql",
    "sqlFile",
    "empty",
    "stop",
    "output",
];

impl<'a> Attributes<'a> {
    /// Reads `name:value` pairs; a value may be in double quotes.
    pub(super) fn parse(file: &'a Arc<SourceFile>, range: Range<usize>) -> Self {
        let text = &file.text()[..range.end];
        let mut list = Vec::new();
        let mut at = range.start;
        while let Some(skip) = text[at..].find(|c: char| !c.is_whitespace()) {
            let start = at + skip;
            let word = word_end(text, start);
            at = word;
            if let Some((name, value)) = text[start..word].split_once(':') {
                let value = value.trim_matches('"');
                let span = start..word;
                list.push(Attribute { name, value, span });
            }
        }
        Self {
            file,
            list,
            is_line: true,
        }
    }

    /// Those of a changeset in XML, YAML or JSON.
    pub(super) fn of_node(file: &'a Arc<SourceFile>, node: &'a Node) -> Self {
        let read = |child: &&Node| !OTHER_NODES.contains(&child.name.as_str());
        let list = node.children.iter().filter(read).filter_map(|child| {
            Some(Attribute {
                name: &child.name,
                value: &child.text.as_ref()?.value,
                span: child.at.clone(),
            })
        });
        Self {
            file,
            list: list.collect(),
            is_line: false,
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.list.iter().find(|a| a.name.eq_ignore_ascii_case(name));
        found.map(|attribute| attribute.value)
    }

    pub(super) fn is(&self, name: &str, default: bool) -> bool {
        match self.get(name) {
            Some(value) if self.is_line => value.eq_ignore_ascii_case("true"),
            Some(value) => is_true(value),
            None => default,
        }
    }

    /// The databases as Liquibase reads them: no quotes are meant there, and one belongs to the first name.
    fn dbms(&self) -> Option<&'a str> {
        let named = |one: &&Attribute<'_>| one.name.eq_ignore_ascii_case("dbms");
        let found = self.list.iter().find(named)?;
        if !self.is_line {
            return Some(found.value);
        }
        let whole = &self.file.text()[found.span.clone()];
        let written = &whole[found.name.len() + 1..];
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '!' | ',');
        let rest = written.strip_prefix('"');
        let end = rest.and_then(|rest| rest.find(|c| !part(c)));
        Some(match (rest, end) {
            (Some(_), Some(end)) => &written[..=end],
            _ => written,
        })
    }

    /// True unless `dbms:` names other databases only.
    pub(super) fn is_for(&self, dialect: Dialect) -> bool {
        self.dbms().is_none_or(|list| is_for(list, dialect))
    }

    /// Attributes that ask for what can't be done, and those that nobody knows.
    pub(super) fn check(&self, out: &mut Vec<Diagnostic>) {
        for attribute in &self.list {
            if attribute.name.eq_ignore_ascii_case("dbms")
                && self.is_line
                && self.dbms().is_some_and(|list| list.starts_with('"'))
            {
                let message = "Liquibase takes this quote for a part of the first name, which is then no database's";
                let problem = Diagnostic::warning("liquibase-dbms", message);
                let problem =
                    problem.help("write `dbms:postgresql,mysql`, without quotes and spaces");
                out.push(problem.at(self.file, attribute.span.clone(), ""));
            }
            let known = |list: &[&str]| list.iter().any(|n| n.eq_ignore_ascii_case(attribute.name));
            if known(&WITHOUT_EFFECT) || known(&READ) {
                continue;
            }
            let (name, value) = (attribute.name.to_ascii_lowercase(), attribute.value);
            let problem = match name.as_str() {
                "failonerror" if value.eq_ignore_ascii_case("true") || !self.is_line && is_true(value) => continue,
                "runwith" if value.eq_ignore_ascii_case("jdbc") => continue,
                // Nothing that is read here can fail to be valid.
                "onvalidationfail" if !self.is_line => continue,
                "failonerror" => Diagnostic::error("liquibase-attribute", "a changeset that may fail can't be read")
                    .help("make its statements succeed (IF EXISTS, IF NOT EXISTS) and take the attribute out"),
                "runwith" | "runwithspoolfile" => Diagnostic::error("liquibase-attribute", format!("this changeset runs with {value}, which Whimbrel does not start"))
                    .help("write it as plain SQL and take the attribute out"),
                "runorder" => Diagnostic::error("liquibase-attribute", "a changeset runs where it stands in its file")
                    .help("move it there and take the attribute out"),
                _ => Diagnostic::warning("liquibase-attribute", format!("`{}` is not an attribute that Liquibase knows", attribute.name)),
            };
            out.push(problem.at(self.file, attribute.span.clone(), ""));
        }
    }
}

/// True if a list of databases is about this one: `postgresql,mysql`, `!h2`. An empty one is about all.
pub(super) fn is_for(list: &str, dialect: Dialect) -> bool {
    let own: &[&str] = match dialect {
        Dialect::Postgres => &["postgresql", "postgres"],
        Dialect::Mysql => &["mysql", "mariadb"],
        Dialect::Sqlite => &["sqlite"],
    };
    let is_own = |name: &str| own.iter().any(|own| own.eq_ignore_ascii_case(name));
    let names = list.split(',').map(str::trim);
    let mut names = names.filter(|name| !name.is_empty());
    let not_here = |name: &str| name.strip_prefix('!').is_some_and(is_own);
    if names.clone().any(not_here) {
        return false;
    }
    let all = names.clone().all(|name| name.starts_with('!'));
    all || names.any(|name| is_own(name) || name.eq_ignore_ascii_case("all"))
}

/// Where a word ends that begins at `start`; white space between double quotes belongs to it.
fn word_end(text: &str, start: usize) -> usize {
    let mut quoted = false;
    for (index, c) in text[start..].char_indices() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => return start + index,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_not_quoted() {
        let table = [
            ("dbms:postgresql,h2", true),
            ("dbms:\"postgresql\"", false),
            ("dbms:\"h2,postgresql\"", true),
            ("dbms:\"!h2, postgresql\"", false),
            ("dbms:!h2, postgresql", true),
        ];
        for (text, expected) in table {
            let file = SourceFile::new("a.sql", text);
            let attributes = Attributes::parse(&file, 0..text.len());
            assert_eq!(attributes.is_for(Dialect::Postgres), expected, "{text}");
            let mut out = Vec::new();
            attributes.check(&mut out);
            assert_eq!(out.len(), usize::from(text.contains('"')), "{text}");
        }
    }

    #[test]
    fn values_may_be_quoted_and_names_are_in_any_case() {
        let text = "runonchange:true context:\"a or b\" dbms:!h2,!mysql failOnError:false x:y";
        let file = SourceFile::new("a.sql", text);
        let attributes = Attributes::parse(&file, 0..text.len());
        assert!(attributes.is("runOnChange", false));
        assert_eq!(attributes.get("context"), Some("a or b"));
        assert!(attributes.is_for(Dialect::Postgres) && !attributes.is_for(Dialect::Mysql));
        let mut out = Vec::new();
        attributes.check(&mut out);
        let texts: Vec<_> = out.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "a.sql:1:51: a changeset that may fail can't be read",
                "a.sql:1:69: `x` is not an attribute that Liquibase knows"
            ]
        );
    }
}
