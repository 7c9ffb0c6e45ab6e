//! Where what is copied to the machine comes from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deploy_spec::Fault;
use serde::{Deserialize, Serialize};
use single_vm::Deployment;
use single_vm::resource::Artifact;
use single_vm::spec::{BundleSource, Mtls, Program};

/// Files of this machine. Their digests are checked when they are copied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// The bundle.
    pub bundle: Option<PathBuf>,
    /// The static binary of `gtc`; none for an image.
    pub binary: Option<PathBuf>,
    /// `caFile` of the description, if it has one.
    pub authority: Option<PathBuf>,
    /// `certFile`, likewise.
    pub certificate: Option<PathBuf>,
    /// `keyFile`, likewise.
    pub key: Option<PathBuf>,
    /// The values of secrets, each in a file that only its owner can read, by the paths that the
    /// environment has for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, PathBuf>,
}

impl Sources {
    /// What the description names. `this` is the program that runs; `fetched` is where the bundle
    /// is, for a description that names one in a registry or on a web server.
    ///
    /// # Errors
    /// `unavailable` when such a bundle was not fetched.
    pub fn of(deployment: &Deployment, this: &Path, fetched: Option<&Path>) -> Result<Self, Fault> {
        let spec = &deployment.spec;
        let bundle = match (&spec.bundle.source, fetched) {
            (_, Some(path)) => path.to_owned(),
            (BundleSource::File(path), None) => PathBuf::from(path.as_str()),
            (source, None) => {
                return Err(Fault::unavailable(format!("{source} has not been fetched"))
                    .at("/spec/bundle/source"));
            }
        };
        let binary = match &spec.runtime.program {
            Program::This => Some(this.to_owned()),
            Program::Binary(path) => Some(PathBuf::from(path.as_str())),
            Program::Image(_) => None,
        };
        let given = match &spec.runtime.admin.mtls {
            Mtls::Files(files) => Some(files),
            Mtls::Generate(_) => None,
        };
        let path = |path: &single_vm::spec::MachinePath| PathBuf::from(path.as_str());
        Ok(Self {
            bundle: Some(bundle),
            binary,
            authority: given.map(|files| path(&files.ca_file)),
            certificate: given.map(|files| path(&files.cert_file)),
            key: given.map(|files| path(&files.key_file)),
            secrets: BTreeMap::new(),
        })
    }

    /// Where `artifact` is.
    ///
    /// # Errors
    /// `unavailable` when nobody said where.
    pub(crate) fn path(&self, artifact: Artifact) -> Result<&Path, Fault> {
        let (path, what) = match artifact {
            Artifact::Bundle => (&self.bundle, "the bundle"),
            Artifact::Binary => (&self.binary, "the binary"),
            Artifact::Authority => (&self.authority, "the certificate of the authority"),
            Artifact::Certificate => (&self.certificate, "the certificate"),
            Artifact::Key => (&self.key, "the key"),
        };
        path.as_deref().ok_or_else(|| {
            Fault::unavailable(format!("{what} must be copied to the machine, and is nowhere"))
                .hint("gtc single-vm apply --spec FILE names where it is")
        })
    }
}
