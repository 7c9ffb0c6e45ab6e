//! `gtc op env tool-check`: the tools of this machine that the bound env-packs call.

use std::time::Duration;

use clap::Args;
use control::Lookup as _;
use deploy_spec::{CheckStatus, Fault};
use env_pack::{Machine, Platform, ToolReport};
use serde_json::{Value, json};

use crate::environment;
use crate::globals::{Globals, InEnvironment};
use crate::outcome::Success;

/// The variables by which tools find their configuration and their logins, by their beginnings; a
/// tool sees no others.
const SEEN: [&str; 20] = [
    "HOME",
    "USER",
    "LANG",
    "KUBECONFIG",
    "AWS_",
    "AZURE_",
    "ARM_",
    "CLOUDSDK_",
    "GOOGLE_",
    "DOCKER_",
    "CONTAINER_",
    "XDG_",
    "HTTPS_PROXY",
    "SSL_CERT_",
    // Of Windows.
    "APPDATA",
    "LOCALAPPDATA",
    "ProgramData",
    "SystemRoot",
    "TEMP",
    "USERPROFILE",
];

#[derive(Debug, Args)]
pub(crate) struct ToolCheckArgs {
    #[command(flatten)]
    at: InEnvironment,
    /// How long one tool may take to answer, in seconds
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    deadline: u64,
}

pub(super) fn tool_check(globals: &Globals, args: &ToolCheckArgs) -> Result<Success, Fault> {
    let store = globals.readable(("env", "tool-check"), &args.at.environment)?;
    let bound = store.read()?.environment()?;
    let registry = serve::env_packs::registry(&store, &bound)?;
    let machine = Machine {
        path: &environment::variable("PATH").unwrap_or_default(),
        environment: &environment::variables(&SEEN),
        platform: if cfg!(target_os = "macos") { Platform::Brew } else { Platform::Apt },
        deadline: Duration::from_secs(args.deadline),
    };
    let report = ToolReport::make(&registry, &bound.bindings, &machine);
    let failed = report.per_binding.iter().flat_map(|binding| &binding.outcomes);
    let Some(first) = failed.clone().find(|row| row.status == CheckStatus::Fail) else {
        return Success::of(&report);
    };
    let why = first.detail.as_deref().unwrap_or("it failed");
    let message =
        format!("{} of {} checks failed: {why}", report.failed_checks, report.total_checks);
    let mut fault = Fault::unhealthy(message);
    fault.hint = first.install_hint.map(str::to_owned);
    if let Value::Object(fields) = json!(report) {
        fault.details.extend(fields);
    }
    Err(fault)
}
