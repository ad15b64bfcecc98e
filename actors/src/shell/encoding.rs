//! Events and states as bytes: the store's codec, with what the shell adds to it.

use crate::Entity;
use greenroom_persistence::{
    Position,
    codec::{self, CodecError},
};
use serde::{Deserialize, Serialize};

/// Why bytes are not what they should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodeError {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("schema {found} is newer than {known}")]
    Newer { found: u16, known: u16 },
    #[error("schema {found} of a snapshot is not {known}")]
    Other { found: u16, known: u16 },
    #[error("event does not decode: {0}")]
    Event(#[from] rmp_serde::decode::Error),
}

/// The payload of a record; empty when there are no events.
pub(super) fn events<E: Entity>(events: &[E::Event]) -> Result<Vec<u8>, CodecError> {
    if events.is_empty() { Ok(Vec::new()) } else { codec::encode_events(E::SCHEMA, events) }
}

/// Folds a record's payload into a state.
pub(super) fn replay<E: Entity>(state: &mut E, payload: &[u8]) -> Result<(), DecodeError> {
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
pub(super) fn snapshot<E: Entity>(state: &E, position: Position) -> Result<Vec<u8>, CodecError> {
    codec::encode_state(E::SCHEMA, &SnapshotRef { position, state })
}

/// Reads a snapshot. One of another schema is refused: the journal is replayed instead.
pub(super) fn state<E: Entity>(bytes: &[u8]) -> Result<(E, Position), DecodeError> {
    let (found, value) = codec::open_state(bytes)?;
    if found != E::SCHEMA {
        return Err(DecodeError::Other { found, known: E::SCHEMA });
    }
    let SnapshotOwned { position, state } = rmp_serde::from_slice(value)?;
    Ok((state, position))
}
