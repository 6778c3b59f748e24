//! `${key}` placeholders.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::text::Script;

/// Puts values in the place of `${key}`. A `${` that no `}` closes on its line, or around
/// anything but a key of letters, digits, `_`, `.` and `-`, is left as it is.
///
/// # Errors
/// One diagnostic for each placeholder without a value.
pub(super) fn substitute(
    script: &Script,
    values: &BTreeMap<String, String>,
) -> Result<Script, Vec<Diagnostic>> {
    let text = script.text();
    if !text.contains("${") {
        return Ok(script.clone());
    }
    let mut builder = Script::build(Arc::clone(script.file()));
    let mut undefined = Vec::new();
    let mut done = 0;
    let mut search = 0;
    while let Some(found) = text[search..].find("${") {
        let start = search + found;
        let Some(key) = key_at(&text[start + 2..]) else {
            search = start + 2;
            continue;
        };
        let end = start + 3 + key.len();
        match values.get(key) {
            Some(value) => {
                copy(&mut builder, script, done..start);
                builder.put(value, script.origin(start));
                done = end;
            }
            None => undefined.push(
                Diagnostic::error(
                    "undefined-placeholder",
                    format!("the placeholder ${{{key}}} has no value"),
                )
                .at_script(script, start..end, "")
                .help(format!(
                    "say `--placeholder {key}=VALUE`, or set it under [placeholders]"
                )),
            ),
        }
        search = end;
    }
    copy(&mut builder, script, done..text.len());
    if undefined.is_empty() {
        Ok(builder.finish())
    } else {
        Err(undefined)
    }
}

fn key_at(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')))?;
    (end > 0 && text[end..].starts_with('}')).then(|| &text[..end])
}

/// Copies text of a script that may itself be made of pieces: line by line, since a piece of a
/// commented-out rollback section never spans a line's end.
fn copy(builder: &mut crate::text::ScriptBuilder, script: &Script, range: std::ops::Range<usize>) {
    let mut at = range.start;
    for line in script.text()[range].split_inclusive('\n') {
        builder.copy_text(line, script.origin(at));
        at += line.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::SourceFile;

    fn script(text: &str) -> Script {
        Script::whole(SourceFile::new("a.sql", text))
    }

    fn values() -> BTreeMap<String, String> {
        [("schema".to_owned(), "app".to_owned())].into()
    }

    #[test]
    fn values_are_put_in_and_places_stay_true() {
        let made = substitute(
            &script("SELECT 1;\nSELECT * FROM ${schema}.users x;\n"),
            &values(),
        )
        .unwrap();
        assert_eq!(made.text(), "SELECT 1;\nSELECT * FROM app.users x;\n");
        let at = made.text().find("users").unwrap();
        assert_eq!((made.place(at).line, made.place(at).column), (2, 25));
    }

    #[test]
    fn what_is_no_placeholder_is_left() {
        for text in ["SELECT '${test'}", "SELECT '${}'", "$${ x", "${a b}", "${"] {
            assert_eq!(substitute(&script(text), &values()).unwrap().text(), text);
        }
    }

    #[test]
    fn undefined_ones_are_errors_with_their_place() {
        let errors = substitute(&script("a ${x} ${schema}\n${y}"), &values()).unwrap_err();
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "a.sql:1:3: the placeholder ${x} has no value",
                "a.sql:2:1: the placeholder ${y} has no value"
            ]
        );
    }
}
