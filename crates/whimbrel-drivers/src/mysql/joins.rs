//! Which statements may share a message with others.

use whimbrel_sql::Verb;

/// How a statement is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// With others.
    Joined,
    /// Alone; it gives one result.
    Once,
    /// Alone; it gives any number of results.
    Alone,
}

/// Longer statements gain nothing by it.
const LONG: usize = 64 * 1024;

/// Words that ask what the statement before did, which questions of ours in between would change.
const LOOKS_BACK: [&str; 6] = [
    "row_count",
    "found_rows",
    "diagnostics",
    "warning",
    "error_count",
    "errors",
];

/// Objects whose bodies the server keeps as they were sent. MySQL counts what ends the statement in a
/// message as a part of the body.
const KEPT: [&str; 4] = ["trigger", "event", "procedure", "function"];

/// How far into a statement its kind of object may be said: a definer comes first.
const KIND_BYTES: usize = 512;

/// Where the server sees a statement's end is only sure where there is nothing to see: no
/// semicolon, no backslash (the session's `sql_mode` says what it means), no comment whose content
/// is code. All else goes alone.
pub(super) fn way(text: &str, verb: Verb) -> Way {
    let once = matches!(
        verb,
        Verb::Select
            | Verb::Insert
            | Verb::Update
            | Verb::Delete
            | Verb::Replace
            | Verb::Create
            | Verb::Alter
            | Verb::Drop
            | Verb::Truncate
            | Verb::Rename
            | Verb::Use
            | Verb::Grant
            | Verb::Revoke
            | Verb::Set
    );
    let plain = text.len() <= LONG
        && !text.contains([';', '\\'])
        && !text.contains("/*!")
        && !text.contains("/*M!")
        && !keeps_body(text, verb);
    match (once, plain) {
        (true, true) => Way::Joined,
        (true, false) => Way::Once,
        (false, _) => Way::Alone,
    }
}

/// True if a statement asks what the one before it did.
pub(super) fn looks_back(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.len() <= LONG && names_one(bytes, &LOOKS_BACK)
}

/// Too often is no harm, as with a table called `events`.
fn keeps_body(text: &str, verb: Verb) -> bool {
    let bytes = text.as_bytes();
    matches!(verb, Verb::Create | Verb::Alter)
        && names_one(&bytes[..bytes.len().min(KIND_BYTES)], &KEPT)
}

fn names_one(bytes: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| {
        bytes
            .windows(word.len())
            .any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_could_split_goes_alone() {
        for (text, expected) in [
            ("INSERT INTO t VALUES (1) -- a comment", Way::Joined),
            ("INSERT INTO t VALUES (';')", Way::Once),
            ("INSERT INTO t VALUES ('\\'')", Way::Once),
            ("INSERT INTO t VALUES (1 /*! + 1 */)", Way::Once),
        ] {
            assert_eq!(way(text, Verb::Insert), expected, "{text}");
        }
        assert_eq!(way("CALL p()", Verb::Call), Way::Alone);
        let body = "CREATE Trigger a BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 1";
        assert_eq!(way(body, Verb::Create), Way::Once);
        assert_eq!(way("CREATE TABLE t (b int)", Verb::Create), Way::Joined);
        let other = "SET STATEMENT max_statement_time = 1 FOR CALL p()";
        let verb = whimbrel_sql::facts(other, whimbrel_sql::Dialect::Mysql).verb;
        assert_eq!(way(other, verb), Way::Alone);
    }

    #[test]
    fn questions_about_the_statement_before_are_seen() {
        assert!(looks_back("INSERT INTO n SELECT Row_Count()"));
        assert!(!looks_back("INSERT INTO n SELECT rows FROM t"));
    }
}
