//! How files are divided, by the rule of their tool: `[a b]` is one transaction, `(a)` a statement
//! by itself, `off`/`on` before it what SQLite enforces; `whole:` is one unit with its record.

use std::collections::HashMap;
use std::ops::Range;

use whimbrel_sql::Dialect;
use whimbrel_sql::Dialect::{Mysql, Postgres, Sqlite};

use super::{Prepared, Rules, prepare};
use crate::directive::Directives;
use crate::driver::Capabilities;
use crate::history::History;
use crate::migration::Transactions::{self, Bare, Strict, Wrapped};
use crate::plan::{PlanInput, PlanOptions};
use crate::text::{Script, SourceFile};

fn prepared(
    dialect: Dialect,
    transactions: Transactions,
    off: bool,
    text: &str,
) -> Result<Prepared, String> {
    let (history, kept, options) = (
        History::default(),
        HashMap::default(),
        PlanOptions::default(),
    );
    let input = PlanInput {
        migrations: &[],
        hooks: &[],
        history: &history,
        kept: &kept,
        dialect,
        capabilities: Capabilities {
            transactional_ddl: dialect != Mysql,
            cancel: true,
            enum_value_in_transaction: true,
            units_at_once: 1,
            batches_only: false,
            limits: None,
        },
        options: &options,
    };
    let directives = Directives {
        transaction: off.then_some(false),
        ..Directives::default()
    };
    let script = Script::whole(SourceFile::new("a.sql", text));
    let rules = Rules {
        directives: &directives,
        transactions,
        substitute: None,
    };
    prepare(input, &script, rules).map_err(|problems| problems[0].to_string())
}

fn texts(prepared: &Prepared, range: Range<usize>) -> Vec<&str> {
    let statements = prepared.statements[range].iter();
    statements.map(|s| prepared.text(s)).collect()
}

fn divided(dialect: Dialect, transactions: Transactions, off: bool, text: &str) -> String {
    let prepared = match prepared(dialect, transactions, off, text) {
        Ok(prepared) => prepared,
        Err(problem) => return problem,
    };
    let mut shown = Vec::new();
    if !prepared.journalled {
        shown.push("whole:".to_owned());
    }
    for segment in &prepared.segments {
        let list = texts(&prepared, segment.statements.clone()).join("; ");
        let enforced = match segment.foreign_keys {
            Some(true) => "on",
            Some(false) => "off",
            None => "",
        };
        shown.push(if segment.atomic {
            format!("{enforced}[{list}]")
        } else {
            format!("{enforced}({list})")
        });
    }
    shown.join(" ")
}

fn check(transactions: Transactions, table: &[(Dialect, &str, &str)]) {
    for (dialect, text, expected) in table {
        let found = divided(*dialect, transactions, false, text);
        assert_eq!(&found, expected, "{dialect:?} {transactions:?}: {text}");
    }
}

const CONCURRENTLY: &str = "CREATE INDEX CONCURRENTLY i ON a (b)";

#[test]
fn a_wrapped_file_begins_in_the_tools_transaction() {
    check(
        Wrapped,
        &[
            (
                Postgres,
                "SELECT 1; SELECT 2",
                "whole: [SELECT 1; SELECT 2]",
            ),
            (Postgres, "BEGIN; SELECT 1; COMMIT", "whole: [SELECT 1]"),
            (Postgres, "SELECT 1; COMMIT", "whole: [SELECT 1]"),
            (
                Postgres,
                "SELECT 1; COMMIT; SELECT 2; SELECT 3; BEGIN; SELECT 4; SELECT 5",
                "[SELECT 1] [SELECT 2] [SELECT 3] [SELECT 4; SELECT 5]",
            ),
            (
                Postgres,
                "SELECT 1; COMMIT; CREATE INDEX CONCURRENTLY i ON a (b); BEGIN;",
                "[SELECT 1] (CREATE INDEX CONCURRENTLY i ON a (b))",
            ),
            (
                Postgres,
                "SELECT 1; BEGIN; SELECT 2; COMMIT; COMMIT; CALL p()",
                "[SELECT 1; SELECT 2] (CALL p())",
            ),
            (
                Postgres,
                "SELECT 1; COMMIT AND CHAIN; SELECT 2; SELECT 3; COMMIT; SELECT 4",
                "[SELECT 1] [SELECT 2; SELECT 3] [SELECT 4]",
            ),
            (
                Postgres,
                CONCURRENTLY,
                "(CREATE INDEX CONCURRENTLY i ON a (b))",
            ),
            (
                Sqlite,
                "COMMIT; PRAGMA foreign_keys = OFF; BEGIN; DROP TABLE a; SELECT 1; COMMIT; PRAGMA foreign_keys = ON; BEGIN",
                "whole: off[DROP TABLE a; SELECT 1]",
            ),
            (
                Sqlite,
                "SELECT 1; COMMIT; PRAGMA foreign_keys = OFF; SELECT 2; SELECT 3; PRAGMA foreign_keys = ON; BEGIN; SELECT 4",
                "[SELECT 1] off[SELECT 2; SELECT 3] on[SELECT 4]",
            ),
            (
                Sqlite,
                "SELECT 1; PRAGMA foreign_keys=OFF; DROP TABLE a; PRAGMA foreign_keys=ON;",
                "whole: off[SELECT 1; DROP TABLE a]",
            ),
            (
                Sqlite,
                "PRAGMA foreign_keys=ON; DROP TABLE a;",
                "whole: [DROP TABLE a]",
            ),
            (
                Mysql,
                "CREATE TABLE a (b int); INSERT INTO a VALUES (1); COMMIT; INSERT INTO a VALUES (2); DELETE FROM a",
                "(CREATE TABLE a (b int)) [INSERT INTO a VALUES (1)] [INSERT INTO a VALUES (2); DELETE FROM a]",
            ),
        ],
    );
}

