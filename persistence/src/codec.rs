//! The envelope around encoded events and states: format version, what it is, schema version, then MessagePack.
//!
//! ```text
//! events  01 'E' schema:u16le  (length:u32le  one MessagePack value)*
//! state   01 'S' schema:u16le  one MessagePack value
//! ```
//!
//! Values are written with named fields, so that a field may be added with a default. Every event is a value of its
//! own, so that old ones can be upcast one by one. Integrity is the business of the record's checksum.

use serde::{Serialize, de::DeserializeOwned};

/// Version of this envelope.
const VERSION: u8 = 1;
const EVENTS: u8 = b'E';
const STATE: u8 = b'S';
/// Version, kind and schema.
const HEADER_BYTES: usize = 4;
/// Length before each event.
const LENGTH_BYTES: usize = 4;
/// Room taken for an event before its size is known, in bytes.
const EVENT_BYTES_GUESS: usize = 192;

/// Why bytes could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The value has no MessagePack form, or is larger than 4 GiB.
    #[error("cannot encode: {0}")]
    Encode(String),
    /// The bytes end early.
    #[error("encoded bytes end early")]
    Truncated,
    /// Another envelope version than this program knows.
    #[error("unknown envelope version {0}")]
    Version(u8),
    /// Events where a state was asked for, or the other way round.
    #[error("unexpected envelope kind {0:#04x}")]
    Kind(u8),
    /// The value does not have the asked shape.
    #[error("cannot decode: {0}")]
    Decode(#[from] rmp_serde::decode::Error),
}

/// Encodes the events of one record.
///
/// # Errors
/// [`CodecError::Encode`] when an event cannot be serialised.
pub fn encode_events<E: Serialize>(schema: u16, events: &[E]) -> Result<Vec<u8>, CodecError> {
    let guess = events.len().saturating_mul(EVENT_BYTES_GUESS).saturating_add(HEADER_BYTES);
    let mut bytes = Vec::with_capacity(guess);
    put_header(&mut bytes, EVENTS, schema);
    for event in events {
        let start = bytes.len();
        bytes.extend_from_slice(&[0; LENGTH_BYTES]);
        put_value(&mut bytes, event)?;
        let length = u32::try_from(bytes.len() - start - LENGTH_BYTES)
            .map_err(|_| CodecError::Encode("event over 4 GiB".into()))?;
        if let Some(place) = bytes.get_mut(start..start + LENGTH_BYTES) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }
    Ok(bytes)
}

/// Encodes a state for a snapshot.
///
/// # Errors
/// [`CodecError::Encode`] when the state cannot be serialised.
pub fn encode_state<S: Serialize>(schema: u16, state: &S) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + EVENT_BYTES_GUESS);
    put_header(&mut bytes, STATE, schema);
    put_value(&mut bytes, state)?;
    Ok(bytes)
}

fn put_header(bytes: &mut Vec<u8>, kind: u8, schema: u16) {
    bytes.extend_from_slice(&[VERSION, kind]);
    bytes.extend_from_slice(&schema.to_le_bytes());
}

fn put_value<T: Serialize>(bytes: &mut Vec<u8>, value: &T) -> Result<(), CodecError> {
    rmp_serde::encode::write_named(bytes, value).map_err(|error| CodecError::Encode(error.to_string()))
}

/// The events of one record, still encoded. Iterates over one MessagePack value each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedEvents<'a> {
    schema: u16,
    rest: &'a [u8],
}

/// Opens the envelope of events. The lengths are checked here, so that the iteration cannot fail.
///
/// An empty payload has no events: that is a record of rows, claims or timers alone.
///
/// # Errors
/// When it is no envelope of events that this program knows.
pub fn decode_events(bytes: &[u8]) -> Result<EncodedEvents<'_>, CodecError> {
    if bytes.is_empty() {
        return Ok(EncodedEvents { schema: 0, rest: &[] });
    }
    let (schema, rest) = take_header(bytes, EVENTS)?;
    let mut left = rest;
    while !left.is_empty() {
        left = take_event(left).ok_or(CodecError::Truncated)?.1;
    }
    Ok(EncodedEvents { schema, rest })
}

/// Opens the envelope of a state: its schema and its MessagePack value.
///
/// # Errors
/// When it is no envelope of a state that this program knows.
pub fn open_state(bytes: &[u8]) -> Result<(u16, &[u8]), CodecError> {
    take_header(bytes, STATE)
}

/// Decodes a state, and tells the schema that it was written under.
///
/// # Errors
/// When it is no envelope of a state, or the value has another shape.
pub fn decode_state<S: DeserializeOwned>(bytes: &[u8]) -> Result<(u16, S), CodecError> {
    let (schema, value) = open_state(bytes)?;
    Ok((schema, rmp_serde::from_slice(value)?))
}

fn take_header(bytes: &[u8], kind: u8) -> Result<(u16, &[u8]), CodecError> {
    let (&[version, found, low, high], rest) =
        bytes.split_first_chunk::<HEADER_BYTES>().ok_or(CodecError::Truncated)?;
    if version != VERSION {
        return Err(CodecError::Version(version));
    }
    if found != kind {
        return Err(CodecError::Kind(found));
    }
    Ok((u16::from_le_bytes([low, high]), rest))
}

fn take_event(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

impl EncodedEvents<'_> {
    /// The schema that the events were written under.
    #[must_use]
    pub const fn schema(&self) -> u16 {
        self.schema
    }
}

impl<'a> Iterator for EncodedEvents<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (event, rest) = take_event(self.rest)?;
        self.rest = rest;
        Some(event)
    }
}

#[cfg(test)]
mod tests;
