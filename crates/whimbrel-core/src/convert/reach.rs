//! Statements that reach beyond the database that they run in: tried on a shadow, they would change
//! what is not the shadow's.

use std::collections::HashSet;

use whimbrel_sql::{Dialect, Lexer, TokenKind, split};

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
        for script in [Some(&migration.up), down.as_ref()].into_iter().flatten() {
            problems.extend(in_script(script, dialect, databases));
        }
    }
    problems
}

fn in_script(script: &Script, dialect: Dialect, databases: &HashSet<String>) -> Option<Diagnostic> {
    let statements = split(script.text(), dialect).ok()?;
    statements.iter().find_map(|statement| {
        let text = &script.text()[statement.span.clone()];
        let what = reaches(text, dialect, databases)?;
        let message = format!("{what} reaches beyond the database, so it can't be tried on a shadow");
        let start = statement.span.start;
        let end = start + text.find('\n').unwrap_or(text.len());
        Some(
            Diagnostic::error("beyond-shadow", message)
                .at_script(script, start..end, "")
                .help("give a server that may be thrown away: `--shadow-url URL` names a database on it, beside which the shadows are made"),
        )
    })
}

/// What a statement reaches, in words; bodies and literals are looked through as well, since they
/// may be run.
fn reaches(text: &str, dialect: Dialect, databases: &HashSet<String>) -> Option<String> {
    let words = words(text, dialect);
    let lower: Vec<_> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    for (at, word) in lower.iter().enumerate() {
        let next = lower.get(at + 1).map(String::as_str).unwrap_or_default();
        let verb = matches!(word.as_str(), "create" | "alter" | "drop");
        if verb && OF_THE_SERVER.contains(&next) && dialect != Dialect::Sqlite {
            return Some(format!("{} {}", word.to_uppercase(), next.to_uppercase()));
        }
        match dialect {
            Dialect::Mysql => {
                let leads = at == 0 && matches!(word.as_str(), "use" | "grant" | "revoke");
                let sets = word == "set" && matches!(next, "global" | "persist" | "password");
                if leads || sets || verb && next == "schema" {
                    return Some(format!("{} {next}", word.to_uppercase()).to_uppercase());
                }
                if next == "." && databases.contains(word) {
                    return Some(format!("the database {}", words[at]));
                }
            }
            Dialect::Sqlite if at == 0 && word == "attach" => return Some("ATTACH".to_owned()),
            _ => {}
        }
    }
    None
}

/// Words and dots, those inside literals and bodies too.
fn words(text: &str, dialect: Dialect) -> Vec<String> {
    let mut words = Vec::new();
    for token in Lexer::new(text, dialect) {
        let part = &text[token.span.clone()];
        match token.kind {
            kind if kind.is_trivia() => {}
            TokenKind::Word => words.push(part.to_owned()),
            TokenKind::Punctuation if part == "." => words.push(part.to_owned()),
            TokenKind::QuotedIdentifier => {
                words.push(part.trim_matches(['`', '"', '[', ']']).to_owned());
            }
            TokenKind::String | TokenKind::DollarString | TokenKind::ExecutableComment => {
                words.extend(inner(part));
            }
            // Keeps what stands before and after it apart.
            _ => words.push(String::new()),
        }
    }
    words
}

fn inner(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in text.chars() {
        if c.is_alphanumeric() || c == '_' || c == '$' {
            if let Some(last) = words.last_mut() {
                last.push(c);
            }
        } else {
            if c == '.' {
                words.push(".".to_owned());
            }
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
