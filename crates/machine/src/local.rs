//! Files of the machine that this program runs on, whichever it is.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use deploy_spec::{Digest, Fault};
use sha2::{Digest as _, Sha256};

/// Why something could not be done to `path`.
pub(crate) fn failed(doing: &str, path: &Path) -> impl Fn(io::Error) -> Fault {
    let what = format!("{doing} `{}`", path.display());
    move |error| Fault::unavailable(format!("{what} failed: {error}"))
}

/// Whether it failed because there is nothing.
pub(crate) fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Why this machine is none that can be brought to what is described.
pub(crate) fn no_systemd() -> Fault {
    let hint = "gtc single-vm bootstrap does it on another machine";
    let serves = if cfg!(windows) { "" } else { "; gtc start serves on this one" };
    Fault::refused(
        "gtc single-vm is for a Linux machine with systemd, and systemd does not run here",
    )
    .hint(format!("{hint}{serves}"))
}

/// The digest of a file.
pub(crate) fn digest(path: &Path) -> Result<Digest, Fault> {
    let mut file = open(path)?;
    copy(&mut file, &mut io::sink()).map_err(failed("reading", path))
}

pub(crate) fn open(path: &Path) -> Result<File, Fault> {
    File::open(path).map_err(|error| match is_nothing(&error) {
        true => Fault::not_found(format!("there is no `{}`", path.display())),
        false => failed("opening", path)(error),
    })
}

/// Copies, and gives the digest of what was copied.
pub(crate) fn copy(from: &mut File, to: &mut impl io::Write) -> io::Result<Digest> {
    let (mut hash, mut buffer) = (Sha256::new(), vec![0_u8; 128 * 1024]);
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(Digest::from_hash(hash.finalize().into()));
        }
        hash.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
    }
}

/// A bundle, by its digest; it must be a SquashFS, because it is mounted.
pub(crate) fn bundle(path: &Path) -> Result<Digest, Fault> {
    let found = digest(path)?;
    let mut begins = [0_u8; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut begins));
    // The magic number of SquashFS 4, little-endian.
    if read.is_ok() && begins == *b"hsqs" {
        return Ok(found);
    }
    Err(Fault::invalid(format!("`{}` is no SquashFS, and cannot be mounted", path.display()))
        .at("/spec/bundle/source")
        .hint("gtc bundle build FOLDER makes one"))
}
