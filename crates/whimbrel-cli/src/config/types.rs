//! What kind of value each setting takes.

use toml::Value;

/// What the value of a key must be, if this is not it.
pub(super) fn expected(key: &str, value: &Value) -> Option<&'static str> {
    let (fits, expected) = match key {
        "databases" | "environments" => return None,
        "placeholders" | "layout_options" => (
            value
                .as_table()
                .is_some_and(|table| table.values().all(Value::is_str)),
            "a table of texts in quotes",
        ),
        "sort_dirs_separately"
        | "protected"
        | "out_of_order"
        | "require_rollback"
        | "single_transaction" => (value.is_bool(), "true or false"),
        "timeout" | "lock_timeout" | "lock_wait" | "lease" | "retry_delay" => (
            value.is_str() || is_count(value),
            "a time in quotes, such as \"30s\", or a number of seconds",
        ),
        "retries" => (is_count(value), "a whole number"),
        "dir" | "extensions" | "session_sql" => (
            value.is_str()
                || value
                    .as_array()
                    .is_some_and(|list| list.iter().all(Value::is_str)),
            "a text in quotes, or a list of such",
        ),
        _ => (value.is_str(), "a text in quotes"),
    };
    (!fits).then_some(expected)
}

fn is_count(value: &Value) -> bool {
    value
        .as_integer()
        .is_some_and(|number| u32::try_from(number).is_ok())
}
