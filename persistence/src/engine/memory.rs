//! Engine `memory`: everything in one process-local table, for tests and simulation.
//!
//! What it holds is gone with the process. It keeps the same promises as the durable engine otherwise, and its
//! [`MemoryHandle`] can hold appends back or make them fail, so that the rooms above can test what they do then.

mod faults;
mod table;

use crate::{
    AppendError, Committed, Direction, Directory, EntityId, History, Journal, JournalHealth, NewRecord, Page,
    Position, ReadError, RowNo, Seq, SnapshotBlob, Snapshots, StoredRecord, Stores, TimerEntry, Timers,
    Timestamp,
};
use async_trait::async_trait;
pub use faults::{Fault, MemoryHandle};
use faults::{Faults, Verdict};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use table::Table;

/// An empty engine and the handle that steers it.
#[must_use]
pub fn open() -> (Stores, MemoryHandle) {
    let shared = Arc::new(Shared { table: Mutex::new(Table::default()), faults: Faults::default() });
    (stores(&shared), MemoryHandle { shared })
}

fn stores(shared: &Arc<Shared>) -> Stores {
    let engine = Arc::new(Engine { shared: Arc::clone(shared), closed: AtomicBool::new(false) });
    Stores {
        journal: Arc::<Engine>::clone(&engine),
        snapshots: Arc::<Engine>::clone(&engine),
        directory: Arc::<Engine>::clone(&engine),
        history: Arc::<Engine>::clone(&engine),
        timers: engine,
    }
}

struct Shared {
    table: Mutex<Table>,
    faults: Faults,
}

/// One opening of the table.
struct Engine {
    shared: Arc<Shared>,
    closed: AtomicBool,
}

impl Engine {
    fn check_open(&self) -> Result<(), AppendError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(AppendError::Unavailable("the journal is closed".into()));
        }
        match &*self.shared.faults.health.borrow() {
            JournalHealth::Failed(why) => Err(AppendError::Unavailable(why.clone())),
            JournalHealth::Open | JournalHealth::Closed => Ok(()),
        }
    }

    fn check_readable(&self) -> Result<(), ReadError> {
        self.shared.faults.next_read()
    }
}

#[async_trait]
impl Journal for Engine {
    async fn append(&self, record: NewRecord) -> Result<Committed, AppendError> {
        self.check_open()?;
        if let Some(retry_after) = self.shared.faults.pressure() {
            return Err(AppendError::Overloaded { retry_after });
        }
        record.check_limits()?;
        self.shared.faults.pass_gate().await;
        self.check_open()?;
        match self.shared.faults.next_append() {
            Verdict::Pass => self.shared.table.lock().append(record),
            Verdict::Refuse(error) => Err(error),
            Verdict::AppendThen(error) => {
                self.shared.table.lock().append(record)?;
                Err(error)
            }
        }
    }

    async fn head(&self, entity: &EntityId) -> Result<Seq, ReadError> {
        self.check_readable()?;
        Ok(self.shared.table.lock().head(entity))
    }

    async fn entities(
        &self,
        kind: &str,
        after: Option<&EntityId>,
        limit: usize,
    ) -> Result<Vec<EntityId>, ReadError> {
        self.check_readable()?;
        Ok(self.shared.table.lock().entities(kind, after, limit))
    }

    async fn tail(&self, entity: &EntityId, after: Seq) -> Result<Vec<StoredRecord>, ReadError> {
        self.check_readable()?;
        Ok(self.shared.table.lock().tail(entity, after))
    }

    async fn read(&self, from: Position, limit: usize) -> Result<Vec<StoredRecord>, ReadError> {
        self.check_readable()?;
        Ok(self.shared.table.lock().read(from, limit))
    }

    fn position(&self) -> Position {
        self.shared.table.lock().position()
    }

    fn pressure(&self) -> Option<Duration> {
        self.shared.faults.pressure()
    }

    fn health(&self) -> JournalHealth {
        if self.closed.load(Ordering::Acquire) {
            return JournalHealth::Closed;
        }
        self.shared.faults.health.borrow().clone()
    }

    async fn failed(&self) -> String {
        super::failure(self.shared.faults.health.subscribe()).await
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

#[async_trait]
impl Snapshots for Engine {
    async fn load(&self, entity: &EntityId) -> Result<Option<SnapshotBlob>, ReadError> {
        self.check_readable()?;
        Ok(self.shared.table.lock().snapshot(entity))
    }

    async fn save(&self, entity: &EntityId, snapshot: SnapshotBlob) -> Result<(), ReadError> {
        self.shared.table.lock().save_snapshot(entity, snapshot)
    }
}

#[async_trait]
impl Directory for Engine {
    async fn lookup(&self, name: &str) -> Result<Option<EntityId>, ReadError> {
        self.check_readable()?;
        Ok(self.shared.table.lock().owner(name))
    }
}

#[async_trait]
impl History for Engine {
    async fn page(
        &self,
        entity: &EntityId,
        stream: &str,
        cursor: Option<RowNo>,
        limit: usize,
        direction: Direction,
    ) -> Result<Page, ReadError> {
        self.check_readable()?;
        Ok(self.shared.table.lock().page(entity, stream, cursor, limit, direction))
    }
}

#[async_trait]
impl Timers for Engine {
    async fn due(
        &self,
        until: Timestamp,
        after: Option<&TimerEntry>,
        limit: usize,
    ) -> Result<Vec<TimerEntry>, ReadError> {
        self.check_readable()?;
        Ok(self.shared.table.lock().due(until, after, limit))
    }
}

#[cfg(test)]
mod tests;
