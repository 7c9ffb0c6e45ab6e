//! Certificates that the description names.

use std::path::Path;

use deploy_spec::{Digest, Fault, Timestamp};
use rustls::pki_types::CertificateDer;
use serde_json::json;
use single_vm::CertificateFacts;
use single_vm::resource::Artifact;

use super::checked::{For, Pair, is_by, is_good, is_its_key, read_chain, read_key};
use crate::local::digest;
use crate::sources::Sources;

/// Everything that is wrong, each with the field that names the file.
struct Problems<'a> {
    found: Vec<(&'static str, String)>,
    sources: &'a Sources,
}

impl Problems<'_> {
    fn add<T>(&mut self, artifact: Artifact, checked: Result<T, String>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(why) => {
                let path = self.sources.path(artifact).unwrap_or(Path::new("")).display();
                self.found.push((field(artifact), format!("`{path}` {why}")));
                None
            }
        }
    }
}

const fn field(artifact: Artifact) -> &'static str {
    match artifact {
        Artifact::Authority => "/spec/runtime/admin/mtls/caFile",
        Artifact::Certificate => "/spec/runtime/admin/mtls/certFile",
        Artifact::Key => "/spec/runtime/admin/mtls/keyFile",
        Artifact::Bundle => "/spec/bundle/source",
        Artifact::Binary => "/spec/runtime/binary",
    }
}

/// The digests of the given files, once nothing is wrong with them.
///
/// # Errors
/// `invalid-input` with all that is wrong: what cannot be read, is not good now, does not belong
/// together, or can be read by others.
pub(crate) fn given(sources: &Sources, now: Timestamp) -> Result<CertificateFacts, Fault> {
    let mut problems = Problems { found: Vec::new(), sources };
    let path = |artifact| sources.path(artifact);
    let (authority, certificate, key) =
        (path(Artifact::Authority)?, path(Artifact::Certificate)?, path(Artifact::Key)?);
    let by = problems.add(Artifact::Authority, read_chain(authority));
    let chain = problems.add(Artifact::Certificate, read_chain(certificate));
    let its_key = problems.add(Artifact::Key, read_key(key));
    problems.add(Artifact::Key, is_private(key));
    let by = by.and_then(|by| by.into_iter().next());
    let is_good = |it: &CertificateDer<'_>| is_good(it, now);
    let by = by.filter(|by| problems.add(Artifact::Authority, is_good(by)).is_some());
    if let Some(chain) = chain {
        let is_good = problems.add(Artifact::Certificate, is_good(&chain[0])).is_some();
        if let Some(by) = by.filter(|_| is_good) {
            problems.add(Artifact::Certificate, is_for_both(&chain, &by, now));
        }
        if let Some(key) = its_key {
            problems.add(Artifact::Key, is_its_key(&Pair { chain, key }));
        }
    }
    report(&problems)?;
    let digest = |artifact| -> Result<Digest, Fault> { digest(path(artifact)?) };
    Ok(CertificateFacts::Given {
        authority: digest(Artifact::Authority)?,
        certificate: digest(Artifact::Certificate)?,
        key: digest(Artifact::Key)?,
    })
}

/// It is shown by the server to its clients, and to the server by who asks for its health.
fn is_for_both(
    chain: &[CertificateDer<'static>],
    by: &CertificateDer<'static>,
    now: Timestamp,
) -> Result<(), String> {
    is_by(chain, by, now, For::Servers)
        .map_err(|why| format!("is not a server's by the authority in `caFile`: {why}"))?;
    is_by(chain, by, now, For::Clients).map_err(|why| {
        format!(
            "is not for clients as well, and the health of the service is asked for with it: {why}"
        )
    })
}

fn is_private(path: &Path) -> Result<(), String> {
    let found = std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    match host_fs::mode(&found) {
        Some(mode) if mode & 0o077 != 0 => {
            Err(format!("can be read by others: its mode is {mode:04o}"))
        }
        _ => Ok(()),
    }
}

fn report(problems: &Problems<'_>) -> Result<(), Fault> {
    let Some((first, _)) = problems.found.first() else { return Ok(()) };
    let all: Vec<_> =
        problems.found.iter().map(|(at, why)| json!({"pointer": at, "message": why})).collect();
    let lines: String = problems.found.iter().map(|(at, why)| format!("\n  {at}: {why}")).collect();
    Err(Fault::invalid(format!("the certificates of the admin endpoint cannot be used:{lines}"))
        .at(*first)
        .detail("problems", all)
        .hint("chmod 600 keeps a key private; `mtls: generate` has all of them made"))
}
