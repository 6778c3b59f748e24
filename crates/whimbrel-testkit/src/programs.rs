//! Where the servers' programs are. One that is not there is a loud failure, which says what installs it.

use std::path::PathBuf;

use crate::process::is_root;

/// Ends the test.
pub(crate) fn missing(what: &str) -> ! {
    panic!("{what} is not installed: run scripts/install-test-servers")
}

/// `WHIMBREL_TEST_ROOT` names a folder in which all is looked for, instead of the system's root.
fn root() -> Option<PathBuf> {
    std::env::var_os("WHIMBREL_TEST_ROOT").map(PathBuf::from)
}

/// A folder of the system.
pub(crate) fn system(path: &str) -> PathBuf {
    root().unwrap_or_else(|| "/".into()).join(path)
}

/// A program that comes with Debian. Those of servers are not in everybody's PATH.
pub(crate) fn program(name: &str) -> PathBuf {
    let places = ["usr/sbin", "usr/bin", "usr/local/bin"];
    let mut paths = places.iter().map(|place| system(place).join(name));
    let found = paths.find(|path| path.exists());
    found.unwrap_or_else(|| missing(name))
}

/// Where `scripts/install-test-servers` has unpacked what is no package of Debian.
pub(crate) fn unpacked(what: &str, folder: &str) -> PathBuf {
    let home = cache().join("whimbrel-testkit").join(folder);
    if home.join("complete").exists() {
        home
    } else {
        missing(what)
    }
}

/// Root's is where a server that must not be root can read.
fn cache() -> PathBuf {
    if is_root() || root().is_some() {
        return system("var/cache");
    }
    let own = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    own.unwrap_or_else(|| {
        PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache")
    })
}
