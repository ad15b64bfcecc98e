//! Records that are durable in the journal but not yet in the working set, indexed and coalesced per entity.

use super::{body::Body, pages::NewRows, values::TailRecord};
use crate::{DirectoryChange, DueChange, EntityId, Erase, Position, Seq, TimerEntry, Timestamp};
use bytes::Bytes;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// What an entry is taken to need beside its content, in bytes.
const ENTRY_BYTES: usize = 160;

/// Records of one or more flush intervals.
#[derive(Default)]
pub(super) struct Memtable {
    pub(super) entities: HashMap<EntityId, Entry>,
    /// Owners as these records left them; `None` when the name became free.
    pub(super) names: HashMap<String, Option<EntityId>>,
    /// Entries that these records set.
    timers: BTreeSet<TimerEntry>,
    /// Position of the last record.
    pub(super) last: Position,
    /// Position before the first record; zero when there is none.
    pub(super) before: Position,
    /// Rough size, in bytes.
    pub(super) bytes: usize,
}

/// What these records did to one entity.
#[derive(Default)]
pub(super) struct Entry {
    /// Seq of its last record here; zero when only a snapshot is new.
    pub(super) head: Seq,
    pub(super) tail: Vec<TailRecord>,
    pub(super) due: DueChange,
    /// One of the records erased the history before it: only `streams` is left, whatever is beneath.
    pub(super) is_erased: bool,
    pub(super) streams: HashMap<String, NewRows>,
    /// Seq and state.
    pub(super) snapshot: Option<(Seq, Bytes)>,
}

/// A record with what the working set needs of it taken out.
pub(super) struct Applied {
    pub(super) entity: EntityId,
    pub(super) record: TailRecord,
    pub(super) due: DueChange,
    pub(super) erase: Erase,
    pub(super) rows: Vec<(String, u64, Bytes)>,
    /// Only changes that had an effect.
    pub(super) names: Vec<(String, Option<EntityId>)>,
}

impl Applied {
    /// Takes a body apart. `owner` tells who holds a name before this record.
    pub(super) fn read<E>(
        position: Position,
        bytes: &Bytes,
        owner: impl FnMut(&str) -> Result<Option<EntityId>, E>,
    ) -> Result<Option<Self>, E> {
        let Some((body, entity)) =
            Body::parse(bytes).and_then(|body| Some((body, EntityId::parse(body.entity).ok()?)))
        else {
            return Ok(None);
        };
        let rows =
            body.rows().map(|(stream, no, row)| (stream.to_owned(), no, bytes.slice_ref(row))).collect();
        let names = replayed_effects(&entity, body.changes(), owner)?;
        let record = TailRecord { position, seq: body.seq, body: bytes.clone() };
        Ok(Some(Self { entity, record, due: body.due, erase: body.erase, rows, names }))
    }
}

/// The first claim of a record that another entity stands against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) name: String,
    pub(super) owner: EntityId,
}

/// Names and the owners that a record leaves them.
pub(super) type NameEffects = Vec<(String, Option<EntityId>)>;

/// What a record's changes do, in order. `owner` tells who holds a name before the record.
pub(super) fn name_effects<E>(
    entity: &EntityId,
    changes: &[DirectoryChange],
    mut owner: impl FnMut(&str) -> Result<Option<EntityId>, E>,
) -> Result<Result<NameEffects, Taken>, E> {
    let mut effects: NameEffects = Vec::with_capacity(changes.len());
    for change in changes {
        let name = change.name();
        let earlier =
            effects.iter().rev().find(|(changed, _)| changed == name).map(|(_, owner)| owner.clone());
        let holder = match earlier {
            Some(holder) => holder,
            None => owner(name)?,
        };
        match (change, holder) {
            (DirectoryChange::Claim(_), Some(holder)) if holder != *entity => {
                return Ok(Err(Taken { name: name.to_owned(), owner: holder }));
            }
            (DirectoryChange::Claim(_), None) => effects.push((name.to_owned(), Some(entity.clone()))),
            (DirectoryChange::Release(_), Some(holder)) if holder == *entity => {
                effects.push((name.to_owned(), None));
            }
            (DirectoryChange::Claim(_) | DirectoryChange::Release(_), _) => {}
        }
    }
    Ok(Ok(effects))
}

/// What the changes of a record that is in the journal do. Its claims were granted, so they are not asked about again:
/// the set may be ahead of the record, after a flush that was cut short, and later records put right what these change.
fn replayed_effects<E>(
    entity: &EntityId,
    changes: impl Iterator<Item = DirectoryChange>,
    mut owner: impl FnMut(&str) -> Result<Option<EntityId>, E>,
) -> Result<NameEffects, E> {
    let mut effects: NameEffects = Vec::new();
    for change in changes {
        match change {
            DirectoryChange::Claim(name) => effects.push((name, Some(entity.clone()))),
            DirectoryChange::Release(name) => {
                let earlier = effects.iter().rev().find(|(changed, _)| *changed == name);
                let holder = match earlier {
                    Some((_, owner)) => owner.clone(),
                    None => owner(&name)?,
                };
                if holder.as_ref() == Some(entity) {
                    effects.push((name, None));
                }
            }
        }
    }
    Ok(effects)
}

