//! Connection settings: URLs and libpq's `key=value` form.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use whimbrel_core::Error;

use super::binding::Binding;
use super::supabase;

/// How much TLS is asked for, as libpq names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SslMode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Tcp {
        name: String,
        /// Where it is, if the URL says so itself; the name is then only what TLS checks.
        address: Option<IpAddr>,
        port: u16,
    },
    /// A folder with the socket `.s.PGSQL.PORT`.
    Unix(PathBuf, u16),
}

/// Everything that a connection needs.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: String,
    pub(super) ssl_mode: SslMode,
    pub(super) ssl_root_cert: Option<PathBuf>,
    pub(super) channel_binding: Binding,
    pub(super) options: Option<String>,
    pub(super) application_name: String,
    pub(super) connect_timeout: Duration,
}

const KEYS: [&str; 13] = [
    "host",
    "hostaddr",
    "port",
    "user",
    "password",
    "dbname",
    "sslmode",
    "sslrootcert",
    "options",
    "application_name",
    "connect_timeout",
    "channel_binding",
    "target_session_attrs",
];

impl Config {
    /// Reads a URL or a `key=value` list. No message repeats the text, which may hold a password.
    pub(super) fn parse(text: &str, password: Option<&str>) -> Result<Self, Error> {
        let mut pairs = match text.split_once("://") {
            Some((_, rest)) => url_pairs(rest)?,
            None => list_pairs(text)?,
        };
        if let Some(password) = password {
            pairs.push(("password".to_owned(), password.to_owned()));
        }
        Self::from_pairs(&pairs)
    }

    fn from_pairs(pairs: &[(String, String)]) -> Result<Self, Error> {
        for (key, _) in pairs {
            // Supabase's and others' hints to their own clients are passed over.
            if !KEYS.contains(&key.as_str())
                && !matches!(
                    key.as_str(),
                    "pgbouncer" | "supa" | "schema" | "connection_limit"
                )
            {
                let near = KEYS
                    .iter()
                    .find(|known| known.contains(key.as_str()) || key.contains(**known));
                let help = near
                    .map(|known| format!("; did you mean `{known}`?"))
                    .unwrap_or_default();
                return Err(Error::Settings(format!(
                    "the database URL has an unknown setting `{key}`{help}"
                )));
            }
        }
        let get = |key: &str| {
            pairs
                .iter()
                .rev()
                .find(|(k, _)| k == key)
                .map(|(_, v)| v.as_str())
        };
        let hosts = hosts(get("host"), get("hostaddr"), get("port"))?;
        let system = get("sslrootcert") == Some("system");
        let user = get("user").unwrap_or("postgres").to_owned();
        let seconds = match get("connect_timeout") {
            Some(text) => text
                .parse()
                .map_err(|_| bad("connect_timeout", "a number of seconds"))?,
            None => 15,
        };
        Ok(Self {
            database: get("dbname")
                .filter(|name| !name.is_empty())
                .unwrap_or(&user)
                .to_owned(),
            user,
            password: get("password")
                .filter(|password| !password.is_empty())
                .map(str::to_owned),
            // As libpq does: who is known to everybody is only worth something with the name.
            ssl_mode: match ssl_mode(get("sslmode"))? {
                _ if system => SslMode::VerifyFull,
                Some(mode) => mode,
                None => supabase::ssl_mode(&hosts).unwrap_or(SslMode::Prefer),
            },
            ssl_root_cert: get("sslrootcert").filter(|_| !system).map(PathBuf::from),
            channel_binding: channel_binding(get("channel_binding"))?,
            options: get("options").map(str::to_owned),
            application_name: get("application_name").unwrap_or("whimbrel").to_owned(),
            connect_timeout: Duration::from_secs(seconds),
            hosts,
        })
    }

    /// As people may see it.
    pub(super) fn display(&self) -> String {
        let host = match &self.hosts[0] {
            Host::Tcp { name, port, .. } if name.contains(':') => format!("[{name}]:{port}"),
            Host::Tcp { name, port, .. } => format!("{name}:{port}"),
            Host::Unix(path, _) => path.display().to_string().replace('/', "%2F"),
        };
        format!("postgres://{}@{host}/{}", self.user, self.database)
    }
}

