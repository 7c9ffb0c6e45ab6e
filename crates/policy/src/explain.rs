//! Why a request is permitted or refused, for people.

use std::path::Path;

use deploy_spec::{Authorization, Permission};
use serde::Serialize;

use crate::{Request, Verb, authorize, smallest_grant};

/// Why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Who asks.
    pub user: String,
    /// For what.
    pub action: String,
    /// On what.
    pub environment: String,
    /// What was decided, by which policy, and why.
    #[serde(flatten)]
    pub authorization: Authorization,
    /// The smallest policy that would permit it; null when it is permitted, or forbidden.
    pub smallest_grant: Option<String>,
    /// Where that policy would go.
    pub policy_file: String,
}

/// Explains a decision.
#[must_use]
pub fn explain(root: &Path, verbs: &[Verb<'_>], request: &Request<'_>) -> Explanation {
    let authorization = authorize(root, verbs, request);
    let is_closed = authorization.policy == crate::CLOSED;
    let wanting = authorization.decision == Permission::Deny && is_closed;
    Explanation {
        user: request.user.to_owned(),
        action: request.action(),
        environment: request.environment.to_string(),
        smallest_grant: wanting.then(|| smallest_grant(request)),
        policy_file: root.join(crate::FILE).display().to_string(),
        authorization,
    }
}
