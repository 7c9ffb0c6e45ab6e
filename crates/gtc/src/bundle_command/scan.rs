//! `gtc bundle scan`.

use std::path::PathBuf;

use clap::Args;
use deploy_spec::{Fault, Kind};

use crate::outcome::Success;

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// The bundle, the folder, or any other file
    path: PathBuf,
}

/// A finding is an answer, not a mishap: the check ran and said no.
pub(super) fn scan(args: &ScanArgs) -> Result<Success, Fault> {
    let passed = bundle::scan(&args.path)?.pass();
    let scan = passed.map_err(|mut fault| {
        fault.kind = Kind::Unhealthy;
        fault
    })?;
    Success::of(&scan)
}
