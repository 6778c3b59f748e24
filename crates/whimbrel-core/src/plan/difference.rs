//! What was changed in a file, for people to see.

use similar::{ChangeTag, TextDiff};

/// Lines shown at most.
const LINES: usize = 12;
/// Longer texts are not compared line by line.
const LONGEST: usize = 256 * 1024;

/// The changed lines with one around them: ` same`, `-then`, `+now`.
pub(super) fn difference(then: &str, now: &str) -> Option<String> {
    if then.len().max(now.len()) > LONGEST {
        return None;
    }
    let diff = TextDiff::from_lines(then, now);
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(1).iter_hunks() {
        if !lines.is_empty() {
            lines.push("...".to_owned());
        }
        for change in hunk.iter_changes() {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            lines.push(format!("{sign}{}", change.value().trim_end()));
        }
    }
    let more = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    if more > 0 {
        lines.push(format!("... {more} more"));
    }
    (!lines.is_empty()).then(|| {
        format!(
            "what was applied (-) and the file (+):\n{}",
            lines.join("\n")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn changed_lines_are_shown_and_not_more() {
        let then = "a\nb\nc\nd\ne\nf\n";
        let text = difference(then, "a\nb\nC\nd\ne\nf\n").unwrap();
        assert!(text.ends_with("\n b\n-c\n+C\n d"), "{text}");
        let long = vec!["x"; 100].join("\n");
        let text = difference("", &long).unwrap();
        assert!(text.ends_with("+x\n... 88 more"), "{text}");
        assert_eq!(difference("a\r\n", "a\n").unwrap().lines().count(), 3);
        assert!(difference("a", &"b".repeat(300_000)).is_none());
    }
}
