//! Statements that reach beyond the database that they run in: tried on a shadow, they would change
//! what is not the shadow's.

use std::collections::HashSet;

use whimbrel_sql::{Dialect, Lexer, TokenKind, Verb, split};

use crate::diagnostic::Diagnostic;
use crate::migration::Migration;
use crate::text::Script;

/// What belongs to the whole server, by its word after CREATE, ALTER or DROP.
const OF_THE_SERVER: [&str; 9] = [
    "role",
    "user",
    "group",
    "database",
    "tablespace",
    "subscription",
    "system",
    "server",
    "resource",
];

/// Everything in these migrations that a shadow could not hold. `databases` are the others on a
/// MySQL server, which a name can reach.
pub(crate) fn beyond(
    migrations: &[Migration],
    dialect: Dialect,
    databases: &HashSet<String>,
) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for migration in migrations {
        let down = migration.down_script().ok().flatten();
        let scripts = [
            Some(&migration.up),
            migration.verify.as_ref(),
            down.as_ref(),
        ];
        for script in scripts.into_iter().flatten() {
            problems.extend(in_script(script, dialect, databases));
        }
    }
    problems
}

fn in_script(script: &Script, dialect: Dialect, databases: &HashSet<String>) -> Option<Diagnostic> {
    let statements = split(script.text(), dialect).ok()?;
    statements.iter().find_map(|statement| {
        let text = &script.text()[statement.span()];
        let what = reaches(text, statement.facts.verb, dialect, databases)?;
        let message = format!("{what} reaches beyond the database, so it can't be tried on a shadow");
        let start = statement.span().start;
        let end = start + text.find('\n').unwrap_or(text.len());
        Some(
            Diagnostic::error("beyond-shadow", message)
                .at_script(script, start..end, "")
                .help("give a server that may be thrown away: `--shadow-url URL` names a database on it, beside which the shadows are made"),
        )
    })
}

/// What a statement reaches, in words. Bodies and literals are looked through as well, since they
/// may be run; the data that a statement writes is not.
fn reaches(
    text: &str,
    verb: Verb,
    dialect: Dialect,
    databases: &HashSet<String>,
) -> Option<String> {
    let is_data = matches!(
        verb,
        Verb::Insert | Verb::Update | Verb::Delete | Verb::Comment
    );
    let words = words(text, dialect, !is_data);
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).map_or("", |next| next.text.as_str());
        let verb = matches!(word.text.as_str(), "create" | "alter" | "drop");
        let begins = word.first || begins_a_statement(at.checked_sub(1).map(|at| &words[at]));
        if verb && begins && dialect != Dialect::Sqlite && OF_THE_SERVER.contains(&next) {
            return Some(format!("{} {next}", word.text).to_uppercase());
        }
        match dialect {
            Dialect::Mysql => {
                let leads = at == 0 && matches!(word.text.as_str(), "use" | "grant" | "revoke");
                let sets = word.text == "set" && matches!(next, "global" | "persist" | "password");
                if leads || sets || verb && begins && next == "schema" {
                    return Some(format!("{} {next}", word.text).to_uppercase());
                }
                if next == "." && databases.contains(&word.text) {
                    return Some(format!("the database {}", word.text));
                }
            }
            Dialect::Sqlite if at == 0 && word.text == "attach" => {
                return Some("ATTACH".to_owned());
            }
            _ => {}
        }
    }
    None
}

/// After this, the next word begins a statement: `ALTER TABLE t DROP user` drops a column.
fn begins_a_statement(before: Option<&Word>) -> bool {
    before.is_none_or(|word| {
        matches!(
            word.text.as_str(),
            "" | "begin" | "then" | "else" | "do" | "loop"
        )
    })
}

/// A word in lower case, a dot, or nothing for what stands between them.
struct Word {
    text: String,
    /// The first one of a literal, which may be run as a statement.
    first: bool,
}

