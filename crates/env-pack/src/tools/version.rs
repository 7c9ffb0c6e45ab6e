//! The version of a tool, out of what it prints.

use semver::{Prerelease, Version, VersionReq};

use super::Tool;

/// The version in what the tool printed when it was asked for it.
pub(super) fn parse(tool: Tool, printed: &str) -> Option<Version> {
    let mut after = tool.row().markers.iter().flat_map(|marker| {
        printed.match_indices(marker).map(|(at, _)| &printed[at + marker.len()..])
    });
    after.find_map(|text| {
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || ".+-".contains(c)));
        lenient(&text[..end.unwrap_or(text.len())])
    })
}

/// `1.2`, `17.09.0-ce` and `v1.2.3` are no semantic versions, and are meant as one.
fn lenient(text: &str) -> Option<Version> {
    let (core, rest) = text.split_at(text.find(['-', '+']).unwrap_or(text.len()));
    let numbers: Vec<u64> = core.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [major, minor, patch @ ..] = numbers.as_slice() else { return None };
    let patch = match patch {
        [] => 0,
        [patch] => *patch,
        _ => return None,
    };
    let exact = format!("{major}.{minor}.{patch}{rest}").parse();
    exact.ok().or_else(|| Some(Version::new(*major, *minor, patch)))
}

/// Whether a version will do. What stands behind a hyphen is mostly a distributor's name, so it
/// does not count.
pub(super) fn fits(versions: &VersionReq, found: &Version) -> bool {
    versions.matches(&Version { pre: Prerelease::EMPTY, ..found.clone() })
}
