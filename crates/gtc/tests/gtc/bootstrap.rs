//! A machine that has nothing but sshd is reached from this one: real sshd, real systemd.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use serde_json::{Value, json};

use crate::machine_host::Host;
use crate::secrets::needy;
use crate::world::World;

/// Long enough that what is sent can break within it.
const VALUE: &str = "hunter2-of-the-bootstrap-which-is-a-long-one-so-that-a-connection-can-break-\
                     in-the-middle-of-it-and-the-rest-of-it-never-arrives-at-the-other-end";

/// An `ssh` that breaks one of its calls off when the beginning of what it sends is through: the one
/// whose command holds the text in the file `cut`. Others are as they are.
const BREAKS: &str = r#"#!/bin/sh
case "$*" in
  *"$(cat "$(dirname "$0")/cut")"*)
    head -c 100 | /usr/bin/ssh "$@" >/dev/null 2>&1
    exit 255 ;;
esac
exec /usr/bin/ssh "$@"
"#;

/// What each call does, by a text that only its command holds.
const CALLS: [&str; 8] = [
    "id -u",
    "uname -m",
    "'begun sha256:",
    "hello' 'gtc' 'sha256:",
    "hello' 'bundle.gtbundle' 'sha256:",
    "hello' 'deployment.json' 'sha256:",
    "--version",
    "systemd-run --quiet",
];

/// The service starts only when somebody says so.
const HELD: &str = "
    mkdir -p /etc/systemd/system/greentic-hello.service.d
    echo '[Service]
    ExecStartPre=/bin/sh -c \"until test -e /run/go; do :; done\"' \
      >/etc/systemd/system/greentic-hello.service.d/hold.conf";

/// A machine with sshd, and what it takes to reach it.
pub(crate) struct Reach<'a> {
    host: &'a Host,
    /// Keys, known hosts, the `ssh` that breaks.
    folder: PathBuf,
}

impl<'a> Reach<'a> {
    /// Root and `admin`, who has sudo, are let in by a key; nobody knows the machine.
    pub(crate) fn new(host: &'a Host) -> Self {
        let folder = host.folder.join("reach");
        fs::create_dir_all(folder.join("bin")).unwrap();
        let reach = Self { host, folder };
        let key = reach.file("key");
        let words = ["-q", "-t", "ed25519", "-N", "", "-f", &key];
        assert!(Command::new("ssh-keygen").args(words).status().unwrap().success());
        host.must(&["sh", "-ec", LET_IN]);
        let config = format!(
            "UserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\n",
            reach.file("known_hosts")
        );
        fs::write(reach.file("config"), config).unwrap();
        fs::write(reach.file("bin/ssh"), BREAKS).unwrap();
        fs::set_permissions(reach.file("bin/ssh"), fs::Permissions::from_mode(0o755)).unwrap();
        reach
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// As somebody does who has read the key on the machine's console.
    pub(crate) fn is_known(&self) {
        let key = self.host.must(&["cat", "/etc/ssh/ssh_host_ed25519_key.pub"]);
        fs::write(self.file("known_hosts"), format!("127.0.0.1 {key}")).unwrap();
    }

    /// `gtc single-vm bootstrap`, run by `gtc` where the machine's sshd is at 127.0.0.1.
    fn command(&self, gtc: &Path, user: &str, spec: &str, more: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.host.pid())).arg(gtc);
        command.args(["single-vm", "bootstrap", "--host", &format!("{user}@127.0.0.1")]);
        command.args(["--ssh-config", &self.file("config"), "--identity", &self.file("key")]);
        command.args(["--spec", spec]).args(more).stdin(Stdio::null());
        command
    }

    /// The exit code, and what it printed.
    pub(crate) fn bootstrap(
        &self,
        gtc: &Path,
        user: &str,
        spec: &str,
        more: &[&str],
    ) -> (i32, Value) {
        said(&self.command(gtc, user, spec, more).output().unwrap())
    }

    /// The same, when one call of `ssh` breaks off.
    fn broken(&self, shore: &Shore, at: &str) -> (i32, Value) {
        fs::write(self.file("bin/cut"), at).unwrap();
        let path = format!("{}:/usr/bin:/bin", self.file("bin"));
        let mut command = self.command(&shore.gtc, "root", &shore.spec, &shore.with(&[]));
        said(&command.env("PATH", path).output().unwrap())
    }
}

