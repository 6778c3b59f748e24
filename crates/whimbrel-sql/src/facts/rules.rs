//! The engines' rules, by their manuals.

use super::words::{Words, key};
use super::{Facts, ObjectKind, Restricted, TransactionControl, Verb};
use crate::Dialect;

const VERBS: [(u128, Verb); 41] = [
    (key("select"), Verb::Select),
    (key("values"), Verb::Select),
    (key("table"), Verb::Select),
    (key("insert"), Verb::Insert),
    (key("update"), Verb::Update),
    (key("delete"), Verb::Delete),
    (key("replace"), Verb::Replace),
    (key("merge"), Verb::Merge),
    (key("with"), Verb::With),
    (key("create"), Verb::Create),
    (key("alter"), Verb::Alter),
    (key("drop"), Verb::Drop),
    (key("truncate"), Verb::Truncate),
    (key("rename"), Verb::Rename),
    (key("copy"), Verb::Copy),
    (key("set"), Verb::Set),
    (key("reset"), Verb::Reset),
    (key("use"), Verb::Use),
    (key("pragma"), Verb::Pragma),
    (key("vacuum"), Verb::Vacuum),
    (key("analyze"), Verb::Analyze),
    (key("analyse"), Verb::Analyze),
    (key("begin"), Verb::Begin),
    (key("start"), Verb::Begin),
    (key("commit"), Verb::Commit),
    (key("end"), Verb::Commit),
    (key("rollback"), Verb::Rollback),
    (key("abort"), Verb::Rollback),
    (key("savepoint"), Verb::Savepoint),
    (key("release"), Verb::Release),
    (key("call"), Verb::Call),
    (key("do"), Verb::Do),
    (key("explain"), Verb::Explain),
    (key("lock"), Verb::Lock),
    (key("grant"), Verb::Grant),
    (key("revoke"), Verb::Revoke),
    (key("comment"), Verb::Comment),
    (key("execute"), Verb::Execute),
    (key("prepare"), Verb::Prepare),
    (key("reindex"), Verb::Reindex),
    (key("("), Verb::Select),
];

pub(super) fn verb(words: &Words<'_>) -> Verb {
    let first = key(words.at(0));
    VERBS
        .iter()
        .find(|(word, _)| *word == first)
        .map_or(Verb::Other, |(_, verb)| *verb)
}

const OBJECTS: [(u128, ObjectKind); 17] = [
    (key("table"), ObjectKind::Table),
    (key("index"), ObjectKind::Index),
    (key("view"), ObjectKind::View),
    (key("materialized"), ObjectKind::MaterializedView),
    (key("trigger"), ObjectKind::Trigger),
    (key("function"), ObjectKind::Function),
    (key("procedure"), ObjectKind::Procedure),
    (key("sequence"), ObjectKind::Sequence),
    (key("schema"), ObjectKind::Schema),
    (key("type"), ObjectKind::Type),
    (key("database"), ObjectKind::Database),
    (key("tablespace"), ObjectKind::Tablespace),
    (key("role"), ObjectKind::Role),
    (key("user"), ObjectKind::Role),
    (key("extension"), ObjectKind::Extension),
    (key("event"), ObjectKind::Event),
    (key("subscription"), ObjectKind::Subscription),
];

/// The kind of object that a word names.
pub(super) fn object_word(word: &str) -> Option<ObjectKind> {
    let this = key(word);
    let found = OBJECTS.iter().find(|(word, _)| *word == this);
    found.map(|(_, kind)| *kind)
}

/// The first word that names a kind of object; qualifiers such as OR REPLACE, UNIQUE or DEFINER
/// stand before it.
pub(super) fn object(words: &Words<'_>) -> Option<ObjectKind> {
    let found = (1..words.len().min(14)).find_map(|index| object_word(words.at(index)));
    if words.is(1, &["system"]) {
        return Some(ObjectKind::System);
    }
    found.or(Some(ObjectKind::Other))
}

