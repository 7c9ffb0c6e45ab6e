//! The parts of a revision that are compared, each as names and values.

use deploy_spec::{PackKind, Revision};
use serde_json::{Value, json};

use super::{Contents, FileFound, Named};

/// What there is one of.
pub(super) fn revision(revision: &Revision, contents: &Contents) -> Named {
    let health = contents.manifest.health.as_ref();
    let readiness = health.map(|it| format!("{} within {} ms", it.readiness_path, it.timeout_ms));
    let found = [
        ("bundle", Some(revision.bundle_id.to_string())),
        ("version", Some(revision.version.to_string())),
        ("bundle_digest", Some(revision.bundle_digest.to_string())),
        ("config_digest", Some(revision.config_digest.to_string())),
        ("config_schema", contents.manifest.config_schema.as_ref().map(ToString::to_string)),
        ("signature", revision.signature.as_ref().map(|signature| signature.key_id.clone())),
        ("engine", revision.pinned.as_ref().map(|pinned| pinned.engine.clone())),
        ("readiness", readiness),
        ("drain_seconds", Some(revision.drain_seconds.to_string())),
    ];
    let said = found.into_iter().filter_map(|(name, said)| Some((name, said?)));
    said.map(|(name, said)| (name.to_owned(), Value::from(said))).collect()
}

pub(super) fn packs(revision: &Revision, _: &Contents) -> Named {
    let pack = |pack: &deploy_spec::PinnedPack| {
        let kind = pack.kind.as_str();
        let mut value =
            json!({"kind": kind, "public_path": pack.public_path, "digest": pack.digest});
        if let Some(url) = &pack.url {
            value["url"] = url.as_str().into();
        }
        if let Some(image) = &pack.image {
            value["image"] = image.as_str().into();
        }
        (pack.pack_id.to_string(), value)
    };
    revision.pack_list.iter().map(pack).collect()
}

/// What the bundle wants to be given or allowed. Bounds mean something to what runs.
pub(super) fn permissions(_: &Revision, contents: &Contents) -> Named {
    let mut asked = Named::new();
    for secret in &contents.manifest.secrets {
        let need = if secret.required { "required" } else { "optional" };
        asked.insert(format!("secret {}", secret.name), need.into());
    }
    for pack in &contents.manifest.packs {
        let name = &pack.pack_id;
        if let Some(url) = &pack.url {
            asked.insert(format!("pack {name}: forward to {url}"), "allowed".into());
        }
        for host in &pack.egress {
            asked.insert(format!("pack {name}: call {host}"), "allowed".into());
        }
        if pack.kind == PackKind::HttpComponent {
            asked.insert(format!("pack {name}: memory_mb"), pack.limits.memory_mb.into());
            asked.insert(format!("pack {name}: timeout_ms"), pack.limits.timeout_ms.into());
        }
    }
    asked
}

pub(super) fn config(revision: &Revision, _: &Contents) -> Named {
    revision.config.clone().into_iter().collect()
}

pub(super) fn secrets(revision: &Revision, _: &Contents) -> Named {
    let pins = revision.pinned.iter().flat_map(|pinned| &pinned.secrets);
    let value = |pin: &deploy_spec::PinnedSecret| {
        (pin.secret.path().to_string(), json!({"version": pin.version, "value_ref": pin.value_ref}))
    };
    pins.map(value).collect()
}

pub(super) fn files(_: &Revision, contents: &Contents) -> Named {
    let file = |file: &FileFound| match file {
        FileFound::Link { path, target } => (path.clone(), json!({"link": target})),
        FileFound::File { path, size_bytes, digest, executable } => {
            let mut value = json!({"size_bytes": size_bytes, "digest": digest});
            if *executable {
                value["executable"] = true.into();
            }
            (path.clone(), value)
        }
    };
    contents.files.iter().map(file).collect()
}
