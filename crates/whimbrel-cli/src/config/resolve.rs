//! One value from the many places that may set it.

use std::path::PathBuf;
use std::time::Duration;

use whimbrel::Error;
use whimbrel::directive::duration;

use super::file::{File, OneOrMany};
use super::{DEFAULT_DIR, DEFAULT_URL, Environment, Settings};
use crate::cli::Global;

pub(super) fn resolve(
    global: &Global,
    environment: &Environment,
    file: File,
    root: PathBuf,
) -> Result<Settings, Error> {
    let named = |flag: &Option<String>, variable: &str| {
        flag.clone()
            .or_else(|| environment.get(variable).map(str::to_owned))
    };
    let database = named(&global.database, "WHIMBREL_DATABASE");
    let stage = named(&global.env, "WHIMBREL_ENV");
    let section = file.section(stage.as_deref(), database.as_deref())?;
    let expand = |key: &str, value: Option<&String>| {
        value.map(|text| expand(key, text, environment)).transpose()
    };
    let expand_list = |key: &str, value: Option<&OneOrMany>| {
        let list = value.map(OneOrMany::list).unwrap_or_default();
        list.iter()
            .map(|text| self::expand(key, text, environment))
            .collect::<Result<Vec<_>, _>>()
    };
    let text =
        |flag: &Option<String>, variable: &str, key: &str, value: Option<&String>| match named(
            flag, variable,
        ) {
            Some(value) => Ok(Some(value)),
            None => expand(key, value),
        };
    let url = url(
        global,
        environment,
        &database,
        expand("url", section.url.as_ref()),
    )?;
    if url.is_none() && database.is_none() && !file.databases().is_empty() {
        return Err(Error::Settings(format!(
            "several databases are set: choose one with --database ({})",
            file.databases().join(", ")
        )));
    }
    let time = |flag: Option<Duration>, variable: &str, key: &str, value: Option<&String>| {
        let value = match (flag, environment.get(variable)) {
            (Some(value), _) => return Ok(Some(value)),
            (None, Some(value)) => Some(value.to_owned()),
            (None, None) => expand(key, value)?,
        };
        let wrong = |expected| Error::Settings(format!("the setting {key} must be {expected}"));
        value.map(|text| duration(&text).map_err(wrong)).transpose()
    };
    let switch = |variable: &str, value: Option<bool>| match environment.get(variable) {
        None => Ok(value.unwrap_or(false)),
        Some("1" | "true" | "on" | "yes") => Ok(true),
        Some("0" | "false" | "off" | "no") => Ok(false),
        Some(_) => Err(Error::Settings(format!("{variable} must be true or false"))),
    };
    let password = match (
        &section.password,
        &section.password_file,
        &section.password_env,
    ) {
        (Some(password), _, _) => Some(self::expand("password", password, environment)?),
        (None, Some(file), _) => Some(password_from(root.join(self::expand(
            "password_file",
            file,
            environment,
        )?))?),
        (None, None, Some(variable)) => Some(variable_of("password_env", variable, environment)?),
        (None, None, None) => environment.get("WHIMBREL_PASSWORD").map(str::to_owned),
    };
    let mut dirs: Vec<PathBuf> = global.dir.clone();
    if dirs.is_empty() {
        dirs.extend(environment.get("WHIMBREL_DIR").map(PathBuf::from));
    }
    if dirs.is_empty() {
        dirs.extend(
            expand_list("dir", section.dir.as_ref())?
                .into_iter()
                .map(PathBuf::from),
        );
    }
    if dirs.is_empty() {
        dirs.push(DEFAULT_DIR.into());
    }
    let mut placeholders = section.placeholders.clone();
    for (key, value) in &mut placeholders {
        *value = self::expand(key, value, environment)?;
    }
    Ok(Settings {
        url_is_default: url.is_none(),
        url: url.unwrap_or_else(|| DEFAULT_URL.to_owned()),
        password,
        dirs: dirs.into_iter().map(|dir| join(&root, dir)).collect(),
        layout: text(
            &global.layout,
            "WHIMBREL_LAYOUT",
            "layout",
            section.layout.as_ref(),
        )?,
        extensions: expand_list("extensions", section.extensions.as_ref())?,
        sort_dirs_separately: switch(
            "WHIMBREL_SORT_DIRS_SEPARATELY",
            section.sort_dirs_separately,
        )?,
        table: text(
            &global.table,
            "WHIMBREL_TABLE",
            "table",
            section.table.as_ref(),
        )?,
        source: expand("source", section.source.as_ref())?,
        protected: switch("WHIMBREL_PROTECTED", section.protected)?,
        out_of_order: switch("WHIMBREL_OUT_OF_ORDER", section.out_of_order)?,
        require_rollback: switch("WHIMBREL_REQUIRE_ROLLBACK", section.require_rollback)?,
        single_transaction: switch("WHIMBREL_SINGLE_TRANSACTION", section.single_transaction)?,
        timeout: time(
            None,
            "WHIMBREL_TIMEOUT",
            "timeout",
            section.timeout.as_ref(),
        )?,
        lock_timeout: time(
            None,
            "WHIMBREL_LOCK_TIMEOUT",
            "lock_timeout",
            section.lock_timeout.as_ref(),
        )?,
        lock_wait: time(
            global.lock_wait,
            "WHIMBREL_LOCK_WAIT",
            "lock_wait",
            section.lock_wait.as_ref(),
        )?,
        session_sql: expand_list("session_sql", section.session_sql.as_ref())?,
        placeholders,
        root,
    })
}

/// `-C` moves relative paths; the current folder is not named in messages.
fn join(root: &std::path::Path, path: PathBuf) -> PathBuf {
    if root == std::path::Path::new(".") {
        path
    } else {
        root.join(path)
    }
}

/// A database that is chosen by name is not taken back by DATABASE_URL.
fn url(
    global: &Global,
    environment: &Environment,
    database: &Option<String>,
    from_file: Result<Option<String>, Error>,
) -> Result<Option<String>, Error> {
    if let Some(url) = &global.url {
        return Ok(Some(url.clone()));
    }
    let variable = environment
        .get("WHIMBREL_URL")
        .or_else(|| environment.get("DATABASE_URL"));
    match variable {
        Some(url) if database.is_none() => Ok(Some(url.to_owned())),
        _ => from_file,
    }
}

fn password_from(path: PathBuf) -> Result<String, Error> {
    let text = std::fs::read_to_string(&path).map_err(|source| Error::File {
        path: path.display().to_string(),
        source,
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn variable_of(key: &str, variable: &str, environment: &Environment) -> Result<String, Error> {
    environment.get(variable).map(str::to_owned).ok_or_else(|| {
        Error::Settings(format!(
            "the setting {key} names the variable {variable}, which is not set"
        ))
    })
}

/// `${NAME}` from the environment.
fn expand(key: &str, text: &str, environment: &Environment) -> Result<String, Error> {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        let name = &rest[start + 2..start + length];
        result.push_str(&rest[..start]);
        result.push_str(&variable_of(key, name, environment)?);
        rest = &rest[start + length + 1..];
    }
    result.push_str(rest);
    Ok(result)
}
