//! How a migrator is put together.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use whimbrel_core::Error;
use whimbrel_core::driver::SessionOptions;
use whimbrel_core::event::Listener;
use whimbrel_core::history::{HistoryTables, Owner};
use whimbrel_core::runner::{RunOptions, silent};
use whimbrel_core::source::{Directory, Source};
use whimbrel_import::Histories;

use super::Migrator;

/// Puts a [`Migrator`] together.
pub struct MigratorBuilder {
    url: String,
    password: Option<String>,
    session: SessionOptions,
    sources: Vec<Box<dyn Source>>,
    options: RunOptions,
    listener: Arc<dyn Listener>,
    cancel: CancellationToken,
    shadow: Option<String>,
    shadow_sql: Vec<String>,
    foreign: Histories,
}

impl MigratorBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            password: None,
            session: SessionOptions {
                foreign_keys: true,
                ..SessionOptions::default()
            },
            sources: Vec::new(),
            options: RunOptions::new(owner()),
            listener: silent(),
            cancel: CancellationToken::new(),
            shadow: None,
            shadow_sql: Vec::new(),
            foreign: Histories::all(),
        }
    }

    /// Adds migrations.
    pub fn source(mut self, source: impl Source + 'static) -> Self {
        self.sources.push(Box::new(source));
        self
    }

    /// Adds a folder of migrations, in whatever layout it is found to have.
    pub fn directory(self, folder: impl Into<std::path::PathBuf>) -> Self {
        self.source(Directory::new(folder).known_layouts(whimbrel_import::layouts()))
    }

    /// The password, in the place of one in the URL.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The folder of a SQLite file that the URL names without one; the process's own if not set.
    pub fn folder(mut self, folder: impl Into<std::path::PathBuf>) -> Self {
        self.session.folder = folder.into();
        self
    }

    /// Names of the history tables; see [`HistoryTables::named`].
    pub fn tables(mut self, tables: HistoryTables) -> Self {
        self.session.tables = tables;
        self
    }

    /// SQL that runs before each migration: one or more statements, none of which begins or ends a
    /// transaction.
    pub fn session_sql(mut self, sql: impl Into<String>) -> Self {
        self.session.session_sql.push(sql.into());
        self
    }

    /// Settings of its runs.
    pub fn options(mut self, change: impl FnOnce(&mut RunOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// Who hears what happens.
    pub fn listener(mut self, listener: Arc<dyn Listener>) -> Self {
        self.listener = listener;
        self
    }

    /// Other tools' histories that the first `up` looks out for; those of all tools, under their
    /// usual names, if not set.
    pub fn histories(mut self, histories: Histories) -> Self {
        self.foreign = histories;
        self
    }

    /// Cancels its runs.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// Where [`Migrator::convert`] makes its shadows, if not beside the database itself: a database of
    /// the same engine, on a server that may be thrown away.
    pub fn shadow(mut self, url: &str) -> Self {
        self.shadow = Some(url.to_owned());
        self
    }

    /// A script that [`Migrator::convert`] runs on each shadow first, to make what the migrations count on.
    pub fn shadow_sql(mut self, script: impl Into<String>) -> Self {
        self.shadow_sql.push(script.into());
        self
    }

    /// The migrator. Nothing is connected or read yet.
    ///
    /// # Errors
    /// The URL can't be read, or its driver is not compiled in.
    pub fn build(mut self) -> Result<Migrator, Error> {
        self.session.session_sql = self.session_statements()?;
        let connector = |url: &str, password: Option<&str>| {
            whimbrel_drivers::connector(url, password, self.session.clone())
        };
        let connect = connector(&self.url, self.password.as_deref())?;
        self.session.tables.check(connect.dialect())?;
        let shadow = self.shadow.as_deref().map(|url| connector(url, None));
        let shadow = shadow.transpose()?;
        if shadow
            .as_ref()
            .is_some_and(|shadow| shadow.dialect() != connect.dialect())
        {
            return Err(Error::Settings(
                "the shadow's URL is one of another engine".to_owned(),
            ));
        }
        Ok(Migrator {
            connect,
            sources: Arc::new(self.sources),
            options: self.options,
            listener: self.listener,
            cancel: self.cancel,
            foreign: self.foreign,
            shadow,
            shadow_sql: self.shadow_sql,
        })
    }
}

impl MigratorBuilder {
    /// The session's SQL as statements, which drivers send one by one. They stand in the unit's own
    /// transaction.
    fn session_statements(&self) -> Result<Vec<String>, Error> {
        let given = &self.session.session_sql;
        if given.is_empty() {
            return Ok(Vec::new());
        }
        let url = self.url.as_str();
        let plain = SessionOptions::default();
        let dialect = whimbrel_drivers::connector(url, self.password.as_deref(), plain)?.dialect();
        let mut statements = Vec::new();
        for sql in given {
            let list = whimbrel_sql::split(sql, dialect)
                .map_err(|error| Error::Settings(format!("the session SQL: {error}")))?;
            for statement in list {
                let text = &sql[statement.span()];
                if statement.facts.transaction_control.is_some() || statement.data().is_some() {
                    return Err(Error::Settings(format!(
                        "the session SQL can't have `{text}`: it runs inside each migration's transaction"
                    )));
                }
                statements.push(text.to_owned());
            }
        }
        Ok(statements)
    }
}

/// Who an application is if it does not say: its process on its host.
fn owner() -> Owner {
    // The kernel's own file; other systems' names come from the application.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() {
        "localhost"
    } else {
        host.trim()
    };
    Owner {
        user: "application".to_owned(),
        host: host.to_owned(),
        pid: std::process::id(),
    }
}
