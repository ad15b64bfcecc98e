//! From the checkpoint before and the records after it to the next checkpoint, in bounded memory: records are collected
//! into sorted runs, and the runs are merged over the old checkpoint.

use super::{
    super::body::Body, CheckpointError, CheckpointReader, CheckpointWriter, Entry, GoOn, NameState, Record,
};
use crate::{DirectoryChange, DueChange, EntityId, Erase, Position, RowNo, Seq};
use bytes::Bytes;
use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

/// What records did, sorted, collected in memory.
#[derive(Default)]
pub(crate) struct Run {
    entities: BTreeMap<EntityId, EntityRun>,
    rows: BTreeMap<(EntityId, String, RowNo), Bytes>,
    names: BTreeMap<String, NameState>,
    /// Rough size, in bytes.
    pub(crate) bytes: usize,
}

#[derive(Default)]
struct EntityRun {
    head: Seq,
    due: DueChange,
    /// One of the records erased the history before it.
    is_erased: bool,
    tail: Vec<Record>,
}

impl Run {
    pub(crate) fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// Adds a record; `None` when it has no valid form.
    pub(crate) fn add(&mut self, position: Position, bytes: &Bytes) -> Option<()> {
        let body = Body::parse(bytes)?;
        let id = EntityId::parse(body.entity).ok()?;
        self.bytes += 128 + bytes.len();
        if body.erase == Erase::History {
            self.forget_rows(&id);
        }
        for (stream, no, row) in body.rows() {
            self.bytes += 96 + stream.len();
            self.rows.insert((id.clone(), stream.to_owned(), no), bytes.slice_ref(row));
        }
        for change in body.changes() {
            self.bytes += 96 + change.name().len();
            let state = self.names.remove(change.name()).unwrap_or(NameState::ReleasedBy(Vec::new()));
            let state = match &change {
                DirectoryChange::Claim(_) => NameState::claimed(&id),
                DirectoryChange::Release(_) => state.released(&id),
            };
            self.names.insert(change.name().to_owned(), state);
        }
        let run = self.entities.entry(id).or_default();
        run.head = body.seq;
        run.is_erased |= body.erase == Erase::History;
        if body.due != DueChange::Unchanged {
            run.due = body.due;
        }
        run.tail.push(Record { position, seq: body.seq, body: bytes.clone() });
        Some(())
    }

    fn forget_rows(&mut self, id: &EntityId) {
        let first = (id.clone(), String::new(), RowNo::MIN);
        let rows = self.rows.range(first..).take_while(|((owner, ..), _)| owner == id);
        let keys: Vec<_> = rows.map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.rows.remove(&key);
        }
    }

    fn into_entries(self) -> impl Iterator<Item = Entry> {
        let erased: Vec<_> =
            self.entities.iter().filter(|(_, run)| run.is_erased).map(|(id, _)| id.clone()).collect();
        let erased = erased.into_iter().map(|id| Entry::Erased { id });
        let entities = self.entities.into_iter().map(|(id, run)| Entry::Entity {
            id,
            head: run.head,
            due: run.due,
            snapshot: None,
            tail: run.tail,
        });
        let rows = self.rows.into_iter().map(|((id, stream, no), row)| Entry::Row { id, stream, no, row });
        let names = self.names.into_iter().map(|(name, state)| Entry::Name { name, state });
        erased.chain(entities).chain(rows).chain(names)
    }

    /// Writes the run and forgets it.
    pub(crate) fn spill(&mut self, path: &Path, position: Position) -> Result<(), CheckpointError> {
        let mut writer = CheckpointWriter::create(path, position)?;
        for entry in std::mem::take(self).into_entries() {
            writer.push(&entry)?;
        }
        writer.finish().map(drop)
    }
}

/// A source of sorted entries, older sources first.
struct Source {
    reader: CheckpointReader,
    next: Option<Entry>,
}

/// Finds a newer snapshot of an entity: given its id and the seq of the snapshot so far.
pub(crate) type NewerSnapshot<'a> = dyn FnMut(&EntityId, Seq) -> Option<(Seq, Bytes)> + 'a;

