//! Where the paths in a changelog lead to.

use std::path::{Component, Path, PathBuf};

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;

use super::includes::Include;

/// Where a path in a changelog leads to.
pub(super) fn find(changelog: &Path, path: &str, relative: bool) -> Option<PathBuf> {
    places(changelog, path, relative).into_iter().next()
}

/// Where Liquibase could find it: from which folder it looks is said when it is started.
fn places(changelog: &Path, path: &str, relative: bool) -> Vec<PathBuf> {
    let Some(folder) = changelog.parent() else {
        return Vec::new();
    };
    let path = plain(path);
    let all: Vec<_> = if relative {
        vec![clean(&folder.join(path))]
    } else {
        let above = folder.ancestors();
        above.map(|place| place.join(&path)).collect()
    };
    all.into_iter().filter(|path| path.exists()).collect()
}

/// The error where a path leads to nothing, or to several places.
pub(super) fn problem(changelog: &Path, path: &str, relative: bool) -> Option<Diagnostic> {
    match places(changelog, path, relative).as_slice() {
        [] => {
            let message = format!("the changelog names {path}, which is not there");
            let help = "it is looked for in the changelog's folder and in those above it";
            Some(Diagnostic::error("liquibase-include", message).help(help))
        }
        [_] => None,
        [first, .., last] => {
            let message = format!(
                "{path} may be {} or {}: which of them depends on where Liquibase is started",
                first.display(),
                last.display()
            );
            let help = "write the path from the changelog's folder, with relativeToChangelogFile and the old logicalFilePath";
            Some(Diagnostic::error("liquibase-include", message).help(help))
        }
    }
}

/// Without what says where in the program's resources it is.
pub(super) fn plain(path: &str) -> String {
    let path = path.replace('\\', "/");
    let path = path
        .trim_start_matches("classpath*:")
        .trim_start_matches("classpath:");
    path.trim_start_matches("./")
        .trim_start_matches('/')
        .to_owned()
}

/// The file itself, or what is in the folder, in the order of the paths as texts.
pub(super) fn files(path: &Path, include: &Include) -> Result<Vec<PathBuf>, Error> {
    if !include.is_folder {
        return Ok(vec![resolved(path)]);
    }
    let mut list = Vec::new();
    gather(path, &mut list).map_err(|source| Error::File {
        path: path.display().to_string(),
        source,
    })?;
    let depth = |file: &Path| {
        let below = file.strip_prefix(path).unwrap_or(file);
        below.components().count()
    };
    list.retain(|file| {
        let ends = file.to_string_lossy().ends_with(&include.ending);
        ends && include.depths.contains(&depth(file))
    });
    list.sort_by_cached_key(|file| file.to_string_lossy().into_owned());
    Ok(list.iter().map(|file| resolved(file)).collect())
}

/// Hidden files and folders as well, as Liquibase does.
fn gather(folder: &Path, out: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for item in std::fs::read_dir(folder)? {
        let path = item?.path();
        if path.is_dir() {
            gather(&path, out)?;
        } else {
            out.push(path);
        }
    }
    Ok(())
}

pub(super) fn extension(path: &Path) -> String {
    let extension = path.extension().unwrap_or_default();
    extension.to_string_lossy().to_ascii_lowercase()
}

pub(super) fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Takes `..` out of a path.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}
