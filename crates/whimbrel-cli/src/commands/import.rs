//! `import`.

use std::path::PathBuf;
use std::sync::Arc;

use whimbrel::Error;

use super::{Project, histories};
use crate::cli::{Global, Import};
use crate::exit;
use crate::render::Output;

pub(super) async fn run(
    global: &Global,
    output: &Arc<Output>,
    arguments: &Import,
) -> Result<u8, Error> {
    let project = Project::open(global, output, None)?;
    let mut histories = histories(&project.settings);
    if let Some(tool) = &arguments.from {
        histories = histories.from(tool)?;
    }
    if let Some(table) = &arguments.history_table {
        histories = histories.table(table);
    }
    let mut scripts = Vec::new();
    for path in &arguments.shadow_sql {
        let path = global
            .folder
            .iter()
            .fold(path.clone(), |path, root| root.join(path));
        let text = std::fs::read_to_string(&path).map_err(|source| Error::File {
            path: path.display().to_string(),
            source,
        })?;
        scripts.push(text);
    }
    let project = Project::open_with(global, output, None, |settings| {
        settings.placeholders.extend(arguments.placeholder.clone());
        settings.shadow_url.clone_from(&arguments.shadow_url);
        settings.shadow_sql = scripts;
    })?;
    let migrator = &project.migrator;
    if arguments.convert {
        let to = to(&project, arguments);
        let report = if arguments.dry_run {
            migrator.plan_convert(&histories, to).await?
        } else {
            migrator.convert(&histories, to).await?
        };
        output.conversion(&report);
        return Ok(exit::OK);
    }
    let report = if arguments.dry_run {
        migrator.plan_import(&histories).await?
    } else {
        migrator.import(&histories).await?
    };
    output.takeover(&report);
    Ok(exit::OK)
}

/// Beside the folder that is converted.
fn to(project: &Project, arguments: &Import) -> PathBuf {
    if let Some(to) = &arguments.to {
        return if to.is_absolute() || project.settings.root.as_os_str() == "." {
            to.clone()
        } else {
            project.settings.root.join(to)
        };
    }
    let dir = project.settings.dirs.first().cloned().unwrap_or_default();
    let name = dir.file_stem().unwrap_or_default().to_string_lossy();
    let name = match name.as_ref() {
        "" | "." => "migrations".into(),
        _ => name,
    };
    dir.with_file_name(format!("{name}-whimbrel"))
}
