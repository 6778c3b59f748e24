//! `init`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use whimbrel::{Error, supabase_project};

use super::Project;
use crate::cli::Global;
use crate::config::{DEFAULT_DIR, DEFAULT_URL, Environment, FILE_NAME, TEMPLATE};
use crate::exit;
use crate::render::Output;

pub(super) async fn run(global: &Global, output: &Arc<Output>) -> Result<u8, Error> {
    let root = global.folder.clone().unwrap_or_else(|| ".".into());
    let environment = Environment::load(&root)?;
    let named = || environment.get("WHIMBREL_CONFIG").map(PathBuf::from);
    let named = global.config.clone().or_else(named);
    let path = root.join(named.unwrap_or_else(|| FILE_NAME.into()));
    let write_file = !path.exists();
    let mut global = global.clone();
    if write_file {
        let start = Start::of(&root)?;
        let variable = environment.url().map(|(name, _)| format!("${{{name}}}"));
        // A password stays where it is: only a URL without one goes into the file.
        let url = match (global.url.as_deref(), &variable) {
            (Some(url), _) if url.contains('@') => "${DATABASE_URL}",
            (Some(url), _) => url,
            (None, Some(variable)) => variable,
            (None, None) => &start.url,
        };
        let text = TEMPLATE.replace("@URL@", url).replace("@DIR@", start.dir);
        write(&path, &text)?;
        output.say(&format!("wrote {}", path.display()));
        // What was just written may name a variable that is not set yet; the flag decides here.
        if variable.is_none() {
            global.url = global.url.or(Some(start.url));
        }
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

/// What the file begins with where no flag says.
struct Start {
    url: String,
    dir: &'static str,
}

impl Start {
    /// In a project of Supabase's its own places; everybody knows the local database's password.
    fn of(root: &Path) -> Result<Self, Error> {
        let project = supabase_project::find(root);
        let Some(path) = project.filter(|_| !root.join(DEFAULT_DIR).exists()) else {
            return Ok(Self {
                url: DEFAULT_URL.to_owned(),
                dir: DEFAULT_DIR,
            });
        };
        let local = supabase_project::local_url(&path, |name| std::env::var(name).ok())?;
        let login = format!("postgres:{}@", supabase_project::LOCAL_PASSWORD);
        Ok(Self {
            url: local.replacen("postgres@", &login, 1),
            dir: supabase_project::MIGRATIONS,
        })
    }
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |source| Error::File {
        path: path.display().to_string(),
        source,
    };
    let mut file = std::fs::File::create_new(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)
}
