//! No row is lost without a word.

use whimbrel::Error;

use super::{Project, refusals};

const TABLES: (&str, &str) = (
    "001_tables.sql",
    "CREATE TABLE users (id integer PRIMARY KEY);\nCREATE TABLE posts (id integer PRIMARY KEY, author integer REFERENCES users (id) ON DELETE CASCADE);\nINSERT INTO users VALUES (1);\nINSERT INTO posts VALUES (10, 1);\n",
);
const REBUILD: &str = "PRAGMA defer_foreign_keys = on;\nCREATE TABLE users_new (id integer PRIMARY KEY, name text);\nINSERT INTO users_new (id) SELECT id FROM users;\nDROP TABLE users;\nALTER TABLE users_new RENAME TO users;\n";

async fn message(project: &Project) -> String {
    match project.migrator().up().await.unwrap_err() {
        Error::Failed(failure) => {
            let line = failure.diagnostic.label.as_ref().map(|l| l.place().line);
            format!("{line:?}: {}", failure.diagnostic.message)
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn checks_can_be_put_off_to_the_end() {
    let text = "PRAGMA defer_foreign_keys = on;\nCREATE TABLE users (id integer PRIMARY KEY);\nCREATE TABLE posts (author integer REFERENCES users (id));\nINSERT INTO posts VALUES (1);\nINSERT INTO users VALUES (1);\n";
    let project = Project::new(&[("001_deferred.sql", text)]);
    project.migrator().up().await.unwrap();
    project.write(
        "002_orphan.sql",
        "PRAGMA defer_foreign_keys = on;\nINSERT INTO posts VALUES (2);\n",
    );
    let told = message(&project).await;
    assert_eq!(told, "Some(1): FOREIGN KEY constraint failed");
    assert_eq!(project.rows("SELECT author FROM posts"), "[{\"author\":1}]");
}

#[tokio::test]
async fn dropping_a_parent_with_children_is_refused() {
    let project = Project::new(&[TABLES]);
    project.migrator().up().await.unwrap();
    project.write("002_rebuild.sql", REBUILD);
    assert_eq!(
        message(&project).await,
        "Some(4): dropping users would change the rows of posts (ON DELETE CASCADE) that refer to it"
    );
    assert_eq!(project.rows("SELECT id FROM posts"), "[{\"id\":10}]");
}

#[tokio::test]
async fn dropping_a_parent_is_refused_in_a_shared_request_too() {
    let project = Project::new(&[TABLES, ("002_rebuild.sql", REBUILD)]);
    assert_eq!(
        message(&project).await,
        "Some(4): dropping users would change the rows of posts (ON DELETE CASCADE) that refer to it"
    );
    assert_eq!(project.rows("SELECT id FROM posts"), "[{\"id\":10}]");
    assert_eq!(project.states().await, ["001 Applied", "002 Failed"]);
}

#[tokio::test]
async fn a_parent_without_rows_below_may_be_dropped() {
    let project = Project::new(&[TABLES, ("002_empty.sql", "DELETE FROM posts;\n")]);
    project.write("003_rebuild.sql", REBUILD);
    project.migrator().up().await.unwrap();
    assert_eq!(
        project.rows("SELECT id, name FROM users"),
        "[{\"id\":1,\"name\":null}]"
    );
}

#[tokio::test]
async fn the_recipe_keeps_every_row() {
    let recipe = "CREATE TABLE users_new (id integer PRIMARY KEY, name text);\nINSERT INTO users_new (id) SELECT id FROM users;\nCREATE TABLE posts_new (id integer PRIMARY KEY, author integer REFERENCES users_new (id) ON DELETE CASCADE);\nINSERT INTO posts_new SELECT id, author FROM posts;\nDROP TABLE posts;\nDROP TABLE users;\nALTER TABLE users_new RENAME TO users;\nALTER TABLE posts_new RENAME TO posts;\n";
    let project = Project::new(&[TABLES, ("002_rebuild.sql", recipe)]);
    project.migrator().up().await.unwrap();
    assert_eq!(project.rows("SELECT id FROM posts"), "[{\"id\":10}]");
    assert_eq!(
        project.rows("SELECT \"table\" FROM pragma_foreign_key_list('posts')"),
        "[{\"table\":\"users\"}]"
    );
}

#[tokio::test]
async fn switching_foreign_keys_off_is_refused() {
    let project = Project::new(&[TABLES]);
    let off = "PRAGMA foreign_keys = OFF;\nDROP TABLE users;\nPRAGMA foreign_keys = ON;\n";
    project.write("002_off.sql", off);
    project.write("003_off.sql", "-- Foreign-Keys: off\nDROP TABLE users;\n");
    let error = project.migrator().up().await.unwrap_err();
    let told = "the database keeps foreign keys on: they can't be switched off";
    assert_eq!(
        refusals(&error),
        [format!("1: {told}"), format!("1: {told}")]
    );
}
