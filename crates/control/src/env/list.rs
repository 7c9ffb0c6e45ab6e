//! `env list`: one line about each environment.

use deploy_spec::{EnvironmentId, Fault};
use serde::Serialize;

use crate::roster;
use crate::view::{Lookup as _, View};

/// One line of `env list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnvironmentSummary {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// What people call it.
    pub name: String,
    /// How many env-packs are bound.
    pub pack_count: usize,
    /// How many deployments it holds.
    pub deployment_count: usize,
    /// Its generation.
    pub generation: u64,
}

/// The line of one environment.
///
/// # Errors
/// When its records cannot be read.
pub fn list(view: &dyn View) -> Result<EnvironmentSummary, Fault> {
    let environment = view.environment()?;
    Ok(EnvironmentSummary {
        environment_id: environment.environment_id,
        name: environment.name,
        pack_count: environment.bindings.len(),
        deployment_count: roster::count(view)?,
        generation: environment.generation,
    })
}
