//! What people type every day. Each command is a composition of `gtc op` verbs, and `--explain`
//! says which.

mod deploy;
mod dial;
mod doctor;
mod logs;
mod open;
mod plan;
mod setup;
mod status;

use clap::{Args, Subcommand};
use deploy_spec::Fault;

use crate::globals::Globals;
use crate::outcome::{Named, Success};

/// Whether a command is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Explain {
    /// It is.
    CarryOut,
    /// It only names the `gtc op` commands that it stands for.
    Only,
}

#[derive(Debug, Clone, Args)]
struct Explained {
    /// Name the `gtc op` commands that this stands for, and run none of them
    #[arg(long)]
    explain: bool,
}

impl Explained {
    const fn how(&self) -> Explain {
        if self.explain { Explain::Only } else { Explain::CarryOut }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Everyday {
    /// Set a bundle up: ask what it needs, seal what is secret, push, prove, and offer traffic
    Setup(setup::Setup),
    /// Deploy a bundle, give it all traffic, and serve it here
    Up(deploy::Up),
    /// Push a bundle as the next revision, and prove it; the first one gets the traffic
    Deploy(deploy::Deploy),
    /// Turn the dial: r2=5 gives r2 five percent, the rest stays where most of it is
    Shift(dial::Shift),
    /// Go back to the split before
    Rollback(dial::Rollback),
    /// Show what serves whom, how it fares, and who changed it last
    Status(status::Status),
    /// Show what the data plane logged, and what workloads printed
    Logs(logs::Logs),
    /// Look at everything, and say what to type where something is wrong
    Doctor(doctor::Doctor),
    /// Open a deployment in a browser
    Open(open::Open),
}

impl Everyday {
    pub(crate) fn run(self, globals: &Globals) -> (Named, Result<Success, Fault>) {
        let (op, ended) = match self {
            Self::Setup(setup) => ("setup", setup.run(globals)),
            Self::Up(up) => ("up", up.run(globals)),
            Self::Deploy(deploy) => ("deploy", deploy.run(globals)),
            Self::Shift(shift) => ("shift", shift.run(globals)),
            Self::Rollback(rollback) => ("rollback", rollback.run(globals)),
            Self::Status(status) => ("status", status.run(globals)),
            Self::Logs(logs) => ("logs", logs.run(globals)),
            Self::Doctor(doctor) => ("doctor", doctor.run(globals)),
            Self::Open(open) => ("open", open.run(globals)),
        };
        (Named { noun: "gtc", op }, ended)
    }
}
