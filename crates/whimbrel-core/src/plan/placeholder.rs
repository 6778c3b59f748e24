//! `${key}` placeholders.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::PlanOptions;
use crate::diagnostic::Diagnostic;
use crate::rules::{Marks, Placeholders};
use crate::text::Script;

/// Puts values in by the settings and by what the script's layout says.
///
/// # Errors
/// One diagnostic for each placeholder without a value.
pub(super) fn resolve(
    options: &PlanOptions,
    rule: &Placeholders,
    script: &Script,
) -> Result<Script, Vec<Diagnostic>> {
    match (rule, &options.placeholders) {
        (Placeholders::Off, _) | (Placeholders::AsSet, None) => Ok(script.clone()),
        (Placeholders::AsSet, Some(values)) => substitute(script, values),
        (
            Placeholders::On {
                values,
                strict,
                marks,
                ..
            },
            set,
        ) => {
            let find = |key: &str| {
                let set = set.as_ref().and_then(|set| look_up(set, key));
                set.or_else(|| look_up(values, key))
            };
            let form = Form {
                marks,
                is_key: is_foreign_key,
            };
            put_in(script, &find, form, *strict)
        }
    }
}

/// Other tools' keys are the same in capitals.
fn look_up<'v>(values: &'v BTreeMap<String, String>, key: &str) -> Option<&'v String> {
    let same = |(name, _): &(&String, &String)| name.eq_ignore_ascii_case(key);
    let found = || values.iter().find(same).map(|(_, value)| value);
    values.get(key).or_else(found)
}

/// Puts values in the place of `${key}`. A `${` that no `}` closes on its line, or around
/// anything but a key of letters, digits, `_`, `.` and `-`, is left as it is.
///
/// # Errors
/// One diagnostic for each placeholder without a value.
pub(super) fn substitute(
    script: &Script,
    values: &BTreeMap<String, String>,
) -> Result<Script, Vec<Diagnostic>> {
    let form = Form {
        marks: &Marks::default(),
        is_key,
    };
    put_in(script, &|key| values.get(key), form, true)
}

/// What a placeholder looks like.
#[derive(Clone, Copy)]
struct Form<'a> {
    marks: &'a Marks,
    is_key: fn(char) -> bool,
}

fn put_in<'v>(
    script: &Script,
    value: &dyn Fn(&str) -> Option<&'v String>,
    form: Form<'_>,
    strict: bool,
) -> Result<Script, Vec<Diagnostic>> {
    let text = script.text();
    let (before, behind) = (form.marks.before.as_str(), form.marks.behind.as_str());
    if !text.contains(before) {
        return Ok(script.clone());
    }
    let mut builder = Script::build(Arc::clone(script.file()));
    let mut undefined = Vec::new();
    let mut done = 0;
    let mut search = 0;
    while let Some(found) = text[search..].find(before) {
        let start = search + found;
        let from = start + before.len();
        let key = key_at(&text[from..], form);
        let Some(key) = key.filter(|_| !is_second(&text[..start], form.marks)) else {
            search = from;
            continue;
        };
        let end = from + key.len() + behind.len();
        match value(key) {
            Some(value) => {
                builder.append_part(script, done..start);
                builder.put_for(value, script, start);
                done = end;
            }
            None if !strict => {}
            None => undefined.push(
                Diagnostic::error(
                    "undefined-placeholder",
                    format!("the placeholder {before}{key}{behind} has no value"),
                )
                .at_script(script, start..end, "")
                .help(format!(
                    "say `--placeholder {key}=VALUE`, or set it under [placeholders]"
                )),
            ),
        }
        search = end;
    }
    builder.append_part(script, done..text.len());
    if undefined.is_empty() {
        Ok(builder.finish())
    } else {
        Err(undefined)
    }
}

/// True if what begins here is the second half of a pair.
fn is_second(before: &str, marks: &Marks) -> bool {
    let first = marks.before.chars().next();
    let same = before.chars().rev().take_while(|c| Some(*c) == first);
    marks.in_pairs && same.count() % 2 == 1
}

