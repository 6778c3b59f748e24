//! Commands of MySQL's client, by which Sqitch runs its scripts. The server knows none of them.

use std::ops::Range;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::text::Script;
use whimbrel_sql::{Dialect, Lexer, TokenKind, split};

/// Those with a name that begins no statement.
const COMMANDS: [&str; 22] = [
    "charset",
    "clear",
    "connect",
    "edit",
    "ego",
    "exit",
    "go",
    "nopager",
    "notee",
    "nowarning",
    "pager",
    "print",
    "prompt",
    "quit",
    "rehash",
    "resetconnection",
    "source",
    "status",
    "system",
    "tee",
    "warnings",
    "query_attributes",
];

/// The script as it is, if it has no such command.
pub(super) fn check(script: &Script) -> Result<Script, Vec<Diagnostic>> {
    let text = script.text();
    // What can't be split is said when the script is prepared.
    let statements = split(text, Dialect::Mysql).unwrap_or_default();
    let found = statements
        .iter()
        .filter_map(|one| command(text, one.span()));
    let problems: Vec<_> = found
        .map(|span| {
            let name = &text[span.clone()];
            let name = name.split_whitespace().next().unwrap_or(name);
            let message =
                format!("{name} is a command of the mysql client, which Whimbrel does not run");
            let problem = Diagnostic::error("client-command", message);
            let help = if matches!(name, "source" | "SOURCE" | "\\.") {
                "put the statements of that file in its place"
            } else {
                "take it out, or write what it does in SQL"
            };
            problem.at_script(script, span, "").help(help)
        })
        .collect();
    if problems.is_empty() {
        Ok(script.clone())
    } else {
        Err(problems)
    }
}

/// A statement that is none: its line begins with a command, or it has one of a backslash and a letter.
fn command(text: &str, span: Range<usize>) -> Option<Range<usize>> {
    let inner = &text[span.clone()];
    let named = |name: &&str| {
        let rest = inner.get(name.len()..);
        let starts = inner.get(..name.len());
        let ends = rest.is_some_and(|rest| {
            !rest.starts_with(|c: char| c.is_alphanumeric() || "_(.=".contains(c))
        });
        ends && starts.is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    let line = |start: usize| {
        let length = text[start..].lines().next().map_or(0, str::len);
        start..start + length
    };
    if COMMANDS.iter().any(named) {
        return Some(line(span.start));
    }
    let mut tokens = Lexer::new(inner, Dialect::Mysql);
    let found = tokens.find(|token| {
        token.kind == TokenKind::Punctuation && inner[token.span.clone()].starts_with('\\')
    })?;
    let start = span.start + found.span.start;
    let length = text[start..]
        .chars()
        .take(2)
        .map(char::len_utf8)
        .sum::<usize>();
    Some(start..start + length)
}

#[cfg(test)]
mod tests {
    use whimbrel_core::text::SourceFile;

    use super::*;

    fn said(text: &str) -> Vec<String> {
        let script = Script::whole(SourceFile::new("a.sql", text));
        let problems = check(&script).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_clients_commands_are_found() {
        let text = "SELECT 1;\nsource more/a.sql\nSELECT 2;\n\\. b.sql;\nSYSTEM ls;\nSELECT 3\\G\n";
        let texts = said(text);
        let starts: Vec<_> = texts
            .iter()
            .map(|text| text.split(" is").next().unwrap())
            .collect();
        assert_eq!(
            starts,
            [
                "a.sql:2:1: source",
                "a.sql:4:1: \\.",
                "a.sql:5:1: SYSTEM",
                "a.sql:6:9: \\G"
            ]
        );
    }

    #[test]
    fn statements_are_none() {
        for text in [
            "SELECT '\\G', \"\\. x\", `\\!`; -- source a\nINSERT INTO source VALUES (1);\n",
            "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; END//\nDELIMITER ;\n",
            "/* \n source x\n*/ SELECT status FROM source;\n",
        ] {
            assert_eq!(said(text), Vec::<String>::new(), "{text}");
        }
    }
}
