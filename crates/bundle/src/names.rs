//! Which names an archive may use, and which two names count as the same.

use deploy_spec::Fault;
use unicode_normalization::UnicodeNormalization as _;

use crate::limits::Limits;

/// A refusal that names the offending entry in its message and in `details.entry`.
pub(crate) fn refuse(entry: &str, why: impl std::fmt::Display) -> Fault {
    let shown = shown(entry);
    Fault::refused(format!("the bundle was refused: `{shown}` {why}"))
        .hint("rebuild it with `gtc bundle build DIR --output FILE.gtbundle`")
        .detail("entry", shown)
}

/// A refusal of the archive as a whole.
pub(crate) fn refuse_archive(why: impl std::fmt::Display) -> Fault {
    Fault::refused(format!("the bundle was refused: {why}"))
        .hint("fetch it again, or rebuild it with `gtc bundle build DIR --output FILE.gtbundle`")
}

/// `name` for a message: bounded, with control characters made visible.
pub(crate) fn shown(name: &str) -> String {
    const MOST: usize = 200;
    let mut text: String = name.chars().take(MOST).flat_map(char::escape_debug).collect();
    if name.chars().nth(MOST).is_some() {
        text.push('…');
    }
    text
}

/// Checks one path of an archive and returns it as text.
///
/// # Errors
/// `refused`, naming the entry.
pub(crate) fn checked_path<'a>(raw: &'a [u8], limits: &Limits) -> Result<&'a str, Fault> {
    let Ok(path) = std::str::from_utf8(raw) else {
        return Err(refuse(&String::from_utf8_lossy(raw), "is not a UTF-8 name"));
    };
    let no = |why: &str| Err(refuse(path, why));
    if path.is_empty() {
        return no("is an empty name");
    }
    if path.len() > limits.path_bytes {
        return no(&format!("is longer than {} bytes", limits.path_bytes));
    }
    if path.starts_with('/') {
        return no("is an absolute path");
    }
    if path.contains('\\') || path.chars().any(char::is_control) {
        return no("holds a backslash or a control character");
    }
    let mut depth = 0;
    for part in path.split('/') {
        depth += 1;
        match part {
            "" => return no("has an empty part"),
            "." | ".." => return no("holds `.` or `..`"),
            _ if part.len() > limits.part_bytes => {
                return no(&format!("has a part longer than {} bytes", limits.part_bytes));
            }
            _ => {}
        }
    }
    if depth > limits.depth {
        return no(&format!("is deeper than {} folders", limits.depth));
    }
    Ok(path)
}

/// What stays of a name where case and Unicode spelling do not count, as on macOS and Windows.
///
/// Folding through upper case first makes `ß` equal `SS` and the Kelvin sign equal `k`, as full
/// case folding does; composing last (NFC, UAX #15) makes two spellings of `é` equal.
pub(crate) fn folded(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    let decomposed: String = path.nfd().collect();
    decomposed.to_uppercase().to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_escape_or_confuse_are_refused_by_name() {
        let long_part = "x".repeat(256);
        let long_path = vec!["y".repeat(200); 21].join("/");
        let deep = vec!["d"; 65].join("/");
        let bad: &[&str] = &[
            "",
            "/etc/passwd",
            "..",
            "a/../b",
            "./a",
            "a/.",
            "a//b",
            "a/",
            "a\\b",
            "C:\\x",
            "a\0b",
            "a\nb",
            "a\u{7f}",
            "a\u{85}b",
            &long_part,
            &long_path,
            &deep,
        ];
        for name in bad {
            let fault = checked_path(name.as_bytes(), &Limits::default()).unwrap_err();
            assert_eq!(fault.kind, deploy_spec::Kind::Refused);
            assert_eq!(fault.details["entry"], shown(name), "{name:?}");
        }
        assert!(checked_path(b"a\xff", &Limits::default()).is_err());
        for name in ["a", "a/b.c", "...", "é", "a b", &"x".repeat(255), &["d"; 64].join("/")] {
            assert_eq!(checked_path(name.as_bytes(), &Limits::default()).unwrap(), name);
        }
    }

    #[test]
    fn spellings_that_some_file_system_confuses_fold_together() {
        for (a, b) in [
            ("A/b", "a/B"),
            ("É", "e\u{301}"),
            ("straße", "STRASSE"),
            ("\u{212a}", "k"),
            ("ſ", "s"),
        ] {
            assert_eq!(folded(a), folded(b), "{a} {b}");
        }
        assert_ne!(folded("a"), folded("á"));
    }
}
