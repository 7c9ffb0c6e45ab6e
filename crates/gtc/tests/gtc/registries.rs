//! Bundles go to a real registry and come back from it, signatures and all.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::world::World;

/// Debian's `docker-registry` on a free port of this machine.
pub(crate) struct Server {
    child: Child,
    host: String,
}

impl Server {
    pub(crate) fn start(world: &World) -> Self {
        let config = world.file("registry.yml");
        let data = world.file("registry");
        let text = format!(
            "version: 0.1\nlog: {{level: info}}\nhttp: {{addr: '127.0.0.1:0', secret: test}}\n\
             storage:\n  filesystem: {{rootdirectory: '{data}'}}\n"
        );
        std::fs::write(&config, text).unwrap();
        let mut child = Command::new("docker-registry")
            .args(["serve", &config])
            .env("OTEL_TRACES_EXPORTER", "none")
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("`cargo xtask test` installs docker-registry");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let told = lines.find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split(['"', ' ', ',']).next()?.to_owned())
        });
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, host: told.unwrap() }
    }

    pub(crate) fn at(&self, rest: &str) -> String {
        format!("oci://{}/{rest}", self.host)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_bundle_is_pushed_pulled_and_staged_by_its_tag_and_the_digest_is_recorded() {
    let (world, [bundle, _]) = World::with_bundles();
    let server = Server::start(&world);
    let tag = server.at("shop/hello:1.0.0");
    let pushed = world.gtc.run(&["bundle", "push", &bundle, &tag]).unwrap();
    assert_eq!((&pushed["bundle_id"], &pushed["signatures"]), (&json!("hello"), &json!(0)));
    let again = world.gtc.run(&["bundle", "push", &bundle, &tag]).unwrap();
    assert_eq!(again["sent_bytes"], 0, "the registry has it already");
    let copy = world.file("copy.gtbundle");
    let pulled = world.gtc.run(&["bundle", "pull", &tag, "--output", &copy]).unwrap();
    assert_eq!(pulled["bundle_digest"], pushed["bundle_digest"]);
    assert_eq!(std::fs::read(&copy).unwrap(), std::fs::read(&bundle).unwrap());

    world.op("bundles add", &["hello"]);
    let staged = world.op("revisions stage", &[&tag]);
    assert_eq!(staged["bundle_digest"], pushed["bundle_digest"]);
    let shown = world.op("revisions show", &["r1"]);
    let source = shown["revision"]["bundle_source"].as_str().unwrap();
    let digest = pushed["manifest_digest"].as_str().unwrap();
    assert!(source.starts_with(&tag) && source.ends_with(digest), "{source}");
    assert_eq!(world.op("revisions warm", &["r1"])["lifecycle"], "ready");
}

fn refused(world: &World, words: &[&str]) -> (i32, Value) {
    let (code, said) = world.refused(words, "");
    (code, said["error"].clone())
}

#[test]
fn what_is_not_there_and_what_cannot_be_reached_is_told_apart() {
    let (world, [bundle, _]) = World::with_bundles();
    let server = Server::start(&world);
    world.op("bundles add", &["hello"]);
    let stage = |reference: &str| refused(&world, &["op", "revisions", "stage", reference]);
    let (code, error) = stage(&server.at("shop/hello:nowhere"));
    assert_eq!((code, &error["kind"]), (3, &json!("not-found")), "{error}");
    let (code, error) = stage("ftp://example.org/hello");
    assert_eq!((code, &error["details"]["pointer"]), (2, &json!("/bundle")));
    for scheme in ["file://", "oci://", "repo://", "store://"] {
        assert!(error.to_string().contains(scheme), "{error}");
    }
    let (code, error) = refused(&world, &["bundle", "push", &bundle, "hello.gtbundle"]);
    assert_eq!((code, error["hint"].as_str().unwrap().contains("oci://")), (2, true));
    let gone = server.at("shop/hello:1.0.0");
    drop(server);
    let (code, error) = stage(&gone);
    assert_eq!((code, &error["kind"]), (6, &json!("unavailable")), "{error}");
}

#[test]
fn a_catalog_is_a_file_or_what_the_cache_holds() {
    let world = World::new();
    let file = world.file("catalog.json");
    std::fs::write(&file, "{}").unwrap();
    let cache = world.file("cache");
    let resolve = |words: &[&str]| {
        let words = [&["registry", "resolve", "--cache-root", &cache][..], words].concat();
        world.gtc.run(&words)
    };
    let found = resolve(&[&file]).unwrap();
    assert_eq!((&found["source"], &found["stale"]), (&json!("file"), &json!(false)));
    let found = resolve(&["oci://127.0.0.1:1/x:y", "--file", &file]).unwrap();
    assert_eq!(found["source"], "file", "an explicit file wins");
    let (code, error) = refused(&world, &["registry", "resolve"]);
    assert_eq!(code, 2, "{error}");
    let offline = resolve(&["oci://127.0.0.1:1/x:y", "--offline"]).unwrap_err();
    assert!(offline.contains("\"hint\""), "{offline}");
    let listed = world.gtc.run(&["registry", "list", "--cache-root", &cache]).unwrap();
    assert_eq!(listed["catalogs"], json!([]));
}
