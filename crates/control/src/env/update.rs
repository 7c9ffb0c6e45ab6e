//! `env update`: changes what an environment is called and what its data plane tells the world.

use std::net::IpAddr;

use deploy_spec::{EnvironmentId, Fault, HostConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::create::check_name;
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::record::Record;
use crate::view::Lookup as _;

/// `env update`.
pub struct Update;

/// The answers of `env update`; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateAnswers {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub name: Option<String>,
    /// What its data plane tells the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_config: Option<HostConfigAnswers>,
}

/// What a data plane tells the world; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostConfigAnswers {
    /// Whether responses carry `x-greentic-revision`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision_header: Option<bool>,
    /// Peers whose forwarding and forcing headers are believed, all of them, as IP addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_peers: Option<Vec<IpAddr>>,
}

/// The result of `env update`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UpdateOutcome {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// What people call it.
    pub name: String,
    /// What its data plane tells the world.
    pub host_config: HostConfig,
    /// The environment's generation.
    pub generation: u64,
}

impl Verb for Update {
    const NOUN: &'static str = "env";
    const OP: &'static str = "update";
    type Answers = UpdateAnswers;
    type Facts = ();
    type Outcome = UpdateOutcome;

    fn rule(
        answers: &UpdateAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<UpdateOutcome, Fault> {
        let before = draft.view().environment()?;
        draft.target(&before.environment_id, Some(before.generation))?;
        let host = answers.host_config.clone().unwrap_or_default();
        if answers.name.is_none() && host == HostConfigAnswers::default() {
            return Err(Fault::invalid("nothing is said that could be updated")
                .at("")
                .hint("give name, host_config.revision_header or host_config.trusted_peers"));
        }
        let mut after = before.clone();
        if let Some(name) = &answers.name {
            check_name(name)?;
            after.name.clone_from(name);
        }
        let config = &mut after.host_config;
        config.revision_header = host.revision_header.unwrap_or(config.revision_header);
        if let Some(peers) = host.trusted_peers {
            config.trusted_peers = peers;
        }
        if after != before {
            after.generation += 1;
            draft.becomes(after.generation);
            draft.put(Record::Environment(after.clone()));
        }
        Ok(UpdateOutcome {
            environment_id: after.environment_id,
            name: after.name,
            host_config: after.host_config,
            generation: after.generation,
        })
    }
}
