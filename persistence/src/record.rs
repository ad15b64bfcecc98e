//! What one journal entry carries: the unit of atomicity.

use crate::{AppendError, EntityId, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Position of a record in the log of its entity. The first record of an entity has seq 1; 0 means "none yet".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The seq of an entity that has no record.
    pub const ZERO: Self = Self(0);

    /// The seq after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The commit sequence: position of a record in the one global order. The first record has position 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before every record.
    pub const ZERO: Self = Self(0);

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Name of one history stream of an entity, for instance `messages/900…`. At most 256 bytes.
pub type StreamName = String;

/// Place of a row in its stream, chosen by the entity and growing. Writing a number again replaces the row.
pub type RowNo = u64;

/// One row for the history store, appended in the same atomic record as the event that caused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Which stream of the entity.
    pub stream: StreamName,
    /// Place in the stream.
    pub no: RowNo,
    /// Content, opaque here.
    #[serde(with = "bytes_as_bin")]
    pub bytes: Vec<u8>,
}

/// A change to the unique names of the whole system, part of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DirectoryChange {
    /// Take the name for the record's entity. Refuses the whole record when another entity holds it; taking a name
    /// that the entity holds already is fine.
    Claim(String),
    /// Give the name back. Releasing a name that the entity does not hold does nothing.
    Release(String),
}

/// What a record does to the entity's entry in the durable timer index. An entity has at most one entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DueChange {
    /// Leave it.
    #[default]
    Unchanged,
    /// The entity wants to be called at this instant, and at no other.
    Set(Timestamp),
    /// The entity waits for nothing.
    Clear,
}

/// What a record takes away of what its entity had before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Erase {
    /// Nothing.
    #[default]
    Nothing,
    /// Every history row of the entity, in every stream, that an earlier record wrote. Rows of this record stay. Gone for
    /// every reader with the record; the bytes leave the disk later, within a time that the engine names.
    ///
    /// Events of earlier records are the entity's own business: a snapshot that includes this record takes their place.
    History,
}

/// A record to append.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRecord {
    /// Whose.
    pub entity: EntityId,
    /// Seq of the entity's last record as the writer knows it; the append is fenced off when it is another.
    pub expected_seq: Seq,
    /// Encoded events, opaque here. May be empty (a record of rows only still takes a seq).
    #[serde(with = "bytes_as_bin")]
    pub payload: Vec<u8>,
    /// History rows.
    pub rows: Vec<HistoryRow>,
    /// Claims and releases, applied in order, all or none.
    pub directory: Vec<DirectoryChange>,
    /// Timer change.
    pub due: DueChange,
    /// What of earlier records goes. A record of before this field was there erases nothing.
    #[serde(default)]
    pub erase: Erase,
}

/// Largest record, in bytes as counted by [`NewRecord::size`]. Bounds buffers and the time that one append can hold up
/// its group.
pub const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Longest name of a history stream, in bytes.
pub const STREAM_NAME_BYTES_MAX: usize = 256;
/// Longest unique name in the directory, in bytes.
pub const DIRECTORY_NAME_BYTES_MAX: usize = 1024;

impl NewRecord {
    /// Size in bytes: contents plus what their envelopes take.
    #[must_use]
    pub fn size(&self) -> usize {
        /// Upper bound for lengths, seq, timer and checksums of a record.
        const ENVELOPE: usize = 48;
        /// Upper bound for lengths and number of a row.
        const ROW: usize = 16;
        /// Upper bound for tag and length of a directory change.
        const CHANGE: usize = 4;
        let rows: usize = self.rows.iter().map(|row| ROW + row.stream.len() + row.bytes.len()).sum();
        let names: usize = self.directory.iter().map(|change| CHANGE + change.name().len()).sum();
        ENVELOPE + self.entity.as_str().len() + self.payload.len() + rows + names
    }

    /// Checks the limits that every engine keeps.
    ///
    /// # Errors
    /// [`AppendError::TooLarge`] with the size and limit that was broken: of the record, of a stream name or of a
    /// directory name.
    pub fn check_limits(&self) -> Result<(), AppendError> {
        let within = |size: usize, limit: usize| {
            if size > limit { Err(AppendError::TooLarge { size, limit }) } else { Ok(()) }
        };
        for row in &self.rows {
            within(row.stream.len(), STREAM_NAME_BYTES_MAX)?;
        }
        for change in &self.directory {
            within(change.name().len(), DIRECTORY_NAME_BYTES_MAX)?;
        }
        within(self.size(), RECORD_BYTES_MAX)
    }
}

impl DirectoryChange {
    /// The name that is claimed or released.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Claim(name) | Self::Release(name) => name,
        }
    }
}

/// A record as it stands in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Place in the global order.
    pub position: Position,
    /// Place in the entity's log: `expected_seq + 1`.
    pub seq: Seq,
    /// What was appended.
    pub record: NewRecord,
}

/// Serialises `Vec<u8>` as MessagePack `bin` instead of an array of integers.
mod bytes_as_bin {
    use serde::{Deserializer, Serializer, de::Visitor};
    use std::fmt;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bin;
        impl Visitor<'_> for Bin {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bin)
    }
}
