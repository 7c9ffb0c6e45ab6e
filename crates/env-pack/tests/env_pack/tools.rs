//! Tools that are missing, old, broken, slow or logged out, played by small shell scripts.

use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use deploy_spec::{CheckStatus, EnvPackBinding, PackRef, Slot};
use env_pack::{
    Handler, Machine, Outcome, Platform, Probe, Registry, Setup, Tool, ToolNeed, ToolReport,
    check_tools,
};
use rustix::fs::OFlags;

fn tool(folder: &Path, name: &str, script: &str) {
    let file = folder.join(name);
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

fn need(tool: Tool, versions: Option<&str>, probe: Option<Probe>) -> ToolNeed {
    ToolNeed { tool, versions: versions.map(|text| text.parse().unwrap()), probe }
}

fn with<T>(path: &OsStr, deadline: Duration, then: impl Fn(&Machine<'_>) -> T) -> T {
    let environment = [(OsString::from("ACCOUNT"), OsString::from("ada"))];
    then(&Machine { path, environment: &environment, platform: Platform::Apt, deadline })
}

/// The rows of one tool that is played by `script`.
fn rows(name: &str, script: &str, need: &ToolNeed) -> Vec<Outcome> {
    let home = tempfile::tempdir().unwrap();
    tool(home.path(), name, script);
    let needs = std::slice::from_ref(need);
    with(home.path().as_os_str(), Duration::from_secs(20), |machine| check_tools(needs, machine))
}

fn can_i() -> Probe {
    let (verb, resource) = ("create".into(), "deployments.apps".into());
    Probe::KubectlCanI { verb, resource, namespace: Some("web".into()) }
}

#[test]
fn nothing_needed_is_nothing_checked() {
    let rows = with(OsStr::new(""), Duration::ZERO, |machine| check_tools(&[], machine));
    assert!(rows.is_empty());
}

#[test]
fn a_tool_that_is_there_and_new_enough_passes() {
    let need = need(Tool::Terraform, Some(">=1.5, <2"), None);
    let rows = rows("terraform", "echo Terraform v1.5.7; echo on linux", &need);
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].check, rows[0].status), ("presence", CheckStatus::Pass));
    assert!(rows[0].found.as_deref().unwrap().ends_with("/terraform"));
    let row = serde_json::to_value(&rows[1]).unwrap();
    let expected = serde_json::json!({
        "tool": "terraform", "check": "version", "status": "pass", "found": "1.5.7",
        "required": ">=1.5, <2", "install_hint": null, "detail": null,
    });
    assert_eq!(row, expected);
}

#[test]
fn a_tool_that_is_missing_says_how_to_get_it_and_skips_the_rest() {
    let home = tempfile::tempdir().unwrap();
    // Neither a file that cannot be run nor a folder is the tool.
    fs::write(home.path().join("kubectl"), "x").unwrap();
    fs::create_dir(home.path().join("helm")).unwrap();
    let needs = [
        need(Tool::Kubectl, Some(">=1.27"), Some(can_i())),
        need(Tool::Helm, None, None),
        need(Tool::Az, None, None),
    ];
    let path = home.path().as_os_str();
    let rows = with(path, Duration::ZERO, |machine| check_tools(&needs, machine));
    let short: Vec<_> = rows.iter().map(|r| (r.tool.name(), r.check, r.status)).collect();
    use CheckStatus::{Fail, Skipped};
    assert_eq!(
        short,
        [
            ("kubectl", "presence", Fail),
            ("kubectl", "version", Skipped),
            ("kubectl", "kubectl-can-i", Skipped),
            ("helm", "presence", Fail),
            ("az", "presence", Fail),
        ]
    );
    assert_eq!(rows[1].required.as_deref(), Some(">=1.27"));
    assert_eq!(rows[0].install_hint, Some("apt install kubectl (from pkgs.k8s.io)"));
}

#[test]
fn a_tool_in_the_working_folder_does_not_stand_in_for_another() {
    for path in ["", ".", "bin", ":"] {
        let needs = [need(Tool::Docker, None, None)];
        let rows = with(OsStr::new(path), Duration::ZERO, |machine| check_tools(&needs, machine));
        assert_eq!(rows[0].status, CheckStatus::Fail, "{path}");
    }
}

#[test]
fn a_tool_that_is_too_old_or_prints_garbage_or_fails_is_told_apart() {
    let need = need(Tool::Helm, Some(">=3.10"), None);
    for (script, found, detail) in [
        ("echo v3.2.0+g1", Some("3.2.0+g1"), "3.2.0+g1 is not a version that will do"),
        ("echo '\\033[1m hello hunter2'", None, "`helm version --short` printed no version"),
        ("head -c 70000 /dev/zero", None, "`helm version --short` printed more than 65536 bytes"),
        ("echo v3.14.0; exit 3", None, "`helm version --short` ended with exit status: 3"),
    ] {
        let home = tempfile::tempdir().unwrap();
        tool(home.path(), "helm", script);
        let path = std::env::join_paths([home.path(), Path::new("/usr/bin"), Path::new("/bin")]);
        let needs = std::slice::from_ref(&need);
        let rows = with(&path.unwrap(), Duration::from_secs(20), |m| check_tools(needs, m));
        let row = &rows[1];
        assert_eq!((row.status, row.found.as_deref()), (CheckStatus::Fail, found), "{script}");
        assert_eq!(row.detail.as_deref(), Some(detail), "{script}");
        assert!(row.install_hint.is_some());
    }
}