fn key_at<'t>(text: &'t str, form: Form<'_>) -> Option<&'t str> {
    let behind = form.marks.behind.as_str();
    let end = if behind.starts_with(form.is_key) {
        // The mark may be of what a key can have as well.
        text.lines().next()?.find(behind)?
    } else {
        text.find(|c: char| !(form.is_key)(c))?
    };
    let key = &text[..end];
    (end > 0 && text[end..].starts_with(behind) && key.chars().all(form.is_key)).then_some(key)
}

fn is_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// `${flyway:timestamp}` is a key as well.
fn is_foreign_key(c: char) -> bool {
    is_key(c) || c == ':'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::SourceFile;

    fn script(text: &str) -> Script {
        Script::whole(SourceFile::new("a.sql", text))
    }

    fn substitute(script: &Script) -> Result<Script, Vec<Diagnostic>> {
        let options = PlanOptions {
            placeholders: Some([("schema".to_owned(), "app".to_owned())].into()),
            ..PlanOptions::default()
        };
        resolve(&options, &Placeholders::AsSet, script)
    }

    #[test]
    fn other_tools_have_values_of_their_own() {
        let values = BTreeMap::from([("flyway:filename".to_owned(), "V1__a.sql".to_owned())]);
        let on = |strict| Placeholders::On {
            marks: Marks::default(),
            values: values.clone(),
            strict,
            server: Vec::new(),
        };
        let text = script("${flyway:fileName} ${missing}");
        let options = PlanOptions::default();
        let made = resolve(&options, &on(false), &text).unwrap();
        assert_eq!(made.text(), "V1__a.sql ${missing}");
        assert_eq!(resolve(&options, &on(true), &text).unwrap_err().len(), 1);
        let off = resolve(&options, &Placeholders::Off, &text).unwrap();
        assert_eq!(off.text(), text.text());
    }

    #[test]
    fn values_are_put_in_and_places_stay_true() {
        let made = substitute(&script("SELECT 1;\nSELECT * FROM ${schema}.users x;\n")).unwrap();
        assert_eq!(made.text(), "SELECT 1;\nSELECT * FROM app.users x;\n");
        let at = made.text().find("users").unwrap();
        assert_eq!((made.place(at).line, made.place(at).column), (2, 25));
    }

    #[test]
    fn what_is_no_placeholder_is_left() {
        for text in ["SELECT '${test'}", "SELECT '${}'", "$${ x", "${a b}", "${"] {
            assert_eq!(substitute(&script(text)).unwrap().text(), text);
        }
    }

    #[test]
    fn a_tool_may_have_other_marks() {
        let rule = Placeholders::On {
            values: BTreeMap::from([("who".to_owned(), "ann".to_owned())]),
            strict: true,
            marks: Marks {
                before: "__".to_owned(),
                behind: "__".to_owned(),
                in_pairs: false,
            },
            server: Vec::new(),
        };
        let options = PlanOptions::default();
        let made = resolve(&options, &rule, &script("'__who__ ${who} a__b'\n'who__'"));
        assert_eq!(made.unwrap().text(), "'ann ${who} a__b'\n'who__'");
        let pairs = Placeholders::On {
            values: BTreeMap::from([("a".to_owned(), "x".to_owned())]),
            strict: true,
            marks: Marks {
                in_pairs: true,
                ..Marks::default()
            },
            server: Vec::new(),
        };
        let text = script("$${a} $$${a} $$$${a} $x${a}");
        let made = resolve(&options, &pairs, &text).unwrap();
        assert_eq!(made.text(), "$${a} $$x $$$${a} $xx");
        let errors = resolve(&options, &rule, &script("__no__")).unwrap_err();
        assert!(
            errors[0]
                .to_string()
                .contains("the placeholder __no__ has no value")
        );
    }

    #[test]
    fn undefined_ones_are_errors_with_their_place() {
        let errors = substitute(&script("a ${x} ${schema}\n${y}")).unwrap_err();
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
