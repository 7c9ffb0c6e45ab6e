//! What is signed and pushed: a bundle, or the component of an env-pack.

use std::io::Read as _;
use std::path::Path;

use bundle::{Format, Inspection};
use deploy_spec::{Descriptor, Digest, Fault};
use plugin::{Host, Limits};
use registry::media;
use serde_json::{Map, Value, json};

/// How WebAssembly begins.
const WASM: &[u8] = b"\0asm";

/// A file that somebody can vouch for.
pub(super) enum Subject {
    Bundle(Box<Inspection>),
    EnvPack { kind: Descriptor, digest: Digest },
}

impl Subject {
    /// Looks at a file by how it begins.
    pub(super) fn read(file: &Path) -> Result<Self, Fault> {
        let start = std::fs::File::open(file).and_then(|opened| {
            let mut start = Vec::new();
            opened.take(WASM.len() as u64).read_to_end(&mut start)?;
            Ok(start)
        });
        // One that cannot be read is for the bundle's reader to complain of.
        if start.ok().as_deref() != Some(WASM) {
            return bundle::inspect(file).map(|bundle| Self::Bundle(Box::new(bundle)));
        }
        let bytes = std::fs::read(file).map_err(|error| {
            Fault::unavailable(format!("`{}` cannot be read: {error}", file.display()))
        })?;
        let host = Host::new(Limits::default())?;
        let described = host.open(&file.display().to_string(), &bytes)?.describe()?;
        Ok(Self::EnvPack { kind: described.kind, digest: Digest::of(&bytes) })
    }

    /// What a signature calls it.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Bundle(bundle) => bundle.bundle_id.as_str(),
            Self::EnvPack { kind, .. } => kind.path(),
        }
    }

    pub(super) fn digest(&self) -> &Digest {
        match self {
            Self::Bundle(bundle) => &bundle.bundle_digest,
            Self::EnvPack { digest, .. } => digest,
        }
    }

    pub(super) fn version(&self) -> String {
        match self {
            Self::Bundle(bundle) => bundle.version.clone(),
            Self::EnvPack { kind, .. } => {
                kind.version().map_or_else(String::new, |v| v.to_string())
            }
        }
    }

    /// The types of the artifact and of its layer, and the file's name.
    pub(super) fn artifact(&self) -> (&'static str, &'static str, String) {
        match self {
            Self::Bundle(bundle) => {
                let layer = match bundle.format {
                    Format::Squashfs => media::BUNDLE_SQUASHFS,
                    Format::Zip => media::BUNDLE_ZIP,
                };
                (media::BUNDLE, layer, format!("{}.gtbundle", bundle.bundle_id))
            }
            Self::EnvPack { kind, .. } => {
                (media::ENV_PACK, media::ENV_PACK_LAYER, format!("{}.wasm", kind.path()))
            }
        }
    }

    /// What it is called in results, before the other `fields`.
    pub(super) fn shown(&self, fields: Value) -> Value {
        let mut shown = Map::new();
        match self {
            Self::Bundle(bundle) => {
                shown.insert("bundle_id".into(), json!(bundle.bundle_id));
                shown.insert("bundle_digest".into(), json!(bundle.bundle_digest));
            }
            Self::EnvPack { kind, digest } => {
                shown.insert("kind".into(), json!(kind));
                shown.insert("digest".into(), json!(digest));
            }
        }
        if let Value::Object(fields) = fields {
            shown.extend(fields);
        }
        Value::Object(shown)
    }
}
