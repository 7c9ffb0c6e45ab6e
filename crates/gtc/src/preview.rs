//! `gtc preview`: a link that reaches a revision, whatever its weight.

use clap::Args;
use control::Handle;
use deploy_spec::{EnvironmentId, Fault};
use serde_json::json;
use serve::client;

use crate::globals::Globals;
use crate::outcome::{Named, Success};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtc preview r2
  gtc preview r2 --for 15m
  curl -H \"$(gtc preview r2 -o json | jq -r .result.header)\" http://shop.localhost:8080/

Whoever has the link or the header reaches the revision until it expires, a day at most; nobody else
does. A browser that follows the link keeps it in a cookie.")]
pub(crate) struct Preview {
    /// The revision: r2, an id, or a prefix of one
    revision: Handle,
    /// Whose revision, where there are several deployments
    #[arg(long)]
    deployment: Option<Handle>,
    /// How long it counts: 30m, 2h, 1d
    #[arg(long = "for", default_value = "1h", value_name = "TIME", value_parser = seconds)]
    time: u64,
    /// The environment
    #[arg(long, default_value = "local", value_name = "ENVIRONMENT")]
    env: EnvironmentId,
}

impl Preview {
    pub(crate) fn run(self, globals: &Globals) -> (Named, Result<Success, Fault>) {
        (Named { noun: "gtc", op: "preview" }, self.make(globals))
    }

    fn make(&self, globals: &Globals) -> Result<Success, Fault> {
        let store = globals.readable(("revisions", "show"), &self.env)?;
        let deployment = self.deployment.as_ref();
        let made = serve::make_preview(&store, deployment, &self.revision, self.time)?;
        let (record, _) = control::resolve_revision(&store.read()?, deployment, &self.revision)?;
        let binding = &record.deployment.route_binding;
        let prefix = binding.path_prefixes.first().map_or_else(|| "/".into(), ToString::to_string);
        let host = binding.hosts.first().map_or_else(|| "localhost".into(), ToString::to_string);
        let status = client::status(store.folder())?;
        let address = status.and_then(|status| status.addresses.into_iter().next());
        let port = address.map(|address| format!(":{}", address.port()));
        let url = format!("http://{host}{}{prefix}?{}", port.unwrap_or_default(), made.query);
        let mut shown = json!(made);
        shown["url"] = json!(url);
        Success::of(&shown)
    }
}

fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no time: write 30m, 2h or 1d, a day at most");
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let found = units
        .into_iter()
        .find_map(|(unit, seconds)| text.strip_suffix(unit).map(|number| (number, seconds)));
    let (number, seconds) = found.ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let time =
        number.checked_mul(seconds).filter(|time| (1..=serve::LONGEST_PREVIEW_S).contains(time));
    time.ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn a_preview_lasts_a_day_at_most() {
        for (text, wanted) in [("1s", 1), ("30m", 1_800), ("2h", 7_200), ("1d", 86_400)] {
            assert_eq!(seconds(text), Ok(wanted));
        }
        for bad in ["", "0s", "2d", "h", "1", "-1h", "99999999999999999999h"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
