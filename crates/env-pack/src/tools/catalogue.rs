//! The tools that are known: how each tells its version, and how to get it.

use semver::VersionReq;
use serde::{Deserialize, Serialize};

use super::Probe;

/// A tool of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// HashiCorp Terraform.
    Terraform,
    /// OpenTofu.
    Tofu,
    /// The Kubernetes client.
    Kubectl,
    /// The package manager of Kubernetes.
    Helm,
    /// The Docker client.
    Docker,
    /// Podman.
    Podman,
    /// The AWS command line.
    Aws,
    /// The Google Cloud command line.
    Gcloud,
    /// The Azure command line.
    Az,
}

/// Who installs software on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Debian and its descendants.
    Apt,
    /// macOS.
    Brew,
    /// Windows.
    Scoop,
}

/// What an env-pack needs of one tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolNeed {
    /// Which tool.
    pub tool: Tool,
    /// The versions that will do; none when any will.
    pub versions: Option<VersionReq>,
    /// How to find out whether it is logged in; none when that does not matter.
    pub probe: Option<Probe>,
}

pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) version_arguments: &'static [&'static str],
    /// What stands before the version in what it prints; the first that a version follows counts.
    pub(super) markers: &'static [&'static str],
    /// For apt, brew and scoop, in this order.
    install: [&'static str; 3],
}

const fn row(
    name: &'static str,
    version_arguments: &'static [&'static str],
    markers: &'static [&'static str],
    install: [&'static str; 3],
) -> Row {
    Row { name, version_arguments, markers, install }
}

const ROWS: [Row; 9] = [
    row(
        "terraform",
        &["version"],
        &["Terraform v"],
        [
            "apt install terraform (from apt.releases.hashicorp.com)",
            "brew install hashicorp/tap/terraform",
            "scoop install terraform",
        ],
    ),
    row(
        "tofu",
        &["version"],
        &["OpenTofu v"],
        [
            "apt install tofu (from packages.opentofu.org)",
            "brew install opentofu",
            "scoop install opentofu",
        ],
    ),
    row(
        "kubectl",
        &["version", "--client"],
        &["Client Version: v", "GitVersion:\"v"],
        [
            "apt install kubectl (from pkgs.k8s.io)",
            "brew install kubernetes-cli",
            "scoop install kubectl",
        ],
    ),
    row(
        "helm",
        &["version", "--short"],
        &["v"],
        [
            "apt install helm (from the repository that helm.sh names)",
            "brew install helm",
            "scoop install helm",
        ],
    ),
    row(
        "docker",
        &["--version"],
        &["Docker version "],
        ["apt install docker.io", "brew install docker", "scoop install docker"],
    ),
    row(
        "podman",
        &["--version"],
        &["podman version "],
        ["apt install podman", "brew install podman", "scoop install podman"],
    ),
    row(
        "aws",
        &["--version"],
        &["aws-cli/"],
        ["apt install awscli", "brew install awscli", "scoop install aws"],
    ),
    row(
        "gcloud",
        &["--version"],
        &["Google Cloud SDK "],
        [
            "apt install google-cloud-cli (from packages.cloud.google.com)",
            "brew install --cask google-cloud-sdk",
            "scoop install gcloud",
        ],
    ),
    row(
        "az",
        &["version", "--output", "json"],
        &["\"azure-cli\": \""],
        [
            "apt install azure-cli (from packages.microsoft.com)",
            "brew install azure-cli",
            "scoop install azure-cli",
        ],
    ),
];

impl Tool {
    /// Every tool, in the order of the catalogue.
    pub const ALL: [Self; 9] = [
        Self::Terraform,
        Self::Tofu,
        Self::Kubectl,
        Self::Helm,
        Self::Docker,
        Self::Podman,
        Self::Aws,
        Self::Gcloud,
        Self::Az,
    ];

    pub(super) const fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The command's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// What to type to get it.
    #[must_use]
    pub const fn install_hint(self, platform: Platform) -> &'static str {
        self.row().install[platform as usize]
    }
}
