//! Where the paths in a changelog lead to.

use std::path::{Component, Path, PathBuf};

use whimbrel_core::Error;

use super::includes::Include;

/// Where a path in a changelog leads to.
pub(super) fn find(changelog: &Path, path: &str, relative: bool) -> Option<PathBuf> {
    let folder = changelog.parent()?;
    let path = plain(path);
    if relative {
        let path = clean(&folder.join(path));
        return path.exists().then_some(path);
    }
    let mut above = folder.ancestors().map(|place| place.join(&path));
    above.find(|path| path.exists())
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
    list.retain(|file| file.to_string_lossy().ends_with(&include.ending));
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
