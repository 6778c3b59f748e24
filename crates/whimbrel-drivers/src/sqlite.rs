//! SQLite, bundled by `rusqlite`: the embedded default.

mod driver;
mod errors;
mod execute;
mod guard;
mod history;
pub(crate) mod shadow;
mod unit;

use std::path::PathBuf;

use async_trait::async_trait;
use whimbrel_core::Error;
use whimbrel_core::driver::{Connect, Driver, DriverError, Limits, SessionOptions, Shadow};
use whimbrel_sql::Dialect;

/// A connector for a database file: `sqlite:PATH`, `sqlite://PATH`, `file:PATH` or the path alone.
///
/// The file is created when the first migration is applied, not before.
///
/// # Errors
/// The URL names no file.
pub fn connector(url: &str, options: SessionOptions) -> Result<Box<dyn Connect>, Error> {
    let rest = ["sqlite:", "file:"]
        .iter()
        .find_map(|scheme| {
            let head = url.get(..scheme.len())?;
            head.eq_ignore_ascii_case(scheme)
                .then(|| &url[scheme.len()..])
        })
        .unwrap_or(url);
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let path = path.split('?').next().unwrap_or(path);
    // Not shown: it may hold a password.
    let host = rest
        .strip_prefix("//")
        .and_then(|rest| rest.split('/').next());
    if host.is_some_and(|host| host.contains(':') && host.contains('@')) {
        return Err(Error::Settings(
            "a SQLite database has no host, user or password; name a file: sqlite:app.db"
                .to_owned(),
        ));
    }
    if path.is_empty() || path.contains(":memory:") {
        return Err(Error::Settings(
            "a SQLite database in memory is gone when the command ends; name a file: sqlite:app.db"
                .to_owned(),
        ));
    }
    let path = percent_encoding::percent_decode_str(path)
        .decode_utf8_lossy()
        .into_owned();
    Ok(file(options.folder.join(path), options, None))
}

/// A connector for a file. A local file of Cloudflare D1 comes with the longest statement that D1
/// takes: what D1 would refuse is refused here too, so that nothing passes here and fails there.
pub(crate) fn file(
    path: PathBuf,
    options: SessionOptions,
    d1_limits: Option<Limits>,
) -> Box<dyn Connect> {
    Box::new(Connector {
        path,
        options,
        d1_limits,
    })
}

struct Connector {
    path: PathBuf,
    options: SessionOptions,
    d1_limits: Option<Limits>,
}

#[async_trait]
impl Connect for Connector {
    async fn connect(&self) -> Result<Box<dyn Driver>, DriverError> {
        let (path, options) = (self.path.clone(), self.options.clone());
        let driver = driver::Sqlite::open(path, options, self.d1_limits).await?;
        Ok(Box::new(driver))
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn display(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    fn database(&self) -> String {
        let stem = self.path.file_stem().unwrap_or(self.path.as_os_str());
        stem.to_string_lossy().into_owned()
    }

    async fn shadow(&self, name: &str) -> Result<Option<Box<dyn Shadow>>, DriverError> {
        shadow::shadow(name, &self.options, self.d1_limits).map(Some)
    }
}
