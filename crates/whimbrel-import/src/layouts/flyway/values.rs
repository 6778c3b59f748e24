//! The placeholders that Flyway fills in by itself.

use std::collections::BTreeMap;
use std::path::Path;

use whimbrel_core::rules::{Marks, Placeholders, ServerFact};

use super::project::Project;

/// What the server says.
const FACTS: [(&str, ServerFact); 3] = [
    ("flyway:defaultSchema", ServerFact::Schema),
    ("flyway:user", ServerFact::User),
    ("flyway:database", ServerFact::Database),
];

/// Those of one file: always looked for, and an error without a value.
pub(super) fn of(project: &Project, path: &Path, texts: &[&str], now: &str) -> Placeholders {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let values = [
        ("flyway:filename", name.as_ref()),
        ("flyway:timestamp", now),
        ("flyway:table", "flyway_schema_history"),
    ];
    let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let facts = FACTS
        .into_iter()
        .filter(|(key, _)| texts.iter().any(|text| uses(project, text, key)));
    let mut values = BTreeMap::from(values.map(own));
    values.extend(project.placeholders());
    Placeholders::On {
        values,
        strict: true,
        marks: project.marks(),
        server: facts.map(|(key, fact)| (key.to_owned(), fact)).collect(),
    }
}

/// A repeatable script that has the time in it is another one each time.
pub(super) fn changes_each_time(project: &Project, text: &str) -> bool {
    uses(project, text, "flyway:timestamp")
}

fn uses(project: &Project, text: &str, key: &str) -> bool {
    let Marks { before, behind, .. } = project.marks();
    let whole = format!("{before}{key}{behind}").to_ascii_lowercase();
    text.contains(&before) && text.to_ascii_lowercase().contains(&whole)
}
