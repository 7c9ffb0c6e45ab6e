//! What the machine has. Nothing here writes.

use std::collections::BTreeSet;

use deploy_spec::Fault;
use single_vm::spec::MachinePath;
use single_vm::{Actual, Id, Observed};

use super::{Linux, certificate, files, images, serving, units};

/// Where the texts are that a plan shows line by line. Nothing secret is there.
const TEXTS: [&str; 3] = ["/etc/systemd/system/", "/etc/tmpfiles.d/", "/etc/logrotate.d/"];

pub(super) fn observe(linux: &Linux, ids: &BTreeSet<Id>) -> Result<Observed, Fault> {
    let names = ids.iter().filter_map(|id| match id {
        Id::Unit(name) => Some(name.as_str()),
        _ => None,
    });
    let mut known = units::known(&names.collect::<Vec<_>>())?;
    let mut observed = Observed { needs_reload: known.needs_reload, ..Observed::default() };
    for id in ids {
        let actual = match id {
            Id::Unit(name) => known.units.remove(name),
            other => one(linux, other)?,
        };
        observed.resources.extend(actual.map(|actual| (id.clone(), actual)));
    }
    Ok(observed)
}

fn one(linux: &Linux, id: &Id) -> Result<Option<Actual>, Fault> {
    match id {
        Id::Group(name) => linux.names.group(name.as_str()),
        Id::User(name) => linux.names.user(name.as_str()),
        Id::Directory(path) => files::directory(&linux.path(path), &linux.names),
        Id::File(path) => files::file(&linux.path(path), &linux.names, is_text(path)),
        Id::Certificate(path) => certificate::observe(&linux.path(path), &linux.names),
        Id::Image(id) => images::observe(id),
        Id::Serving(service) => serving::observe(service).map(Some),
        Id::Unit(_) | Id::Manager => Ok(None),
    }
}

fn is_text(path: &MachinePath) -> bool {
    TEXTS.iter().any(|folder| path.as_str().starts_with(folder))
}
