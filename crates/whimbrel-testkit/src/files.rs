//! A folder of files.

use std::path::{Path, PathBuf};

/// A folder that is gone with this value.
#[derive(Debug)]
pub struct Files(tempfile::TempDir);

impl Default for Files {
    fn default() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }
}

impl Files {
    /// A folder with these files, by name and text.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self::default();
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The place of a file, which need not be there.
    pub fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, and the folders on the way to it.
    ///
    /// # Panics
    /// Something else is there.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.at(name);
        let folder = path.parent().expect("it is in ours");
        std::fs::create_dir_all(folder).expect("a folder of our own");
        std::fs::write(path, text).expect("a folder of our own");
    }
}
