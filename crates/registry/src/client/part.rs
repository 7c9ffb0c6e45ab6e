//! A download in progress: a file that grows, and the hash of what it holds. All of it blocks.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use deploy_spec::Digest;
use sha2::{Digest as _, Sha256};

use crate::folder::{Draft, Folder};

const BUFFER: usize = 256 << 10;

pub(super) struct Part {
    draft: Draft,
    hash: Sha256,
    pub(super) length: u64,
}

/// What is there before anything is fetched.
pub(super) enum Begin {
    /// The whole file, under its final name.
    Whole,
    /// A part, which may be empty.
    Part(Part),
}

impl Begin {
    /// Looks for what an earlier attempt left.
    pub(super) fn look(
        folder: &Folder,
        name: &str,
        digest: &Digest,
        size: u64,
    ) -> io::Result<Self> {
        // Whatever else has the name is replaced at the end.
        if let Ok(Some(file)) = folder.read(name)
            && file.metadata()?.len() == size
            && hashed(&file)?.0.finalize_digest() == *digest
        {
            return Ok(Self::Whole);
        }
        let draft = folder.draft(&format!(".{}.part", digest.hex()))?;
        let (Hashing(hash), length) = hashed(&draft.file)?;
        let mut part = Part { draft, hash, length };
        if length > size {
            part.restart()?;
        }
        Ok(Self::Part(part))
    }
}

/// Whether the file is there, and right.
pub(super) fn is_there(folder: &Folder, name: &str, digest: &Digest) -> io::Result<bool> {
    match folder.read(name) {
        Ok(Some(file)) => Ok(hashed(&file)?.0.finalize_digest() == *digest),
        // Whatever else has the name is replaced at the end.
        _ => Ok(false),
    }
}

impl Part {
    /// An empty one.
    pub(super) fn begin(folder: &Folder, digest: &Digest) -> io::Result<Self> {
        let draft = folder.draft(&format!(".{}.part", digest.hex()))?;
        let mut part = Self { draft, hash: Sha256::new(), length: 0 };
        part.restart()?;
        Ok(part)
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.draft.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.draft.file.set_len(0)?;
        self.draft.file.seek(SeekFrom::Start(0))?;
        self.hash = Sha256::new();
        self.length = 0;
        Ok(())
    }

    pub(super) fn digest(&self) -> Digest {
        Hashing(self.hash.clone()).finalize_digest()
    }

    /// Gives it its final name.
    pub(super) fn finish(self, folder: &Folder, name: &str) -> io::Result<()> {
        folder.publish(&self.draft, name)
    }

    pub(super) fn give_up(self, folder: &Folder) -> io::Result<()> {
        folder.remove(&self.draft.name)
    }
}

pub(super) struct Hashing(Sha256);

impl Hashing {
    pub(super) fn finalize_digest(self) -> Digest {
        Digest::from_hash(self.0.finalize().into())
    }
}

/// The hash of a file from its beginning on, and its length; the file stands at its end then.
pub(super) fn hashed(mut file: &File) -> io::Result<(Hashing, u64)> {
    let mut hash = Sha256::new();
    let mut length = 0;
    let mut buffer = vec![0; BUFFER];
    file.seek(SeekFrom::Start(0))?;
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok((Hashing(hash), length));
        }
        hash.update(&buffer[..n]);
        length += n as u64;
    }
}
