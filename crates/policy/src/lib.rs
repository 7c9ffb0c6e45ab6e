//! Who may do what (DESIGN §11).
//!
//! Policies are Cedar, in the `*.cedar` files of the store root; no environment can be called so.
//! Without any, the owner of the store may do anything to `local` and nobody anything elsewhere.
//! A policy that cannot be understood permits nothing, and takes nothing from the owner of `local`.

mod cedar;
mod explain;
mod files;

pub use explain::{Explanation, explain};

use std::path::Path;

use deploy_spec::{Authorization, EnvironmentId, Permission};

use cedar::Ruling;

/// Whether a verb changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It only looks.
    Read,
    /// It changes something, or could.
    Write,
}

/// A verb of the command line.
#[derive(Debug, Clone, Copy)]
pub struct Verb<'a> {
    /// Its noun.
    pub noun: &'a str,
    /// Its name.
    pub verb: &'a str,
    /// What it does.
    pub access: Access,
}

/// Who asks for what.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The name of the account.
    pub user: &'a str,
    /// The number of the account.
    pub uid: u32,
    /// The noun of the command.
    pub noun: &'a str,
    /// The verb of the command.
    pub verb: &'a str,
    /// What it is done to.
    pub environment: &'a EnvironmentId,
}

impl Request<'_> {
    fn action(&self) -> String {
        format!("{}.{}", self.noun, self.verb)
    }
}

/// The name of the rule that holds without any policy.
pub const LOCAL_OWNER: &str = "default/local-owner";
/// The name of the refusal of everything that no policy permits.
pub const CLOSED: &str = "default/closed";
/// The name of the refusal of everything while the policies cannot be understood.
pub const BROKEN: &str = "default/broken";
/// The file that a grant goes to; any other `*.cedar` of the store root is obeyed as well.
pub const FILE: &str = "policy.cedar";

/// Whether a request is permitted by the policies in `root`. `verbs` are all there are.
#[must_use]
pub fn authorize(root: &Path, verbs: &[Verb<'_>], request: &Request<'_>) -> Authorization {
    let owner = files::owner(root).is_none_or(|owner| owner == request.uid);
    let by_default = request.environment.is_local() && owner;
    let texts = match files::read(root) {
        // Most stores have no policies: nothing of Cedar is touched for them.
        Ok(texts) if texts.is_empty() => return unruled(by_default),
        Ok(texts) => texts,
        Err(problem) => return broken(by_default, &problem),
    };
    match cedar::rule(&texts, verbs, request, owner) {
        Ok(Ruling { decision: Permission::Allow, policies }) => Authorization {
            decision: Permission::Allow,
            reason: format!("{} permits it", policies.join(", ")),
            policy: policies.join(", "),
        },
        Ok(Ruling { policies, .. }) if policies.is_empty() => unruled(false),
        Ok(Ruling { policies, .. }) => Authorization {
            decision: Permission::Deny,
            reason: format!("{} forbids it", policies.join(", ")),
            policy: policies.join(", "),
        },
        Err(problem) => broken(by_default, &problem),
    }
}

fn unruled(permitted: bool) -> Authorization {
    let (decision, policy, reason) = if permitted {
        let reason = "the owner of the store may do anything to `local`";
        (Permission::Allow, LOCAL_OWNER, reason)
    } else {
        (Permission::Deny, CLOSED, "nothing is allowed here until a policy grants it")
    };
    Authorization { decision, policy: policy.into(), reason: reason.into() }
}

/// The policies cannot be understood: closed, but for the owner of `local`, who has to mend them.
fn broken(by_default: bool, problem: &str) -> Authorization {
    let Authorization { decision, policy, reason } = unruled(by_default);
    let because = format!("the policies are not obeyed: {problem}");
    match decision {
        Permission::Allow => {
            Authorization { decision, policy, reason: format!("{reason}; {because}") }
        }
        Permission::Deny => Authorization { decision, policy: BROKEN.into(), reason: because },
    }
}

/// The smallest policy that permits exactly this request.
#[must_use]
pub fn smallest_grant(request: &Request<'_>) -> String {
    format!(
        "permit (principal == User::{}, action == Action::{}, resource == Environment::{});",
        quoted(request.user),
        quoted(&request.action()),
        quoted(request.environment.as_str())
    )
}

/// A string literal of Cedar.
fn quoted(text: &str) -> String {
    let escaped: String = text.chars().flat_map(char::escape_debug).collect();
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests;