const LET_IN: &str = "
    useradd --create-home --shell /bin/sh admin
    echo 'admin ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin
    for user in root admin; do
      home=$(getent passwd $user | cut -d: -f6)
      install -d -m 0700 -o $user $home/.ssh
      install -m 0600 -o $user /given/reach/key.pub $home/.ssh/authorized_keys
    done
    systemctl restart ssh";

fn said(output: &Output) -> (i32, Value) {
    let printed = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
    let text = String::from_utf8_lossy(printed);
    let last = text.lines().last().unwrap_or_default();
    let said = serde_json::from_str(last).unwrap_or_else(|_| json!(text));
    (output.status.code().unwrap(), said)
}

struct Shore {
    host: Host,
    /// The folder of the bundle, the secrets and the certificates.
    world: World,
    /// A smaller one than cargo built: it is copied.
    gtc: PathBuf,
    spec: String,
    secrets: Vec<String>,
}

impl Shore {
    fn new() -> Option<Self> {
        let host = Host::fresh("bootstrap")?;
        let world = World::new();
        let (gtc, bundle) = (host.folder.join("gtc"), needy(&world));
        let words = ["-o", gtc.to_str().unwrap(), env!("CARGO_BIN_EXE_gtc")];
        assert!(Command::new("strip").args(words).status().unwrap().success());
        let spec = world.file("spec.yaml");
        fs::write(&spec, described(&bundle)).unwrap();
        let secrets = [("api_key", VALUE), ("other_key", "x")].map(|(name, value)| {
            let file = world.file(name);
            fs::write(&file, value).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            format!("--secret={name}=file:{file}")
        });
        Some(Self { host, world, gtc, spec, secrets: secrets.to_vec() })
    }

    fn with<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        self.secrets.iter().map(String::as_str).chain(more.iter().copied()).collect()
    }

    /// Nothing secret is anywhere on the machine, in memory or on disk.
    fn is_clean(&self) {
        let ended = "while systemctl is-active --quiet gtc-bootstrap-hello; do :; done";
        self.host.must(&["sh", "-c", ended]);
        let found = format!(
            "ls -d /run/gtc-bootstrap-hello; grep -rlF {VALUE} /run /tmp /var /etc 2>/dev/null; \
             journalctl --no-pager | grep -F {VALUE}"
        );
        let found = self.host.run(&["sh", "-c", &found]);
        assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    }
}

fn described(bundle: &str) -> String {
    format!(
        "apiVersion: greentic.ai/v1alpha1\nkind: Deployment\nmetadata: {{name: hello}}\n\
         spec:\n  bundle: {{source: {bundle}}}\n  \
         health: {{startupTimeoutSeconds: 600}}\n"
    )
}

#[test]
fn a_machine_with_nothing_but_sshd_is_brought_to_serve() {
    let Some(shore) = Shore::new() else { return };
    let reach = Reach::new(&shore.host);
    only_a_known_machine_is_talked_to(&shore, &reach);
    reach.is_known();
    wherever_it_breaks_it_goes_on(&shore, &reach);
    killed_while_it_applies(&shore, &reach);
    done_and_not_done_twice(&shore, &reach);
    brought_again_with_given_certificates(&shore, &reach);
    let gtc = "/var/lib/gtc-single-vm/hello/gtc single-vm";
    let spec = "--spec /var/lib/gtc-single-vm/hello/deployment.json";
    let status = shore.host.must(&["sh", "-c", &format!("{gtc} status {spec}")]);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["result"]["steps"], 0, "what it keeps is what was applied: {status:#}");
    shore.host.must(&["sh", "-c", &format!("{gtc} destroy {spec} --yes --purge")]);
    let left = "ls -d /var/lib/gtc-single-vm /run/gtc-bootstrap-* /opt/greentic";
    assert!(!shore.host.run(&["sh", "-c", left]).status.success());
}

