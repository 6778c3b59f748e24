//! Plans for an engine that says what sizes it takes: no database.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::HashMap;

use whimbrel_core::driver::{Capabilities, Limits};
use whimbrel_core::history::History;
use whimbrel_core::plan::{Goal, PlanInput, PlanOptions, plan};
use whimbrel_core::source::{Directory, Source};
use whimbrel_sql::Dialect;

/// What is said against files where a request takes 40,000 bytes and a row 6,000.
fn told(files: &[(&str, &str)], options: &PlanOptions) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let loaded = Directory::new(folder.path()).load(Dialect::Sqlite).unwrap();
    let input = PlanInput {
        migrations: &loaded.migrations,
        hooks: &[],
        history: &History::default(),
        kept: &HashMap::new(),
        dialect: Dialect::Sqlite,
        capabilities: Capabilities {
            transactional_ddl: true,
            cancel: false,
            enum_value_in_transaction: true,
            units_at_once: 50,
            batches_only: true,
            limits: Some(Limits {
                statement_bytes: 3_000,
                request_bytes: 40_000,
                row_bytes: 6_000,
            }),
        },
        options,
    };
    let Err(error) = plan(input, &Goal::Latest) else {
        return Vec::new();
    };
    let show = |one: &whimbrel_core::diagnostic::Diagnostic| {
        let line = one.label.as_ref().unwrap().place().line;
        format!("{line}: {}", one.message)
    };
    error.diagnostics().iter().map(show).collect()
}

/// An INSERT of about this many bytes, on a line of its own.
fn insert(bytes: usize) -> String {
    format!("INSERT INTO t VALUES ('{}');\n", "x".repeat(bytes))
}

#[test]
fn a_request_that_is_too_large_is_told_at_the_statement_that_makes_it_so() {
    let fits = insert(2_000).repeat(2);
    assert_eq!(
        told(&[("1_a.sql", &fits)], &PlanOptions::default()),
        [""; 0]
    );
    let text = insert(2_000).repeat(8);
    let list = told(
        &[("1_a.sql", &fits), ("2_b.sql", &text)],
        &PlanOptions::default(),
    );
    assert_eq!(list.len(), 1, "{list:?}");
    // The file goes along to be kept, so there is room for seven of the eight.
    assert!(
        list[0].starts_with("8: 2_b is a request of") && list[0].ends_with("takes 40000 at most"),
        "{list:?}"
    );
    let off = format!("-- Transaction: off\n{text}");
    let list = told(&[("1_a.sql", &off)], &PlanOptions::default());
    assert!(list.is_empty(), "{list:?}");
}

/// Line ends and quotes take two bytes each on their way.
#[test]
fn what_is_escaped_counts_as_it_is_sent() {
    let plain = format!("SELECT '{}';\n", "x".repeat(2_900)).repeat(3);
    let escaped = format!("SELECT '{}';\n", "\n".repeat(2_900)).repeat(3);
    assert!(told(&[("1_a.sql", &plain)], &PlanOptions::default()).is_empty());
    let list = told(&[("1_a.sql", &escaped)], &PlanOptions::default());
    assert!(
        list.len() == 1 && list[0].contains(": 1_a is a request of"),
        "{list:?}"
    );
}

#[test]
fn a_run_in_one_transaction_is_one_request() {
    let text = insert(2_000);
    let names: Vec<_> = (1..=4).map(|n| format!("{n}_a.sql")).collect();
    let files: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), text.as_str()))
        .collect();
    assert!(told(&files, &PlanOptions::default()).is_empty());
    let together = PlanOptions {
        single_transaction: true,
        ..PlanOptions::default()
    };
    let list = told(&files, &together);
    assert!(
        list.len() == 1 && list[0].starts_with("1: the run is one request of"),
        "{list:?}"
    );
}

#[test]
fn a_rollback_that_no_row_holds_is_told() {
    let down = "DELETE FROM t;\n".repeat(500);
    let list = told(
        &[("1_a.up.sql", "SELECT 1;"), ("1_a.down.sql", &down)],
        &PlanOptions::default(),
    );
    assert_eq!(
        list,
        [
            "1: the rollback of 1_a is 7500 bytes long; the database takes rows of 6000 at most, so the history can't keep it"
        ]
    );
}
