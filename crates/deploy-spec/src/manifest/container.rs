//! What a pack of the kind `container` runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Pack, PackKind};
use crate::digest::Digest;
use crate::fault::Fault;
use crate::text::{checked_text, shown};

/// The longest name that registries take, in bytes, host included.
const NAME_MAX: usize = 255;

checked_text!(
    /// An image in an OCI registry, pinned: `host[:port]/repository[:tag]@sha256:…`. The tag is for
    /// people; what is run is the digest.
    ImageRef, image_ref,
    pattern = "^[a-zA-Z0-9][a-zA-Z0-9.:-]*/[a-z0-9][a-z0-9._/-]*(:[A-Za-z0-9_.-]+)?@sha256:[0-9a-f]{64}$",
    example = "docker.io/library/nginx@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
);

/// What only a `container` has; the rest of how it is run is under `process`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContainerSettings {
    /// The path of what is run in place of the image's entry point. Its arguments are those of `process`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The port that it listens on inside, and is told as `PORT` (1 to 65 535); default 8 080. Means
    /// nothing to one that listens on a socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: Option<u16>,
    /// How much of the machine's processors it may use, in thousandths of one (10 to 1 024 000);
    /// default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 1_024_000))]
    pub cpu_milli: Option<u32>,
}

impl ImageRef {
    /// What it is pinned to.
    #[must_use]
    pub fn digest(&self) -> Digest {
        // Checked when it was made.
        let digest = self.as_str().rsplit_once('@').and_then(|(_, digest)| digest.parse().ok());
        digest.unwrap_or_else(|| Digest::of(&[]))
    }

    /// The same without a tag, which engines differ about beside a digest: `host/repository@digest`.
    #[must_use]
    pub fn untagged(&self) -> String {
        let (name, digest) = self.as_str().rsplit_once('@').unwrap_or((self.as_str(), ""));
        format!("{}@{digest}", split_tag(name).0)
    }
}

/// A name and its tag. The colon before a port is followed by a `/`.
fn split_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (name, None),
    }
}

fn image_ref(text: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("{} is no pinned image: {why}", shown(text)));
    let Some((named, digest)) = text.split_once('@') else {
        return wrong("a tag can be moved, so it ends with `@sha256:` and the digest of the image");
    };
    if digest.parse::<Digest>().is_err() {
        return wrong("after `@` stands `sha256:` and 64 lower-case hex digits");
    }
    let (name, tag) = split_tag(named);
    let Some((host, repository)) = name.split_once('/').filter(|(host, _)| is_registry(host))
    else {
        return wrong("it begins with its registry, as in `docker.io/library/nginx`");
    };
    let is_good = repository.split('/').all(is_part) && tag.is_none_or(is_tag);
    if !is_good || host.len() + repository.len() >= NAME_MAX {
        return wrong("a repository is of a-z, 0-9, and `.`, `_`, `-` between them, in parts");
    }
    Ok(())
}

/// As Docker tells a registry from a part of a repository's name.
fn is_registry(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-".contains(&byte);
    let begins_well = host.starts_with(|c: char| c.is_ascii_alphanumeric());
    let (name, port) = host.split_once(':').map_or((host, None), |(n, p)| (n, Some(p)));
    (name == "localhost" || name.contains('.') || port.is_some())
        && begins_well
        && host.bytes().all(plain)
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn is_part(part: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    part.bytes().all(|byte| inner(byte) || b"._-".contains(&byte))
        && part.bytes().next().is_some_and(inner)
        && part.bytes().last().is_some_and(inner)
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || b".-".contains(&byte))
}

/// The rules for the pack at `index`: a container has an image, named or in the bundle.
pub(super) fn check(pack: &Pack, index: usize) -> Result<(), Fault> {
    let wrong = |why: &str, field: &str| {
        Err(Fault::invalid(why.to_owned()).at(format!("/packs/{index}/{field}")))
    };
    match (pack.kind, &pack.image, &pack.path) {
        (PackKind::Container, Some(_), Some(_)) => {
            wrong("an image is named by `image` or is in the bundle at `path`, not both", "path")
        }
        (PackKind::Container, None, None) => {
            wrong("a `container` has an `image`, or a `path` to one in the bundle", "image")
        }
        (PackKind::Container, ..) => settings(pack, index),
        (_, Some(_), _) => wrong("only a pack of the kind `container` has an `image`", "image"),
        (_, None, _) if pack.container.is_some() => {
            wrong("only a pack of the kind `container` has these settings", "container")
        }
        (_, None, _) => Ok(()),
    }
}

fn settings(pack: &Pack, index: usize) -> Result<(), Fault> {
    let Some(settings) = &pack.container else { return Ok(()) };
    let bad_command = |command: &str| !command.starts_with('/') || command.contains('\0');
    let rows = [
        (
            "command",
            settings.command.as_deref().is_some_and(bad_command),
            "a command is a path in the image: it begins with `/`",
        ),
        ("port", settings.port == Some(0), "port is from 1 to 65535"),
        (
            "cpu_milli",
            settings.cpu_milli.is_some_and(|cpu| !(10..=1_024_000).contains(&cpu)),
            "cpu_milli is from 10 to 1024000",
        ),
    ];
    match rows.into_iter().find(|(_, is_wrong, _)| *is_wrong) {
        Some((field, _, why)) => {
            Err(Fault::invalid(why).at(format!("/packs/{index}/container/{field}")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn an_image_is_its_digest() {
        for (text, untagged) in [
            (format!("docker.io/library/nginx@sha256:{HEX}"), "docker.io/library/nginx"),
            (format!("ghcr.io/a/b/c:1.27-alpine@sha256:{HEX}"), "ghcr.io/a/b/c"),
            (format!("127.0.0.1:5000/a:1@sha256:{HEX}"), "127.0.0.1:5000/a"),
            (format!("localhost/a_b@sha256:{HEX}"), "localhost/a_b"),
        ] {
            let image: ImageRef = text.parse().unwrap();
            assert_eq!(image.untagged(), format!("{untagged}@sha256:{HEX}"));
            assert_eq!(image.digest(), Digest::of(b""));
        }
    }

    #[test]
    fn what_could_be_another_image_tomorrow_is_refused() {
        const TAG: &str =
            "a tag can be moved, so it ends with `@sha256:` and the digest of the image";
        const REGISTRY: &str = "it begins with its registry, as in `docker.io/library/nginx`";
        const REPOSITORY: &str =
            "a repository is of a-z, 0-9, and `.`, `_`, `-` between them, in parts";
        let after = "after `@` stands `sha256:` and 64 lower-case hex digits";
        for (text, why) in [
            ("docker.io/library/nginx:1.27", TAG),
            ("", TAG),
            ("docker.io/library/nginx@sha256:00", after),
            (&format!("nginx@sha256:{HEX}"), REGISTRY),
            (&format!("library/nginx@sha256:{HEX}"), REGISTRY),
            (&format!("--a.b/nginx@sha256:{HEX}"), REGISTRY),
            (&format!("a.b:x/nginx@sha256:{HEX}"), REGISTRY),
            (&format!("a.b/Nginx@sha256:{HEX}"), REPOSITORY),
            (&format!("a.b/nginx/@sha256:{HEX}"), REPOSITORY),
            (&format!("a.b/a b@sha256:{HEX}"), REPOSITORY),
            (&format!("a.b/nginx:-1@sha256:{HEX}"), REPOSITORY),
        ] {
            let said = text.parse::<ImageRef>().unwrap_err();
            assert!(said.ends_with(why), "{text}: {said}");
        }
    }
}
