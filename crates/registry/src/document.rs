//! The documents of the OCI image specification, as far as artifacts need them
//! (<https://github.com/opencontainers/image-spec/blob/main/manifest.md>), and our media types.

use std::collections::BTreeMap;

use deploy_spec::{Digest, Fault};
use serde::{Deserialize, Serialize};

use crate::text::shown;

/// Media types, described in `docs/registries.md`.
pub mod media {
    /// The artifact type of a bundle.
    pub const BUNDLE: &str = "application/vnd.greentic.bundle.v1";
    /// The layer of a bundle that is a SquashFS image.
    pub const BUNDLE_SQUASHFS: &str = "application/vnd.greentic.bundle.layer.v1+squashfs";
    /// The layer of a bundle that is a ZIP archive.
    pub const BUNDLE_ZIP: &str = "application/vnd.greentic.bundle.layer.v1+zip";
    /// The layers that a bundle can be.
    pub const BUNDLE_LAYERS: &[&str] = &[BUNDLE_SQUASHFS, BUNDLE_ZIP];
    /// The artifact type of an env-pack.
    pub const ENV_PACK: &str = "application/vnd.greentic.env-pack.v1";
    /// The layer of an env-pack: a WebAssembly component, as the CNCF's guidance for Wasm has it.
    pub const ENV_PACK_LAYER: &str = "application/wasm";
    /// The artifact type of a provider catalog, and its layer.
    pub const CATALOG: &str = "application/vnd.greentic.provider-registry.v1+json";
    /// The layers that a provider catalog can be.
    pub const CATALOG_LAYERS: &[&str] = &[CATALOG, "application/json"];
    /// The artifact type of a signature, and its layer: a DSSE envelope.
    pub const SIGNATURE: &str = "application/vnd.dsse.envelope.v1+json";

    pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    pub(crate) const EMPTY: &str = "application/vnd.oci.empty.v1+json";
}

/// The file's name, for who downloads it.
pub(crate) const TITLE: &str = "org.opencontainers.image.title";
/// The empty configuration that every artifact of ours has.
pub(crate) const EMPTY_CONFIG: &[u8] = b"{}";

/// What a thing is, how long, and which bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Descriptor {
    pub(crate) fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        let media_type = media_type.to_owned();
        Self { media_type, digest, size, artifact_type: None, annotations: BTreeMap::new() }
    }

    pub(crate) fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }
}

/// A manifest. Fields that it does not know are ignored, as the specification asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) schema_version: u8,
    #[serde(default)]
    pub(crate) media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// A list of manifests: what a list of referrers is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    pub(crate) schema_version: u8,
    #[serde(default)]
    pub(crate) media_type: Option<String>,
    pub(crate) manifests: Vec<Descriptor>,
}

impl Index {
    pub(crate) fn empty() -> Self {
        let media_type = Some(media::INDEX.to_owned());
        Self { schema_version: 2, media_type, manifests: Vec::new() }
    }
}

impl Manifest {
    /// An artifact of one layer.
    pub(crate) fn of(artifact_type: &str, layer: Descriptor) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(media::MANIFEST.to_owned()),
            artifact_type: Some(artifact_type.to_owned()),
            config: Descriptor::of(media::EMPTY, EMPTY_CONFIG),
            layers: vec![layer],
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    /// Reads a manifest of the media type that the server names.
    ///
    /// # Errors
    /// `refused` when it is another document, or none.
    pub(crate) fn read(bytes: &[u8], named: &str) -> Result<Self, Fault> {
        let kind = named.split(';').next().unwrap_or_default().trim();
        if kind != media::MANIFEST {
            let why = match kind {
                media::INDEX | "application/vnd.docker.distribution.manifest.list.v2+json" => {
                    "a list of manifests, of which none is the one that is meant"
                }
                _ => "no OCI image manifest",
            };
            return Err(Fault::refused(format!("it is {}: {why}", shown(kind))));
        }
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| Fault::refused(format!("it is not a manifest: {error}")))?;
        if manifest.media_type.as_deref().is_some_and(|inner| inner != kind) {
            return Err(Fault::refused("its two media types differ".to_owned()));
        }
        Ok(manifest)
    }

    /// The one layer that is of a wanted type.
    ///
    /// # Errors
    /// `refused` when there is none or more than one.
    pub(crate) fn layer(&self, wanted: &[&str]) -> Result<&Descriptor, Fault> {
        let mut found = self.layers.iter().filter(|l| wanted.contains(&l.media_type.as_str()));
        let expected = wanted.join("`, `");
        match (found.next(), found.next()) {
            (Some(layer), None) => Ok(layer),
            (Some(_), Some(_)) => Err(Fault::refused(format!(
                "more than one of its layers is `{expected}`, and which is meant is not said"
            ))),
            (None, _) => {
                let types = self.layers.iter().take(4).map(|layer| shown(&layer.media_type));
                let types: Vec<String> = types.collect();
                let holds = if types.is_empty() { "nothing".into() } else { types.join(", ") };
                Err(Fault::refused(format!("it holds {holds} and no layer `{expected}`")))
            }
        }
    }
}

/// A document as it is sent and addressed.
///
/// # Errors
/// `internal` only.
pub(crate) fn encode(document: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(document)
        .map_err(|error| Fault::internal(format!("a manifest cannot be written: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(types: &[&str]) -> Manifest {
        let mut manifest = Manifest::of(media::BUNDLE, Descriptor::of("x", b"x"));
        manifest.layers = types.iter().map(|media| Descriptor::of(media, b"y")).collect();
        manifest
    }

    #[test]
    fn the_layer_is_chosen_by_media_type_or_not_at_all() {
        let choose = |types: &[&str]| {
            let manifest = manifest(types);
            let layer = manifest.layer(&["a", "b"]);
            layer.map(|layer| layer.media_type.clone()).map_err(|fault| fault.message)
        };
        assert_eq!(choose(&["z", "b"]), Ok("b".into()));
        insta::assert_snapshot!(
            [choose(&["a", "b"]), choose(&["a", "a"]), choose(&["z"]), choose(&[])]
                .map(Result::unwrap_err).join("\n"), @r"
        more than one of its layers is `a`, `b`, and which is meant is not said
        more than one of its layers is `a`, `b`, and which is meant is not said
        it holds `z` and no layer `a`, `b`
        it holds nothing and no layer `a`, `b`
        ");
    }

    #[test]
    fn only_a_manifest_is_read_as_one() {
        let bytes = encode(&manifest(&["a"])).unwrap();
        let kind = format!("{}; charset=utf-8", media::MANIFEST);
        assert_eq!(Manifest::read(&bytes, &kind), Ok(manifest(&["a"])));
        let mut other = manifest(&["a"]);
        other.media_type = Some(media::INDEX.into());
        let told = [
            Manifest::read(&bytes, media::INDEX),
            Manifest::read(&bytes, "application/json"),
            Manifest::read(b"{}", media::MANIFEST),
            Manifest::read(&encode(&other).unwrap(), media::MANIFEST),
        ];
        let told = told.map(|read| read.unwrap_err().message);
        insta::assert_snapshot!(told.join("\n"), @r"
        it is `application/vnd.oci.image.index.v1+json`: a list of manifests, of which none is the one that is meant
        it is `application/json`: no OCI image manifest
        it is not a manifest: missing field `schemaVersion` at line 1 column 2
        its two media types differ
        ");
    }
}
