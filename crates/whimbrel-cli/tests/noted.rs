//! An applied file that was changed in its comments, white space or rollback: `up` notes it.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use std::process::Output;

use binary::{project, succeeded, told, whimbrel};
use whimbrel_testkit::{D1Server, Files, d1, mariadb, postgres};

struct Project {
    folder: Files,
    url: String,
}

impl Project {
    fn new(url: String) -> Self {
        let folder = project(&[]);
        Self { folder, url }
    }

    fn write(&self, name: &str, text: &str) {
        self.folder.write(&format!("migrations/{name}"), text);
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let variables = [
            ("WHIMBREL_URL", self.url.as_str()),
            ("CLOUDFLARE_API_TOKEN", D1Server::TOKEN),
        ];
        whimbrel(self.folder.path(), arguments, &variables)
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Tables that `rows` must find at the end: `gone`, which the changed rollback makes.
fn noted(url: String) {
    let project = Project::new(url);
    project.write(
        "001_users.sql",
        "CREATE TABLE users (id int);\n-- Rollback\n-- DROP TABLE users;\n",
    );
    project.write(
        "002_posts.sql",
        "CREATE TABLE posts (id int);\n-- Rollback\n-- DROP TABLE posts;\n",
    );
    succeeded(&project.run(&["up"]));
    let before = project.json(&["status"])["result"]["migrations"].clone();

    let changed = "-- What people log in with\nCREATE TABLE users  (\n  id int\n);\n-- Rollback\n-- DROP TABLE users;\n-- CREATE TABLE gone (id int);\n";
    project.write("001_users.sql", changed);
    succeeded(&project.run(&["status", "--check"]));
    let plan = succeeded(&project.run(&["plan"]));
    assert!(
        plan.contains("Would note the new checksum of 001_users"),
        "{plan}"
    );
    let dry = succeeded(&project.run(&["up", "--dry-run"]));
    assert!(
        dry.contains("SET checksum = '") && dry.contains("What people log in with"),
        "{dry}"
    );
    let up = succeeded(&project.run(&["up"]));
    assert!(
        up.contains("noted   001_users (only comments, white space or the rollback changed)")
            && up.contains("Up to date: nothing to apply."),
        "{up}"
    );
    let again = succeeded(&project.run(&["up"]));
    assert!(!again.contains("noted"), "{again}");
    assert_eq!(project.json(&["status"])["result"]["migrations"], before);

    // Beside something to do, and once.
    project.write(
        "002_posts.sql",
        "-- Posts\nCREATE TABLE posts (id int);\n-- Rollback\n-- DROP TABLE posts;\n",
    );
    project.write(
        "003_tags.sql",
        "CREATE TABLE tags (id int);\n-- Rollback\n-- DROP TABLE tags;\n",
    );
    let up = project.json(&["up"]);
    assert_eq!(up["result"]["noted"], serde_json::json!(["002"]), "{up}");
    assert_eq!(up["result"]["steps"][0]["version"], "003");
    assert_eq!(
        project.json(&["up"])["result"]["noted"],
        serde_json::json!([])
    );

    // A change that does something is none of this.
    project.write("003_tags.sql", "CREATE TABLE tags (id bigint);\n");
    let refused = project.run(&["up"]);
    assert_eq!(refused.status.code(), Some(4), "{}", told(&refused));
    // Unless somebody says that it is what the database has.
    let accepted = succeeded(&project.run(&["repair", "003", "--accept"]));
    assert!(
        accepted.contains("003_tags.sql, as it stands, counts as what was applied"),
        "{accepted}"
    );
    let up = succeeded(&project.run(&["up"]));
    assert!(up.contains("Up to date: nothing to apply."), "{up}");
    let again = project.run(&["repair", "003", "--accept"]);
    assert!(
        told(&again).contains("error[nothing-to-accept]: 003_tags is what was applied"),
        "{}",
        told(&again)
    );
    let down = project.run(&["down", "003"]);
    assert!(
        told(&down).contains("003_tags can't be undone: it has no rollback"),
        "{}",
        told(&down)
    );
    let text = "CREATE TABLE tags (id bigint);\n-- Rollback\n-- DROP TABLE tags;\n";
    project.write("003_tags.sql", text);
    succeeded(&project.run(&["up"]));
    std::fs::remove_file(project.folder.path().join("migrations/003_tags.sql")).unwrap();

    // What was noted is what is kept.
    std::fs::remove_file(project.folder.path().join("migrations/001_users.sql")).unwrap();
    succeeded(&project.run(&["down", "--all"]));
    project.write("004_check.sql", "DROP TABLE gone;\n");
    succeeded(&project.run(&["up", "004"]));
}

#[test]
fn on_postgres() {
    noted(postgres().database());
}

#[test]
fn on_mariadb() {
    noted(mariadb().database());
}

#[test]
fn on_sqlite() {
    noted("sqlite:noted.db".to_owned());
}

#[test]
fn on_d1() {
    noted(d1().database());
}
