//! `repair` and `unlock`: what only a person can say.

use std::io::BufRead;
use std::io::IsTerminal;
use std::sync::Arc;

use whimbrel::Error;
use whimbrel::runner::Verdict;

use super::Project;
use crate::cli::{Global, Repair};
use crate::exit;
use crate::render::Output;

pub(super) async fn run(
    global: &Global,
    output: &Arc<Output>,
    arguments: &Repair,
) -> Result<u8, Error> {
    let project = Project::open(global, output, None)?;
    let said = [
        (arguments.done, Verdict::Done),
        (arguments.again, Verdict::Again),
        (arguments.restart, Verdict::Restart),
    ];
    let verdict = said.into_iter().find(|(said, _)| *said);
    let verdict = verdict.map(|(_, verdict)| verdict);
    match (&arguments.migration, verdict) {
        (Some(version), _) if arguments.accept => {
            output.accepted(&project.migrator.accept(version).await?);
        }
        (Some(version), Some(verdict)) => {
            let statement = project.migrator.repair(version, verdict).await?;
            output.repaired(&statement);
        }
        (Some(version), None) => {
            return Err(Error::Settings(format!(
                "say what became of the statement: `whimbrel repair {version} --done` or `whimbrel repair {version} --again`; or, if all that the migration did was taken back by hand, `--restart`"
            )));
        }
        (None, _) => output.open_statements(&project.migrator.open_statements().await?),
    }
    Ok(exit::OK)
}

pub(super) async fn unlock(global: &Global, output: &Arc<Output>) -> Result<u8, Error> {
    let project = Project::open(global, output, None)?;
    let Some(holder) = project.migrator.holder().await? else {
        output.unlocked(None);
        return Ok(exit::OK);
    };
    if !global.yes && !confirmed(&format!("{holder} holds the lock. Free it? (yes/no) "))? {
        return Err(Error::Cancelled);
    }
    output.unlocked(project.migrator.unlock().await?.as_ref());
    Ok(exit::OK)
}

fn confirmed(question: &str) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::Settings(format!(
            "`unlock` asks for a confirmation, but there is no terminal: say --yes\n{}",
            question.trim_end_matches(" Free it? (yes/no) ")
        )));
    }
    Output::prompt(question);
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|source| Error::File {
        path: "standard input".to_owned(),
        source,
    })?;
    Ok(matches!(line.trim(), "yes" | "y"))
}
