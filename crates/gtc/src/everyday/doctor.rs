//! `gtc doctor`: `gtc op env doctor` of every environment.

use clap::Args;
use deploy_spec::{EnvironmentId, Fault};
use serde_json::json;

use super::plan::Plan;
use super::{Explain, Explained};
use crate::cli;
use crate::globals::Globals;
use crate::outcome::Success;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  gtc doctor\n  gtc doctor prod-eu")]
pub(crate) struct Doctor {
    /// The environment [default: all of them]
    environment: Option<EnvironmentId>,
    #[command(flatten)]
    explained: Explained,
}

impl Doctor {
    pub(super) fn run(self, globals: &Globals) -> Result<Success, Fault> {
        let environments = match self.environment {
            Some(one) => vec![one],
            None => globals.root()?.environments()?,
        };
        if environments.is_empty() {
            return Err(Fault::not_found("there is no environment yet").hint("gtc op env init"));
        }
        let words = |id: &EnvironmentId| ["op", "env", "doctor", id.as_str()].map(str::to_owned);
        if self.explained.how() == Explain::Only {
            let mut plan = Plan::default();
            environments.iter().for_each(|id| plan.add(words(id)));
            return plan.carry_out(globals, Explain::Only);
        }
        let mut told = Vec::new();
        let mut unsound = Vec::new();
        for id in &environments {
            match cli::in_process(globals, &words(id)) {
                Ok(diagnosis) => told.push(diagnosis),
                // One that is not sound never hides the others.
                Err(fault) => {
                    let mut diagnosis = json!({"environment_id": id, "healthy": false});
                    diagnosis["problem"] = fault.message.clone().into();
                    diagnosis["mend"] = fault.hint.clone().into();
                    diagnosis["findings"] = fault.details.get("findings").cloned().into();
                    told.push(diagnosis);
                    unsound.push(fault);
                }
            }
        }
        let several = environments.len() > 1;
        match unsound.into_iter().next() {
            None => Success::of(&json!({ "environments": told })),
            Some(first) if several => Err(first.detail("environments", json!(told))),
            Some(only) => Err(only),
        }
    }
}
