//! What is the same for every server that is reached over the network.

use std::path::Path;

use whimbrel_core::driver::{DriverError, DriverErrorKind, SessionOptions};
use whimbrel_testkit::Authority;

/// Characters that break URLs.
pub(crate) const PASSWORD: &str = "foo%hejsan2%t@o/b?#";

/// Who signed the server's certificate, which is for `localhost`, and somebody else. Nobody knows
/// either of them.
pub(crate) struct Authorities {
    pub(crate) own: Authority,
    pub(crate) other: Authority,
}

impl Authorities {
    pub(crate) fn new() -> Self {
        Self {
            own: Authority::new(),
            other: Authority::new(),
        }
    }
}

/// One server's words for it.
pub(crate) struct House {
    pub(crate) authorities: &'static Authorities,
    /// Up to the user's name.
    pub(crate) scheme: &'static str,
    /// From the port on, up to the settings.
    pub(crate) place: String,
    /// The setting that says whether the line is encrypted; its values for: not, if possible, yes,
    /// with the authority checked, with the name checked too.
    pub(crate) mode: &'static str,
    pub(crate) modes: [&'static str; 5],
    /// The setting that names a file with authorities.
    pub(crate) root: &'static str,
    /// True if a named authority is checked wherever the line is encrypted.
    pub(crate) named_is_checked: bool,
    /// A query, whose answer's last value says whether the line is encrypted, and what it then is
    /// not.
    pub(crate) question: (&'static str, &'static str),
    /// A user who may come in either way, and one who must encrypt.
    pub(crate) users: [&'static str; 2],
    /// A database on a server without TLS.
    pub(crate) bare: String,
}

impl House {
    pub(crate) fn url(&self, user: &str, host: &str, settings: &str) -> String {
        format!("{}://{user}@{host}:{}?{settings}", self.scheme, self.place)
    }

    pub(crate) fn with_mode(&self, mode: &str) -> String {
        format!("{}={mode}", self.mode)
    }

    pub(crate) fn with_root(&self, mode: &str, root: &Path) -> String {
        format!("{}={mode}&{}={}", self.mode, self.root, root.display())
    }

    /// Connects; gives whether the line is encrypted, by the server.
    pub(crate) fn ask(&self, url: &str, password: Option<&str>) -> Result<bool, DriverError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (sql, no) = self.question;
        runtime.block_on(async {
            let connect = whimbrel_drivers::connector(url, password, SessionOptions::default());
            let mut driver = connect.unwrap().connect().await?;
            let rows = driver.query(sql).await?;
            driver.close().await?;
            Ok(rows[0].last().unwrap().as_deref() != Some(no))
        })
    }

    fn try_free(&self, host: &str, settings: &str) -> Result<bool, DriverError> {
        self.ask(&self.url(self.users[0], host, settings), Some(PASSWORD))
    }

    fn try_secure(&self, host: &str, settings: &str) -> Result<bool, DriverError> {
        self.ask(&self.url(self.users[1], host, settings), Some(PASSWORD))
    }
}

/// The error, which does not repeat the password.
pub(crate) fn refused(result: Result<bool, DriverError>) -> DriverError {
    let error = result.unwrap_err();
    let told = format!("{error} {:?}", error.hint);
    assert!(!told.contains(PASSWORD), "{told}");
    error
}

pub(crate) fn the_mode_says_whether_the_line_is_encrypted(house: &House) {
    let [off, prefer, require, ..] = house.modes;
    for (settings, encrypted) in [
        (house.with_mode(off), false),
        (house.with_mode(prefer), true),
        (String::new(), true),
        (house.with_mode(require), true),
    ] {
        let answer = house.try_free("127.0.0.1", &settings);
        assert_eq!(answer.unwrap(), encrypted, "{settings}");
    }
    let error = refused(house.try_secure("127.0.0.1", &house.with_mode(off)));
    assert_eq!(error.kind, DriverErrorKind::Refused, "{error}");
}

pub(crate) fn the_authority_and_the_name_are_checked(house: &House) {
    let good = house.authorities.own.certificate();
    let [_, _, require, authority, name] = house.modes;
    for (mode, host) in [
        (require, "127.0.0.1"),
        (authority, "localhost"),
        (authority, "127.0.0.1"),
        (name, "localhost"),
    ] {
        let answer = house.try_secure(host, &house.with_root(mode, good));
        assert!(answer.unwrap(), "{mode} {host}");
    }
}

pub(crate) fn a_stranger_is_not_believed(house: &House) {
    let wrong = house.authorities.other.certificate();
    let first = if house.named_is_checked { 2 } else { 3 };
    for mode in &house.modes[first..] {
        let error = refused(house.try_secure("localhost", &house.with_root(mode, wrong)));
        assert_eq!(error.kind, DriverErrorKind::Connect);
        assert!(error.message.contains("authority"), "{mode}: {error}");
        assert!(error.hint.unwrap().contains(house.root));
    }
    // The system's authorities do not know it either.
    for mode in &house.modes[3..] {
        let error = refused(house.try_secure("localhost", &house.with_mode(mode)));
        assert!(error.message.contains("authority"), "{mode}: {error}");
    }
}

pub(crate) fn another_name_is_not_believed(house: &House) {
    let good = house.authorities.own.certificate();
    let [.., authority, name] = house.modes;
    let error = refused(house.try_secure("127.0.0.1", &house.with_root(name, good)));
    assert!(
        error.message.contains("localhost") && error.message.contains("127.0.0.1"),
        "{error}"
    );
    assert!(error.hint.unwrap().contains(authority));
}

pub(crate) fn a_server_without_tls_is_said_so(house: &House) {
    let [_, prefer, require, _, name] = house.modes;
    let with = |mode| format!("{}?{}", house.bare, house.with_mode(mode));
    assert!(!house.ask(&with(prefer), None).unwrap());
    for mode in [require, name] {
        let error = refused(house.ask(&with(mode), None));
        assert_eq!(error.kind, DriverErrorKind::Connect, "{error}");
    }
}

pub(crate) fn a_wrong_password_is_said_so(house: &House) {
    let user = house.users[0];
    let error = refused(house.ask(&house.url(user, "127.0.0.1", ""), Some("wrong")));
    assert_eq!(error.kind, DriverErrorKind::Refused);
    assert!(
        error.message.contains(user) && !error.message.contains("wrong"),
        "{error}"
    );
    assert!(error.hint.unwrap().contains("the password"));
}

/// A password may stand in the URL as it is.
pub(crate) fn a_password_in_the_url_is_read(house: &House) {
    let login = format!("{}:{PASSWORD}", house.users[0]);
    house
        .ask(&house.url(&login, "127.0.0.1", ""), None)
        .unwrap();
}

/// The tests that all have.
macro_rules! doors {
    ($house:expr) => {
        $crate::house::doors! { $house,
            the_mode_says_whether_the_line_is_encrypted
            the_authority_and_the_name_are_checked
            a_stranger_is_not_believed
            another_name_is_not_believed
            a_server_without_tls_is_said_so
            a_wrong_password_is_said_so
            a_password_in_the_url_is_read
        }
    };
    ($house:expr, $($test:ident)*) => {$(
        #[test]
        fn $test() {
            $crate::house::$test($house);
        }
    )*};
}
pub(crate) use doors;
