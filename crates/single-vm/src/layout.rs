//! Where everything of a deployment is on the machine, and what its units are called.

use deploy_spec::Digest;

use crate::spec::{DeploymentName, MachinePath};

/// How many hex digits of a digest tell files apart by name; who reads one checks it whole.
const SHORT: usize = 16;

/// The names that belong to one deployment.
#[derive(Debug, Clone)]
pub(crate) struct Layout<'a> {
    name: &'a DeploymentName,
}

impl<'a> Layout<'a> {
    pub(crate) const fn of(name: &'a DeploymentName) -> Self {
        Self { name }
    }

    /// What of ours is never written to by the service.
    pub(crate) fn programs(&self) -> MachinePath {
        MachinePath::ours(&format!("/opt/greentic/{}", self.name))
    }

    /// Where a binary is.
    pub(crate) fn binary(&self, digest: &Digest) -> MachinePath {
        self.programs().join(&format!("bin/gtc-{}", short(digest)))
    }

    /// Where the files of bundles are.
    pub(crate) fn bundles(&self) -> MachinePath {
        self.programs().join("bundles")
    }

    /// Where a bundle's file is.
    pub(crate) fn bundle(&self, digest: &Digest) -> MachinePath {
        self.bundles().join(&format!("{}.gtbundle", short(digest)))
    }

    /// The directory in which each bundle has its mount. A `-` would be escaped in the names of
    /// mount units; names hold no `_`, so the two stay apart.
    pub(crate) fn mounts(&self) -> MachinePath {
        MachinePath::ours(&format!("/srv/greentic/{}", self.name.as_str().replace('-', "_")))
    }

    /// Where a bundle is mounted.
    pub(crate) fn mount(&self, digest: &Digest) -> MachinePath {
        self.mounts().join(short(digest))
    }

    /// The settings of this deployment.
    pub(crate) fn settings(&self) -> MachinePath {
        MachinePath::ours(&format!("/etc/greentic/{}", self.name))
    }

    /// Where its certificates are.
    pub(crate) fn certificates(&self) -> MachinePath {
        self.settings().join("tls")
    }

    pub(crate) fn service(&self) -> String {
        format!("greentic-{}.service", self.name)
    }

    pub(crate) fn socket(&self) -> String {
        format!("greentic-{}.socket", self.name)
    }
}

/// What tells `digest` from others in a file's name.
pub(crate) fn short(digest: &Digest) -> &str {
    &digest.hex()[..SHORT]
}

/// Where a unit's file is.
pub(crate) fn unit_file(unit: &str) -> MachinePath {
    MachinePath::ours(&format!("/etc/systemd/system/{unit}"))
}

/// Whether a unit's text is at `path`.
pub(crate) fn is_unit_file(path: &MachinePath) -> bool {
    path.is_within(&MachinePath::ours("/etc/systemd/system"))
}

/// The name of the mount unit of `path`: `/` becomes `-`, and what is neither a letter, a digit,
/// `_`, `:` nor a `.` within becomes `\x` and its code (systemd.unit(5), "String escaping").
pub(crate) fn mount_unit(path: &MachinePath) -> String {
    let mut name = String::new();
    for (i, c) in path.as_str().chars().skip(1).enumerate() {
        match c {
            '/' => name.push('-'),
            '_' | ':' => name.push(c),
            '.' if i > 0 => name.push(c),
            c if c.is_ascii_alphanumeric() => name.push(c),
            c => name.push_str(&format!("\\x{:02x}", c as u32)),
        }
    }
    format!("{name}.mount")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_unit_is_named_as_systemd_escapes_its_path() {
        let name = |path: &str| mount_unit(&path.parse().unwrap());
        assert_eq!(name("/opt/greentic/a-b/x_y"), r"opt-greentic-a\x2db-x_y.mount");
        assert_eq!(name("/.a/.b@c"), r"\x2ea-.b\x40c.mount");
    }
}
