//! One machine's life, with real systemd: from bare to serving, and back.

use std::fs;

use serde_json::Value;

use crate::certificates::issue;
use crate::host::{Host, bundle, driver, gtc};

const SERVICE: &str = "greentic-hello.service";
const UNIT: &str = "/etc/systemd/system/greentic-hello.service";

/// What is put on the machine.
struct Day {
    host: Host,
}

impl Day {
    fn new(name: &str) -> Option<Self> {
        let host = Host::fresh(name)?;
        fs::copy(driver(), host.folder.join("driver")).unwrap();
        let program = gtc();
        for version in ["v1", "v2", "broken"] {
            let bytes = [&program[..], b"\n", version.as_bytes()].concat();
            fs::write(host.folder.join(version), bytes).unwrap();
        }
        for bundle_name in ["one", "two", "never ready"] {
            let file = bundle_name.replace(' ', "-");
            bundle(&host.folder.join(format!("{file}.gtbundle")), bundle_name);
        }
        Some(Self { host })
    }

    /// Describes what the machine should have.
    fn describe(&self, program: &str, bundle: &str) {
        let text = format!(
            "apiVersion: greentic.ai/v1alpha1\nkind: Deployment\nmetadata: {{name: hello}}\n\
             spec:\n  bundle: {{source: /given/{bundle}.gtbundle}}\n  \
             runtime: {{binary: /given/{program}}}\n  health: {{startupTimeoutSeconds: 5}}\n"
        );
        fs::write(self.host.folder.join("spec.yaml"), text).unwrap();
    }

    fn drive(&self, verb: &str, more: &[&str]) -> (Option<i32>, Value) {
        self.host.drive(&[&[verb, "/given/spec.yaml"], more].concat())
    }

    /// Applies what is described; how many steps it took.
    fn apply(&self) -> u64 {
        let (code, applied) = self.drive("apply", &[]);
        assert_eq!(code, Some(0), "{applied:#}");
        applied["steps"].as_u64().unwrap()
    }

    fn steps_planned(&self) -> usize {
        let (code, document) = self.drive("plan", &[]);
        assert_eq!(code, Some(0), "{document:#}");
        document["plan"]["steps"].as_array().unwrap().len()
    }

    fn status(&self) -> Value {
        let (code, said) = self.drive("status", &[]);
        assert_eq!(code, Some(0), "{said:#}");
        said
    }

    /// What drifted, as `unit:name` and the names of the fields.
    fn drift(&self) -> Vec<String> {
        let said = self.status();
        let drifts = said["status"]["drift"].as_array().unwrap();
        let named = |drift: &Value| {
            let fields = drift["fields"].as_array().unwrap().iter();
            let fields: Vec<&str> = fields.map(|it| it["field"].as_str().unwrap()).collect();
            format!("{} {}", drift["id"].as_str().unwrap(), fields.join(","))
        };
        drifts.iter().map(named).collect()
    }

    fn serves(&self, version: &str) {
        let said = self.host.serves();
        assert!(said.starts_with(&format!("{version} sha256:")), "{said}\n{:#}", self.status());
    }

    fn is_well(&self) {
        let said = self.status();
        assert_eq!(said["unhealthy"], Value::Null, "{said:#}");
        assert_eq!(said["status"]["steps"], 0, "{said:#}");
    }
}

#[test]
fn a_machine_serves_is_mended_upgraded_rolled_back_restarted_and_emptied() {
    let Some(day) = Day::new("day") else { return };
    day.describe("v1", "one");
    first(&day);
    tampered(&day);
    upgraded(&day);
    broken(&day);
    day.host.restart();
    day.serves("v2");
    day.is_well();
    emptied(&day);
}