pub(super) fn transaction_control(
    words: &Words<'_>,
    verb: Verb,
    dialect: Dialect,
) -> Option<TransactionControl> {
    use TransactionControl as Control;
    let mysql = dialect == Dialect::Mysql;
    if words.is(0, &["xa"]) && mysql || words.starts_with(&["prepare", "transaction"]) {
        return Some(Control::Prepared);
    }
    if mysql && words.is(0, &["set"]) && words.sequence_of(&["autocommit", "="]) {
        return Some(Control::Autocommit);
    }
    Some(match verb {
        Verb::Begin if words.is(0, &["start"]) && !words.is(1, &["transaction"]) => return None,
        Verb::Begin if mysql && begins_block(words) => return None,
        Verb::Begin => Control::Begin,
        Verb::Commit | Verb::Rollback if words.is(1, &["prepared"]) => Control::Prepared,
        Verb::Commit => Control::Commit,
        Verb::Rollback if words.among_first(4, &["to"]) => Control::RollbackTo,
        Verb::Rollback => Control::Rollback,
        Verb::Savepoint => Control::Savepoint,
        Verb::Release => Control::Release,
        _ => return None,
    })
}

/// MariaDB's BEGIN NOT ATOMIC, or with `sql_mode = ORACLE` a BEGIN with its first statement.
fn begins_block(words: &Words<'_>) -> bool {
    words.is(0, &["begin"]) && words.len() > 1 && !words.is(1, &["work"])
}

/// PostgreSQL: what its manual calls not executable inside a transaction block.
pub(super) fn postgres_alone(words: &Words<'_>, facts: &Facts) -> Option<Restricted> {
    use ObjectKind as Kind;
    let object = facts.object;
    match facts.verb {
        Verb::Create if object == Some(Kind::Index) && facts.concurrently => {
            Some(Restricted::IndexConcurrently)
        }
        Verb::Drop if object == Some(Kind::Index) && facts.concurrently => {
            Some(Restricted::DropIndexConcurrently)
        }
        Verb::Reindex if facts.concurrently => Some(Restricted::ReindexConcurrently),
        Verb::Reindex if words.among_first(8, &["database", "system", "schema"]) => {
            Some(Restricted::ReindexDatabase)
        }
        Verb::Vacuum => Some(Restricted::Vacuum),
        Verb::Create if words.is(1, &["database"]) => Some(Restricted::CreateDatabase),
        Verb::Drop if words.is(1, &["database"]) => Some(Restricted::DropDatabase),
        Verb::Alter if words.is(1, &["database"]) && words.sequence_of(&["set", "tablespace"]) => {
            Some(Restricted::DatabaseTablespace)
        }
        Verb::Create if words.is(1, &["tablespace"]) => Some(Restricted::CreateTablespace),
        Verb::Drop if words.is(1, &["tablespace"]) => Some(Restricted::DropTablespace),
        Verb::Alter if object == Some(Kind::System) => Some(Restricted::AlterSystem),
        Verb::Alter
            if words.sequence_of(&["detach", "partition"])
                && words.among_first(48, &["concurrently"]) =>
        {
            Some(Restricted::DetachPartition)
        }
        Verb::Create if words.is(1, &["subscription"]) => Some(Restricted::CreateSubscription),
        Verb::Drop if words.is(1, &["subscription"]) => Some(Restricted::DropSubscription),
        Verb::Alter if refreshes_subscription(words) => Some(Restricted::RefreshSubscription),
        Verb::Other if words.is(0, &["cluster"]) && clusters_all(words) => {
            Some(Restricted::ClusterAll)
        }
        Verb::Other if words.starts_with(&["discard", "all"]) => Some(Restricted::DiscardAll),
        _ => None,
    }
}

/// CLUSTER without a table, perhaps with options.
fn clusters_all(words: &Words<'_>) -> bool {
    let options = words.position(words.len(), &[")"]);
    match words.at(1) {
        "" => true,
        "(" => options.is_none_or(|end| end + 1 == words.len()),
        verbose => words.len() == 2 && verbose.eq_ignore_ascii_case("verbose"),
    }
}

