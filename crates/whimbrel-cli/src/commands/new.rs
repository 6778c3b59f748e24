//! `new`.

mod version;

use std::sync::Arc;

use serde_json::json;
use whimbrel::Error;
use whimbrel::import::{layout_by_name, layouts};
use whimbrel::source::{Blank, Layout, Listing, NATIVE_LAYOUTS, detect};
use whimbrel::sql::Dialect;

use self::version::next;
use super::init::write;
use super::{directory, migrator};
use crate::cli::{Global, New};
use crate::config::Settings;
use crate::exit;
use crate::render::Output;

pub(super) fn run(global: &Global, output: &Arc<Output>, arguments: &New) -> Result<u8, Error> {
    let (settings, environment) = Settings::load(global)?;
    let name = slug(&arguments.name)?;
    let folder = settings.dirs.first().cloned().unwrap_or_default();
    let failed = |source| Error::File {
        path: folder.display().to_string(),
        source,
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    // A file can be written before its database can be named.
    let dialect = migrator(&settings, &environment, output, None)
        .map_or(Dialect::Postgres, |migrator| migrator.dialect());
    let listing = directory(&settings)?.list(dialect)?;
    let extension = settings.extensions.first().map_or("sql", String::as_str);
    let words: Vec<_> = arguments.name.split([' ', '_', '\n', '\r', '\t']).collect();
    let description = words.join(" ");
    let header = format!("-- Description: {description}\n\n");
    let rollback = "\n\n-- Rollback\n-- \n";
    let foreign = foreign(&settings, &listing)?;
    let native = foreign.is_none();
    let files = if let Some(layout) = foreign {
        blank(layout, &listing, &name, arguments)?
    } else if arguments.repeatable {
        vec![(
            format!("R__{name}.{extension}"),
            format!("{header}{rollback}"),
        )]
    } else {
        let next = next(&listing, jiff::Timestamp::now());
        let stem = format!("{}{}{name}", next.version, next.separator);
        if arguments.pair {
            vec![
                (format!("{stem}.up.{extension}"), header),
                (format!("{stem}.down.{extension}"), String::new()),
            ]
        } else {
            vec![(format!("{stem}.{extension}"), format!("{header}{rollback}"))]
        }
    };
    let mut written = Vec::new();
    let beside = if native { folder_of_all(&listing) } else { "" };
    for (file, text) in files {
        let path = folder.join(beside).join(file);
        if let Some(inside) = path.parent() {
            std::fs::create_dir_all(inside).map_err(failed)?;
        }
        write(&path, &text)?;
        output.print(&path.display().to_string());
        written.push(path.display().to_string());
    }
    output.result(&json!({ "files": written }));
    Ok(exit::OK)
}

/// The folder inside the first root that all its files are in, such as the database's own.
fn folder_of_all(listing: &Listing) -> &str {
    let mut folders = listing
        .entries
        .iter()
        .filter(|entry| entry.root == 0)
        .map(|entry| entry.folder.as_str());
    let first = folders.next().unwrap_or_default();
    if folders.all(|folder| folder == first) {
        first
    } else {
        ""
    }
}

/// The folder's layout, if it is another tool's.
fn foreign(settings: &Settings, listing: &Listing) -> Result<Option<&'static dyn Layout>, Error> {
    let layout = match &settings.layout {
        Some(name) => layout_by_name(name)?,
        None if listing.entries.is_empty() && listing.others.is_empty() => return Ok(None),
        None => detect(&layouts(), listing, "the folder")?.0,
    };
    let own = NATIVE_LAYOUTS.iter().any(|own| own.name() == layout.name());
    Ok((!own).then_some(layout))
}

/// The files of another tool's new migration.
fn blank(
    layout: &dyn Layout,
    listing: &Listing,
    name: &str,
    arguments: &New,
) -> Result<Vec<Blank>, Error> {
    let tool = layout.name();
    if arguments.repeatable || arguments.pair {
        return Err(Error::Settings(format!(
            "these are files of {tool}: --pair and --repeatable are for native ones"
        )));
    }
    let next = next(listing, jiff::Timestamp::now());
    let files = layout.blank(listing, &next.version, name);
    files.ok_or_else(|| {
        Error::Settings(format!(
            "Whimbrel can't write a new migration of {tool}: {}",
            layout.without_blank()
        ))
    })
}

/// A name that is a good part of a file's name.
fn slug(name: &str) -> Result<String, Error> {
    let text: String = name
        .trim()
        .chars()
        .map(|c| {
            if c.is_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    let words: Vec<_> = text.split('_').filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return Err(Error::Settings(
            "the name must have letters or digits".to_owned(),
        ));
    }
    Ok(words.join("_"))
}
