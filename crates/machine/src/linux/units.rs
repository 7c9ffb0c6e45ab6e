//! Units, as `systemctl` tells of them and has them started.

use std::collections::HashMap;
use std::fs;

use deploy_spec::{Digest, Fault};
use single_vm::Actual;

use super::command::{ask, must};
use super::mounts::is_mounted;

/// What is asked about each unit (org.freedesktop.systemd1(5)).
const PROPERTIES: &str =
    "--property=Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload,MainPID,Where";

/// What systemd knows of some units.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) units: HashMap<String, Actual>,
    pub(super) needs_reload: bool,
}

type Fields = HashMap<String, String>;

/// What systemd knows of `units`; those it does not know are left out.
pub(super) fn known(units: &[&str]) -> Result<Known, Fault> {
    if units.is_empty() {
        return Ok(Known::default());
    }
    let shown = must(&[&["systemctl", "show", PROPERTIES, "--"], units].concat())?;
    let mut known = Known::default();
    // One paragraph for each, in the order in which they were named.
    let paragraphs = shown.split("\n\n").map(fields);
    for (name, fields) in units.iter().zip(paragraphs) {
        known.needs_reload |= is(&fields, "NeedDaemonReload", "yes");
        // Gone from the disk, and not yet forgotten: it still runs what it was started with.
        let is_known = !matches!(value(&fields, "LoadState"), "not-found" | "")
            || !matches!(value(&fields, "ActiveState"), "inactive" | "");
        if is_known {
            known.units.insert((*name).to_owned(), actual(name, &fields));
        }
    }
    Ok(known)
}

fn fields(paragraph: &str) -> Fields {
    let pairs = paragraph.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn value<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

fn is(fields: &Fields, name: &str, wanted: &str) -> bool {
    value(fields, name) == wanted
}

fn actual(name: &str, fields: &Fields) -> Actual {
    let active = matches!(value(fields, "ActiveState"), "active" | "reloading");
    let is_mount = name.ends_with(".mount");
    Actual::Unit {
        enabled: is(fields, "UnitFileState", "enabled"),
        active: active && (!is_mount || is_mounted(value(fields, "Where"))),
        configuration: active.then(|| configuration(value(fields, "MainPID"))).flatten(),
    }
}

/// What the process was started with, by its own environment: that of the unit may have been read
/// anew since. The one of a container is the child of who watches it, whose environment is its own.
fn configuration(pid: &str) -> Option<Digest> {
    let pid: u32 = pid.parse().ok().filter(|pid| *pid != 0)?;
    of_process(pid).or_else(|| children(pid).into_iter().find_map(of_process))
}

fn of_process(pid: u32) -> Option<Digest> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let prefix = b"GREENTIC_CONFIGURATION=";
    let found = environment.split(|byte| *byte == 0).find_map(|it| it.strip_prefix(prefix))?;
    std::str::from_utf8(found).ok()?.parse().ok()
}

fn children(parent: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let wanted = format!("PPid:\t{parent}\n");
    let is_child = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|text| text.contains(&wanted))
    };
    pids.filter(is_child).collect()
}

/// Has systemd read its units again.
pub(super) fn reload() -> Result<(), Fault> {
    must(&["systemctl", "daemon-reload"]).map(drop)
}

pub(super) fn enable(unit: &str) -> Result<(), Fault> {
    must(&["systemctl", "--quiet", "enable", "--", unit]).map(drop)
}

pub(super) fn disable(unit: &str) -> Result<(), Fault> {
    must(&["systemctl", "--quiet", "disable", "--", unit]).map(drop)
}

pub(super) fn stop(unit: &str) -> Result<(), Fault> {
    must(&["systemctl", "stop", "--", unit]).map(drop)?;
    // A unit that failed is as stopped as one that did not.
    ask(&["systemctl", "reset-failed", "--", unit]).map(drop)
}

/// Starts a unit, by `start` or `restart`, and waits until it is active.
pub(super) fn start(verb: &str, unit: &str) -> Result<(), Fault> {
    // What failed too often before is begun with anew.
    ask(&["systemctl", "reset-failed", "--", unit])?;
    let said = ask(&["systemctl", verb, "--", unit])?;
    if said.success {
        return Ok(());
    }
    Err(Fault::unhealthy(format!("`{unit}` does not start: {}", said.why())))
}

/// The last lines of the journal of a unit.
pub(super) fn log_lines(unit: &str, most: usize) -> Vec<String> {
    let most = most.to_string();
    let asked = ask(&[
        "journalctl",
        "--unit",
        unit,
        "--lines",
        &most,
        "--no-pager",
        "--output",
        "short-iso",
        "--quiet",
    ]);
    asked.map(|said| said.out.lines().map(str::to_owned).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_read_as_systemd_tells_it() {
        let of = |text: &str| actual("a.service", &fields(text));
        let unit = |enabled, active| Actual::Unit { enabled, active, configuration: None };
        let table = [
            ("ActiveState=active\nUnitFileState=enabled\nMainPID=0", unit(true, true)),
            ("ActiveState=activating\nUnitFileState=disabled", unit(false, false)),
            ("ActiveState=failed\nUnitFileState=enabled-runtime", unit(false, false)),
            ("", unit(false, false)),
        ];
        for (text, wanted) in table {
            assert_eq!(of(text), wanted, "{text}");
        }
    }
}
