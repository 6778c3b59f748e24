//! `-- Rollback: none`: words in the place of a rollback.

/// What such words begin with. No statement of any engine does.
const BEGINNINGS: [&str; 24] = [
    "none",
    "n/a",
    "na",
    "nil",
    "no",
    "not",
    "nothing",
    "never",
    "cannot",
    "can't",
    "irreversible",
    "unreversible",
    "non",
    "impossible",
    "unsupported",
    "unavailable",
    "manual",
    "manually",
    "todo",
    "tbd",
    "tba",
    "fixme",
    "xxx",
    "see",
];

/// True if a script is such words, or a dash. Comments alone are not: those run, and do nothing.
pub(super) fn says_none(text: &str) -> bool {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == ';');
    if text.is_empty()
        || ["--", "#", "/*"]
            .iter()
            .any(|comment| text.starts_with(comment))
    {
        return false;
    }
    let start = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '\'');
    let word = start.split(|c| !in_word(c)).next().unwrap_or_default();
    word.is_empty() || BEGINNINGS.iter().any(|own| word.eq_ignore_ascii_case(own))
}

#[cfg(test)]
mod tests {
    use super::says_none;

    #[test]
    fn words_are_told_from_statements() {
        for text in [
            "none;\n",
            "N/A",
            "Not possible, data is lost;\n",
            "irreversible",
            "-;\n",
            "TODO: write it\n",
            "(none)",
            "can't be undone",
        ] {
            assert!(says_none(text), "{text}");
        }
        for text in [
            "",
            " ;\n",
            "-- none\n",
            "/* none */",
            "SELECT 1",
            "(SELECT 1)",
            "NOTIFY x",
            "DROP TABLE none;",
            "# none\n",
            "DO $$ BEGIN END $$",
        ] {
            assert!(!says_none(text), "{text}");
        }
    }
}
