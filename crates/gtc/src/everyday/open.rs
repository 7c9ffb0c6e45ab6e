//! `gtc open`: a deployment in a browser.

use std::process::{Command, Stdio};

use clap::Args;
use control::{Handle, resolve_deployment};
use deploy_spec::{EnvironmentId, Fault};
use serde_json::json;
use serve::client;

use super::plan::Plan;
use super::{Explain, Explained};
use crate::globals::Globals;
use crate::outcome::Success;

/// What opens a browser: on Linux desktops, on macOS.
const OPENERS: [&str; 2] = ["xdg-open", "open"];

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  gtc open hello\n  gtc open hello --no-browser")]
pub(crate) struct Open {
    /// The deployment: an id, a prefix, or a bundle's name [default: the only one]
    deployment: Option<Handle>,
    /// The environment
    #[arg(long, default_value = "local", value_name = "ENVIRONMENT")]
    env: EnvironmentId,
    /// Only say the address
    #[arg(long)]
    no_browser: bool,
    #[command(flatten)]
    explained: Explained,
}

impl Open {
    pub(super) fn run(self, globals: &Globals) -> Result<Success, Fault> {
        if self.explained.how() == Explain::Only {
            let mut plan = Plan::default();
            let show = ["op", "bundles", "show", self.env.as_str()].map(str::to_owned);
            plan.add(show.into_iter().chain(self.deployment.map(|handle| handle.to_string())));
            return plan.carry_out(globals, Explain::Only);
        }
        let store = globals.readable(("env", "show"), &self.env)?;
        let record = resolve_deployment(&store.read()?, self.deployment.as_ref())?;
        let not_serving = || {
            Fault::unavailable(format!("no data plane serves `{}` on this machine", self.env))
                .hint(format!("gtc start --env {}", self.env))
        };
        let status = client::status(store.folder())?.ok_or_else(not_serving)?;
        let address = status.addresses.first().ok_or_else(not_serving)?;
        let binding = &record.deployment.route_binding;
        let host = binding.hosts.first().map_or_else(|| address.ip().to_string(), to_text);
        let prefix = binding.path_prefixes.first().map_or_else(|| "/".into(), to_text);
        let url = format!("http://{host}:{}{prefix}", address.port());
        let opened = !self.no_browser && OPENERS.iter().any(|opener| start(opener, &url));
        Success::of(&json!({ "url": url, "opened": opened }))
    }
}

fn to_text(value: &impl std::fmt::Display) -> String {
    value.to_string()
}

fn start(opener: &str, url: &str) -> bool {
    let mut command = Command::new(opener);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}
