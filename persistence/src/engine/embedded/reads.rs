//! Reading: the layers of recent records over the working set, and the segments for the global order.

use super::{
    audit,
    body::Body,
    flush,
    group::{self, Group, Salt},
    keys,
    shared::Shared,
    values::{self, Rows, TailRecord},
    working_set::{SetError, WorkingSet},
};
use crate::{
    Direction, EntityId, Page, Position, ReadError, RowNo, Seq, SnapshotBlob, StoredRecord, TimerEntry,
    Timestamp,
};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    ops::Bound,
    os::unix::fs::FileExt,
    path::PathBuf,
};

pub(super) fn head(shared: &Shared, entity: &EntityId) -> Result<Seq, ReadError> {
    if let Some(head) = shared.layers.read().head(entity) {
        return Ok(head);
    }
    let set = shared.set()?;
    let head = shared.with_set(&set, |set| flush::head(set, entity))?;
    Ok(head.map_or(Seq::ZERO, |head| head.seq))
}

/// Those with recent records first: what is flushed meanwhile is found in the set.
pub(super) fn entities(
    shared: &Shared,
    kind: &str,
    after: Option<&EntityId>,
    limit: usize,
) -> Result<Vec<EntityId>, ReadError> {
    let mut found = shared.layers.read().entities(kind, after);
    let set = shared.set()?;
    shared.with_set(&set, |set| {
        let mut count = 0;
        set.scan(keys::heads_of(kind, after), false, |key, _| {
            found.insert(key.get(1..).and_then(keys::parse_entity).ok_or(SetError::Form)?);
            count += 1;
            Ok(count < limit)
        })
    })?;
    Ok(found.into_iter().take(limit).collect())
}

pub(super) fn owner(shared: &Shared, name: &str) -> Result<Option<EntityId>, ReadError> {
    let read_at = match shared.cached_owner(name) {
        Ok(owner) => return Ok(owner),
        Err(read_at) => read_at,
    };
    let recent = shared.layers.read().owner(name);
    let owner = match recent {
        Some(owner) => owner,
        None => {
            let set = shared.set()?;
            shared.with_set(&set, |set| flush::owner(set, name))?
        }
    };
    shared.remember_owner(name, owner.as_ref(), read_at);
    Ok(owner)
}

pub(super) fn snapshot(shared: &Shared, entity: &EntityId) -> Result<Option<SnapshotBlob>, ReadError> {
    let _gate = shared.gate.read();
    let set = shared.set()?;
    let kept = shared.with_set(&set, |set| flush::head(set, entity))?.unwrap_or_default().snapshot;
    let layers = shared.layers.read();
    let recent =
        layers.entries(entity).filter_map(|entry| entry.snapshot.clone()).max_by_key(|(seq, _)| *seq);
    drop(layers);
    if let Some((seq, state)) = recent.filter(|(seq, _)| *seq >= kept) {
        return Ok(Some(SnapshotBlob { seq, bytes: state.to_vec() }));
    }
    if kept == Seq::ZERO {
        return Ok(None);
    }
    shared.with_set(&set, |set| {
        let value = set.get(&keys::snapshot(entity))?;
        let value = value.ok_or_else(|| SetError::Snapshot(entity.clone()))?;
        let (seq, bytes) = values::decode_snapshot(&value).ok_or(SetError::Form)?;
        // An older one would be read as the state of an earlier time.
        if seq == kept {
            Ok(Some(SnapshotBlob { seq, bytes }))
        } else {
            Err(SetError::Snapshot(entity.clone()))
        }
    })
}

/// Seq of the entity's last record and of its newest snapshot.
pub(super) fn head_and_snapshot(shared: &Shared, entity: &EntityId) -> Result<(Seq, Seq), ReadError> {
    let _gate = shared.gate.read();
    let set = shared.set()?;
    let kept = shared.with_set(&set, |set| flush::head(set, entity))?.unwrap_or_default();
    let layers = shared.layers.read();
    let recent =
        layers.entries(entity).filter_map(|entry| entry.snapshot.as_ref()).map(|(seq, _)| *seq).max();
    Ok((layers.head(entity).unwrap_or(kept.seq), kept.snapshot.max(recent.unwrap_or_default())))
}

