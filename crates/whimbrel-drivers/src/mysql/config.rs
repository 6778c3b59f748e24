//! Connection settings.

use std::path::PathBuf;

use mysql_async::{Opts, OptsBuilder, SslOpts};
use percent_encoding::percent_decode_str;
use whimbrel_core::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SslMode {
    Disabled,
    Preferred,
    Required,
    VerifyCa,
    VerifyIdentity,
}

#[derive(Clone, Debug)]
pub(super) struct Config {
    host: String,
    port: u16,
    socket: Option<String>,
    user: String,
    password: Option<String>,
    pub(super) database: String,
    pub(super) ssl_mode: SslMode,
    ssl_ca: Option<PathBuf>,
}

fn wrong(what: &str) -> Error {
    Error::Settings(format!("the database URL {what}"))
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl Config {
    /// Reads a URL; no message repeats it, since it may hold a password. The user part ends at the
    /// last `@`, and a `%` that starts no escape stands for itself.
    pub(super) fn parse(url: &str, password: Option<&str>) -> Result<Self, Error> {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let after_login = rest.rfind('@').map_or(0, |at| at + 1);
        let (login, place) = rest.split_at(after_login);
        let (place, query) = place.split_once('?').unwrap_or((place, ""));
        let (address, database) = place.split_once('/').unwrap_or((place, ""));
        let login = login.strip_suffix('@').unwrap_or("");
        let (user, own_password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(decode(password))),
            None => (login, None),
        };
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) => (
                host,
                port.parse()
                    .map_err(|_| wrong("has a port that is no number"))?,
            ),
            None => (address, 3306),
        };
        let mut config = Self {
            host: if host.is_empty() {
                "127.0.0.1".to_owned()
            } else {
                host.trim_matches(['[', ']']).to_owned()
            },
            port,
            socket: None,
            user: if user.is_empty() {
                "root".to_owned()
            } else {
                decode(user)
            },
            password: password.map(str::to_owned).or(own_password),
            database: decode(database),
            ssl_mode: SslMode::Preferred,
            ssl_ca: None,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            config.set(pair)?;
        }
        if config.database.is_empty() {
            return Err(wrong("names no database: mysql://HOST/DATABASE"));
        }
        Ok(config)
    }

    fn set(&mut self, pair: &str) -> Result<(), Error> {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key.to_ascii_lowercase().replace('_', "-").as_str() {
            "socket" => self.socket = Some(decode(value)),
            "ssl-ca" => self.ssl_ca = Some(decode(value).into()),
            "charset" => {}
            "ssl-mode" | "sslmode" => {
                self.ssl_mode = match value.to_ascii_uppercase().replace('-', "_").as_str() {
                    "DISABLED" | "DISABLE" => SslMode::Disabled,
                    "PREFERRED" | "PREFER" => SslMode::Preferred,
                    "REQUIRED" | "REQUIRE" => SslMode::Required,
                    "VERIFY_CA" => SslMode::VerifyCa,
                    "VERIFY_IDENTITY" | "VERIFY_FULL" => SslMode::VerifyIdentity,
                    _ => {
                        return Err(wrong(
                            "has an ssl-mode that is none of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY",
                        ));
                    }
                }
            }
            other => {
                return Err(wrong(&format!(
                    "has an unknown setting `{other}`; known: socket, ssl-ca, ssl-mode"
                )));
            }
        }
        Ok(())
    }

    /// Where the server is, for people.
    pub(super) fn place(&self) -> String {
        match &self.socket {
            Some(socket) => format!("the socket {socket}"),
            None => format!("{}:{}", self.host, self.port),
        }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Options for the protocol library, with or without TLS; `name` is what the certificate is
    /// checked for in the host's place.
    pub(super) fn options(&self, tls: bool, name: Option<String>) -> Opts {
        let mut ssl = SslOpts::default();
        if let Some(path) = &self.ssl_ca {
            // Who names an authority means no other.
            ssl = ssl
                .with_root_certs(vec![path.clone().into()])
                .with_disable_built_in_roots(true);
        }
        ssl = match self.ssl_mode {
            SslMode::VerifyIdentity => ssl,
            SslMode::VerifyCa => ssl.with_danger_tls_hostname_override(name),
            _ => ssl
                .with_danger_accept_invalid_certs(true)
                .with_danger_skip_domain_validation(true),
        };
        OptsBuilder::default()
            .ip_or_hostname(self.host.clone())
            .tcp_port(self.port)
            .socket(self.socket.clone())
            .prefer_socket(false)
            .user(Some(self.user.clone()))
            .pass(self.password.clone())
            .db_name(Some(self.database.clone()))
            .stmt_cache_size(0)
            .ssl_opts((tls && self.socket.is_none()).then_some(ssl))
            .into()
    }

    /// As people may see it.
    pub(super) fn display(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match &self.socket {
            Some(socket) => format!(
                "mysql://{}@localhost/{}?socket={socket}",
                self.user, self.database
            ),
            None => format!(
                "mysql://{}@{host}:{}/{}",
                self.user, self.port, self.database
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let config = Config::parse(
            "mysql://me:foo%hejsan2%tjotjo@h:3307/app?ssl-mode=required",
            None,
        )
        .unwrap();
        assert_eq!(config.password.as_deref(), Some("foo%hejsan2%tjotjo"));
        assert_eq!(config.ssl_mode, SslMode::Required);
        assert_eq!(config.display(), "mysql://me@h:3307/app");
        let config = Config::parse("mariadb:///app?socket=/run/m.sock", None).unwrap();
        assert_eq!(config.socket.as_deref(), Some("/run/m.sock"));
    }

    #[test]
    fn errors_do_not_repeat_the_password() {
        for url in [
            "mysql://u:secret@h:port/x",
            "mysql://u:secret@h",
            "mysql://u:secret@h/x?nope=1",
        ] {
            let error = Config::parse(url, None).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
