//! The new folder.

use std::path::{Path, PathBuf};

use crate::convert::Conversion;
use crate::diagnostic::Diagnostic;
use crate::error::Error;

/// Where the files go: a folder that is not there, or empty, or that has them already.
pub(super) struct Folder {
    path: PathBuf,
    is_done: bool,
}

impl Folder {
    pub(super) fn of(path: &Path, conversion: &Conversion) -> Result<Self, Error> {
        let mut folder = Self {
            path: path.to_owned(),
            is_done: false,
        };
        let Ok(list) = std::fs::read_dir(path) else {
            if path.exists() {
                return Err(in_the_way(path));
            }
            return Ok(folder);
        };
        let there = list.count();
        if there == 0 {
            return Ok(folder);
        }
        // Run again after it was written, it goes on with what comes after.
        let same = |(name, text): &(String, String)| {
            std::fs::read_to_string(path.join(name)).is_ok_and(|found| found == *text)
        };
        folder.is_done = there == conversion.files.len() && conversion.files.iter().all(same);
        if folder.is_done {
            Ok(folder)
        } else {
            Err(in_the_way(path))
        }
    }

    /// All files or none: they are written beside it, and get their place in one step.
    pub(super) fn write(&self, conversion: &Conversion) -> Result<(), Error> {
        if self.is_done {
            return Ok(());
        }
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", std::process::id()));
        let part = self.path.with_file_name(name);
        let written = self.fill(&part, conversion);
        if written.is_err() {
            // What failed is told; this is only to leave nothing behind.
            let _ = std::fs::remove_dir_all(&part);
        }
        written.map_err(|source| Error::File {
            path: self.path.display().to_string(),
            source,
        })
    }

    fn fill(&self, part: &Path, conversion: &Conversion) -> std::io::Result<()> {
        std::fs::create_dir_all(part)?;
        for (name, text) in &conversion.files {
            std::fs::write(part.join(name), text)?;
        }
        if self.path.is_dir() {
            std::fs::remove_dir(&self.path)?;
        }
        std::fs::rename(part, &self.path)
    }
}

fn in_the_way(path: &Path) -> Error {
    Error::refused(
        Diagnostic::error(
            "folder-not-empty",
            format!("{} is there already and has other files", path.display()),
        )
        .help("`--to DIR` names a new folder; nothing that exists is overwritten"),
    )
}
