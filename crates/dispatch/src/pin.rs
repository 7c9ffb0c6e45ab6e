//! A pin: the revision that a session which the application names was given, and in which split.
//! Replicas that share pins agree on it while a shift spreads among them.

use std::fmt;
use std::str::FromStr;

use deploy_spec::{DeploymentId, EnvironmentId, RevisionId, TenantId};
use sha2::{Digest as _, Sha256};

/// What is remembered of a session. As text `GENERATION:REVISION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// The revision that answers it.
    pub revision: RevisionId,
    /// The split that chose it.
    pub generation: u64,
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.generation, self.revision)
    }
}

impl FromStr for Pin {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (generation, revision) = text.split_once(':').ok_or(())?;
        let generation = generation.parse().map_err(drop)?;
        Ok(Self { revision: revision.parse().map_err(drop)?, generation })
    }
}

/// Under which name a session is remembered: `gt:rev_pin:ENVIRONMENT:DEPLOYMENT:TENANT:SESSION`,
/// without a tenant if the deployment has none. Of the session it has the first half of a SHA-256,
/// in hex: what an application calls its sessions is for nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PinName<'a> {
    deployment: &'a str,
    session: u128,
}

impl fmt::Display for PinName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:032x}", self.deployment, self.session)
    }
}

impl<'a> PinName<'a> {
    /// The name of `session` among those of one deployment.
    #[must_use]
    pub fn new(deployment: &'a str, session: &[u8]) -> Self {
        let digest = Sha256::digest(session);
        let half = digest.iter().take(16).fold(0, |sum, byte| (sum << 8) | u128::from(*byte));
        Self { deployment, session: half }
    }

    /// The part of it that the sessions of one deployment share.
    #[must_use]
    pub const fn deployment(&self) -> &'a str {
        self.deployment
    }

    /// The part of it that is the session's own.
    #[must_use]
    pub const fn session(&self) -> u128 {
        self.session
    }
}

pub(crate) fn prefix(
    environment: &EnvironmentId,
    deployment: DeploymentId,
    tenant: Option<&TenantId>,
) -> String {
    let tenant = tenant.map_or("", TenantId::as_str);
    format!("gt:rev_pin:{environment}:{deployment}:{tenant}")
}
