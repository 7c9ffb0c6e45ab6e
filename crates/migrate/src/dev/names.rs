//! What counts as the name `dev` of an environment, and what only looks like it.

/// The old name.
pub(super) const DEV: &str = "dev";

/// The variable that named the environment of an older install.
pub(super) const VARIABLE: &str = "GREENTIC_ENV";

/// The fields that name an environment, without `_` and `-`, in small letters.
const FIELDS: [&str; 10] = [
    "env",
    "envs",
    "envid",
    "environment",
    "environments",
    "environmentid",
    "defaultenv",
    "defaultenvironment",
    "greenticenv",
    "secretsenv",
];

/// How a reference to a secret of `dev` begins.
const REFERENCES: [&str; 2] = ["secret://dev", "secrets://dev"];

/// Whether a field of this name names an environment.
pub(super) fn is_environment_field(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| !matches!(c, '_' | '-')).collect();
    FIELDS.iter().any(|field| plain.eq_ignore_ascii_case(field))
}

/// Whether a reference to a secret of `dev` stands somewhere in `text`.
pub(super) fn has_reference(text: &str) -> bool {
    next_reference(text, 0).is_some()
}

/// `text`, with its references to secrets of `dev` naming `to`.
pub(super) fn rewrite_references(text: &str, to: &str) -> String {
    let mut new = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(end) = next_reference(text, at) {
        new.push_str(&text[at..end - DEV.len()]);
        new.push_str(to);
        at = end;
    }
    new.push_str(&text[at..]);
    new
}

/// Where the environment's name ends in the first reference from `from` on.
fn next_reference(text: &str, from: usize) -> Option<usize> {
    let ends = REFERENCES.iter().flat_map(|start| {
        text[from..].match_indices(start).map(move |(at, _)| (from + at, from + at + start.len()))
    });
    ends.filter(|&(at, end)| !text[..at].ends_with(is_name) && !text[end..].starts_with(is_name))
        .map(|(_, end)| end)
        .min()
}

/// Whether a line that is no document gives the name to an environment, or refers to its secrets.
pub(super) fn line_names_dev(line: &str) -> bool {
    has_reference(line)
        || line.match_indices(DEV).any(|(at, _)| {
            let (before, after) = (&line[..at], &line[at + DEV.len()..]);
            !after.starts_with(is_name) && assigned_field(before).is_some_and(is_environment_field)
        })
}

/// The field that gets what stands behind `before`.
fn assigned_field(before: &str) -> Option<&str> {
    let quotes: &[char] = &['"', '\''];
    let before = before.trim_end_matches(quotes).trim_end();
    let before = before.strip_suffix(['=', ':'])?.trim_end().trim_end_matches(quotes);
    let start = before.rfind(|c| !is_name(c) || c == '.').map_or(0, |at| at + 1);
    before.get(start..)
}

/// A letter of a name: where one goes on, the word is another.
fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_known_by_their_usual_spellings() {
        for name in ["env", "ENV", "env_id", "environment-id", "EnvironmentId", "GREENTIC_ENV"] {
            assert!(is_environment_field(name), "{name}");
        }
        for name in ["", "envelope", "developer", "stage", "environment_name", "dev"] {
            assert!(!is_environment_field(name), "{name}");
        }
    }

    #[test]
    fn references_are_rewritten_whole_words_only() {
        for (text, new) in [
            ("secrets://dev/acme/_/x/y", "secrets://local/acme/_/x/y"),
            ("secret://dev", "secret://local"),
            ("a secret://dev/a, secrets://dev/b.", "a secret://local/a, secrets://local/b."),
            ("secret://development/a", "secret://development/a"),
            ("secret://dev-eu/a secret://dev.a", "secret://dev-eu/a secret://dev.a"),
            ("topsecret://dev/a", "topsecret://dev/a"),
            ("/dev/null", "/dev/null"),
        ] {
            assert_eq!(rewrite_references(text, "local"), new);
            assert_eq!(has_reference(text), text != new, "{text}");
        }
    }

    #[test]
    fn lines_are_read_by_what_is_assigned() {
        for line in [
            "GREENTIC_ENV=dev",
            "export GREENTIC_ENV=\"dev\"",
            "environment = \"dev\"",
            "{\"env\": \"dev\"}",
            "  env: dev # comment",
        ] {
            assert!(line_names_dev(line), "{line}");
        }
        for line in ["tool = dev", "env = development", "env=/dev/null", "open devices", "x.env-of"]
        {
            assert!(!line_names_dev(line), "{line}");
        }
    }
}
