//! Decision records: `docs/decisions/NNNN-title.md`, numbered without holes, half a page each.

use super::finding::Finding;
use crate::house::File;

const FOLDER: &str = "docs/decisions/";
/// Half a page, generously.
const MOST_LINES: usize = 40;

/// What is wrong with the records.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let records = files.iter().filter_map(|file| Some((file, file.path.strip_prefix(FOLDER)?)));
    let mut findings = Vec::new();
    let mut expected = 1;
    for (file, name) in records.filter(|(_, name)| *name != "README.md") {
        let Some(number) = number(name) else {
            findings.push(Finding::file(&file.path, "is not called NNNN-title.md"));
            continue;
        };
        if number != expected {
            let what = format!("is number {number:04} where {expected:04} was due");
            findings.push(Finding::file(&file.path, what));
        }
        expected = number + 1;
        if !file.text.starts_with(&format!("# {number:04} ")) {
            let what = format!("does not begin with `# {number:04} Title`");
            findings.push(Finding::file(&file.path, what));
        }
        let lines = file.text.lines().count();
        if lines > MOST_LINES {
            let what = format!("is {lines} lines long; half a page is at most {MOST_LINES}");
            findings.push(Finding::file(&file.path, what));
        }
    }
    findings
}

fn number(name: &str) -> Option<usize> {
    let (digits, title) = name.strip_suffix(".md")?.split_once('-')?;
    let title_ok = !title.is_empty()
        && title.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let digits_ok = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit());
    if title_ok && digits_ok { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{file, shown};
    use super::*;

    #[test]
    fn records_are_numbered_without_holes() {
        let record = |name: &str, text: &str| file(&format!("{FOLDER}{name}"), text);
        let good = [record("0001-a.md", "# 0001 A\n"), record("0002-b.md", "# 0002 B\n")];
        assert!(check(&good).is_empty());
        let bad = [
            record("0001-a.md", "# 0001 A\n"),
            record("0003-b.md", "# 0002 B\n"),
            record("0003-c.md", &format!("# 0003 C{}\n", "\n".repeat(40))),
            record("later.md", "# Later\n"),
        ];
        assert_eq!(
            shown(&check(&bad)),
            [
                "docs/decisions/0003-b.md: is number 0003 where 0002 was due",
                "docs/decisions/0003-b.md: does not begin with `# 0003 Title`",
                "docs/decisions/0003-c.md: is number 0003 where 0004 was due",
                "docs/decisions/0003-c.md: is 41 lines long; half a page is at most 40",
                "docs/decisions/later.md: is not called NNNN-title.md",
            ]
        );
    }
}
