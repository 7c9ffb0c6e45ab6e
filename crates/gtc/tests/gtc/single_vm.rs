//! A day of one machine with a real systemd: bootstrapped, upgraded under load, held back from a version
//! that is not healthy, restarted, tampered with, and emptied.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::bootstrap::Reach;
use crate::machine_host::Host;
use crate::readme::commands;
use crate::world::{World, example, root};

const SPEC: &str = "/given/spec.yaml";

struct Day {
    host: Host,
    /// Where the bundles are built.
    world: World,
}

impl Day {
    fn new() -> Option<Self> {
        let host = Host::fresh("gtc")?;
        fs::copy(env!("CARGO_BIN_EXE_gtc"), host.folder.join("gtc")).unwrap();
        let day = Self { host, world: World::new() };
        for version in ["v1", "v2"] {
            day.build(&example().join(version), version);
        }
        day.build(&day.never_ready(), "v3");
        Some(day)
    }

    /// The second version, asked for its readiness where nobody is let in.
    fn never_ready(&self) -> std::path::PathBuf {
        let folder = self.world.folder.path().join("v3");
        let words = [example().join("v2"), folder.clone()];
        let copied = std::process::Command::new("cp").arg("-r").args(words).status();
        assert!(copied.unwrap().success());
        let manifest = folder.join("bundle.yaml");
        let text = fs::read_to_string(&manifest).unwrap();
        let broken = text.replace("readiness_path: /readyz", "readiness_path: /vault");
        assert_ne!(text, broken);
        fs::write(manifest, broken.replace("version: 2.0.0", "version: 3.0.0")).unwrap();
        folder
    }

    fn build(&self, folder: &Path, name: &str) {
        let to = self.host.folder.join(format!("{name}.gtbundle"));
        let words = ["bundle", "build", folder.to_str().unwrap(), "--output", to.to_str().unwrap()];
        self.world.gtc.run(&words).unwrap();
    }

    fn describe(&self, bundle: &str, more: &str) {
        let text = format!(
            "apiVersion: greentic.ai/v1alpha1\nkind: Deployment\nmetadata: {{name: hello}}\n\
             spec:\n  bundle: {{source: /given/{bundle}.gtbundle}}\n{more}"
        );
        fs::write(self.host.folder.join("spec.yaml"), text).unwrap();
    }

    /// The exit code of `gtc single-vm …` on the machine, and what it printed.
    fn gtc(&self, words: &[&str]) -> (i32, Value) {
        let output = self.host.run(&[&["/given/gtc", "single-vm"], words].concat());
        let printed = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
        let told = String::from_utf8_lossy(printed);
        let said = serde_json::from_str(&told).unwrap_or_else(|_| json!(told));
        (output.status.code().unwrap(), said)
    }

    fn on_spec(&self, verb: &str, more: &[&str]) -> (i32, Value) {
        self.gtc(&[&[verb, "--spec", SPEC], more].concat())
    }

    fn apply(&self) -> u64 {
        let (code, said) = self.on_spec("apply", &[]);
        assert_eq!(code, 0, "{said:#}");
        said["result"]["steps"].as_u64().unwrap()
    }

    /// How many steps are planned; the exit code says whether there are any.
    fn steps(&self) -> usize {
        let (code, said) = self.on_spec("plan", &["--detailed-exitcode"]);
        let steps = said["result"]["steps"].as_array().map(Vec::len).unwrap();
        assert_eq!(code, if steps == 0 { 0 } else { 2 }, "{said:#}");
        steps
    }

    fn is_well(&self) {
        let (code, said) = self.on_spec("status", &[]);
        assert_eq!((code, &said["result"]["state"]), (0, &json!("applied")), "{said:#}");
        assert_eq!(said["result"]["steps"], 0, "{said:#}");
    }

    fn serves(&self, text: &str) {
        let answer = self.host.serves();
        assert!(answer.contains(text), "{answer}");
    }
}

#[test]
fn a_day_of_one_machine() {
    let Some(day) = Day::new() else { return };
    day.describe("v1", "");
    let all = day.steps();
    assert!(all > 30, "{all}");
    guided(&day);
    assert_eq!(day.steps(), all);
    bootstrapped(&day, all);
    day.serves("1.0.0");
    day.is_well();
    assert_eq!((day.steps(), day.apply()), (0, 0));
    upgraded(&day);
    held_back(&day);
    day.host.restart();
    day.serves("2.0.0");
    day.is_well();
    tampered(&day);
    emptied(&day, all);
}

/// The first time from another machine, which comes to what applying on this one would have.
fn bootstrapped(day: &Day, all: usize) {
    let reach = Reach::new(&day.host);
    reach.is_known();
    let here = |name: &str| day.host.folder.join(name).display().to_string();
    let spec = fs::read_to_string(here("spec.yaml")).unwrap();
    fs::write(here("here.yaml"), spec.replace("/given/v1", &here("v1"))).unwrap();
    let gtc = day.host.folder.join("gtc");
    let (code, said) = reach.bootstrap(&gtc, "admin", &here("here.yaml"), &[]);
    assert_eq!((code, &said["result"]["applied"]["steps"]), (0, &json!(all)), "{said:#}");
    assert_eq!(said["result"]["course"], "first", "{said:#}");
}

