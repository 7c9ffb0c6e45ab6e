//! A temporary folder that goes away, whatever happens.

use std::path::Path;

use tempfile::TempDir;

/// A temporary folder.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// A new folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self, String> {
        Self::new_in(&std::env::temp_dir())
    }

    /// A new folder in another.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new_in(parent: &Path) -> Result<Self, String> {
        let made = tempfile::Builder::new().prefix("gtc-").tempdir_in(parent);
        made.map(Self).map_err(|error| format!("a folder in `{}`: {error}", parent.display()))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
