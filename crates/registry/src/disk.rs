//! Small files that somebody else wrote.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// All of a file that is not longer than `most` bytes.
///
/// # Errors
/// As the system reports them, and when it is longer or no plain file.
pub(crate) fn read_small(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Looked at first: opening a pipe would wait for whoever writes into it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    read_open(&File::open(path)?, most)
}

/// All of an open file that is not longer than `most` bytes.
///
/// # Errors
/// See [`read_small`].
pub(crate) fn read_open(file: &File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it is longer than {most} bytes")));
    }
    Ok(bytes)
}
