//! From coalesced records to entries of the working set: per entity one tail value, one head, one timer, and the pages
//! that its rows fall into. Applying the same records again gives the same entries.

use super::{
    keys,
    memtable::{Entry, Memtable},
    pages,
    values::{self, Head, TailRecord},
    working_set::{Change, Prepared, SetError, WorkingSet, digest_part},
};
use crate::{DueChange, EntityId, Position, RowNo, Seq, TimerEntry};
use bytes::Bytes;
use std::{collections::HashMap, ops::Bound};

/// Most changes in one batch. A batch holds up readers while it is applied.
const BATCH_CHANGES_MAX: usize = 128;
/// Bytes after which a batch is full.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Brings a memtable into the set. `apply` gets each prepared batch; the last one moves the mark.
pub(super) fn flush(
    set: &WorkingSet,
    table: &Memtable,
    mut apply: impl FnMut(Prepared) -> Result<(), SetError>,
) -> Result<(), SetError> {
    if table.last > Position::ZERO && table.before < set.mark() {
        // The set is ahead, because it was rebuilt from a newer checkpoint. These records take parts of it back until
        // the ones after them are flushed too; a start in between must apply all of them again.
        apply(set.prepare(Vec::new(), Some(table.before))?)?;
    }
    if table.last > Position::ZERO && table.before > set.mark() {
        // The mark must not pass records that the set never got.
        return Err(SetError::Missing { after: set.mark(), next: table.before.next() });
    }
    let mut batch = Vec::new();
    let mut bytes = 0;
    for (entity, entry) in &table.entities {
        if entry.is_erased {
            erase_pages(set, entity, &mut apply)?;
        }
        let from = batch.len();
        entity_changes(set, entity, entry, &mut batch)?;
        bytes += size_of_changes(&batch, from);
        if batch.len() >= BATCH_CHANGES_MAX || bytes >= BATCH_BYTES_MAX {
            apply(set.prepare(std::mem::take(&mut batch), None)?)?;
            bytes = 0;
        }
    }
    for (name, owner) in &table.names {
        batch.push((keys::name(name), owner.as_ref().map(|owner| owner.as_str().as_bytes().to_vec())));
        if batch.len() >= BATCH_CHANGES_MAX {
            apply(set.prepare(std::mem::take(&mut batch), None)?)?;
        }
    }
    let mark = if table.last > Position::ZERO { table.last } else { set.mark() };
    apply(set.prepare(batch, Some(mark))?)
}

/// Removes every page of an entity, in batches of their own: there may be many. A crash between two of them takes away
/// nothing that a start does not take away too, since the mark stands before the record that erases. The digest over the
/// pages is right after each.
fn erase_pages(
    set: &WorkingSet,
    entity: &EntityId,
    apply: &mut impl FnMut(Prepared) -> Result<(), SetError>,
) -> Result<(), SetError> {
    loop {
        let mut head = head(set, entity)?.unwrap_or_default();
        let mut batch: Vec<Change> = Vec::new();
        set.scan_prefix(&keys::all_pages(entity), |key, value| {
            head.pages = head.pages.wrapping_sub(digest_part(key, &value));
            batch.push((key.to_vec(), None));
            Ok(batch.len() < BATCH_CHANGES_MAX)
        })?;
        if batch.is_empty() {
            return Ok(());
        }
        batch.push((keys::head(entity), Some(head.encode())));
        apply(set.prepare(batch, None)?)?;
    }
}

fn size_of_changes(changes: &[Change], from: usize) -> usize {
    let value = |change: &Change| change.1.as_ref().map_or(0, Vec::len);
    changes.iter().skip(from).map(|change| change.0.len() + value(change)).sum()
}

fn entity_changes(
    set: &WorkingSet,
    entity: &EntityId,
    entry: &Entry,
    out: &mut Vec<Change>,
) -> Result<(), SetError> {
    let old = head(set, entity)?.unwrap_or_default();
    let mut new = Head { seq: old.seq.max(entry.head), ..old };
    if entry.tail.first().is_some_and(|first| first.seq > old.seq.next()) {
        return Err(SetError::Gap(old.seq));
    }
    if let Some((seq, state)) = &entry.snapshot
        && *seq >= old.snapshot
        && *seq <= new.seq
    {
        new.snapshot = *seq;
        out.push((keys::snapshot(entity), Some(values::encode_snapshot(*seq, state))));
    }
    tail_changes(set, entity, entry, (old, new), out)?;
    timer_changes(entity, entry.due, &mut new, out);
    for (stream, rows) in &entry.streams {
        let sum = page_changes(set, entity, stream, rows, out)?;
        new.pages = new.pages.wrapping_add(sum);
    }
    if new != old {
        out.push((keys::head(entity), Some(new.encode())));
    }
    Ok(())
}

pub(super) fn head(set: &WorkingSet, entity: &EntityId) -> Result<Option<Head>, SetError> {
    let value = set.get(&keys::head(entity))?;
    value.map(|value| Head::decode(&value).ok_or(SetError::Form)).transpose()
}

