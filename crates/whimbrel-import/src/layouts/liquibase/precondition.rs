//! `--preconditions` and the checks that follow it.

use std::ops::Range;

use whimbrel_core::rules::{Condition, Otherwise};
use whimbrel_sql::Dialect;

use super::attributes::{Attributes, is_for};
use super::node::{Node, Unread};

/// What happens where a check does not hold, for all checks of a changeset.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcomes {
    fail: Otherwise,
    error: Otherwise,
}

impl Outcomes {
    /// `onFail:MARK_RAN onError:HALT`
    ///
    /// # Errors
    /// A word that Liquibase does not have.
    pub(super) fn read(attributes: &Attributes<'_>) -> Result<Self, String> {
        Ok(Self {
            fail: outcome("onFail", attributes.get("onFail"))?,
            error: outcome("onError", attributes.get("onError"))?,
        })
    }

    /// Makes them hold for a check.
    pub(super) fn set(self, condition: &mut Condition) {
        condition.on_fail = self.fail;
        condition.on_error = self.error;
    }
}

fn outcome(name: &str, word: Option<&str>) -> Result<Otherwise, String> {
    match word.unwrap_or("HALT").to_ascii_uppercase().as_str() {
        "HALT" => Ok(Otherwise::Stop),
        "CONTINUE" => Ok(Otherwise::PassOver),
        "MARK_RAN" => Ok(Otherwise::Record),
        "WARN" => Ok(Otherwise::Run),
        word => Err(format!(
            "{name} can't be {word}: expected HALT, CONTINUE, MARK_RAN or WARN"
        )),
    }
}

/// The checks of a `preConditions` node.
///
/// # Errors
/// Those that can't be read.
pub(super) fn of_node(node: &Node, dialect: Dialect) -> Result<Vec<Condition>, Vec<Unread>> {
    let mut problems = Vec::new();
    let mut word = |name: &str| {
        outcome(name, node.get(name)).unwrap_or_else(|message| {
            problems.push((node.at.clone(), message));
            Otherwise::Stop
        })
    };
    let outcomes = Outcomes {
        fail: word("onFail"),
        error: word("onError"),
    };
    let mut list = Vec::new();
    checks(node, dialect, &mut list, &mut problems);
    for condition in &mut list {
        outcomes.set(condition);
    }
    if problems.is_empty() {
        Ok(list)
    } else {
        Err(problems)
    }
}

/// What says how a check is reported, not what it asks.
const WORDS: [&str; 6] = [
    "onFail",
    "onError",
    "onFailMessage",
    "onErrorMessage",
    "onSqlOutput",
    "onUpdateSQL",
];

fn checks(node: &Node, dialect: Dialect, out: &mut Vec<Condition>, problems: &mut Vec<Unread>) {
    let children = node.children.iter();
    for child in children.filter(|child| !WORDS.contains(&child.name.as_str())) {
        match child.name.as_str() {
            "and" => checks(child, dialect, out, problems),
            "not" => {
                let start = out.len();
                checks(child, dialect, out, problems);
                if let Err(message) = negate(&mut out[start..]) {
                    problems.push((child.at.clone(), message));
                }
            }
            _ => match asked(child, dialect) {
                Ok((sql, expected)) => out.push(Condition {
                    sql,
                    expected,
                    span: child.at.clone(),
                    on_fail: Otherwise::Stop,
                    on_error: Otherwise::Stop,
                }),
                Err(message) => problems.push((child.at.clone(), message)),
            },
        }
    }
}

/// What is expected where nothing but yes and no can be the answer.
const YES: &str = "1";
const NO: &str = "0";

fn negate(list: &mut [Condition]) -> Result<(), String> {
    let [one] = list else {
        return Err("`not` can be read of one check alone".to_owned());
    };
    let expected = match one.expected.as_str() {
        YES if one.sql.starts_with(IS) => NO,
        NO if one.sql.starts_with(IS) => YES,
        _ => return Err("`not` can't be read of a query: write it into the query".to_owned()),
    };
    expected.clone_into(&mut one.expected);
    Ok(())
}

/// How a query begins whose answer is yes or no.
const IS: &str = "SELECT CASE WHEN ";

fn is(what: &str) -> String {
    format!("{IS}{what} THEN {YES} ELSE {NO} END")
}

