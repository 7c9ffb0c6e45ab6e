//! What a description may say, and what is said about one that it may not.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use schemars::schema_for;
use serde_json::{Value as Json, json};

use super::*;

const SMALLEST: &str = "\
apiVersion: greentic.ai/v1alpha1
kind: Deployment
metadata: {name: hello}
spec:
  bundle: {source: /srv/hello.gtbundle}
";

/// Every field there is, each with a value that is not the usual one where there is another.
const FULL: &str = "\
apiVersion: greentic.ai/v1alpha1
kind: Deployment
metadata:
  name: hello
spec:
  target: single-vm
  bundle:
    source: https://downloads.example/hello.gtbundle
    digest: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    format: squashfs
  runtime:
    image: registry.example/gtc:1.4.0
    arch: x86_64
    listen: 0.0.0.0:80
    admin:
      bind: 127.0.0.1:9000
      mtls:
        caFile: /pki/ca.pem
        certFile: /pki/cert.pem
        keyFile: /pki/key.pem
  storage:
    stateDir: /srv/a/state
    cacheDir: /srv/a/cache
    logDir: /srv/a/log
    tempDir: /srv/a/tmp
  service: {manager: systemd, user: web, group: www}
  health: {readinessPath: /ready, livenessPath: /live, startupTimeoutSeconds: 5}
  rollout: {strategy: recreate}
";

