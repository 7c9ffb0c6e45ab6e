//! The description of a deployment on one machine, as a person writes it.

mod check;
mod only;
mod parse;
mod source;
mod text;

use deploy_spec::Digest;
use schemars::JsonSchema;
use serde::Serialize;

pub use only::{ApiVersion, Arch, DocumentKind, Format, Generate, Manager, Strategy, Target};
pub use source::{BundleSource, HttpsUrl, OciName};
pub use text::{AccountName, AdminBind, DeploymentName, HttpPath, Listen, MachinePath};

/// A deployment on one machine: `greentic.ai/v1alpha1`, `kind: Deployment`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deployment {
    /// Which version of this document it is.
    pub api_version: ApiVersion,
    /// Which document it is.
    pub kind: DocumentKind,
    /// What it is called.
    pub metadata: Metadata,
    /// What is deployed, and how.
    pub spec: Spec,
}

impl Deployment {
    /// The JSON Schema of a description.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }
}

/// What a deployment is called.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Its name; units, directories and the user are named after it.
    pub name: DeploymentName,
}

/// What is deployed, and how.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The kind of place; `single-vm` is the default and the only one.
    #[schemars(with = "Option<Target>")]
    pub target: Target,
    /// What is served.
    pub bundle: Bundle,
    /// What serves it.
    #[schemars(with = "Option<Runtime>")]
    pub runtime: Runtime,
    /// Where it writes.
    #[schemars(with = "Option<Storage>")]
    pub storage: Storage,
    /// Who keeps it running, and as whom.
    #[schemars(with = "Option<Service>")]
    pub service: Service,
    /// How its health is asked for.
    #[schemars(with = "Option<Health>")]
    pub health: Health,
    /// How a new bundle takes over.
    #[schemars(with = "Option<Rollout>")]
    pub rollout: Rollout,
}

/// What is served.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bundle {
    /// A path, `file://`, `oci://`, or `https://` with a digest.
    pub source: BundleSource,
    /// What the bundle's bytes must be (the digest in an `oci://` name is its manifest's). Without
    /// it a file or a tag is taken for what it is at the moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// What the bundle is; `squashfs` is the default and the only one, because it is mounted.
    #[schemars(with = "Option<Format>")]
    pub format: Format,
}

/// What serves the bundle: a binary of ours, or an image that holds it. Naming both is refused.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("not" = {"required": ["image", "binary"]}))]
pub struct Runtime {
    /// `binary: /path/to/gtc` or `image: registry.example/gtc:1.4.0`; without either, the `gtc`
    /// that runs the command.
    #[serde(flatten, serialize_with = "program")]
    #[schemars(with = "ProgramFields")]
    pub program: Program,
    /// The machine's architecture; `x86_64` is the default and the only one.
    #[schemars(with = "Option<Arch>")]
    pub arch: Arch,
    /// Where requests come in; 127.0.0.1:8080 unless it is named. Port and address of this machine.
    #[schemars(with = "Option<Listen>")]
    pub listen: Listen,
    /// How it is administered.
    #[schemars(with = "Option<Admin>")]
    pub admin: Admin,
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// The `gtc` that runs the command.
    This,
    /// A static binary, of the machine on which the command runs.
    Binary(MachinePath),
    /// An image with `gtc` as its entry point.
    Image(OciName),
}

/// How [`Program`] is written.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ProgramFields {
    /// A static binary of `gtc`, of the machine on which the command runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    binary: Option<MachinePath>,
    /// An image with `gtc` as its entry point, run by Podman or Docker.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<OciName>,
}

fn program<S: serde::Serializer>(program: &Program, s: S) -> Result<S::Ok, S::Error> {
    let (binary, image) = match program.clone() {
        Program::This => (None, None),
        Program::Binary(path) => (Some(path), None),
        Program::Image(name) => (None, Some(name)),
    };
    ProgramFields { binary, image }.serialize(s)
}

/// How the service is administered: on 127.0.0.1, by who has a client certificate.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Admin {
    /// `127.0.0.1:PORT`; 8433 unless it is named.
    #[schemars(with = "Option<AdminBind>")]
    pub bind: AdminBind,
    /// Who is let in. It cannot be turned off.
    pub mtls: Mtls,
}

/// Whose certificates are used.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Mtls {
    /// `generate`: a private authority, and a server's and a client's certificate by it.
    Generate(Generate),
    /// Given ones.
    Files(MtlsFiles),
}

/// Certificates in PEM, of the machine on which the command runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MtlsFiles {
    /// The authority that clients' certificates are by.
    pub ca_file: MachinePath,
    /// The server's certificate, and what is between it and its authority.
    pub cert_file: MachinePath,
    /// The key of the server's certificate.
    pub key_file: MachinePath,
}

/// Where the service writes, and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Storage {
    /// What must survive; `/var/lib/greentic/NAME/state` unless it is named.
    #[schemars(with = "Option<MachinePath>")]
    pub state_dir: MachinePath,
    /// What can be made again; `/var/cache/greentic/NAME` unless it is named.
    #[schemars(with = "Option<MachinePath>")]
    pub cache_dir: MachinePath,
    /// What it tells; `/var/log/greentic/NAME` unless it is named.
    #[schemars(with = "Option<MachinePath>")]
    pub log_dir: MachinePath,
    /// What is gone after a restart of the machine; `/var/lib/greentic/NAME/tmp` unless it is named.
    #[schemars(with = "Option<MachinePath>")]
    pub temp_dir: MachinePath,
}

/// Who keeps it running, and as whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    /// `systemd` is the default and the only one.
    #[schemars(with = "Option<Manager>")]
    pub manager: Manager,
    /// The user; `greentic-NAME` unless it is named.
    #[schemars(with = "Option<AccountName>")]
    pub user: AccountName,
    /// The group; called as the user unless it is named.
    #[schemars(with = "Option<AccountName>")]
    pub group: AccountName,
}

/// How health is asked for, by `GET` on the admin endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Health {
    /// What answers 200 once requests can be served; `/readyz` unless it is named.
    #[schemars(with = "Option<HttpPath>")]
    pub readiness_path: HttpPath,
    /// What answers 200 as long as the process is of use; `/healthz` unless it is named.
    #[schemars(with = "Option<HttpPath>")]
    pub liveness_path: HttpPath,
    /// How long it may take to be ready, in seconds, 1 to 3600; 60 unless it is named.
    #[schemars(with = "Option<u32>", range(min = 1, max = 3600))]
    pub startup_timeout_seconds: u32,
}

/// How a new bundle takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rollout {
    /// `blue-green` unless it is named.
    #[schemars(with = "Option<Strategy>")]
    pub strategy: Strategy,
}
