//! What the types of this module promise.

use serde_json::{Value, json};

use super::*;
use crate::document;
use crate::fault::Kind;

fn good() -> Value {
    json!({
        "schema": "greentic.bundle.v1", "bundle_id": "fast2flow", "version": "1.4.0",
        "packs": [
            {"pack_id": "web", "kind": "http-component", "path": "packs/web.wasm",
             "reuse": {"requests": 1000}},
            {"pack_id": "assets", "kind": "static", "path": "assets", "public_path": "/assets",
             "limits": {"memory_mb": 256}, "egress": ["api.example.com"]},
            {"pack_id": "api", "kind": "process", "path": "bin/api", "public_path": "/api",
             "limits": {"memory_mb": 65536},
             "process": {"args": ["--verbose"], "listen": "socket", "files": 4096, "grace_ms": 0,
                         "probe": {"path": "/healthz", "deadline_ms": 5000}}},
            {"pack_id": "old", "kind": "upstream", "url": "http://127.0.0.1:3000/shop",
             "public_path": "/old", "limits": {"timeout_ms": 30000}},
            {"pack_id": "calls", "kind": "upstream", "url": "https://calls.internal",
             "public_path": "/calls", "protocol": "http1",
             "tls": {"ca": "ca.pem", "server_name": "calls.test"}},
            {"pack_id": "shop", "kind": "container", "public_path": "/shop",
             "image": format!("registry.example/shop:1.4.0@{}", crate::Digest::of(b"")),
             "limits": {"memory_mb": 65536}, "process": {"listen": "socket", "processes": 64},
             "container": {"command": "/bin/shop", "port": 3000, "cpu_milli": 500}},
            {"pack_id": "old-shop", "kind": "container", "public_path": "/old-shop",
             "path": "images/shop"},
        ],
        "health": {"readiness_path": "/readyz"},
        "config_schema": "config.schema.json",
        "secrets": [{"name": "api_key", "required": true}],
        "setup": "setup.yaml",
        "drain_seconds": 30,
    })
}

fn read(document: &Value) -> Result<BundleManifest, Fault> {
    let manifest: BundleManifest = document::from_value(document.clone())?;
    manifest.check().map(|()| manifest)
}

#[test]
fn a_good_manifest_is_accepted_with_its_defaults() {
    let manifest = read(&good()).unwrap();
    assert!(manifest.packs[0].public_path.is_root());
    assert_eq!(manifest.packs[0].limits, Limits { memory_mb: 64, timeout_ms: 5_000 });
    assert_eq!(manifest.packs[1].limits, Limits { memory_mb: 256, timeout_ms: 5_000 });
    let process = manifest.packs[2].process.as_ref().unwrap();
    assert_eq!((process.listen, process.processes), (ProcessListen::Socket, None));
    let protocols = [2, 3, 4].map(|i| manifest.packs[i].protocol);
    assert_eq!(protocols, [Protocol::Auto, Protocol::Auto, Protocol::Http1]);
    let reuse = [0, 1].map(|i| manifest.packs[i].reuse);
    assert_eq!(reuse, [Some(Reuse { requests: 1_000 }), None]);
    assert_eq!(manifest.health.as_ref().unwrap().timeout_ms, 2_000);
    assert_eq!(read(&json!(manifest)), Ok(manifest));
}

