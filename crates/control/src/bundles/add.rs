//! `bundles add`: gives a bundle a place in an environment. Its routes must be free.

use std::collections::BTreeMap;

use deploy_spec::deployment::DeploymentSchema;
use deploy_spec::{
    BundleDeployment, BundleId, CustomerId, DeploymentId, DeploymentLifecycle, DeploymentRecord,
    Fault, PolicyRef, RouteAnswers, RouteBinding, SessionSource,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::routes;
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::record::{BundleMember, BundleMemberSchema, Record};
use crate::view::Lookup as _;
use crate::{config, roster};

/// `bundles add`.
pub struct Add;

/// The answers of `bundles add`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddAnswers {
    /// The bundle.
    pub bundle_id: BundleId,
    /// Who it is run for; `local-dev` when absent on `local`, required elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// Where it answers; everything under `/` on any host when absent.
    #[serde(default)]
    pub route_binding: RouteAnswers,
    /// Where the identity of a session comes from; our signed cookie when absent.
    #[serde(default)]
    pub session: SessionSource,
    /// Non-secret values that override the bundle's defaults.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub config: Map<String, Value>,
    /// How its usage is billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue_policy_ref: Option<PolicyRef>,
}

/// A deployment, as results show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeploymentShown {
    /// Its id.
    pub deployment_id: DeploymentId,
    /// Its bundle.
    pub bundle_id: BundleId,
    /// Who it is run for.
    pub customer_id: CustomerId,
    /// Whether it serves.
    pub lifecycle: DeploymentLifecycle,
    /// Where it answers.
    pub route_binding: RouteBinding,
    /// Counts its changes.
    pub generation: u64,
}

impl From<BundleDeployment> for DeploymentShown {
    fn from(deployment: BundleDeployment) -> Self {
        Self {
            deployment_id: deployment.deployment_id,
            bundle_id: deployment.bundle_id,
            customer_id: deployment.customer_id,
            lifecycle: deployment.lifecycle,
            route_binding: deployment.route_binding,
            generation: deployment.generation,
        }
    }
}

impl Verb for Add {
    const NOUN: &'static str = "bundles";
    const OP: &'static str = "add";
    type Answers = AddAnswers;
    type Facts = ();
    type Outcome = DeploymentShown;

    fn rule(
        answers: &AddAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<DeploymentShown, Fault> {
        draft.view().environment()?;
        let id = draft.new_deployment_id();
        draft.target(id, None)?;
        let route_binding = check(answers)?;
        routes::claim(route_binding.claims(), id, draft)?;
        let deployment = BundleDeployment {
            deployment_id: id,
            environment_id: draft.view().environment_id().clone(),
            bundle_id: answers.bundle_id.clone(),
            customer_id: customer(answers, draft)?,
            lifecycle: DeploymentLifecycle::Active,
            route_binding,
            session: answers.session.clone(),
            tags: BTreeMap::new(),
            shadow: None,
            config_overrides: answers.config.clone(),
            revenue_policy_ref: answers.revenue_policy_ref.clone(),
            last_sequence: 0,
            generation: 0,
            created_at: draft.now(),
            retired_at: None,
        };
        draft.becomes(deployment.generation);
        draft.put(Record::BundleMember(BundleMember {
            schema: BundleMemberSchema,
            bundle_id: answers.bundle_id.clone(),
            deployment_id: id,
        }));
        roster::add(id, draft)?;
        let shown = deployment.clone().into();
        draft.put(Record::Deployment(DeploymentRecord {
            schema: DeploymentSchema,
            deployment,
            split: None,
        }));
        Ok(shown)
    }
}

/// What can be wrong by itself; the routes, bound.
fn check(answers: &AddAnswers) -> Result<RouteBinding, Fault> {
    answers.session.check().map_err(|why| Fault::invalid(why).at("/session/header"))?;
    config::check(&answers.config, "/config")?;
    routes::bind(&answers.route_binding)
}

fn customer(answers: &AddAnswers, draft: &Draft<'_>) -> Result<CustomerId, Fault> {
    match &answers.customer_id {
        Some(customer) => Ok(customer.clone()),
        None if draft.view().environment_id().is_local() => Ok(CustomerId::local_dev()),
        None => Err(Fault::invalid("outside `local` a deployment names its customer")
            .at("/customer_id")
            .hint("add --customer, or customer_id in the answers")),
    }
}
