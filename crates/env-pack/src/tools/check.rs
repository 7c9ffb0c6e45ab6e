//! Holding the machine against what is needed: a row for each check.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use deploy_spec::CheckStatus;
use serde::Serialize;

use super::run::{Ran, run};
use super::{Platform, Probe, Tool, ToolNeed, version};

/// Where tools are looked for, and how they are run.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'a> {
    /// The search path, as in `PATH`; entries that are not absolute are passed over.
    pub path: &'a OsStr,
    /// The only variables that a tool sees, besides `PATH` and two that keep it from asking.
    pub environment: &'a [(OsString, OsString)],
    /// Whose hints to give.
    pub platform: Platform,
    /// How long one run may take; then its process group is killed.
    pub deadline: Duration,
}

/// What one check of one tool said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Which tool.
    pub tool: Tool,
    /// `presence`, `version`, or the name of a [`Probe`].
    pub check: &'static str,
    /// Skipped when the tool is not there.
    pub status: CheckStatus,
    /// Where it is, which version, or who is logged in.
    pub found: Option<String>,
    /// What was asked for.
    pub required: Option<String>,
    /// How to get the tool, when it is missing or too old.
    pub install_hint: Option<&'static str>,
    /// Why it failed and what to type, in words.
    pub detail: Option<String>,
}

/// Checks every need, in order: presence, then version if one is asked for, then the login.
#[must_use]
pub fn check_tools(needs: &[ToolNeed], machine: &Machine<'_>) -> Vec<Outcome> {
    needs.iter().flat_map(|need| check(need, machine)).collect()
}

fn check(need: &ToolNeed, machine: &Machine<'_>) -> Vec<Outcome> {
    let tool = need.tool;
    let row = |check, status| Outcome {
        tool,
        check,
        status,
        found: None,
        required: None,
        install_hint: None,
        detail: None,
    };
    let required = need.versions.as_ref().map(ToString::to_string);
    let Some(file) = host_fs::find_command(machine.path, tool.name()) else {
        let detail = Some(format!("`{}` is not on the search path", tool.name()));
        let hint = Some(tool.install_hint(machine.platform));
        let absent = row("presence", CheckStatus::Fail);
        let mut rows = vec![Outcome { install_hint: hint, detail, ..absent }];
        let version =
            required.map(|r| Outcome { required: Some(r), ..row("version", CheckStatus::Skipped) });
        rows.extend(version);
        rows.extend(need.probe.iter().map(|probe| row(probe.name(), CheckStatus::Skipped)));
        return rows;
    };
    let found = Some(file.display().to_string());
    let mut rows = vec![Outcome { found, ..row("presence", CheckStatus::Pass) }];
    if required.is_some() {
        rows.push(check_version(
            need,
            machine,
            &file,
            Outcome { required, ..row("version", CheckStatus::Fail) },
        ));
    }
    rows.extend(
        need.probe.iter().map(|probe| login(probe, machine, row(probe.name(), CheckStatus::Fail))),
    );
    rows
}

fn check_version(need: &ToolNeed, machine: &Machine<'_>, file: &Path, row: Outcome) -> Outcome {
    let tool = need.tool;
    let arguments = tool.row().version_arguments;
    let command = format!("{} {}", tool.name(), arguments.join(" "));
    let install_hint = Some(tool.install_hint(machine.platform));
    let fail = |why: String| Outcome { detail: Some(why), install_hint, ..row.clone() };
    let printed = match run(machine, file, arguments) {
        Ran::Printed(printed) => printed,
        Ran::Failed(why) => return fail(format!("`{command}` {why}")),
    };
    let Some(version) = version::parse(tool, &printed) else {
        return fail(format!("`{command}` printed no version"));
    };
    let found = Some(version.to_string());
    if need.versions.as_ref().is_none_or(|versions| version::fits(versions, &version)) {
        Outcome { status: CheckStatus::Pass, found, ..row }
    } else {
        Outcome { found, ..fail(format!("{version} is not a version that will do")) }
    }
}

fn login(probe: &Probe, machine: &Machine<'_>, row: Outcome) -> Outcome {
    let arguments = probe.arguments();
    let row = Outcome { tool: probe.tool(), ..row };
    let name = row.tool.name();
    let command = format!("{name} {}", arguments.join(" "));
    let Some(file) = host_fs::find_command(machine.path, name) else {
        return Outcome { detail: Some(format!("`{name}` is not on the search path")), ..row };
    };
    let why = match run(machine, &file, &arguments) {
        Ran::Printed(printed) => match probe.answer(&printed) {
            Some(found) => {
                return Outcome { status: CheckStatus::Pass, found: Some(found), ..row };
            }
            None => "did not say yes".to_owned(),
        },
        Ran::Failed(why) => why,
    };
    // What it printed stays with it: it may hold what a log should not.
    Outcome { detail: Some(format!("`{command}` {why}; run it yourself to see why")), ..row }
}