#[test]
fn a_manifest_broken_in_any_way_is_refused_by_name() {
    let cases = [
        ("/schema", json!("greentic.bundle.v2"), "/schema"),
        ("/bogus", json!(1), "/bogus"),
        ("/bundle_id", json!("Fast2Flow"), "/bundle_id"),
        ("/version", json!("1.4"), "/version"),
        ("/packs", json!([]), "/packs"),
        ("/packs/1/pack_id", json!("web"), "/packs/1/pack_id"),
        ("/packs/1/public_path", json!("/"), "/packs/1/public_path"),
        ("/packs/1/public_path", json!("/a/"), "/packs/1/public_path"),
        ("/packs/1/kind", json!("jar"), "/packs/1/kind"),
        ("/packs/1/bogus", json!(1), "/packs/1/bogus"),
        ("/packs/1/limits/memory_mb", json!(0), "/packs/1/limits/memory_mb"),
        ("/packs/1/limits/memory_mb", json!(257), "/packs/1/limits/memory_mb"),
        ("/packs/1/limits/timeout_ms", json!(0), "/packs/1/limits/timeout_ms"),
        ("/packs/1/limits/timeout_ms", json!(600_001), "/packs/1/limits/timeout_ms"),
        ("/packs/1/process", json!({}), "/packs/1/process"),
        ("/packs/2/limits/memory_mb", json!(65_537), "/packs/2/limits/memory_mb"),
        ("/packs/2/egress", json!(["api.example.com"]), "/packs/2/egress"),
        ("/packs/2/process/env", json!({}), "/packs/2/process/env"),
        ("/packs/2/process/args", json!(["a", "b\0"]), "/packs/2/process/args/1"),
        ("/packs/2/process/listen", json!("tcp"), "/packs/2/process/listen"),
        ("/packs/2/process/files", json!(15), "/packs/2/process/files"),
        ("/packs/2/process/processes", json!(0), "/packs/2/process/processes"),
        ("/packs/2/process/grace_ms", json!(600_001), "/packs/2/process/grace_ms"),
        ("/packs/2/process/probe/path", json!("healthz"), "/packs/2/process/probe/path"),
        ("/packs/2/process/probe/deadline_ms", json!(0), "/packs/2/process/probe/deadline_ms"),
        ("/packs/2/process/probe/timeout", json!(0), "/packs/2/process/probe/timeout"),
        ("/packs/0/reuse", json!({}), "/packs/0/reuse"),
        ("/packs/0/reuse/requests", json!(1), "/packs/0/reuse/requests"),
        ("/packs/0/reuse/requests", json!(1_000_001), "/packs/0/reuse/requests"),
        ("/packs/0/reuse/seconds", json!(1), "/packs/0/reuse/seconds"),
        ("/packs/1/reuse", json!({"requests": 100}), "/packs/1/reuse"),
        ("/packs/2/reuse", json!({"requests": 100}), "/packs/2/reuse"),
        ("/packs/0/url", json!("http://a.test"), "/packs/0/url"),
        ("/packs/0/path", json!(null), "/packs/0/path"),
        ("/packs/3/url", json!(null), "/packs/3/url"),
        ("/packs/3/url", json!("h2c://a.test"), "/packs/3/url"),
        ("/packs/3/url", json!("http://169.254.169.254"), "/packs/3/url"),
        ("/packs/3/path", json!("web"), "/packs/3/path"),
        ("/packs/3/egress", json!(["api.example.com"]), "/packs/3/egress"),
        ("/packs/3/process", json!({}), "/packs/3/process"),
        ("/packs/3/protocol", json!("h2"), "/packs/3/protocol"),
        ("/packs/3/tls", json!({}), "/packs/3/tls"),
        ("/packs/0/protocol", json!("h2c"), "/packs/0/protocol"),
        ("/packs/1/protocol", json!("http1"), "/packs/1/protocol"),
        ("/packs/2/tls", json!({}), "/packs/2/tls"),
        ("/packs/4/protocol", json!("h2c"), "/packs/4/protocol"),
        ("/packs/4/tls/ca", json!("/etc/ca.pem"), "/packs/4/tls/ca"),
        ("/packs/4/tls/server_name", json!("a test"), "/packs/4/tls/server_name"),
        ("/packs/4/tls/insecure", json!(true), "/packs/4/tls/insecure"),
        ("/packs/5/image", json!("registry.example/shop:1.4.0"), "/packs/5/image"),
        ("/packs/5/image", json!(null), "/packs/5/image"),
        ("/packs/5/path", json!("images/shop"), "/packs/5/path"),
        ("/packs/5/url", json!("http://a.test"), "/packs/5/url"),
        ("/packs/5/egress", json!(["api.example.com"]), "/packs/5/egress"),
        ("/packs/5/tls", json!({}), "/packs/5/tls"),
        ("/packs/5/process/grace_ms", json!(600_001), "/packs/5/process/grace_ms"),
        ("/packs/5/container/command", json!("shop"), "/packs/5/container/command"),
        ("/packs/5/container/port", json!(0), "/packs/5/container/port"),
        ("/packs/5/container/cpu_milli", json!(9), "/packs/5/container/cpu_milli"),
        ("/packs/5/container/network", json!("host"), "/packs/5/container/network"),
        ("/packs/2/image", good()["packs"][5]["image"].clone(), "/packs/2/image"),
        ("/packs/2/container", json!({}), "/packs/2/container"),
        ("/packs/1/limits/cpu", json!(1), "/packs/1/limits/cpu"),
        ("/health/readiness_path", json!("readyz"), "/health/readiness_path"),
        ("/health/readiness_path", json!(""), "/health/readiness_path"),
        ("/secrets/0/value", json!("hunter2"), "/secrets/0/value"),
    ];
    for (pointer, value, named) in cases {
        let mut document = good();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[field] = value.clone();
        let fault = read(&document).expect_err(&format!("{pointer} {value}"));
        assert_eq!((fault.kind, &fault.details["pointer"]), (Kind::InvalidInput, &json!(named)));
        assert!(!fault.message.contains("hunter2"));
    }
}

#[test]
fn a_path_stays_inside_the_bundle() {
    let long = "a/".repeat(2_048) + "a";
    for bad in ["", "/x", "..", "a/../b", "./a", "a//b", "a/", "a\\b", "a\0b", "a\nb", &long] {
        for pointer in ["/packs/0/path", "/config_schema", "/setup"] {
            let mut document = good();
            *document.pointer_mut(pointer).unwrap() = json!(bad);
            let fault = read(&document).unwrap_err();
            assert_eq!(fault.details["pointer"], pointer, "{bad:?}");
            assert!(!fault.message.chars().any(char::is_control));
        }
    }
    assert!("a..b/...".parse::<InnerPath>().is_ok());
}
