//! What can be said of a statement by its words.

mod restricted;
mod rules;
mod targets;
mod words;
mod written;

pub use self::restricted::Restricted;
pub use self::targets::{Target, targets};
pub(crate) use self::words::Words;
pub use self::written::{model, storage_engine, written};
use crate::Dialect;

/// What a statement does, by its first word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Verb {
    Select,
    Insert,
    Update,
    Delete,
    Replace,
    Merge,
    With,
    Create,
    Alter,
    Drop,
    Truncate,
    Rename,
    Copy,
    Set,
    Reset,
    Use,
    Pragma,
    Vacuum,
    Analyze,
    Begin,
    Commit,
    Rollback,
    Savepoint,
    Release,
    Call,
    Do,
    Explain,
    Lock,
    Grant,
    Revoke,
    Comment,
    Execute,
    Prepare,
    Reindex,
    #[default]
    Other,
}

/// What CREATE, ALTER, DROP and RENAME are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ObjectKind {
    Table,
    Index,
    View,
    MaterializedView,
    Trigger,
    Function,
    Procedure,
    Sequence,
    Schema,
    Type,
    Database,
    Tablespace,
    Role,
    Extension,
    Event,
    Subscription,
    System,
    Other,
}

/// Control of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransactionControl {
    /// BEGIN, START TRANSACTION.
    Begin,
    /// COMMIT, END.
    Commit,
    /// ROLLBACK, ABORT.
    Rollback,
    /// ROLLBACK TO SAVEPOINT.
    RollbackTo,
    /// SAVEPOINT.
    Savepoint,
    /// RELEASE SAVEPOINT.
    Release,
    /// PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED, XA.
    Prepared,
    /// SET autocommit.
    Autocommit,
}

/// Facts about a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its first word.
    pub verb: Verb,
    /// What it creates, alters, drops or renames.
    pub object: Option<ObjectKind>,
    /// That object is temporary.
    pub temporary: bool,
    /// CONCURRENTLY.
    pub concurrently: bool,
    /// It begins or ends a transaction, or sets a savepoint.
    pub transaction_control: Option<TransactionControl>,
    /// It can't run inside a transaction (PostgreSQL, SQLite).
    pub not_in_transaction: Option<Restricted>,
    /// An engine that takes whole batches and no more (Cloudflare D1) refuses it.
    pub not_in_batch: Option<Restricted>,
    /// ALTER TYPE ... ADD VALUE, which can't run inside a transaction before PostgreSQL 12.
    pub add_enum_value: bool,
    /// It may change the session beyond itself. False only when it surely doesn't.
    pub session_state: bool,
    /// It commits by itself (MySQL).
    pub implicit_commit: bool,
    /// It may commit by itself, depending on what it calls (MySQL).
    pub may_commit: bool,
    /// Running it a second time does no harm: it says IF NOT EXISTS, it collects statistics, ...
    pub may_run_again: bool,
}

impl Facts {
    /// All that it does is to change the session.
    pub fn only_session(&self) -> bool {
        matches!(
            self.verb,
            Verb::Set | Verb::Use | Verb::Reset | Verb::Pragma
        ) && self.session_state
    }
}

/// Looks at a statement.
pub fn facts(statement: &str, dialect: Dialect) -> Facts {
    of_words(&Words::of(statement, dialect), dialect)
}

/// The facts of a statement whose first words are known.
pub(crate) fn of_words(words: &Words<'_>, dialect: Dialect) -> Facts {
    let is = |at: usize, word: &str| words.is(at, &[word]);
    if let Some(start) = rules::after_settings(words.len(), is, dialect) {
        return of_words(&words.since(start), dialect);
    }
    let verb = rules::verb(words);
    let mut facts = Facts {
        verb,
        ..Facts::default()
    };
    if matches!(verb, Verb::Create | Verb::Alter | Verb::Drop | Verb::Rename) {
        facts.temporary = words.among_first(6, &["temp", "temporary"]);
        facts.object = rules::object(words);
    }
    if dialect == Dialect::Postgres && matches!(verb, Verb::Select | Verb::With) {
        facts.temporary =
            words.sequence_of(&["into", "temp"]) || words.sequence_of(&["into", "temporary"]);
    }
    facts.concurrently = matches!(
        verb,
        Verb::Create | Verb::Drop | Verb::Reindex | Verb::Alter | Verb::Other
    ) && words.among_first(12, &["concurrently"]);
    facts.transaction_control = rules::transaction_control(words, verb, dialect);
    facts.session_state = rules::session_state(words, &facts, dialect);
    facts.may_run_again = rules::may_run_again(words, &facts);
    match dialect {
        Dialect::Postgres => {
            facts.not_in_transaction = rules::postgres_alone(words, &facts);
            facts.add_enum_value = facts.verb == Verb::Alter
                && facts.object == Some(ObjectKind::Type)
                && words.sequence_of(&["add", "value"]);
        }
        Dialect::Sqlite => {
            facts.not_in_transaction = rules::sqlite_alone(words, &facts);
            facts.not_in_batch = rules::d1_refuses(words, &facts);
        }
        Dialect::Mysql => {
            facts.implicit_commit = rules::mysql_commits(words, &facts);
            facts.may_commit = rules::may_commit(words, &facts);
        }
    }
    facts
}
