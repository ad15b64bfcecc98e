//! What writer, follower and readers share, and the order in which they look.
//!
//! Locks are taken in the order gate, slot, layers. A reader of several entries holds the gate, reads the set, then looks
//! at the layers: while it holds the gate no batch is applied, and what leaves the layers was applied before. A reader of
//! one entry looks at the layers, then reads the set, and needs no gate: what it does not find in the layers was in the
//! set before it looked. So the writer, which reads single entries, never waits for a batch.

use super::{
    auditor::Audit,
    log::LogIndex,
    memtable::Layers,
    recent::Recent,
    working_set::{SetError, WorkingSet},
};
use crate::{AppendError, EntityId, JournalHealth, Position, ReadError, Seq};
use bytes::Bytes;
use parking_lot::{Condvar, Mutex, RwLock};
use std::{
    collections::HashSet,
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};
use tokio::sync::watch;

/// Most names whose owners are remembered beside the set.
const NAMES_CACHED_MAX: usize = 65_536;

/// Most entities for which a rebuild is started because their records are missing from the journal too.
const GAPS_MAX: usize = 1024;

/// The working set, or its absence.
pub(super) enum Slot {
    Ready(Arc<WorkingSet>),
    /// It is being built again.
    Rebuilding,
    Closed,
}

impl Slot {
    pub(super) fn ready(&self) -> Result<&Arc<WorkingSet>, ReadError> {
        match self {
            Self::Ready(set) => Ok(set),
            Self::Rebuilding => Err(ReadError::Unavailable("the working set is being rebuilt".into())),
            Self::Closed => Err(ReadError::Unavailable("the journal is closed".into())),
        }
    }
}

/// What the follower is asked to do.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) flush: bool,
    pub(super) rebuild: bool,
    /// What the set holds is wrong; otherwise its files could not be read or written.
    pub(super) distrust: bool,
    pub(super) stop: bool,
    /// Stop without finishing anything, as a crash would.
    pub(super) abandon: bool,
}

pub(super) struct Shared {
    pub(super) layers: RwLock<Layers>,
    /// Held for a moment only, to take the set out.
    pub(super) slot: RwLock<Slot>,
    /// Held for writing while a batch is applied.
    pub(super) gate: RwLock<()>,
    pub(super) index: Arc<RwLock<LogIndex>>,
    /// Position of the last record that is durable and visible.
    pub(super) published: AtomicU64,
    /// Rough size of the layers, in bytes.
    pub(super) lag_bytes: AtomicUsize,
    /// Lag at which the follower is woken, in bytes.
    pub(super) flush_bytes: usize,
    /// Bytes of appends that the writer has not taken yet.
    pub(super) queued_bytes: AtomicUsize,
    /// Position up to which the set is safely on disk. Segments after it must stay.
    pub(super) set_synced: AtomicU64,
    /// Journal bytes since the newest checkpoint.
    pub(super) uncovered_bytes: AtomicU64,
    pub(super) abandoned: AtomicBool,
    /// The engine is being closed: what takes long and can be done by a later start is given up.
    pub(super) stopping: AtomicBool,
    health: watch::Sender<JournalHealth>,
    pub(super) wanted: Mutex<Wanted>,
    pub(super) wake_follower: Condvar,
    names: Mutex<NameCache>,
    /// Entities whose tail has a gap that the journal does not fill: a rebuild was started for each of them once.
    gaps: Mutex<HashSet<EntityId>>,
    pub(super) finished: watch::Sender<bool>,
    /// How far the check of what a crash left is.
    pub(super) audit: watch::Sender<Audit>,
    #[cfg(test)]
    pub(super) fail_next_write: Arc<AtomicBool>,
    /// Keeps other processes out for as long as it lives.
    pub(super) lock: Mutex<Option<File>>,
}

impl Shared {
    pub(super) fn new(
        set: WorkingSet,
        index: LogIndex,
        last: Position,
        flush_bytes: usize,
        lock: File,
    ) -> Self {
        let mark = set.mark();
        Self {
            layers: RwLock::default(),
            slot: RwLock::new(Slot::Ready(Arc::new(set))),
            gate: RwLock::default(),
            index: Arc::new(RwLock::new(index)),
            published: AtomicU64::new(last.0),
            lag_bytes: AtomicUsize::new(0),
            flush_bytes,
            queued_bytes: AtomicUsize::new(0),
            set_synced: AtomicU64::new(mark.0),
            uncovered_bytes: AtomicU64::new(0),
            abandoned: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            health: watch::Sender::new(JournalHealth::Open),
            wanted: Mutex::default(),
            wake_follower: Condvar::new(),
            names: Mutex::default(),
            gaps: Mutex::default(),
            finished: watch::Sender::new(false),
            audit: watch::Sender::default(),
            #[cfg(test)]
            fail_next_write: Arc::default(),
            lock: Mutex::new(Some(lock)),
        }
    }

