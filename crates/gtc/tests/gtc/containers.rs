//! A bundle with a container: its image pulled or brought along, proven, served, and gone with
//! everything else. What holds of containers themselves is tried in the crate `process`.

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Connection, looks};
use serde_json::{Value, json};

use crate::programs::server;
use crate::registries::Server;
use crate::world::World;

fn podman(words: &[&str]) -> Result<String, String> {
    let said = Command::new("podman").args(words).output().map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if said.status.success() { Ok(text(&said.stdout)) } else { Err(text(&said.stderr)) }
}

/// An image of the program that serves, in the store of Podman until this is dropped; none where
/// Podman does not run, which is said.
struct Image(String);

impl Image {
    fn new(world: &World) -> Option<Self> {
        if let Err(why) = podman(&["info"]) {
            eprintln!("SKIPPED: no container can be run here: {why}");
            return None;
        }
        let root = world.folder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        std::fs::copy(server(), root.join("server")).unwrap();
        // No two of these are one image, made in the same second as they may be.
        std::fs::write(root.join("made-by"), std::process::id().to_string()).unwrap();
        let tar = world.file("root.tar");
        let mut command = Command::new("tar");
        command.args(["--create", "--file", &tar, "--directory"]).arg(&root).arg(".");
        assert!(command.status().unwrap().success());
        let name = format!("localhost/greentic-test:{}", std::process::id());
        podman(&["import", "--change", r#"ENTRYPOINT ["/server"]"#, &tar, &name]).unwrap();
        Some(Self(name))
    }

    /// Pushes it, and says what it is called there for good. It is only there then.
    fn only_in(self, registry: &Server, world: &World) -> String {
        let name = registry.at("shop/api").replace("oci://", "");
        let file = world.file("digest");
        let to = format!("docker://{name}:1");
        podman(&["push", "--tls-verify=false", "--digestfile", &file, &self.0, &to]).unwrap();
        format!("{name}:1@{}", std::fs::read_to_string(file).unwrap())
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = podman(&["rmi", "--force", &self.0]);
    }
}

/// What a bundle of one container is built from.
fn folder(world: &World, version: &str, image: &str) -> PathBuf {
    let folder = world.folder.path().join(version);
    std::fs::create_dir_all(&folder).unwrap();
    let manifest = format!(
        "schema: greentic.bundle.v1\nbundle_id: hello\nversion: {version}\npacks:\n\
         - pack_id: api\n  kind: container\n  {image}\n  \
           process: {{listen: socket, grace_ms: 0, probe: {{path: /}}}}\n"
    );
    std::fs::write(folder.join("bundle.yaml"), manifest).unwrap();
    folder
}

fn built(world: &World, folder: &Path) -> String {
    let file = folder.with_extension("gtbundle").to_str().unwrap().to_owned();
    world.gtc.run(&["bundle", "build", folder.to_str().unwrap(), "--output", &file]).unwrap();
    file
}

fn staged(world: &World, folder: &Path) -> String {
    let file = built(world, folder);
    world.op("env init", &[]);
    world.op("bundles add", &["hello", "--host", "hello.test", "--path", "/"]);
    world.op("revisions stage", &[&file])["revision_id"].as_str().unwrap().to_owned()
}

/// The containers of the environment, running or not.
fn containers(world: &World) -> Vec<String> {
    let notes = world.gtc.store_root().join("local/run/containers");
    let label = format!("label=greentic.environment={}", notes.display());
    let told = podman(&["ps", "--all", "--filter", &label, "--format", "{{.Names}}"]).unwrap();
    told.lines().map(str::to_owned).collect()
}

fn none_is_left(world: &World) {
    assert!(looks().any(|()| containers(world).is_empty()), "{:?}", containers(world));
}

/// What the gate said of the packs of a revision that it refused.
fn refusal(said: &Value) -> &str {
    let gate = said["error"]["details"]["gate"].as_array().unwrap();
    let failed: Vec<_> = gate.iter().filter(|check| check["status"] == json!("fail")).collect();
    assert_eq!((failed.len(), &failed[0]["check"]), (1, &json!("packs")), "{said}");
    failed[0]["detail"].as_str().unwrap()
}

fn get(address: &str) -> (u16, Vec<u8>) {
    let answer = Connection::open(address).unwrap().get("hello.test", "/").unwrap();
    (answer.status, answer.body)
}

#[test]
fn a_container_is_pulled_and_lives_as_long_as_its_revision() {
    let world = World::new();
    let registry = Server::start(&world);
    let Some(image) = Image::new(&world) else { return };
    let image = image.only_in(&registry, &world);
    let r1 = staged(&world, &folder(&world, "1.0.0", &format!("image: {image}")));
    assert_eq!(world.op("revisions warm", &[&r1])["lifecycle"], "ready");
    let pins = world.op("revisions show", &[&r1]);
    assert_eq!(pins["revision"]["pack_list"][0]["image"], image.as_str());
    none_is_left(&world);
    world.op("traffic set", &["local", "r1=100"]);

    // The image is in the store of the engine by now: no registry is needed to start again.
    drop(registry);
    let serving = world.gtc.start(&[]).unwrap();
    assert_eq!(get(&serving.address), (200, b"hello\n".to_vec()));
    let first = containers(&world);
    assert!(first.len() == 1 && first[0].contains(&r1), "{first:?}");
    assert_eq!(world.op("env doctor", &[])["container_engine"], "podman");
    // By SIGKILL.
    drop(serving);
    let serving = world.gtc.start(&[]).unwrap();
    assert_eq!(get(&serving.address), (200, b"hello\n".to_vec()));
    assert!(looks().any(|()| containers(&world).len() == 1), "{:?}", containers(&world));
    assert_ne!(containers(&world), first);
    serving.stop().unwrap();
    none_is_left(&world);
    podman(&["rmi", &image.replace(":1@", "@")]).unwrap();
}

#[test]
fn an_image_in_the_bundle_needs_no_registry() {
    let world = World::new();
    let Some(image) = Image::new(&world) else { return };
    let folder = folder(&world, "1.0.0", "path: images/api");
    let layout = folder.join("images/api");
    std::fs::create_dir(folder.join("images")).unwrap();
    let to = layout.to_str().unwrap();
    podman(&["save", "--format", "oci-dir", "--output", to, &image.0]).unwrap();
    let id = podman(&["image", "inspect", "--format", "{{.Id}}", &image.0]).unwrap();
    drop(image);
    podman(&["image", "inspect", &id]).unwrap_err();
    let r1 = staged(&world, &folder);
    assert_eq!(world.op("revisions warm", &[&r1])["lifecycle"], "ready");
    world.op("traffic set", &["local", "r1=100"]);
    let serving = world.gtc.start(&[]).unwrap();
    assert_eq!(get(&serving.address), (200, b"hello\n".to_vec()));
    serving.stop().unwrap();
    none_is_left(&world);
    podman(&["rmi", &id]).unwrap();

    // What a layout says and does not hold is seen when it is built.
    let blobs = std::fs::read_dir(layout.join("blobs/sha256")).unwrap();
    let largest = blobs.max_by_key(|blob| blob.as_ref().unwrap().metadata().unwrap().len());
    std::fs::write(largest.unwrap().unwrap().path(), "another").unwrap();
    let build = ["bundle", "build", folder.to_str().unwrap(), "--output", &world.file("bad")];
    let (code, said) = world.refused(&build, "");
    assert_eq!((code, &said["error"]["details"]["pointer"]), (2, &json!("/packs/0/path")));
    assert!(
        said["error"]["message"].as_str().unwrap().contains("is no OCI image layout"),
        "{said}"
    );
}

#[test]
fn an_image_that_could_be_another_is_refused() {
    let world = World::new();
    let build = |image: &str| {
        let folder = folder(&world, "1.0.0", &format!("image: {image}"));
        let file = world.file("bad");
        let (code, said) =
            world.refused(&["bundle", "build", folder.to_str().unwrap(), "--output", &file], "");
        assert_eq!((code, &said["error"]["details"]["pointer"]), (2, &json!("/packs/0/image")));
        said["error"].clone()
    };
    let said = build("registry.test/shop/api:1.4.0");
    assert!(said["message"].as_str().unwrap().contains("a tag can be moved"), "{said}");
    assert!(said["hint"].as_str().unwrap().contains("image inspect"), "{said}");

    // One that the registry does not have under this digest.
    let registry = Server::start(&world);
    let Some(image) = Image::new(&world) else { return };
    let image = image.only_in(&registry, &world);
    let other = format!("{}@sha256:{}", image.split_once('@').unwrap().0, "0".repeat(64));
    let r1 = staged(&world, &folder(&world, "1.0.0", &format!("image: {other}")));
    let (code, said) = world.refused(&["op", "revisions", "warm", &r1], "");
    assert_eq!(code, 7);
    let why = refusal(&said);
    assert!(why.contains("cannot be pulled") && why.contains("podman pull"), "{why}");
    none_is_left(&world);
}

#[test]
fn without_an_engine_a_container_is_refused_and_missed() {
    let world = World::new();
    let image = format!("image: registry.test/shop/api@sha256:{}", "0".repeat(64));
    let r1 = staged(&world, &folder(&world, "1.0.0", &image));
    let without = |words: &[&str]| -> Value {
        let said = world.gtc.command(words).env("PATH", "/nowhere").output().unwrap();
        assert_eq!(said.status.code(), Some(7));
        serde_json::from_slice(&said.stderr).unwrap()
    };
    let said = without(&["doctor"]);
    let findings = said["error"]["details"]["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"] == "containers").unwrap();
    assert_eq!(found["mend"], "apt-get install podman", "{found}");
    let said = without(&["op", "revisions", "warm", &r1]);
    let why = refusal(&said);
    assert!(why.contains("neither `podman` nor `docker` is on the PATH"), "{why}");
}
