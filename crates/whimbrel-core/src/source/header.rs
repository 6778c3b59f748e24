//! A header that says another version than the file's name.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::text::SourceFile;

/// Of the same form, they contradict each other. Of another (`1.0.0` in `005_users.sql`), the header
/// means something else, as many headers do that were not written for Whimbrel.
pub(super) fn version_differs(file: &Arc<SourceFile>, header: &str, name: &str) -> Diagnostic {
    let at = file.text().find(header).unwrap_or(0);
    let says = format!("the header says version {header}, the file's name says {name}");
    let problem = if groups(header) == groups(name) {
        Diagnostic::error("version-differs", says).help("make them agree, or leave the header out")
    } else {
        Diagnostic::warning("version-differs", says).help("the name counts")
    };
    problem.at(file, at..at + header.len(), "")
}

/// How many numbers a version has; none if it has anything else.
fn groups(version: &str) -> Option<usize> {
    let mut groups = version.split(['.', '_', '-']);
    let digits = |group: &str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    let count = groups.clone().count();
    groups.all(digits).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_another_form_is_no_contradiction() {
        for (header, name, wrong) in [
            ("2", "001", true),
            ("1.2", "1.3", true),
            ("20240102", "20240101", true),
            ("1.0.0", "001", false),
            ("v2", "001", false),
            ("20231201_1", "001", false),
        ] {
            let file = SourceFile::new("a.sql", format!("-- Version: {header}\n"));
            let problem = version_differs(&file, header, name);
            assert_eq!(problem.is_error(), wrong, "{header} {name}");
        }
    }
}
