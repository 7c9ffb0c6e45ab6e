//! Registries, as flags and environment variables settle them.

use std::path::{Path, PathBuf};

use clap::Args;
use deploy_spec::{Digest, Fault};
use registry::{Bases, Client, Folder, OciReference, Options, PlainHttp, Progress, Reference};
use registry::{blocking, media};
use serve::env_packs::FetchedPack;
use serve::staging::Fetched;
use store::EnvironmentStore;

use crate::{environment, progress};

/// How registries are talked to.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of registries")]
pub(crate) struct Registries {
    /// Talk to the registry without TLS; on this machine that needs no saying
    #[arg(long)]
    plain_http: bool,
    /// Trust the certificates in this PEM file besides those of the system
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Registries {
    pub(crate) fn options(&self) -> Options {
        let home = || environment::home().map(|home| home.join(".docker"));
        let docker = environment::variable("DOCKER_CONFIG").map(PathBuf::from).or_else(home);
        Options {
            plain_http: if self.plain_http { PlainHttp::Everywhere } else { PlainHttp::Loopback },
            ca_file: self.ca_file.clone(),
            docker_config: docker.map(|folder| folder.join("config.json")),
            helper_path: environment::variable("PATH").unwrap_or_default(),
            uploads: environment::greentic_home().ok().map(|home| home.join("cache/uploads")),
            ..Options::default()
        }
    }

    /// The bundle that somebody named for staging.
    pub(crate) fn bundle(&self, named: &str, store: &EnvironmentStore) -> Result<Fetched, Fault> {
        let reference = Reference::parse(named, &bases()).map_err(|fault| fault.at("/bundle"))?;
        match reference {
            Reference::File(file) => Fetched::beside(file),
            Reference::Oci(reference) => {
                self.pull(&reference, &store.folder().join("run/pulls"), None)
            }
        }
    }

    /// The component that somebody named for binding a slot.
    pub(crate) fn env_pack(
        &self,
        named: &str,
        store: &EnvironmentStore,
    ) -> Result<FetchedPack, Fault> {
        let parsed = Reference::parse(named, &bases()).map_err(|fault| fault.at("/pack_ref"))?;
        match parsed {
            Reference::File(file) => {
                let whole = std::path::absolute(&file).map_err(|error| {
                    Fault::unavailable(format!("`{}` cannot be found: {error}", file.display()))
                })?;
                let place = whole.display().to_string();
                Ok(FetchedPack { place, fetched: Fetched::beside(whole)? })
            }
            Reference::Oci(reference) => {
                let mut options = self.options();
                options.limits.layer_bytes = plugin::Limits::default().component_bytes as u64;
                let wanted = &[media::ENV_PACK_LAYER];
                let folder = store.folder().join("run/pulls");
                let fetched = fetch(&options, wanted, &reference, &folder, None)?;
                Ok(FetchedPack { place: reference.to_string(), fetched })
            }
        }
    }

    /// Fetches a bundle and its signatures into a folder; without a name, under one that goes on
    /// where an attempt broke off.
    pub(crate) fn pull(
        &self,
        reference: &OciReference,
        folder: &Path,
        name: Option<&str>,
    ) -> Result<Fetched, Fault> {
        fetch(&self.options(), media::BUNDLE_LAYERS, reference, folder, name)
    }

    /// Fetches a file of a web server into a folder; its digest says what it is, and names it.
    pub(crate) fn file(&self, url: &str, digest: &Digest, folder: &Path) -> Result<PathBuf, Fault> {
        let client = Client::new(&self.options())?;
        let folder = Folder::make(folder)?;
        let bar = progress::bytes(&format!("fetching {url}"));
        let told = |at: Progress| bar.at(at.done_bytes, at.total_bytes);
        let name = digest.to_string().replace(':', "-");
        blocking::run(client.fetch(url, digest, &folder, &name, &told))?;
        Ok(folder.path().join(name))
    }
}

/// Fetches what one of the `wanted` media types is.
fn fetch(
    options: &Options,
    wanted: &[&str],
    reference: &OciReference,
    folder: &Path,
    name: Option<&str>,
) -> Result<Fetched, Fault> {
    let client = Client::new(options)?;
    let folder = Folder::make(folder)?;
    let bar = progress::bytes(&format!("pulling {reference}"));
    let told = |at: Progress| bar.at(at.done_bytes, at.total_bytes);
    blocking::run(async {
        let pinned = reference.pinned(client.resolve(reference).await?);
        let own = pinned.digest().map(|digest| digest.to_string().replace(':', "-"));
        let name = name.map(str::to_owned).or(own).unwrap_or_default();
        let pulled = client.pull(&pinned, wanted, &folder, &name, &told).await?;
        let signatures = client.signatures(&pinned, &pulled.manifest_digest).await?;
        // The tag as well, so that it can be seen what was meant.
        let source = match reference.digest() {
            Some(_) => reference.to_string(),
            None => format!("{reference}@{}", pulled.manifest_digest),
        };
        let source = Some(source);
        Ok(Fetched { file: folder.path().join(name), source, signatures })
    })
}

/// What `repo://` and `store://` stand for.
pub(crate) fn bases() -> Bases {
    let text = |name| environment::variable(name).and_then(|value| value.into_string().ok());
    let set = |name| text(name).filter(|value| !value.is_empty());
    Bases { repo: set("GREENTIC_REPO_REGISTRY_BASE"), store: set("GREENTIC_STORE_REGISTRY_BASE") }
}
