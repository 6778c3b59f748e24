//! What Sqitch's client for PostgreSQL does with a script before the server sees it: variables, and
//! commands that only concern what it prints.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use whimbrel_core::text::{Script, ScriptBuilder};
use whimbrel_sql::{Dialect, Lexer, TokenKind};

/// Commands without an effect on the database.
const SHOWING: [&str; 12] = [
    "\\echo",
    "\\qecho",
    "\\warn",
    "\\pset",
    "\\timing",
    "\\x",
    "\\t",
    "\\a",
    "\\f",
    "\\H",
    "\\conninfo",
    "\\unset",
];

/// Variables of the client's own; those of them that change how statements run are left to be
/// refused. That a script stops at its first error, Whimbrel does anyway.
const OWN: [&str; 7] = [
    "ON_ERROR_STOP",
    "QUIET",
    "VERBOSITY",
    "SHOW_CONTEXT",
    "ECHO",
    "ECHO_HIDDEN",
    "FETCH_COUNT",
];
const MODES: [&str; 3] = ["AUTOCOMMIT", "ON_ERROR_ROLLBACK", "SINGLELINE"];

/// The script with the values put in and those commands taken out. A variable that is not set stays
/// as it is written, as in the client.
pub(super) fn substitute(script: &Script, values: &BTreeMap<String, String>) -> Script {
    let text = script.text();
    let concerned = text.contains('\\') || !values.is_empty() && text.contains(':');
    if !concerned {
        return script.clone();
    }
    let mut work = Work {
        script,
        text,
        values: values.clone(),
        out: Script::build(Arc::clone(script.file())),
        done: 0,
    };
    let mut from = 0;
    while let Some(next) = work.go_on(from) {
        from = next;
    }
    work.copy_to(text.len());
    work.out.finish()
}

/// How much of COPY ... FROM STDIN was seen.
#[derive(Clone, Copy, PartialEq)]
enum Copy {
    /// A statement begins.
    Begin,
    Verb,
    From,
    Stdin,
    No,
}

impl Copy {
    fn next(self, kind: TokenKind, written: &str) -> Self {
        let is = |word: &str| kind == TokenKind::Word && written.eq_ignore_ascii_case(word);
        match self {
            _ if written == ";" => Self::Begin,
            Self::Begin if is("copy") => Self::Verb,
            Self::Verb if is("from") => Self::From,
            // The server takes either word for either direction.
            Self::From if is("stdin") || is("stdout") => Self::Stdin,
            Self::Begin | Self::From => Self::No,
            other => other,
        }
    }
}

struct Work<'a> {
    script: &'a Script,
    text: &'a str,
    values: BTreeMap<String, String>,
    out: ScriptBuilder,
    /// Up to here the text is written.
    done: usize,
}