fn only_a_known_machine_is_talked_to(shore: &Shore, reach: &Reach<'_>) {
    let words = shore.with(&[]);
    let attempt = |more: &[&str]| {
        let words = [&words[..], more].concat();
        let (code, said) = reach.bootstrap(&shore.gtc, "root", &shore.spec, &words);
        assert_eq!((code, &said["error"]["kind"]), (5, &json!("refused")), "{said:#}");
        said["error"].clone()
    };
    let unknown = attempt(&[]);
    let listed = shore.host.must(&["ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub"]);
    let print = listed.split(' ').nth(1).unwrap();
    assert_eq!(unknown["details"]["host_key"], print, "{unknown:#}");
    assert!(unknown["message"].as_str().unwrap().ends_with("and is not known"), "{unknown:#}");
    let pinned = format!("SHA256:{}", "A".repeat(43));
    let wrong = attempt(&["--host-key", &pinned]);
    assert!(wrong["message"].as_str().unwrap().contains(&pinned), "{wrong:#}");
    // Another machine is known by this name.
    let other = fs::read_to_string(reach.file("key.pub")).unwrap();
    fs::write(reach.file("known_hosts"), format!("127.0.0.1 {other}")).unwrap();
    let changed = attempt(&[]);
    assert!(changed["message"].as_str().unwrap().contains("known by another"), "{changed:#}");
    // The right pin is enough, and then somebody has to be let in.
    let pinned = shore.with(&["--host-key", print]);
    let (code, said) = reach.bootstrap(&shore.gtc, "nobody", &shore.spec, &pinned);
    assert_eq!((code, &said["error"]["kind"]), (5, &json!("refused")), "{said:#}");
    assert!(said["error"]["message"].as_str().unwrap().contains("let us in"), "{said:#}");
    assert!(!shore.host.run(&["ls", "/var/lib/gtc-single-vm"]).status.success());
}

fn wherever_it_breaks_it_goes_on(shore: &Shore, reach: &Reach<'_>) {
    for call in CALLS {
        let (code, said) = reach.broken(shore, call);
        assert_eq!((code, &said["error"]["kind"]), (6, &json!("unavailable")), "{call}: {said:#}");
        shore.is_clean();
        // What arrived by half is not kept.
        if let Some(name) = call.strip_prefix("hello' '").and_then(|it| it.split('\'').next()) {
            let file = format!("/var/lib/gtc-single-vm/hello/{name}");
            assert!(!shore.host.run(&["test", "-e", &file]).status.success(), "{file}");
        }
    }
    let brought = "cd /var/lib/gtc-single-vm/hello && ls && test ! -e ../hello.json";
    let files = "bundle.gtbundle\ndeployment.json\ngtc\njournal\n";
    assert_eq!(shore.host.must(&["sh", "-c", brought]), files, "nothing is half there");
}

/// The machine goes on, and what is secret is there until it has ended.
fn killed_while_it_applies(shore: &Shore, reach: &Reach<'_>) {
    shore.host.must(&["sh", "-ec", HELD]);
    let words = shore.with(&["--progress"]);
    let mut command = reach.command(&shore.gtc, "root", &shore.spec, &words);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("start unit greentic-hello.service") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it never began to start");
        assert!(!line.starts_with("copying"), "{line}");
    }
    let staged = "cd /run/gtc-bootstrap-hello && stat -c '%a %U %n' . secrets secrets/* && \
                  stat -f -c %T .";
    let is_staged = "700 root .\n700 root secrets\n600 root secrets/api_key\n\
                     600 root secrets/other_key\ntmpfs\n";
    assert_eq!(shore.host.must(&["sh", "-c", staged]), is_staged);
    let cut = "for it in /proc/[0-9]*; do \
               if grep -q '^sshd: root' $it/cmdline; then kill -9 ${it#/proc/}; fi; done";
    shore.host.run(&["sh", "-c", cut]);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(6), "{rest}");
    assert!(rest.contains("the same command goes on from there"), "{rest}");
    assert_eq!(shore.host.must(&["sh", "-c", staged]), is_staged);
    shore.host.must(&["touch", "/run/go"]);
    shore.is_clean();
}

