//! The `Date` of answers (RFC 9110 §5.6.7), formatted once per thread and second, by the only wall
//! clock of this crate.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

/// `Sun, 06 Nov 1994 08:49:37 GMT`
pub(crate) type HttpDate = [u8; 29];

thread_local! {
    static CACHED: Cell<(u64, HttpDate)> = const { Cell::new((u64::MAX, [0; 29])) };
}

/// The present time, in seconds since the start of 1970.
pub(crate) fn unix_seconds() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the Date header is the present time")]
    let time = SystemTime::now();
    time.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

/// The present time.
pub(crate) fn now() -> HttpDate {
    let second = unix_seconds();
    CACHED.with(|cached| {
        let (of, date) = cached.get();
        if of == second {
            return date;
        }
        let date = format(second);
        cached.set((second, date));
        date
    })
}

/// The time so many seconds after the start of 1970, until the year 9999.
fn format(second: u64) -> HttpDate {
    const DAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let (days, time) = (second / 86_400, second % 86_400);
    let (year, month, day) = civil(days);
    let mut out = *b"Xxx, 00 Xxx 0000 00:00:00 GMT";
    let name = |table: &[u8], index: u64| -> [u8; 3] {
        let start = usize::try_from(index).unwrap_or(0) * 3;
        [table[start], table[start + 1], table[start + 2]]
    };
    out[..3].copy_from_slice(&name(DAYS, days % 7));
    out[8..11].copy_from_slice(&name(MONTHS, month - 1));
    let two = |out: &mut HttpDate, at: usize, number: u64| {
        out[at] = b'0' + u8::try_from(number / 10 % 10).unwrap_or(0);
        out[at + 1] = b'0' + u8::try_from(number % 10).unwrap_or(0);
    };
    two(&mut out, 5, day);
    two(&mut out, 12, year / 100);
    two(&mut out, 14, year % 100);
    two(&mut out, 17, time / 3_600);
    two(&mut out, 20, time / 60 % 60);
    two(&mut out, 23, time % 60);
    out
}

/// Year, month and day of a day counted from 1970-01-01 (Hinnant, "chrono-compatible low-level
/// date algorithms", `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (second, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
            (1_704_067_199, "Sun, 31 Dec 2023 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(std::str::from_utf8(&format(second)).unwrap(), expected);
        }
    }
}
