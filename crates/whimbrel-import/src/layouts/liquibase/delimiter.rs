//! `endDelimiter`: scripts whose statements end with something else than a semicolon.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use whimbrel_core::text::{Script, SourceFile};
use whimbrel_sql::{Dialect, Lexer, TokenKind};

/// What ends statements in scripts for MySQL whose own delimiter is replaced.
const MYSQL_DELIMITER: &str = "$whimbrel$";

/// How a changeset's lines are to be read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) delimiter: Option<&'a str>,
    /// `splitStatements`
    pub(super) split: bool,
    /// `stripComments`
    pub(super) strip: bool,
}

/// Lines of a file as a script of the dialect.
///
/// # Errors
/// The delimiter is a pattern, not a text.
pub(super) fn script(
    file: &Arc<SourceFile>,
    lines: &[Range<usize>],
    reading: Reading<'_>,
    dialect: Dialect,
) -> Result<Script, String> {
    let delimiter = reading.delimiter.map(one_literal).transpose()?;
    let delimiter = delimiter.filter(|text| !text.is_empty() && *text != ";");
    let tokens = Tokens::of(file, lines, dialect, delimiter.as_deref());
    let mut builder = Script::build(Arc::clone(file));
    let end = match (&delimiter, dialect) {
        (Some(_), Dialect::Mysql) => {
            let at = lines.first().map_or(0, |line| line.start);
            builder.put(&format!("DELIMITER {MYSQL_DELIMITER}\n"), at);
            MYSQL_DELIMITER
        }
        _ => ";",
    };
    for (index, line) in lines.iter().enumerate() {
        let text = &file.text()[line.clone()];
        let found = ending(text, delimiter.as_deref());
        let splits = reading.split || delimiter.is_some();
        let found = found.filter(|_| splits && !tokens.goes_on.contains(&index));
        let stop = found.map_or(line.end, |place| line.start + place);
        let mut from = line.start;
        if reading.strip {
            for code in &tokens.code {
                let (start, end) = (code.start.max(from), code.end.min(stop));
                if start < end {
                    builder.copy(from..start);
                    from = end;
                }
            }
        }
        builder.copy(from..stop);
        if found.is_some() {
            builder.put(end, stop).put("\n", stop);
        }
    }
    Ok(builder.finish())
}

/// What a changeset's lines hold that lines alone don't show.
#[derive(Default)]
struct Tokens {
    /// Lines that begin within a string or a comment: what is in them ends no statement.
    goes_on: HashSet<usize>,
    /// MySQL's comments that are code, which Liquibase takes out with the others.
    code: Vec<Range<usize>>,
}

impl Tokens {
    fn of(
        file: &SourceFile,
        lines: &[Range<usize>],
        dialect: Dialect,
        delimiter: Option<&str>,
    ) -> Self {
        let pieces = lines.iter().map(|line| &file.text()[line.clone()]);
        let text: String = pieces.collect();
        // Where each line begins in that text.
        let mut starts = Vec::with_capacity(lines.len());
        let mut length = 0;
        for line in lines {
            starts.push(length);
            length += line.len();
        }
        let place = |at: usize| {
            let line = starts.partition_point(|start| *start <= at) - 1;
            lines[line].start + (at - starts[line])
        };
        // `$$` may be the delimiter.
        let dollars = delimiter.is_none_or(|text| !text.contains('$'));
        let mut found = Self::default();
        for token in Lexer::new(&text, dialect) {
            let Range { start, end } = token.span;
            match token.kind {
                TokenKind::String | TokenKind::QuotedIdentifier | TokenKind::BlockComment => {}
                TokenKind::DollarString if dollars => {}
                TokenKind::ExecutableComment => found.code.push(place(start)..place(end - 1) + 1),
                _ => continue,
            }
            let first = starts.partition_point(|at| *at <= start);
            let last = starts.partition_point(|at| *at < end);
            found.goes_on.extend(first..last);
        }
        found
    }
}