/// The records after a seq. When the set does not have them all, the journal is searched.
pub(super) fn tail(shared: &Shared, entity: &EntityId, after: Seq) -> Result<Vec<StoredRecord>, ReadError> {
    let gate = shared.gate.read();
    let set = shared.set()?;
    let mut found = shared.with_set(&set, |set| kept_tail(set, entity, after))?;
    let kept_head = shared.with_set(&set, |set| flush::head(set, entity))?.unwrap_or_default();
    let layers = shared.layers.read();
    let head = layers.head(entity).unwrap_or(kept_head.seq);
    for entry in layers.entries(entity).rev() {
        extend_tail(&mut found, entry.tail.iter().cloned(), after);
    }
    drop(layers);
    drop(gate);
    if !is_gapless(&found, after, head) {
        // The journal may be read a moment before the newest records here are published in it, or after newer ones are.
        let searched = search_journal(shared, entity, after).map(|mut searched| {
            extend_tail(&mut searched, found.into_iter(), after);
            searched.retain(|record| record.seq <= head);
            searched
        });
        let is_whole = searched.as_ref().is_ok_and(|searched| is_gapless(searched, after, head));
        // The checkpoint may have what the segments have no more, so a rebuild is worth it in any case; but when it did
        // not help, another one would not either.
        if after >= kept_head.snapshot && (is_whole || shared.is_first_gap(entity)) {
            shared.set_is_damaged(&SetError::Gap(after));
        }
        found = searched?;
        if !is_whole {
            return Err(ReadError::Damaged(format!("records of {entity} after seq {after} are missing")));
        }
    }
    found.into_iter().map(|record| stored(&record)).collect()
}

/// Adds records that come after those already there. Flushes that were applied twice may overlap.
fn extend_tail(found: &mut Vec<TailRecord>, records: impl Iterator<Item = TailRecord>, after: Seq) {
    for record in records {
        if record.seq > found.last().map_or(after, |last| last.seq) {
            found.push(record);
        }
    }
}

pub(super) fn kept_tail(
    set: &WorkingSet,
    entity: &EntityId,
    after: Seq,
) -> Result<Vec<TailRecord>, SetError> {
    let mut found = Vec::new();
    set.scan_prefix(&keys::tails(entity), |_, value| {
        let records = values::decode_tail(&value).ok_or(SetError::Form)?;
        extend_tail(&mut found, records.into_iter(), after);
        Ok(true)
    })?;
    Ok(found)
}

pub(super) fn is_gapless(records: &[TailRecord], after: Seq, head: Seq) -> bool {
    let expected = (after.0.saturating_add(1)..=head.0).map(Seq);
    records.iter().map(|record| record.seq).eq(expected)
}

pub(super) fn stored(record: &TailRecord) -> Result<StoredRecord, ReadError> {
    Body::parse(&record.body).and_then(|body| body.to_stored(record.position)).ok_or_else(|| {
        ReadError::Damaged(format!("the record at position {} has no valid form", record.position))
    })
}

/// Every record of an entity after a seq that the segments still have. Slow: reads all of them.
fn search_journal(shared: &Shared, entity: &EntityId, after: Seq) -> Result<Vec<TailRecord>, ReadError> {
    let mut found = Vec::new();
    let published = shared.position();
    let mut from = Position(1);
    loop {
        let mut last = None;
        walk(shared, from, &mut |position, body| {
            last = Some(position);
            if let Some(parsed) = Body::parse(body)
                && parsed.entity == entity.as_str()
            {
                let record = TailRecord { position, seq: parsed.seq, body: body.clone() };
                extend_tail(&mut found, std::iter::once(record), after);
            }
            true
        })?;
        match last {
            Some(last) if last < published => from = last.next(),
            _ => return Ok(found),
        }
    }
}

pub(super) fn read(shared: &Shared, from: Position, limit: usize) -> Result<Vec<StoredRecord>, ReadError> {
    let mut found = Vec::new();
    let mut next = from;
    while found.len() < limit && next <= shared.position() {
        let before = found.len();
        walk(shared, next, &mut |position, body| {
            if position >= from && found.len() < limit {
                found.push(TailRecord { position, seq: Seq::ZERO, body: body.clone() });
            }
            found.len() < limit
        })?;
        match found.last() {
            Some(last) if found.len() > before => next = last.position.next(),
            _ => break,
        }
    }
    found.iter().map(stored).collect()
}

