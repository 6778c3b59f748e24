//! Rollbacks that were written for Whimbrel into files of tools which know none.

use std::sync::Arc;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::migration::Reading;
use whimbrel_core::text::SourceFile;
use whimbrel_sql::{Dialect, Lexer};

/// Warns of a rollback that is not commented out: the tool itself would run it with the rest.
pub(super) fn warn_of_plain(
    file: &Arc<SourceFile>,
    reading: &Reading,
    dialect: Dialect,
) -> Option<Diagnostic> {
    reading.down.as_ref()?;
    // A section ends the up script; a rollback on one line leaves it whole.
    let start = reading.up.text().len();
    let below = file.text().get(start..)?;
    let token = Lexer::new(below, dialect).find(|token| !token.kind.is_trivia())?;
    let at = start + token.span.start..start + token.span.end;
    let message = "this rollback is not commented out: the files' own tool would run it as a part of the migration";
    Some(
        Diagnostic::warning("plain-rollback", message)
            .at(file, at, "")
            .help("comment its lines out: Whimbrel reads them all the same"),
    )
}