#[test]
fn a_tool_that_hangs_is_killed_with_all_that_it_started() {
    let home = tempfile::tempdir().unwrap();
    let pipe = home.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let script = format!("exec 3>{}; echo up >&3; tail -f /dev/null & wait", pipe.display());
    tool(home.path(), "podman", &script);
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let mut reader = OpenOptions::new().read(true).custom_flags(nonblocking).open(&pipe).unwrap();

    let path = std::env::join_paths([home.path(), Path::new("/usr/bin"), Path::new("/bin")]);
    let needs = [need(Tool::Podman, Some("*"), None)];
    let rows = with(&path.unwrap(), Duration::from_secs(1), |m| check_tools(&needs, m));
    assert_eq!(rows[1].status, CheckStatus::Fail);
    assert_eq!(rows[1].detail.as_deref(), Some("`podman --version` did not end within 1000 ms"));

    // The pipe ends only when everybody who could write to it is gone.
    rustix::fs::fcntl_setfl(&reader, OFlags::empty()).unwrap();
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    assert_eq!(said, "up\n");
}

#[test]
fn each_probe_knows_a_login_from_none() {
    for (probe, yes, found, no) in [
        (
            Probe::AwsCallerIdentity,
            r#"[ "$*" = "sts get-caller-identity --output json" ] && echo '{"Arn": "arn:aws:iam::1:user/'$ACCOUNT'"}'"#,
            "arn:aws:iam::1:user/ada",
            r#"echo '{"Arn": null}'"#,
        ),
        (
            Probe::GcloudAuthList,
            r#"[ "$1 $2" = "auth list" ] && echo '[{"account": "ada@example.org", "status": "ACTIVE"}]'"#,
            "ada@example.org",
            "echo '[]'",
        ),
        (
            Probe::AzAccountShow,
            r#"[ "$1 $2" = "account show" ] && echo '{"id": "0-1", "name": "Team"}'"#,
            "0-1",
            "echo hunter2 please log in >&2; exit 1",
        ),
        (
            can_i(),
            r#"[ "$*" = "auth can-i create deployments.apps --namespace web" ] && echo yes"#,
            "yes",
            "echo no",
        ),
    ] {
        let (name, tool) = (probe.name(), probe.tool());
        let need = need(tool, None, Some(probe));
        let passed = rows(tool.name(), yes, &need);
        let row = passed.last().unwrap();
        assert_eq!((row.check, row.status), (name, CheckStatus::Pass), "{row:?}");
        assert_eq!(row.found.as_deref(), Some(found));
        for no in [no, "echo garbage", "exit 0", "exit 1"] {
            let failed = rows(tool.name(), no, &need);
            let row = failed.last().unwrap();
            assert_eq!(
                (row.status, row.found.as_deref()),
                (CheckStatus::Fail, None),
                "{name} {no}"
            );
            let detail = row.detail.as_deref().unwrap();
            assert!(detail.contains("run it yourself") && !detail.contains("hunter2"), "{detail}");
        }
    }
}

#[test]
fn a_tool_sees_only_the_variables_that_were_handed_in() {
    let script = r#"[ -z "$CARGO_MANIFEST_DIR$HOME" ] && echo '{"id": "'$ACCOUNT'"}'"#;
    let rows = rows("az", script, &need(Tool::Az, None, Some(Probe::AzAccountShow)));
    assert_eq!(rows[1].found.as_deref(), Some("ada"));
}

fn bound(slot: Slot, kind: &str) -> EnvPackBinding {
    EnvPackBinding {
        slot,
        kind: kind.parse().unwrap(),
        pack_ref: PackRef::Builtin,
        digest: None,
        answers: serde_json::Map::new(),
        generation: 0,
        previous: None,
    }
}

#[test]
fn what_the_local_env_packs_need_is_nothing() {
    let registry = Registry::builtin().unwrap();
    let bindings: Vec<_> = registry
        .handlers()
        .map(|handler| bound(handler.slot, &format!("{}@0.1.0", handler.path)))
        .collect();
    let path = OsStr::new("");
    let report =
        with(path, Duration::ZERO, |machine| ToolReport::make(&registry, &bindings, machine));
    assert_eq!((report.total_checks, report.failed_checks), (0, 0));
    assert_eq!(report.per_binding.len(), 6);
}

#[test]
fn what_every_binding_needs_is_counted_once_for_each() {
    let mut registry = Registry::default();
    let cluster = Handler {
        path: "acme.deployer.cluster".into(),
        versions: "^1".parse().unwrap(),
        slot: Slot::Deployer,
        settings: serde_json::json!({"type": "object"}),
        setup: Setup::default(),
        tools: vec![
            need(Tool::Kubectl, Some(">=1.27"), Some(can_i())),
            need(Tool::Helm, None, None),
        ],
        credentials: Vec::new(),
        offers_bootstrap: false,
    };
    registry.register(cluster).unwrap();
    let bindings =
        [bound(Slot::Deployer, "acme.deployer.cluster@1.0.0"), bound(Slot::State, "a.b@1.0.0")];
    let home = tempfile::tempdir().unwrap();
    tool(home.path(), "helm", "exit 1");
    let report = with(home.path().as_os_str(), Duration::from_secs(20), |machine| {
        ToolReport::make(&registry, &bindings, machine)
    });
    // kubectl is not there: its version and login are skipped, and no failure of their own.
    assert_eq!((report.total_checks, report.failed_checks), (4, 1));
    let row = serde_json::to_value(&report.per_binding[1]).unwrap();
    assert_eq!(row, serde_json::json!({"slot": "state", "kind": "a.b@1.0.0", "outcomes": []}));
}
