//! What can be checked here, before anybody connects.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use deploy_spec::{Fault, Timestamp};
use single_vm::Deployment;
use single_vm::resource::Artifact;
use single_vm::spec::{Mtls, Program};

use crate::certificates;
use crate::local::{bundle, failed};
use crate::sources::Sources;

/// How much of a program tells which machine it is for, in bytes.
const HEADER: usize = 64;

/// Everything that is wrong with what would be brought.
#[must_use]
pub fn check(deployment: &Deployment, sources: &Sources, now: Timestamp) -> Vec<Fault> {
    let mut found = Vec::new();
    found.extend(bundle_is_it(deployment, sources).err());
    found.extend(program_is_for(deployment, sources).err());
    if matches!(deployment.spec.runtime.admin.mtls, Mtls::Files(_)) {
        found.extend(certificates::given(sources, now).err());
    }
    found
}

fn bundle_is_it(deployment: &Deployment, sources: &Sources) -> Result<(), Fault> {
    let path = sources.path(Artifact::Bundle)?;
    let at = |fault: Fault| fault.at("/spec/bundle/source");
    let is = bundle(path).map_err(at)?;
    match &deployment.spec.bundle.digest {
        Some(wanted) if *wanted != is => Err(at(Fault::conflict(format!(
            "`{}` is {is}, and the description says {wanted}",
            path.display()
        )))),
        _ => Ok(()),
    }
}

/// The program for the machine: a static one when the description names it. This `gtc` runs at least
/// here; whether it runs there is tried there.
fn program_is_for(deployment: &Deployment, sources: &Sources) -> Result<(), Fault> {
    let runtime = &deployment.spec.runtime;
    let path = sources.path(Artifact::Binary)?;
    let at = |fault: Fault| {
        let message =
            format!("`{}` cannot be the machine's `gtc`: {}", path.display(), fault.message);
        let fault = Fault { message, ..fault }.at("/spec/runtime/binary");
        match runtime.program {
            Program::Binary(_) => fault,
            _ => fault.hint("name a `gtc` for the machine as `spec.runtime.binary`"),
        }
    };
    let bytes = match runtime.program {
        Program::Binary(_) => std::fs::read(path).map_err(failed("reading", path)),
        _ => beginning(path),
    };
    let bytes = bytes.map_err(at)?;
    let is_for = elf::machine(&bytes).map_err(at)?;
    if is_for != runtime.arch.as_str() {
        let wanted = runtime.arch.as_str();
        return Err(at(Fault::invalid(format!("it is for `{is_for}`, and not for `{wanted}`"))));
    }
    match runtime.program {
        Program::Binary(_) => elf::check_for_any_machine(&bytes).map_err(at),
        _ => Ok(()),
    }
}

fn beginning(path: &Path) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEADER as u64).read_to_end(&mut bytes));
    read.map_err(failed("reading", path))?;
    Ok(bytes)
}
