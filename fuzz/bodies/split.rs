//! The splitter: never a panic, on any text; statements and gaps together are the input.

use whimbrel_sql::{Dialect, gaps, split, targets};

pub(crate) fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
        let Ok(statements) = split(&text, dialect) else {
            continue;
        };
        let mut spans: Vec<_> = gaps(text.len(), &statements).collect();
        for statement in &statements {
            spans.push(statement.span());
            spans.extend(statement.data());
            let _ = targets(&text[statement.span()], dialect);
        }
        spans.sort_by_key(|span| (span.start, span.end));
        let whole: String = spans.into_iter().map(|span| &text[span]).collect();
        assert_eq!(whole, text);
    }
}
