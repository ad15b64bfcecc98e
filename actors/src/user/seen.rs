//! What was seen already: fingerprints with a number each, in buckets of a day, forgotten by age.

use super::calendar::day_of;
use crate::{Timestamp, outbox::Fingerprint};
use imbl::OrdMap;
use serde::{Deserialize, Serialize};

/// Days that event keys are remembered, beside the present one (platform: at least 7; retries last 36 hours).
pub const EVENT_DAYS: i32 = 8;
/// Days that firings of automations are remembered, beside the present one.
pub const FIRING_DAYS: i32 = 31;

/// Fingerprints by day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seen {
    days: OrdMap<i32, OrdMap<Fingerprint, i64>>,
}

impl Seen {
    /// The number remembered with a fingerprint, the newest when there are several.
    #[must_use]
    pub fn get(&self, fingerprint: Fingerprint) -> Option<i64> {
        self.days.values().rev().find_map(|day| day.get(&fingerprint)).copied()
    }

    /// Remembers a number, and forgets the days beyond `days_kept` before this one.
    pub fn insert(&mut self, at: Timestamp, days_kept: i32, fingerprint: Fingerprint, number: i64) {
        let today = day_of(at);
        self.days.entry(today).or_default().insert(fingerprint, number);
        let oldest = today.saturating_sub(days_kept);
        while let Some(day) = self.days.get_min().map(|(day, _)| *day).filter(|day| *day < oldest) {
            self.days.remove(&day);
        }
    }

    /// Forgets one fingerprint.
    pub fn remove(&mut self, fingerprint: Fingerprint) {
        let days: Vec<i32> =
            self.days.iter().filter(|(_, day)| day.contains_key(&fingerprint)).map(|(day, _)| *day).collect();
        for day in days {
            if let Some(bucket) = self.days.get_mut(&day) {
                bucket.remove(&fingerprint);
            }
        }
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.days.values().map(OrdMap::len).sum()
    }

    /// Nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_key_is_remembered_for_its_days_and_no_longer() {
        let mut seen = Seen::default();
        let start = Timestamp::from_millis(1_767_225_600_000);
        let day = Duration::from_secs(86_400);
        seen.insert(start, EVENT_DAYS, Fingerprint::of("first"), 1);
        seen.insert(start + day * 8, EVENT_DAYS, Fingerprint::of("second"), 2);
        assert_eq!(seen.get(Fingerprint::of("first")), Some(1));
        seen.insert(start + day * 9, EVENT_DAYS, Fingerprint::of("third"), 3);
        assert_eq!(seen.get(Fingerprint::of("first")), None);
        assert_eq!(seen.get(Fingerprint::of("second")), Some(2));
        seen.remove(Fingerprint::of("second"));
        assert_eq!(seen.get(Fingerprint::of("second")), None);
    }
}
