//! What folders are called that hold what is not for every database.

/// Two of these side by side are for two databases.
const ENVIRONMENTS: [&str; 21] = [
    "dev",
    "devel",
    "develop",
    "development",
    "prod",
    "production",
    "preprod",
    "stage",
    "staging",
    "test",
    "tests",
    "testing",
    "qa",
    "uat",
    "local",
    "live",
    "demo",
    "sandbox",
    "preview",
    "ci",
    "integration",
];

/// What is put away, and what is not for every database.
const ASIDE: [&str; 38] = [
    "old",
    "backup",
    "backups",
    "bak",
    "archive",
    "archives",
    "archived",
    "deprecated",
    "obsolete",
    "legacy",
    "unused",
    "disabled",
    "inactive",
    "removed",
    "replaced",
    "superseded",
    "ignore",
    "ignored",
    "skip",
    "skipped",
    "draft",
    "drafts",
    "wip",
    "trash",
    "tmp",
    "temp",
    "copy",
    "example",
    "examples",
    "sample",
    "samples",
    "template",
    "templates",
    "seed",
    "seeds",
    "seeders",
    "fixtures",
    "testdata",
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Environment,
    Aside,
}

/// What a folder's name says of it, whatever stands beside the word: `_archive`, `old-migrations`,
/// `test_data`. One with a number has its place among the others.
pub(super) fn kind(name: &str) -> Option<Kind> {
    const BESIDE: [&str; 8] = [
        "migration",
        "migrations",
        "data",
        "sql",
        "scripts",
        "files",
        "only",
        "db",
    ];
    let name = name.to_ascii_lowercase();
    let words = name.split(['-', '_', '.', ' ']);
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let said = words.iter().filter(|word| !BESIDE.contains(word));
    let [word] = said.collect::<Vec<_>>()[..] else {
        return None;
    };
    let of_tests = word.starts_with("test") && words.contains(&"data");
    if ASIDE.contains(word) || of_tests {
        Some(Kind::Aside)
    } else {
        ENVIRONMENTS.contains(word).then_some(Kind::Environment)
    }
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn names_are_read_by_their_words() {
        for name in [
            "_archive",
            "Old-Migrations",
            "migrations.bak",
            "test_data",
            "seeds",
            "dev only",
        ] {
            assert!(kind(name).is_some(), "{name}");
        }
        for name in [
            "archive_jobs",
            "old_users",
            "production_orders",
            "data",
            "01_seeds",
            "users",
        ] {
            assert!(kind(name).is_none(), "{name}");
        }
    }
}
