//! What some engines don't run everywhere.

/// A kind of statement that can't run inside a transaction, or that an engine refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Restricted {
    IndexConcurrently,
    DropIndexConcurrently,
    ReindexConcurrently,
    ReindexDatabase,
    Vacuum,
    CreateDatabase,
    DropDatabase,
    DatabaseTablespace,
    CreateTablespace,
    DropTablespace,
    AlterSystem,
    DetachPartition,
    CreateSubscription,
    DropSubscription,
    RefreshSubscription,
    ClusterAll,
    DiscardAll,
    JournalMode,
    ForeignKeys,
    Synchronous,
    Checkpoint,
    Attach,
    Detach,
    Begin,
    Commit,
    Rollback,
    Savepoint,
    Release,
    CreateTemp,
    Pragma,
}

impl Restricted {
    /// What to call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IndexConcurrently => "CREATE INDEX CONCURRENTLY",
            Self::DropIndexConcurrently => "DROP INDEX CONCURRENTLY",
            Self::ReindexConcurrently => "REINDEX CONCURRENTLY",
            Self::ReindexDatabase => "REINDEX of a database or schema",
            Self::Vacuum => "VACUUM",
            Self::CreateDatabase => "CREATE DATABASE",
            Self::DropDatabase => "DROP DATABASE",
            Self::DatabaseTablespace => "ALTER DATABASE ... SET TABLESPACE",
            Self::CreateTablespace => "CREATE TABLESPACE",
            Self::DropTablespace => "DROP TABLESPACE",
            Self::AlterSystem => "ALTER SYSTEM",
            Self::DetachPartition => "ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY",
            Self::CreateSubscription => "CREATE SUBSCRIPTION",
            Self::DropSubscription => "DROP SUBSCRIPTION",
            Self::RefreshSubscription => "ALTER SUBSCRIPTION that refreshes",
            Self::ClusterAll => "CLUSTER of all tables",
            Self::DiscardAll => "DISCARD ALL",
            Self::JournalMode => "PRAGMA journal_mode",
            Self::ForeignKeys => "PRAGMA foreign_keys",
            Self::Synchronous => "PRAGMA synchronous",
            Self::Checkpoint => "PRAGMA wal_checkpoint",
            Self::Attach => "ATTACH",
            Self::Detach => "DETACH",
            Self::Begin => "BEGIN",
            Self::Commit => "COMMIT",
            Self::Rollback => "ROLLBACK",
            Self::Savepoint => "SAVEPOINT",
            Self::Release => "RELEASE",
            Self::CreateTemp => "CREATE TEMP",
            Self::Pragma => "this PRAGMA",
        }
    }
}

impl std::fmt::Display for Restricted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
