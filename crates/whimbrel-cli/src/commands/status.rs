//! `status`.

use std::sync::Arc;

use whimbrel::Error;

use super::Project;
use crate::cli::{Global, Status};
use crate::exit;
use crate::render::Output;

pub(super) async fn run(
    global: &Global,
    output: &Arc<Output>,
    arguments: &Status,
) -> Result<u8, Error> {
    let project = Project::open(global, output, None)?;
    let status = project.migrator.status().await?;
    output.status(&status);
    let behind = status.totals.pending > 0 || status.totals.outdated > 0;
    Ok(if arguments.check && behind {
        exit::PENDING
    } else {
        exit::OK
    })
}
