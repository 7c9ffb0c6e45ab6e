//! What is found out about the machine and about what is to be put on it, before anything can be
//! said of what the machine should have.

use deploy_spec::{Digest, Timestamp};

use crate::resource::Engine;
use crate::spec::MachinePath;

/// What was found out.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The machine.
    pub machine: Machine,
    /// The number that the user of the deployment has, or a free one below 1000.
    pub uid: u32,
    /// The number that its group has, or a free one below 1000.
    pub gid: u32,
    /// The bundle's digest, whatever its source is.
    pub bundle: Digest,
    /// What is to run.
    pub program: ProgramFacts,
    /// Its certificates.
    pub certificates: CertificateFacts,
}

/// The machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// What `uname -m` says.
    pub arch: String,
    /// The version of systemd that runs as process 1; none when another manager does.
    pub systemd: Option<u32>,
    /// How a SquashFS can be mounted.
    pub mounts: MountBy,
}

/// How a SquashFS can be mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountBy {
    /// By the kernel, over a loop device.
    Kernel,
    /// By `squashfuse`, where loop devices are missing.
    Squashfuse,
    /// Not at all.
    Nothing,
}

/// What is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramFacts {
    /// A static binary with this digest.
    Binary(Digest),
    /// An image, of which this is the digest of the configuration.
    Image(Engine, Digest),
}

/// The certificates of the admin endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateFacts {
    /// The digests of the given files, which were checked: chain, key, expiry, permissions.
    Given {
        /// Of `caFile`.
        authority: Digest,
        /// Of `certFile`.
        certificate: Digest,
        /// Of `keyFile`.
        key: Digest,
    },
    /// The newest sound ones on the machine: readable, with the right key, and by the authority
    /// that they name.
    Generated {
        /// The present time.
        now: Timestamp,
        /// The highest serial that is on the machine or in the record; 0 when there is none.
        last_serial: u32,
        /// The authority's.
        authority: Option<Issued>,
        /// The server's.
        server: Option<Issued>,
        /// The client's.
        client: Option<Issued>,
    },
}

/// A certificate that was made on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issued {
    /// The number at the end of its directory's name.
    pub serial: u32,
    /// The serial of its authority; its own for an authority.
    pub by: u32,
    /// When it ends.
    pub not_after: Timestamp,
}

/// Where the certificates of `role` with `serial` are, below the deployment's settings.
#[must_use]
pub fn certificate_directory(
    certificates: &MachinePath,
    role: crate::resource::Role,
    serial: u32,
) -> MachinePath {
    use crate::resource::Role;
    let role = match role {
        Role::Authority => "authority",
        Role::Server => "server",
        Role::Client => "client",
    };
    certificates.join(&format!("{role}-{serial}"))
}
