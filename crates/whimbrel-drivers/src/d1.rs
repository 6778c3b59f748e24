//! Cloudflare D1, over its HTTP API.

mod answer;
mod driver;
mod durations;
mod errors;
mod guard;
mod http;
#[cfg(feature = "sqlite")]
pub(crate) mod local;
mod locate;
mod send;
mod unit;
pub mod wrangler;

use async_trait::async_trait;
use whimbrel_core::Error;
#[cfg(feature = "sqlite")]
use whimbrel_core::driver::Shadow;
use whimbrel_core::driver::{
    Connect, Driver, DriverError, DriverErrorKind, Limits, SessionOptions,
};
use whimbrel_sql::Dialect;

use self::http::Api;

/// Statements and rows by <https://developers.cloudflare.com/d1/platform/limits/> (as of 21 April
/// 2026). D1 publishes no size of a request; the API before it takes uploads of 100 MB on the Free
/// and Pro plans, more on others, by
/// <https://developers.cloudflare.com/support/troubleshooting/http-status-codes/4xx-client-error/error-413/>
/// (as read on 21 November 2026).
pub(crate) const LIMITS: Limits = Limits {
    statement_bytes: 100_000,
    request_bytes: 100_000_000,
    row_bytes: 2_000_000,
};

/// Where the public API is.
const PUBLIC: &str = "https://api.cloudflare.com/client/v4";

/// A connector for `d1://ACCOUNT_ID/DATABASE_ID`, or `d1+http://HOST:PORT/ACCOUNT_ID/DATABASE_ID`
/// for an endpoint of the same form somewhere else. The password is the API token.
///
/// # Errors
/// The URL names no account and database, or there is no token.
pub fn connector(
    url: &str,
    token: Option<&str>,
    options: SessionOptions,
) -> Result<Box<dyn Connect>, Error> {
    let place = Place::read(url)?;
    if token.is_none() && place.base == PUBLIC {
        return Err(Error::Settings(
            "D1 wants an API token: set CLOUDFLARE_API_TOKEN (with the permission D1 Edit), or give it as the password"
                .to_owned(),
        ));
    }
    if token.is_some() && place.is_open() {
        return Err(Error::Settings(
            "the token would be sent over the network as plain text: use d1+https:// for a host that is not this machine"
                .to_owned(),
        ));
    }
    Ok(Box::new(Connector {
        token: token.map(str::to_owned),
        place,
        options,
    }))
}

/// What a URL says.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    /// The URL up to the database, for people.
    display: String,
    base: String,
    account: String,
    database: String,
}

impl Place {
    fn read(url: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::Settings(
                "the URL of a D1 database is d1://ACCOUNT_ID/DATABASE_ID; both are in the dashboard, the database's also in `wrangler d1 list`"
                    .to_owned(),
            )
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let scheme = scheme.to_ascii_lowercase();
        let (base, path) = if scheme == "d1" {
            (PUBLIC.to_owned(), rest)
        } else {
            let (host, path) = rest.split_once('/').ok_or_else(wrong)?;
            let http = scheme.strip_prefix("d1+").ok_or_else(wrong)?;
            (format!("{http}://{host}/client/v4"), path)
        };
        let mut names = path.trim_end_matches('/').split('/');
        let (account, database) = (names.next(), names.next());
        match (account, database, names.next()) {
            (Some(account), Some(database), None)
                if is_id(account) && is_id(database) && !base.contains('@') =>
            {
                Ok(Self {
                    display: format!("{scheme}://{rest}"),
                    base,
                    account: account.to_owned(),
                    database: database.to_owned(),
                })
            }
            _ => Err(wrong()),
        }
    }

    /// True if requests can be read on their way.
    fn is_open(&self) -> bool {
        let Some(host) = self.base.strip_prefix("http://") else {
            return false;
        };
        let own = ["127.0.0.1", "localhost", "[::1]"];
        let host = host.split('/').next().unwrap_or_default();
        !own.iter().any(|own| {
            let rest = host.strip_prefix(own);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        })
    }

    fn api_url(&self) -> String {
        format!(
            "{}/accounts/{}/d1/database/{}",
            self.base, self.account, self.database
        )
    }
}

fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.bytes().all(plain)
}

struct Connector {
    place: Place,
    token: Option<String>,
    options: SessionOptions,
}

#[async_trait]
impl Connect for Connector {
    async fn connect(&self) -> Result<Box<dyn Driver>, DriverError> {
        let api = Api::new(self.place.api_url(), self.token.clone())
            .map_err(|error| DriverError::new(DriverErrorKind::Connect, error.to_string()))?;
        Ok(Box::new(driver::D1::new(api, self.options.clone())))
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn display(&self) -> String {
        self.place.display.clone()
    }

    fn database(&self) -> String {
        self.place.database.clone()
    }

    /// A file on this machine, which refuses what D1 would refuse.
    #[cfg(feature = "sqlite")]
    async fn shadow(&self, name: &str) -> Result<Option<Box<dyn Shadow>>, DriverError> {
        crate::sqlite::shadow::shadow(name, &self.options, Some(LIMITS)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn urls_are_read() {
        let place = Place::read("d1://abc/1-2").unwrap();
        assert_eq!(
            place.api_url(),
            "https://api.cloudflare.com/client/v4/accounts/abc/d1/database/1-2"
        );
        let place = Place::read("d1+http://127.0.0.1:8787/abc/db/").unwrap();
        assert_eq!(
            place.api_url(),
            "http://127.0.0.1:8787/client/v4/accounts/abc/d1/database/db"
        );
        assert!(!place.is_open());
        assert!(
            Place::read("d1+http://127.0.0.1.example/a/b")
                .unwrap()
                .is_open()
        );
        assert!(!Place::read("d1+https://example/a/b").unwrap().is_open());
        for wrong in [
            "d1://abc",
            "d1://a/b/c",
            "d1:abc",
            "d1://a/b?c=d",
            "d1+http://t@h/a/b",
        ] {
            Place::read(wrong).unwrap_err();
        }
    }
}
