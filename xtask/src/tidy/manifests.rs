//! Manifests: lints and versions are said once, in the root.

use super::finding::Finding;
use crate::house::File;

/// What the manifests of the members say for themselves and should not.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    // A guest that is compiled for another target is a workspace of its own.
    let members = files.iter().filter(|f| f.path.ends_with("/Cargo.toml") && !f.is_workspace());
    members.flat_map(check_one).collect()
}

fn check_one(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !section(&file.text, |head| head == "lints").any(|(_, line)| line == "workspace = true") {
        findings.push(Finding::file(
            &file.path,
            "the lints are not the workspace's: [lints] workspace = true",
        ));
    }
    let dependencies = section(&file.text, |head| head.ends_with("dependencies"));
    for (i, line) in dependencies {
        let named = line.starts_with(|c: char| c.is_ascii_alphanumeric()) && line.contains('=');
        if named && !line.contains("workspace = true") {
            let what = format!("the version of `{}` is not the workspace's", name(line));
            findings.push(Finding::line(&file.path, i, what));
        }
    }
    findings
}

/// The lines of the sections whose heads are wanted, with their numbers.
pub(super) fn section(
    text: &str,
    wanted: impl Fn(&str) -> bool,
) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    text.lines().map(str::trim).enumerate().filter(move |(_, line)| {
        if let Some(head) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = wanted(head);
            return false;
        }
        inside && !line.is_empty() && !line.starts_with('#')
    })
}

/// The name on the left side of a line.
pub(super) fn name(line: &str) -> &str {
    line.split(['=', '.']).next().unwrap_or(line).trim()
}

#[cfg(test)]
mod tests {
    use super::super::finding::{file, shown};
    use super::*;

    #[test]
    fn lints_and_versions_are_the_workspaces() {
        let good = "[lints]\nworkspace = true\n\n[dependencies]\nserde.workspace = true\n\
                    a = { workspace = true, features = [\"b\"] }\n";
        assert!(check(&[file("crates/a/Cargo.toml", good)]).is_empty());
        let bad = "[lints]\n\n[dev-dependencies]\nserde = \"1\"\n";
        assert_eq!(
            shown(&check(&[file("crates/a/Cargo.toml", bad)])),
            [
                "crates/a/Cargo.toml: the lints are not the workspace's: [lints] workspace = true",
                "crates/a/Cargo.toml:4: the version of `serde` is not the workspace's",
            ]
        );
    }

    #[test]
    fn a_workspace_of_its_own_is_left_alone() {
        let guest = "[package]\nname = \"guest\"\n\n[workspace]\n\n[dependencies]\nwstd = \"1\"\n";
        assert!(check(&[file("crates/a/tests/guest/Cargo.toml", guest)]).is_empty());
    }
}