fn first(day: &Day) {
    let all = day.steps_planned();
    assert!(all > 30, "{all}");
    let untouched =
        day.host.run(&["ls", "/etc/greentic", "/opt/greentic", "/var/lib/gtc-single-vm"]);
    assert!(!untouched.status.success(), "planning has touched the machine");
    assert_eq!(day.apply(), all as u64);
    day.serves("v1");
    day.is_well();
    let again = day.host.drive(&["apply", "/given/spec.yaml"]).1;
    assert_eq!((&again["changed"], &again["steps"]), (&Value::Bool(false), &Value::from(0)));
    let mounted = day.host.must(&["sh", "-c", "cat /srv/greentic/hello/*/bundle.yaml"]);
    assert_eq!(mounted, "one");
    let found = "stat -c '%a %U:%G' /etc/greentic/hello/tls/*/key.pem \
                 /var/lib/greentic/hello/state /opt/greentic/hello/bin/gtc-*";
    assert_eq!(
        day.host.must(&["sh", "-c", found]),
        "600 root:root\n600 root:root\n600 root:root\n700 greentic-hello:greentic-hello\n755 root:root\n"
    );
    let user = "stat -c %U /proc/$(systemctl show -p MainPID --value greentic-hello)";
    assert_eq!(
        day.host.must(&["sh", "-c", user]),
        "greentic-hello
"
    );
}

fn tampered(day: &Day) {
    let harms: [(&str, &[&str]); 6] = [
        (
            "systemctl stop greentic-hello.service",
            &[
                "unit:greentic-hello.service active,configuration",
                "serving:greentic-hello.service bundle",
            ],
        ),
        (
            "chmod 644 /etc/greentic/hello/tls/server-1/key.pem",
            &["certificate:/etc/greentic/hello/tls/server-1 mode"],
        ),
        ("systemctl disable -q greentic-hello.service", &["unit:greentic-hello.service enabled"]),
        (
            "chown root /var/lib/greentic/hello/state",
            &[
                "directory:/var/lib/greentic/hello/state owner",
                "serving:greentic-hello.service bundle",
            ],
        ),
        ("chown root /var/cache/greentic/hello", &["directory:/var/cache/greentic/hello owner"]),
        (
            "sed -i s/ProtectHome=yes/ProtectHome=no/ /etc/systemd/system/greentic-hello.service",
            &["file:/etc/systemd/system/greentic-hello.service content"],
        ),
    ];
    for (harm, wanted) in harms {
        day.host.must(&["sh", "-c", harm]);
        assert_eq!(day.drift(), wanted, "{harm}");
        assert!(day.apply() > 0, "{harm}");
        assert_eq!(day.drift(), [""; 0], "{harm}");
        day.serves("v1");
        day.is_well();
    }
    assert!(day.host.must(&["cat", UNIT]).contains("ProtectHome=yes"));
}

fn upgraded(day: &Day) {
    let before = day.host.serves();
    day.host.begin_asking();
    day.describe("v1", "two");
    let pid = main_pid(day);
    day.apply();
    day.serves("v1");
    assert_ne!(day.host.serves(), before);
    assert_eq!(main_pid(day), pid, "a new bundle restarts nothing");
    day.describe("v2", "two");
    // Each time it dies a moment later, until it lives: what is done stays done.
    let mut deaths = 0;
    for moments in [1, 2, 5, 8, 9] {
        let (code, _) = day.drive("apply", &["--dies-at", &moments.to_string()]);
        if code == Some(0) {
            break;
        }
        deaths += 1;
    }
    assert!(deaths >= 2, "{deaths}");
    day.apply();
    day.serves("v2");
    day.is_well();
    let got = day.host.end_asking();
    assert!(got > 100, "{got}");
    let programs = day.host.must(&["sh", "-c", "ls /opt/greentic/hello/bin | wc -l"]);
    assert_eq!(programs.trim(), "1");
}

fn broken(day: &Day) {
    day.describe("broken", "two");
    let (code, said) = day.drive("apply", &[]);
    assert_eq!(code, Some(7), "{said:#}");
    let details = &said["error"]["details"];
    assert_eq!(details["restored"], true, "{said:#}");
    let log = details["log"].to_string();
    assert!(log.contains("the database is not there"), "{said:#}");
    day.serves("v2");
    // A bundle that its own gate refuses never gets a request, and nothing is started for it.
    let before = (day.host.serves(), main_pid(day));
    day.describe("v2", "never-ready");
    let (code, said) = day.drive("apply", &[]);
    assert_eq!(code, Some(7), "{said:#}");
    let message = said["error"]["message"].as_str().unwrap();
    assert_eq!(message, "the gate said no; what ran before is back", "{said:#}");
    assert_eq!((day.host.serves(), main_pid(day)), before);
    day.describe("v2", "two");
    day.is_well();
}