impl Memtable {
    pub(super) fn is_empty(&self) -> bool {
        self.entities.is_empty() && self.last == Position::ZERO
    }

    pub(super) fn apply(&mut self, applied: Applied) {
        let Applied { entity, record, due, erase, rows, names } = applied;
        self.bytes += ENTRY_BYTES + record.body.len();
        if self.last == Position::ZERO {
            self.before = Position(record.position.0.saturating_sub(1));
        }
        self.last = self.last.max(record.position);
        for (name, owner) in names {
            self.bytes += ENTRY_BYTES + name.len();
            self.names.insert(name, owner);
        }
        if due != DueChange::Unchanged {
            self.set_due(&entity, due);
        }
        let entry = self.entities.entry(entity).or_default();
        if erase == Erase::History {
            entry.is_erased = true;
            entry.streams.clear();
        }
        for (stream, no, row) in rows {
            self.bytes += ENTRY_BYTES + row.len();
            entry.streams.entry(stream).or_default().insert(no, row);
        }
        entry.head = record.seq;
        entry.tail.push(record);
    }

    fn set_due(&mut self, entity: &EntityId, due: DueChange) {
        let entry = self.entities.entry(entity.clone()).or_default();
        if let DueChange::Set(due) = entry.due {
            self.timers.remove(&TimerEntry { due, entity: entity.clone() });
        }
        if let DueChange::Set(due) = due {
            self.timers.insert(TimerEntry { due, entity: entity.clone() });
        }
        entry.due = due;
    }

    /// Keeps a snapshot unless a newer one is here.
    pub(super) fn keep_snapshot(&mut self, entity: &EntityId, seq: Seq, state: Bytes) {
        let entry = self.entities.entry(entity.clone()).or_default();
        if entry.snapshot.as_ref().is_none_or(|(kept, _)| *kept <= seq) {
            self.bytes += ENTRY_BYTES + state.len();
            entry.snapshot = Some((seq, state));
        }
    }
}

/// The layers that a read sees: what is being collected, and what is being flushed.
#[derive(Default)]
pub(super) struct Layers {
    pub(super) active: Memtable,
    pub(super) flushing: Option<Arc<Memtable>>,
}

impl Layers {
    /// Newest first.
    pub(super) fn newest_first(&self) -> impl DoubleEndedIterator<Item = &Memtable> {
        std::iter::once(&self.active).chain(self.flushing.as_deref())
    }

    /// The entity's entries, newest first.
    pub(super) fn entries(&self, entity: &EntityId) -> impl DoubleEndedIterator<Item = &Entry> {
        self.newest_first().filter_map(|layer| layer.entities.get(entity))
    }

    /// Seq of the entity's last record, when one is here.
    pub(super) fn head(&self, entity: &EntityId) -> Option<Seq> {
        self.entries(entity).map(|entry| entry.head).find(|head| *head > Seq::ZERO)
    }

    /// Entities of a kind that have a record here, after `after`.
    pub(super) fn entities(&self, kind: &str, after: Option<&EntityId>) -> BTreeSet<EntityId> {
        let is_meant =
            |entity: &&EntityId| entity.kind() == kind && after.is_none_or(|after| *entity > after);
        let with_records = |layer: &Memtable| -> Vec<EntityId> {
            let here = layer.entities.iter().filter(|(_, entry)| entry.head > Seq::ZERO);
            here.map(|(entity, _)| entity).filter(is_meant).cloned().collect()
        };
        self.newest_first().flat_map(with_records).collect()
    }

    /// Owner of a name, when a record here changed it.
    pub(super) fn owner(&self, name: &str) -> Option<Option<EntityId>> {
        self.newest_first().find_map(|layer| layer.names.get(name)).cloned()
    }

    /// Whether a record here set or cleared the entity's timer.
    pub(super) fn changes_due(&self, entity: &EntityId) -> bool {
        self.entries(entity).any(|entry| entry.due != DueChange::Unchanged)
    }

    /// Timers that the records here leave, after `after` and due until `until`, in order within each layer.
    pub(super) fn due(
        &self,
        until: Timestamp,
        after: Option<&TimerEntry>,
        limit: usize,
    ) -> BTreeSet<TimerEntry> {
        use std::ops::Bound;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = BTreeSet::new();
        for (depth, layer) in self.newest_first().enumerate() {
            let range = layer.timers.range::<TimerEntry, _>((from, Bound::Unbounded));
            let due = range.take_while(|entry| entry.due <= until);
            let current = due.filter(|entry| depth == 0 || !self.active_changes_due(&entry.entity));
            found.extend(current.take(limit).cloned());
        }
        found
    }

    fn active_changes_due(&self, entity: &EntityId) -> bool {
        self.active.entities.get(entity).is_some_and(|entry| entry.due != DueChange::Unchanged)
    }
}
