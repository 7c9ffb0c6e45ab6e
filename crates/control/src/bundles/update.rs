//! `bundles update`: changes what was said of a deployment when it was added. Its revisions keep the
//! configuration that they were staged with.

use std::collections::BTreeSet;

use deploy_spec::{
    BundleDeployment, CustomerId, Fault, PolicyRef, RouteAnswers, RouteBinding, RouteKey,
    SessionSource,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::add::DeploymentShown;
use super::routes;
use crate::draft::Draft;
use crate::handle::{Handle, resolve_deployment};
use crate::mechanism::Verb;
use crate::record::Record;

/// `bundles update`.
pub struct Update;

/// The answers of `bundles update`; what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateAnswers {
    /// Which deployment.
    pub deployment_id: Handle,
    /// Where it answers from now on, all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_binding: Option<RouteAnswers>,
    /// The non-secret values that override the bundle's defaults in revisions staged from now on,
    /// all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Map<String, Value>>,
    /// Where the identity of a session comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionSource>,
    /// Who it is run for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// How its usage is billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue_policy_ref: Option<PolicyRef>,
}

impl Verb for Update {
    const NOUN: &'static str = "bundles";
    const OP: &'static str = "update";
    type Answers = UpdateAnswers;
    type Facts = ();
    type Outcome = DeploymentShown;

    fn rule(
        answers: &UpdateAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<DeploymentShown, Fault> {
        let mut record = resolve_deployment(draft.view(), Some(&answers.deployment_id))?;
        let before = &record.deployment;
        draft.target(before.deployment_id, Some(before.generation))?;
        let mut deployment = updated(answers, before)?;
        if deployment == *before {
            return Ok(deployment.into());
        }
        reroute(before, &deployment.route_binding, draft)?;
        deployment.generation += 1;
        draft.becomes(deployment.generation);
        record.deployment = deployment.clone();
        draft.put(Record::Deployment(record));
        Ok(deployment.into())
    }
}

fn updated(answers: &UpdateAnswers, before: &BundleDeployment) -> Result<BundleDeployment, Fault> {
    let UpdateAnswers {
        deployment_id: _,
        route_binding,
        config,
        session,
        customer_id,
        revenue_policy_ref,
    } = answers.clone();
    let said = [
        route_binding.is_some(),
        config.is_some(),
        session.is_some(),
        customer_id.is_some(),
        revenue_policy_ref.is_some(),
    ];
    if !said.contains(&true) {
        let fields = "route_binding, config, session, customer_id or revenue_policy_ref";
        return Err(Fault::invalid("nothing is said that could be updated")
            .at("")
            .hint(format!("give {fields}")));
    }
    if let Some(session) = &session {
        session.check().map_err(|why| Fault::invalid(why).at("/session/header"))?;
    }
    if let Some(values) = &config {
        crate::config::check(values, "/config")?;
    }
    let route_binding = route_binding.map(|said| routes::bind(&said)).transpose()?;
    let mut after = before.clone();
    after.route_binding = route_binding.unwrap_or(after.route_binding);
    after.config_overrides = config.unwrap_or(after.config_overrides);
    after.session = session.unwrap_or(after.session);
    after.customer_id = customer_id.unwrap_or(after.customer_id);
    after.revenue_policy_ref = revenue_policy_ref.or(after.revenue_policy_ref);
    Ok(after)
}

/// Lets the routes go that are not wanted any more and claims the new ones, in one transaction.
fn reroute(
    before: &BundleDeployment,
    after: &RouteBinding,
    draft: &mut Draft<'_>,
) -> Result<(), Fault> {
    let had: BTreeSet<RouteKey> = before.route_binding.claims().collect();
    let wants: BTreeSet<RouteKey> = after.claims().collect();
    routes::release(had.difference(&wants).cloned(), draft);
    routes::claim(wants.difference(&had).cloned(), before.deployment_id, draft)
}
