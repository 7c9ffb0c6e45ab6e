//! Which compressed form of a file to send (RFC 9110 §12.5.3).

/// The forms that may lie beside a file, best first: suffix of the file, content coding.
pub(super) const CODINGS: [(&str, &str); 3] = [("br", "br"), ("zst", "zstd"), ("gz", "gzip")];

/// The codings of [`CODINGS`] that `accept` takes, best first: by weight, then by our order. What
/// weighs less than the file as it is is left out.
pub(super) fn acceptable(accept: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let identity = weight(accept, "identity");
    let mut weighed = CODINGS.map(|(suffix, coding)| {
        let weight = weight(accept, coding).or_else(|| weight_of_others(accept)).unwrap_or(0);
        (weight, (suffix, coding))
    });
    weighed.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let floor = identity.unwrap_or(1).max(1);
    weighed.into_iter().filter(move |(weight, _)| *weight >= floor).map(|(_, coding)| coding)
}

fn weight_of_others(accept: &str) -> Option<u16> {
    weight(accept, "*")
}

/// The weight of `coding` in thousandths, if it is named; a weight that is none counts as 0.
fn weight(accept: &str, coding: &str) -> Option<u16> {
    accept.split(',').find_map(|item| {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let name = name.trim();
        let is_it = name.eq_ignore_ascii_case(coding)
            || (coding == "gzip" && name.eq_ignore_ascii_case("x-gzip"));
        is_it.then(|| thousandths(parameters.trim()))
    })
}

/// `q=0.5` as 500 (RFC 9110 §12.4.2: at most three decimals).
fn thousandths(parameters: &str) -> u16 {
    if parameters.is_empty() {
        return 1_000;
    }
    let Some(("q" | "Q", value)) = parameters.split_once('=') else { return 0 };
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    let decimals = format!("{decimals:0<3}").parse().unwrap_or(0);
    match (whole, decimals) {
        ("0", decimals) => decimals,
        ("1", 0) => 1_000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_choose_and_our_order_breaks_ties() {
        for (accept, expected) in [
            ("", ""),
            ("gzip, br, zstd", "br zstd gzip"),
            ("gzip, deflate, br;q=0.9", "gzip br"),
            ("GZIP", "gzip"),
            ("x-gzip", "gzip"),
            ("*", "br zstd gzip"),
            ("*;q=0.5, gzip;q=0.8, br;q=0", "gzip zstd"),
            ("br;q=0", ""),
            ("gzip;q=0.000", ""),
            ("identity", ""),
            ("identity;q=0.5, gzip;q=0.4, br;q=0.5", "br"),
            ("identity;q=0, gzip;q=0.001", "gzip"),
            ("gzip;q=1.000", "gzip"),
            ("gzip;q=1.1", ""),
            ("gzip;q=2", ""),
            ("gzip;q=0.1234", ""),
            ("gzip;q=x", ""),
            ("gzip ; q=0.7 ,br; q=0.8", "br gzip"),
            ("deflate", ""),
        ] {
            let found: Vec<_> = acceptable(accept).map(|(_, coding)| coding).collect();
            assert_eq!(found.join(" "), expected, "{accept}");
        }
    }
}
