//! Nothing is touched before the first call.
#![allow(missing_docs, clippy::unwrap_used)]

use whimbrel::Migrator;

#[tokio::test]
async fn building_touches_neither_database_nor_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    let migrations = folder.path().join("migrations");
    let url = format!("sqlite:{}", file.display());
    let migrator = Migrator::builder(&url)
        .directory(&migrations)
        .build()
        .unwrap();
    assert!(!file.exists());
    std::fs::create_dir(&migrations).unwrap();
    std::fs::write(migrations.join("001_a.sql"), "CREATE TABLE a (i int);\n").unwrap();
    // Looking does not make a database either.
    assert!(!migrator.is_up_to_date().await.unwrap());
    assert_eq!(migrator.pending().await.unwrap().len(), 1);
    assert!(!file.exists());
    migrator.up().await.unwrap();
    assert!(migrator.is_up_to_date().await.unwrap());
}
