//! Every Rust file begins by saying what it is for.

use super::finding::Finding;
use crate::house::File;

/// The files that begin with something else.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let silent = files.iter().filter(|file| file.is_rust() && !file.text.starts_with("//!"));
    silent
        .map(|file| Finding::file(&file.path, "does not begin with `//!`: what is it for?"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::finding::file;
    use super::*;

    #[test]
    fn a_file_says_what_it_is_for() {
        assert!(check(&[file("a.rs", "//! The first letter.\n"), file("a.md", "text")]).is_empty());
        assert_eq!(check(&[file("a.rs", "fn main() {}\n")]).len(), 1);
        assert_eq!(check(&[file("a.rs", "")]).len(), 1);
    }
}
