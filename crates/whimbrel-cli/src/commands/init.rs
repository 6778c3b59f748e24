//! `init`.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use whimbrel::Error;

use super::Project;
use crate::cli::Global;
use crate::config::{DEFAULT_URL, FILE_NAME, TEMPLATE};
use crate::exit;
use crate::render::Output;

pub(super) async fn run(global: &Global, output: &Arc<Output>) -> Result<u8, Error> {
    let root = global.folder.clone().unwrap_or_else(|| ".".into());
    let path = root.join(global.config.clone().unwrap_or_else(|| FILE_NAME.into()));
    let write_file = !path.exists();
    if write_file {
        // A password stays where it is: only a URL without one goes into the file.
        let url = global.url.as_deref().unwrap_or(DEFAULT_URL);
        let url = if url.contains('@') {
            "${DATABASE_URL}"
        } else {
            url
        };
        write(&path, &TEMPLATE.replace("@URL@", url))?;
        output.say(&format!("wrote {}", path.display()));
    }
    let mut global = global.clone();
    if write_file && global.url.is_none() {
        // What was just written may name a variable that is not set yet; the flag decides here.
        global.url = std::env::var("DATABASE_URL")
            .ok()
            .or_else(|| Some(DEFAULT_URL.to_owned()));
    }
    let project = Project::open(&global, output, None)?;
    for dir in &project.settings.dirs {
        if !dir.exists() {
            let failed = |source| Error::File {
                path: dir.display().to_string(),
                source,
            };
            std::fs::create_dir_all(dir).map_err(failed)?;
            output.say(&format!("made the folder {}", dir.display()));
        }
    }
    let created = project.migrator.init().await?;
    output.say(&format!(
        "{} the history tables in {}",
        if created { "created" } else { "found" },
        project.migrator.display()
    ));
    output.result(&json!({
        "settings_written": write_file,
        "history_created": created,
        "database": project.migrator.display(),
    }));
    Ok(exit::OK)
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |source| Error::File {
        path: path.display().to_string(),
        source,
    };
    let mut file = std::fs::File::create_new(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)
}
