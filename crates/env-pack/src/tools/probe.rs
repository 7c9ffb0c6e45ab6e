//! Asking a tool whether it is logged in, and as whom.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Tool;

/// A question to one tool about its login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Probe {
    /// Whom AWS takes the caller for.
    AwsCallerIdentity,
    /// The active account of gcloud.
    GcloudAuthList,
    /// The subscription that az is logged in to.
    AzAccountShow,
    /// Whether the cluster lets the caller do something.
    KubectlCanI {
        /// What it wants to do, such as `create`.
        verb: String,
        /// With what, such as `deployments.apps`.
        resource: String,
        /// Where; none for the context's own namespace.
        namespace: Option<String>,
    },
}

impl Probe {
    /// What it is called in results.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AwsCallerIdentity => "aws-caller-identity",
            Self::GcloudAuthList => "gcloud-auth-list",
            Self::AzAccountShow => "az-account-show",
            Self::KubectlCanI { .. } => "kubectl-can-i",
        }
    }

    /// The tool that it asks.
    #[must_use]
    pub const fn tool(&self) -> Tool {
        match self {
            Self::AwsCallerIdentity => Tool::Aws,
            Self::GcloudAuthList => Tool::Gcloud,
            Self::AzAccountShow => Tool::Az,
            Self::KubectlCanI { .. } => Tool::Kubectl,
        }
    }

    pub(super) fn arguments(&self) -> Vec<&str> {
        match self {
            Self::AwsCallerIdentity => vec!["sts", "get-caller-identity", "--output", "json"],
            Self::GcloudAuthList => {
                vec!["auth", "list", "--filter=status:ACTIVE", "--format=json"]
            }
            Self::AzAccountShow => vec!["account", "show", "--output", "json"],
            Self::KubectlCanI { verb, resource, namespace } => {
                let place = namespace.iter().flat_map(|name| ["--namespace", name.as_str()]);
                ["auth", "can-i", verb, resource].into_iter().chain(place).collect()
            }
        }
    }

    /// Who is logged in, or that it is allowed, out of what the tool printed; none when nobody is.
    pub(super) fn answer(&self, printed: &str) -> Option<String> {
        let json = || serde_json::from_str::<Value>(printed).ok();
        let found = match self {
            Self::AwsCallerIdentity => json()?.get("Arn")?.as_str()?.to_owned(),
            Self::GcloudAuthList => json()?.get(0)?.get("account")?.as_str()?.to_owned(),
            Self::AzAccountShow => json()?.get("id")?.as_str()?.to_owned(),
            Self::KubectlCanI { .. } => printed.lines().find(|line| line.trim() == "yes")?.into(),
        };
        let short = found.trim().chars().take(200).flat_map(char::escape_debug).collect::<String>();
        Some(short).filter(|short| !short.is_empty())
    }
}
