//! The seam: what every engine promises. `memory` and `embedded` pass one conformance suite.

use crate::{EntityId, NewRecord, Position, RowNo, Seq, StoredRecord, Timestamp};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// Where a record landed. Returned only after it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Place in the global order.
    pub position: Position,
    /// Place in the entity's log.
    pub seq: Seq,
}

/// Why an append was not confirmed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The entity's last seq is another than the writer believed: somebody else wrote. Nothing was written.
    #[error("fenced: entity {entity} is at seq {actual}, the writer expected {expected}")]
    Fenced {
        /// Whose log.
        entity: EntityId,
        /// What the writer believed.
        expected: Seq,
        /// What is true.
        actual: Seq,
    },
    /// A claimed name belongs to another entity. Nothing was written.
    #[error("the name {name} is taken")]
    Taken {
        /// The name.
        name: String,
        /// Who holds it.
        owner: EntityId,
    },
    /// The record is larger than the engine takes. Nothing was written.
    #[error("record of {size} bytes is over the limit of {limit}")]
    TooLarge {
        /// Encoded size in bytes.
        size: usize,
        /// Limit in bytes.
        limit: usize,
    },
    /// The engine is behind with its work. Nothing was written; try again after the hint.
    #[error("the journal is overloaded, retry after {}ms", retry_after.as_millis())]
    Overloaded {
        /// When trying again makes sense.
        retry_after: Duration,
    },
    /// The engine cannot write now. Nothing was written.
    #[error("the journal is unavailable: {0}")]
    Unavailable(String),
    /// The outcome is not known: the record may or may not be durable. Memory must not be trusted any more.
    #[error("the outcome of the append is unknown: {0}")]
    Unknown(String),
}

/// Whether a journal takes appends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalHealth {
    /// It does.
    Open,
    /// It was closed on purpose.
    Closed,
    /// A write failed: what stands in its file is not known, so nothing is written after it until it is opened again.
    Failed(String),
}

/// Why a read failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The store cannot answer now.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What was found does not match its checksum or its neighbours, and could not be repaired from the journal.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
}

/// The log of all entities in one global order.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends one record, atomically with its rows, directory and timer changes. Durable before `Ok`.
    ///
    /// # Errors
    /// See [`AppendError`]; every variant but `Unknown` promises that nothing was written.
    async fn append(&self, record: NewRecord) -> Result<Committed, AppendError>;

    /// Seq of the entity's last durable record; [`Seq::ZERO`] when it has none.
    ///
    /// # Errors
    /// When the store cannot answer.
    async fn head(&self, entity: &EntityId) -> Result<Seq, ReadError>;

    /// At most `limit` entities of a kind that have a record, in the order of their keys, after `after` (exclusive) or from
    /// the first one. One that gets its first record meanwhile may be missing.
    ///
    /// # Errors
    /// When the store cannot answer.
    async fn entities(
        &self,
        kind: &str,
        after: Option<&EntityId>,
        limit: usize,
    ) -> Result<Vec<EntityId>, ReadError>;

    /// The entity's records with `seq > after`, in order, without gaps. Complete for every `after` that is at or
    /// past the entity's last snapshot.
    ///
    /// # Errors
    /// When the store cannot answer or records are missing.
    async fn tail(&self, entity: &EntityId, after: Seq) -> Result<Vec<StoredRecord>, ReadError>;

    /// At most `limit` records with `position >= from`, in global order. Old positions that only a checkpoint still
    /// covers are not returned; the first returned position tells.
    ///
    /// # Errors
    /// When the store cannot answer.
    async fn read(&self, from: Position, limit: usize) -> Result<Vec<StoredRecord>, ReadError>;

    /// Position of the last durable record.
    fn position(&self) -> Position;

    /// When trying again makes sense, while appends are refused with [`AppendError::Overloaded`]; `None` while they are
    /// taken. A look at counters, cheap enough for every request: who asks first does not prepare work in vain. Only a
    /// hint, since an append right after it may still go the other way.
    fn pressure(&self) -> Option<Duration> {
        None
    }

    /// Whether appends are taken.
    fn health(&self) -> JournalHealth;

    /// Waits until a write failed, and says why; only opening the journal again helps. Waits for ever when none does.
    /// Cancel-safe.
    async fn failed(&self) -> String;

    /// Finishes what was accepted, brings the working set up to date and closes. Later appends are `Unavailable`.
    async fn close(&self);
}

/// A state at a seq.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotBlob {
    /// The last seq that the state includes.
    pub seq: Seq,
    /// Encoded state, opaque here.
    pub bytes: Vec<u8>,
}

/// Disposable states that speed up recovery. Losing one costs time, never data.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// The newest readable snapshot.
    ///
    /// # Errors
    /// When the store cannot answer.
    async fn load(&self, entity: &EntityId) -> Result<Option<SnapshotBlob>, ReadError>;

    /// Keeps a snapshot. An older seq than the one kept is ignored. Returns when it was accepted, not when durable.
    ///
    /// # Errors
    /// When the store cannot take it; the caller just tries again later.
    async fn save(&self, entity: &EntityId, snapshot: SnapshotBlob) -> Result<(), ReadError>;
}

/// Unique names of the whole system. Changed only by records.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Who holds the name. Sees every durable record.
    ///
    /// # Errors
    /// When the store cannot answer.
    async fn lookup(&self, name: &str) -> Result<Option<EntityId>, ReadError>;
}

/// Which way to page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// One page of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Rows in the asked direction.
    pub rows: Vec<(RowNo, Vec<u8>)>,
    /// Cursor for the next page; `None` at the end.
    pub next: Option<RowNo>,
}

/// Rows that grow without end, appended by records, read page by page.
#[async_trait]
pub trait History: Send + Sync {
    /// At most `limit` rows of a stream, starting after `cursor` (exclusive) or at the end that `direction` begins
    /// from. Sees every durable record.
    ///
    /// # Errors
    /// When the store cannot answer.
    async fn page(
        &self,
        entity: &EntityId,
        stream: &str,
        cursor: Option<RowNo>,
        limit: usize,
        direction: Direction,
    ) -> Result<Page, ReadError>;
}

/// An entity that wants to be called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerEntry {
    /// When.
    pub due: Timestamp,
    /// Who.
    pub entity: EntityId,
}

/// The durable timer index, changed only by records.
#[async_trait]
pub trait Timers: Send + Sync {
    /// At most `limit` entries with `due <= until` that come after `after` in `(due, entity)` order.
    ///
    /// # Errors
    /// When the store cannot answer.
    async fn due(
        &self,
        until: Timestamp,
        after: Option<&TimerEntry>,
        limit: usize,
    ) -> Result<Vec<TimerEntry>, ReadError>;
}

/// One engine, seen through its seams. Cheap to clone.
#[derive(Clone)]
pub struct Stores {
    /// The truth.
    pub journal: Arc<dyn Journal>,
    /// Recovery speed.
    pub snapshots: Arc<dyn Snapshots>,
    /// Unique names.
    pub directory: Arc<dyn Directory>,
    /// Long lists.
    pub history: Arc<dyn History>,
    /// Waiting entities.
    pub timers: Arc<dyn Timers>,
}
