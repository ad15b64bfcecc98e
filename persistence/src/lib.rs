//! Durability without knowledge of what is stored.
//!
//! This room knows bytes, keys, sequences and instants. It knows no user, chat or automation. The journal is the
//! truth; everything else ([`Snapshots`], [`Directory`], [`History`], [`Timers`]) is derived from its records and may
//! be lost and rebuilt at any time.

pub mod codec;
#[cfg(any(test, feature = "test-support"))]
pub mod conformance;
mod engine;
pub mod folder;
mod id;
#[cfg(feature = "embedded")]
pub mod metric_definitions;
mod record;
pub mod secret;
mod store;
mod time;

#[cfg(feature = "embedded")]
pub use engine::embedded;
pub use engine::memory;
pub use id::{EntityId, EntityIdError, KEY_MAX, KIND_MAX};
pub use record::{
    DIRECTORY_NAME_BYTES_MAX, DirectoryChange, DueChange, Erase, HistoryRow, NewRecord, Position,
    RECORD_BYTES_MAX, RowNo, STREAM_NAME_BYTES_MAX, Seq, StoredRecord, StreamName,
};
pub use store::{
    AppendError, Committed, Direction, Directory, History, Journal, JournalHealth, Page, ReadError,
    SnapshotBlob, Snapshots, Stores, TimerEntry, Timers,
};
pub use time::Timestamp;
