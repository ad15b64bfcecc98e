//! Every key of the working set, on one page.
//!
//! ```text
//! m                                       meta: version, mark, digest of the index
//! e entity                                head: seq, seq of the snapshot, due, digest of the pages
//! s entity                                snapshot: seq, encoding, state
//! t entity/len first seq                  tail: (position, body)* of one flush
//! n name                                  directory: owner
//! h entity/len stream/len first no        history page: (no, row)* in order
//! d due entity                            timer: nothing
//! ```
//!
//! Numbers in keys are big-endian (`due` with its sign flipped), so that they sort. `/len` means with its length as
//! `u16` in front, so that no key is the beginning of another's range. A retired letter is never used again.
//!
//! Heads, names and timers are the **index**: small, and what everything else is found and checked by.

use super::bytes::{Put, Reader};
use crate::{EntityId, RowNo, Seq, TimerEntry, Timestamp};
use std::ops::Bound;

pub(super) const META: &[u8] = b"m";
pub(super) const HEADS: u8 = b'e';
const SNAPSHOT: u8 = b's';
const TAIL: u8 = b't';
pub(super) const NAMES: u8 = b'n';
const PAGE: u8 = b'h';
const TIMER: u8 = b'd';
/// Flips the sign of an instant so that its bytes sort.
const SIGN: u64 = 1 << 63;
/// The letters of the index.
const INDEX: [u8; 3] = [TIMER, HEADS, NAMES];

/// Whether an entry belongs to the index.
pub(super) fn is_index(key: &[u8]) -> bool {
    key.first().is_some_and(|letter| INDEX.contains(letter))
}

/// From one key to another.
pub(super) type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// Where the entries of the index are.
pub(super) fn index_ranges() -> [Range; 3] {
    INDEX.map(|letter| (Bound::Included(vec![letter]), Bound::Excluded(vec![letter + 1])))
}

/// Heads after one of them, or all.
pub(super) fn heads_after(after: Option<&EntityId>) -> Range {
    let from = after.map_or_else(|| Bound::Included(vec![HEADS]), |after| Bound::Excluded(head(after)));
    (from, Bound::Excluded(vec![HEADS + 1]))
}

/// Heads of a kind, after one of them or all.
pub(super) fn heads_of(kind: &str, after: Option<&EntityId>) -> Range {
    let first = || Bound::Included(plain(HEADS, &format!("{kind}/")));
    let from = after.map_or_else(first, |after| Bound::Excluded(head(after)));
    // The byte after the slash.
    (from, Bound::Excluded(plain(HEADS, &format!("{kind}0"))))
}

fn plain(letter: u8, text: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + text.len());
    key.push(letter);
    key.extend_from_slice(text.as_bytes());
    key
}

pub(super) fn head(entity: &EntityId) -> Vec<u8> {
    plain(HEADS, entity.as_str())
}

pub(super) fn snapshot(entity: &EntityId) -> Vec<u8> {
    plain(SNAPSHOT, entity.as_str())
}

pub(super) fn name(name: &str) -> Vec<u8> {
    plain(NAMES, name)
}

/// What all tail keys of an entity begin with.
pub(super) fn tails(entity: &EntityId) -> Vec<u8> {
    let mut key = vec![TAIL];
    key.put_text(entity.as_str());
    key
}

pub(super) fn tail(entity: &EntityId, first: Seq) -> Vec<u8> {
    let mut key = tails(entity);
    key.extend_from_slice(&first.0.to_be_bytes());
    key
}

/// What the pages of all streams of an entity begin with.
pub(super) fn all_pages(entity: &EntityId) -> Vec<u8> {
    let mut key = vec![PAGE];
    key.put_text(entity.as_str());
    key
}

/// The stream in a page key of an entity.
pub(super) fn stream_of<'a>(key: &'a [u8], entity: &EntityId) -> Option<&'a str> {
    Reader(key.strip_prefix(all_pages(entity).as_slice())?).text()
}

/// What all pages of a stream begin with.
pub(super) fn pages(entity: &EntityId, stream: &str) -> Vec<u8> {
    let mut key = all_pages(entity);
    key.put_text(stream);
    key
}

pub(super) fn page(entity: &EntityId, stream: &str, first: RowNo) -> Vec<u8> {
    let mut key = pages(entity, stream);
    key.extend_from_slice(&first.to_be_bytes());
    key
}

/// The number at the end of a tail or page key.
pub(super) fn number_of(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The first key of timers that are due at an instant.
pub(super) fn timers_from(due: Timestamp) -> Vec<u8> {
    let mut key = vec![TIMER];
    key.extend_from_slice(&(due.as_millis().cast_unsigned() ^ SIGN).to_be_bytes());
    key
}

pub(super) fn timer(entry: &TimerEntry) -> Vec<u8> {
    let mut key = timers_from(entry.due);
    key.extend_from_slice(entry.entity.as_str().as_bytes());
    key
}

/// The end of all timer keys.
pub(super) fn timers_end() -> Vec<u8> {
    vec![TIMER + 1]
}

pub(super) fn parse_timer(key: &[u8]) -> Option<TimerEntry> {
    let (due, entity) = key.strip_prefix(&[TIMER])?.split_first_chunk()?;
    let due = Timestamp::from_millis((u64::from_be_bytes(*due) ^ SIGN).cast_signed());
    Some(TimerEntry { due, entity: parse_entity(entity)? })
}

/// An entity's name as stored.
pub(super) fn parse_entity(bytes: &[u8]) -> Option<EntityId> {
    EntityId::parse(std::str::from_utf8(bytes).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn timer_keys_sort_as_their_entries(a: (i64, u8), b: (i64, u8)) {
            let entry = |(due, key): (i64, u8)| TimerEntry {
                due: Timestamp::from_millis(due),
                entity: EntityId::new("user", &format!("{key:03}")).unwrap(),
            };
            let (a, b) = (entry(a), entry(b));
            prop_assert_eq!(timer(&a).cmp(&timer(&b)), a.cmp(&b));
            prop_assert_eq!(parse_timer(&timer(&a)), Some(a));
        }

        #[test]
        fn page_keys_stay_within_their_stream(key in "[a-z]{1,4}", stream in ".{0,4}", other in ".{0,4}", no: u64) {
            let entity = EntityId::new("user", &key).unwrap();
            let made = page(&entity, &stream, no);
            prop_assert_eq!(made.starts_with(&pages(&entity, &other)), stream == other);
            prop_assert_eq!(number_of(&made), Some(no));
            prop_assert_eq!(stream_of(&made, &entity), Some(stream.as_str()));
        }
    }
}