/// ALTER SUBSCRIPTION ... REFRESH, or a change of its publications, which refreshes unless told not to.
fn refreshes_subscription(words: &Words<'_>) -> bool {
    let off = |word: &str| words.sequence_of(&["refresh", "=", word]);
    words.is(1, &["subscription"])
        && (words.is(3, &["refresh"])
            || words.is(3, &["set", "add", "drop"])
                && words.is(4, &["publication"])
                && !off("false")
                && !off("off"))
}

/// A pragma's name, which a schema may stand before.
fn pragma<'w>(words: &'w Words<'_>) -> &'w str {
    words.at(if words.is(2, &["."]) { 3 } else { 1 })
}

/// SQLite: what fails or does nothing inside a transaction.
pub(super) fn sqlite_alone(words: &Words<'_>, facts: &Facts) -> Option<Restricted> {
    let pragma = pragma(words);
    match facts.verb {
        Verb::Vacuum => Some(Restricted::Vacuum),
        Verb::Pragma if pragma.eq_ignore_ascii_case("journal_mode") && words.len() > 2 => {
            Some(Restricted::JournalMode)
        }
        Verb::Pragma if pragma.eq_ignore_ascii_case("foreign_keys") && words.len() > 2 => {
            Some(Restricted::ForeignKeys)
        }
        Verb::Pragma if pragma.eq_ignore_ascii_case("synchronous") && words.len() > 2 => {
            Some(Restricted::Synchronous)
        }
        Verb::Pragma if pragma.eq_ignore_ascii_case("wal_checkpoint") => {
            Some(Restricted::Checkpoint)
        }
        Verb::Other if words.is(0, &["detach"]) => Some(Restricted::Detach),
        _ => None,
    }
}