/// Where a walk begins, and how its segment ends.
struct Place {
    path: PathBuf,
    salt: Salt,
    at: u64,
    end: u64,
    /// Of a segment that was not read yet: its first position, and that of the segment after it.
    unread: Option<(Position, Option<Position>)>,
}

/// The segment that holds `from`, or the first one after it.
fn place_of(shared: &Shared, from: Position) -> Option<Place> {
    let index = shared.index.read();
    let after = index.segments.partition_point(|segment| segment.first <= from);
    let segment = index.segments.get(after.saturating_sub(1))?;
    let next = index.segments.get(after.max(1)).map(|next| next.first);
    Some(Place {
        path: segment.path.clone(),
        salt: segment.salt,
        at: segment.offset_before(from),
        end: segment.end,
        unread: segment.is_unread.then_some((segment.first, next)),
    })
}

/// Walks the records of the segment that holds `from`, or of the first one after it, until `each` returns false.
fn walk(
    shared: &Shared,
    from: Position,
    each: &mut dyn FnMut(Position, &Bytes) -> bool,
) -> Result<(), ReadError> {
    let Some(place) = place_of(shared, from) else { return Ok(()) };
    let mut seen = Vec::new();
    let walked = walk_place(shared, &place, from, &mut seen, each);
    if let Some((first, _)) = place.unread {
        let mut index = shared.index.write();
        if let Some(segment) = index.segments.iter_mut().find(|segment| segment.first == first) {
            segment.learn(&seen);
        }
    }
    walked
}

fn walk_place(
    shared: &Shared,
    place: &Place,
    from: Position,
    seen: &mut Vec<(Position, u64)>,
    each: &mut dyn FnMut(Position, &Bytes) -> bool,
) -> Result<(), ReadError> {
    let published = shared.position();
    let path = &place.path;
    let failed =
        |error: io::Error| ReadError::Unavailable(format!("cannot read {}: {error}", path.display()));
    let file = File::open(path).map_err(failed)?;
    let (mut at, mut next) = (place.at, None);
    // The end of a segment that was not read may be nearer than a header's length.
    while at + group::HEADER_BYTES as u64 <= place.end {
        let damaged = || ReadError::Damaged(format!("{} at offset {at}", path.display()));
        let mut header = [0; group::HEADER_BYTES];
        file.read_exact_at(&mut header, at).map_err(failed)?;
        let length = match group::promised_len(&header, &place.salt) {
            Some(length) if at + length as u64 <= place.end => length,
            _ if next.is_some() && place.unread.is_some_and(|(_, after)| after == next) => return Ok(()),
            _ => return Err(damaged()),
        };
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, at).map_err(failed)?;
        let (group, _) = Group::parse(&Bytes::from(bytes), &place.salt).ok_or_else(damaged)?;
        if place.unread.is_some() {
            seen.push((group.first, at));
        }
        for (position, body) in group.bodies() {
            if position > published || (position >= from && !each(position, &body)) {
                return Ok(());
            }
        }
        next = Some(group.last().next());
        at += length as u64;
    }
    Ok(())
}

/// Where a page of history begins and how it goes on.
pub(super) struct PageQuery<'a> {
    pub(super) entity: &'a EntityId,
    pub(super) stream: &'a str,
    pub(super) cursor: Option<RowNo>,
    pub(super) limit: usize,
    pub(super) direction: Direction,
}

impl PageQuery<'_> {
    fn wants(&self, no: RowNo) -> bool {
        match (self.direction, self.cursor) {
            (_, None) => true,
            (Direction::Forward, Some(cursor)) => no > cursor,
            (Direction::Backward, Some(cursor)) => no < cursor,
        }
    }

    /// One more row than asked for tells whether there is a next page.
    fn enough(&self) -> usize {
        self.limit.saturating_add(1)
    }
}

