//! Pulling: from a reference to a file whose digest was checked.

use std::collections::BTreeMap;

use deploy_spec::{Digest, Fault};

use super::download::Download;
use super::session::Session;
use super::{Client, OnProgress};
use crate::auth::Access;
use crate::document::{Descriptor, Manifest, TITLE};
use crate::folder::{Folder, is_name};
use crate::reference::OciReference;
use crate::text::shown;

/// A layer that is in a file now, proven to be what its manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The digest of the manifest: what the tag stood for, and what signatures refer to.
    pub manifest_digest: Digest,
    /// The digest of the file.
    pub digest: Digest,
    /// Bytes of the file.
    pub size_bytes: u64,
    /// Bytes that were there before, from an attempt that broke off or under the final name.
    pub reused_bytes: u64,
    /// The media type of the layer.
    pub media_type: String,
    /// What the artifact says it is.
    pub artifact_type: Option<String>,
    /// The name that whoever pushed it gave the file: somebody's text, not a safe file name.
    pub title: Option<String>,
    /// What is written on the manifest.
    pub annotations: BTreeMap<String, String>,
}

impl Client {
    /// Fetches the layer of one of the `wanted` media types into the file `name` of a folder. A
    /// file that is there and right is left alone; one that is not right is replaced at the end.
    ///
    /// # Errors
    /// `not-found`; `refused` when the registry does not let us, when it is not clear which layer
    /// is meant, when it is too large, or when other bytes arrive; `unavailable` when the registry
    /// cannot be reached or breaks off too often, and then what has arrived is kept beside `name`.
    pub async fn pull(
        &self,
        reference: &OciReference,
        wanted: &[&str],
        folder: &Folder,
        name: &str,
        progress: OnProgress<'_>,
    ) -> Result<Pulled, Fault> {
        if !is_name(name) {
            return Err(Fault::invalid(format!("{} is not the name of a file", shown(name))));
        }
        let session = self.session(reference, Access::Pull).await?;
        let (manifest_digest, manifest, layer) = session.layer(wanted).await?;
        let most = session.limits().layer_bytes;
        if layer.size > most {
            return Err(Fault::refused(format!(
                "{reference} has {} bytes; {most} may be",
                layer.size
            )));
        }
        let download = Download { session: &session, layer: &layer, folder, name, progress };
        let reused_bytes = download.run().await?;
        Ok(Pulled {
            manifest_digest,
            digest: layer.digest,
            size_bytes: layer.size,
            reused_bytes,
            media_type: layer.media_type,
            artifact_type: manifest.artifact_type,
            title: layer.annotations.get(TITLE).cloned(),
            annotations: manifest.annotations,
        })
    }

    /// The bytes of the layer that a reference stands for now, and their digest. Those that `held`
    /// has, proven, are not fetched.
    ///
    /// # Errors
    /// As [`Client::pull`], for a layer of at most `most` bytes.
    pub(crate) async fn pull_small(
        &self,
        reference: &OciReference,
        wanted: &[&str],
        most: u64,
        held: impl FnOnce(&Digest) -> Option<Vec<u8>>,
    ) -> Result<(Digest, Vec<u8>), Fault> {
        let session = self.session(reference, Access::Pull).await?;
        let (_, _, layer) = session.layer(wanted).await?;
        if let Some(bytes) = held(&layer.digest) {
            return Ok((layer.digest, bytes));
        }
        let bytes = session.small(&layer, most).await?;
        Ok((layer.digest, bytes.to_vec()))
    }
}

impl Session<'_> {
    /// The manifest that the reference stands for, and the layer that is meant.
    async fn layer(&self, wanted: &[&str]) -> Result<(Digest, Manifest, Descriptor), Fault> {
        let fetched = self.manifest(self.reference.target()).await?;
        let named = |mut fault: Fault| {
            fault.message = format!("{} cannot be used: {}", self.reference, fault.message);
            fault
        };
        let manifest = Manifest::read(&fetched.bytes, &fetched.media_type).map_err(named)?;
        let layer = manifest.layer(wanted).map_err(named)?.clone();
        Ok((fetched.digest, manifest, layer))
    }
}