/// Every command of the page about it works, in order, and leaves nothing.
fn guided(day: &Day) {
    let page = fs::read_to_string(root().join("docs/single-vm.md")).unwrap();
    let commands = commands(&page);
    assert!(commands.len() > 6, "the transcripts of the page are not found");
    let yaml = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    fs::write(day.host.folder.join("deployment.yaml"), yaml).unwrap();
    let machine = "cp /given/v1.gtbundle /srv/hello.gtbundle; ln -s /given/gtc /usr/local/bin/gtc; \
                   printf '#!/bin/sh\nLD_LIBRARY_PATH=/host/usr/lib/x86_64-linux-gnu exec \
                   /host/usr/bin/curl \"$@\"\n' >/usr/local/bin/curl; chmod +x /usr/local/bin/curl";
    day.host.must(&["sh", "-ec", machine]);
    for command in commands {
        day.host.must(&["sh", "-ec", &format!("cd /given; {command}")]);
    }
    day.host.must(&["rm", "/srv/hello.gtbundle"]);
}

fn upgraded(day: &Day) {
    day.host.begin_asking();
    day.describe("v2", "");
    let (code, said) = day.on_spec("plan", &["--output", "/given/plan"]);
    assert_eq!(code, 0, "{said:#}");
    let (code, said) = day.gtc(&["apply", "--plan", "/given/plan"]);
    assert_eq!(code, 0, "{said:#}");
    day.serves("2.0.0");
    let (code, said) = day.gtc(&["apply", "--plan", "/given/plan"]);
    assert_eq!((code, &said["error"]["kind"]), (4, &json!("conflict")), "{said:#}");
    day.is_well();
    // The service itself begins anew, and connections wait for it.
    day.host.must(&["systemctl", "restart", "greentic-hello.service"]);
    day.serves("2.0.0");
    let got = day.host.end_asking();
    assert!(got > 100, "{got}");
}

fn held_back(day: &Day) {
    day.host.begin_asking();
    not_healthy(day, "blue-green");
    assert!(day.host.end_asking() > 0);
    not_healthy(day, "recreate");
    // The old one ends before the new one begins, back and forth.
    for (bundle, version) in [("v1", "1.0.0"), ("v2", "2.0.0")] {
        day.describe(bundle, "  rollout: {strategy: recreate}\n");
        day.apply();
        day.serves(version);
    }
    day.describe("v2", "");
    day.apply();
    day.is_well();
}

fn not_healthy(day: &Day, strategy: &str) {
    day.describe("v3", &format!("  rollout: {{strategy: {strategy}}}\n"));
    let (code, said) = day.on_spec("apply", &[]);
    assert_eq!(code, 7, "{said:#}");
    assert_eq!(said["error"]["details"]["restored"], true, "{said:#}");
    day.serves("2.0.0");
}

fn tampered(day: &Day) {
    let unit = "/etc/systemd/system/greentic-hello.service";
    day.host.must(&["sed", "-i", "s/ProtectHome=yes/ProtectHome=no/", unit]);
    day.host.must(&["chmod", "755", "/var/lib/greentic/hello/state"]);
    let (code, said) = day.on_spec("status", &[]);
    let details = &said["error"]["details"];
    assert_eq!((code, &details["state"]), (7, &json!("drifted")), "{said:#}");
    let drifted = details["drift"].as_array().unwrap().iter();
    let drifted: Vec<String> = drifted
        .map(|it| {
            format!("{} {}", it["id"].as_str().unwrap(), it["fields"][0]["field"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        drifted,
        ["directory:/var/lib/greentic/hello/state mode", &format!("file:{unit} content")]
    );
    assert!(day.apply() > 0);
    day.is_well();
    day.serves("2.0.0");
}

fn emptied(day: &Day, all: usize) {
    let (code, said) = day.on_spec("destroy", &[]);
    assert_eq!((code, &said["error"]["kind"]), (5, &json!("refused")), "{said:#}");
    day.serves("2.0.0");
    let (code, said) = day.on_spec("destroy", &["--yes", "--purge"]);
    assert_eq!(code, 0, "{said:#}");
    day.describe("v1", "");
    assert_eq!(day.steps(), all);
    let (code, said) = day.on_spec("status", &[]);
    assert_eq!((code, &said["error"]["details"]["state"]), (7, &json!("absent")), "{said:#}");
}

/// What is typed wrong is told all at once, and none of it takes a machine.
#[test]
fn a_description_is_read_before_the_machine_is() {
    let world = World::new();
    let file = world.file("spec.yaml");
    let wrong = "apiVersion: greentic.ai/v1\nkind: Deployment\nmetadata: {name: Hello}\n\
                 spec: {bundle: {source: http://x/y}, runtime: {admin: {bind: '0.0.0.0:1'}}}\n";
    fs::write(&file, wrong).unwrap();
    for verb in ["plan", "apply", "status", "destroy"] {
        let (code, said) = world.refused(&["single-vm", verb, "--spec", &file], "");
        let problems = said["error"]["details"]["problems"].as_array().unwrap().len();
        assert_eq!((code, problems), (2, 5), "{said:#}");
    }
    let (code, _) =
        world.refused(&["single-vm", "plan", "--detailed-exitcode", "--spec", &file], "");
    assert_eq!(code, 1);
    let (code, said) = world.refused(&["single-vm", "plan"], "");
    assert_eq!((code, &said["error"]["message"]), (2, &json!("the description is not named")));
    let schema = world.gtc.end(&["single-vm", "plan", "--schema"], b"").unwrap();
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
    assert_eq!(schema["properties"]["spec"]["$ref"], "#/$defs/Spec", "{schema:#}");
}