pub(super) fn page(shared: &Shared, query: &PageQuery<'_>) -> Result<Page, ReadError> {
    let gate = shared.gate.read();
    let set = shared.set()?;
    let kept = shared.with_set(&set, |set| {
        // A page that is missing cannot be told from rows that never were.
        audit::vouch_for_history(set, query.entity)?;
        kept_rows(set, query)
    })?;
    let mut rows: BTreeMap<RowNo, Bytes> = kept.into_iter().collect();
    let layers = shared.layers.read();
    for entry in layers.entries(query.entity).rev() {
        if entry.is_erased {
            rows.clear();
        }
        let recent = entry.streams.get(query.stream);
        let wanted = recent.into_iter().flatten().filter(|(no, _)| query.wants(**no));
        rows.extend(wanted.map(|(no, row)| (*no, row.clone())));
    }
    drop(layers);
    drop(gate);
    let take = |(no, row): (RowNo, Bytes)| (no, row.to_vec());
    let mut rows: Vec<_> = match query.direction {
        Direction::Forward => rows.into_iter().take(query.enough()).map(take).collect(),
        Direction::Backward => rows.into_iter().rev().take(query.enough()).map(take).collect(),
    };
    let more = rows.len() > query.limit;
    rows.truncate(query.limit);
    let next = if more { rows.last().map(|(no, _)| *no) } else { None };
    Ok(Page { rows, next })
}

fn kept_rows(set: &WorkingSet, query: &PageQuery<'_>) -> Result<Rows, SetError> {
    let (entity, stream) = (query.entity, query.stream);
    let mut rows = Rows::new();
    let mut each = |key: &[u8], value: Bytes| {
        let (_, page) = flush::parse_page(key, &value)?;
        rows.extend(page.into_iter().filter(|(no, _)| query.wants(*no)));
        Ok(rows.len() < query.enough())
    };
    let begin = keys::pages(entity, stream);
    let end = keys::page(entity, stream, RowNo::MAX);
    match (query.direction, query.cursor) {
        (Direction::Forward, cursor) => {
            let first = match cursor {
                Some(cursor) => {
                    flush::page_value_before(set, entity, stream, cursor)?.map(|(first, _)| first)
                }
                None => None,
            };
            let begin = first.map_or(begin, |first| keys::page(entity, stream, first));
            set.scan((Bound::Included(begin), Bound::Included(end)), false, &mut each)?;
        }
        (Direction::Backward, cursor) => {
            let end = cursor.map_or(end, |cursor| keys::page(entity, stream, cursor));
            set.scan((Bound::Included(begin), Bound::Included(end)), true, &mut each)?;
        }
    }
    Ok(rows)
}

pub(super) fn due(
    shared: &Shared,
    until: Timestamp,
    after: Option<&TimerEntry>,
    limit: usize,
) -> Result<Vec<TimerEntry>, ReadError> {
    let _gate = shared.gate.read();
    let set = shared.set()?;
    let mut kept: Vec<TimerEntry> = Vec::new();
    loop {
        let known = kept.len();
        let from = kept.last().or(after).cloned();
        let more = shared.with_set(&set, |set| kept_timers(set, until, from.as_ref(), limit, &mut kept))?;
        let layers = shared.layers.read();
        let current = kept.iter().filter(|entry| !layers.changes_due(&entry.entity));
        let mut found: BTreeSet<TimerEntry> = current.cloned().collect();
        if found.len() >= limit || !more || kept.len() == known {
            found.extend(layers.due(until, after, limit));
            return Ok(found.into_iter().take(limit).collect());
        }
    }
}

/// Adds at most `limit` timers of the set; true when there may be more.
fn kept_timers(
    set: &WorkingSet,
    until: Timestamp,
    after: Option<&TimerEntry>,
    limit: usize,
    kept: &mut Vec<TimerEntry>,
) -> Result<bool, SetError> {
    let from = after.map_or_else(
        || Bound::Included(keys::timers_from(Timestamp::MIN)),
        |after| Bound::Excluded(keys::timer(after)),
    );
    let (mut count, mut more) = (0, false);
    set.scan((from, Bound::Excluded(keys::timers_end())), false, |key, _| {
        let entry = keys::parse_timer(key).ok_or(SetError::Form)?;
        if entry.due > until {
            return Ok(false);
        }
        kept.push(entry);
        count += 1;
        more = count >= limit;
        Ok(!more)
    })?;
    Ok(more)
}
