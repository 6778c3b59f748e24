//! The splitter: never a panic, on any text; statements and gaps together are the input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whimbrel_sql::{Dialect, gaps, split, targets};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
        let Ok(statements) = split(&text, dialect) else {
            continue;
        };
        let mut spans: Vec<_> = gaps(text.len(), &statements).collect();
        for statement in &statements {
            spans.push(statement.span.clone());
            spans.extend(statement.data.clone());
            let _ = targets(&text[statement.span.clone()], dialect);
        }
        spans.sort_by_key(|span| (span.start, span.end));
        let whole: String = spans.into_iter().map(|span| &text[span]).collect();
        assert_eq!(whole, text);
    }
});
