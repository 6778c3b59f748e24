//! From a migration's script to the one that runs: placeholders, then statements and units.

use super::prepare::{Prepared, prepare};
use super::{PlanInput, PlanOptions, placeholder};
use crate::diagnostic::Diagnostic;
use crate::directive::Directives;
use crate::text::Script;

/// Puts placeholders in, splits the script and decides how it runs.
pub(super) fn compose(
    input: PlanInput<'_>,
    script: &Script,
    directives: &Directives,
) -> Result<Prepared, Vec<Diagnostic>> {
    let script = placeholder::resolve(input.options, &directives.rules.placeholders, script)?;
    let options = PlanOptions {
        // They are in their places now; what the values hold is not looked at again.
        placeholders: None,
        ..input.options.clone()
    };
    let input = PlanInput {
        options: &options,
        ..input
    };
    prepare(input, &script, directives)
}
