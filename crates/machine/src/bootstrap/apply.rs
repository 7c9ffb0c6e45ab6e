//! Stages secrets, and has `gtc single-vm apply` do the rest on the machine.

use deploy_spec::Fault;
use serde_json::Value;
use single_vm::bootstrap::Landing;
use zeroize::Zeroizing;

use super::{Reached, TellReached};
use crate::answer::answer;
use crate::ssh::{Script, Ssh};

/// A file that is in the machine's memory while it applies.
pub(super) struct Staged {
    /// Its path in the directory.
    pub(super) name: String,
    pub(super) content: Zeroizing<Vec<u8>>,
}

/// Which description is applied, and what it takes.
pub(super) struct Stage {
    pub(super) description: String,
    pub(super) files: Vec<Staged>,
}

pub(super) fn apply(
    ssh: &Ssh,
    landing: &Landing,
    stage: &Stage,
    tell: TellReached<'_>,
) -> Result<Value, Fault> {
    let unit = landing.staged().as_str().trim_start_matches("/run/");
    let lengths: Vec<String> =
        stage.files.iter().map(|file| file.content.len().to_string()).collect();
    let does = include_str!("unit.sh");
    let mut words = vec![unit, landing.folder().as_str(), does, &stage.description];
    for (file, length) in stage.files.iter().zip(&lengths) {
        words.extend([file.name.as_str(), length]);
    }
    let script = Script { text: include_str!("apply.sh"), words: &words };
    let ended = ssh.run(
        script,
        &mut |to| stage.files.iter().try_for_each(|file| to.write_all(&file.content)),
        &mut |line| {
            // The last line is the failure as data, for us.
            if !line.starts_with('{') {
                tell(Reached::Applying(line));
            }
        },
    )?;
    let host = ssh.destination().as_str();
    answer("gtc single-vm apply on the machine", ended.code == 0, &ended.out, &ended.err)
        .map_err(|fault| fault.detail("host", host))
}
