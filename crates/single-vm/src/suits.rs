//! Whether a machine can have a deployment at all, and whether what was found out is about it.

use deploy_spec::Fault;

use crate::facts::{CertificateFacts, Facts, MountBy, ProgramFacts};
use crate::resource::Engine;
use crate::spec::{Deployment, Mtls, Program};

/// The oldest systemd with everything that the units say.
pub const SYSTEMD: u32 = 247;

pub(crate) fn can_be(deployment: &Deployment, facts: &Facts) -> Result<(), Fault> {
    let spec = &deployment.spec;
    let mut reasons = Vec::new();
    if facts.machine.arch != spec.runtime.arch.as_str() {
        let (is, wanted) = (&facts.machine.arch, spec.runtime.arch.as_str());
        reasons.push(format!("the machine is `{is}`, and the description says `{wanted}`"));
    }
    match facts.machine.systemd {
        None => reasons.push("systemd does not run as process 1 of the machine".into()),
        Some(version) if version < SYSTEMD => {
            reasons.push(format!("its systemd is {version}; the units need {SYSTEMD} or newer"));
        }
        Some(_) => {}
    }
    if facts.machine.mounts == MountBy::Nothing {
        let why = "it can mount no SquashFS: the kernel has no `squashfs` or no loop devices, and \
                   there is no `squashfuse`";
        reasons.push(why.into());
    }
    let port = spec.runtime.listen.address().port();
    let is_docker = matches!(facts.program, ProgramFacts::Image(Engine::Docker, _));
    if is_docker && port < 1024 {
        reasons.push(format!(
            "Docker cannot be handed a socket, and its user none below 1024: {port}"
        ));
    }
    if !reasons.is_empty() {
        let why = reasons.join("; ");
        return Err(Fault::refused(format!("the machine cannot have this deployment: {why}"))
            .detail("reasons", reasons));
    }
    agrees(deployment, facts)
}

/// What was found out is about what the description names.
fn agrees(deployment: &Deployment, facts: &Facts) -> Result<(), Fault> {
    let bundle = &deployment.spec.bundle;
    if let Some(digest) = bundle.digest.as_ref().filter(|digest| **digest != facts.bundle) {
        let found = &facts.bundle;
        return Err(Fault::conflict(format!(
            "the bundle at {} is {found}, and the description says {digest}",
            bundle.source
        )));
    }
    let is_image = matches!(deployment.spec.runtime.program, Program::Image(_));
    let is_given = matches!(deployment.spec.runtime.admin.mtls, Mtls::Files(_));
    let facts_are = (
        matches!(facts.program, ProgramFacts::Image(..)),
        matches!(facts.certificates, CertificateFacts::Given { .. }),
    );
    if (is_image, is_given) == facts_are {
        Ok(())
    } else {
        Err(Fault::internal("the facts are about another description"))
    }
}