/// Where a line's delimiter begins. Without one of its own, a line with `/` or `GO` alone ends a
/// statement as well.
fn ending(line: &str, delimiter: Option<&str>) -> Option<usize> {
    let text = line.trim_end();
    let Some(delimiter) = delimiter else {
        let alone = text == "/" || text.eq_ignore_ascii_case("go");
        return alone.then_some(0);
    };
    let start = text.len().checked_sub(delimiter.len())?;
    let found = text.get(start..)?.eq_ignore_ascii_case(delimiter);
    let alone = delimiter == "/" || delimiter.eq_ignore_ascii_case("go");
    (found && (!alone || text[..start].trim().is_empty())).then_some(start)
}

/// `\n/\s*\n|\n/\s*$`, which Liquibase's manual has: the same text, within the script and at its end.
fn one_literal(pattern: &str) -> Result<String, String> {
    let mut texts = pattern.split('|').map(literal);
    let first = texts.next().unwrap_or_else(|| literal(pattern))?;
    let same = texts.all(|text| text.as_ref() == Ok(&first) && !first.is_empty());
    same.then_some(first).ok_or_else(|| refusal(pattern))
}

fn refusal(pattern: &str) -> String {
    format!("the delimiter `{pattern}` is a pattern, which can't be read")
}

/// A delimiter is a regular expression to Liquibase; most are a text between line ends.
fn literal(pattern: &str) -> Result<String, String> {
    let mut text = pattern;
    // `/$` is a slash at a line's end; `$$` is itself.
    if let Some(rest) = text
        .strip_suffix('$')
        .filter(|rest| !rest.ends_with(['$', '\\']))
    {
        text = rest;
    }
    loop {
        let parts = ["\\r?", "\\n", "\\r", "\\s*", "\\s+", "\\s", "^"];
        let ends = ["\\r?", "\\n", "\\r", "\\s*", "\\s+", "\\s"];
        let start = parts.iter().find_map(|part| text.strip_prefix(part));
        let shorter = start.or_else(|| ends.iter().find_map(|part| text.strip_suffix(part)));
        match shorter {
            Some(rest) => text = rest,
            None => break,
        }
    }
    let plain = text.replace("\\$", "$").replace("\\/", "/");
    if plain.contains(['\\', '|', '[', '(', '*', '+', '?']) {
        return Err(refusal(pattern));
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str, delimiter: Option<&str>, dialect: Dialect) -> String {
        let file = SourceFile::new("a.sql", text);
        let mut start = 0;
        let lines: Vec<_> = text
            .split_inclusive('\n')
            .map(|line| {
                start += line.len();
                start - line.len()..start
            })
            .collect();
        let reading = Reading {
            delimiter,
            split: true,
            strip: true,
        };
        script(&file, &lines, reading, dialect)
            .unwrap()
            .text()
            .to_owned()
    }

    #[test]
    fn delimiters_become_those_of_the_dialect() {
        let pg = Dialect::Postgres;
        assert_eq!(
            made("SELECT 1/2\n/\nSELECT 3\n", Some("\\n/"), pg),
            "SELECT 1/2\n;\nSELECT 3\n"
        );
        assert_eq!(
            made("SELECT 1 //\nSELECT 2//", Some("//"), pg),
            "SELECT 1 ;\nSELECT 2;\n"
        );
        assert_eq!(made("SELECT 1\nGO\n", None, pg), "SELECT 1\n;\n");
        let my = made("BEGIN a; END$$\n", Some("$$"), Dialect::Mysql);
        assert_eq!(my, "DELIMITER $whimbrel$\nBEGIN a; END$whimbrel$\n");
        assert_eq!(
            made(
                "SELECT 1\n/\nSELECT 2\n/",
                Some("\\n\\s*/\\s*\\n|\\n\\s*/\\s*$"),
                pg
            ),
            "SELECT 1\n;\nSELECT 2\n;\n"
        );
        let text = "INSERT INTO a VALUES ('x\n/\ngo\n');\n/* it's\ngo\n*/\nSELECT 1\ngo\n";
        assert_eq!(
            made(text, None, pg),
            text.replace("SELECT 1\ngo", "SELECT 1\n;")
        );
        let code = "SELECT '/*! 1 */' /*! , 2\n, 3 */;\n/* no */ SELECT 4;\n";
        assert_eq!(
            made(code, None, Dialect::Mysql),
            "SELECT '/*! 1 */' ;\n/* no */ SELECT 4;\n"
        );
        assert!(one_literal("/|;").is_err());
        assert!(one_literal("||").is_err());
    }
}
