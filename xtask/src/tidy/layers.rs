//! Which crate may depend on which: arrows point down only, and the middle stays pure.

use cargo_metadata::DependencyKind;

use super::finding::Finding;
use crate::house::Member;

/// The layer of a crate under `crates/`; a crate that is not named here is a feature.
const LAYERS: &[(&str, u8)] = &[
    ("deploy-spec", 0),
    ("control", 1),
    ("dispatch", 1),
    ("elf", 1),
    ("host-fs", 1),
    ("memcopy", 1),
    ("small-pages", 1),
    ("meter", 1),
    ("scan", 1),
    ("single-vm", 1),
    ("bundle", 2),
    ("env-pack", 2),
    ("ingress", 2),
    ("pins", 2),
    ("plugin", 2),
    ("policy", 2),
    ("process", 2),
    ("registry", 2),
    ("store", 2),
    ("telemetry", 2),
    ("upstream", 2),
    ("workload", 2),
    ("gtc", 4),
];
const FEATURE: u8 = 3;

/// The arrows within a layer: from, to, why.
const SIDEWAYS: &[(&str, &str, &str)] = &[
    ("plugin", "env-pack", "what a pack from elsewhere says of itself becomes a handler"),
    ("process", "upstream", "a program is probed and reached as any other server is"),
    ("upstream", "ingress", "both ends of a proxy read HTTP/1.1 with one codec"),
    ("workload", "bundle", "a workload is loaded out of a bundle that was verified"),
    ("workload", "process", "a program of a bundle is a workload that is kept running"),
    ("workload", "upstream", "a server that is proxied to is a workload"),
];

/// The crates that hold every decision and no side effect.
const PURE: &[&str] = &["deploy-spec", "control", "dispatch", "elf", "scan", "single-vm"];

/// What the pure crates may depend on: data, text and arithmetic.
const PURE_MAY_USE: &[&str] = &[
    "aho-corasick",
    "base64",
    "crc32fast",
    "deploy-spec",
    "foldhash",
    "granit-parser",
    "hmac",
    "jiff",
    "memchr",
    "object",
    "regex",
    "regex-syntax",
    "schemars",
    "semver",
    "serde",
    "serde_json",
    "serde_path_to_error",
    "sha2",
    "similar",
    "siphasher",
    "ulid",
];

/// What the tests of the pure crates may use besides; nothing that waits or writes.
const PURE_TESTS_MAY_USE: &[&str] = &["insta", "proptest"];

/// The arrows between the crates of the house that do not point down.
pub(crate) fn arrows(members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members {
        for dependency in member.dependencies.iter().filter(|dependency| dependency.ours) {
            let to = members.iter().find(|other| other.name == dependency.name);
            if let Some(why) = to.and_then(|to| objection(member, to, dependency.kind)) {
                findings.push(Finding::file(&member.manifest, why));
            }
        }
    }
    findings
}

/// What drives the product from outside: tests and other tools may use it, the product may not.
const HARNESS: &str = "harness";

fn objection(from: &Member, to: &Member, kind: DependencyKind) -> Option<String> {
    let outside = kind == DependencyKind::Development || layer(from).is_none();
    if to.name == HARNESS && outside {
        return None;
    }
    let Some(below) = layer(to) else {
        return Some(format!("`{}` is a tool beside the house; nothing depends on it", to.name));
    };
    let above = layer(from)?;
    let sideways = SIDEWAYS.iter().any(|(a, b, _)| *a == from.name && *b == to.name);
    (below >= above && !sideways).then(|| {
        format!(
            "`{}` (layer {above}) depends on `{}` (layer {below}); arrows point down only",
            from.name, to.name
        )
    })
}

/// The layer of a crate; none for a tool beside the house.
fn layer(member: &Member) -> Option<u8> {
    let known = || LAYERS.iter().find(|(name, _)| *name == member.name).map(|(_, layer)| *layer);
    member.manifest.starts_with("crates/").then(|| known().unwrap_or(FEATURE))
}

/// What the pure crates depend on and should not.
pub(crate) fn pure(members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members.iter().filter(|member| PURE.contains(&member.name.as_str())) {
        for dependency in &member.dependencies {
            let name = dependency.name.as_str();
            let for_tests = dependency.kind == DependencyKind::Development;
            let allowed =
                PURE_MAY_USE.contains(&name) || (for_tests && PURE_TESTS_MAY_USE.contains(&name));
            if !allowed {
                let why = format!(
                    "`{name}` is not on the list of what the pure crates may use \
                     (xtask/src/tidy/layers.rs): no I/O, no clock, no randomness, no runtime"
                );
                findings.push(Finding::file(&member.manifest, why));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::shown;
    use super::*;
    use crate::house::Dependency;

    fn member(folder: &str, name: &str, dependencies: &[(&str, DependencyKind, bool)]) -> Member {
        let dependencies = dependencies.iter().map(|&(name, kind, ours)| Dependency {
            name: name.into(),
            kind,
            ours,
        });
        Member {
            name: name.into(),
            manifest: format!("{folder}{name}/Cargo.toml"),
            dependencies: dependencies.collect(),
        }
    }

    fn house(from: &str, to: &str) -> [Member; 2] {
        let arrow = [(to, DependencyKind::Normal, true)];
        [member("crates/", from, &arrow), member("crates/", to, &[])]
    }

    #[test]
    fn arrows_point_down_only() {
        for (from, to) in [
            ("control", "deploy-spec"),
            ("store", "control"),
            ("workload", "bundle"),
            ("serve", "ingress"),
            ("gtc", "serve"),
        ] {
            assert!(arrows(&house(from, to)).is_empty(), "{from} → {to}");
        }
        for (from, to) in [
            ("deploy-spec", "control"),
            ("control", "dispatch"),
            ("bundle", "workload"),
            ("store", "ingress"),
            ("ingress", "serve"),
            ("serve", "rollout"),
            ("serve", "gtc"),
        ] {
            assert_eq!(arrows(&house(from, to)).len(), 1, "{from} → {to}");
        }
    }

    #[test]
    fn tools_use_everything_and_nothing_uses_them() {
        let arrow = |to| [(to, DependencyKind::Normal, true)];
        let tool = member("", "xtask", &arrow("gtc"));
        let gtc = member("crates/", "gtc", &arrow("xtask"));
        assert_eq!(
            shown(&arrows(&[tool, gtc])),
            ["crates/gtc/Cargo.toml: `xtask` is a tool beside the house; nothing depends on it"]
        );
    }

    #[test]
    fn the_middle_stays_pure() {
        let (normal, test) = (DependencyKind::Normal, DependencyKind::Development);
        let good = [("serde", normal, false), ("proptest", test, false)];
        assert!(pure(&[member("crates/", "control", &good)]).is_empty());
        for bad in [("tokio", normal), ("proptest", normal), ("tempfile", test)] {
            let members = [member("crates/", "dispatch", &[(bad.0, bad.1, false)])];
            assert_eq!(pure(&members).len(), 1, "{}", bad.0);
        }
        assert!(pure(&[member("crates/", "store", &[("tokio", normal, false)])]).is_empty());
    }
}