    pub(super) fn position(&self) -> Position {
        Position(self.published.load(Ordering::Acquire))
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(super) fn check_writable(&self) -> Result<(), AppendError> {
        match &*self.health.borrow() {
            JournalHealth::Open => Ok(()),
            JournalHealth::Closed => Err(AppendError::Unavailable("the journal is closed".into())),
            JournalHealth::Failed(why) => {
                Err(AppendError::Unavailable(format!("an earlier write failed, restart to recover: {why}")))
            }
        }
    }

    /// Appends were stopped by a close, and no write failed before.
    pub(super) fn was_closed(&self) -> bool {
        *self.health.borrow() == JournalHealth::Closed
    }

    /// Stops appends for good. The first reason stays.
    pub(super) fn set_health(&self, health: JournalHealth) {
        self.health.send_if_modified(|now| {
            let is_first = *now == JournalHealth::Open;
            if is_first {
                *now = health;
            }
            is_first
        });
    }

    pub(super) fn health(&self) -> watch::Receiver<JournalHealth> {
        self.health.subscribe()
    }

    pub(super) fn want(&self, change: impl FnOnce(&mut Wanted)) {
        change(&mut self.wanted.lock());
        self.wake_follower.notify_one();
    }

    /// Notes that the set failed: it is opened again, or built again at once when what it gave was wrong.
    pub(super) fn set_is_damaged(&self, error: &SetError) {
        let mut wanted = self.wanted.lock();
        wanted.distrust |= !matches!(error, SetError::Io(_));
        if !wanted.rebuild {
            tracing::warn!(%error, "the working set failed and will be opened or built again");
            wanted.rebuild = true;
            self.wake_follower.notify_one();
        }
    }

    /// Puts something else in the slot. What was in it is given back, because dropping it may take long.
    #[must_use = "dropped here, a set would be closed while readers wait"]
    pub(super) fn replace_slot(&self, slot: Slot) -> Slot {
        std::mem::replace(&mut *self.slot.write(), slot)
    }

    /// True once for each entity, and never again when too many had gaps.
    pub(super) fn is_first_gap(&self, entity: &EntityId) -> bool {
        let mut gaps = self.gaps.lock();
        gaps.len() < GAPS_MAX && gaps.insert(entity.clone())
    }

    /// Takes a snapshot for the next flush.
    pub(super) fn keep_snapshot(&self, entity: &EntityId, seq: Seq, state: Bytes) {
        let mut layers = self.layers.write();
        let before = layers.active.bytes;
        layers.active.keep_snapshot(entity, seq, state);
        let added = layers.active.bytes.saturating_sub(before);
        // Under the lock: the follower must not take it off the lag before it is on it.
        let lag = self.lag_bytes.fetch_add(added, Ordering::AcqRel) + added;
        drop(layers);
        self.lag_grew(lag, added);
    }

    /// Wakes the follower when the lag has just come to where it is wanted.
    pub(super) fn lag_grew(&self, lag: usize, added: usize) {
        if lag >= self.flush_bytes && lag - added < self.flush_bytes {
            self.want(|wanted| wanted.flush = true);
        }
    }

    /// The set of this moment.
    pub(super) fn set(&self) -> Result<Arc<WorkingSet>, ReadError> {
        self.slot.read().ready().map(Arc::clone)
    }

    /// Reads from the set. An error of the set starts its repair.
    pub(super) fn with_set<T>(
        &self,
        set: &WorkingSet,
        read: impl FnOnce(&WorkingSet) -> Result<T, SetError>,
    ) -> Result<T, ReadError> {
        read(set).map_err(|error| {
            self.set_is_damaged(&error);
            ReadError::Damaged(error.to_string())
        })
    }

    /// Owner of a name, when that is remembered; otherwise what [`Shared::remember_owner`] needs.
    pub(super) fn cached_owner(&self, name: &str) -> Result<Option<EntityId>, NameEpoch> {
        let cache = self.names.lock();
        cache.owners.get(name).cloned().ok_or(NameEpoch(cache.epoch))
    }

    /// Remembers an owner that was read, unless names changed since.
    pub(super) fn remember_owner(&self, name: &str, owner: Option<&EntityId>, read_at: NameEpoch) {
        let mut cache = self.names.lock();
        if cache.epoch == read_at.0 {
            cache.insert(name, owner.cloned());
        }
    }

    /// Tells the cache about changes that are in the layers already.
    pub(super) fn names_changed<'a>(&self, changes: impl Iterator<Item = (&'a str, Option<EntityId>)>) {
        let mut cache = self.names.lock();
        cache.epoch += 1;
        for (name, owner) in changes {
            cache.insert(name, owner);
        }
    }
}

/// Tells whether names changed since.
#[derive(Clone, Copy)]
pub(super) struct NameEpoch(u64);

struct NameCache {
    owners: Recent<String, Option<EntityId>>,
    epoch: u64,
}

impl Default for NameCache {
    fn default() -> Self {
        Self { owners: Recent::new(NAMES_CACHED_MAX), epoch: 0 }
    }
}

impl NameCache {
    fn insert(&mut self, name: &str, owner: Option<EntityId>) {
        self.owners.age();
        self.owners.insert(name.to_owned(), owner);
    }
}