fn problems(text: &str) -> String {
    let problems = Deployment::parse(text).unwrap_err();
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// The smallest description with `more` in its `spec`.
fn with(more: &str) -> String {
    format!("{SMALLEST}  {more}\n")
}

#[test]
fn everything_sensible_has_a_default() {
    let deployment = Deployment::parse(SMALLEST).unwrap();
    assert_snapshot!(serde_json::to_string_pretty(&deployment).unwrap(), @r#"
    {
      "apiVersion": "greentic.ai/v1alpha1",
      "kind": "Deployment",
      "metadata": {
        "name": "hello"
      },
      "spec": {
        "target": "single-vm",
        "bundle": {
          "source": "file:///srv/hello.gtbundle",
          "format": "squashfs"
        },
        "runtime": {
          "arch": "x86_64",
          "listen": "127.0.0.1:8080",
          "admin": {
            "bind": "127.0.0.1:8433",
            "mtls": "generate"
          }
        },
        "storage": {
          "stateDir": "/var/lib/greentic/hello/state",
          "cacheDir": "/var/cache/greentic/hello",
          "logDir": "/var/log/greentic/hello",
          "tempDir": "/var/lib/greentic/hello/tmp"
        },
        "service": {
          "manager": "systemd",
          "user": "greentic-hello",
          "group": "greentic-hello"
        },
        "health": {
          "readinessPath": "/readyz",
          "livenessPath": "/healthz",
          "startupTimeoutSeconds": 60
        },
        "rollout": {
          "strategy": "blue-green"
        }
      }
    }
    "#);
}

#[test]
fn what_is_written_is_what_is_meant() {
    let deployment = Deployment::parse(FULL).unwrap();
    let json = serde_json::to_string(&deployment).unwrap();
    assert_eq!(Deployment::parse(&json).unwrap(), deployment);
    let text = serde_json::to_string_pretty(&deployment).unwrap();
    assert_snapshot!(text, @r#"
    {
      "apiVersion": "greentic.ai/v1alpha1",
      "kind": "Deployment",
      "metadata": {
        "name": "hello"
      },
      "spec": {
        "target": "single-vm",
        "bundle": {
          "source": "https://downloads.example/hello.gtbundle",
          "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
          "format": "squashfs"
        },
        "runtime": {
          "image": "registry.example/gtc:1.4.0",
          "arch": "x86_64",
          "listen": "0.0.0.0:80",
          "admin": {
            "bind": "127.0.0.1:9000",
            "mtls": {
              "caFile": "/pki/ca.pem",
              "certFile": "/pki/cert.pem",
              "keyFile": "/pki/key.pem"
            }
          }
        },
        "storage": {
          "stateDir": "/srv/a/state",
          "cacheDir": "/srv/a/cache",
          "logDir": "/srv/a/log",
          "tempDir": "/srv/a/tmp"
        },
        "service": {
          "manager": "systemd",
          "user": "web",
          "group": "www"
        },
        "health": {
          "readinessPath": "/ready",
          "livenessPath": "/live",
          "startupTimeoutSeconds": 5
        },
        "rollout": {
          "strategy": "recreate"
        }
      }
    }
    "#);
}

#[test]
fn all_problems_are_told_at_once_with_their_places() {
    assert_snapshot!(problems("\
apiVersion: greentic.ai/v2
kind: Pod
metadata: {name: Hello}
spec:
  target: kubernetes
  bundle: {source: hello.gtbundle, digest: sha256:12, format: zip, size: 3}
  runtime:
    binary: gtc
    image: a b
    arch: aarch64
    listen: localhost
    admin: {bind: 0.0.0.0:8433, mtls: false}
  storage: {stateDir: data, logDir: [a]}
  service: {manager: openrc, user: root, group: 12}
  health: {readinessPath: ready, startupTimeoutSeconds: 86400}
  rollout: {strategy: canary}
status: {}
"), @r"
    1:13: /apiVersion: `greentic.ai/v2` is not served: this gtc reads `greentic.ai/v1alpha1` only; write `apiVersion: greentic.ai/v1alpha1`
    2:7: /kind: `Pod` is not served: a machine is described by a `Deployment`; write `kind: Deployment`
    3:18: /metadata/name: `Hello` is not a slug: 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit; write `metadata: {name: hello}`
    5:11: /spec/target: `kubernetes` is not served: this document describes one machine, `single-vm`; write `target: single-vm`
    6:20: /spec/bundle/source: `hello.gtbundle` is relative, and would be another file for each directory that it is read in; a path begins with `/`; write `source: /path/to/hello.gtbundle`, or `oci://…`, or `https://…` with `digest:`
    6:44: /spec/bundle/digest: `sha256:12` is not a digest: `sha256:` and 64 lower-case hex digits; `gtc bundle inspect FILE` prints it
    6:63: /spec/bundle/format: `zip` is not served: the bundle is mounted, and only `squashfs` can be; `gtc bundle build --format squashfs` makes one; write `format: squashfs`
    6:68: /spec/bundle/size: `size` is not a field of this document; here go source, digest, format
    8:13: /spec/runtime/binary: `gtc` is relative, and would be another file for each directory that it is read in; a path begins with `/`; write the whole path, from `/`
    9:12: /spec/runtime/image: `a b` is no name of an artifact: host/repository[:tag][@sha256:…]; write `image: registry.example/gtc:1.4.0`
    9:12: /spec/runtime/image: `binary` and `image` are two ways to run the same; only one can be meant; remove one of them
    10:11: /spec/runtime/arch: `aarch64` is not served: the units' system calls and the binary are proven on `x86_64` only; write `arch: x86_64`
    11:13: /spec/runtime/listen: `localhost` is no address with a port; names are not looked up; write `listen: 0.0.0.0:8080`
    12:19: /spec/runtime/admin/bind: the admin endpoint binds to 127.0.0.1, not 0.0.0.0: who reaches it decides what this machine serves, and no flag changes that; write `bind: 127.0.0.1:8433`, and reach it from afar through `ssh -L`
    12:39: /spec/runtime/admin/mtls: `false` is not served: write `generate`, or a map with `caFile`, `certFile` and `keyFile`; client certificates cannot be turned off; write `mtls: generate`, or `mtls:` with `caFile`, `certFile` and `keyFile`
    13:23: /spec/storage/stateDir: `data` is relative, and would be another file for each directory that it is read in; a path begins with `/`; write the whole path, from `/`
    13:37: /spec/storage/logDir: is a list, and ought to be a text; write the whole path, from `/`
    14:22: /spec/service/manager: `openrc` is not served: mounts, sockets and confinement are systemd's, and no other manager has them; write `manager: systemd`
    14:36: /spec/service/user: the service never runs as root, which would make its confinement void; write `user: greentic`
    14:49: /spec/service/group: `12` is a number or a truth value, and ought to be a text; write `group: greentic`
    15:27: /spec/health/readinessPath: `ready` is no path of an HTTP request: `/`, then at most 254 printable characters without query, quotes, `\`, `%` and `$`; write `readinessPath: /readyz`
    15:57: /spec/health/startupTimeoutSeconds: is not a whole number from 1 to 3600: a start that never ends would never be rolled back; write a number such as `startupTimeoutSeconds: 60`
    16:23: /spec/rollout/strategy: `canary` is not served: a new bundle takes over by `blue-green` or by `recreate`; write `strategy: blue-green`
    17:1: /status: `status` is not a field of this document; here go apiVersion, kind, metadata, spec
    ");
}

#[test]
fn nothing_turns_client_certificates_off() {
    for (admin, says) in [
        ("{bind: 127.0.0.1:8433}", "no flag turns that off"),
        ("{mtls: null}", "no flag turns that off"),
        ("{mtls: }", "no flag turns that off"),
        ("{mtls: false}", "cannot be turned off"),
        ("{mtls: off}", "cannot be turned off"),
        ("{mtls: []}", "cannot be turned off"),
        ("{mtls: {}}", "`caFile` is missing"),
        ("{mtls: {caFile: /a, certFile: /b}}", "`keyFile` is missing"),
        ("{mtls: {caFile: /a, certFile: /b, keyFile: /b}}", "file of its own"),
        ("{mtls: generate, insecure: true}", "not a field"),
        ("{mtls: generate, bind: '0.0.0.0:8433'}", "no flag changes that"),
        ("{mtls: generate, bind: '127.0.0.1:8080'}", "both have port 8080"),
    ] {
        let found = problems(&with(&format!("runtime: {{admin: {admin}}}")));
        assert!(found.contains(says), "{admin}: {found}");
    }
}

#[test]
fn directories_are_apart_from_each_other_from_the_system_and_from_the_bundle() {
    for (storage, says) in [
        ("{stateDir: /srv/a, cacheDir: /srv/a}", "are both `/srv/a`"),
        ("{stateDir: /srv/a, cacheDir: /srv/a/b}", "`/srv/a/b` is inside `stateDir`"),
        ("{stateDir: /srv/a/b, logDir: /srv/a}", "`/srv/a/b` is inside `logDir`"),
        ("{stateDir: /var/lib/greentic/hello}", "inside `stateDir`"),
        ("{stateDir: /srv/greentic/hello/x}", "nothing can be written there"),
        ("{stateDir: /opt/greentic}", "replace its own program"),
        ("{tempDir: /opt/greentic/hello/bin}", "replace its own program"),
        ("{tempDir: /tmp/x}", "private to the service"),
        ("{tempDir: /var/tmp/x}", "private to the service"),
        ("{stateDir: /home/a}", "hidden from the service"),
        ("{stateDir: /etc/greentic/hello}", "the system's settings"),
        ("{stateDir: /var/lib}", "others use too"),
        ("{stateDir: /}", "no path"),
        ("{stateDir: ../a}", "relative"),
    ] {
        let found = problems(&with(&format!("storage: {storage}")));
        assert!(found.contains(says), "{storage}: {found}");
    }
    assert!(Deployment::parse(&with("storage: {stateDir: /srv/a, logDir: /srv/ab}")).is_ok());
}

#[test]
fn a_bundle_is_what_its_digest_says() {
    let digest = |c: &str| format!("sha256:{}", c.repeat(64));
    let source = |text: &str| SMALLEST.replace("source: /srv/hello.gtbundle", text);
    for (text, says) in [
        ("source: https://d.example/a".to_owned(), "by its digest only"),
        ("source: http://d.example/a".to_owned(), "changed on its way"),
        ("source: 7".to_owned(), "ought to be a text"),
        ("format: squashfs".to_owned(), "`source` is missing"),
        (format!("source: /a, digest: {}", digest("A")), "not a digest"),
    ] {
        let found = problems(&source(&text));
        assert!(found.contains(says) && found.lines().count() == 1, "{text}: {found}");
    }
    for good in [
        "source: 'oci://r.example/a:1'".to_owned(),
        format!("source: https://d.example/a, digest: {}", digest("a")),
        format!("source: 'oci://r/a@{}', digest: {}", digest("a"), digest("a")),
    ] {
        assert!(Deployment::parse(&source(&good)).is_ok(), "{good}");
    }
}

#[test]
fn a_long_name_needs_a_user_of_its_own() {
    let long = SMALLEST.replace("hello}", &format!("{}}}", "a".repeat(24)));
    assert!(problems(&long).contains("too long for one"));
    assert!(Deployment::parse(&format!("{long}  service: {{user: web}}\n")).is_ok());
}

/// What the schema says and what is read are written twice; this holds them together.
#[test]
fn the_schema_knows_the_fields_that_are_read() {
    let schema = schema_for!(Deployment).to_value();
    let full: Json = json!(Deployment::parse(FULL).unwrap());
    let mut seen = 0;
    walk(&schema, &schema, &full, &mut |pointer, fields| {
        let mut wrong = full.clone();
        wrong.pointer_mut(pointer).unwrap()["zzz"] = json!(1);
        let found = Deployment::parse(&wrong.to_string()).unwrap_err();
        let problem = found.iter().find(|problem| problem.pointer.ends_with("/zzz")).unwrap();
        let hint = problem.hint.as_deref().unwrap().strip_prefix("here go ").unwrap();
        let read: BTreeSet<&str> = hint.split(", ").collect();
        assert_eq!(read, fields.iter().map(String::as_str).collect(), "{pointer}");
        seen += 1;
    });
    assert_eq!(seen, 11, "every map of the document");
}

/// Calls `each` with the pointer and the fields of every map that `schema` describes in `value`.
fn walk(root: &Json, schema: &Json, value: &Json, each: &mut impl FnMut(&str, &BTreeSet<String>)) {
    let mut open = vec![(String::new(), schema)];
    while let Some((pointer, schema)) = open.pop() {
        let mut schema = schema;
        while let Some(reference) = schema["$ref"].as_str() {
            schema = root.pointer(reference.trim_start_matches('#')).unwrap();
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            let choices = schema[key].as_array().into_iter().flatten();
            open.extend(choices.map(|choice| (pointer.clone(), choice)));
        }
        let Some(fields) = schema["properties"].as_object() else { continue };
        if !value.pointer(&pointer).is_some_and(Json::is_object) {
            continue;
        }
        assert_eq!(schema["additionalProperties"], false, "{pointer}");
        each(&pointer, &fields.keys().cloned().collect());
        open.extend(fields.iter().map(|(name, schema)| (format!("{pointer}/{name}"), schema)));
    }
}