#[test]
fn a_bare_file_is_sent_as_it_is() {
    check(
        Bare,
        &[
            (
                Postgres,
                "BEGIN; SELECT 1; COMMIT; ROLLBACK; SELECT 2",
                "[SELECT 1] [SELECT 2]",
            ),
            (
                Mysql,
                "ROLLBACK; INSERT INTO a VALUES (1)",
                "whole: [INSERT INTO a VALUES (1)]",
            ),
            (
                Postgres,
                "SELECT 1; SELECT 2",
                "whole: [SELECT 1; SELECT 2]",
            ),
            (
                Postgres,
                CONCURRENTLY,
                "(CREATE INDEX CONCURRENTLY i ON a (b))",
            ),
            (Postgres, "CALL p()", "(CALL p())"),
            (
                Postgres,
                "DO $$ BEGIN INSERT INTO a VALUES (1); END $$",
                "whole: [DO $$ BEGIN INSERT INTO a VALUES (1); END $$]",
            ),
            (
                Postgres,
                "DO $$ BEGIN COMMIT; END $$",
                "(DO $$ BEGIN COMMIT; END $$)",
            ),
            (
                Postgres,
                "SELECT 1; BEGIN; SELECT 2; SELECT 3; COMMIT; SELECT 4; COMMIT;",
                "[SELECT 1] [SELECT 2; SELECT 3] [SELECT 4]",
            ),
            (
                Postgres,
                "BEGIN; SELECT 1; COMMIT; VACUUM; SELECT 2",
                "[SELECT 1] (VACUUM) [SELECT 2]",
            ),
            (
                Sqlite,
                "SELECT 1; PRAGMA foreign_keys=OFF; SELECT 2; DROP TABLE a; PRAGMA foreign_keys=ON; SELECT 3",
                "[SELECT 1] off[SELECT 2; DROP TABLE a] on[SELECT 3]",
            ),
            (
                Sqlite,
                "PRAGMA defer_foreign_keys=ON; PRAGMA foreign_keys=OFF; DROP TABLE a; PRAGMA foreign_keys=ON; PRAGMA defer_foreign_keys=OFF",
                "whole: off[PRAGMA defer_foreign_keys=ON; DROP TABLE a; PRAGMA defer_foreign_keys=OFF]",
            ),
            (
                Sqlite,
                "SELECT 1; VACUUM; SELECT 2",
                "[SELECT 1] (VACUUM) [SELECT 2]",
            ),
            (
                Mysql,
                "BEGIN; INSERT INTO a VALUES (1); CREATE TABLE b (c int); COMMIT; DELETE FROM a",
                "[INSERT INTO a VALUES (1)] (CREATE TABLE b (c int)) [DELETE FROM a]",
            ),
        ],
    );
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let table = [
        (
            Wrapped,
            Postgres,
            "SELECT 1; ROLLBACK",
            "a.sql:1:11: this transaction control can't be followed",
        ),
        (
            Bare,
            Postgres,
            "SELECT 1;\nBEGIN; SELECT 2",
            "a.sql:2:1: this transaction control has no partner in the file",
        ),
        (
            Bare,
            Sqlite,
            "SELECT 1; ROLLBACK",
            "a.sql:1:11: this transaction control can't be followed",
        ),
        (
            Bare,
            Postgres,
            "BEGIN; SELECT 1; ROLLBACK",
            "a.sql:1:18: this transaction control can't be followed",
        ),
        (
            Bare,
            Sqlite,
            "SELECT 1; COMMIT",
            "a.sql:1:11: this transaction control has no partner in the file",
        ),
        (
            Bare,
            Postgres,
            "SELECT 1; BEGIN; VACUUM; COMMIT",
            "a.sql:1:18: VACUUM can't run inside a transaction",
        ),
        (
            Wrapped,
            Postgres,
            "SELECT 1; VACUUM",
            "a.sql:1:11: VACUUM can't run inside a transaction",
        ),
        (
            Wrapped,
            Postgres,
            "VACUUM; COMMIT; SELECT 2",
            "a.sql:1:1: VACUUM can't run inside a transaction",
        ),
        (
            Wrapped,
            Mysql,
            "SET autocommit = 0; SELECT 1",
            "a.sql:1:1: this transaction control can't be followed",
        ),
        (
            Strict,
            Postgres,
            "SELECT 1; COMMIT; SELECT 2",
            "a.sql:1:11: the file controls transactions itself, but runs inside one",
        ),
    ];
    for (transactions, dialect, text, expected) in table {
        assert_eq!(
            divided(dialect, transactions, false, text),
            expected,
            "{text}"
        );
    }
}

