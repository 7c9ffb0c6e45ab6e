//! Servers behind TLS: believed when they prove who they are, and told apart when they do not.

use std::net::{SocketAddr, TcpListener};

use harness::Authority;
use serde_json::{Value, json};

use crate::upstreams::{Nginx, deployment, staged_with, text};
use crate::world::World;

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Puts the certificate of an authority into the folder of a bundle that is yet to be built.
fn put_authority(world: &World, version: &str, authority: &Authority) {
    let folder = world.folder.path().join(version);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(authority.file(), folder.join("ca.pem")).unwrap();
}

/// What the gate found wrong.
fn refused(world: &World, revision: &str) -> String {
    let (_, said) = world.refused(&["op", "revisions", "warm", revision], "");
    let gate = said["error"]["details"]["gate"].as_array().unwrap();
    let failed: Vec<&Value> = gate.iter().filter(|it| it["status"] == json!("fail")).collect();
    assert_eq!(failed.len(), 1, "{said}");
    assert_eq!(failed[0]["check"], "readiness");
    failed[0]["detail"].as_str().unwrap().to_owned()
}

#[test]
fn a_server_is_believed_that_its_bundle_can_tell() {
    let (world, address) = (World::new(), free());
    let (authority, other) = (Authority::new(), Authority::new());
    let id = deployment(&world);
    let pair = authority.issue("DNS:web.internal");
    let server = Nginx::over_tls(&world, "one", address, &pair);
    for version in ["1.0.0", "2.0.0", "3.0.0"] {
        put_authority(&world, version, &authority);
    }
    let named = ", tls: {ca: ca.pem, server_name: web.internal}";
    let r1 = staged_with(&world, "1.0.0", &server.url, named, &id);
    world.op("revisions warm", &[&r1]);
    world.set(&id, &["r1=100"]);

    // By another name, and by the system's authorities.
    let r2 = staged_with(&world, "2.0.0", &server.url, ", tls: {ca: ca.pem}", &id);
    let why = refused(&world, &r2);
    assert!(why.starts_with("GET / answered 502: TLS with it failed: "), "{why}");
    assert!(why.contains("not valid for name \"127.0.0.1\""), "{why}");
    assert!(why.contains("(name it in `url` or in `tls.server_name` of the pack"), "{why}");
    let named_only = ", tls: {server_name: web.internal}";
    let r3 = staged_with(&world, "3.0.0", &server.url, named_only, &id);
    let why = refused(&world, &r3);
    assert!(
        why.contains("(name the certificate of its authority as `tls.ca` of the pack)"),
        "{why}"
    );

    let serving = world.gtc.start(&["--log", "info"]).unwrap();
    let said = text(&serving.address, "/a?b=c");
    assert_eq!(said, (200, "one /a?b=c shop.test 127.0.0.1\n".to_owned()));

    // Somebody else takes its place.
    drop(server);
    let impostor = Nginx::over_tls(&world, "two", address, &other.issue("DNS:web.internal"));
    assert_eq!(text(&serving.address, "/").0, 502);
    serving.stop().unwrap();
    drop(impostor);
    let logged = world.gtc.end(&["logs", "r1"], b"").unwrap().stdout;
    assert!(logged.contains("the upstream did not answer: TLS with it failed"), "{logged}");
    assert!(logged.contains("(name the certificate of its authority as `tls.ca`"), "{logged}");
}

#[test]
fn what_vouches_for_nobody_is_refused() {
    let world = World::new();
    let id = deployment(&world);
    let folder = world.folder.path().join("1.0.0");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("ca.pem"), "no certificate").unwrap();
    let named = ", tls: {ca: ca.pem}";
    let r1 = staged_with(&world, "1.0.0", "https://127.0.0.1:1", named, &id);
    let (_, said) = world.refused(&["op", "revisions", "warm", &r1], "");
    let gate = said["error"]["details"]["gate"].as_array().unwrap();
    let failed = gate.iter().find(|it| it["status"] == json!("fail")).unwrap();
    assert_eq!(failed["check"], "packs");
    let why = failed["detail"].as_str().unwrap();
    assert!(
        why.starts_with("pack `web`: `ca.pem`: this is not a PEM file of certificates"),
        "{why}"
    );
}
