//! What single statements mean for the transaction that they run in.

use whimbrel_sql::{Facts, Restricted, Statement, TransactionControl, Verb};

use super::PlanInput;

/// Control that begins or ends transactions; savepoints inside one are fine.
pub(super) fn is_boundary(control: Option<TransactionControl>) -> bool {
    !matches!(
        control,
        None | Some(
            TransactionControl::Savepoint
                | TransactionControl::Release
                | TransactionControl::RollbackTo
        )
    )
}

/// `COMMIT AND CHAIN` begins the next transaction as well.
pub(super) fn chains(text: &str) -> bool {
    let words: Vec<_> = text.split_whitespace().collect();
    match words.as_slice() {
        [.., before, last] => {
            last.eq_ignore_ascii_case("chain") && !before.eq_ignore_ascii_case("no")
        }
        _ => false,
    }
}

/// What to call a statement that no transaction takes.
pub(super) fn why_alone(input: PlanInput<'_>, facts: &Facts) -> Option<&'static str> {
    let enum_value = facts.add_enum_value && !input.capabilities.enum_value_in_transaction;
    facts
        .not_in_transaction
        .map(Restricted::as_str)
        .or(enum_value.then_some("ALTER TYPE ... ADD VALUE (before PostgreSQL 12)"))
}

/// MySQL: it ends the transaction that it runs in, or may do so.
pub(super) fn commits(facts: &Facts) -> bool {
    facts.implicit_commit || facts.may_commit
}

/// A procedure or a block may commit by itself, which it can't inside a transaction.
pub(super) fn commits_inside(facts: &Facts) -> bool {
    facts.may_commit || matches!(facts.verb, Verb::Call | Verb::Do)
}

/// A call by itself, or a block that has the word in it: it surely counts on having no transaction
/// around it.
pub(super) fn surely_commits_inside(statement: &Statement, text: &str) -> bool {
    match statement.facts.verb {
        Verb::Call => true,
        Verb::Do => {
            let text = text.to_ascii_lowercase();
            text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .any(|word| matches!(word, "commit" | "rollback"))
        }
        _ => false,
    }
}

/// `PRAGMA foreign_keys = off` and its other spellings.
pub(super) fn foreign_keys_pragma(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let rest = text.strip_prefix("pragma")?.trim_start();
    let rest = rest.strip_prefix("main.").unwrap_or(rest);
    let rest = rest.strip_prefix("foreign_keys")?.trim();
    let value = rest
        .strip_prefix('=')
        .or_else(|| rest.strip_prefix('(').and_then(|r| r.strip_suffix(')')))?;
    Some(matches!(
        value.trim().trim_matches(['\'', '"']),
        "on" | "1" | "true" | "yes"
    ))
}

#[cfg(test)]
mod tests {
    use super::{chains, foreign_keys_pragma};

    #[test]
    fn pragmas_are_read_in_every_spelling() {
        assert_eq!(
            foreign_keys_pragma("PRAGMA foreign_keys = OFF"),
            Some(false)
        );
        assert_eq!(
            foreign_keys_pragma("pragma main.foreign_keys(1)"),
            Some(true)
        );
        assert_eq!(foreign_keys_pragma("PRAGMA foreign_keys"), None);
        assert_eq!(foreign_keys_pragma("PRAGMA foreign_key_check"), None);
    }

    #[test]
    fn a_commit_may_chain() {
        assert!(chains("COMMIT AND CHAIN"));
        assert!(!chains("COMMIT AND NO CHAIN"));
        assert!(!chains("COMMIT"));
    }
}
