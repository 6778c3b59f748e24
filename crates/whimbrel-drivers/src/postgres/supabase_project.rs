//! A project of the Supabase CLI: its migrations, and the database that `supabase start` runs.

use std::path::{Path, PathBuf};

use toml::{Table, Value};
use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::text::SourceFile;

/// Where the settings are, from the project's folder.
pub const CONFIG: &str = "supabase/config.toml";
/// Where the migrations are, from the project's folder.
pub const MIGRATIONS: &str = "supabase/migrations";
/// What everybody's local database has as a password.
pub const LOCAL_PASSWORD: &str = "postgres";
/// The local database's port, if the settings say nothing.
const LOCAL_PORT: u16 = 54322;

/// The settings file of a folder, if there is one.
pub fn find(folder: &Path) -> Option<PathBuf> {
    Some(folder.join(CONFIG)).filter(|path| path.is_file())
}

/// The URL of the local database, without its password. `variable` gives the values that the file
/// takes from the environment.
///
/// # Errors
/// The file can't be read; the message says where.
pub fn local_url(path: &Path, variable: impl Fn(&str) -> Option<String>) -> Result<String, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        path: path.display().to_string(),
        source,
    })?;
    let wrong = |at: usize, why: &str| {
        let file = SourceFile::new(path.display().to_string(), &text);
        let problem = Diagnostic::error("settings", why.to_owned());
        Error::Settings(problem.at(&file, at..at, "").to_string())
    };
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        wrong(at, &format!("it can't be read: {}", error.message()))
    })?;
    let port = match table.get("db").and_then(|db| db.get("port")) {
        None => LOCAL_PORT,
        Some(value) => port(value, variable)
            .ok_or_else(|| wrong(place_of_port(&text), "`port` of [db] is no port number"))?,
    };
    Ok(format!("postgres://postgres@127.0.0.1:{port}/postgres"))
}

/// A number, or `env(NAME)`.
fn port(value: &Value, variable: impl Fn(&str) -> Option<String>) -> Option<u16> {
    match value {
        Value::Integer(number) => u16::try_from(*number).ok(),
        Value::String(text) => {
            let name = text.strip_prefix("env(")?.strip_suffix(')')?;
            variable(name)?.parse().ok()
        }
        _ => None,
    }
}

/// Where the line of the port stands, in the section [db].
fn place_of_port(text: &str) -> usize {
    let mut inside = false;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            inside = trimmed.starts_with("[db]");
        } else if inside && trimmed.starts_with("port") {
            return offset;
        }
        offset += line.len();
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_of(text: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        let known = |name: &str| (name == "DB_PORT").then(|| "6000".to_owned());
        local_url(&path, known).map_err(|error| error.to_string())
    }

    #[test]
    fn the_port_is_the_database_s() {
        let url = |port| Ok(format!("postgres://postgres@127.0.0.1:{port}/postgres"));
        let text = "[api]\nport = 1\n[db]\nport = 55322\nshadow_port = 2\n[db.pooler]\nport = 3\n";
        assert_eq!(url_of(text), url(55322));
        assert_eq!(url_of("project_id = \"x\"\n"), url(54322));
        assert_eq!(url_of("[db]\nport = \"env(DB_PORT)\"\n"), url(6000));
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        for (text, place) in [
            (
                "[api]\nport = 1\n[db]\n\nport = 700000\n",
                "config.toml:5:1",
            ),
            ("[db]\nport = \"env(NOWHERE)\"\n", "config.toml:2:1"),
            ("[db]\nport = = 1\n", "config.toml:2:"),
        ] {
            let error = url_of(text).unwrap_err();
            assert!(error.contains(place), "{error}");
        }
    }
}
