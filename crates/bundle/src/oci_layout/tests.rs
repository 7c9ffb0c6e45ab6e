//! Which image a layout holds, and that an engine would read what is written of it.

use std::process::{Command, Stdio};

use deploy_spec::{Digest, Fault};
use serde_json::{Value, json};

use super::*;
use crate::tests::fixture::Folder;
use crate::{Format, build};

const CONFIG: &str = r#"{"os":"linux"}"#;
const LAYER: &str = "a layer, which nobody looks into";

/// A bundle with a layout to which blobs are added.
struct Layout(Folder);

impl Layout {
    fn new() -> Self {
        let folder = Folder::empty();
        folder.write(
            "bundle.yaml",
            "schema: greentic.bundle.v1\nbundle_id: sample\nversion: 1.0.0\n\
             packs: [{pack_id: api, kind: container, path: images/api}]\n",
        );
        let layout = Self(folder);
        layout.blob(CONFIG);
        layout.blob(LAYER);
        layout
    }

    fn blob(&self, text: &str) -> Digest {
        let digest = Digest::of(text.as_bytes());
        self.0.write(&blob("images/api", &digest), text);
        digest
    }

    /// An image, as an index names it.
    fn image(&self, os: &str, machine: &str) -> Value {
        let [config, layer] = [CONFIG, LAYER].map(|text| Digest::of(text.as_bytes()));
        // The machine is in it, so that two of them are two.
        let manifest = json!({"config": {"digest": config}, "layers": [{"digest": layer},
            {"digest": layer}], "annotations": {"machine": machine}});
        let platform = json!({"os": os, "architecture": machine});
        json!({"digest": self.blob(&manifest.to_string()), "platform": platform,
            "mediaType": "application/vnd.oci.image.manifest.v1+json"})
    }

    fn index(&self, manifests: &[Value]) -> Value {
        let index = json!({"manifests": manifests}).to_string();
        json!({"digest": self.blob(&index), "mediaType": "application/vnd.oci.image.index.v1+json"})
    }

    fn built(&self, manifests: &[Value]) -> Result<(Folder, Archive), Fault> {
        let index = json!({"schemaVersion": 2, "manifests": manifests});
        self.0.write("images/api/index.json", index.to_string());
        let out = Folder::empty();
        let path = out.at("out.gtbundle");
        build(self.0.path(), &path, Format::Squashfs)?;
        let archive = Archive::open(&path)?;
        Ok((out, archive))
    }
}

fn read(archive: &Archive) -> Result<ImageLayout, Fault> {
    ImageLayout::read(archive, &"images/api".parse().unwrap())
}

fn here() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

#[test]
fn the_image_of_this_machine_is_found_wherever_it_stands() {
    let layout = Layout::new();
    let told = layout.image("unknown", "unknown");
    let images = [layout.image("linux", "s390x"), layout.image("linux", here()), told];
    let (_out, archive) = layout.built(&[layout.index(&images)]).unwrap();
    let image = read(&archive).unwrap();
    assert_eq!(image.machine.as_deref(), Some(here()));
    assert_eq!(*image.config(), Digest::of(CONFIG.as_bytes()));
}

#[test]
fn an_image_of_another_machine_is_refused_where_it_would_run() {
    let layout = Layout::new();
    let (_out, archive) = layout.built(&[layout.image("linux", "s390x")]).unwrap();
    let fault = read(&archive).unwrap_err();
    assert!(fault.message.contains("an image for s390x"), "{fault}");
}

#[test]
fn what_is_named_and_not_there_is_refused_when_it_is_built() {
    let layout = Layout::new();
    let image = layout.image("linux", here());
    let mut deep = image.clone();
    for _ in 0..=DEPTH {
        deep = layout.index(&[deep]);
    }
    let lost = json!({"digest": Digest::of(b"lost"), "mediaType": ""});
    for (manifests, why) in [
        (vec![], "it holds no image"),
        (vec![layout.image("windows", here())], "it holds no image"),
        (vec![lost], "there is no file"),
        (vec![deep], "too many indexes"),
        (vec![json!({"digest": "sha512:00"})], "index.json"),
    ] {
        let fault = layout.built(&manifests).map(drop).unwrap_err();
        assert!(fault.message.contains(why), "{fault}");
        assert_eq!(fault.details["pointer"], "/packs/0/path");
    }
    layout.0.write(&blob("images/api", &Digest::of(LAYER.as_bytes())), "another layer");
    let fault = layout.built(&[image]).map(drop).unwrap_err();
    assert!(fault.message.contains("what it calls sha256:"), "{fault}");
}

#[test]
fn what_is_written_is_an_archive_that_tar_reads() {
    let layout = Layout::new();
    let (_out, archive) = layout.built(&[layout.image("linux", here())]).unwrap();
    let mut bytes = Vec::new();
    read(&archive).unwrap().write(&archive, &mut bytes).unwrap();
    let file = layout.0.at("image.tar");
    std::fs::write(&file, &bytes).unwrap();
    let tar = |words: &[&str]| {
        let mut command = Command::new("tar");
        let said = command.args(words).arg("--file").arg(&file).stderr(Stdio::inherit()).output();
        let said = said.unwrap();
        assert!(said.status.success());
        String::from_utf8(said.stdout).unwrap()
    };
    let [config, layer] = [CONFIG, LAYER].map(|text| Digest::of(text.as_bytes()));
    let names = [layer.hex(), config.hex(), "manifest.json"];
    assert_eq!(tar(&["--list"]).lines().collect::<Vec<_>>(), names);
    let text = tar(&["--extract", "--to-stdout", "--occurrence=1", "manifest.json"]);
    let manifest: Value = serde_json::from_str(&text).unwrap();
    let layers = [layer.hex(), layer.hex()];
    assert_eq!(manifest, json!([{"Config": config.hex(), "RepoTags": [], "Layers": layers}]));
}