fn main_pid(day: &Day) -> String {
    day.host.must(&["systemctl", "show", "-p", "MainPID", SERVICE])
}

fn emptied(day: &Day) {
    let everything = "find /etc /opt /srv /var/lib /var/cache /var/log -name '*greentic*' -o -name '*gtc*' | sort; getent passwd greentic-hello; losetup -a | grep -c gtbundle";
    // What a crash left half-written.
    day.host.must(&["touch", "/etc/systemd/system/.gtc-greentic-hello.service"]);
    day.host.must(&["mkdir", "/etc/greentic/hello/tls/.gtc-server-1"]);
    let (code, said) = day.drive("destroy", &[]);
    assert_eq!(code, Some(0), "{said:#}");
    assert!(!said["kept"].as_array().unwrap().is_empty());
    let state = day.host.must(&["ls", "/var/lib/greentic/hello/state"]);
    assert!(state.contains("revisions"), "{state}");
    let (code, said) = day.drive("purge", &[]);
    assert_eq!(code, Some(0), "{said:#}");
    let left = day.host.run(&["sh", "-c", everything]);
    assert_eq!(String::from_utf8_lossy(&left.stdout).trim(), "0");
    assert!(day.steps_planned() > 30);
    assert_eq!(day.status()["status"]["state"], "absent");
}

/// From nothing, killed at many moments on the way.
#[test]
fn a_machine_gets_there_however_often_the_command_is_killed() {
    let Some(day) = Day::new("killed") else { return };
    day.describe("v1", "one");
    let dies_at = |moments: u32| day.drive("apply", &["--dies-at", &moments.to_string()]).0;
    for moments in [0, 1, 9] {
        assert_ne!(dies_at(moments), Some(0), "{moments}");
    }
    // By the clock, anywhere within a step, as far as this machine gets; then after so many
    // half-steps.
    for seconds in ["0.02", "0.05", "0.1", "0.2", "0.3"] {
        day.host.run(&[
            "timeout",
            "-s",
            "KILL",
            seconds,
            "/given/driver",
            "apply",
            "/given/spec.yaml",
        ]);
    }
    while dies_at(2) != Some(0) {}
    day.apply();
    day.serves("v1");
    day.is_well();
}

/// Where the kernel has no loop devices, a program mounts the bundle.
#[test]
fn a_machine_without_loop_devices_mounts_by_squashfuse() {
    let Some(day) = Day::new("fuse") else { return };
    day.describe("v1", "one");
    day.host.must(&["rm", "/dev/loop-control"]);
    // Made so long ago that they end soon.
    let (code, said) = day.drive("apply", &["--days", "-380"]);
    assert_eq!(code, Some(0), "{said:#}");
    let mounted = day.host.must(&["sh", "-c", "cat /srv/greentic/hello/*/bundle.yaml"]);
    assert_eq!(mounted, "one");
    let kinds = day.host.must(&["sh", "-c", "grep /srv/greentic /proc/self/mountinfo"]);
    assert!(kinds.contains("fuse.squashfuse"), "{kinds}");
    let user = "systemctl show -p MainPID --value greentic-hello | xargs -I{} stat -c %U /proc/{}";
    assert_eq!(day.host.must(&["sh", "-c", user]), "greentic-hello\n");
    renewed(&day);
    given(&day);
}

