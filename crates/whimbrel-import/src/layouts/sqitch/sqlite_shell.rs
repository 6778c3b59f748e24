//! Commands of SQLite's shell, by which Sqitch runs its scripts: lines with a dot where a statement could begin.

use std::sync::Arc;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::text::Script;
use whimbrel_sql::{Dialect, Lexer};

/// Commands without an effect on the database. That a script stops at its first error, Whimbrel does anyway.
const SHOWING: [&str; 15] = [
    ".bail",
    ".changes",
    ".echo",
    ".eqp",
    ".explain",
    ".headers",
    ".header",
    ".mode",
    ".nullvalue",
    ".print",
    ".separator",
    ".show",
    ".stats",
    ".timer",
    ".width",
];

/// The script without those that only show something.
pub(super) fn substitute(script: &Script) -> Result<Script, Vec<Diagnostic>> {
    let text = script.text();
    if !text.starts_with('.') && !text.contains("\n.") {
        return Ok(script.clone());
    }
    let mut out = Script::build(Arc::clone(script.file()));
    let mut problems = Vec::new();
    let mut done = 0;
    let mut from = 0;
    while let Some(start) = next_command(text, from) {
        let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[start..end].trim_end();
        let name = line.split_whitespace().next().unwrap_or(line);
        if SHOWING.contains(&name) {
            out.append_part(script, done..start);
            done = end;
        } else {
            let message =
                format!("{name} is a command of the sqlite3 shell, which Whimbrel does not run");
            let problem = Diagnostic::error("client-command", message);
            let help = if name == ".read" {
                "put the statements of that file in its place"
            } else {
                "take it out, or write what it does in SQL"
            };
            problems.push(
                problem
                    .at_script(script, start..start + line.len(), "")
                    .help(help),
            );
        }
        from = end;
    }
    out.append_part(script, done..text.len());
    if problems.is_empty() {
        Ok(out.finish())
    } else {
        Err(problems)
    }
}

/// Where the next one begins; the place that is given is between statements.
fn next_command(text: &str, from: usize) -> Option<usize> {
    let mut between = true;
    for token in Lexer::new(&text[from..], Dialect::Sqlite) {
        let start = from + token.span.start;
        let written = &text[start..from + token.span.end];
        if token.kind.is_trivia() {
            continue;
        }
        let begins_line = start == 0 || text[..start].ends_with('\n');
        if between && begins_line && written.starts_with('.') {
            return Some(start);
        }
        between = written == ";";
    }
    None
}

#[cfg(test)]
mod tests {
    use whimbrel_core::text::SourceFile;

    use super::*;

    #[test]
    fn the_shells_commands_are_taken_out_or_refused() {
        let sent = |text: &str| substitute(&Script::whole(SourceFile::new("a.sql", text)));
        let text = ".bail on\n-- it's\n.headers on\nINSERT INTO t VALUES ('\n.read x', .5,\n.7);\n.print it's\nSELECT 1;\n";
        assert_eq!(
            sent(text).unwrap().text(),
            "\n-- it's\n\nINSERT INTO t VALUES ('\n.read x', .5,\n.7);\n\nSELECT 1;\n"
        );
        let errors = sent("SELECT 1;\n.read b.sql\n.import c d\n").unwrap_err();
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "a.sql:2:1: .read is a command of the sqlite3 shell, which Whimbrel does not run",
                "a.sql:3:1: .import is a command of the sqlite3 shell, which Whimbrel does not run",
            ]
        );
    }
}
