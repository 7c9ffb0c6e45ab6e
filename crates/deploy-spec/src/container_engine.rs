//! What runs containers on a machine.

use serde::{Deserialize, Serialize};

/// What runs containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerEngine {
    /// Podman.
    Podman,
    /// Docker.
    Docker,
}

impl ContainerEngine {
    /// All, the one first that is taken where several are.
    pub const ALL: [Self; 2] = [Self::Podman, Self::Docker];

    /// The name of its program.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Podman => "podman",
            Self::Docker => "docker",
        }
    }

    /// Where distributions put its program.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Podman => "/usr/bin/podman",
            Self::Docker => "/usr/bin/docker",
        }
    }
}
