//! A machine that is a map, and as strict as a real one: nothing is in a directory that is not there,
//! nothing is used before it exists, or taken away from under who uses it.

use std::collections::{BTreeMap, BTreeSet};

use deploy_spec::Digest;
use single_vm::resource::{Content, Holds, Mode, Owner};
use single_vm::spec::MachinePath;
use single_vm::{Action, Actual, Id, Observed, Resource, Step};

use crate::world::at;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Unit {
    pub(crate) enabled: bool,
    /// The text that systemd has read.
    pub(crate) loaded: Option<String>,
    /// The text that it was started with.
    pub(crate) started: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Machine {
    pub(crate) things: BTreeMap<Id, Actual>,
    pub(crate) texts: BTreeMap<MachinePath, String>,
    pub(crate) units: BTreeMap<String, Unit>,
    pub(crate) serving: Option<Digest>,
    pub(crate) issuers: BTreeMap<MachinePath, MachinePath>,
    pub(crate) last_serial: u32,
    pub(crate) day: u16,
}

const BASE: &[&str] = &[
    "/data",
    "/etc",
    "/etc/logrotate.d",
    "/etc/systemd",
    "/etc/systemd/system",
    "/etc/tmpfiles.d",
    "/opt",
    "/srv",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
];

fn path(text: &str) -> MachinePath {
    text.parse().unwrap()
}

pub(crate) fn root() -> Owner {
    Owner { user: "root".into(), group: "root".into() }
}

impl Machine {
    /// With what every machine has, and a user and a directory of somebody else.
    pub(crate) fn fresh() -> Self {
        let mut machine = Self::default();
        for directory in BASE {
            let actual = Actual::Directory { owner: root(), mode: Mode::new(0o755) };
            machine.things.insert(Id::Directory(path(directory)), actual);
        }
        machine.things.insert(Id::Group("other".parse().unwrap()), Actual::Group { gid: 105 });
        let other = Actual::User { uid: 105, group: "other".into() };
        machine.things.insert(Id::User("other".parse().unwrap()), other);
        let theirs = Actual::Directory { owner: root(), mode: Mode::new(0o711) };
        machine.things.insert(Id::Directory(path("/data/state")), theirs);
        machine
    }

    pub(crate) fn free_number(&self) -> u32 {
        let taken: BTreeSet<u32> = self
            .things
            .values()
            .filter_map(|actual| match actual {
                Actual::User { uid, .. } => Some(*uid),
                Actual::Group { gid } => Some(*gid),
                _ => None,
            })
            .collect();
        (900..1000).find(|number| !taken.contains(number)).unwrap()
    }

    pub(crate) fn observe(&self, ids: &BTreeSet<Id>) -> Observed {
        let mut resources = BTreeMap::new();
        for id in ids {
            let actual = match id {
                Id::Unit(name) => self.unit(name),
                Id::Serving(_) => Some(Actual::Serving { bundle: self.serving.clone() }),
                other => self.things.get(other).cloned(),
            };
            resources.extend(actual.map(|actual| (id.clone(), actual)));
        }
        let is_stale = |(name, unit): (&String, &Unit)| {
            unit.loaded.is_some() && unit.loaded.as_ref() != self.texts.get(&file_of(name))
        };
        Observed { resources, needs_reload: self.units.iter().any(is_stale) }
    }

    fn unit(&self, name: &str) -> Option<Actual> {
        let unit = self.units.get(name).cloned().unwrap_or_default();
        let is_there = self.texts.contains_key(&file_of(name)) || unit.started.is_some();
        let started = unit.started.as_deref();
        let configuration =
            started.and_then(|text| value(text, "Environment=GREENTIC_CONFIGURATION="));
        is_there.then(|| Actual::Unit {
            enabled: unit.enabled,
            active: unit.started.is_some(),
            configuration: configuration.map(|text| text.parse().unwrap()),
        })
    }

    /// Does `step`.
    pub(crate) fn execute(&mut self, step: &Step) {
        let name = step.id.name().to_owned();
        match &step.action {
            Action::Create(resource) | Action::Change(resource) => self.make(resource),
            Action::Remove(resource) => self.remove(resource),
            Action::Restore(actual) => {
                self.things.insert(step.id.clone(), actual.clone());
            }
            Action::Reload => self.reload(),
            Action::Enable => {
                assert!(self.texts.contains_key(&file_of(&name)), "{name} has no file");
                self.units.entry(name).or_default().enabled = true;
            }
            Action::Disable => self.units.entry(name).or_default().enabled = false,
            Action::Start => self.start(&name),
            Action::Stop => self.stop(&name),
            Action::Restart => {
                self.units.get_mut(&name).unwrap().started = None;
                self.start(&name);
            }
            Action::RollOut(Resource::Serving { service, bundle, file, mount, .. }) => {
                assert!(self.is_active(service), "{service} does not run");
                let mounted =
                    self.active().any(|(_, text)| value(text, "Where=") == Some(mount.as_str()));
                assert!(mounted, "{mount} is not mounted");
                assert_eq!(self.digest(file), Some(bundle.clone()));
                self.serving = Some(bundle.clone());
            }
            Action::RollOut(_) => panic!("only a bundle is rolled out"),
            Action::Await(gate) => {
                assert!(self.is_active(&gate.service), "{} does not run", gate.service);
                assert!(self.serving.is_some(), "nothing is served");
            }
        }
        self.units.retain(|name, unit| *unit != Unit::default() && !name.is_empty());
    }

    fn active(&self) -> impl Iterator<Item = (&String, &String)> {
        self.units.iter().filter_map(|(name, unit)| unit.started.as_ref().map(|text| (name, text)))
    }

    fn is_active(&self, unit: &str) -> bool {
        self.units.get(unit).is_some_and(|unit| unit.started.is_some())
    }

    fn digest(&self, path: &MachinePath) -> Option<Digest> {
        match self.things.get(&Id::File(path.clone())) {
            Some(Actual::File { digest, .. }) => Some(digest.clone()),
            _ => None,
        }
    }

    /// Nothing that is active has `path` open.
    fn is_unused(&self, path: &MachinePath) {
        for (unit, text) in self.active() {
            assert!(!text.contains(path.as_str()), "{unit} uses {path}");
        }
    }

    fn has_owner(&self, owner: &Owner) {
        let has =
            |id: String| id.ends_with(":root") || self.things.contains_key(&id.parse().unwrap());
        assert!(
            has(format!("user:{}", owner.user)) && has(format!("group:{}", owner.group)),
            "{owner}"
        );
    }

    fn has_parent(&self, path: &MachinePath) {
        let parent = path.parent().map(Id::Directory);
        assert!(parent.is_none_or(|id| self.things.contains_key(&id)), "{path} is in nothing");
    }

    fn make(&mut self, resource: &Resource) {
        let actual = match resource {
            Resource::Group { gid, .. } => Actual::Group { gid: *gid },
            Resource::User { uid, group, .. } => {
                assert!(self.things.contains_key(&Id::Group(group.clone())));
                Actual::User { uid: *uid, group: group.to_string() }
            }
            Resource::Directory { path, owner, mode, .. } => {
                self.has_parent(path);
                self.has_owner(owner);
                Actual::Directory { owner: owner.clone(), mode: *mode }
            }
            Resource::File { path, owner, mode, content } => {
                self.write(path, content);
                self.has_owner(owner);
                let text = match content {
                    Content::Text(text) => Some(text.clone()),
                    Content::Copy { .. } => None,
                };
                let (owner, mode) = (owner.clone(), *mode);
                Actual::File { owner, mode, digest: content.digest(), text }
            }
            Resource::Certificate { path, issuer, days, owner, .. } => {
                self.has_parent(path);
                let serial = path.as_str().rsplit_once('-').unwrap().1.parse().unwrap();
                self.last_serial = self.last_serial.max(serial);
                if let Some(issuer) = issuer {
                    assert!(self.things.contains_key(&Id::Certificate(issuer.clone())), "{issuer}");
                    self.issuers.insert(path.clone(), issuer.clone());
                }
                let not_after = match self.things.get(&resource.id()) {
                    Some(Actual::Certificate { not_after, .. }) => *not_after,
                    _ => Some(at(self.day + days)),
                };
                Actual::Certificate { owner: owner.clone(), mode: Mode::new(0o600), not_after }
            }
            Resource::Image { .. } => Actual::Image,
            Resource::Unit { .. } | Resource::Serving { .. } => panic!("not made, but started"),
        };
        self.things.insert(resource.id(), actual);
    }

    fn write(&mut self, path: &MachinePath, content: &Content) {
        self.has_parent(path);
        if self.digest(path).is_some_and(|digest| digest != content.digest()) {
            match content {
                Content::Copy { .. } => self.is_unused(path),
                Content::Text(_) => {
                    let unit = path.as_str().rsplit_once('/').unwrap().1;
                    let can_tell = unit.ends_with(".service");
                    assert!(can_tell || !self.is_active(unit), "{unit} changes while it is active");
                }
            }
        }
        if let Content::Text(text) = content {
            self.texts.insert(path.clone(), text.clone());
        }
    }

    fn inside(&self, path: &MachinePath) -> Vec<Id> {
        let inside = |id: &&Id| match id {
            Id::Directory(other) | Id::File(other) | Id::Certificate(other) => {
                other != path && other.is_within(path)
            }
            _ => false,
        };
        self.things.keys().filter(inside).cloned().collect()
    }

    fn remove(&mut self, resource: &Resource) {
        match resource {
            Resource::Directory { path, holds: Holds::Parts | Holds::Mount, .. } => {
                let mounted =
                    self.active().any(|(_, text)| value(text, "Where=") == Some(path.as_str()));
                assert!(!mounted, "{path} is a mount");
                if !self.inside(path).is_empty() {
                    return;
                }
            }
            Resource::Directory { path, .. } => {
                for id in self.inside(path) {
                    self.things.remove(&id);
                }
                if self.is_state(path) {
                    self.serving = None;
                }
            }
            Resource::File { path, .. } => {
                let name = path.as_str().rsplit_once('/').unwrap().1.to_owned();
                let unit = self.units.get(&name).cloned().unwrap_or_default();
                assert!(unit.started.is_none() && !unit.enabled, "{name} is in use");
                self.is_unused(path);
                self.texts.remove(path);
            }
            Resource::Certificate { path, .. } => {
                self.is_unused(path);
                self.issuers.remove(path);
            }
            Resource::User { name, .. } => self.owns_nothing(|owner| owner.user == name.as_str()),
            Resource::Group { name, .. } => {
                self.owns_nothing(|owner| owner.group == name.as_str());
                let members = self.things.values().filter(
                    |it| matches!(it, Actual::User { group, .. } if *group == name.as_str()),
                );
                assert_eq!(members.count(), 0, "{name} has members");
            }
            Resource::Image { id, .. } => {
                assert!(!self.active().any(|(_, text)| text.contains(id.as_str())), "{id} runs");
            }
            Resource::Unit { .. } | Resource::Serving { .. } => panic!("not removed, but stopped"),
        }
        self.things.remove(&resource.id());
    }

    fn is_state(&self, path: &MachinePath) -> bool {
        path.as_str().ends_with("/state")
    }

    fn owns_nothing(&self, is: impl Fn(&Owner) -> bool) {
        for (id, actual) in &self.things {
            let owner = match actual {
                Actual::Directory { owner, .. }
                | Actual::File { owner, .. }
                | Actual::Certificate { owner, .. } => owner,
                _ => continue,
            };
            assert!(!is(owner), "{id} would be nobody's");
        }
    }

    pub(crate) fn reload(&mut self) {
        for (name, unit) in &mut self.units {
            unit.loaded = self.texts.get(&file_of(name)).cloned();
        }
    }

    fn start(&mut self, name: &str) {
        if self.is_active(name) {
            return;
        }
        let on_disk = self.texts.get(&file_of(name)).cloned();
        let loaded = self.units.get(name).and_then(|unit| unit.loaded.clone());
        let text = loaded.or(on_disk).unwrap_or_else(|| panic!("{name} has no file"));
        if let Some(socket) = value(&text, "Requires=") {
            self.start(socket);
        }
        assert_eq!(self.obstacle(name, &text), None, "{name}");
        let unit = self.units.entry(name.to_owned()).or_default();
        (unit.loaded, unit.started) = (Some(text.clone()), Some(text));
    }

    /// Why `name` cannot start with `text`.
    fn obstacle(&self, name: &str, text: &str) -> Option<String> {
        let mut needs = Vec::new();
        if name.ends_with(".mount") {
            needs.push(Id::File(path(value(text, "What=")?)));
            needs.push(Id::Directory(path(value(text, "Where=")?)));
        } else if name.ends_with(".socket") {
            if self.is_active(&name.replace(".socket", ".service")) {
                return Some("the service is there".into());
            }
        } else {
            needs.extend(value(text, "User=").map(|user| Id::User(user.parse().unwrap())));
            let program = value(text, "ExecStart=")?.split(' ').next()?;
            needs.extend(program.starts_with("/opt/").then(|| Id::File(path(program))));
        }
        for line in text.lines().filter_map(|line| line.strip_prefix("LoadCredential=")) {
            let file = path(line.split_once(':')?.1);
            let made = Id::Certificate(file.parent()?);
            needs.push(if self.things.contains_key(&made) { made } else { Id::File(file) });
        }
        let listens = listens(text);
        let taken = |other: &str| listens.is_some() && self::listens(other) == listens;
        if self.active().any(|(_, other)| taken(other)) {
            return Some(format!("{listens:?} is taken"));
        }
        needs.into_iter().find(|id| !self.things.contains_key(id)).map(|id| format!("no {id}"))
    }

    /// Stops a service and starts it, if it can be started.
    pub(crate) fn restart(&mut self, name: &str) {
        let text = self.texts.get(&file_of(name)).cloned();
        self.stop(name);
        if text.is_some_and(|text| self.obstacle(name, &text).is_none()) {
            self.start(name);
        }
    }

    /// What needs it stops with it.
    pub(crate) fn stop(&mut self, name: &str) {
        for unit in self.units.values_mut() {
            let needs = |text: &String| value(text, "Requires=") == Some(name);
            if unit.started.as_ref().is_some_and(needs) {
                unit.started = None;
            }
        }
        if let Some(unit) = self.units.get_mut(name) {
            unit.started = None;
        }
    }
}

pub(crate) fn file_of(unit: &str) -> MachinePath {
    path(&format!("/etc/systemd/system/{unit}"))
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key))
}

/// The address that a socket listens on, or a service that is handed none.
fn listens(text: &str) -> Option<&str> {
    let itself = || text.split_once(" --listen ").map(|(_, rest)| rest.split(' ').next().unwrap());
    value(text, "ListenStream=")
        .or_else(|| value(text, "Requires=").is_none().then(itself).flatten())
}
