//! What a machine can have: the kinds of things that a deployment is made of, each with the fields
//! by which what is wanted is compared with what is there.

pub use deploy_spec::ContainerEngine as Engine;
use deploy_spec::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::Id;
pub use crate::permissions::{Mode, Owner};
use crate::spec::{AccountName, MachinePath, OciName, Strategy};

/// What a directory is for, which says what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// Other things of the deployment. It is removed when it is empty.
    Parts,
    /// A mount, which hides its owner and mode. It is removed when it is empty.
    Mount,
    /// What must not be lost: it is removed, with all in it, only when that is asked for.
    Data,
    /// What can be lost: it is removed with all in it.
    Scratch,
}

/// What a file is a copy of; whoever executes a plan has it, and checks its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Artifact {
    /// The static binary of `gtc`.
    Binary,
    /// The bundle.
    Bundle,
    /// `caFile` of the description.
    Authority,
    /// `certFile` of the description.
    Certificate,
    /// `keyFile` of the description.
    Key,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// This text.
    Text(String),
    /// A copy.
    Copy {
        /// Of what.
        of: Artifact,
        /// What its bytes are.
        digest: Digest,
    },
}

impl Content {
    /// What the bytes are.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self {
            Self::Text(text) => Digest::of(text.as_bytes()),
            Self::Copy { digest, .. } => digest.clone(),
        }
    }
}

/// Whose certificate it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The private authority's.
    Authority,
    /// The admin endpoint's, for 127.0.0.1 and `localhost`.
    Server,
    /// A client's of the admin endpoint.
    Client,
}

/// One thing that the machine should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Resource {
    /// A system group.
    Group {
        /// Its name.
        name: AccountName,
        /// Its number.
        gid: u32,
    },
    /// A system user without home, password or shell (`/usr/sbin/nologin`).
    User {
        /// Its name.
        name: AccountName,
        /// Its number.
        uid: u32,
        /// Its only group.
        group: AccountName,
    },
    /// A directory.
    Directory {
        /// Where.
        path: MachinePath,
        /// Whose.
        owner: Owner,
        /// Who may do what.
        mode: Mode,
        /// What for.
        holds: Holds,
    },
    /// A regular file. It is written beside its place and renamed into it.
    File {
        /// Where.
        path: MachinePath,
        /// Whose.
        owner: Owner,
        /// Who may do what.
        mode: Mode,
        /// What is in it.
        content: Content,
    },
    /// A certificate and its key that are made on the machine, `cert.pem` and `key.pem` in a
    /// directory of mode 0700. Nothing is ever written over: a later one has another path.
    Certificate {
        /// The directory.
        path: MachinePath,
        /// Whose it is.
        role: Role,
        /// Where its authority is; none for the authority itself.
        issuer: Option<MachinePath>,
        /// How long it is good, in days.
        days: u16,
        /// Whose directory and files.
        owner: Owner,
    },
    /// A container image in the store of the engine.
    Image {
        /// Where it comes from.
        name: OciName,
        /// What it is: the digest of its configuration.
        id: Digest,
        /// Whose store.
        engine: Engine,
    },
    /// A unit that is enabled and active.
    Unit {
        /// Its name.
        name: String,
        /// What it must have been started with, where a running unit can tell: the value of
        /// `GREENTIC_CONFIGURATION` in its environment.
        configuration: Option<Digest>,
    },
    /// A bundle that takes all requests, in the environment `local` of the service.
    Serving {
        /// Which deployment on this machine.
        service: String,
        /// The bundle.
        bundle: Digest,
        /// Its file.
        file: MachinePath,
        /// Where it is mounted.
        mount: MachinePath,
        /// How it takes over.
        strategy: Strategy,
    },
}

/// One thing that a machine has, as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Actual {
    /// A group.
    Group {
        /// Its number.
        gid: u32,
    },
    /// A user.
    User {
        /// Its number.
        uid: u32,
        /// The name of its first group.
        group: String,
    },
    /// A directory.
    Directory {
        /// Whose.
        owner: Owner,
        /// Who may do what.
        mode: Mode,
    },
    /// A regular file.
    File {
        /// Whose.
        owner: Owner,
        /// Who may do what.
        mode: Mode,
        /// What its bytes are.
        digest: Digest,
        /// The bytes themselves, for a text that a plan wants to show next to another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// A directory with certificate and key.
    Certificate {
        /// Whose, the key's file.
        owner: Owner,
        /// Who may do what with the key's file.
        mode: Mode,
        /// When it ends.
        not_after: Option<Timestamp>,
    },
    /// An image that the engine has.
    Image,
    /// A unit that systemd knows.
    Unit {
        /// Whether it starts with the machine.
        enabled: bool,
        /// Whether it is active.
        active: bool,
        /// `GREENTIC_CONFIGURATION` in the environment of its process, for a service that runs.
        configuration: Option<Digest>,
    },
    /// What takes all requests; none while none or several do.
    Serving {
        /// The bundle.
        bundle: Option<Digest>,
    },
    /// Something of another kind stands there, such as a symbolic link.
    Other {
        /// What, for people: `a symbolic link`.
        what: String,
    },
}

impl Resource {
    /// Which one it is.
    #[must_use]
    pub fn id(&self) -> Id {
        match self {
            Self::Group { name, .. } => Id::Group(name.clone()),
            Self::User { name, .. } => Id::User(name.clone()),
            Self::Directory { path, .. } => Id::Directory(path.clone()),
            Self::File { path, .. } => Id::File(path.clone()),
            Self::Certificate { path, .. } => Id::Certificate(path.clone()),
            Self::Image { id, .. } => Id::Image(id.clone()),
            Self::Unit { name, .. } => Id::Unit(name.clone()),
            Self::Serving { service, .. } => Id::Serving(service.clone()),
        }
    }
}
