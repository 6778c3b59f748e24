//! What a role of PostgreSQL is told that lacks a right, or looks elsewhere.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use std::process::Output;

use binary::{project, succeeded, told, whimbrel};
use whimbrel_testkit::{Files, postgres};

struct Project {
    folder: Files,
    url: String,
    role: &'static str,
}

impl Project {
    /// A database with a role that may do nothing there.
    fn new(role: &'static str) -> Self {
        let url = postgres().database();
        let folder = project(&[(
            "001_a.sql",
            "CREATE TABLE IF NOT EXISTS a (i int);\nINSERT INTO a VALUES (1);\n",
        )]);
        let project = Self { folder, url, role };
        project.sql(&format!("CREATE ROLE {role} LOGIN"));
        project
    }

    fn sql(&self, sql: &str) -> String {
        postgres().execute(&self.url, sql)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        whimbrel(
            self.folder.path(),
            arguments,
            &[("WHIMBREL_URL", &self.url)],
        )
    }

    fn run_as_role(&self, arguments: &[&str]) -> Output {
        let url = self
            .url
            .replacen("postgres@", &format!("{}@", self.role), 1);
        assert_ne!(url, self.url);
        whimbrel(self.folder.path(), arguments, &[("WHIMBREL_URL", &url)])
    }
}

/// The history seemed to be empty, and all of it was applied again.
#[test]
fn a_history_whose_rows_are_hidden_is_not_empty() {
    let project = Project::new("hidden_rows");
    succeeded(&project.run(&["up"]));
    project.sql("GRANT ALL ON SCHEMA public TO hidden_rows; GRANT ALL ON ALL TABLES IN SCHEMA public TO hidden_rows; ALTER TABLE whimbrel_applied ENABLE ROW LEVEL SECURITY");
    for command in ["up", "status", "plan", "down"] {
        let output = project.run_as_role(&[command]);
        assert_eq!(output.status.code(), Some(5), "{command}");
        let told = told(&output);
        assert!(
            told.contains("row-level security hides rows of `whimbrel_applied`"),
            "{told}"
        );
    }
    // Its owner sees them.
    assert!(succeeded(&project.run(&["up"])).contains("Up to date"));
    project.sql("CREATE POLICY everything ON whimbrel_applied USING (true)");
    assert!(succeeded(&project.run_as_role(&["up"])).contains("Up to date"));
    project.sql("CREATE POLICY less ON whimbrel_applied AS RESTRICTIVE USING (version <> '001')");
    assert_eq!(project.run_as_role(&["up"]).status.code(), Some(5));
    let forced = "DROP POLICY less ON whimbrel_applied; DROP POLICY everything ON whimbrel_applied; ALTER TABLE whimbrel_applied FORCE ROW LEVEL SECURITY";
    project.sql(forced);
    // A superuser passes it by.
    assert!(succeeded(&project.run(&["up"])).contains("Up to date"));
    assert!(project.sql("SELECT count(*) FROM a").contains('1'));
}

#[test]
fn who_may_not_create_is_told_what_to_do() {
    let project = Project::new("creates_nothing");
    project.sql("REVOKE ALL ON SCHEMA public FROM public");
    let nowhere = told(&project.run_as_role(&["up"]));
    assert!(
        nowhere.contains("names no schema") && nowhere.contains("USAGE"),
        "{nowhere}"
    );
    project.sql("GRANT USAGE ON SCHEMA public TO creates_nothing");
    let denied = told(&project.run_as_role(&["up"]));
    assert!(
        denied.contains("error[42501]") && denied.contains("since PostgreSQL 15"),
        "{denied}"
    );
}

/// Another role, whose search_path leads elsewhere.
#[test]
fn a_history_in_another_schema_is_told_of() {
    let project = Project::new("looks_elsewhere");
    project.sql("CREATE SCHEMA looks_elsewhere AUTHORIZATION looks_elsewhere; GRANT ALL ON SCHEMA public TO public");
    succeeded(&project.run_as_role(&["up"]));
    for command in ["plan", "up"] {
        let told = succeeded(&project.run(&[command]));
        assert!(
            told.contains("warning[history-elsewhere]")
                && told.contains("--table looks_elsewhere.whimbrel_applied"),
            "{told}"
        );
    }
    assert!(!succeeded(&project.run(&["up"])).contains("elsewhere"));
}
