//! What is special about Supabase's hosts. Its projects' files: [`super::supabase_project`].

use std::net::IpAddr;

use whimbrel_core::driver::{DriverError, DriverErrorKind};

use super::config::{Config, Host, SslMode};

/// Where the file of Supabase's own authority is found.
const AUTHORITY: &str = "download the certificate in the dashboard under Database, Settings, SSL configuration, and add `sslmode=verify-full&sslrootcert=FILE` to the URL";

/// Roles of everybody on the internet, in every project: what is made in `public` is theirs at
/// once, by default privileges.
pub(super) const API_ROLES: &str = "SELECT pg_catalog.quote_ident(rolname) FROM pg_catalog.pg_roles WHERE rolname IN ('anon', 'authenticated') ORDER BY rolname";

/// A project's own server, `db.REF.supabase.co`, or one of the poolers in front of all of them.
enum Place<'a> {
    Direct(&'a str),
    Pooler,
}

fn place(host: &str) -> Option<Place<'_>> {
    let host = host.trim_end_matches('.');
    let before = |end: &str| {
        let cut = host.len().checked_sub(end.len())?;
        let (start, last) = host.split_at_checked(cut)?;
        last.eq_ignore_ascii_case(end).then_some(start)
    };
    if before(".pooler.supabase.com").is_some() {
        return Some(Place::Pooler);
    }
    let name = before(".supabase.co")?;
    Some(Place::Direct(name.strip_prefix("db.").unwrap_or(name)))
}

fn host_place(host: &Host) -> Option<Place<'_>> {
    match host {
        Host::Tcp { name, .. } => place(name),
        Host::Unix(..) => None,
    }
}

/// What counts where the URL does not say how much TLS: nothing of Supabase goes over the internet
/// in the clear.
pub(super) fn ssl_mode(hosts: &[Host]) -> Option<SslMode> {
    hosts
        .iter()
        .any(|host| host_place(host).is_some())
        .then_some(SslMode::Require)
}

/// That nobody checks who answers.
pub(super) fn note(config: &Config) -> Option<String> {
    let host = config.hosts.iter().find_map(|host| match host {
        Host::Tcp { name, .. } => place(name).map(|_| name),
        Host::Unix(..) => None,
    })?;
    match (config.ssl_mode, &config.ssl_root_cert) {
        (SslMode::Require | SslMode::Prefer, None) => Some(format!(
            "the connection to {host} is encrypted, but who answers is not checked; to check it, {AUTHORITY}"
        )),
        (SslMode::Disable, _) => Some(format!("the connection to {host} is not encrypted")),
        _ => None,
    }
}

/// What to do when a host can't be reached at these addresses.
pub(super) fn unreachable(host: &str, addresses: &[IpAddr]) -> Option<String> {
    let Place::Direct(reference) = place(host)? else {
        return Some(
            "check the region in the host's name: the dashboard shows it under Connect; port 5432 is the session pooler, 6543 the transaction pooler"
                .to_owned(),
        );
    };
    let why = if !addresses.is_empty() && addresses.iter().all(IpAddr::is_ipv6) {
        "this host has only an IPv6 address, and there is no way to it from here"
    } else {
        "a project's own host has only an IPv6 address, unless the IPv4 add-on was bought, and it is gone while the project is paused"
    };
    Some(format!(
        "{why}; the poolers have IPv4: user postgres.{reference}, host HOST.pooler.supabase.com, port 5432 (session pooler) or 6543 (transaction pooler); Whimbrel works through both, and the dashboard shows HOST under Connect"
    ))
}

/// What a refusal means here.
pub(super) fn explain(config: &Config, host: &Host, mut error: DriverError) -> DriverError {
    if matches!(host_place(host), Some(Place::Pooler)) {
        // The pooler's own words for a user that it can't lead to a project.
        let unknown = error.message.contains("Tenant or user not found");
        if unknown {
            error.kind = DriverErrorKind::Refused;
        }
        if unknown || (error.kind == DriverErrorKind::Refused && !config.user.contains('.')) {
            error.hint = Some(
                "through the pooler the user is postgres.REF, with the project's reference, and the host is the one of the project's region: the dashboard shows both under Connect"
                    .to_owned(),
            );
        }
    }
    error
}

/// What to do when nobody known signed the certificate.
pub(super) fn authority(host: &str) -> Option<String> {
    place(host).map(|_| format!("Supabase signs its certificates itself: {AUTHORITY}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_by_their_end() {
        let direct = |host| matches!(place(host), Some(Place::Direct("abc")));
        assert!(direct("db.abc.supabase.co"));
        assert!(direct("db.abc.Supabase.CO."));
        let pooler = place("aws-0-eu-west-1.pooler.supabase.com");
        assert!(matches!(pooler, Some(Place::Pooler)));
        for other in [
            "supabase.co.example.org",
            "notsupabase.co",
            "localhost",
            "127.0.0.1",
            "ä.co",
        ] {
            assert!(place(other).is_none(), "{other}");
        }
    }

    #[test]
    fn what_the_url_says_about_tls_counts() {
        let mode = |url: &str| Config::parse(url, None).unwrap().ssl_mode;
        let host = "postgres://u@db.abc.supabase.co/postgres";
        assert_eq!(mode(host), SslMode::Require);
        assert_eq!(mode(&format!("{host}?sslmode=disable")), SslMode::Disable);
        assert_eq!(mode("postgres://u@h/x"), SslMode::Prefer);
    }

    #[test]
    fn what_is_not_checked_is_said() {
        let noted = |url: &str| note(&Config::parse(url, None).unwrap());
        let host = "postgres://u:secret@db.abc.supabase.co/postgres";
        let text = noted(host).unwrap();
        assert!(
            text.contains("sslrootcert") && !text.contains("secret"),
            "{text}"
        );
        assert!(noted(&format!("{host}?sslmode=require")).is_some());
        let unencrypted = noted(&format!("{host}?sslmode=disable")).unwrap();
        assert!(unencrypted.contains("not encrypted"), "{unencrypted}");
        for more in [
            "sslmode=verify-full",
            "sslrootcert=a.pem",
            "sslrootcert=system",
        ] {
            assert_eq!(noted(&format!("{host}?{more}")), None, "{more}");
        }
        assert_eq!(noted("postgres://u@h/x?sslmode=require"), None);
    }

    #[test]
    fn a_host_without_ipv4_is_explained() {
        let only = ["2001:db8::1".parse().unwrap()];
        let text = unreachable("db.abc.supabase.co", &only).unwrap();
        for part in ["only an IPv6", "postgres.abc", "5432", "6543"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(unreachable("db.abc.supabase.co", &[]).is_some());
        assert!(unreachable("h.example", &only).is_none());
    }
}
