//! `--preconditions` and the checks that follow it.

use std::ops::Range;

use whimbrel_core::rules::{Condition, Otherwise};
use whimbrel_sql::Dialect;

use super::attributes::Attributes;

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
        let outcome = |name: &str| match attributes.get(name) {
            None => Ok(Otherwise::Stop),
            Some(word) => match word.to_ascii_uppercase().as_str() {
                "HALT" => Ok(Otherwise::Stop),
                "CONTINUE" => Ok(Otherwise::PassOver),
                "MARK_RAN" => Ok(Otherwise::Record),
                "WARN" => Ok(Otherwise::Run),
                _ => Err(format!(
                    "{name} can't be {word}: expected HALT, CONTINUE, MARK_RAN or WARN"
                )),
            },
        };
        Ok(Self {
            fail: outcome("onFail")?,
            error: outcome("onError")?,
        })
    }

    /// Makes them hold for a check.
    pub(super) fn set(self, condition: &mut Condition) {
        condition.on_fail = self.fail;
        condition.on_error = self.error;
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
        "table-exists" => (exists(attributes, "table", dialect)?, "1".to_owned()),
        "view-exists" => (exists(attributes, "view", dialect)?, "1".to_owned()),
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

/// A query that gives 1 if there is such a table or view.
fn exists(attributes: &Attributes<'_>, kind: &str, dialect: Dialect) -> Result<String, String> {
    let name = attributes
        .get(kind)
        .ok_or_else(|| format!("expected `{kind}:NAME`"))?;
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let schema = attributes.get("schema").map(literal);
    let name = literal(name);
    let own = match dialect {
        Dialect::Postgres => "current_schema()",
        Dialect::Mysql => "DATABASE()",
        Dialect::Sqlite => "'main'",
    };
    let schema = schema.unwrap_or_else(|| own.to_owned());
    let from = if dialect == Dialect::Sqlite {
        format!("sqlite_master WHERE type = '{kind}' AND lower(name) = lower({name})")
    } else {
        format!(
            "information_schema.{kind}s WHERE lower(table_name) = lower({name}) AND lower(table_schema) = lower({schema})"
        )
    };
    Ok(format!(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM {from}) THEN 1 ELSE 0 END"
    ))
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
