//! The indexes that records make, kept in ordinary maps. Also the model that other engines are compared with.

use crate::{
    AppendError, Committed, Direction, DirectoryChange, DueChange, EntityId, Erase, NewRecord, Page,
    Position, ReadError, RowNo, Seq, SnapshotBlob, StoredRecord, TimerEntry, Timestamp,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

#[derive(Default)]
pub(super) struct Table {
    /// Every record; the record at position `p` is at index `p - 1`.
    log: Vec<StoredRecord>,
    entities: HashMap<EntityId, Entry>,
    directory: HashMap<String, EntityId>,
    timers: BTreeSet<TimerEntry>,
}

#[derive(Default)]
struct Entry {
    /// Log index of each of the entity's records; seq `s` is at `s - 1`.
    records: Vec<usize>,
    snapshot: Option<SnapshotBlob>,
    due: Option<Timestamp>,
    streams: BTreeMap<String, BTreeMap<RowNo, Vec<u8>>>,
}

/// Seqs and positions count records in memory, so they fit.
fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Table {
    pub(super) fn append(&mut self, record: NewRecord) -> Result<Committed, AppendError> {
        let actual = self.head(&record.entity);
        if actual != record.expected_seq {
            let NewRecord { entity, expected_seq: expected, .. } = record;
            return Err(AppendError::Fenced { entity, expected, actual });
        }
        self.check_claims(&record)?;
        let position = self.position().next();
        let seq = actual.next();
        self.apply(&record);
        self.entities.entry(record.entity.clone()).or_default().records.push(self.log.len());
        self.log.push(StoredRecord { position, seq, record });
        Ok(Committed { position, seq })
    }

    /// Walks the changes in order, with what earlier ones of the same record already did.
    fn check_claims(&self, record: &NewRecord) -> Result<(), AppendError> {
        let mut changed: HashMap<&str, Option<&EntityId>> = HashMap::new();
        for change in &record.directory {
            let name = change.name();
            let owner = changed.get(name).copied().unwrap_or_else(|| self.directory.get(name));
            match (change, owner) {
                (DirectoryChange::Claim(_), Some(owner)) if *owner != record.entity => {
                    return Err(AppendError::Taken { name: name.to_owned(), owner: owner.clone() });
                }
                (DirectoryChange::Claim(_), _) => {
                    changed.insert(name, Some(&record.entity));
                }
                (DirectoryChange::Release(_), Some(owner)) if *owner == record.entity => {
                    changed.insert(name, None);
                }
                (DirectoryChange::Release(_), _) => {}
            }
        }
        Ok(())
    }

    fn apply(&mut self, record: &NewRecord) {
        for change in &record.directory {
            match change {
                DirectoryChange::Claim(name) => {
                    self.directory.insert(name.clone(), record.entity.clone());
                }
                DirectoryChange::Release(name) => {
                    if self.directory.get(name) == Some(&record.entity) {
                        self.directory.remove(name);
                    }
                }
            }
        }
        let entry = self.entities.entry(record.entity.clone()).or_default();
        if record.erase == Erase::History {
            entry.streams.clear();
        }
        for row in &record.rows {
            entry.streams.entry(row.stream.clone()).or_default().insert(row.no, row.bytes.clone());
        }
        let due = match record.due {
            DueChange::Unchanged => return,
            DueChange::Set(due) => Some(due),
            DueChange::Clear => None,
        };
        if let Some(due) = entry.due {
            self.timers.remove(&TimerEntry { due, entity: record.entity.clone() });
        }
        entry.due = due;
        if let Some(due) = due {
            self.timers.insert(TimerEntry { due, entity: record.entity.clone() });
        }
    }

    pub(super) fn head(&self, entity: &EntityId) -> Seq {
        self.entities.get(entity).map_or(Seq::ZERO, |entry| Seq(count(entry.records.len())))
    }

    pub(super) fn position(&self) -> Position {
        Position(count(self.log.len()))
    }

    pub(super) fn tail(&self, entity: &EntityId, after: Seq) -> Vec<StoredRecord> {
        let Some(entry) = self.entities.get(entity) else { return Vec::new() };
        let from = index(after.0).min(entry.records.len());
        entry.records.iter().skip(from).filter_map(|at| self.log.get(*at)).cloned().collect()
    }

    pub(super) fn read(&self, from: Position, limit: usize) -> Vec<StoredRecord> {
        self.log.iter().skip(index(from.0.saturating_sub(1))).take(limit).cloned().collect()
    }

    pub(super) fn snapshot(&self, entity: &EntityId) -> Option<SnapshotBlob> {
        self.entities.get(entity)?.snapshot.clone()
    }

    pub(super) fn save_snapshot(
        &mut self,
        entity: &EntityId,
        snapshot: SnapshotBlob,
    ) -> Result<(), ReadError> {
        let head = self.head(entity);
        if snapshot.seq > head {
            return Err(ReadError::Unavailable(format!(
                "the snapshot of {entity} at seq {} is ahead of its journal at {head}",
                snapshot.seq
            )));
        }
        let Some(entry) = self.entities.get_mut(entity) else { return Ok(()) };
        if entry.snapshot.as_ref().is_none_or(|kept| kept.seq <= snapshot.seq) {
            entry.snapshot = Some(snapshot);
        }
        Ok(())
    }

    pub(super) fn owner(&self, name: &str) -> Option<EntityId> {
        self.directory.get(name).cloned()
    }

    pub(super) fn page(
        &self,
        entity: &EntityId,
        stream: &str,
        cursor: Option<RowNo>,
        limit: usize,
        direction: Direction,
    ) -> Page {
        let Some(rows) = self.entities.get(entity).and_then(|entry| entry.streams.get(stream)) else {
            return Page::default();
        };
        let edge = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let one = |(no, bytes): (&RowNo, &Vec<u8>)| (*no, bytes.clone());
        let take = limit.saturating_add(1);
        let mut found: Vec<_> = match direction {
            Direction::Forward => rows.range((edge, Bound::Unbounded)).take(take).map(one).collect(),
            Direction::Backward => rows.range((Bound::Unbounded, edge)).rev().take(take).map(one).collect(),
        };
        let more = found.len() > limit;
        found.truncate(limit);
        let next = if more { found.last().map(|(no, _)| *no) } else { None };
        Page { rows: found, next }
    }

    pub(super) fn entities(&self, kind: &str, after: Option<&EntityId>, limit: usize) -> Vec<EntityId> {
        let with_records = self.entities.iter().filter(|(_, entry)| !entry.records.is_empty());
        let meant = with_records
            .map(|(entity, _)| entity)
            .filter(|entity| entity.kind() == kind && after.is_none_or(|after| *entity > after));
        let sorted: BTreeSet<&EntityId> = meant.collect();
        sorted.into_iter().take(limit).cloned().collect()
    }

    pub(super) fn due(&self, until: Timestamp, after: Option<&TimerEntry>, limit: usize) -> Vec<TimerEntry> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.timers
            .range::<TimerEntry, _>((from, Bound::Unbounded))
            .take_while(|entry| entry.due <= until)
            .take(limit)
            .cloned()
            .collect()
    }
}
