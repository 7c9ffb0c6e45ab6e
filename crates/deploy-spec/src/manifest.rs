//! `bundle.yaml`: what a bundle says about itself.

mod container;
mod process;
mod protocol;
mod reuse;
mod upstream;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::route::PathPrefix;
use crate::slug::{BundleId, PackId};
use crate::text::{checked_text, shown};

pub use container::{ContainerSettings, ImageRef};
pub use process::{ProcessListen, ProcessProbe, ProcessSettings};
pub use protocol::{Protocol, UpstreamTls};
pub use reuse::Reuse;
pub use upstream::{UpstreamScheme, UpstreamTarget, UpstreamUrl, hands_out_credentials};

crate::schema_tag!(
    /// `greentic.bundle.v1`
    BundleSchema = "greentic.bundle.v1"
);

fn inner_path(text: &str) -> Result<(), String> {
    let bad_part = |part: &str| part.is_empty() || part == "." || part == "..";
    let ok = !text.is_empty()
        && text.len() <= 4096
        && !text.contains(['\\', '\0'])
        && !text.chars().any(char::is_control)
        && !text.split('/').any(bad_part);
    if ok {
        Ok(())
    } else {
        Err(format!(
            "{} is not a path inside the bundle: relative, with no `.` or `..`",
            shown(text)
        ))
    }
}

checked_text!(
    /// A path inside a bundle: relative, `/`-separated, with no `.`, `..` or empty part.
    InnerPath, inner_path, pattern = "^[^/\\\\]+(/[^/\\\\]+)*$", example = "packs/web.wasm"
);

/// `bundle.yaml` at the root of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleManifest {
    /// Which document this is.
    pub schema: BundleSchema,
    /// The bundle's name.
    pub bundle_id: BundleId,
    /// The bundle's version, for people; what is pinned is the digest.
    pub version: semver::Version,
    /// What the bundle runs; at least one.
    pub packs: Vec<Pack>,
    /// How readiness is proven before a revision takes traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// JSON Schema of the bundle's configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<InnerPath>,
    /// The secrets the bundle reads; values are never in the bundle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretNeed>,
    /// Questions asked when the bundle is set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<InnerPath>,
    /// How long streams may live on once a revision drains, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_seconds: Option<u32>,
}

/// One thing a bundle runs, and where it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// The pack's name inside the bundle.
    pub pack_id: PackId,
    /// How it runs.
    pub kind: PackKind,
    /// `http-component`: a component file. `static`: a folder. `process`: a static ELF executable.
    /// `container`: a folder that is an OCI image layout, where no `image` is named. An `upstream` has
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<InnerPath>,
    /// Where an `upstream` is; the other kinds have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<UpstreamUrl>,
    /// Which image a `container` runs, where it is not in the bundle; the other kinds have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRef>,
    /// Where it answers below the deployment's path prefix.
    #[serde(default)]
    pub public_path: PathPrefix,
    /// Bounds on what one request may use.
    #[serde(default)]
    pub limits: Limits,
    /// Whether an instance of an `http-component` serves more than one request. Default: each request
    /// gets a fresh one, and sees nothing of the others; the other kinds have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse: Option<Reuse>,
    /// Hosts it may call; empty means none. A `process`, a `container` and an `upstream` call whom
    /// they like, so they name none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<String>,
    /// Which HTTP a `process`, a `container` or an `upstream` is spoken to in.
    #[serde(default, skip_serializing_if = "Protocol::is_auto")]
    pub protocol: Protocol,
    /// Who an `upstream` at `https:` must prove to be; the others have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<UpstreamTls>,
    /// How a `process` or a `container` is run; the other kinds have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessSettings>,
    /// What only a `container` has; the other kinds have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerSettings>,
}

/// How a pack runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PackKind {
    /// A WASM component that exports `wasi:http/incoming-handler`.
    HttpComponent,
    /// A folder of files.
    Static,
    /// A static ELF executable that serves HTTP.
    Process,
    /// An OCI image that serves HTTP, run by Podman or Docker.
    Container,
    /// A server that already runs, and is not started or stopped.
    Upstream,
}

impl Pack {
    /// Where it is in the bundle.
    ///
    /// # Errors
    /// `invalid-input` for an `upstream` and for an image that is named, of which nothing is there.
    pub fn file(&self) -> Result<&InnerPath, Fault> {
        let nothing = || format!("nothing of pack `{}` is in the bundle", self.pack_id);
        self.path.as_ref().ok_or_else(|| Fault::invalid(nothing()))
    }
}