fn done_and_not_done_twice(shore: &Shore, reach: &Reach<'_>) {
    let words = shore.with(&[]);
    let (code, said) = reach.bootstrap(&shore.gtc, "admin", &shore.spec, &words);
    assert_eq!(code, 0, "{said:#}");
    let result = &said["result"];
    assert_eq!((&result["course"], &result["copied"]), (&json!("resumed"), &json!([])));
    assert_eq!(result["secrets"], json!(["api_key", "other_key"]), "{said:#}");
    assert!(shore.host.serves().contains("1.0.0"));
    let ask = format!(
        "exec 3<>/dev/tcp/127.0.0.1/8080; printf 'GET /vault HTTP/1.1\\r\\nHost: a\\r\\n\
         x-api-key: {VALUE}\\r\\nConnection: close\\r\\n\\r\\n' >&3; head -n 1 <&3"
    );
    assert!(shore.host.must(&["bash", "-c", &ask]).contains(" 200 "));
    shore.is_clean();
    let (code, said) = reach.bootstrap(&shore.gtc, "admin", &shore.spec, &words);
    assert_eq!((code, &said["error"]["kind"]), (5, &json!("refused")), "{said:#}");
}

/// Somebody says so, and with certificates of their own: the key is not kept where it arrived.
fn brought_again_with_given_certificates(shore: &Shore, reach: &Reach<'_>) {
    let text = fs::read_to_string(&shore.spec).unwrap();
    fs::write(&shore.spec, text + &given_certificates(&shore.world)).unwrap();
    let again = shore.with(&["--force"]);
    let (code, said) = reach.bootstrap(&shore.gtc, "admin", &shore.spec, &again);
    assert_eq!((code, &said["result"]["course"]), (0, &json!("again")), "{said:#}");
    assert_eq!(said["result"]["copied"], json!(["ca.pem", "cert.pem", "deployment.json"]));
    assert_eq!(said["result"]["applied"]["changed"], true, "{said:#}");
    shore.is_clean();
    let keys = "grep -rlI 'PRIVATE KEY' /var/lib/gtc-single-vm";
    assert!(!shore.host.run(&["sh", "-c", keys]).status.success());
}

/// What the description says of an authority, and of a certificate by it for both ends.
fn given_certificates(world: &World) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (own, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let authority = params.self_signed(&own).unwrap().pem();
    let mut both = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    both.distinguished_name.push(DnType::CommonName, "hello");
    both.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let pem = both.signed_by(&key, &Issuer::new(params, own)).unwrap().pem();
    let parts = [("caFile", authority), ("certFile", pem), ("keyFile", key.serialize_pem())];
    let named = parts.map(|(name, text)| {
        let file = world.file(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        format!("{name}: {file}")
    });
    format!("  runtime: {{admin: {{mtls: {{{}}}}}}}\n", named.join(", "))
}

/// What is wrong here is told all at once, before anybody connects.
#[test]
fn what_can_be_checked_here_is_checked_before_anybody_connects() {
    let world = World::new();
    let bundle = needy(&world);
    let spec = world.file("spec.yaml");
    fs::write(&spec, described(&bundle)).unwrap();
    let host = ["single-vm", "bootstrap", "--host", "root@192.0.2.1", "--spec", &spec];
    let told = |more: &[&str]| {
        let (code, said) = world.refused(&[&host[..], more].concat(), "");
        assert_eq!(code, 2, "{said:#}");
        let problems = said["error"]["details"]["problems"].as_array().unwrap().iter();
        problems.map(|it| (it["message"].clone(), it["hint"].clone())).collect::<Vec<_>>()
    };
    let missing = |name: &str, what: &str| {
        let message = format!("the bundle reads the secret `{name}` ({what}), which is not given");
        let hint = format!("--secret {name}=file:PATH or --secret {name}=env:VARIABLE");
        (json!(message), json!(hint))
    };
    assert_eq!(told(&[]), [missing("api_key", "the key"), missing("other_key", "another")]);
    let wrong = ["--identity", "/none", "--host-key", "MD5:1", "--secret", "colour=env:COLOUR"];
    let messages: Vec<Value> = told(&wrong).into_iter().map(|(message, _)| message).collect();
    assert_eq!(messages.len(), 5, "{messages:#?}");
    assert_eq!(messages[4], "the bundle reads no secret `colour`");
    fs::write(&spec, described("relative").replace("Deployment", "Pod")).unwrap();
    let messages: Vec<Value> = told(&["--identity", "/none"]).into_iter().map(|it| it.0).collect();
    assert_eq!(messages[0], "there is no file `/none`");
    assert!(messages[1].as_str().unwrap().contains("2 problems"), "{messages:#?}");
}
