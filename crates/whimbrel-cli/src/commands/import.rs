//! `import`.

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
    let report = if arguments.dry_run {
        project.migrator.plan_import(&histories).await?
    } else {
        project.migrator.import(&histories).await?
    };
    output.takeover(&report);
    Ok(exit::OK)
}
