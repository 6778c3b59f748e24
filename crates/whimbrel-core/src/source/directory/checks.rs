//! What a folder's layout can't be asked for, and what is no folder of migrations.

use std::collections::BTreeMap;

use super::super::Loaded;
use super::super::layout::{Entry, Layout, Listing};
use super::super::native::about_file;
use crate::diagnostic::Diagnostic;
use crate::error::Error;

/// A layout takes its own tool's options alone.
pub(super) fn check_options(
    options: &BTreeMap<String, String>,
    layout: &dyn Layout,
) -> Result<(), Error> {
    let known = layout.options();
    let mut names = options.keys();
    match names.find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Error::Settings(format!(
            "the layout {} has no option `{name}`; it has {}",
            layout.name(),
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        ))),
    }
}

/// Files of which the named layout takes none are another tool's: nothing to do would be said of
/// a database that lacks them all.
pub(super) fn refuse_strays_alone(
    folder: &str,
    layout: &dyn Layout,
    listing: &Listing,
    loaded: &Loaded,
) -> Result<(), Error> {
    let nothing = loaded.migrations.is_empty() && loaded.hooks.is_empty();
    let Some(first) = listing.entries.first().filter(|_| nothing) else {
        return Ok(());
    };
    let message = format!(
        "no file in {folder} is a migration of the layout {}",
        layout.name()
    );
    let error = about_file(Diagnostic::error("other-layout", message), &first.path);
    let error = match loaded.warnings.first() {
        Some(why) => error.note(why.message.clone()),
        None => error,
    };
    Err(Error::refused(error.help(
        "name the layout that the files have by `--layout`, or none: then it is found out",
    )))
}

/// A file may be named in the place of a folder, if it is one that some layout reads.
pub(super) fn refuse_other_file(listing: &Listing) -> Result<(), Error> {
    let other = |entry: &&Entry| listing.roots.contains(&entry.path);
    match listing.others.iter().find(other) {
        None => Ok(()),
        Some(entry) => Err(Error::refused(
            Diagnostic::error(
                "not-a-folder",
                format!(
                    "{} is a file, and not one with migrations",
                    entry.path.display()
                ),
            )
            .help("`--dir`, or `dir` in whimbrel.toml, names the folder with the migrations"),
        )),
    }
}