#[test]
fn whimbrels_own_rule_stays() {
    check(
        Strict,
        &[
            (Postgres, "BEGIN; SELECT 1; COMMIT", "whole: [SELECT 1]"),
            (
                Sqlite,
                "PRAGMA foreign_keys=OFF; BEGIN; DROP TABLE a; COMMIT; PRAGMA foreign_keys=ON",
                "whole: off[DROP TABLE a]",
            ),
            (Sqlite, "PRAGMA foreign_keys=OFF; VACUUM", "off(VACUUM)"),
            (
                Sqlite,
                "SELECT 1; PRAGMA foreign_keys=OFF",
                "a.sql:1:11: PRAGMA foreign_keys does nothing inside a transaction",
            ),
        ],
    );
}

#[test]
fn without_a_transaction_each_statement_is_by_itself() {
    let table = [
        (
            Strict,
            Postgres,
            "SELECT 1; BEGIN; SELECT 2; SELECT 3; COMMIT",
            "[SELECT 1] [SELECT 2; SELECT 3]",
        ),
        (
            Bare,
            Postgres,
            "SELECT 1; SELECT 2",
            "[SELECT 1] [SELECT 2]",
        ),
        (
            Bare,
            Postgres,
            "SELECT 1; CREATE INDEX CONCURRENTLY i ON a (b); SELECT 2",
            "[SELECT 1] (CREATE INDEX CONCURRENTLY i ON a (b)) [SELECT 2]",
        ),
        (
            Wrapped,
            Postgres,
            "CREATE INDEX CONCURRENTLY i ON a (b); SELECT 2",
            "(CREATE INDEX CONCURRENTLY i ON a (b)) [SELECT 2]",
        ),
        (
            Bare,
            Sqlite,
            "SELECT 1; SELECT 2",
            "whole: [SELECT 1; SELECT 2]",
        ),
        (
            Strict,
            Sqlite,
            "SELECT 1; SELECT 2; PRAGMA foreign_keys=0; SELECT 3; SELECT 4",
            "[SELECT 1] [SELECT 2] off[SELECT 3; SELECT 4]",
        ),
    ];
    for (transactions, dialect, text, expected) in table {
        assert_eq!(
            divided(dialect, transactions, true, text),
            expected,
            "{text}"
        );
    }
}

/// What files may hold, in any order.
fn pieces() -> impl proptest::strategy::Strategy<Value = Vec<&'static str>> {
    let piece = proptest::sample::select(vec![
        "SELECT 1",
        "INSERT INTO a VALUES (1)",
        "CREATE TABLE a (b int)",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT s",
        "VACUUM",
        "CALL p()",
        "PRAGMA foreign_keys = OFF",
        "PRAGMA foreign_keys = ON",
    ]);
    proptest::collection::vec(piece, 0..12)
}

proptest::proptest! {
    /// Nothing is lost, nothing runs twice, and the order stays, whatever a file does.
    #[test]
    fn every_statement_is_in_one_segment(list in pieces(), off: bool) {
        let text = list.join(";\n");
        let gone = |piece: &&&str| !matches!(**piece, "BEGIN" | "COMMIT") && !piece.starts_with("PRAGMA");
        let kept: Vec<_> = list.iter().filter(gone).copied().collect();
        for dialect in [Postgres, Mysql, Sqlite] {
            for transactions in [Strict, Wrapped, Bare] {
                let Ok(prepared) = prepared(dialect, transactions, off, &text) else {
                    continue;
                };
                let mut end = 0;
                for segment in &prepared.segments {
                    proptest::prop_assert_eq!(segment.statements.start, end);
                    end = segment.statements.end;
                    let inside = texts(&prepared, segment.statements.clone());
                    proptest::prop_assert!(segment.atomic || inside.len() == 1);
                    let alone = segment.atomic && dialect != Mysql && inside.contains(&"VACUUM");
                    proptest::prop_assert!(!alone, "{:?}", inside);
                }
                proptest::prop_assert_eq!(texts(&prepared, 0..end), kept.clone());
            }
        }
    }
}
