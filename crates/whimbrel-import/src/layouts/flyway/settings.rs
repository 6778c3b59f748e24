//! Script settings: `V1__a.sql.conf` beside `V1__a.sql`.

use std::sync::Arc;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::directive::Directives;
use whimbrel_core::rules::Placeholders;
use whimbrel_core::text::SourceFile;

/// Puts the settings of a file into a script's directives.
///
/// # Errors
/// Settings that can't be followed, with their lines.
pub(super) fn apply(file: &Arc<SourceFile>, directives: &mut Directives) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut start = 0;
    for line in file.text().split_inclusive('\n') {
        let span = start..start + line.trim_end().len();
        start += line.len();
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        let key = key.trim();
        if let Err(message) = set(
            directives,
            key.strip_prefix("flyway.").unwrap_or(key),
            value.trim(),
        ) {
            problems.push(Diagnostic::error("flyway-setting", message).at(file, span, ""));
        }
    }
    problems
}

fn set(directives: &mut Directives, key: &str, value: &str) -> Result<(), String> {
    match key {
        "executeInTransaction" => directives.transaction = Some(switch(value)?),
        "placeholderReplacement" => {
            if !switch(value)? {
                directives.rules.placeholders = Placeholders::Off;
            }
        }
        "encoding" => {
            let utf8 = value.eq_ignore_ascii_case("UTF-8") || value.eq_ignore_ascii_case("UTF8");
            if !utf8 && !value.eq_ignore_ascii_case("US-ASCII") {
                return Err(format!(
                    "the encoding {value} can't be read: save the script as UTF-8"
                ));
            }
        }
        // What a script prints is not shown.
        "outputQueryResults" => {}
        _ => return Err(format!("the script setting {key} can't be followed")),
    }
    Ok(())
}

fn switch(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}
