//! What the machine is and has, before anything is written there.

use std::collections::BTreeMap;

use deploy_spec::{Digest, Fault};
use single_vm::bootstrap::{Journal, Landing};

use super::copy::Parcel;
use crate::ssh::{Script, Ssh};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct There {
    pub(super) journal: Journal,
    /// Something was applied there before.
    pub(super) is_recorded: bool,
    arch: String,
    system: String,
    systemd: Option<u32>,
    /// What kind of file system `/run` is.
    run: String,
    lacks: Vec<String>,
    files: BTreeMap<String, Digest>,
}

pub(super) fn look(ssh: &Ssh, landing: &Landing, parcels: &[Parcel<'_>]) -> Result<There, Fault> {
    let mut words = vec![landing.folder().as_str()];
    words.extend(parcels.iter().map(|parcel| parcel.path.as_str()));
    let script = Script { text: include_str!("look.sh"), words: &words };
    let ended = ssh.run(script, &mut |_| Ok(()), &mut |_| {})?;
    ended.must("the machine cannot be looked at").map(|said| There::parse(&said))
}

impl There {
    fn parse(said: &str) -> Self {
        let mut there = Self::default();
        let mut journal = String::new();
        for line in said.lines() {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            match name {
                "arch" => there.arch = value.into(),
                "system" => there.system = value.into(),
                "systemd" => there.systemd = leading_number(value),
                "run" => there.run = value.into(),
                "lacks" => there.lacks.push(value.into()),
                "recorded" => there.is_recorded = true,
                "journal" => journal = journal + value + "\n",
                "file" => {
                    let parts = value.split_once(' ');
                    let file = parts.and_then(|(path, it)| Some((path, it.parse().ok()?)));
                    there.files.extend(file.map(|(path, digest)| (path.to_owned(), digest)));
                }
                _ => {}
            }
        }
        there.journal = Journal::parse(&journal);
        there
    }

    pub(super) fn has(&self, parcel: &Parcel<'_>) -> bool {
        self.files.get(parcel.path.as_str()) == Some(&parcel.digest)
    }

    /// Whether anything can be brought to it. What it is applied to is looked at once more there.
    ///
    /// # Errors
    /// `refused` with every reason.
    pub(super) fn suits(&self, arch: &str) -> Result<(), Fault> {
        let mut reasons = Vec::new();
        if self.system != "Linux" || self.arch != arch {
            let is = format!("{} on `{}`", self.system, self.arch);
            reasons.push(format!("it is {is}, and the description says Linux on `{arch}`"));
        }
        match self.systemd {
            None => reasons.push("systemd does not run as process 1 of it".into()),
            Some(version) if version < single_vm::SYSTEMD => {
                let least = single_vm::SYSTEMD;
                reasons.push(format!("its systemd is {version}; {least} or newer is needed"));
            }
            Some(_) => {}
        }
        if self.run != "tmpfs" {
            let is = &self.run;
            reasons.push(format!("secrets would not stay in memory: its /run is `{is}`"));
        }
        reasons.extend(self.lacks.iter().map(|tool| format!("it has no `{tool}`")));
        if reasons.is_empty() {
            return Ok(());
        }
        let why = reasons.join("; ");
        Err(Fault::refused(format!("the machine cannot be bootstrapped: {why}"))
            .detail("reasons", reasons))
    }
}

fn leading_number(text: &str) -> Option<u32> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use deploy_spec::Kind;
    use serde_json::json;

    use super::*;

    const GOOD: &str = "arch x86_64\nsystem Linux\nsystemd 252\nrun tmpfs\n";

    #[test]
    fn a_machine_that_suits_has_what_it_tells() {
        let digest = Digest::of(b"x");
        let begun = format!("journal 2026-11-22T01:45:00Z begun {digest}\n");
        let there = There::parse(&format!("{GOOD}recorded yes\nfile /a/b {digest}\n{begun}"));
        assert_eq!(there.suits("x86_64"), Ok(()));
        assert!(there.is_recorded);
        assert_eq!(there.journal, Journal::Begun(digest.clone()));
        assert_eq!(there.files["/a/b"], digest);
    }

    #[test]
    fn one_that_does_not_says_every_reason() {
        let bad = "arch aarch64\nsystem Linux\nrun ext2/ext3\nlacks systemd-run\n";
        let fault = There::parse(bad).suits("x86_64").unwrap_err();
        assert_eq!(fault.kind, Kind::Refused);
        assert_eq!(
            fault.details["reasons"],
            json!([
                "it is Linux on `aarch64`, and the description says Linux on `x86_64`",
                "systemd does not run as process 1 of it",
                "secrets would not stay in memory: its /run is `ext2/ext3`",
                "it has no `systemd-run`",
            ])
        );
        let old = GOOD.replace("252", "245~rc1");
        let fault = There::parse(&old).suits("x86_64").unwrap_err();
        assert!(fault.message.contains("its systemd is 245"), "{fault}");
    }
}
