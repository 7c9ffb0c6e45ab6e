//! Instants as people type them.

use deploy_spec::Timestamp;
use serve::ambient;

/// A time, or how long ago: `2026-11-21T17:00:00Z`, `30m`, `2h`, `7d`.
pub(crate) fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let wrong = || format!("`{text}` is no time: write 2026-11-21T17:00:00Z, 30m, 2h or 7d");
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let found = units
        .into_iter()
        .find_map(|(unit, seconds)| text.strip_suffix(unit).map(|number| (number, seconds)));
    let (number, seconds): (&str, i64) = found.ok_or_else(wrong)?;
    let ago = number.parse::<i64>().ok().and_then(|number| number.checked_mul(seconds));
    let then = ago.and_then(|ago| ambient::now().as_second().checked_sub(ago));
    then.and_then(|then| Timestamp::from_second(then).ok()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::instant;

    #[test]
    fn a_time_is_absolute_or_ago() {
        assert_eq!(instant("2026-11-21T17:00:00Z").unwrap().as_second(), 1_795_280_400);
        let hour = instant("0s").unwrap().as_second() - instant("1h").unwrap().as_second();
        assert!((3_600..3_660).contains(&hour), "{hour}");
        for bad in ["", "h", "-", "2x", "9999999999999999999d", "yesterday", "2é"] {
            assert!(instant(bad).is_err(), "{bad}");
        }
    }
}
