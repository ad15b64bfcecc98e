//! Durability without knowledge of what is stored.
//!
//! This room knows bytes, keys, sequences and instants. It knows no user, chat or automation. The journal is the
//! truth; everything else ([`Snapshots`], [`Directory`], [`History`], [`Timers`]) is derived from its records and may
//! be lost and rebuilt at any time.

mod id;
mod record;
mod store;
mod time;

pub use id::{EntityId, EntityIdError, KEY_MAX, KIND_MAX};
pub use record::{
    DirectoryChange, DueChange, HistoryRow, NewRecord, Position, RowNo, Seq, StoredRecord, StreamName,
};
pub use store::{
    AppendError, Committed, Direction, Directory, History, Journal, Page, ReadError, SnapshotBlob, Snapshots,
    Stores, TimerEntry, Timers,
};
pub use time::Timestamp;