fn bad(key: &str, expected: &str) -> Error {
    Error::Settings(format!("the database URL's `{key}` is not {expected}"))
}

fn channel_binding(text: Option<&str>) -> Result<Binding, Error> {
    Ok(match text {
        None | Some("prefer") => Binding::Prefer,
        Some("disable") => Binding::Disable,
        Some("require") => Binding::Require,
        _ => return Err(bad("channel_binding", "one of disable, prefer, require")),
    })
}

fn ssl_mode(text: Option<&str>) -> Result<Option<SslMode>, Error> {
    text.map(|text| {
        Ok(match text {
            "prefer" | "allow" => SslMode::Prefer,
            "disable" => SslMode::Disable,
            "require" => SslMode::Require,
            "verify-ca" => SslMode::VerifyCa,
            "verify-full" => SslMode::VerifyFull,
            _ => {
                return Err(bad(
                    "sslmode",
                    "one of disable, prefer, require, verify-ca, verify-full",
                ));
            }
        })
    })
    .transpose()
}

fn hosts(
    names: Option<&str>,
    addresses: Option<&str>,
    ports: Option<&str>,
) -> Result<Vec<Host>, Error> {
    let ports: Vec<&str> = ports.unwrap_or("5432").split(',').collect();
    let addresses: Vec<&str> = addresses.map_or_else(Vec::new, |list| list.split(',').collect());
    let names: Vec<&str> = match names {
        Some(names) => names.split(',').collect(),
        None if addresses.is_empty() => vec!["localhost"],
        None => addresses.clone(),
    };
    if !addresses.is_empty() && addresses.len() != names.len() {
        return Err(bad("hostaddr", "one address for each host"));
    }
    let host = |(index, name): (usize, &&str)| {
        let port = ports
            .get(index)
            .or(ports.first())
            .filter(|port| !port.is_empty());
        let port = port
            .map_or(Ok(5432), |port| port.parse())
            .map_err(|_| bad("port", "a port number"))?;
        if name.starts_with('/') {
            return Ok(Host::Unix(PathBuf::from(name), port));
        }
        let address = addresses.get(index).filter(|text| !text.is_empty());
        let address = address.map(|text| text.parse()).transpose();
        let name = if name.is_empty() { "localhost" } else { name };
        Ok(Host::Tcp {
            name: name.trim_matches(['[', ']']).to_owned(),
            address: address.map_err(|_| bad("hostaddr", "an IP address"))?,
            port,
        })
    };
    names.iter().enumerate().map(host).collect()
}

/// What follows `postgres://`. A password may hold characters that break URLs: the user part ends
/// at the last `@` before the query, and a `%` that starts no escape stands for itself.
fn url_pairs(rest: &str) -> Result<Vec<(String, String)>, Error> {
    let (main, query) = match rest.rfind('@') {
        Some(at) => match rest[at..].find('?') {
            Some(mark) => (&rest[..at + mark], &rest[at + mark + 1..]),
            None => (rest, ""),
        },
        None => rest.split_once('?').unwrap_or((rest, "")),
    };
    let (login, place) = main.rsplit_once('@').unwrap_or(("", main));
    let (host, database) = place.split_once('/').unwrap_or((place, ""));
    let mut pairs = Vec::new();
    let mut push = |key: &str, value: &str| {
        if !value.is_empty() {
            pairs.push((key.to_owned(), decode(value)));
        }
    };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    push("user", user);
    push("password", password);
    push("dbname", database);
    let (names, ports): (Vec<_>, Vec<_>) = host.split(',').map(split_port).unzip();
    push("host", &names.join(","));
    if ports.iter().any(|port| !port.is_empty()) {
        push("port", &ports.join(","));
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            Error::Settings("the database URL's settings after `?` must be key=value".to_owned())
        })?;
        pairs.push((decode(key), decode(value)));
    }
    Ok(pairs)
}