/// Certificates of somebody else's authority take the place of those that were made.
fn given(day: &Day) {
    use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    issue(&day.host.folder, &[ServerAuth, ClientAuth], 2020..2120);
    let path = day.host.folder.join("spec.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let mtls = "{caFile: /given/ca.pem, certFile: /given/cert.pem, keyFile: /given/key.pem}";
    let runtime = format!("runtime: {{admin: {{mtls: {mtls}}}, ");
    fs::write(&path, text.replace("runtime: {", &runtime)).unwrap();
    day.apply();
    let left = day.host.must(&["sh", "-c", "stat -c '%a %U %n' /etc/greentic/hello/tls/*/*"]);
    let left = left.lines().map(|line| line.rsplit_once('/').unwrap());
    let names: Vec<&str> = left.clone().map(|(_, name)| name).collect();
    assert_eq!(names, ["ca.pem", "cert.pem", "key.pem"]);
    for (folder, _) in left {
        assert!(folder.starts_with("600 root /etc/greentic/hello/tls/given-"), "{folder}");
    }
    day.serves("v1");
    day.is_well();
}

fn renewed(day: &Day) {
    let due = || -> Vec<String> {
        let said = day.status();
        let all = said["status"]["certificates"].as_array().unwrap();
        let due = all.iter().filter(|it| it["is_due"] == true);
        due.map(|it| it["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
    };
    assert_eq!(due(), ["client-1", "server-1"]);
    day.apply();
    assert_eq!(due(), [""; 0]);
    let left = day.host.must(&["ls", "/etc/greentic/hello/tls"]);
    assert_eq!(left, "authority-1\nclient-2\nserver-2\n");
    day.serves("v1");
    day.is_well();
}

#[test]
fn a_machine_runs_an_image_with_podman_as_it_runs_a_binary() {
    let Some(day) = Day::new("podman") else { return };
    day.host.has_podman();
    begins_with_an_image(&day, "podman");
    ends_with_an_image(&day, "podman");
}

#[test]
fn a_machine_runs_an_image_with_docker_as_it_runs_a_binary() {
    let Some(day) = Day::new("docker") else { return };
    day.host.has_docker();
    begins_with_an_image(&day, "docker");
    comes_back_with_its_daemon(&day);
    ends_with_an_image(&day, "docker");
}

/// Describes the program as an image, which is called as it is.
fn describe_image(day: &Day, name: &str) {
    day.describe(name, "one");
    let path = day.host.folder.join("spec.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let image = format!("image: 'localhost/gtc:{name}'");
    fs::write(&path, text.replace(&format!("binary: /given/{name}"), &image)).unwrap();
}

/// The same life, with a container in the place of the binary.
fn begins_with_an_image(day: &Day, engine: &str) {
    describe_image(day, "v1");
    let (code, said) = day.drive("plan", &[]);
    assert_eq!((code, &said["error"]["kind"]), (Some(3), &"not-found".into()), "{said:#}");
    ["v1", "v2", "broken"].iter().for_each(|name| day.host.has_image(engine, name));
    day.apply();
    day.serves("v1");
    day.is_well();
    assert_eq!(day.apply(), 0);
    day.host.must(&[engine, "stop", "greentic-hello"]);
    day.apply();
    day.is_well();
}

fn ends_with_an_image(day: &Day, engine: &str) {
    describe_image(day, "v2");
    day.apply();
    day.serves("v2");
    describe_image(day, "broken");
    let (code, said) = day.drive("apply", &[]);
    assert_eq!((code, &said["error"]["details"]["restored"]), (Some(7), &true.into()), "{said:#}");
    describe_image(day, "v2");
    day.serves("v2");
    day.is_well();
    let (code, said) = day.drive("purge", &[]);
    assert_eq!(code, Some(0), "{said:#}");
    assert_eq!(day.host.must(&[engine, "ps", "--all", "--quiet"]), "");
    assert_eq!(day.status()["status"]["state"], "absent");
}

/// A container of Docker is its daemon's: the service waits for it when the machine begins, and
/// follows when it is begun anew.
fn comes_back_with_its_daemon(day: &Day) {
    let attempts = ["systemctl", "show", "--property=NRestarts", "--value", SERVICE];
    day.host.restart();
    day.host.listens();
    day.serves("v1");
    day.is_well();
    assert_eq!(day.host.must(&attempts), "0\n", "it did not wait for the daemon");
    day.host.must(&["systemctl", "restart", "docker.service"]);
    day.host.listens();
    day.serves("v1");
    day.is_well();
    assert_eq!(day.host.must(&attempts), "0\n", "it did not end before the daemon");
}
