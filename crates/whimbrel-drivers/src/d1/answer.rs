//! What D1's HTTP API answers.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::history_sql::Row;

/// Around every answer.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<A> {
    pub(super) success: bool,
    #[serde(default)]
    pub(super) errors: Vec<ApiError>,
    /// One per statement.
    #[serde(default = "Option::default")]
    pub(super) result: Option<Vec<A>>,
}

/// An error, of the API itself or of a statement.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct ApiError {
    #[serde(default)]
    pub(super) code: i64,
    #[serde(default)]
    pub(super) message: String,
}

/// What a statement gave.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    results: Vec<Fields>,
    #[serde(default)]
    pub(super) meta: Meta,
}

/// What a statement gave, in the raw form: columns of the same name stay apart.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RawAnswer {
    results: RawRows,
}

#[derive(Debug, Default, Deserialize)]
struct RawRows {
    #[serde(default)]
    rows: Vec<Vec<Value>>,
}

impl RawAnswer {
    /// The rows as text.
    pub(super) fn rows(self) -> Vec<Row> {
        let rows = self.results.rows.into_iter();
        rows.map(|row| row.into_iter().map(text_of).collect())
            .collect()
    }
}

/// What is told of a statement besides its rows.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Meta {
    /// Rows that it changed.
    #[serde(default)]
    pub(super) changes: Option<u64>,
    /// Milliseconds that it took in the engine.
    #[serde(default)]
    pub(super) duration: f64,
}

impl Answer {
    /// The rows as text, columns in the statement's order.
    pub(super) fn rows(self) -> Vec<Row> {
        self.results.into_iter().map(|fields| fields.0).collect()
    }
}

/// A row: an object whose keys stand in the columns' order.
#[derive(Debug)]
struct Fields(Row);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row as an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut row = Row::new();
                while let Some((_, value)) = map.next_entry::<String, Value>()? {
                    row.push(text_of(value));
                }
                Ok(Fields(row))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        // A BLOB is a list of its bytes.
        Value::Array(list) => {
            let bytes = list.iter().filter_map(Value::as_u64);
            let bytes: Vec<u8> = bytes.filter_map(|byte| u8::try_from(byte).ok()).collect();
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_the_order_of_their_columns() {
        let text = r#"{"success": true, "errors": [], "result": [{"results": [
            {"z": 1, "a": null, "m": "x", "b": [104, 105], "r": 1.5}
        ], "success": true, "meta": {"changes": 2, "duration": 0.25}}]}"#;
        let envelope: Envelope<Answer> = serde_json::from_str(text).unwrap();
        let mut answers = envelope.result.unwrap();
        assert_eq!(answers[0].meta.changes, Some(2));
        let rows = std::mem::take(&mut answers[0]).rows();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            rows,
            [vec![text("1"), None, text("x"), text("hi"), text("1.5")]]
        );
    }

    #[test]
    fn a_refusal_needs_no_result() {
        let text = r#"{"success": false, "errors": [{"code": 7404, "message": "no"}], "messages": [], "result": null}"#;
        let envelope: Envelope<Answer> = serde_json::from_str(text).unwrap();
        assert!(!envelope.success && envelope.result.is_none());
        assert_eq!(envelope.errors[0].code, 7404);
    }
}