/// The pragmas that Cloudflare D1 lets pass.
const D1_PRAGMAS: [&str; 17] = [
    "case_sensitive_like",
    "defer_foreign_keys",
    "foreign_key_check",
    "foreign_key_list",
    "foreign_keys",
    "ignore_check_constraints",
    "index_info",
    "index_list",
    "index_xinfo",
    "legacy_alter_table",
    "optimize",
    "quick_check",
    "recursive_triggers",
    "reverse_unordered_selects",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// What Cloudflare D1 refuses whatever the data: statements about files, sessions and transactions.
pub(super) fn d1_refuses(words: &Words<'_>, facts: &Facts) -> Option<Restricted> {
    let pragma = pragma(words);
    let known = |name: &&str| pragma.eq_ignore_ascii_case(name);
    match facts.verb {
        Verb::Begin => Some(Restricted::Begin),
        Verb::Commit => Some(Restricted::Commit),
        Verb::Rollback => Some(Restricted::Rollback),
        Verb::Savepoint => Some(Restricted::Savepoint),
        Verb::Release => Some(Restricted::Release),
        Verb::Vacuum => Some(Restricted::Vacuum),
        Verb::Other if words.is(0, &["attach"]) => Some(Restricted::Attach),
        Verb::Other if words.is(0, &["detach"]) => Some(Restricted::Detach),
        Verb::Create if words.is(1, &["temp", "temporary"]) => Some(Restricted::CreateTemp),
        Verb::Pragma if !D1_PRAGMAS.iter().any(known) => Some(Restricted::Pragma),
        _ => None,
    }
}

pub(super) fn session_state(words: &Words<'_>, facts: &Facts, dialect: Dialect) -> bool {
    match facts.verb {
        Verb::Set => !words.is(1, &["local", "constraints", "transaction"]),
        Verb::Create | Verb::Alter | Verb::Drop => {
            facts.temporary || dialect == Dialect::Mysql && words.among_first(3, &["temporary"])
        }
        Verb::Rename
        | Verb::Truncate
        | Verb::Grant
        | Verb::Revoke
        | Verb::Comment
        | Verb::Copy
        | Verb::Vacuum
        | Verb::Analyze
        | Verb::Reindex
        | Verb::Begin
        | Verb::Commit
        | Verb::Rollback
        | Verb::Savepoint
        | Verb::Release => false,
        Verb::Insert | Verb::Update | Verb::Delete | Verb::Replace | Verb::Select | Verb::With => {
            dialect != Dialect::Sqlite
        }
        _ => true,
    }
}

/// What does the same a second time, or nothing.
pub(super) fn may_run_again(words: &Words<'_>, facts: &Facts) -> bool {
    let guarded = || {
        words.sequence_of(&["if", "not", "exists"])
            || words.sequence_of(&["if", "exists"])
            || words.starts_with(&["create", "or", "replace"])
    };
    match facts.verb {
        Verb::Vacuum
        | Verb::Analyze
        | Verb::Reindex
        | Verb::Set
        | Verb::Reset
        | Verb::Use
        | Verb::Pragma
        | Verb::Grant
        | Verb::Revoke
        | Verb::Comment
        | Verb::Lock => true,
        Verb::Alter => facts.object == Some(ObjectKind::System),
        // In the place of what was there comes something empty.
        Verb::Create
            if words.starts_with(&["create", "or", "replace"])
                && words.is(3, &["table", "sequence", "database", "schema"]) =>
        {
            false
        }
        Verb::Create | Verb::Drop => guarded(),
        Verb::Other => words.is(
            0,
            &[
                "optimize", "repair", "check", "checksum", "flush", "unlock", "cluster", "discard",
            ],
        ),
        _ => false,
    }
}

/// MariaDB's `SET STATEMENT ... FOR`: where the statement begins that it runs, of so many words. At
/// their end if that is not seen: it may be anything.
pub(super) fn after_settings(
    length: usize,
    is: impl Fn(usize, &str) -> bool,
    dialect: Dialect,
) -> Option<usize> {
    let prefixed = dialect == Dialect::Mysql && is(0, "set") && is(1, "statement");
    prefixed.then(|| {
        let end = (2..length).find(|&at| is(at, "for"));
        end.map_or(length, |at| at + 1)
    })
}

/// It can't be set inside a transaction.
fn sets_log_bin(words: &Words<'_>) -> bool {
    let mut first = (1..words.len()).map(|at| words.at(at).trim_start_matches('@'));
    first.any(|word| {
        let name = word.rsplit('.').next().unwrap_or_default();
        name.eq_ignore_ascii_case("sql_log_bin")
    })
}

/// Blocks that MariaDB runs outside of a routine.
const BLOCKS: [&str; 7] = ["if", "case", "loop", "repeat", "while", "for", "declare"];

/// MySQL: what it commits depends on what it calls or holds.
pub(super) fn may_commit(words: &Words<'_>, facts: &Facts) -> bool {
    let block = || {
        let labelled = words.is(1, &[":"]);
        words.is(0, &BLOCKS) || begins_block(words) || labelled
    };
    match facts.verb {
        Verb::Call | Verb::Execute => true,
        Verb::Begin | Verb::Other => words.len() == 0 || block(),
        _ => false,
    }
}

/// MySQL: "Statements That Cause an Implicit Commit" of its manual, and MariaDB's list.
pub(super) fn mysql_commits(words: &Words<'_>, facts: &Facts) -> bool {
    match facts.verb {
        Verb::Create | Verb::Drop => !(facts.temporary && facts.object == Some(ObjectKind::Table)),
        Verb::Alter
        | Verb::Truncate
        | Verb::Rename
        | Verb::Grant
        | Verb::Revoke
        | Verb::Lock
        | Verb::Analyze
        | Verb::Reset => true,
        Verb::Set => {
            words.is(1, &["password"])
                || words.starts_with(&["set", "default", "role"])
                || sets_log_bin(words)
        }
        Verb::Other => words.is(
            0,
            &[
                "optimize",
                "repair",
                "check",
                "checksum",
                "cache",
                "flush",
                "install",
                "uninstall",
                "load",
                "unlock",
                "reset",
                "change",
                "import",
                "stop",
            ],
        ),
        Verb::Begin => words.is(0, &["start"]) && !words.is(1, &["transaction"]),
        _ => false,
    }
}
