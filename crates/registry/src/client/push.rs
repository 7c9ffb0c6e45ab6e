//! Pushing: a file, what it is, and who vouches for it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use deploy_spec::{Digest, Fault};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::part::hashed;
use super::session::{Session, mismatch};
use super::upload::Upload;
use super::{Client, OnProgress};
use crate::auth::Access;
use crate::document::{Descriptor, EMPTY_CONFIG, Manifest, TITLE, encode, media};
use crate::http::Ask;
use crate::reference::OciReference;
use crate::source::Source;

/// What is pushed: one file, which becomes the one layer of an artifact. The same artifact has the
/// same digest whenever and from wherever it is pushed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Artifact {
    /// The file.
    pub file: PathBuf,
    /// What the whole is: one of [`crate::media`], or another media type.
    pub artifact_type: String,
    /// What the file is.
    pub layer_media_type: String,
    /// The file's name for who downloads it.
    pub title: Option<String>,
    /// What is written on the manifest.
    pub annotations: BTreeMap<String, String>,
    /// DSSE envelopes over the file; they are there before the tag is.
    pub signatures: Vec<Vec<u8>>,
}

/// An artifact that is in a registry now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The artifact by its digest, whatever its tag will stand for later.
    pub reference: OciReference,
    /// The digest of its manifest.
    pub manifest_digest: Digest,
    /// The digest of the file.
    pub digest: Digest,
    /// Bytes of the file.
    pub size_bytes: u64,
    /// Bytes that were sent for it: none when the registry had it already.
    pub sent_bytes: u64,
}

impl Client {
    /// Brings an artifact into a registry: first the file, then the manifest by its digest, then
    /// the signatures, and the tag last, so that nobody finds half of it under its tag.
    ///
    /// # Errors
    /// `not-found` or `invalid-input` when there is no such file; `refused` when the registry does
    /// not let us or when `reference` has another digest than the artifact; `unavailable` when the
    /// registry cannot be reached or breaks off too often.
    pub async fn push(
        &self,
        reference: &OciReference,
        artifact: &Artifact,
        progress: OnProgress<'_>,
    ) -> Result<Pushed, Fault> {
        let (source, layer) = open(artifact).await?;
        let mut manifest = Manifest::of(&artifact.artifact_type, layer.clone());
        manifest.annotations.clone_from(&artifact.annotations);
        let bytes = Bytes::from(encode(&manifest)?);
        let subject = Descriptor::of(media::MANIFEST, &bytes);
        if let Some(other) = reference.digest().filter(|digest| **digest != subject.digest) {
            return Err(mismatch(&format!("pushing {reference}"), other.as_str(), &subject.digest));
        }
        let session = self.session(reference, Access::Push).await?;
        let sent_bytes = Upload::new(&session, &layer, &source, progress).run().await?;
        session.put_small(EMPTY_CONFIG.into(), media::EMPTY).await?;
        let digest = subject.digest.clone();
        session.put_manifest(digest.as_str(), media::MANIFEST, bytes.clone()).await?;
        for envelope in &artifact.signatures {
            session.attach(&subject, envelope).await?;
        }
        if reference.digest().is_none() {
            session.put_manifest(reference.target(), media::MANIFEST, bytes).await?;
        }
        Ok(Pushed {
            reference: reference.pinned(digest.clone()),
            manifest_digest: digest,
            digest: layer.digest,
            size_bytes: layer.size,
            sent_bytes,
        })
    }
}

async fn open(artifact: &Artifact) -> Result<(Source, Descriptor), Fault> {
    let path = artifact.file.clone();
    let shown = path.display().to_string();
    match std::fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Fault::not_found(format!("there is no file `{shown}`")));
        }
        // Looked at first: opening a pipe would wait for whoever writes into it.
        Ok(meta) if !meta.is_file() => {
            return Err(Fault::invalid(format!("`{shown}` is not a file")));
        }
        _ => {}
    }
    let (file, digest, size) = crate::blocking::file(&artifact.file, move || read(&path)).await?;
    let mut layer = Descriptor::new(&artifact.layer_media_type, digest, size);
    layer.annotations.extend(artifact.title.clone().map(|title| (TITLE.to_owned(), title)));
    Ok((Source::File(Arc::new(file)), layer))
}

fn read(path: &Path) -> std::io::Result<(File, Digest, u64)> {
    let file = File::open(path)?;
    let (hash, size) = hashed(&file)?;
    Ok((file, hash.finalize_digest(), size))
}

impl Session<'_> {
    /// Brings a small blob there, unless it is there.
    ///
    /// # Errors
    /// As [`Upload::run`].
    pub(super) async fn put_small(&self, bytes: Bytes, kind: &str) -> Result<Descriptor, Fault> {
        let blob = Descriptor::of(kind, &bytes);
        Upload::new(self, &blob, &Source::Memory(bytes), &|_| ()).run().await?;
        Ok(blob)
    }

    /// Brings a manifest there, by digest or tag. Says whether the registry understood what it
    /// refers to, which only registries with a list of referrers do.
    ///
    /// # Errors
    /// `refused` when it is not taken, or taken for another; else as [`Session::send`].
    pub(super) async fn put_manifest(
        &self,
        target: &str,
        kind: &'static str,
        bytes: Bytes,
    ) -> Result<bool, Fault> {
        let what = format!("writing `{target}` of {}", self.place());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let digest = Digest::of(&bytes);
        let url = self.url(&format!("manifests/{target}"));
        let answer = self.send(Ask { method: Method::PUT, url, headers, body: bytes }).await?;
        if answer.status() != StatusCode::CREATED {
            return Err(self.failure(&what, answer).await);
        }
        let taken = answer.header("docker-content-digest").unwrap_or(digest.as_str());
        if taken.starts_with("sha256:") && taken != digest.as_str() {
            return Err(mismatch(&what, taken, &digest));
        }
        let understood = answer.header("oci-subject").is_some();
        answer.discard().await;
        Ok(understood)
    }
}