/// The query of a check, and the answer that it has to get.
fn asked(node: &Node, dialect: Dialect) -> Result<(String, String), String> {
    let needed = |name: &str| {
        let text = node.get(name).map(str::trim);
        text.filter(|text| !text.is_empty())
            .ok_or_else(|| format!("{} has no {name}", node.name))
    };
    let only = |names: &[&str]| {
        let mut children = node.children.iter().map(|child| child.name.as_str());
        match children.find(|name| !names.contains(name)) {
            Some(name) => Err(format!("{name} of {} can't be read", node.name)),
            None => Ok(()),
        }
    };
    let yes = |what: &str| Ok((is(what), YES.to_owned()));
    match node.name.as_str() {
        "sqlCheck" => {
            only(&["expectedResult", "sql", "sqlCheck"])?;
            let own = node.text.as_ref().map(|text| text.value.as_str());
            let sql = own.map_or_else(|| needed("sql"), Ok)?;
            let sql = sql.trim().trim_end_matches(';');
            Ok((sql.to_owned(), needed("expectedResult")?.to_owned()))
        }
        "tableExists" | "viewExists" => {
            only(&["tableName", "viewName", "schemaName"])?;
            let kind = node.name.trim_end_matches("Exists");
            let name = needed(&format!("{kind}Name"))?;
            yes(&exists(name, node.get("schemaName"), kind, dialect))
        }
        "columnExists" => {
            only(&["tableName", "columnName", "schemaName"])?;
            let (table, column) = (needed("tableName")?, needed("columnName")?);
            yes(&has_column(table, column, node.get("schemaName"), dialect))
        }
        "dbms" => {
            only(&["type"])?;
            let own = is_for(&needed("type")?.to_ascii_lowercase(), dialect);
            yes(if own { "1 = 1" } else { "1 = 0" })
        }
        "runningAs" => {
            only(&["username"])?;
            let user = match dialect {
                Dialect::Postgres => "session_user",
                Dialect::Mysql => "substring_index(user(), '@', 1)",
                Dialect::Sqlite => return Err("SQLite has no users".to_owned()),
            };
            let name = literal(needed("username")?);
            yes(&format!("lower({user}) = lower({name})"))
        }
        name => Err(format!("the precondition {name} can't be read")),
    }
}

/// A check: the text after `--precondition-`, which begins with its name.
///
/// # Errors
/// It is none that can be read.
pub(super) fn check(
    text: &str,
    attributes: &Attributes<'_>,
    span: Range<usize>,
    dialect: Dialect,
) -> Result<Condition, String> {
    let text = text.trim();
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let (sql, expected) = match name.to_ascii_lowercase().as_str() {
        "sql-check" => {
            let (expected, sql) = expected_and_sql(rest)
                .ok_or("expected `--precondition-sql-check expectedResult:VALUE SELECT ...`")?;
            (sql.to_owned(), expected.to_owned())
        }
        name @ ("table-exists" | "view-exists") => {
            let kind = name.trim_end_matches("-exists");
            let name = attributes.get(kind);
            let name = name.ok_or_else(|| format!("expected `{kind}:NAME`"))?;
            let there = exists(name, attributes.get("schema"), kind, dialect);
            (is(&there), YES.to_owned())
        }
        _ => return Err(format!("the precondition {name} can't be read")),
    };
    Ok(Condition {
        sql,
        expected,
        span,
        on_fail: Otherwise::Stop,
        on_error: Otherwise::Stop,
    })
}

/// `expectedResult:0 SELECT ...`; the value may be in quotes.
fn expected_and_sql(text: &str) -> Option<(&str, &str)> {
    const KEY: &str = "expectedResult:";
    let text = text.trim_start();
    let keyed = text
        .get(..KEY.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(KEY));
    let text = if keyed { &text[KEY.len()..] } else { text };
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let (expected, sql) = match quote {
        Some(quote) => text[1..].split_once(quote)?,
        None => text.split_once(char::is_whitespace)?,
    };
    let sql = sql.trim().trim_end_matches(';');
    (!sql.is_empty()).then_some((expected, sql))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The schema that is meant, as SQL.
fn schema_of(given: Option<&str>, dialect: Dialect) -> String {
    let own = match dialect {
        Dialect::Postgres => "current_schema()",
        Dialect::Mysql => "DATABASE()",
        Dialect::Sqlite => "'main'",
    };
    given.map_or_else(|| own.to_owned(), literal)
}

/// True in SQL if a table or view has such a column.
fn has_column(table: &str, column: &str, schema: Option<&str>, dialect: Dialect) -> String {
    let (table, column) = (literal(table), literal(column));
    let schema = schema_of(schema, dialect);
    let from = if dialect == Dialect::Sqlite {
        format!("pragma_table_info({table}) WHERE lower(name) = lower({column})")
    } else {
        format!(
            "information_schema.columns WHERE lower(table_name) = lower({table}) AND lower(column_name) = lower({column}) AND lower(table_schema) = lower({schema})"
        )
    };
    format!("EXISTS (SELECT 1 FROM {from})")
}

/// True in SQL if there is such a table or view.
fn exists(name: &str, schema: Option<&str>, kind: &str, dialect: Dialect) -> String {
    let name = literal(name);
    let schema = schema_of(schema, dialect);
    let from = if dialect == Dialect::Sqlite {
        format!("sqlite_master WHERE type = '{kind}' AND lower(name) = lower({name})")
    } else {
        format!(
            "information_schema.{kind}s WHERE lower(table_name) = lower({name}) AND lower(table_schema) = lower({schema})"
        )
    };
    format!("EXISTS (SELECT 1 FROM {from})")
}

#[cfg(test)]
mod tests {
    use super::expected_and_sql;

    #[test]
    fn the_expected_value_may_be_quoted() {
        let table = [
            ("expectedResult:0 SELECT 1;", ("0", "SELECT 1")),
            ("expectedresult:'a b'  SELECT 'x'", ("a b", "SELECT 'x'")),
            ("\"t\" SELECT true", ("t", "SELECT true")),
            ("1 SELECT 1", ("1", "SELECT 1")),
        ];
        for (text, expected) in table {
            assert_eq!(expected_and_sql(text), Some(expected), "{text}");
        }
        assert_eq!(expected_and_sql("expectedResult:0"), None);
    }
}
