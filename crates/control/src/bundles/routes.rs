//! The routes of a deployment: claimed when they are declared, free at once when they are let go.

use deploy_spec::{DeploymentId, Fault, RouteAnswers, RouteBinding, RouteKey};
use serde_json::Value;

use crate::draft::Draft;
use crate::record::{Key, Record, RouteClaim, RouteClaimSchema};
use crate::view::Lookup as _;

/// Binds what the answers say under `route_binding`.
pub(super) fn bind(answers: &RouteAnswers) -> Result<RouteBinding, Fault> {
    RouteBinding::new(answers.clone()).map_err(|fault| below(fault, "/route_binding"))
}

/// Claims routes for a deployment; each must be nobody's.
pub(super) fn claim(
    routes: impl Iterator<Item = RouteKey>,
    id: DeploymentId,
    draft: &mut Draft<'_>,
) -> Result<(), Fault> {
    for route in routes {
        if let Some(owner) = draft.view().route_owner(&route)? {
            return Err(Fault::conflict(format!("deployment {owner} already answers `{route}`"))
                .hint("choose another host or path prefix")
                .at("/route_binding")
                .detail("deployment_id", owner.to_string()));
        }
        draft.put(Record::Route(RouteClaim { schema: RouteClaimSchema, route, deployment_id: id }));
    }
    Ok(())
}

/// Lets routes go.
pub(super) fn release(routes: impl Iterator<Item = RouteKey>, draft: &mut Draft<'_>) {
    for route in routes {
        draft.delete(Key::Route(route));
    }
}

fn below(mut fault: Fault, parent: &str) -> Fault {
    let inner = fault.details.get("pointer").and_then(Value::as_str).unwrap_or("");
    let pointer = format!("{parent}{inner}");
    fault.details.insert("pointer".into(), pointer.into());
    fault
}
