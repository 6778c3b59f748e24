//! What a program was to put into a script before the server saw it.

use whimbrel_sql::Dialect;

/// Advice about a text that begins where the server stopped, if a value was to stand there.
pub(super) fn unfilled(at: &str, dialect: Dialect) -> Option<String> {
    if let Some(rest) = at.strip_prefix("${") {
        let (name, _) = rest.split_once('}')?;
        return is_name(name).then(|| {
            format!("`${{{name}}}` is a placeholder without a value: `[placeholders]` in whimbrel.toml or `--placeholder {name}=VALUE` gives one")
        });
    }
    let templates = ["{{", "{%", "<%", "%%", "$("];
    if templates.iter().any(|mark| at.starts_with(mark)) {
        return Some("this is a template of the program that the script is from: write what it makes of it, or `${name}`, whose value `[placeholders]` in whimbrel.toml or `--placeholder name=VALUE` gives".to_owned());
    }
    if dialect != Dialect::Postgres {
        return None;
    }
    // `:NAME`, `:'NAME'` and `:"NAME"`, which psql and some programs put values in for.
    let name = at.strip_prefix(':')?.trim_start_matches(['\'', '"']);
    let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    let name = &name[..end.unwrap_or(name.len())];
    is_name(name).then(|| {
        format!("`:{name}` is a variable, as psql or another program knows them, and none of the server's: write its value, or `${{{name}}}`, whose value `[placeholders]` in whimbrel.toml or `--placeholder {name}=VALUE` gives")
    })
}

fn is_name(text: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text.chars().all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_value_was_to_stand_for_is_known() {
        for (text, says) in [
            (":SCHEMA.users (", Some("`${SCHEMA}`")),
            (":'name')", Some("`${name}`")),
            (":\"name\"", Some("`${name}`")),
            ("::int", None),
            (":= 1", None),
            (":1]", None),
            ("name", None),
            ("${SCHEMA}.users", Some("--placeholder SCHEMA=VALUE")),
            ("$$ BEGIN", None),
            ("$1", None),
            ("{{ .prefix }}users", Some("this is a template")),
            ("<%= prefix %>", Some("this is a template")),
            ("%%PREFIX%%users", Some("this is a template")),
            ("% 2", None),
        ] {
            let advice = unfilled(text, Dialect::Postgres);
            match says {
                Some(says) => assert!(advice.unwrap().contains(says), "{text}"),
                None => assert_eq!(advice, None, "{text}"),
            }
        }
        assert_eq!(unfilled(":name", Dialect::Mysql), None);
    }
}
