//! Values of secrets are handed to the environment on this machine, before anything needs them.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;

use deploy_spec::Fault;

use super::Service;
use crate::local::failed;

/// Stores each value; one that is stored already changes nothing.
pub(in super::super) fn store(
    unit: &str,
    secrets: &BTreeMap<String, PathBuf>,
) -> Result<(), Fault> {
    if secrets.is_empty() {
        return Ok(());
    }
    let service = Service::running(unit)?;
    for (name, file) in secrets {
        let value = File::open(file).map_err(failed("opening", file))?;
        service.gtc_on(Stdio::from(value), &["op", "secrets", "put", "local", name])?;
    }
    Ok(())
}
