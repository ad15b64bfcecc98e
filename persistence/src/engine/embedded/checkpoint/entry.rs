//! One entry of a checkpoint or run: its bytes, its order, and how a later one goes over an earlier one.

use super::super::{
    body::{put_due, take_due},
    bytes::{Put, Reader},
    values::TailRecord,
};
use crate::{DueChange, EntityId, RowNo, Seq};
use bytes::Bytes;
use std::cmp::Ordering;

/// Sorts before everything that it takes away.
const ERASED: u8 = 0;
const ENTITY: u8 = 1;
const ROW: u8 = 2;
const NAME: u8 = 3;
const OWNED: u8 = 1;
const FREE: u8 = 2;
const RELEASED: u8 = 3;

/// A record in a tail.
pub(crate) type Record = TailRecord;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Rows of the entity in earlier sources are gone. Only in runs.
    Erased { id: EntityId },
    /// Head, timer, newest snapshot, and the records after it.
    Entity { id: EntityId, head: Seq, due: DueChange, snapshot: Option<(Seq, Bytes)>, tail: Vec<Record> },
    /// One history row.
    Row { id: EntityId, stream: String, no: RowNo, row: Bytes },
    /// One name.
    Name { name: String, state: NameState },
}

/// What records did to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NameState {
    Owned(EntityId),
    Free,
    /// Free when one of these held it; otherwise as it was. Only in runs.
    ReleasedBy(Vec<EntityId>),
}

impl NameState {
    /// This state, then a claim.
    pub(crate) fn claimed(entity: &EntityId) -> Self {
        Self::Owned(entity.clone())
    }

    /// This state, then a release by an entity.
    pub(crate) fn released(self, entity: &EntityId) -> Self {
        match self {
            Self::Owned(owner) if owner == *entity => Self::Free,
            Self::ReleasedBy(mut by) => {
                if !by.contains(entity) {
                    by.push(entity.clone());
                }
                Self::ReleasedBy(by)
            }
            kept @ (Self::Owned(_) | Self::Free) => kept,
        }
    }

    fn then(self, later: Self) -> Self {
        match later {
            Self::ReleasedBy(by) => by.iter().fold(self, Self::released),
            Self::Owned(_) | Self::Free => later,
        }
    }
}

impl Entry {
    /// The order of entries in a file.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Entity { id: a, .. }, Self::Entity { id: b, .. })
            | (Self::Erased { id: a }, Self::Erased { id: b }) => a.cmp(b),
            (Self::Row { id: a, stream: s, no: n, .. }, Self::Row { id: b, stream: t, no: m, .. }) => {
                (a, s, n).cmp(&(b, t, m))
            }
            (Self::Name { name: a, .. }, Self::Name { name: b, .. }) => a.cmp(b),
            _ => self.tag().cmp(&other.tag()),
        }
    }

    const fn tag(&self) -> u8 {
        match self {
            Self::Erased { .. } => ERASED,
            Self::Entity { .. } => ENTITY,
            Self::Row { .. } => ROW,
            Self::Name { .. } => NAME,
        }
    }

    /// This entry with a later one of the same key over it.
    pub(super) fn then(self, later: Self) -> Self {
        match (self, later) {
            (
                Self::Entity { id, head, due, snapshot, mut tail },
                Self::Entity {
                    head: later_head,
                    due: later_due,
                    snapshot: later_snapshot,
                    tail: later_tail,
                    ..
                },
            ) => {
                let after = tail.last().map_or(Seq::ZERO, |last| last.seq);
                tail.extend(later_tail.into_iter().filter(|record| record.seq > after));
                let due = if later_due == DueChange::Unchanged { due } else { later_due };
                Self::Entity {
                    id,
                    head: head.max(later_head),
                    due,
                    snapshot: later_snapshot.or(snapshot),
                    tail,
                }
            }
            (Self::Name { name, state }, Self::Name { state: later, .. }) => {
                Self::Name { name, state: state.then(later) }
            }
            (_, later) => later,
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.tag());
        match self {
            Self::Erased { id } => out.put_text(id.as_str()),
            Self::Entity { id, head, due, snapshot, tail } => {
                out.put_text(id.as_str());
                out.put_u64(head.0);
                put_due(out, *due);
                out.put_u64(snapshot.as_ref().map_or(0, |(seq, _)| seq.0));
                out.put_bytes(snapshot.as_ref().map_or(&[], |(_, state)| state));
                out.put_u64(tail.len() as u64);
                for record in tail {
                    out.put_u64(record.position.0);
                    out.put_u64(record.seq.0);
                    out.put_bytes(&record.body);
                }
            }
            Self::Row { id, stream, no, row } => {
                out.put_text(id.as_str());
                out.put_text(stream);
                out.put_u64(*no);
                out.put_bytes(row);
            }
            Self::Name { name, state } => {
                out.put_text(name);
                let (tag, entities) = match state {
                    NameState::Owned(owner) => (OWNED, std::slice::from_ref(owner)),
                    NameState::Free => (FREE, [].as_slice()),
                    NameState::ReleasedBy(by) => (RELEASED, by.as_slice()),
                };
                out.push(tag);
                out.put_u64(entities.len() as u64);
                entities.iter().for_each(|entity| out.put_text(entity.as_str()));
            }
        }
    }

    /// Takes one entry off the front.
    pub(super) fn decode(reader: &mut Reader<'_>, whole: &Bytes) -> Option<Self> {
        match reader.u8()? {
            ERASED => Some(Self::Erased { id: take_id(reader)? }),
            ENTITY => decode_entity(reader, whole),
            ROW => Some(Self::Row {
                id: take_id(reader)?,
                stream: reader.text()?.to_owned(),
                no: reader.u64()?,
                row: whole.slice_ref(reader.bytes()?),
            }),
            NAME => {
                let name = reader.text()?.to_owned();
                let tag = reader.u8()?;
                let count = reader.u64()?;
                let mut entities = (0..count).map(|_| take_id(reader)).collect::<Option<Vec<_>>>()?;
                let state = match tag {
                    OWNED => NameState::Owned(entities.pop()?),
                    FREE => NameState::Free,
                    RELEASED => NameState::ReleasedBy(entities),
                    _ => return None,
                };
                Some(Self::Name { name, state })
            }
            _ => None,
        }
    }
}

fn take_id(reader: &mut Reader<'_>) -> Option<EntityId> {
    EntityId::parse(reader.text()?).ok()
}

fn decode_entity(reader: &mut Reader<'_>, whole: &Bytes) -> Option<Entry> {
    let (id, head, due) = (take_id(reader)?, Seq(reader.u64()?), take_due(reader)?);
    let seq = Seq(reader.u64()?);
    let state = whole.slice_ref(reader.bytes()?);
    let snapshot = (seq > Seq::ZERO).then_some((seq, state));
    let count = reader.u64()?;
    let mut tail = Vec::new();
    for _ in 0..count {
        let (position, seq) = (crate::Position(reader.u64()?), Seq(reader.u64()?));
        tail.push(Record { position, seq, body: whole.slice_ref(reader.bytes()?) });
    }
    Some(Entry::Entity { id, head, due, snapshot, tail })
}
