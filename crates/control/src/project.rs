//! From records to what a data plane serves.

use deploy_spec::runtime_config::{RuntimeConfigSchema, artifact_path};
use deploy_spec::{
    DeploymentId, DeploymentRecord, Fault, Revision, RuntimeConfig, RuntimeDeployment,
    RuntimeRevision, RuntimeSplit,
};

use crate::view::{Lookup as _, View};

/// The whole environment.
///
/// # Errors
/// `not-found` when there is no such environment; or when its records cannot be read.
pub fn project(view: &dyn View) -> Result<RuntimeConfig, Fault> {
    let environment = view.environment()?;
    let ids = view.deployment_ids()?.into_iter();
    let deployments = ids.filter_map(|id| project_deployment(view, id).transpose());
    Ok(RuntimeConfig {
        schema: RuntimeConfigSchema,
        environment_id: environment.environment_id,
        generation: view.sequence(),
        host_config: environment.host_config,
        deployments: deployments.collect::<Result<_, Fault>>()?,
    })
}

/// One deployment; none when it does not exist.
///
/// # Errors
/// When its records cannot be read.
pub fn project_deployment(
    view: &dyn View,
    id: DeploymentId,
) -> Result<Option<RuntimeDeployment>, Fault> {
    let Some(DeploymentRecord { deployment, split, .. }) = view.deployment(id)? else {
        return Ok(None);
    };
    let revisions = view.revisions(id)?.into_iter();
    let revisions = revisions.filter(|it| it.lifecycle.serves()).map(runtime_revision);
    let allocation = split.and_then(|split| Some((split.generation, split.allocation?)));
    Ok(Some(RuntimeDeployment {
        deployment_id: id,
        bundle_id: deployment.bundle_id,
        customer_id: deployment.customer_id,
        tenant: deployment.route_binding.tenant_selector.as_ref().map(|s| s.tenant.clone()),
        lifecycle: deployment.lifecycle,
        route_binding: deployment.route_binding,
        session: deployment.session,
        tags: deployment.tags,
        shadow: deployment.shadow,
        split: allocation.map(|(generation, allocation)| RuntimeSplit { generation, allocation }),
        revisions: revisions.collect(),
    }))
}

fn runtime_revision(revision: Revision) -> RuntimeRevision {
    RuntimeRevision {
        revision_id: revision.revision_id,
        sequence: revision.sequence,
        artifact: artifact_path(&revision.bundle_digest),
        bundle_digest: revision.bundle_digest,
        pack_list: revision.pack_list,
        config: revision.config,
        secret_refs: revision.secret_refs,
        pinned: revision.pinned,
        lifecycle: revision.lifecycle,
        drain_seconds: revision.drain_seconds,
    }
}
