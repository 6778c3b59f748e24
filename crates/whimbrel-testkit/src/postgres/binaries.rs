//! Which PostgreSQL is started.

use std::path::{Path, PathBuf};

use crate::programs::{missing, system, unpacked};

/// The newest version under Debian's folder, or the one that `WHIMBREL_TEST_PG_BIN` names.
pub(super) fn installed() -> PathBuf {
    if let Some(path) = std::env::var_os("WHIMBREL_TEST_PG_BIN") {
        return path.into();
    }
    let versions = std::fs::read_dir(system("usr/lib/postgresql"))
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
    newest.unwrap_or_else(|| missing("PostgreSQL"))
}

/// A package of another version.
pub(super) fn packaged(which: &str) -> PathBuf {
    let package = include_str!("../../postgres/package.json");
    let versions: Vec<_> = package
        .split("linux-x64@")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let folder = format!("postgres-{}", versions.join("-"));
    let home = unpacked(&format!("the {which} PostgreSQL"), &folder);
    home.join(format!("node_modules/postgres-{which}/native/bin"))
}