impl Work<'_> {
    /// Reads on from a place, up to the line after a command or the rows of a COPY; none at the end.
    fn go_on(&mut self, from: usize) -> Option<usize> {
        let mut colon: Option<usize> = None;
        let mut copy = Copy::Begin;
        for token in Lexer::new(&self.text[from..], Dialect::Postgres) {
            let span = from + token.span.start..from + token.span.end;
            let written = &self.text[span.clone()];
            let before = colon.take().filter(|at| at + 1 == span.start);
            if token.kind.is_trivia() {
                continue;
            }
            if copy == Copy::Stdin && written == ";" {
                // The rows are no SQL, and the client leaves them alone.
                return Some(self.behind_rows(span.end));
            }
            copy = copy.next(token.kind, written);
            match (token.kind, written) {
                (TokenKind::Punctuation, ":") => {
                    // Two of them are a cast.
                    colon = before.is_none().then_some(span.start);
                }
                (TokenKind::Punctuation, "\\") => {
                    let end = self.text[span.start..].find('\n');
                    let end = end.map_or(self.text.len(), |length| span.start + length);
                    if self.command(span.start..end) {
                        self.copy_to(span.start);
                        self.done = end;
                        return Some(end);
                    }
                }
                _ => {
                    if let Some(at) = before
                        && let Some(value) = self.value(token.kind, written)
                    {
                        self.copy_to(at);
                        self.out.put(&value, self.script.origin(at));
                        self.done = span.end;
                    }
                }
            }
        }
        None
    }

    /// The place after the rows whose COPY ends here.
    fn behind_rows(&self, end: usize) -> usize {
        let mut at = end;
        for (index, line) in self.text[end..].split_inclusive('\n').enumerate() {
            at += line.len();
            if index > 0 && line.trim_end() == "\\." {
                break;
            }
        }
        at
    }

    fn copy_to(&mut self, end: usize) {
        let piece = &self.text[self.done..end];
        if !piece.is_empty() {
            self.out.copy_text(piece, self.script.origin(self.done));
        }
        self.done = end;
    }

    /// What stands for `:name`, `:'name'` and `:"name"`.
    fn value(&self, kind: TokenKind, written: &str) -> Option<String> {
        let inner = |quote: char| written.strip_prefix(quote)?.strip_suffix(quote);
        match kind {
            TokenKind::Word => self.values.get(written).cloned(),
            TokenKind::String => self.values.get(inner('\'')?).map(|value| literal(value)),
            TokenKind::QuotedIdentifier => {
                let value = self.values.get(inner('"')?)?;
                Some(format!("\"{}\"", value.replace('"', "\"\"")))
            }
            _ => None,
        }
    }

    /// True if the command at the start of a line is done with.
    fn command(&mut self, span: Range<usize>) -> bool {
        let before = self.text[..span.start]
            .rsplit('\n')
            .next()
            .unwrap_or_default();
        let line = self.text[span].trim();
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        before.trim().is_empty()
            && (SHOWING.contains(&command) || command == "\\set" && self.set(rest.trim()))
    }

    fn set(&mut self, line: &str) -> bool {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        if OWN.contains(&name) {
            return true;
        }
        if name.is_empty() || MODES.contains(&name) {
            return false;
        }
        let Some(value) = self.joined(rest) else {
            return false;
        };
        self.values.insert(name.to_owned(), value);
        true
    }

    /// The words of a command put together, as the client does; none for what a shell would say.
    fn joined(&self, rest: &str) -> Option<String> {
        let mut value = String::new();
        let mut rest = rest.trim();
        while !rest.is_empty() {
            let (word, after) = if let Some(quoted) = rest.strip_prefix('\'') {
                let end = quoted.replace("''", "  ").find('\'')?;
                (quoted[..end].replace("''", "'"), &quoted[end + 1..])
            } else {
                let end = rest.find([' ', '\t', '\'']).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                let named = word.strip_prefix(':');
                let value = named.and_then(|name| self.values.get(name));
                (value.map_or(word, String::as_str).to_owned(), after)
            };
            if word.contains(['`', '\\']) {
                return None;
            }
            value += &word;
            rest = after.trim_start();
        }
        Some(value)
    }
}

fn literal(value: &str) -> String {
    let escape = if value.contains('\\') { " E" } else { "" };
    let value = value.replace('\\', "\\\\").replace('\'', "''");
    format!("{escape}'{value}'")
}

#[cfg(test)]
mod tests {
    use whimbrel_core::text::SourceFile;

    use super::*;

    fn sent(text: &str) -> String {
        let values = [("own", "app"), ("odd", "it's \"x\"")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let script = Script::whole(SourceFile::new("a.sql", text));
        substitute(&script, &values.into()).text().to_owned()
    }

    #[test]
    fn variables_are_put_in_outside_of_strings() {
        assert_eq!(
            sent(
                "GRANT x TO :own; SELECT :'odd', :\"odd\", ':own', $$:own$$, a::own, b[1:2], :no;"
            ),
            "GRANT x TO app; SELECT 'it''s \"x\"', \"it's \"\"x\"\"\", ':own', $$:own$$, a::own, b[1:2], :no;"
        );
    }

    #[test]
    fn commands_that_only_show_something_are_taken_out() {
        assert_eq!(
            sent(
                "\\set ON_ERROR_STOP on\n\\echo it's fine\nSELECT 1;\n  \\pset pager off\n\\set t :own '_''t'\nSELECT :t;\n"
            ),
            "\n\nSELECT 1;\n  \n\nSELECT app_'t;\n"
        );
        for other in [
            "\\i a.sql\n",
            "\\set AUTOCOMMIT off\n",
            "\\set x `date`\n",
            "SELECT 1 \\gset\n",
        ] {
            assert_eq!(sent(other), other);
        }
    }

    #[test]
    fn rows_are_left_alone_and_what_is_around_them_is_not() {
        let rows = "it's :own\n\\N\t\\echo :own\n\\.\n";
        for copy in [
            "COPY :own.a FROM STDIN;",
            "copy a (:own) /* ; */ from stdin WITH (FORMAT csv);",
        ] {
            let text = format!(
                "\\echo x\nSELECT :'own';\n{copy}\n{rows}SELECT :own;\n{copy}\n\\.\n\\set own b\nSELECT :own"
            );
            let copy = copy.replace(":own", "app");
            assert_eq!(
                sent(&text),
                format!("\nSELECT 'app';\n{copy}\n{rows}SELECT app;\n{copy}\n\\.\n\nSELECT b")
            );
        }
        let file = "SELECT 1 FROM copy, stdin; COPY a FROM 'x'; SELECT :own;\nSELECT ':own', :own";
        assert_eq!(
            sent(file),
            file.replace("SELECT :own", "SELECT app")
                .replace(", :own", ", app")
        );
    }
}