fn words(text: &str, dialect: Dialect, with_inner: bool) -> Vec<Word> {
    let mut words = Vec::new();
    let outer = |text: &str| Word {
        text: text.to_lowercase(),
        first: false,
    };
    for token in Lexer::new(text, dialect) {
        let part = &text[token.span.clone()];
        match token.kind {
            kind if kind.is_trivia() => {}
            TokenKind::Word => words.push(outer(part)),
            TokenKind::Punctuation if part == "." => words.push(outer(part)),
            TokenKind::QuotedIdentifier => {
                words.push(outer(part.trim_matches(['`', '"', '[', ']'])));
            }
            TokenKind::DollarString if with_inner => {
                words.push(outer(""));
                let tag = part[1..].find('$').map_or(part.len(), |at| at + 2);
                let body = part.get(tag..part.len().saturating_sub(tag));
                words.extend(self::words(body.unwrap_or_default(), dialect, true));
            }
            TokenKind::String | TokenKind::ExecutableComment if with_inner => {
                words.extend(inner(part));
            }
            // Keeps what stands before and after it apart.
            _ => words.push(outer("")),
        }
    }
    words
}

fn inner(text: &str) -> Vec<Word> {
    let mut words = vec![String::new()];
    for c in text.chars() {
        if c.is_alphanumeric() || c == '_' || c == '$' {
            if let Some(last) = words.last_mut() {
                last.extend(c.to_lowercase());
            }
        } else {
            if matches!(c, '.' | ';') {
                words.push(c.to_string());
            }
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    let word = |(place, text)| Word {
        text: if text == ";" { String::new() } else { text },
        first: place == 0,
    };
    words.into_iter().enumerate().map(word).collect()
}

#[cfg(test)]
mod tests {
    use whimbrel_sql::facts;

    use super::*;

    fn reached(text: &str, dialect: Dialect) -> Option<String> {
        let databases = HashSet::from(["shop".to_owned(), "mysql".to_owned()]);
        reaches(text, facts(text, dialect).verb, dialect, &databases)
    }

    #[test]
    fn what_belongs_to_the_server_is_found() {
        for (text, dialect) in [
            ("CREATE ROLE a", Dialect::Postgres),
            ("create user a", Dialect::Postgres),
            (
                "DO $$ BEGIN IF true THEN CREATE ROLE a; END IF; END $$",
                Dialect::Postgres,
            ),
            (
                "DO $$ BEGIN EXECUTE 'CREATE DATABASE a'; END $$",
                Dialect::Postgres,
            ),
            (
                "DO $x$ BEGIN EXECUTE format('SET a = 1; CREATE ROLE %I', 'a'); END $x$",
                Dialect::Postgres,
            ),
            ("ALTER SYSTEM SET x = 1", Dialect::Postgres),
            ("DROP TABLESPACE a", Dialect::Postgres),
            (
                "CREATE PROCEDURE p() BEGIN CREATE USER a; END",
                Dialect::Mysql,
            ),
            ("DROP SCHEMA shop", Dialect::Mysql),
            ("INSERT INTO shop.a VALUES (1)", Dialect::Mysql),
            ("SELECT * FROM `Shop`.`a`", Dialect::Mysql),
            ("SET @s = 'DROP DATABASE a'", Dialect::Mysql),
            ("SET GLOBAL x = 1", Dialect::Mysql),
            ("USE other", Dialect::Mysql),
            ("ATTACH 'a.db' AS a", Dialect::Sqlite),
        ] {
            assert!(reached(text, dialect).is_some(), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        for (text, dialect) in [
            ("ALTER TABLE t DROP user", Dialect::Mysql),
            ("ALTER TABLE t DROP \"user\"", Dialect::Postgres),
            (
                "INSERT INTO rights VALUES ('create user'), ('drop database')",
                Dialect::Postgres,
            ),
            (
                "COMMENT ON TABLE t IS 'who may create role rows'",
                Dialect::Postgres,
            ),
            ("CREATE TABLE user (id int)", Dialect::Mysql),
            (
                "CREATE FUNCTION f() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'cannot create user %', x; END $$ LANGUAGE plpgsql",
                Dialect::Postgres,
            ),
            ("CREATE SCHEMA app", Dialect::Postgres),
            ("GRANT SELECT ON t TO app", Dialect::Postgres),
            ("SELECT shopping.id FROM shopping", Dialect::Mysql),
            ("CREATE USER a", Dialect::Sqlite),
        ] {
            assert_eq!(reached(text, dialect), None, "{text}");
        }
    }
}
