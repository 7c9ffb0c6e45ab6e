//! An image that a bundle holds, as an OCI image layout
//! (<https://github.com/opencontainers/image-spec/blob/main/image-layout.md>): which files it is made
//! of, and how an engine is given it.

use std::io::{self, Read, Write};

use deploy_spec::{Digest, Fault, InnerPath};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::archive::Archive;
use crate::inspect::file_digest;

/// How deep an index may stand in an index: builders put an image of several machines in one.
const DEPTH: u8 = 3;
/// The size of a block of a tar file, in bytes (POSIX, `ustar`).
const BLOCK: usize = 512;

/// An image in a bundle, for one kind of machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageLayout {
    folder: String,
    machine: Option<String>,
    config: Digest,
    layers: Vec<Digest>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Described>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    #[serde(default)]
    media_type: String,
    digest: Digest,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

#[derive(Deserialize)]
struct Manifest {
    config: Described,
    layers: Vec<Described>,
}

impl ImageLayout {
    /// The image at `path` for this machine. One that is alone and does not say which machine it is
    /// for is taken to be for any.
    ///
    /// # Errors
    /// `invalid-input` when there is no layout, or no image for this machine in it; `refused` when a
    /// file cannot be read to its end.
    pub fn read(archive: &Archive, path: &InnerPath) -> Result<Self, Fault> {
        let machine = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let all = all(archive, path)?;
        let fits = |image: &&Self| image.machine.as_deref().is_none_or(|told| told == machine);
        all.iter().find(fits).cloned().ok_or_else(|| {
            let told: Vec<_> = all.iter().filter_map(|image| image.machine.as_deref()).collect();
            let told = told.join(", ");
            Fault::invalid(format!("`{path}` holds an image for {told}, and this is {machine}"))
        })
    }

    /// The digest of its configuration, by which engines know it.
    #[must_use]
    pub const fn config(&self) -> &Digest {
        &self.config
    }

    /// Writes it as `docker load` and `podman load` read it, without a name: nothing in the store of
    /// an engine is called otherwise because of a bundle.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn write(&self, archive: &Archive, to: &mut dyn Write) -> io::Result<()> {
        let layers: Vec<_> = self.layers.iter().map(Digest::hex).collect();
        let manifest = json!([{"Config": self.config.hex(), "RepoTags": [], "Layers": layers}]);
        let mut written: Vec<&Digest> = Vec::new();
        for digest in self.layers.iter().chain([&self.config]) {
            // A layer may be there twice.
            if !written.contains(&digest) {
                written.push(digest);
                let path = blob(&self.folder, digest);
                let size = archive.follow(&path).map_or(0, |entry| entry.size);
                let reader = archive.reader(&path).map_err(io::Error::other)?;
                file(to, digest.hex(), size, reader)?;
            }
        }
        let manifest = manifest.to_string();
        file(to, "manifest.json", manifest.len() as u64, manifest.as_bytes())?;
        // The end of an archive is two blocks of nothing.
        to.write_all(&[0; 2 * BLOCK])
    }
}

/// Refuses a layout that names what it does not hold.
///
/// # Errors
/// As [`ImageLayout::read`].
pub(crate) fn check(archive: &Archive, path: &InnerPath) -> Result<(), Fault> {
    for image in all(archive, path)? {
        for digest in image.layers.iter().chain([&image.config]) {
            let found = file_digest(archive, &blob(path.as_str(), digest))
                .map_err(|fault| bad(path, &format!("it names {digest}, and {}", fault.message)))?;
            if found.0 != *digest {
                return Err(bad(path, &format!("what it calls {digest} is {}", found.0)));
            }
        }
    }
    Ok(())
}

/// Every image in it.
fn all(archive: &Archive, path: &InnerPath) -> Result<Vec<ImageLayout>, Fault> {
    let index: Index = parsed(archive, path, &format!("{path}/index.json"))?;
    let mut found = Vec::new();
    gather(archive, path, index, DEPTH, &mut found)?;
    if found.is_empty() {
        return Err(bad(path, "it holds no image"));
    }
    Ok(found)
}

fn gather(
    archive: &Archive,
    path: &InnerPath,
    index: Index,
    depth: u8,
    found: &mut Vec<ImageLayout>,
) -> Result<(), Fault> {
    for described in index.manifests {
        let platform = described.platform.as_ref();
        // What a builder says of how it built stands beside the images.
        if platform.is_some_and(|platform| platform.os != "linux") {
            continue;
        }
        let at = blob(path.as_str(), &described.digest);
        if described.media_type.contains("index") || described.media_type.contains("list") {
            if depth == 0 {
                return Err(bad(path, "there are too many indexes in each other"));
            }
            gather(archive, path, parsed(archive, path, &at)?, depth - 1, found)?;
            continue;
        }
        let manifest: Manifest = parsed(archive, path, &at)?;
        found.push(ImageLayout {
            folder: path.as_str().to_owned(),
            machine: platform.map(|platform| platform.architecture.clone()),
            config: manifest.config.digest,
            layers: manifest.layers.into_iter().map(|layer| layer.digest).collect(),
        });
    }
    Ok(())
}

fn parsed<T: DeserializeOwned>(
    archive: &Archive,
    path: &InnerPath,
    file: &str,
) -> Result<T, Fault> {
    let bytes = archive.read(file).map_err(|fault| bad(path, &fault.message))?;
    serde_json::from_slice(&bytes).map_err(|error| bad(path, &format!("`{file}`: {error}")))
}

fn bad(path: &InnerPath, why: &str) -> Fault {
    Fault::invalid(format!("`{path}` is no OCI image layout: {why}"))
        .hint("`podman save --format oci-dir --output FOLDER IMAGE` makes one")
}

fn blob(folder: &str, digest: &Digest) -> String {
    format!("{folder}/blobs/sha256/{}", digest.hex())
}

/// Writes one file of a tar archive: its head, its bytes, and what fills the last block.
fn file(to: &mut dyn Write, name: &str, size: u64, from: impl Read) -> io::Result<()> {
    to.write_all(&head(name, size))?;
    let copied = io::copy(&mut from.take(size), to)?;
    if copied != size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let rest = usize::try_from(size % BLOCK as u64).unwrap_or_default();
    to.write_all(&[0; BLOCK][..(BLOCK - rest) % BLOCK])
}

/// The head of a plain file (POSIX, `ustar`). A size is eleven octal digits, which is 8 GiB.
fn head(name: &str, size: u64) -> [u8; BLOCK] {
    let mut head = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(100)]);
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = head.iter().map(|&byte| u32::from(byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head
}

#[cfg(test)]
mod tests;
