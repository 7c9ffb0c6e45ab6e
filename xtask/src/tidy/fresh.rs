//! Generated files are what their generators make now.

use super::finding::Finding;
use crate::generate;
use crate::house::File;

/// The generated files that are stale.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let stale = generate::stale_files(files).into_iter();
    stale.map(|file| Finding::file(file.path, format!("{}; `cargo xtask gen`", file.why))).collect()
}
