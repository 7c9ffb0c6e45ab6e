//! Copies files to the machine; the machine keeps one only when its digest is that of what was sent.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;

use deploy_spec::{Digest, Fault};
use single_vm::bootstrap::Landing;
use single_vm::spec::MachinePath;

use super::{Reached, TellReached};
use crate::local::failed;
use crate::ssh::{Script, Ssh};

/// How much is sent at a time, in bytes.
const PIECE: usize = 256 * 1024;

/// One file for the machine.
#[derive(Debug)]
pub(super) struct Parcel<'a> {
    /// Its name, here and there.
    pub(super) name: &'static str,
    pub(super) path: MachinePath,
    /// As chmod(1) takes it.
    pub(super) mode: &'static str,
    pub(super) digest: Digest,
    pub(super) content: Content<'a>,
}

#[derive(Debug)]
pub(super) enum Content<'a> {
    File(&'a Path),
    Text(&'a str),
}

pub(super) fn copy(
    ssh: &Ssh,
    landing: &Landing,
    parcel: &Parcel<'_>,
    tell: TellReached<'_>,
) -> Result<(), Fault> {
    let digest = parcel.digest.to_string();
    let words = [landing.folder().as_str(), parcel.name, &digest, parcel.mode];
    let script = Script { text: include_str!("receive.sh"), words: &words };
    let ended = match parcel.content {
        Content::Text(text) => {
            ssh.run(script, &mut |to| to.write_all(text.as_bytes()), &mut |_| {})?
        }
        Content::File(path) => {
            let mut file = File::open(path).map_err(failed("opening", path))?;
            let total = file.metadata().map_err(failed("looking at", path))?.len();
            let name = parcel.name;
            let mut told = |done| tell(Reached::Copying { name, done, total });
            ssh.run(script, &mut |to| send(&mut file, to, &mut told), &mut |_| {})?
        }
    };
    ended.must(&format!("`{}` did not arrive on the machine", parcel.name)).map(drop)
}

fn send(file: &mut File, to: &mut dyn Write, told: &mut dyn FnMut(u64)) -> io::Result<()> {
    let (mut buffer, mut done) = (vec![0_u8; PIECE], 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read])?;
        done += read as u64;
        told(done);
    }
}

/// Whether the program that was copied runs there, and is of this version.
pub(super) fn runs(ssh: &Ssh, landing: &Landing, version: &str) -> Result<(), Fault> {
    let program = landing.program();
    let script = Script { text: "exec \"$1\" --version", words: &[program.as_str()] };
    let ended = ssh.run(script, &mut |_| Ok(()), &mut |_| {})?;
    let hint = "name a static binary of this version for Linux as `spec.runtime.binary`";
    let says = ended.must("the `gtc` for the machine does not run there");
    let says = says.map_err(|fault| fault.hint(hint))?;
    if says.split_whitespace().last() == Some(version) {
        return Ok(());
    }
    Err(Fault::refused(format!(
        "the `gtc` for the machine says that it is `{}`, and this one is {version}",
        says.trim()
    ))
    .hint(hint))
}
