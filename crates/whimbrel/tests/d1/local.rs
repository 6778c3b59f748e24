//! The database file of `wrangler dev`.

use std::path::{Path, PathBuf};

use whimbrel::Error;

use super::{Project, refusals};

const STATE: &str = ".wrangler/state/v3/d1/miniflare-D1DatabaseObject";

/// The file of a database, by a word that stands in no other one.
fn file_with(word: &str) -> PathBuf {
    let data = whimbrel_testkit::d1().data();
    let state = data.join("miniflare-D1DatabaseObject");
    let has = |path: &Path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes
            .windows(word.len())
            .any(|part| part == word.as_bytes())
    };
    let files = std::fs::read_dir(state)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut databases = files.filter(|path| path.extension().is_some_and(|end| end == "sqlite"));
    let found = databases.find(|path| {
        let log = PathBuf::from(format!("{}-wal", path.display()));
        has(path) || has(&log)
    });
    found.unwrap()
}

#[tokio::test]
async fn it_is_migrated_where_it_lies() {
    let project = Project::new(&[(
        "001_a.sql",
        "CREATE TABLE word_of_local_test (id integer);\n",
    )]);
    project.migrator().up().await.unwrap();
    let file = file_with("word_of_local_test");
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join(STATE);
    std::fs::create_dir_all(&state).unwrap();
    std::os::unix::fs::symlink(&file, state.join(file.file_name().unwrap())).unwrap();
    let url = format!("d1-local:{}", folder.path().display());
    let local = project.builder_at(&url).build().unwrap();
    assert!(local.is_up_to_date().await.unwrap());
    project.write("002_b.sql", "INSERT INTO word_of_local_test VALUES (7);\n");
    assert_eq!(local.up().await.unwrap().steps.len(), 1);
    assert_eq!(
        project.rows("SELECT id FROM word_of_local_test"),
        "[{\"id\":7}]"
    );
    assert!(project.migrator().is_up_to_date().await.unwrap());
    // What the service would refuse is refused here as well.
    project.write("003_c.sql", "CREATE TEMP TABLE t (id);\nBEGIN;\n");
    assert_eq!(
        refusals(&local.up().await.unwrap_err()),
        [
            "1: the database does not let CREATE TEMP pass",
            "2: BEGIN: the database has no transactions that a script controls"
        ]
    );
}

#[tokio::test]
async fn a_folder_without_one_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("d1-local:{}", folder.path().display());
    let Err(Error::Settings(text)) = whimbrel::Migrator::builder(&url).build() else {
        panic!()
    };
    assert!(text.contains("wrangler d1 execute"), "{text}");
}
