//! Rust text without its comments and strings, and which of its lines are tests. Enough of the
//! lexer for that (Rust reference, chapter Tokens), no more.

/// `text` with every comment, string and character blanked; each line stays where it is.
pub(crate) fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(next) = rest.chars().next() {
        let dead = dead_len(rest, before);
        if dead == 0 {
            code.push(next);
            before = next;
            rest = &rest[next.len_utf8()..];
        } else {
            let (gone, left) = rest.split_at(dead);
            code.extend(gone.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            before = ' ';
            rest = left;
        }
    }
    code
}

/// The length of the comment or literal that `rest` begins with; 0 when it begins with code.
fn dead_len(rest: &str, before: char) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment_len(rest);
    }
    if rest.starts_with('"') {
        return quoted_len(rest, '"');
    }
    if rest.starts_with('\'') {
        return character_len(rest);
    }
    if is_word(before) { 0 } else { raw_string_len(rest) }
}

/// Block comments nest.
fn block_comment_len(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let tail = &rest.as_bytes()[at..];
        if tail.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn quoted_len(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// A character literal; a lifetime is code.
fn character_len(rest: &str) -> usize {
    let mut inner = rest.chars().skip(1);
    match (inner.next(), inner.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted_len(rest, '\''),
        _ => 0,
    }
}

fn raw_string_len(rest: &str) -> usize {
    let body = rest.strip_prefix(['b', 'c']).unwrap_or(rest);
    let Some(body) = body.strip_prefix('r') else { return 0 };
    let inner = body.trim_start_matches('#');
    let hashes = body.len() - inner.len();
    if !inner.starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let opening = rest.len() - inner.len() + 1;
    rest[opening..].find(&end).map_or(rest.len(), |at| opening + at + end.len())
}

/// Whether a character can be part of a name.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a whole file is tests.
pub(crate) fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.split('/').rev().skip(1).any(|part| part == "tests")
}

/// The first and the last line of each test module that is written inside `code`, from 0.
pub(crate) fn inline_tests(code: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let end = if lines[at].trim() == "#[cfg(test)]" { module_end(&lines, at) } else { None };
        if let Some(end) = end {
            found.push((at, end));
        }
        at = end.unwrap_or(at) + 1;
    }
    found
}

/// The last line of the module behind the attribute in line `from`; none when it is no module
/// with a body.
fn module_end(lines: &[&str], from: usize) -> Option<usize> {
    let head = (from + 1..lines.len()).find(|&i| {
        let line = lines[i].trim();
        !line.is_empty() && !line.starts_with("#[") && !line.starts_with([')', ']'])
    })?;
    let is_module = lines[head].split_whitespace().any(|word| word == "mod");
    if !is_module || !lines[head].contains('{') {
        return None;
    }
    let mut depth = 0_usize;
    for (i, line) in lines.iter().enumerate().skip(head) {
        depth += line.matches('{').count();
        depth = depth.saturating_sub(line.matches('}').count());
        if depth == 0 {
            return Some(i);
        }
    }
    Some(lines.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_not_code() {
        for (text, code) in [
            ("a // b", "a     "),
            ("a /* b /* c */ d */ e", "a                   e"),
            ("f(\"b \\\" c\") + 1", "f(        ) + 1"),
            ("r#\"b \" c\"# + 1", "           + 1"),
            ("br\"b\" 1", "      1"),
            ("for\"b\"", "for   "),
            ("('b', '\\'', b'\\\\')", "(   ,     , b    )"),
            ("fn a<'b>(c: &'b str)", "fn a<'b>(c: &'b str)"),
            ("r#type", "r#type"),
            ("\"ä\n\" b", "  \n  b"),
        ] {
            assert_eq!(code_only(text), code, "{text}");
        }
    }

    #[test]
    fn a_test_module_ends_where_its_braces_do() {
        let text =
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    const A: &str = \"}\n}\";\n}\nfn b() {}";
        assert_eq!(inline_tests(&code_only(text)), [(1, 5)]);
        assert_eq!(inline_tests("#[cfg(test)]\nmod tests;\nfn a() {\n}"), []);
        assert_eq!(inline_tests("#[cfg(test)]\nfn a() {\n}"), []);
    }

    #[test]
    fn test_files_are_known_by_their_place() {
        for path in ["a/src/b/tests.rs", "a/tests/it/main.rs", "a/src/b/tests/table.rs"] {
            assert!(is_test_file(path), "{path}");
        }
        for path in ["a/src/test.rs", "a/src/contests.rs", "a/src/tests_of.rs"] {
            assert!(!is_test_file(path), "{path}");
        }
    }
}
