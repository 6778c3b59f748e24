//! `endDelimiter`: scripts whose statements end with something else than a semicolon.

use std::ops::Range;
use std::sync::Arc;

use whimbrel_core::text::{Script, SourceFile};
use whimbrel_sql::Dialect;

/// What ends statements in scripts for MySQL whose own delimiter is replaced.
const MYSQL_DELIMITER: &str = "$whimbrel$";

/// Lines of a file as a script of the dialect.
///
/// # Errors
/// The delimiter is a pattern, not a text.
pub(super) fn script(
    file: &Arc<SourceFile>,
    lines: &[Range<usize>],
    delimiter: Option<&str>,
    dialect: Dialect,
) -> Result<Script, String> {
    let delimiter = delimiter.map(one_literal).transpose()?;
    let delimiter = delimiter.filter(|text| !text.is_empty() && *text != ";");
    let mut builder = Script::build(Arc::clone(file));
    let end = match (&delimiter, dialect) {
        (Some(_), Dialect::Mysql) => {
            let at = lines.first().map_or(0, |line| line.start);
            builder.put(&format!("DELIMITER {MYSQL_DELIMITER}\n"), at);
            MYSQL_DELIMITER
        }
        _ => ";",
    };
    for line in lines {
        let text = &file.text()[line.clone()];
        match ending(text, delimiter.as_deref()) {
            Some(place) => {
                let at = line.start + place;
                builder.copy(line.start..at).put(end, at).put("\n", at);
            }
            None => {
                builder.copy(line.clone());
            }
        }
    }
    Ok(builder.finish())
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
        script(&file, &lines, delimiter, dialect)
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
        assert!(one_literal("/|;").is_err());
        assert!(one_literal("||").is_err());
    }
}
