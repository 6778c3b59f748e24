//! `baseline`.

use std::sync::Arc;

use whimbrel::Error;

use super::Project;
use crate::cli::{Baseline, Global};
use crate::exit;
use crate::render::Output;

pub(super) async fn run(
    global: &Global,
    output: &Arc<Output>,
    arguments: &Baseline,
) -> Result<u8, Error> {
    let project = Project::open(global, output, None)?;
    let version = &arguments.at;
    let report = if arguments.dry_run {
        project.migrator.plan_baseline(version).await?
    } else {
        project.migrator.baseline(version).await?
    };
    output.takeover(&report);
    Ok(exit::OK)
}
