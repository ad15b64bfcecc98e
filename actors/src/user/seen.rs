//! What was seen already: fingerprints with a number each, in buckets of a day or less, forgotten by age,
//! and beyond a number.

use super::calendar::day_of;
use crate::{Timestamp, outbox::Fingerprint};
use imbl::OrdMap;
use serde::{Deserialize, Deserializer, Serialize};

/// Days that event keys are remembered, beside the present one (platform: at least 7; retries last 36 hours).
pub const EVENT_DAYS: i32 = 8;
/// Days that firings of automations are remembered, beside the present one.
pub const FIRING_DAYS: i32 = 31;

/// Most fingerprints remembered of one kind in a workspace: 64 bytes each in memory, some 30 in a snapshot. Nine days of
/// 55,000 events; beyond it the oldest are forgotten early, and a repetition of those is taken for new.
pub const SEEN_MAX: usize = 500_000;
/// Most fingerprints of one bucket: what is forgotten early goes by whole buckets.
const BUCKET_MAX: usize = SEEN_MAX / 8;
/// Buckets that a day can have.
const PARTS: i32 = 1_000;
/// Smaller keys of buckets are those of an earlier encoding, which had one bucket for each day.
const FIRST_KEY: i32 = 1_000_000;

/// Fingerprints by day and part of the day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Seen {
    buckets: OrdMap<i32, OrdMap<Fingerprint, i64>>,
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = OrdMap::<i32, OrdMap<Fingerprint, i64>>::deserialize(deserializer)?;
        let key = |key: i32| if key < FIRST_KEY { key.saturating_mul(PARTS) } else { key };
        Ok(Self { buckets: read.into_iter().map(|(old, bucket)| (key(old), bucket)).collect() })
    }
}

impl Seen {
    /// The number remembered with a fingerprint, the newest when there are several.
    #[must_use]
    pub fn get(&self, fingerprint: Fingerprint) -> Option<i64> {
        self.buckets.values().rev().find_map(|day| day.get(&fingerprint)).copied()
    }

    /// Remembers a number, and forgets the days beyond `days_kept` before this one. How many were forgotten early, because
    /// there are more than [`SEEN_MAX`].
    pub fn insert(&mut self, at: Timestamp, days_kept: i32, fingerprint: Fingerprint, number: i64) -> usize {
        let first = day_of(at).saturating_mul(PARTS);
        let last = first.saturating_add(PARTS - 1);
        let newest = self.buckets.range(first..=last).next_back().map_or(first, |(key, _)| *key);
        let full = newest < last && self.buckets.get(&newest).is_some_and(|it| it.len() >= BUCKET_MAX);
        let key = if full { newest.saturating_add(1) } else { newest };
        self.buckets.entry(key).or_default().insert(fingerprint, number);
        let oldest = first.saturating_sub(days_kept.saturating_mul(PARTS));
        while let Some(key) = self.buckets.get_min().map(|(key, _)| *key).filter(|key| *key < oldest) {
            self.buckets.remove(&key);
        }
        let mut early = 0;
        while self.len() > SEEN_MAX && self.buckets.len() > 1 {
            let (bucket, rest) = self.buckets.without_min();
            early += bucket.map_or(0, |bucket| bucket.len());
            self.buckets = rest;
        }
        early
    }

    /// Forgets one fingerprint.
    pub fn remove(&mut self, fingerprint: Fingerprint) {
        let days: Vec<i32> = self
            .buckets
            .iter()
            .filter(|(_, day)| day.contains_key(&fingerprint))
            .map(|(day, _)| *day)
            .collect();
        for day in days {
            if let Some(bucket) = self.buckets.get_mut(&day) {
                bucket.remove(&fingerprint);
            }
        }
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buckets.values().map(OrdMap::len).sum()
    }

    /// Nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
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

    #[test]
    fn a_million_keys_of_one_day_never_take_more_than_the_limit_and_the_newest_stay() {
        let mut seen = Seen::default();
        let at = Timestamp::from_millis(1_767_225_600_000);
        let key = |no: i64| Fingerprint::of(&no.to_string());
        let mut early = 0;
        for no in 0..1_000_000 {
            early += seen.insert(at, EVENT_DAYS, key(no), no);
            if no % 10_000 == 0 {
                assert!(seen.len() <= SEEN_MAX);
            }
        }
        assert_eq!(seen.len() + early, 1_000_000);
        assert!(seen.len() >= SEEN_MAX - BUCKET_MAX);
        assert_eq!((seen.get(key(0)), seen.get(key(999_999))), (None, Some(999_999)));
    }

    #[test]
    fn buckets_of_an_earlier_encoding_are_read_as_whole_days() {
        let at = Timestamp::from_millis(1_767_225_600_000);
        let old: OrdMap<i32, OrdMap<Fingerprint, i64>> =
            OrdMap::unit(day_of(at), OrdMap::unit(Fingerprint::of("old"), 7));
        let mut seen: Seen = rmp_serde::from_slice(&rmp_serde::to_vec_named(&old).unwrap()).unwrap();
        seen.insert(at, EVENT_DAYS, Fingerprint::of("new"), 8);
        let seen: Seen = rmp_serde::from_slice(&rmp_serde::to_vec_named(&seen).unwrap()).unwrap();
        assert_eq!((seen.get(Fingerprint::of("old")), seen.get(Fingerprint::of("new"))), (Some(7), Some(8)));
    }
}
