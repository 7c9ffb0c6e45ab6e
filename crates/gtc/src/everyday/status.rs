//! `gtc status`: the picture that an operator wants at three in the morning.

use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use clap::Args;
use control::env::{Picture, RevisionPicture, picture};
use deploy_spec::{DeploymentId, EnvironmentId, Fault, RevisionId, Timestamp, document};
use serde::Serialize;
use serde_json::json;
use serve::{CertificateStatus, RevisionStatus, client};
use store::EnvironmentStore;

use super::plan::Plan;
use super::{Explain, Explained};
use crate::globals::{Globals, Paged};
use crate::outcome::{Named, Success, succeed};

/// How often a picture that is watched is drawn anew when nothing was committed.
const REFRESH: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtc status
  gtc status --watch
  gtc status prod-eu --limit 5")]
pub(crate) struct Status {
    /// The environment
    #[arg(value_name = "ENVIRONMENT", default_value = "local")]
    environment: EnvironmentId,
    /// Keep it live until interrupted
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    paged: Paged,
    #[command(flatten)]
    explained: Explained,
}

/// What the environment says, and what its data plane says.
#[derive(Serialize)]
struct Shown {
    environment_id: EnvironmentId,
    /// `serving`, or `not-serving` when no data plane runs on this machine.
    data_plane: &'static str,
    /// Where it answers.
    addresses: Vec<String>,
    /// Why the newest state is not served.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// What it shows over TLS.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<CertificateShown>,
    deployment_count: usize,
    deployments: Vec<control::env::DeploymentPicture>,
    revisions: Vec<RevisionShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_after: Option<DeploymentId>,
}

#[derive(Serialize)]
struct CertificateShown {
    name: String,
    /// Absent where it comes from an authority.
    file: Option<PathBuf>,
    /// Absent while there is none.
    ends: Option<Timestamp>,
    /// Why the last try to get a newer one failed.
    problem: Option<String>,
    /// When the next try is.
    again: Option<Timestamp>,
}

#[derive(Serialize)]
struct RevisionShown {
    #[serde(flatten)]
    picture: RevisionPicture,
    /// How many requests it answered since the data plane began.
    requests: Option<u64>,
    /// How many of them with a status of 500 or more.
    errors: Option<u64>,
    /// How many it is answering.
    in_flight: Option<u64>,
}

impl Status {
    pub(super) fn run(self, globals: &Globals) -> Result<Success, Fault> {
        if self.explained.how() == Explain::Only {
            let env = self.environment.as_str();
            let mut plan = Plan::default();
            plan.add(["op", "bundles", "list", env]);
            plan.add(["op", "revisions", "list", env]);
            return plan.carry_out(globals, Explain::Only);
        }
        let store = globals.readable(("env", "show"), &self.environment)?;
        if self.watch { self.watch(&store, globals) } else { Success::of(&self.look(&store)?) }
    }

    fn look(&self, store: &EnvironmentStore) -> Result<Shown, Fault> {
        let page = self.paged.page();
        let Picture {
            environment_id, deployment_count, deployments, revisions, next_after, ..
        } = picture(&store.read()?, page)?;
        let serving = client::status(store.folder())?;
        let data_plane = if serving.is_some() { "serving" } else { "not-serving" };
        let (addresses, problem, certificates, counts) = match serving {
            Some(status) => {
                let counts: HashMap<RevisionId, RevisionStatus> = status
                    .deployments
                    .into_iter()
                    .flat_map(|deployment| deployment.revisions)
                    .map(|revision| (revision.revision_id, revision))
                    .collect();
                let problem = status.problem.map(|problem| problem.message);
                let certificates = status.certificates.into_iter().map(certificate).collect();
                (status.addresses, problem, certificates, counts)
            }
            None => (Vec::new(), None, Vec::new(), HashMap::new()),
        };
        let shown = |picture: RevisionPicture| {
            let counted = counts.get(&picture.revision_id);
            RevisionShown {
                requests: counted.map(|counted| counted.requests),
                errors: counted.map(|counted| counted.errors),
                in_flight: counted.map(|counted| counted.in_flight),
                picture,
            }
        };
        let revisions = revisions.into_iter().map(shown).collect();
        let addresses = addresses.iter().map(|address| format!("http://{address}")).collect();
        Ok(Shown {
            environment_id,
            data_plane,
            addresses,
            problem,
            certificates,
            deployment_count,
            deployments,
            revisions,
            next_after,
        })
    }

    /// Draws the picture whenever something was committed, and every second for the counters. In
    /// a pipe it is one document a line.
    fn watch(&self, store: &EnvironmentStore, globals: &Globals) -> Result<Success, Fault> {
        let (ring, heard) = sync_channel(1);
        let _watch = store.watch(move || {
            let _ = ring.try_send(());
        })?;
        let mut last = Vec::new();
        loop {
            let shown = self.look(store)?;
            let now = document::to_line(&json!(shown));
            if now != last {
                if std::io::stdout().is_terminal() {
                    // Home, and clear to the end (ECMA-48 CUP and ED).
                    let _ = write!(std::io::stdout(), "\x1b[H\x1b[2J");
                }
                let named = Named { noun: "gtc", op: "status" };
                if succeed(named, globals.print, Success::of(&shown)?).is_err() {
                    return Ok(Success::Silent);
                }
                last = now;
            }
            let _ = heard.recv_timeout(REFRESH);
        }
    }
}

fn certificate(status: CertificateStatus) -> CertificateShown {
    let CertificateStatus { name, file, ends, problem, again } = status;
    CertificateShown { name, file, ends, problem: problem.map(|fault| fault.message), again }
}
