//! Events and states as bytes: the store's codec, with what the shell adds to it.

use crate::Entity;
use greenroom_persistence::{
    Position,
    codec::{self, CodecError},
};
use serde::{Deserialize, Serialize, de::IgnoredAny};

/// Why bytes are not what they should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("schema {found} is newer than {known}")]
    Newer { found: u16, known: u16 },
    #[error("the snapshot is not laid out as this program lays it out")]
    Layout,
    #[error("{0}")]
    Value(#[from] rmp_serde::decode::Error),
}

impl DecodeError {
    /// What is wrong, without the value that is: a decoder quotes it, and it may be what a person wrote.
    pub(super) fn shape(&self) -> String {
        let mut text = self.to_string();
        text.truncate(text.find('"').unwrap_or(text.len()));
        text
    }
}

/// The payload of a record; empty when there are no events.
pub(super) fn events<E: Entity>(events: &[E::Event]) -> Result<Vec<u8>, CodecError> {
    if events.is_empty() { Ok(Vec::new()) } else { codec::encode_events(E::SCHEMA, events) }
}

/// Folds a record's payload into a state.
pub(crate) fn replay<E: Entity>(state: &mut E, payload: &[u8]) -> Result<(), DecodeError> {
    let events = codec::decode_events(payload)?;
    let schema = events.schema();
    if schema > E::SCHEMA {
        return Err(DecodeError::Newer { found: schema, known: E::SCHEMA });
    }
    for value in events {
        let event =
            if schema == E::SCHEMA { rmp_serde::from_slice(value)? } else { E::upcast(schema, value)? };
        state.apply(&event);
    }
    Ok(())
}

#[derive(Serialize)]
struct SnapshotRef<'a, E> {
    position: Position,
    state: &'a E,
}

#[derive(Deserialize)]
struct SnapshotOwned<E> {
    position: Position,
    state: E,
}

/// A snapshot: the state and the commit position it stands at.
pub(crate) fn snapshot<E: Entity>(state: &E, position: Position) -> Result<Vec<u8>, CodecError> {
    codec::encode_state(E::SCHEMA, &SnapshotRef { position, state })
}

/// Reads a snapshot of this schema or an older one.
pub(crate) fn state<E: Entity>(bytes: &[u8]) -> Result<(E, Position), DecodeError> {
    let (schema, value) = codec::open_state(bytes)?;
    if schema > E::SCHEMA {
        return Err(DecodeError::Newer { found: schema, known: E::SCHEMA });
    }
    if schema == E::SCHEMA {
        let SnapshotOwned { position, state } = rmp_serde::from_slice(value)?;
        return Ok((state, position));
    }
    let SnapshotOwned { position, state: IgnoredAny } = rmp_serde::from_slice(value)?;
    Ok((E::upcast_state(schema, state_bytes(value, position)?)?, position))
}

/// The encoded state in a snapshot: what comes after all that is written before it.
fn state_bytes(value: &[u8], position: Position) -> Result<&[u8], DecodeError> {
    let with_unit = rmp_serde::to_vec_named(&SnapshotRef { position, state: &() });
    let with_unit = with_unit.map_err(|_| DecodeError::Layout)?;
    // A unit is one byte, and it is last.
    let (_, before) = with_unit.split_last().ok_or(DecodeError::Layout)?;
    value.strip_prefix(before).ok_or(DecodeError::Layout)
}
