//! How a pack of the kind `process` or `container` is run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Pack, PackKind};
use crate::fault::Fault;

/// How a `process` or a `container` is run.
///
/// Its environment holds the configuration of its revision, each value under its name in capitals
/// with `_` for whatever is neither letter nor digit, `TMPDIR`, which is the working directory of a
/// `process`, and where it must listen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessSettings {
    /// Its arguments. Everyone on the machine can read them: no secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Where it must listen.
    pub listen: ProcessListen,
    /// When it is ready.
    pub probe: ProcessProbe,
    /// How many descriptors each of its processes may have open (16 to 1 048 576); default 1 024.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 16, max = 1_048_576))]
    pub files: Option<u32>,
    /// How many processes and threads it may have, where it has a user of its own (1 to 65 536);
    /// default 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_536))]
    pub processes: Option<u32>,
    /// How long it has between SIGTERM and SIGKILL, in milliseconds (at most 600 000);
    /// default 10 000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 600_000))]
    pub grace_ms: Option<u32>,
}

/// Where a `process` or a `container` must listen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessListen {
    /// On TCP port `PORT`: a `process` of 127.0.0.1, a `container` of all its addresses, of which
    /// only 127.0.0.1 of the machine leads there.
    #[default]
    Port,
    /// On the Unix socket at the path `GREENTIC_SOCKET`: faster, and nobody else can be there.
    Socket,
}

/// When a `process` or a `container` is ready.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessProbe {
    /// Asked with GET after every start; any status from 200 to 399 is ready. Default: it is ready
    /// when it accepts a connection; a `container` that listens on a port, when it answers at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How long it may take to get ready, in milliseconds (1 to 600 000); default 30 000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 600_000))]
    pub deadline_ms: Option<u32>,
}

/// The rules for the pack at `index`.
pub(super) fn check(pack: &Pack, index: usize) -> Result<(), Fault> {
    let wrong = |why: &str, field: &str| {
        Err(Fault::invalid(why.to_owned()).at(format!("/packs/{index}/{field}")))
    };
    match (pack.kind, &pack.process) {
        (PackKind::Process | PackKind::Container, _) if !pack.egress.is_empty() => {
            wrong("what a program calls cannot be limited, so it names no hosts", "egress")
        }
        (_, None) => Ok(()),
        (PackKind::Process | PackKind::Container, Some(settings)) => match settings.objection() {
            None => Ok(()),
            Some((field, why)) => wrong(why, &format!("process/{field}")),
        },
        (PackKind::HttpComponent | PackKind::Static | PackKind::Upstream, Some(_)) => {
            wrong("only a `process` and a `container` have these settings", "process")
        }
    }
}

impl ProcessSettings {
    fn objection(&self) -> Option<(String, &'static str)> {
        let outside = |value: Option<u32>, least: u32, most: u32| {
            value.is_some_and(|value| !(least..=most).contains(&value))
        };
        let plain =
            |path: &str| path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic());
        let rows = [
            ("files", outside(self.files, 16, 1_048_576), "files is from 16 to 1048576"),
            ("processes", outside(self.processes, 1, 65_536), "processes is from 1 to 65536"),
            ("grace_ms", outside(self.grace_ms, 0, 600_000), "grace_ms is at most 600000"),
            (
                "probe/deadline_ms",
                outside(self.probe.deadline_ms, 1, 600_000),
                "deadline_ms is from 1 to 600000",
            ),
            (
                "probe/path",
                self.probe.path.as_deref().is_some_and(|path| !plain(path)),
                "path begins with `/` and is plain ASCII",
            ),
        ];
        if let Some(i) = self.args.iter().position(|arg| arg.contains('\0')) {
            return Some((format!("args/{i}"), "an argument holds no NUL"));
        }
        let row = rows.into_iter().find(|(_, is_wrong, _)| *is_wrong);
        row.map(|(field, _, why)| (field.to_owned(), why))
    }
}
