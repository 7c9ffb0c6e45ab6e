//! What an env-pack is called: `<dotted.path>@<semver>`.

use crate::text::{checked_text, shown};

fn descriptor(text: &str) -> Result<(), String> {
    let part = |p: &str| {
        p.starts_with(|c: char| c.is_ascii_lowercase())
            && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let ok = text.len() <= 255
        && text.split_once('@').is_some_and(|(path, version)| {
            path.contains('.')
                && path.split('.').all(part)
                && version.parse::<semver::Version>().is_ok()
        });
    if ok {
        Ok(())
    } else {
        Err(format!("{} is not a descriptor like `greentic.deployer.k8s@1.0.0`", shown(text)))
    }
}

checked_text!(
    /// The kind and version of an env-pack.
    Descriptor, descriptor, pattern = "^[a-z][a-z0-9-]*(\\.[a-z][a-z0-9-]*)+@\\d+\\.\\d+\\.\\d+.*$",
    example = "greentic.deployer.local-process@0.1.0"
);

impl Descriptor {
    /// The dotted path, without the version.
    #[must_use]
    pub fn path(&self) -> &str {
        self.as_str().split_once('@').map_or("", |(path, _)| path)
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> Option<semver::Version> {
        self.as_str().split_once('@').and_then(|(_, version)| version.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_a_dotted_path_and_a_version() {
        let good: Descriptor = "greentic.deployer.k8s@1.0.0-rc.1".parse().unwrap();
        assert_eq!(good.path(), "greentic.deployer.k8s");
        assert_eq!(good.version().unwrap().to_string(), "1.0.0-rc.1");
        for bad in
            ["", "a@1.0.0", "a.b", "a.b@", "a.b@1", "A.b@1.0.0", "a..b@1.0.0", "a.b@1.0.0@2.0.0"]
        {
            assert!(bad.parse::<Descriptor>().is_err(), "{bad}");
        }
    }
}
