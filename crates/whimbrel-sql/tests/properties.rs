//! Whatever the text: no panic, and statements and gaps together are the text.

use proptest::prelude::*;
use whimbrel_sql::{Dialect, comments, gaps, significant_eq, split};

const DIALECTS: [Dialect; 3] = [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite];

const PIECES: [&str; 40] = [
    "SELECT 1",
    ";",
    "\n",
    " ",
    "'",
    "''",
    "\"",
    "`",
    "$$",
    "$tag$",
    "--",
    "-- x\n",
    "/*",
    "*/",
    "/*!",
    "#",
    "\\",
    "\\.\n",
    "COPY t FROM STDIN;\n",
    "BEGIN",
    "END",
    "CASE",
    "IF",
    "THEN",
    "CREATE TRIGGER t ",
    "CREATE FUNCTION f() ",
    "ATOMIC",
    "DELIMITER $$\n",
    "DELIMITER ;\n",
    "(",
    ")",
    "[",
    "]",
    "E'",
    "é",
    "\r\n",
    "LOOP",
    "FOR EACH ROW",
    "1.5",
    "\u{0}",
];

fn check(text: &str) {
    for dialect in DIALECTS {
        for comment in comments(text, dialect) {
            assert!(text.get(comment).is_some());
        }
        assert!(significant_eq(text, text, dialect));
        let Ok(statements) = split(text, dialect) else {
            continue;
        };
        let mut parts: Vec<_> = gaps(text.len(), &statements).collect();
        for statement in &statements {
            assert!(!statement.span().is_empty());
            parts.push(statement.span());
            parts.extend(statement.data().filter(|data| !data.is_empty()));
        }
        parts.sort_by_key(|part| part.start);
        let whole: String = parts.iter().map(|part| &text[part.clone()]).collect();
        assert_eq!(whole, text, "{dialect:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_mix(picks in proptest::collection::vec(0..PIECES.len(), 0..40)) {
        check(&picks.iter().map(|&pick| PIECES[pick]).collect::<String>());
    }
}
