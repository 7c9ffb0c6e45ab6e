//! Markdown links inside the repository: the file is there, and so is the heading.

use std::collections::BTreeMap;

use super::code::is_word;
use super::finding::Finding;
use crate::house::File;

/// The links that lead nowhere.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let texts: BTreeMap<&str, &str> =
        files.iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
    let pages = files.iter().filter(|file| file.path.ends_with(".md"));
    let dead = pages.flat_map(|page| {
        let links = links(&page.text).into_iter();
        let texts = &texts;
        links.filter_map(move |(line, target)| {
            let why = objection(texts, &page.path, target)?;
            Some(Finding::line(&page.path, line, format!("the link to `{target}` {why}")))
        })
    });
    dead.collect()
}

/// Each link with its line; what is in a code block or a code span is no link.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_block = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        }
        if in_block {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let in_span = line[..at].matches('`').count() % 2 == 1;
            let target = line[at + 2..].split([')', ' ']).next().unwrap_or_default();
            if !in_span {
                found.push((i, target));
            }
        }
    }
    found
}

fn objection(texts: &BTreeMap<&str, &str>, page: &str, target: &str) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, heading) = target.split_once('#').map_or((target, None), |(p, h)| (p, Some(h)));
    let Some(path) = resolve(page, path) else { return Some("leaves the repository") };
    if let Some(text) = texts.get(path.as_str()) {
        let missing = heading.is_some_and(|heading| {
            path.ends_with(".md") && !text.lines().filter_map(slug).any(|slug| slug == heading)
        });
        return missing.then_some("names a heading that is not there");
    }
    let folder = if path.is_empty() { path } else { format!("{path}/") };
    let is_folder = texts.keys().any(|known| known.starts_with(&folder));
    (!is_folder).then_some("leads nowhere")
}

/// `target` as seen from the folder of `page`, relative to the root.
fn resolve(page: &str, target: &str) -> Option<String> {
    if target.is_empty() {
        return Some(page.to_owned());
    }
    let mut parts: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => page.split('/').collect(),
    };
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// What a heading is called in a link, as GitHub makes it.
fn slug(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?;
    let kept = title.trim().chars().filter(|&c| is_word(c) || c == ' ' || c == '-');
    Some(kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use super::super::finding::{file, shown};
    use super::*;

    #[test]
    fn links_lead_to_files_folders_and_headings() {
        let page = "[a](../README.md) [b](schemas/) [c](../README.md#the-5-minute-way) [d](#here)\n\
                    # Here\n[e](https://example.com/x) `[f](gone)`\n```\n[g](gone)\n```\n";
        let files = [
            file("README.md", "# Greentic\n## The 5-minute way!\n"),
            file("docs/index.md", page),
            file("docs/schemas/a.json", ""),
        ];
        assert!(check(&files).is_empty(), "{:?}", shown(&check(&files)));
    }

    #[test]
    fn dead_links_are_found() {
        let page = "[a](gone.md)\n[b](../../etc/passwd)\n[c](#nowhere)\n[d](sch)\n";
        let files = [file("docs/index.md", page), file("docs/schemas/a.json", "")];
        assert_eq!(
            shown(&check(&files)),
            [
                "docs/index.md:1: the link to `gone.md` leads nowhere",
                "docs/index.md:2: the link to `../../etc/passwd` leaves the repository",
                "docs/index.md:3: the link to `#nowhere` names a heading that is not there",
                "docs/index.md:4: the link to `sch` leads nowhere",
            ]
        );
    }
}
