//! Where PostgreSQL's programs are.

use std::path::{Path, PathBuf};

use crate::process::cache;

/// The newest version under Debian's folder, or the one that `WHIMBREL_TEST_PG_BIN` names.
pub(super) fn installed() -> PathBuf {
    if let Some(path) = std::env::var_os("WHIMBREL_TEST_PG_BIN") {
        return path.into();
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .max_by_key(|bin| {
            let version = bin
                .parent()
                .and_then(Path::file_name)
                .map(|name| name.to_string_lossy().into_owned());
            version.and_then(|text| text.parse::<u32>().ok())
        });
    newest.expect("no PostgreSQL server is installed: run scripts/install-test-servers")
}

/// Where `scripts/install-test-servers` puts the packages of other versions.
pub(super) fn packaged(which: &str) -> PathBuf {
    let package = include_str!("../../postgres/package.json");
    let versions: Vec<_> = package
        .split("linux-x64@")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let home = cache().join(format!("postgres-{}", versions.join("-")));
    assert!(
        home.join("complete").exists(),
        "the {which} PostgreSQL is not installed: run scripts/install-test-servers"
    );
    home.join(format!("node_modules/postgres-{which}/native/bin"))
}
