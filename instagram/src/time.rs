//! Instants as the platform writes them: webhook times and dates of the graph API.

use std::{fmt, time::Duration};

/// An instant in Unix milliseconds (UTC). Never read from a clock here: the caller supplies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(i64);

/// Values below this are seconds, the others milliseconds (product rule).
const SECONDS_BELOW: i64 = 100_000_000_000;
/// 2010-01-01T00:00:00Z: no event can be older than the network it happened on (product rule).
const EARLIEST: UnixMillis = UnixMillis(1_262_304_000_000);
/// How far ahead of its arrival an event may claim to be: clocks differ (product rule).
pub const SKEW_LIMIT: Duration = Duration::from_secs(10 * 60);

impl UnixMillis {
    /// An instant from Unix milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// An instant from Unix seconds; saturates at the ends of the range.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Unix milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This instant later by `duration`; saturates.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The instant a webhook number means: seconds or milliseconds by size, `None` when it lies before 2010 or more
    /// than [`SKEW_LIMIT`] after `received_at`.
    #[must_use]
    pub fn from_webhook(number: i64, received_at: Self) -> Option<Self> {
        if number < 0 {
            return None;
        }
        let at = if number < SECONDS_BELOW { Self::from_secs(number) } else { Self(number) };
        (at >= EARLIEST && at <= received_at.plus(SKEW_LIMIT)).then_some(at)
    }

    /// Reads the graph API's ISO 8601 dates: `2026-01-01T00:00:00+0000`, also with a colon in the offset, with `Z`,
    /// or with a fraction of a second (which is dropped). `None` for anything else.
    #[must_use]
    pub fn from_iso8601(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let date = bytes.get(..19)?;
        let fixed = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if fixed.iter().any(|&(at, byte)| date.get(at) != Some(&byte)) {
            return None;
        }
        let number = |from: usize, to: usize| digits(date.get(from..to)?);
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let mut rest = bytes.get(19..)?;
        if let Some(fraction) = rest.strip_prefix(b".") {
            let end = fraction.iter().position(|byte| !byte.is_ascii_digit())?;
            rest = fraction.get(end..)?;
        }
        let offset = offset_secs(rest)?;
        let secs = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
        Some(Self::from_secs(secs))
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0_i64, |sum, byte| {
        byte.is_ascii_digit().then(|| sum.saturating_mul(10).saturating_add(i64::from(byte - b'0')))
    })
}

fn offset_secs(text: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match text {
        b"Z" => return Some(0),
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => {
            (*sign, digits(&[*h1, *h2])?, digits(&[*m1, *m2])?)
        }
        _ => return None,
    };
    let secs = hours * 3600 + minutes * 60;
    match sign {
        b'+' => Some(secs),
        b'-' => Some(-secs),
        _ => None,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (years 0 to 9999).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::from_millis(1_767_225_600_000);

    #[test]
    fn webhook_numbers_are_seconds_or_milliseconds_by_size() {
        let at = Some(UnixMillis(1_767_225_599_000));
        assert_eq!(UnixMillis::from_webhook(1_767_225_599, NOW), at);
        assert_eq!(UnixMillis::from_webhook(1_767_225_599_000, NOW), at);
        for outside in [0, -1, i64::MIN, i64::MAX, 1_262_303_999, 1_262_303_999_999, 99_999_999_999] {
            assert_eq!(UnixMillis::from_webhook(outside, NOW), None, "{outside}");
        }
        assert!(UnixMillis::from_webhook(1_262_304_000, NOW).is_some());
        assert!(UnixMillis::from_webhook(1_767_225_600_000 + 600_000, NOW).is_some());
        assert!(UnixMillis::from_webhook(1_767_225_600_000 + 600_001, NOW).is_none());
    }

    #[test]
    fn iso_dates_are_read_with_any_offset() {
        for (text, secs) in [
            ("2026-01-01T00:00:00+0000", 1_767_225_600),
            ("2026-01-01T01:30:00+0130", 1_767_225_600),
            ("2025-12-31T19:00:00-05:00", 1_767_225_600),
            ("2026-01-01T00:00:00.123Z", 1_767_225_600),
            ("1970-01-01T00:00:00Z", 0),
            ("2024-02-29T12:00:00+0000", 1_709_208_000),
        ] {
            assert_eq!(UnixMillis::from_iso8601(text), Some(UnixMillis::from_secs(secs)), "{text}");
        }
        for bad in [
            "",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-13-01T00:00:00Z",
            "2026-01-01 00:00:00Z",
            "é026-01-01T00:00:00Z",
        ] {
            assert_eq!(UnixMillis::from_iso8601(bad), None, "{bad}");
        }
    }
}
