//! Settings: never a panic, whatever stands in `whimbrel.toml`, in the variables, or in a URL.
//!
//! An input is a settings file, or variables (`KEY=VALUE`, one a line) and a settings file with a
//! NUL between them. The file's resolution reads the URLs in it, each by its driver.

use std::collections::BTreeMap;

use whimbrel_cli::check_settings;

pub(crate) fn run(bytes: &[u8]) {
    let input = String::from_utf8_lossy(bytes);
    let (variables, text) = input.split_once('\0').unwrap_or(("", &input));
    // The one setting whose file is read at once; a path may lead anywhere.
    if input.contains("password_file") || input.contains("PASSWORD_FILE") {
        return;
    }
    let pair = |line: &str| {
        let (key, value) = line.split_once('=')?;
        Some((key.to_owned(), value.to_owned()))
    };
    let variables: BTreeMap<_, _> = variables.lines().filter_map(pair).collect();
    match check_settings(text, variables) {
        Ok(urls) => assert!(!urls.is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    // The same text as a URL, past the file's syntax.
    let url = [("DATABASE_URL".to_owned(), text.to_owned())];
    let _ = check_settings("", url.into()).map_err(|error| error.to_string());
}
