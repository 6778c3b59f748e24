//! `import --convert`: native files, tried on shadows before they are written.

mod proof;
mod report;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::report::{ConversionReport, Proof};

use super::{Runner, Session};
use crate::convert::{Conversion, convert};
use crate::diagnostic::Diagnostic;
use crate::driver::Connect;
use crate::error::Error;
use crate::event::Event;
use crate::history::AttemptState;
use crate::plan::PlanInput;
use crate::source::{Embedded, Source};
use crate::takeover::ForeignHistories;

/// What a conversion is told.
pub struct ConvertOptions<'a> {
    /// The new folder.
    pub to: PathBuf,
    /// Another tool's history was named, so it must be there.
    pub must_have_history: bool,
    /// Try it, and write nothing.
    pub dry_run: bool,
    /// The database beside which the shadows are made; the given one if none.
    pub shadow: Option<&'a dyn Connect>,
    /// Scripts that make in each shadow what the first migration counts on.
    pub shadow_sql: &'a [String],
}

impl Runner<'_> {
    /// Makes native files of the migrations in a new folder. Before that it applies both to an empty
    /// database of their own and compares the schemas, and undoes both as far as they can be undone
    /// and compares again. Records here go on to be valid with the new files: they get the new
    /// versions in the same step, and another tool's history is taken over.
    ///
    /// # Errors
    /// Something that native files have no word for, or schemas that differ: then nothing is written.
    pub async fn convert(
        &self,
        histories: &dyn ForeignHistories,
        options: &ConvertOptions<'_>,
    ) -> Result<ConversionReport, Error> {
        let mut session = self.open().await?;
        let result = self.convert_in(&mut session, histories, options).await;
        let closed = session.driver.close().await;
        let report = result?;
        closed?;
        Ok(report)
    }

    async fn convert_in(
        &self,
        session: &mut Session,
        histories: &dyn ForeignHistories,
        options: &ConvertOptions<'_>,
    ) -> Result<ConversionReport, Error> {
        refuse_unfinished(session)?;
        let (refused, lost): (Vec<_>, Vec<_>) =
            session.lost.drain(..).partition(Diagnostic::is_error);
        for warning in &lost {
            self.listener.event(&Event::Diagnostic(warning));
        }
        let converted = convert(PlanInput {
            migrations: &session.migrations,
            hooks: &session.hooks,
            history: &session.history,
            kept: &std::collections::HashMap::default(),
            dialect: session.driver.dialect(),
            capabilities: session.driver.server().capabilities,
            options: &self.options.plan,
        });
        let conversion = match converted {
            Err(Error::Refused(more)) => Err(Error::Refused([refused, more].concat())),
            Ok(_) if !refused.is_empty() => Err(Error::Refused(refused)),
            converted => converted,
        }?;
        let folder = write::Folder::of(&options.to, &conversion)?;
        let proof = self.prove(session, &conversion, options).await?;
        // From here on it is about the new files.
        session.migrations = self.new_files(session, &conversion, &options.to)?;
        let origin = Self::converted_origin(session, histories, options).await?;
        if !options.dry_run {
            folder.write(&conversion)?;
        }
        let history = match &origin {
            Some(origin) => Some(self.take_over_in(session, origin, options.dry_run).await?),
            None => None,
        };
        Ok(ConversionReport {
            folder: options.to.display().to_string(),
            files: conversion.files.len(),
            migrations: conversion.moves,
            written: !options.dry_run,
            proof,
            history,
        })
    }

    fn new_files(
        &self,
        session: &Session,
        conversion: &Conversion,
        to: &Path,
    ) -> Result<Vec<crate::migration::Migration>, Error> {
        let files = conversion.files.iter().map(|(name, text)| {
            let path = to.join(name).display().to_string();
            (path, text.clone())
        });
        let source = source_of(session);
        let loaded = Embedded::new(files)
            .source(&source)
            .load(self.connect.dialect())?;
        Ok(loaded.migrations)
    }
}

/// The namespace of the migrations; a conversion takes only one.
fn source_of(session: &Session) -> Arc<str> {
    session.migrations.first().map_or_else(
        || crate::source::DEFAULT_SOURCE.into(),
        |migration| Arc::clone(&migration.source),
    )
}

/// What is half done goes on statement by statement, in the file that it was begun with.
fn refuse_unfinished(session: &Session) -> Result<(), Error> {
    if session.migrations.is_empty() {
        return Err(Error::refused(
            Diagnostic::error("nothing-to-convert", "there are no migrations to convert")
                .help("`--dir` names their folder"),
        ));
    }
    let open = |state| matches!(state, AttemptState::Started | AttemptState::Failed);
    let mut attempts = session.history.attempts.iter();
    match attempts.find(|attempt| attempt.journalled && open(attempt.state)) {
        None => Ok(()),
        Some(attempt) => Err(Error::refused(
            Diagnostic::error(
                "unfinished",
                format!("{} is half done in this database", attempt.version),
            )
            .help("finish it with `whimbrel up` (or `down`) first, and convert then"),
        )),
    }
}
