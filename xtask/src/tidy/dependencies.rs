//! Every direct dependency is explained in `docs/dependencies.md`, and comes from crates.io.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::manifests::{name, section};
use crate::house::{File, Member};

const PAGE: &str = "docs/dependencies.md";
const CRATES_IO: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// What is used and not explained, explained and not used, declared and not used, or from
/// elsewhere.
pub(crate) fn check(members: &[Member], files: &[File]) -> Vec<Finding> {
    let text = |path: &str| {
        files.iter().find(|file| file.path == path).map_or("", |file| file.text.as_str())
    };
    let used: BTreeSet<&str> = members
        .iter()
        .flat_map(|member| &member.dependencies)
        .filter(|dependency| !dependency.ours)
        .map(|dependency| dependency.name.as_str())
        .collect();
    let mut findings = unused(&used, text("Cargo.toml"));
    findings.extend(unexplained(&used, text(PAGE)));
    findings.extend(files.iter().filter(|f| f.path.ends_with("Cargo.lock")).flat_map(foreign));
    findings
}

fn unused(used: &BTreeSet<&str>, manifest: &str) -> Vec<Finding> {
    let declared = section(manifest, |head| head == "workspace.dependencies");
    let stale = declared.filter(|(_, line)| !line.contains("path =") && !used.contains(name(line)));
    stale
        .map(|(i, line)| Finding::line("Cargo.toml", i, format!("no crate uses `{}`", name(line))))
        .collect()
}

fn unexplained(used: &BTreeSet<&str>, page: &str) -> Vec<Finding> {
    let mut explained = BTreeSet::new();
    let mut findings = Vec::new();
    for (i, line) in page.lines().enumerate() {
        let Some((name, sentence)) = line.strip_prefix("- `").and_then(|l| l.split_once("`: "))
        else {
            continue;
        };
        if !explained.insert(name) {
            findings.push(Finding::line(PAGE, i, format!("`{name}` is explained twice")));
        } else if !used.contains(name) {
            findings.push(Finding::line(PAGE, i, format!("no crate uses `{name}`")));
        } else if !sentence.ends_with('.') {
            findings.push(Finding::line(PAGE, i, format!("`{name}` has no whole sentence")));
        }
    }
    let silent = used.difference(&explained);
    findings.extend(silent.map(|name| Finding::file(PAGE, format!("`{name}` is not explained"))));
    findings
}

fn foreign(lock: &File) -> Vec<Finding> {
    let sources = lock.text.lines().enumerate().filter(|(_, line)| line.starts_with("source = "));
    sources
        .filter(|(_, line)| *line != CRATES_IO)
        .map(|(i, line)| Finding::line(&lock.path, i, format!("not from crates.io: {line}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::finding::{file, shown};
    use super::*;

    #[test]
    fn every_dependency_has_its_sentence_and_no_sentence_is_stale() {
        let used = BTreeSet::from(["http", "serde", "tokio"]);
        let page = "# Dependencies\n\n- `http`: types.\n- `http`: types.\n- `gone`: was here.\n- `serde`: reads\n";
        assert_eq!(
            shown(&unexplained(&used, page)),
            [
                "docs/dependencies.md:4: `http` is explained twice",
                "docs/dependencies.md:5: no crate uses `gone`",
                "docs/dependencies.md:6: `serde` has no whole sentence",
                "docs/dependencies.md: `tokio` is not explained",
            ]
        );
    }

    #[test]
    fn what_is_declared_is_used() {
        let manifest = "[workspace.dependencies]\nours = { path = \"crates/ours\" }\n# why\n\
                        serde = \"1\"\ngone = { version = \"1\" }\n\n[profile.dev]\nopt-level = 1\n";
        assert_eq!(
            shown(&unused(&BTreeSet::from(["serde"]), manifest)),
            ["Cargo.toml:5: no crate uses `gone`"]
        );
    }

    #[test]
    fn packages_come_from_crates_io() {
        let lock = file("Cargo.lock", &format!("{CRATES_IO}\nsource = \"git+https://a/b\"\n"));
        assert_eq!(foreign(&lock).len(), 1);
    }
}
