//! Descriptions and facts to make plans of.

use std::collections::BTreeMap;

use deploy_spec::{Digest, Timestamp};
use proptest::prelude::*;
use single_vm::resource::{Engine, Role};
use single_vm::{
    Actual, CertificateFacts, Deployment, Desired, Facts, Id, Issued, Machine as Kind,
};
use single_vm::{MountBy, ProgramFacts, certificate_directory, desired};

use crate::machine::Machine;

/// What runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runs {
    Binary(u8),
    Image(Engine, u8),
}

/// A description, by what matters to a plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    pub(crate) name: &'static str,
    pub(crate) bundle: u8,
    pub(crate) runs: Runs,
    pub(crate) port: u16,
    pub(crate) user: Option<&'static str>,
    pub(crate) state: Option<&'static str>,
    /// Given certificates, or generated ones.
    pub(crate) given: Option<u8>,
    /// When it is, in days.
    pub(crate) day: u16,
}

impl Choice {
    pub(crate) const USUAL: Self = Self {
        name: "hello",
        bundle: 1,
        runs: Runs::Binary(1),
        port: 8080,
        user: None,
        state: None,
        given: None,
        day: 0,
    };

    pub(crate) fn deployment(&self) -> Deployment {
        let (name, port) = (self.name, self.port);
        let mut text = format!(
            "apiVersion: greentic.ai/v1alpha1\nkind: Deployment\nmetadata: {{name: {name}}}\n\
             spec:\n  bundle: {{source: /b.gtbundle}}\n  runtime:\n    listen: 0.0.0.0:{port}\n"
        );
        if let Runs::Image(..) = self.runs {
            text.push_str("    image: registry.example/gtc:1\n");
        }
        if self.given.is_some() {
            text.push_str("    admin: {mtls: {caFile: /a, certFile: /c, keyFile: /k}}\n");
        }
        if let Some(user) = self.user {
            text.push_str(&format!("  service: {{user: {user}}}\n"));
        }
        if let Some(state) = self.state {
            text.push_str(&format!("  storage: {{stateDir: {state}}}\n"));
        }
        Deployment::parse(&text).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"))
    }

    pub(crate) fn facts(&self, machine: &Machine) -> Facts {
        let deployment = self.deployment();
        let number = |id: Id| match machine.things.get(&id) {
            Some(Actual::User { uid, .. }) => Some(*uid),
            Some(Actual::Group { gid }) => Some(*gid),
            _ => None,
        };
        let service = deployment.spec.service;
        Facts {
            machine: Kind { arch: "x86_64".into(), systemd: Some(252), mounts: MountBy::Kernel },
            uid: number(Id::User(service.user)).unwrap_or_else(|| machine.free_number()),
            gid: number(Id::Group(service.group)).unwrap_or_else(|| machine.free_number()),
            bundle: Digest::of(&[b'b', self.bundle]),
            program: match self.runs {
                Runs::Binary(version) => ProgramFacts::Binary(Digest::of(&[b'p', version])),
                Runs::Image(engine, version) => {
                    ProgramFacts::Image(engine, Digest::of(&[b'i', version]))
                }
            },
            certificates: match self.given {
                Some(version) => CertificateFacts::Given {
                    authority: Digest::of(&[b'a', version]),
                    certificate: Digest::of(&[b'c', version]),
                    key: Digest::of(&[b'k', version]),
                },
                None => self.generated(machine),
            },
        }
    }

    fn generated(&self, machine: &Machine) -> CertificateFacts {
        let root = format!("/etc/greentic/{}/tls", self.name).parse().unwrap();
        let issued: BTreeMap<(u8, u32), Issued> = (1..=machine.last_serial)
            .flat_map(|serial| {
                [Role::Authority, Role::Server, Role::Client].map(|role| (role, serial))
            })
            .filter_map(|(role, serial)| {
                let path = certificate_directory(&root, role, serial);
                let Some(Actual::Certificate { not_after: Some(not_after), .. }) =
                    machine.things.get(&Id::Certificate(path.clone()))
                else {
                    return None;
                };
                let by = machine.issuers.get(&path).map_or(serial, |issuer| {
                    issuer.as_str().rsplit_once('-').unwrap().1.parse().unwrap()
                });
                Some(((role as u8, serial), Issued { serial, by, not_after: *not_after }))
            })
            .collect();
        let newest = |role: Role| {
            issued
                .iter()
                .filter(|((it, _), _)| *it == role as u8)
                .map(|(_, issued)| *issued)
                .next_back()
        };
        CertificateFacts::Generated {
            now: at(self.day),
            last_serial: machine.last_serial,
            authority: newest(Role::Authority),
            server: newest(Role::Server),
            client: newest(Role::Client),
        }
    }

    pub(crate) fn desired(&self, machine: &Machine) -> Desired {
        desired(&self.deployment(), &self.facts(machine)).unwrap()
    }
}

pub(crate) fn at(day: u16) -> Timestamp {
    Timestamp::from_second(i64::from(day) * 86_400).unwrap()
}

pub(crate) fn choices() -> impl Strategy<Value = Choice> {
    let runs = prop_oneof![
        3 => (0..2_u8).prop_map(Runs::Binary),
        1 => (0..2_u8).prop_map(|version| Runs::Image(Engine::Podman, version)),
        1 => (0..2_u8).prop_map(|version| Runs::Image(Engine::Docker, version)),
    ];
    let user = proptest::sample::select(vec![None, Some("web"), Some("other")]);
    let state =
        proptest::sample::select(vec![None, Some("/data/state"), Some("/data/deep/er/state")]);
    let given = proptest::option::of(0..2_u8);
    let port = proptest::sample::select(vec![8080_u16, 9090]);
    let day = proptest::sample::select(vec![0_u16, 370, 3700]);
    (0..2_u8, runs, port, user, state, given, day).prop_map(
        |(bundle, runs, port, user, state, given, day)| Choice {
            name: "a-b",
            bundle,
            runs,
            port,
            user,
            state,
            given,
            day,
        },
    )
}
