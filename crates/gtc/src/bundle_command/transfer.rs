//! `gtc bundle push` and `pull`.

use std::path::{Path, PathBuf};

use clap::Args;
use deploy_spec::Fault;
use registry::{Artifact, Client, OciReference, Progress, Reference, blocking};
use serde_json::json;
use serve::staging::{Fetched, SIGNATURES};

use super::subject::Subject;
use crate::outcome::Success;
use crate::progress;
use crate::registries::{Registries, bases};

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// The bundle, or the component of an env-pack; the signature in FILE.dsse.json goes with it
    file: PathBuf,
    /// Where to: oci://HOST/REPOSITORY:TAG
    reference: String,
    #[command(flatten)]
    registries: Registries,
}

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// Where from: oci://HOST/REPOSITORY:TAG, or @sha256:…
    reference: String,
    /// The file to write [default: the last part of the repository's name, with .gtbundle]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    registries: Registries,
}

fn remote(named: &str) -> Result<OciReference, Fault> {
    match Reference::parse(named, &bases())? {
        Reference::Oci(reference) => Ok(reference),
        Reference::File(_) => Err(Fault::invalid(format!("`{named}` is no registry's reference"))
            .at("/reference")
            .hint("write oci://HOST/REPOSITORY:TAG")),
    }
}

pub(super) fn push(args: &PushArgs) -> Result<Success, Fault> {
    let reference = remote(&args.reference)?;
    let subject = Subject::read(&args.file)?;
    let (artifact_type, layer, title) = subject.artifact();
    let artifact = Artifact {
        signatures: Fetched::beside(args.file.clone())?.signatures,
        file: args.file.clone(),
        artifact_type: artifact_type.to_owned(),
        layer_media_type: layer.to_owned(),
        title: Some(title),
        annotations: [("org.opencontainers.image.version", subject.version())]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
    };
    let client = Client::new(&args.registries.options())?;
    let bar = progress::bytes(&format!("pushing {reference}"));
    let told = |at: Progress| bar.at(at.done_bytes, at.total_bytes);
    let pushed = blocking::run(client.push(&reference, &artifact, &told))?;
    Success::of(&subject.shown(json!({
        "reference": pushed.reference.to_string(),
        "manifest_digest": pushed.manifest_digest,
        "size_bytes": pushed.size_bytes,
        "sent_bytes": pushed.sent_bytes,
        "signatures": artifact.signatures.len(),
    })))
}

pub(super) fn pull(args: &PullArgs) -> Result<Success, Fault> {
    let reference = remote(&args.reference)?;
    let output = args.output.clone().unwrap_or_else(|| {
        let name = reference.repository().rsplit('/').next().unwrap_or("bundle");
        PathBuf::from(format!("{name}.gtbundle"))
    });
    let wrong = || Fault::invalid(format!("`{}` names no file", output.display())).at("/output");
    let name = output.file_name().and_then(|name| name.to_str()).ok_or_else(wrong)?;
    let folder = match output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let pulled = args.registries.pull(&reference, folder, Some(name))?;
    let inspected = bundle::inspect(&output)?;
    if let Some(envelope) = pulled.signatures.first() {
        let mut beside = output.clone().into_os_string();
        beside.push(SIGNATURES);
        std::fs::write(&beside, envelope).map_err(|error| {
            Fault::unavailable(format!("the signature cannot be written: {error}"))
        })?;
    }
    Success::of(&json!({
        "path": output,
        "reference": pulled.source,
        "bundle_id": inspected.bundle_id,
        "version": inspected.version,
        "bundle_digest": inspected.bundle_digest,
        "signatures": pulled.signatures.len(),
    }))
}
