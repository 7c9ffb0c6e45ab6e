//! What is found out about the machine and about what is to be put on it.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use deploy_spec::{Digest, Fault};
use single_vm::resource::Artifact;
use single_vm::spec::{Mtls, Program};
use single_vm::{
    Actual, CertificateFacts, Deployment, Facts, Machine as About, MountBy, ProgramFacts, Recorded,
    Resource,
};

use super::{Linux, command, images};
use crate::certificates;
use crate::local::{bundle, digest, failed};
use crate::sources::Sources;

/// Numbers of system accounts, as far as distributions leave them free (adduser.conf(5)).
const NUMBERS: std::ops::Range<u32> = 500..1000;

impl Linux {
    /// What must be known beside the description, so that it can be said what the machine should
    /// have. Nothing is written.
    ///
    /// # Errors
    /// `invalid-input` when the binary, the bundle or given certificates cannot be used;
    /// `not-found` when one is not there; `unavailable` when the machine cannot be read.
    pub fn facts(
        &self,
        deployment: &Deployment,
        sources: &Sources,
        recorded: &Recorded,
    ) -> Result<Facts, Fault> {
        let program = self.program(deployment, sources)?;
        let bundle = bundle(sources.path(Artifact::Bundle)?)?;
        let certificates = self.certificates(deployment, sources, recorded)?;
        let (uid, gid) = self.numbers(deployment, recorded)?;
        Ok(Facts { machine: about()?, uid, gid, bundle, program, certificates })
    }

    fn program(&self, deployment: &Deployment, sources: &Sources) -> Result<ProgramFacts, Fault> {
        let name = match &deployment.spec.runtime.program {
            // It runs on this machine already.
            Program::This => {
                return digest(sources.path(Artifact::Binary)?).map(ProgramFacts::Binary);
            }
            Program::Binary(_) => {
                return binary(sources.path(Artifact::Binary)?).map(ProgramFacts::Binary);
            }
            Program::Image(name) => name,
        };
        let engine = images::engine().ok_or_else(|| {
            Fault::refused("the description names an image, and there is neither Podman nor Docker")
                .at("/spec/runtime/image")
                .hint("apt-get install podman, or name a `binary`")
        })?;
        Ok(ProgramFacts::Image(engine, images::find(engine, name)?))
    }

    fn certificates(
        &self,
        deployment: &Deployment,
        sources: &Sources,
        recorded: &Recorded,
    ) -> Result<CertificateFacts, Fault> {
        match &deployment.spec.runtime.admin.mtls {
            Mtls::Files(_) => certificates::given(sources, self.now),
            Mtls::Generate(_) => {
                let folder = format!("etc/greentic/{}/tls", deployment.metadata.name);
                certificates::generated(&self.root.join(folder), recorded, self.now)
            }
        }
    }

    /// The numbers of the account: those it has, those that were recorded for it, or free ones.
    fn numbers(&self, deployment: &Deployment, recorded: &Recorded) -> Result<(u32, u32), Fault> {
        let service = &deployment.spec.service;
        let mut uid = match self.names.user(service.user.as_str())? {
            Some(Actual::User { uid, .. }) => Some(uid),
            _ => None,
        };
        let mut gid = match self.names.group(service.group.as_str())? {
            Some(Actual::Group { gid }) => Some(gid),
            _ => None,
        };
        let mut noted = HashSet::new();
        for entry in recorded.entries.values() {
            match &entry.resource {
                Resource::User { name, uid: number, .. } => {
                    noted.insert(*number);
                    uid = uid.or_else(|| (*name == service.user).then_some(*number));
                }
                Resource::Group { name, gid: number } => {
                    noted.insert(*number);
                    gid = gid.or_else(|| (*name == service.group).then_some(*number));
                }
                _ => {}
            }
        }
        match (uid, gid) {
            (Some(uid), Some(gid)) => Ok((uid, gid)),
            _ => {
                let free = self.free(&noted)?;
                Ok((uid.unwrap_or(free), gid.unwrap_or(free)))
            }
        }
    }

    fn free(&self, noted: &HashSet<u32>) -> Result<u32, Fault> {
        for number in NUMBERS.rev() {
            if !noted.contains(&number) && !self.names.is_taken(number)? {
                return Ok(number);
            }
        }
        Err(Fault::refused("the machine has no free number for a system account below 1000"))
    }
}

/// A static program for any machine; whether it is for this one, the description says.
fn binary(path: &Path) -> Result<Digest, Fault> {
    let found = digest(path)?;
    let bytes = fs::read(path).map_err(failed("reading", path))?;
    elf::check(&bytes).map_err(|fault| {
        let message = format!("`{}` cannot be run: {}", path.display(), fault.message);
        Fault { message, ..fault }.at("/spec/runtime/binary")
    })?;
    Ok(found)
}

fn about() -> Result<About, Fault> {
    let uname = rustix::system::uname();
    let arch = uname.machine().to_string_lossy().into_owned();
    let release = uname.release().to_string_lossy().into_owned();
    Ok(About { arch, systemd: systemd()?, mounts: mounts(&release) })
}

/// The version of systemd, where it runs as process 1 (sd_booted(3)).
fn systemd() -> Result<Option<u32>, Fault> {
    if !Path::new("/run/systemd/system").is_dir() {
        return Ok(None);
    }
    let said = command::must(&["systemctl", "--version"])?;
    let version = said.split_whitespace().nth(1).unwrap_or_default();
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    Ok(digits.parse().ok())
}

fn mounts(release: &str) -> MountBy {
    let has = |path: &str| Path::new(path).exists();
    let listed =
        |path: &str, what: &str| fs::read_to_string(path).is_ok_and(|text| text.contains(what));
    let modules = format!("/lib/modules/{release}");
    let squashfs = listed("/proc/filesystems", "\tsquashfs\n")
        || listed(&format!("{modules}/modules.dep"), "/squashfs.ko")
        || listed(&format!("{modules}/modules.builtin"), "/squashfs.ko");
    if squashfs && has("/dev/loop-control") {
        MountBy::Kernel
    } else if has("/usr/bin/squashfuse") && has("/dev/fuse") {
        MountBy::Squashfuse
    } else {
        MountBy::Nothing
    }
}
