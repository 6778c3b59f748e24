//! The database file of `wrangler dev`.

use std::path::{Component, Path, PathBuf};

use whimbrel_core::Error;

use super::wrangler::{STATE, Wrangler, local_file};

/// The one local database of a project, or the file itself.
///
/// # Errors
/// There is none, or there are several; then the message lists them.
pub(crate) fn file(place: &str) -> Result<PathBuf, Error> {
    let place = Path::new(if place.is_empty() { "." } else { place });
    if place.is_file() {
        return Ok(place.to_owned());
    }
    // Without the dots that come from putting folders together.
    let plain = place.components().filter(|one| *one != Component::CurDir);
    let plain: PathBuf = plain.collect();
    if plain.extension().is_some_and(|end| end == "sqlite") {
        return Err(missing(&plain));
    }
    let state = plain.join(STATE);
    let mut found = databases(&state)?;
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(missing(&state)),
        _ => {
            let known = Wrangler::read(place)?.unwrap_or_default();
            let binding = |path: &Path| {
                let mut bindings = known.d1_databases.iter();
                let own = bindings.find(|one| path.ends_with(local_file(one)));
                own.map_or_else(String::new, |own| {
                    format!("  (the binding {})", own.binding)
                })
            };
            let list: Vec<_> = found
                .iter()
                .map(|path| format!("  d1-local:{}{}", path.display(), binding(path)))
                .collect();
            Err(Error::Settings(format!(
                "there are several local D1 databases; name one of them:\n{}",
                list.join("\n")
            )))
        }
    }
}

fn missing(place: &Path) -> Error {
    Error::Settings(format!(
        "there is no local D1 database in {}: it is made when the worker first uses it, or by `wrangler d1 execute NAME --local --command \"SELECT 1\"`",
        place.display()
    ))
}

/// Files named by a database's hash; `metadata.sqlite` is Miniflare's own.
fn databases(state: &Path) -> Result<Vec<PathBuf>, Error> {
    if !state.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |source| Error::File {
        path: state.display().to_string(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(state).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_hash = |stem: &str| stem.len() == 64 && stem.bytes().all(|b| b.is_ascii_hexdigit());
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let end = path.extension().and_then(|end| end.to_str());
        if end == Some("sqlite") && stem.is_some_and(is_hash) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_file_is_found_and_several_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display().to_string();
        let told = |place: &str| file(place).unwrap_err().to_string();
        assert!(told(&place).contains("there is no local D1 database"));
        let state = folder.path().join(STATE);
        std::fs::create_dir_all(&state).unwrap();
        let first = state.join(format!("{}.sqlite", "a".repeat(64)));
        for path in [
            &first,
            &state.join("metadata.sqlite"),
            &state.join(format!("{}.sqlite-wal", "a".repeat(64))),
        ] {
            std::fs::write(path, "").unwrap();
        }
        assert_eq!(file(&place).unwrap(), first);
        let second = state.join(format!("{}.sqlite", "b".repeat(64)));
        std::fs::write(&second, "").unwrap();
        let third =
            state.join("2daf131e09591ecdf3de59bf3600a581fb5e47d17d255e5abcbb1f5a182c4db7.sqlite");
        std::fs::write(&third, "").unwrap();
        let binding = "[[d1_databases]]\nbinding = \"DB\"\ndatabase_id = \"db-1\"\n";
        std::fs::write(folder.path().join("wrangler.toml"), binding).unwrap();
        let several = told(&place);
        let named = format!("{}  (the binding DB)", third.display());
        assert!(several.contains(&named), "{several}");
        assert!(several.contains(&second.display().to_string()), "{several}");
        assert_eq!(file(&second.display().to_string()).unwrap(), second);
    }
}
