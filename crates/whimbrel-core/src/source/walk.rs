//! What is in a folder: names and links, before they are files of a layout.

use std::fs::FileType;
use std::path::Path;

use super::native::about_file;
use crate::diagnostic::Diagnostic;
use crate::error::Error;

/// The kind of what a symbolic link leads to.
pub(super) fn behind_link(path: &Path) -> Result<FileType, Error> {
    std::fs::metadata(path)
        .map(|data| data.file_type())
        .map_err(|error| {
            let message = match std::fs::read_link(path) {
                Ok(to) => format!("this link leads to {}: {error}", to.display()),
                Err(_) => format!("this link can't be followed: {error}"),
            };
            let broken = Diagnostic::error("broken-link", message)
                .help("put the file there, or remove the link");
            Error::refused(about_file(broken, path))
        })
}

/// True for a link in a folder to that folder or one around it: its files are listed already, and
/// the link would be in them again.
pub(super) fn leads_back(link: &Path, folder: &Path) -> bool {
    let full = (link.canonicalize(), folder.canonicalize());
    matches!(full, (Ok(link), Ok(folder)) if folder.starts_with(&link))
}

/// Names that are no UTF-8 can't be versions; what may be a migration must not be passed over.
pub(super) fn refuse_unreadable(
    folder: &Path,
    names: &[Named],
    wanted: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let may_be = names
        .iter()
        .filter(|item| !is_hidden(&item.name) && (item.kind.is_dir() || wanted(&item.name)));
    let errors: Vec<_> = may_be
        .map(|item| {
            let error = Diagnostic::error("name-not-utf8", "the file's name is not UTF-8");
            about_file(error, &folder.join(&item.name)).help("rename it, in UTF-8")
        })
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(errors))
    }
}

/// A name in a folder.
pub(super) struct Named {
    /// Its first bytes as a number, in the order of the names: ten thousand names are compared by it
    /// several times quicker than by the texts.
    start: u128,
    pub(super) name: String,
    pub(super) kind: FileType,
}

impl Named {
    fn new(name: String, kind: FileType) -> Self {
        let mut bytes = [0; 16];
        let length = name.len().min(16);
        bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
        let start = u128::from_be_bytes(bytes);
        Self { start, name, kind }
    }
}

/// So much is set aside for a long list. What of it is never written to costs nothing, and growing
/// step by step would write all of it several times.
const LONG: usize = 16 * 1024;

/// What is in a folder, by name, and apart from it what has a name that is no UTF-8.
pub(super) fn sorted(folder: &Path) -> std::io::Result<(Vec<Named>, Vec<Named>)> {
    let (mut list, mut unreadable) = (Vec::with_capacity(LONG), Vec::new());
    for item in std::fs::read_dir(folder)? {
        let item = item?;
        match item.file_name().into_string() {
            Ok(name) if is_hidden(&name) => {}
            Ok(name) => list.push(Named::new(name, item.file_type()?)),
            Err(name) => {
                let shown = name.to_string_lossy().into_owned();
                unreadable.push(Named::new(shown, item.file_type()?));
            }
        }
    }
    list.sort_unstable_by(|a, b| (a.start, &a.name).cmp(&(b.start, &b.name)));
    Ok((list, unreadable))
}

/// Editors' and systems' own files.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name.starts_with('#') || name.ends_with('~')
}

#[cfg(all(test, unix))]
mod tests {
    use whimbrel_sql::Dialect;

    use crate::source::Directory;

    #[test]
    fn nothing_is_passed_over_for_its_name_alone() {
        use std::os::unix::ffi::OsStrExt;
        let root = tempfile::tempdir().unwrap();
        let add = |name: &[u8]| {
            let path = root.path().join(std::ffi::OsStr::from_bytes(name));
            std::fs::write(path, "").unwrap();
        };
        let list = || {
            let listing = Directory::new(root.path()).list(Dialect::Postgres);
            listing.map(|listing| listing.entries.len())
        };
        add(b"1_a.sql");
        add(b"caf\xe9.txt");
        add(b".caf\xe9.sql");
        assert_eq!(list().unwrap(), 1);
        add(b"2_caf\xe9.sql");
        let error = list().unwrap_err().to_string();
        assert!(
            error.ends_with("2_caf\u{fffd}.sql:1:1: the file's name is not UTF-8"),
            "{error}"
        );
    }

    #[test]
    fn links_are_followed_but_not_in_circles() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let list = || Directory::new(root.path()).list(Dialect::Postgres);
        std::fs::create_dir(root.path().join("v1")).unwrap();
        std::fs::write(root.path().join("v1/1_a.sql"), "").unwrap();
        symlink(".", root.path().join("here")).unwrap();
        symlink("..", root.path().join("v1/up")).unwrap();
        symlink("1_a.sql", root.path().join("v1/2_b.sql")).unwrap();
        assert_eq!(list().unwrap().entries.len(), 2);
        symlink("gone.sql", root.path().join("3_c.sql")).unwrap();
        let error = list().unwrap_err().to_string();
        assert!(
            error.contains("3_c.sql:1:1: this link leads to gone.sql: "),
            "{error}"
        );
    }
}
