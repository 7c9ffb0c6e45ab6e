//! How long files are. Every line counts, blank ones and comments too; tests are stripped.

use super::code::{code_only, inline_tests, is_test_file};
use super::finding::Finding;
use crate::house::File;

/// Production lines of one file, at most.
const MOST: usize = 400;
/// Production lines beyond which a file is worth a look.
const LOOK: usize = 250;
/// Lines of tests inside a production file, at most.
const INLINE_TESTS: usize = 100;

/// The files that are too long.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    files.iter().filter(|file| counts(file)).flat_map(check_one).collect()
}

fn counts(file: &File) -> bool {
    file.is_rust() && !is_test_file(&file.path)
}

fn check_one(file: &File) -> Vec<Finding> {
    let tests = inline_tests(&code_only(&file.text));
    let mut findings = Vec::new();
    for &(from, to) in &tests {
        let lines = to - from + 1;
        if lines > INLINE_TESTS {
            let home = file.path.trim_end_matches(".rs").trim_end_matches("/mod");
            let what =
                format!("{lines} lines of tests; past {INLINE_TESTS} they live in {home}/tests.rs");
            findings.push(Finding::line(&file.path, from, what));
        }
    }
    let lines = production(file);
    if lines > MOST {
        let what = format!("{lines} production lines; past {MOST} a file hides two rooms");
        findings.push(Finding::file(&file.path, what));
    }
    findings
}

fn production(file: &File) -> usize {
    let tests = inline_tests(&code_only(&file.text));
    file.text.lines().count() - tests.iter().map(|(from, to)| to - from + 1).sum::<usize>()
}

/// How long files are on the whole.
pub(crate) fn report(files: &[File]) -> String {
    let mut sizes: Vec<(usize, &str)> =
        files.iter().filter(|f| counts(f)).map(|f| (production(f), f.path.as_str())).collect();
    sizes.sort_unstable();
    let at = |percent: usize| sizes.get(sizes.len() * percent / 100);
    let Some(((median, _), (p95, _))) = at(50).zip(at(95)) else { return "no files".into() };
    let total: usize = sizes.iter().map(|(lines, _)| lines).sum();
    let long = sizes.iter().rev().take_while(|(lines, _)| *lines > LOOK);
    let long: Vec<String> = long.map(|(lines, path)| format!("\n  {lines:>4} {path}")).collect();
    format!(
        "{} files, {total} production lines, median {median}, p95 {p95}; past {LOOK}: {}{}",
        sizes.len(),
        long.len(),
        long.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::super::finding::{file, shown};
    use super::*;

    #[test]
    fn long_files_and_long_inline_tests_are_found() {
        let body = |lines: usize| "fn a() {}\n".repeat(lines);
        let tests = |lines: usize| format!("#[cfg(test)]\nmod tests {{\n{}}}\n", body(lines - 3));
        let fits = format!("{}{}", body(400), tests(100));
        assert!(check(&[file("a/src/b.rs", &fits)]).is_empty());
        let long = format!("{}{}", body(401), tests(101));
        assert_eq!(
            shown(&check(&[file("a/src/b.rs", &long)])),
            [
                "a/src/b.rs:402: 101 lines of tests; past 100 they live in a/src/b/tests.rs",
                "a/src/b.rs: 401 production lines; past 400 a file hides two rooms",
            ]
        );
        assert!(check(&[file("a/src/b/tests.rs", &long)]).is_empty());
    }

    #[test]
    fn the_report_names_what_deserves_a_look() {
        let files: Vec<File> =
            (1..=20).map(|i| file(&format!("a/src/f{i}.rs"), &"x\n".repeat(i * 13))).collect();
        let report = report(&files);
        assert!(report.starts_with("20 files, 2730 production lines, median 143, p95 260;"));
        assert!(report.ends_with("past 250: 1\n   260 a/src/f20.rs"), "{report}");
    }
}
