//! Byte ranges (RFC 9110 §14).

use std::ops::Range;

/// How many ranges one request may ask for before it simply gets everything (RFC 9110 §14.2).
const RANGES_MAX: usize = 16;

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ranges {
    /// All of it: the header is absent, not understood, or not worth obeying.
    Whole,
    /// These parts, each within the file and not empty; at least one.
    Parts(Vec<Range<u64>>),
    /// Nothing that there is: 416.
    Unsatisfiable,
}

/// Reads the value of a `Range` header for a file of `size` bytes.
pub(super) fn parse(value: &str, size: u64) -> Ranges {
    let Some((unit, list)) = value.split_once('=') else { return Ranges::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Ranges::Whole;
    }
    let mut parts = Vec::new();
    let mut asked = 0;
    for spec in list.split(',').map(str::trim).filter(|spec| !spec.is_empty()) {
        asked += 1;
        match part(spec, size) {
            Some(part) if part.is_empty() => {}
            Some(part) => parts.push(part),
            None => return Ranges::Whole,
        }
    }
    let total: u64 = parts.iter().map(|part| part.end - part.start).sum();
    if asked == 0 || asked > RANGES_MAX || (parts.len() > 1 && total > size) {
        return Ranges::Whole;
    }
    if parts.is_empty() { Ranges::Unsatisfiable } else { Ranges::Parts(parts) }
}

/// One range within `size` bytes; empty when it lies beyond; `None` when it is malformed.
fn part(spec: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    match (first.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => Some(size.saturating_sub(number(last)?)..size),
        (false, true) => Some(number(first)?.min(size)..size),
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            let end = last.saturating_add(1).min(size);
            (first <= last).then_some(first.min(end)..end)
        }
    }
}

/// A number of digits only; one too large for 64 bits is as good as the largest.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_the_rfc() {
        let parts = |list: &[(u64, u64)]| {
            Ranges::Parts(list.iter().map(|&(start, end)| start..end).collect())
        };
        for (value, expected) in [
            ("bytes=0-0", parts(&[(0, 1)])),
            ("bytes=0-9", parts(&[(0, 10)])),
            ("bytes=2-", parts(&[(2, 10)])),
            ("bytes=-3", parts(&[(7, 10)])),
            ("bytes=-30", parts(&[(0, 10)])),
            ("bytes=8-99999999999999999999", parts(&[(8, 10)])),
            ("bytes=0-1, 4-5", parts(&[(0, 2), (4, 6)])),
            ("Bytes = 1-2", parts(&[(1, 3)])),
            ("bytes=0-0,20-", parts(&[(0, 1)])),
            ("bytes=,1-1,", parts(&[(1, 2)])),
            ("bytes=10-", Ranges::Unsatisfiable),
            ("bytes=10-20", Ranges::Unsatisfiable),
            ("bytes=-0", Ranges::Unsatisfiable),
            ("bytes=99999999999999999999-", Ranges::Unsatisfiable),
            ("bytes=", Ranges::Whole),
            ("bytes", Ranges::Whole),
            ("bytes=-", Ranges::Whole),
            ("bytes=3-2", Ranges::Whole),
            ("bytes=a-b", Ranges::Whole),
            ("bytes=+1-2", Ranges::Whole),
            ("bytes=1-2,x", Ranges::Whole),
            ("lines=1-2", Ranges::Whole),
            ("bytes=0-,0-,0-", Ranges::Whole),
        ] {
            assert_eq!(parse(value, 10), expected, "{value}");
        }
        let many = format!("bytes={}", vec!["0-0"; RANGES_MAX + 1].join(","));
        assert_eq!(parse(&many, 1_000), Ranges::Whole);
        assert_eq!(parse("bytes=0-", 0), Ranges::Unsatisfiable);
        assert_eq!(parse("bytes=-1", 0), Ranges::Unsatisfiable);
    }
}
