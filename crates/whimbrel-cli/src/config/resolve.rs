//! One value from the many places that may set it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use whimbrel::Error;
use whimbrel::d1::wrangler;
use whimbrel::directive::duration;
use whimbrel::supabase_project::{self, CONFIG, LOCAL_PASSWORD, MIGRATIONS};

use super::file::{File, OneOrMany, Section, Time};
use super::{DEFAULT_DIR, DEFAULT_URL, Environment, Settings};
use crate::cli::Global;

/// The places that a value may come from.
struct Places<'a> {
    global: &'a Global,
    environment: &'a Environment,
    section: Section,
}

/// What a project of Supabase's has where nothing is set.
#[derive(Default)]
struct Supabase {
    url: Option<String>,
    dir: Option<&'static str>,
}

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
    let places = Places {
        global,
        environment,
        section,
    };
    let section = &places.section;
    let by_name = database.is_some() || stage.is_some_and(|name| file.has_url(&name));
    let url = places.url(by_name)?;
    if url.is_none() && database.is_none() && !file.databases().is_empty() {
        return Err(Error::Settings(format!(
            "several databases are set: choose one with --database ({})",
            file.databases().join(", ")
        )));
    }
    let supabase = places.supabase(&root, url.is_none())?;
    let note = match (&supabase.url, &url) {
        (Some(local), None) => Some(format!(
            "no database is set: using {local}, the local one of {CONFIG}"
        )),
        (None, None) => Some(format!(
            "no database is set: using {DEFAULT_URL}{}",
            wranglers(&root)?
        )),
        _ => None,
    };
    let is_local = url.is_none() && supabase.url.is_some();
    let url = url
        .or(supabase.url)
        .unwrap_or_else(|| DEFAULT_URL.to_owned());
    let account = environment.get("CLOUDFLARE_ACCOUNT_ID");
    let d1 = wrangler::resolve(&url, &root, account)?;
    Ok(Settings {
        note,
        password: places
            .password(&root, d1.is_some())?
            .or_else(|| is_local.then(|| LOCAL_PASSWORD.to_owned())),
        dirs: places
            .dirs(
                d1.as_ref()
                    .and_then(|d1| d1.migrations_dir.as_deref())
                    .or(supabase.dir),
            )?
            .into_iter()
            .map(|dir| join(&root, dir))
            .collect(),
        wranglers_table: d1.as_ref().and_then(|d1| d1.migrations_table.clone()),
        url: d1.map_or(url, |d1| d1.url),
        layout: places.text(global.layout.as_ref(), "layout", section.layout.as_ref())?,
        extensions: places.list("extensions", section.extensions.as_ref())?,
        sort_dirs_separately: places
            .switch("sort_dirs_separately", section.sort_dirs_separately)?,
        table: places.text(global.table.as_ref(), "table", section.table.as_ref())?,
        source: places.text(None, "source", section.source.as_ref())?,
        protected: places.switch("protected", section.protected)?,
        out_of_order: places.switch("out_of_order", section.out_of_order)?,
        require_rollback: places.switch("require_rollback", section.require_rollback)?,
        single_transaction: places.switch("single_transaction", section.single_transaction)?,
        timeout: places.time(None, "timeout", section.timeout.as_ref())?,
        lock_timeout: places.time(None, "lock_timeout", section.lock_timeout.as_ref())?,
        lock_wait: places.time(global.lock_wait, "lock_wait", section.lock_wait.as_ref())?,
        lease: places.time(None, "lease", section.lease.as_ref())?,
        retries: places.count("retries", section.retries)?,
        retry_delay: places.time(None, "retry_delay", section.retry_delay.as_ref())?,
        session_sql: places.list("session_sql", section.session_sql.as_ref())?,
        shadow_url: None,
        shadow_sql: Vec::new(),
        placeholders: places.pairs(&section.placeholders)?,
        layout_options: {
            let mut options = places.pairs(&section.layout_options)?;
            options.extend(global.layout_option.iter().cloned());
            options
        },
        root,
    })
}

/// What a project of wrangler's would rather have.
fn wranglers(root: &Path) -> Result<String, Error> {
    let known = wrangler::Wrangler::read(root)?;
    let Some(known) = known.filter(|known| !known.d1_databases.is_empty()) else {
        return Ok(String::new());
    };
    Ok(format!(
        "; wrangler's file knows D1 databases ({}): --url d1://NAME is one in the service, d1-local:. the one of `wrangler dev`",
        known.names()
    ))
}

