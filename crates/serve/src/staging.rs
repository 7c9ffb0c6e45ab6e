//! Taking a bundle in: from what somebody named to the facts that `revisions stage` decides on.

use std::path::PathBuf;

use bundle::Archive;
use control::Lookup as _;
use control::revisions::{StageAnswers, StagedBundle};
use deploy_spec::{Digest, Fault, PinnedPack};
use store::{EnvironmentStore, Stored};

use crate::bundle_config::BundleConfig;
use crate::vouching::{Subject, vouch};

/// The suffix of the file that holds the signatures of a bundle, beside the bundle.
pub const SIGNATURES: &str = ".dsse.json";

/// Whether staging leaves something behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The bundle is copied into the environment.
    TakeIn,
    /// Nothing is written.
    LookOnly,
}

/// A bundle that was fetched from where it was named, and what came with it.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// The file.
    pub file: PathBuf,
    /// Where it came from, tags with the digest that they stood for; none where the name says all.
    pub source: Option<String>,
    /// The signature envelopes that came with it, not judged yet.
    pub signatures: Vec<Vec<u8>>,
}

impl Fetched {
    /// A file, and the signature beside it if there is one.
    ///
    /// # Errors
    /// `unavailable` when the signature is there and cannot be read.
    pub fn beside(file: PathBuf) -> Result<Self, Fault> {
        let mut name = file.clone().into_os_string();
        name.push(SIGNATURES);
        let signatures = match std::fs::read(&name) {
            Ok(envelope) => vec![envelope],
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                let name = PathBuf::from(name);
                let why = format!("`{}` cannot be read: {error}", name.display());
                return Err(Fault::unavailable(why));
            }
        };
        Ok(Self { file, source: None, signatures })
    }
}

/// What must be known of the bundle that `answers` name. `fetch` brings what is not a digest that
/// the environment holds.
///
/// # Errors
/// `not-found` when there is no such bundle; otherwise what is wrong with it.
pub fn stage_facts(
    store: &EnvironmentStore,
    answers: &StageAnswers,
    mode: Mode,
    fetch: impl FnOnce(&str) -> Result<Fetched, Fault>,
) -> Result<StagedBundle, Fault> {
    let environment = store.read()?.environment()?;
    let (stored, fetched) = locate(store, &answers.bundle, mode, fetch)?;
    let archive = Archive::open(&stored.path)?;
    let manifest = archive.manifest().clone();
    let subject = Subject { name: manifest.bundle_id.as_str(), digest: &stored.digest };
    let signed = vouch(store, &environment, subject, &fetched.signatures, mode)?;
    let (signature, objection) = match signed {
        Ok(signature) => (signature, None),
        Err(objection) => (None, Some(objection)),
    };
    let pin = |pack: &deploy_spec::Pack| -> Result<PinnedPack, Fault> {
        Ok(PinnedPack {
            pack_id: pack.pack_id.clone(),
            kind: pack.kind,
            digest: bundle::pack_digest(&archive, pack)?,
            public_path: pack.public_path.clone(),
            url: pack.url.clone(),
            image: pack.image.clone(),
        })
    };
    let config = BundleConfig::read(&archive)?.map(|config| config.declared());
    Ok(StagedBundle {
        bundle_id: manifest.bundle_id,
        version: manifest.version,
        source: fetched.source,
        digest: stored.digest,
        size_bytes: stored.size_bytes,
        pack_list: manifest.packs.iter().map(pin).collect::<Result<_, _>>()?,
        secrets: manifest.secrets,
        drain_seconds: manifest.drain_seconds,
        config: config.unwrap_or_default(),
        signature,
        objection,
    })
}

fn locate(
    store: &EnvironmentStore,
    named: &str,
    mode: Mode,
    fetch: impl FnOnce(&str) -> Result<Fetched, Fault>,
) -> Result<(Stored, Fetched), Fault> {
    if let Ok(digest) = named.parse::<Digest>() {
        // Young again, so that nobody collects it before the revision that needs it is there.
        if mode == Mode::TakeIn {
            store.refresh_artifact(&digest, crate::ambient::now())?;
        }
        let path = store.artifact(&digest);
        let meta = std::fs::metadata(&path).map_err(|_| {
            Fault::not_found(format!("the environment holds no bundle {digest}"))
                .at("/bundle")
                .hint("stage it from a file once")
        })?;
        return Ok((Stored { digest, size_bytes: meta.len(), path }, Fetched::default()));
    }
    if named.is_empty() {
        return Err(Fault::invalid("the bundle is not named").at("/bundle"));
    }
    let fetched = fetch(named)?;
    let path = &fetched.file;
    if mode == Mode::TakeIn {
        // A bundle that cannot be opened is not worth keeping.
        if path.exists() {
            Archive::open(path)?;
        }
        return Ok((store.take_in(path)?, fetched));
    }
    let (digest, size_bytes) = bundle::digest_file(path)?;
    Ok((Stored { digest, size_bytes, path: path.clone() }, fetched))
}