/// Merges sources, oldest first, into a checkpoint at `position`. Size of the file in bytes.
///
/// Fails when the heads do not account for every record up to the position.
pub(crate) fn merge(
    sources: &[PathBuf],
    target: &Path,
    position: Position,
    newer_snapshot: &mut NewerSnapshot<'_>,
    go_on: GoOn<'_>,
) -> Result<u64, CheckpointError> {
    let mut open = Vec::with_capacity(sources.len());
    for path in sources {
        let mut reader = CheckpointReader::open(path)?;
        let next = reader.next_entry()?;
        open.push(Source { reader, next });
    }
    let erased = take_erased(&mut open)?;
    let mut writer = CheckpointWriter::create(target, position)?;
    let mut records = 0_u64;
    while let Some(smallest) = smallest(&open) {
        if !go_on() {
            return Err(CheckpointError::Stopped);
        }
        let entry = take(&mut open, &smallest, &erased)?;
        if let Some(entry) = entry.and_then(|entry| complete(entry, newer_snapshot)) {
            if let Entry::Entity { head, .. } = &entry {
                records = records.saturating_add(head.0);
            }
            writer.push(&entry)?;
        }
    }
    // Every record has one position and raises one head by one, so nothing is missing when the sums agree.
    if records != position.0 {
        let what = format!("the heads add up to {records} records, not to {position}");
        return Err(CheckpointError::Journal(what));
    }
    writer.finish()
}

/// Whose rows are erased, and by which source: those of the sources before it are gone.
type Erased = HashMap<EntityId, usize>;

/// Takes what sources begin with. Bounded by the erasures since the checkpoint before.
fn take_erased(sources: &mut [Source]) -> Result<Erased, CheckpointError> {
    let mut erased = Erased::new();
    for (number, source) in sources.iter_mut().enumerate() {
        while let Some(Entry::Erased { id }) =
            source.next.take_if(|next| matches!(next, Entry::Erased { .. }))
        {
            erased.insert(id, number);
            source.next = source.reader.next_entry()?;
        }
    }
    Ok(erased)
}

fn smallest(sources: &[Source]) -> Option<Entry> {
    let nexts = sources.iter().filter_map(|source| source.next.as_ref());
    nexts.min_by(|a, b| a.compare(b)).cloned()
}

/// Takes an entry, with what later sources say about the same key over it; nothing is left of a row that was erased.
fn take(sources: &mut [Source], smallest: &Entry, erased: &Erased) -> Result<Option<Entry>, CheckpointError> {
    let gone = |entry: &Entry, number: usize| matches!(entry, Entry::Row { id, .. } if erased.get(id).is_some_and(|by| number < *by));
    let mut merged: Option<Entry> = None;
    for (number, source) in sources.iter_mut().enumerate() {
        if source.next.as_ref().is_some_and(|next| next.compare(smallest) == Ordering::Equal)
            && let Some(entry) = source.next.take()
        {
            source.next = source.reader.next_entry()?;
            if gone(&entry, number) {
                continue;
            }
            merged = Some(match merged {
                Some(earlier) => earlier.then(entry),
                None => entry,
            });
        }
    }
    Ok(merged)
}

/// An entry as a checkpoint has it: nothing partial, no names without owner, no records that the snapshot covers.
fn complete(entry: Entry, newer_snapshot: &mut NewerSnapshot<'_>) -> Option<Entry> {
    match entry {
        Entry::Entity { id, head, due, mut snapshot, mut tail } => {
            let kept = snapshot.as_ref().map_or(Seq::ZERO, |(seq, _)| *seq);
            if !tail.is_empty()
                && let Some(newer) = newer_snapshot(&id, kept).filter(|(seq, _)| *seq > kept)
            {
                snapshot = Some(newer);
            }
            let covered = snapshot.as_ref().map_or(Seq::ZERO, |(seq, _)| *seq);
            tail.retain(|record| record.seq > covered);
            let due = if due == DueChange::Unchanged { DueChange::Clear } else { due };
            Some(Entry::Entity { id, head, due, snapshot, tail })
        }
        row @ Entry::Row { .. } => Some(row),
        Entry::Name { name, state: state @ NameState::Owned(_) } => Some(Entry::Name { name, state }),
        Entry::Name { .. } | Entry::Erased { .. } => None,
    }
}

#[cfg(test)]
mod tests;
