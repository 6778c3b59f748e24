//! Folders whose whole names are the versions.

use super::{POSTGRES_TABLES, Project};

/// The programs that such files were written for send each statement by itself.
#[tokio::test]
async fn by_name_runs_files_that_no_transaction_takes_as_a_whole() {
    let project = Project::of(
        "by-name",
        "postgres",
        &[
            ("v1.9/tables.sql", "CREATE TABLE a (b int);"),
            (
                "v1.10/mixed.sql",
                "ALTER TABLE a ADD c int;\nCREATE INDEX CONCURRENTLY i ON a (c);\nALTER TABLE a DROP b;",
            ),
        ],
    );
    assert_eq!(project.up().await.len(), 2);
    assert_eq!(project.value(POSTGRES_TABLES), "a,i");
}