impl PackKind {
    /// Its name, as documents write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HttpComponent => "http-component",
            Self::Static => "static",
            Self::Process => "process",
            Self::Container => "container",
            Self::Upstream => "upstream",
        }
    }

    /// The largest limit of memory, in MiB.
    const fn memory_mb_max(self) -> u32 {
        match self {
            Self::HttpComponent | Self::Static | Self::Upstream => 256,
            Self::Process | Self::Container => 65_536,
        }
    }
}

/// Bounds on what one request to a pack may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// `http-component`: linear memory of one instance, in MiB (1 to 256). `process`: memory that
    /// each of its processes may write, in MiB (1 to 65 536). `container`: memory of all of it.
    /// Means nothing to an `upstream`.
    #[schemars(range(min = 1, max = 65_536))]
    pub memory_mb: u32,
    /// Wall-clock time of one request until its response ends, in milliseconds (1 to 600 000).
    /// `upstream`: how long it may take to begin its answer, and be silent within it.
    /// A WebSocket, server-sent events and a call of gRPC go on behind the head of the answer, but
    /// those of an `http-component`; they end after ten minutes of silence.
    #[schemars(range(min = 1, max = 600_000))]
    pub timeout_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_mb: 64, timeout_ms: 5_000 }
    }
}

/// How readiness is proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Asked with GET below the bundle's root; any status from 200 to 399 is ready.
    pub readiness_path: String,
    /// How long the answer may take, in milliseconds.
    #[serde(default = "Health::default_timeout_ms")]
    pub timeout_ms: u32,
}

impl Health {
    const fn default_timeout_ms() -> u32 {
        2_000
    }
}

/// A secret that a bundle reads, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretNeed {
    /// The name the bundle asks for.
    pub name: String,
    /// Whether the bundle cannot run without it.
    #[serde(default)]
    pub required: bool,
    /// What it is for, in words for the person who must provide it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl BundleManifest {
    /// The rules that no single field can check.
    ///
    /// # Errors
    /// `invalid-input`, naming the field by JSON pointer.
    pub fn check(&self) -> Result<(), Fault> {
        if self.packs.is_empty() {
            return Err(Fault::invalid("a bundle holds at least one pack").at("/packs"));
        }
        let mut ids = BTreeSet::new();
        let mut public = BTreeSet::new();
        for (i, pack) in self.packs.iter().enumerate() {
            let at = |field: &str| format!("/packs/{i}/{field}");
            if !ids.insert(&pack.pack_id) {
                return Err(Fault::invalid(format!("pack `{}` is named twice", pack.pack_id))
                    .at(at("pack_id")));
            }
            if !public.insert(&pack.public_path) {
                return Err(Fault::invalid(format!("two packs answer at `{}`", pack.public_path))
                    .at(at("public_path")));
            }
            let most = pack.kind.memory_mb_max();
            if !(1..=most).contains(&pack.limits.memory_mb) {
                let why = format!("memory_mb is from 1 to {most}");
                return Err(Fault::invalid(why).at(at("limits/memory_mb")));
            }
            process::check(pack, i)?;
            container::check(pack, i)?;
            upstream::check(pack, i)?;
            protocol::check(pack, i)?;
            reuse::check(pack, i)?;
            if !(1..=600_000).contains(&pack.limits.timeout_ms) {
                return Err(
                    Fault::invalid("timeout_ms is from 1 to 600000").at(at("limits/timeout_ms"))
                );
            }
        }
        if self.drain_seconds.is_some_and(|seconds| seconds > crate::revision::DRAIN_SECONDS_MAX) {
            return Err(Fault::invalid("drain_seconds is at most 86400").at("/drain_seconds"));
        }
        if self.health.as_ref().is_some_and(|health| !(1..=60_000).contains(&health.timeout_ms)) {
            let why = "the timeout of the readiness probe is from 1 to 60000 ms";
            return Err(Fault::invalid(why).at("/health/timeout_ms"));
        }
        let plain =
            |path: &str| path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic());
        if let Some(health) = &self.health
            && !plain(&health.readiness_path)
        {
            return Err(Fault::invalid("readiness_path begins with `/` and is plain ASCII")
                .at("/health/readiness_path"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
