//! Versions as the tools print them.

use super::version::{fits, parse};
use super::*;

#[test]
fn versions_are_found_in_what_each_tool_prints() {
    for (tool, printed, version) in [
        (Tool::Terraform, "Terraform v1.5.7\non linux_amd64\n", "1.5.7"),
        (Tool::Terraform, "Terraform v1.6.0-beta1\n", "1.6.0-beta1"),
        (Tool::Tofu, "OpenTofu v1.6.2\non linux_amd64\n", "1.6.2"),
        (Tool::Kubectl, "Client Version: v1.29.3\nKustomize Version: v5.0.4\n", "1.29.3"),
        (
            Tool::Kubectl,
            "Client Version: version.Info{Major:\"1\", GitVersion:\"v1.20.4+k3s1\"}",
            "1.20.4+k3s1",
        ),
        (Tool::Helm, "v3.14.0+g3fc9f4b\n", "3.14.0+g3fc9f4b"),
        (Tool::Docker, "Docker version 24.0.7, build afdd53b\n", "24.0.7"),
        (Tool::Docker, "Docker version 17.09.0-ce, build afdb6d4\n", "17.9.0-ce"),
        (Tool::Podman, "podman version 4.9.4-rhel\n", "4.9.4-rhel"),
        (Tool::Aws, "aws-cli/2.15.30 Python/3.11.8 Linux/6.1 exe/x86_64\n", "2.15.30"),
        (Tool::Gcloud, "Google Cloud SDK 468.0.0\nbq 2.1.1\n", "468.0.0"),
        (Tool::Az, "{\n  \"azure-cli\": \"2.57.0\",\n  \"extensions\": {}\n}\n", "2.57.0"),
        (Tool::Podman, "podman version 5.1", "5.1.0"),
    ] {
        assert_eq!(
            parse(tool, printed).map(|v| v.to_string()).as_deref(),
            Some(version),
            "{tool:?}"
        );
    }
    for tool in Tool::ALL {
        for garbage in
            ["", "v", "hello", "Terraform v", "podman version x.y", "1.2.3.4", "aws-cli/1"]
        {
            assert_eq!(parse(tool, garbage), None, "{tool:?} {garbage}");
        }
    }
}

#[test]
fn what_a_distributor_adds_to_a_version_does_not_make_it_older() {
    let required = ">=4.9.4".parse().unwrap();
    let fit = |text: &str| fits(&required, &parse(Tool::Podman, text).unwrap());
    assert!(fit("podman version 4.9.4-rhel"));
    assert!(!fit("podman version 4.9.3"));
}

#[test]
fn every_tool_has_its_own_row() {
    for tool in Tool::ALL {
        assert_eq!(serde_json::to_value(tool).unwrap(), tool.name());
        for platform in [Platform::Apt, Platform::Brew, Platform::Scoop] {
            let who = format!("{platform:?} install ").to_lowercase();
            assert!(tool.install_hint(platform).starts_with(&who), "{tool:?} {platform:?}");
        }
    }
}
