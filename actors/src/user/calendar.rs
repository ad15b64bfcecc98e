//! The UTC calendar month of an instant: quotas count by it.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

const DAY_MS: i64 = 86_400_000;

/// A UTC calendar month: `year * 12 + month - 1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Month(i32);

impl Month {
    /// The month of an instant.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        // Civil date from days since 1970-01-01 (proleptic Gregorian; eras of 400 years start in March).
        let days = at.as_millis().div_euclid(DAY_MS) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 2 } else { from_march - 10 };
        let year = era * 400 + year_of_era + i64::from(month < 2);
        Self(i32::try_from(year * 12 + month).unwrap_or(i32::MAX))
    }

    /// Its first instant.
    #[must_use]
    pub fn start(self) -> Timestamp {
        let year = i64::from(self.0.div_euclid(12));
        let month = i64::from(self.0.rem_euclid(12));
        let year = if month < 2 { year - 1 } else { year };
        let from_march = if month < 2 { month + 10 } else { month - 2 };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * from_march + 2) / 5;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Timestamp::from_millis((era * 146_097 + day_of_era - 719_468) * DAY_MS)
    }

    /// The month after: its start is when quotas begin anew.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

/// Days since 1970-01-01 of an instant, UTC.
#[must_use]
pub fn day_of(at: Timestamp) -> i32 {
    i32::try_from(at.as_millis().div_euclid(DAY_MS)).unwrap_or(if at.as_millis() < 0 {
        i32::MIN
    } else {
        i32::MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_of_known_instants() {
        for (millis, month) in [
            (0, "1970-01"),
            (-1, "1969-12"),
            (1_767_225_599_999, "2025-12"),
            (1_767_225_600_000, "2026-01"),
            (1_709_164_800_000, "2024-02"),
            (1_709_251_199_999, "2024-02"),
            (1_709_251_200_000, "2024-03"),
            (951_782_400_000, "2000-02"),
        ] {
            assert_eq!(Month::of(Timestamp::from_millis(millis)).to_string(), month);
        }
    }

    #[test]
    fn a_month_starts_where_the_one_before_ends() {
        let mut month = Month::of(Timestamp::from_millis(0));
        for _ in 0..2_400 {
            let start = month.start();
            assert_eq!(Month::of(start), month);
            assert_eq!(Month::of(Timestamp::from_millis(start.as_millis() - 1)).next(), month);
            month = month.next();
        }
    }
}