/// Keeps what the snapshot does not cover, drops what it does.
fn tail_changes(
    set: &WorkingSet,
    entity: &EntityId,
    entry: &Entry,
    (old, new): (Head, Head),
    out: &mut Vec<Change>,
) -> Result<(), SetError> {
    let kept: Vec<TailRecord> =
        entry.tail.iter().filter(|record| record.seq > new.snapshot).cloned().collect();
    let written = kept.first().map(|first| first.seq);
    if let Some(first) = written {
        out.push((keys::tail(entity, first), Some(values::encode_tail(&kept))));
    }
    if new.snapshot > old.snapshot {
        set.scan_prefix(&keys::tails(entity), |key, value| {
            let first = keys::number_of(key).map(Seq);
            let records = values::decode_tail(&value).ok_or(SetError::Form)?;
            let covered = records.last().is_none_or(|last| last.seq <= new.snapshot);
            if covered && first != written {
                out.push((key.to_vec(), None));
            }
            Ok(covered)
        })?;
    }
    Ok(())
}

fn timer_changes(entity: &EntityId, due: DueChange, head: &mut Head, out: &mut Vec<Change>) {
    let due = match due {
        DueChange::Unchanged => return,
        DueChange::Set(due) => Some(due),
        DueChange::Clear => None,
    };
    if head.due == due {
        return;
    }
    let key = |due| keys::timer(&TimerEntry { due, entity: entity.clone() });
    out.extend(head.due.map(|old| (key(old), None)));
    out.extend(due.map(|new| (key(new), Some(Vec::new()))));
    head.due = due;
}

/// What the changes add to the sum over the entity's pages.
fn page_changes(
    set: &WorkingSet,
    entity: &EntityId,
    stream: &str,
    rows: &pages::NewRows,
    out: &mut Vec<Change>,
) -> Result<u64, SetError> {
    // Only a page that was handed out is rewritten or removed.
    let mut replaced = HashMap::new();
    let changes = pages::place(
        rows,
        |no| {
            let Some((first, value)) = page_value_before(set, entity, stream, no)? else { return Ok(None) };
            let page = values::decode_page(&value).ok_or(SetError::Form)?;
            replaced.insert(first, value);
            Ok(Some((first, page)))
        },
        |no| next_page_after(set, entity, stream, no),
    )?;
    let mut sum = 0_u64;
    for (first, rows) in changes {
        let key = keys::page(entity, stream, first);
        let value = rows.map(|rows| values::encode_page(&rows));
        if let Some(old) = replaced.get(&first) {
            sum = sum.wrapping_sub(digest_part(&key, old));
        }
        if let Some(value) = &value {
            sum = sum.wrapping_add(digest_part(&key, value));
        }
        out.push((key, value));
    }
    Ok(sum)
}

/// First row and value of the last page that begins at or before a row.
pub(super) fn page_value_before(
    set: &WorkingSet,
    entity: &EntityId,
    stream: &str,
    no: RowNo,
) -> Result<Option<(RowNo, Bytes)>, SetError> {
    let mut found = None;
    let from = Bound::Included(keys::pages(entity, stream));
    set.scan((from, Bound::Included(keys::page(entity, stream, no))), true, |key, value| {
        found = Some((keys::number_of(key).ok_or(SetError::Form)?, value));
        Ok(false)
    })?;
    Ok(found)
}

fn next_page_after(
    set: &WorkingSet,
    entity: &EntityId,
    stream: &str,
    no: RowNo,
) -> Result<Option<RowNo>, SetError> {
    let mut found = None;
    let from = Bound::Excluded(keys::page(entity, stream, no));
    let to = Bound::Included(keys::page(entity, stream, RowNo::MAX));
    if no == RowNo::MAX {
        return Ok(None);
    }
    set.scan((from, to), false, |key, _| {
        found = keys::number_of(key);
        Ok(false)
    })?;
    Ok(found)
}

pub(super) fn parse_page(key: &[u8], value: &Bytes) -> Result<(RowNo, values::Rows), SetError> {
    let first = keys::number_of(key).ok_or(SetError::Form)?;
    Ok((first, values::decode_page(value).ok_or(SetError::Form)?))
}

/// Reads the owner of a name.
pub(super) fn owner(set: &WorkingSet, name: &str) -> Result<Option<EntityId>, SetError> {
    let value = set.get(&keys::name(name))?;
    value.map(|value| keys::parse_entity(&value).ok_or(SetError::Form)).transpose()
}

/// Where records are applied while nobody else reads: at start and in a rebuild.
pub(super) struct Applier<'a> {
    pub(super) set: &'a WorkingSet,
    table: Memtable,
    flush_bytes: usize,
}

impl<'a> Applier<'a> {
    pub(super) fn new(set: &'a WorkingSet, flush_bytes: usize) -> Self {
        Self { set, table: Memtable::default(), flush_bytes }
    }

    /// Applies a record.
    pub(super) fn record(&mut self, position: Position, body: &Bytes) -> Result<(), SetError> {
        let (table, set) = (&self.table, self.set);
        let owner_of = |name: &str| match table.names.get(name) {
            Some(owner) => Ok(owner.clone()),
            None => owner(set, name),
        };
        let applied = super::memtable::Applied::read(position, body, owner_of)?.ok_or(SetError::Form)?;
        self.table.apply(applied);
        if self.table.bytes >= self.flush_bytes { self.flush() } else { Ok(()) }
    }

    /// Brings what was applied into the set.
    pub(super) fn flush(&mut self) -> Result<(), SetError> {
        let table = std::mem::take(&mut self.table);
        flush(self.set, &table, |batch| self.set.apply(batch))
    }
}