impl Places<'_> {
    /// `WHIMBREL_` and the key in capitals.
    fn variable(&self, key: &str) -> Option<&str> {
        self.environment
            .get(&format!("WHIMBREL_{}", key.to_ascii_uppercase()))
    }

    fn expand(&self, key: &str, text: &str) -> Result<String, Error> {
        expand(key, text, self.environment)
    }

    fn text(
        &self,
        flag: Option<&String>,
        key: &str,
        value: Option<&String>,
    ) -> Result<Option<String>, Error> {
        match flag.map(String::as_str).or(self.variable(key)) {
            Some(value) => Ok(Some(value.to_owned())),
            None => value.map(|text| self.expand(key, text)).transpose(),
        }
    }

    fn list(&self, key: &str, value: Option<&OneOrMany>) -> Result<Vec<String>, Error> {
        let list = value.map(OneOrMany::list).unwrap_or_default();
        list.iter().map(|text| self.expand(key, text)).collect()
    }

    fn time(
        &self,
        flag: Option<Duration>,
        key: &str,
        value: Option<&Time>,
    ) -> Result<Option<Duration>, Error> {
        if flag.is_some() {
            return Ok(flag);
        }
        let wrong = |expected| Error::Settings(format!("{} must be {expected}", self.name(key)));
        let text = self.text(None, key, value.map(Time::text).as_ref())?;
        text.map(|text| duration(&text).map_err(wrong)).transpose()
    }

    fn switch(&self, key: &str, value: Option<bool>) -> Result<bool, Error> {
        match self.variable(key) {
            None => Ok(value.unwrap_or(false)),
            Some("1" | "true" | "on" | "yes") => Ok(true),
            Some("0" | "false" | "off" | "no") => Ok(false),
            Some(_) => Err(Error::Settings(format!(
                "{} must be true or false",
                self.name(key)
            ))),
        }
    }

    fn count(&self, key: &str, value: Option<u32>) -> Result<Option<u32>, Error> {
        let Some(text) = self.variable(key) else {
            return Ok(value);
        };
        let wrong = |_| Error::Settings(format!("{} must be a whole number", self.name(key)));
        text.parse().map(Some).map_err(wrong)
    }

    /// Where a value comes from, as people would look for it.
    fn name(&self, key: &str) -> String {
        match self.variable(key) {
            Some(_) => format!("the variable WHIMBREL_{}", key.to_ascii_uppercase()),
            None => format!("the setting `{key}`"),
        }
    }

    /// A database or an environment that is chosen by name is not taken back by DATABASE_URL, which
    /// may be a `.env`'s.
    fn url(&self, by_name: bool) -> Result<Option<String>, Error> {
        if let Some(url) = &self.global.url {
            return Ok(Some(url.clone()));
        }
        match self.environment.url() {
            Some((_, url)) if !by_name => Ok(Some(url.to_owned())),
            _ => self
                .section
                .url
                .as_ref()
                .map(|text| self.expand("url", text))
                .transpose(),
        }
    }

    /// Of D1, whose password is a token, wrangler's own variable is the last place.
    fn password(&self, root: &Path, is_d1: bool) -> Result<Option<String>, Error> {
        let section = &self.section;
        if let Some(password) = &section.password {
            return self.expand("password", password).map(Some);
        }
        if let Some(file) = &section.password_file {
            return password_from(&root.join(self.expand("password_file", file)?)).map(Some);
        }
        if let Some(variable) = &section.password_env {
            return variable_of("password_env", variable, self.environment).map(Some);
        }
        let own = self.variable("password");
        let token = || self.environment.get("CLOUDFLARE_API_TOKEN");
        Ok(own.or_else(|| token().filter(|_| is_d1)).map(str::to_owned))
    }

    /// What a project of Supabase's says, where no folder is set. A folder `migrations` beside it
    /// is somebody else's, who was here first.
    fn supabase(&self, root: &Path, ask_url: bool) -> Result<Supabase, Error> {
        let dir_is_set = !self.global.dir.is_empty()
            || self.variable("dir").is_some()
            || self.section.dir.is_some();
        let found = supabase_project::find(root);
        let Some(path) = found.filter(|_| !dir_is_set && !root.join(DEFAULT_DIR).exists()) else {
            return Ok(Supabase::default());
        };
        let variable = |name: &str| self.environment.get(name).map(str::to_owned);
        let url = ask_url.then(|| supabase_project::local_url(&path, variable));
        Ok(Supabase {
            url: url.transpose()?,
            dir: Some(MIGRATIONS),
        })
    }

    fn dirs(&self, others: Option<&str>) -> Result<Vec<PathBuf>, Error> {
        if !self.global.dir.is_empty() {
            return Ok(self.global.dir.clone());
        }
        if let Some(dir) = self.variable("dir") {
            return Ok(vec![dir.into()]);
        }
        let list = self.list("dir", self.section.dir.as_ref())?;
        let list: Vec<_> = list.into_iter().map(PathBuf::from).collect();
        Ok(if list.is_empty() {
            vec![others.unwrap_or(DEFAULT_DIR).into()]
        } else {
            list
        })
    }

    fn pairs(&self, table: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> {
        table
            .iter()
            .map(|(key, value)| Ok((key.clone(), self.expand(key, value)?)))
            .collect()
    }
}

/// `-C` moves relative paths; the current folder is not named in messages.
fn join(root: &Path, path: PathBuf) -> PathBuf {
    if root == Path::new(".") {
        path
    } else {
        root.join(path)
    }
}

fn password_from(path: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::Settings(format!("{}: {error}", path.display())))?;
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