fn split_port(host: &str) -> (&str, &str) {
    match host.rsplit_once(':') {
        // An IPv6 address has colons, and brackets around them where a port follows.
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, port),
        _ => (host, ""),
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// `host=localhost password='it''s'`: values may stand in quotes, with backslash escapes.
fn list_pairs(text: &str) -> Result<Vec<(String, String)>, Error> {
    let broken = || {
        Error::Settings("the database settings must be `key=value` with blanks between".to_owned())
    };
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').ok_or_else(broken)?;
        let after = after.trim_start();
        let quoted = after.starts_with('\'');
        let mut value = String::new();
        let mut characters = after.char_indices().skip(usize::from(quoted));
        let mut end = after.len();
        while let Some((index, character)) = characters.next() {
            match character {
                '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                '\'' if quoted => {
                    end = index + 1;
                    break;
                }
                c if c.is_whitespace() && !quoted => {
                    end = index;
                    break;
                }
                c => value.push(c),
            }
        }
        pairs.push((key.trim().to_owned(), value));
        rest = after[end..].trim_start();
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(name: &str, port: u16) -> Host {
        Host::Tcp {
            name: name.to_owned(),
            address: None,
            port,
        }
    }

    #[test]
    fn urls_are_read() {
        let config = Config::parse(
            "postgresql://u:p%40s@h.example:6543/db?sslmode=require",
            None,
        )
        .unwrap();
        assert_eq!(config.hosts, [tcp("h.example", 6543)]);
        assert_eq!(config.password.as_deref(), Some("p@s"));
        assert_eq!(config.ssl_mode, SslMode::Require);
        assert_eq!(config.display(), "postgres://u@h.example:6543/db");
    }

    #[test]
    fn passwords_that_break_urls_work() {
        for password in ["foo%hejsan2%tjotjo", "a@b/c?d", "p#x:y"] {
            let config = Config::parse(&format!("postgres://u:{password}@h/db"), None).unwrap();
            assert_eq!(config.password.as_deref(), Some(password));
            assert_eq!(config.hosts, [tcp("h", 5432)]);
        }
    }

    #[test]
    fn lists_and_sockets_are_read() {
        let config = Config::parse(
            r"host=/run/pg port=5433 user=me password='it\'s a b' dbname=x",
            None,
        )
        .unwrap();
        assert_eq!(config.hosts, [Host::Unix("/run/pg".into(), 5433)]);
        assert_eq!(config.password.as_deref(), Some("it's a b"));
        let config = Config::parse("postgres:///x?host=/run/pg", None).unwrap();
        assert_eq!(config.hosts, [Host::Unix("/run/pg".into(), 5432)]);
        assert_eq!(config.database, "x");
        let config = Config::parse("postgres://[::1]:5444/x", None).unwrap();
        assert_eq!(config.hosts, [tcp("::1", 5444)]);
    }

    #[test]
    fn an_address_may_stand_beside_a_name() {
        let hosts = |text| Config::parse(text, None).map(|config| config.hosts);
        let both = hosts("host=h.example hostaddr=192.0.2.7").unwrap();
        let expected = Host::Tcp {
            name: "h.example".to_owned(),
            address: Some("192.0.2.7".parse().unwrap()),
            port: 5432,
        };
        assert_eq!(both, [expected]);
        assert!(hosts("host=a,b hostaddr=192.0.2.7").is_err());
        assert!(hosts("host=a hostaddr=b").is_err());
    }

    #[test]
    fn the_system_s_authorities_have_a_name() {
        let config = Config::parse("postgres://h/x?sslrootcert=system&sslmode=require", None);
        let config = config.unwrap();
        assert_eq!(
            (config.ssl_mode, config.ssl_root_cert),
            (SslMode::VerifyFull, None)
        );
    }

    #[test]
    fn errors_do_not_repeat_the_password() {
        for url in [
            "postgres://u:secret@h:port/x",
            "postgres://u:secret@h/x?sslmod=1",
            "password=secret host",
        ] {
            let error = Config::parse(url, None).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
