//! The record of what was done, and who may do more. It is beside what it tells of, not in it, so
//! that removing that does not remove it.

use std::any::Any;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use deploy_spec::{Fault, document};
use rustix::fs::FlockOperation;
use single_vm::Recorded;
use single_vm::resource::Mode;
use single_vm::spec::DeploymentName;

use super::accounts::Numbers;
use super::draft::{Draft, sync};
use super::files::{remove_directory, remove_file};
use crate::local::failed;

const FOLDER: &str = "var/lib/gtc-single-vm";
/// Gone after a restart of the machine, with whoever held it.
const LOCKS: &str = "run/gtc-single-vm";

const ROOT: Numbers = Numbers { uid: 0, gid: 0 };

fn path(root: &Path, name: &DeploymentName) -> PathBuf {
    root.join(FOLDER).join(format!("{name}.json"))
}

pub(super) fn read(root: &Path, name: &DeploymentName) -> Result<Recorded, Fault> {
    let path = path(root, name);
    match fs::read(&path) {
        Ok(text) => document::from_json(&text).map_err(|fault| {
            let why = fault.message;
            Fault::unavailable(format!("the record `{}` is damaged: {why}", path.display()))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Recorded::default()),
        Err(error) => Err(failed("reading", &path)(error)),
    }
}

pub(super) fn write(root: &Path, name: &DeploymentName, recorded: &Recorded) -> Result<(), Fault> {
    let path = path(root, name);
    let folder = root.join(FOLDER);
    if recorded.is_empty() {
        remove_file(&path)?;
        // What a bootstrap has brought is of no use any more.
        remove_directory(&folder.join(name.as_str()), true)?;
        // Other deployments may have theirs in it.
        return remove_directory(&folder, false);
    }
    if !folder.is_dir() {
        make_private(&folder)?;
        sync(&root.join("var/lib"))?;
    }
    let draft = Draft::new(&path)?;
    let text = document::to_line(recorded);
    draft.file().write_all(&text).map_err(failed("writing", &path))?;
    draft.keep(ROOT, Mode::new(0o600))
}

fn make_private(folder: &Path) -> Result<(), Fault> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = fs::DirBuilder::new().mode(0o700).recursive(true).create(folder);
    made.map_err(failed("making", folder))
}

pub(super) fn claim(root: &Path, name: &DeploymentName) -> Result<Box<dyn Any>, Fault> {
    if !rustix::process::geteuid().is_root() {
        return Err(Fault::refused(format!(
            "only root can change what `{name}` is on this machine"
        ))
        .hint("sudo gtc single-vm apply --spec FILE"));
    }
    let folder = root.join(LOCKS);
    make_private(&folder)?;
    let path = folder.join(format!("{name}.lock"));
    let file = File::options().create(true).append(true).open(&path);
    let file = file.map_err(failed("opening", &path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Box::new(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            Err(Fault::conflict(format!("another command is changing `{name}` on this machine"))
                .hint("gtc single-vm status shows what became of it"))
        }
        Err(error) => Err(failed("locking", &path)(error.into())),
    }
}
