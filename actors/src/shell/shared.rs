//! What all parts of one host share.

use super::{
    admission::{Bound, Meter},
    answer::AskError,
    limits::ShellLimits,
    metrics::Metrics,
    relay::Relay,
    slot::{Inner, Live, Phase, Slot},
    supervisor::Unheard,
    timers::TimerService,
};
use crate::{
    Entity, Timestamp,
    ports::{Clock, Outlet},
};
use greenroom_persistence::{EntityId, Stores};
use parking_lot::Mutex;
use ractor::{ActorId, ActorRef};
use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Shards of the map from keys to slots: keeps senders to different entities apart.
const SHARDS: usize = 64;

/// Which activation, by generation, an actor is.
type Activations<E> = Mutex<HashMap<ActorId, (Weak<Slot<E>>, u64)>>;
type Shard<E> = Mutex<HashMap<Box<str>, Arc<Slot<E>>>>;

/// The map from keys to slots.
pub(super) struct Slots<E: Entity> {
    hasher: RandomState,
    shards: Vec<Shard<E>>,
}

impl<E: Entity> Default for Slots<E> {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl<E: Entity> Slots<E> {
    fn shard(&self, key: &str) -> Option<&Shard<E>> {
        let hash = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        self.shards.get(hash)
    }

    fn find(&self, key: &str) -> Option<Arc<Slot<E>>> {
        self.shard(key)?.lock().get(key).cloned()
    }

    fn insert(&self, key: &str, fresh: Slot<E>) -> Arc<Slot<E>> {
        let fresh = Arc::new(fresh);
        let Some(shard) = self.shard(key) else { return fresh };
        Arc::clone(shard.lock().entry(key.into()).or_insert(fresh))
    }

    fn remove(&self, slot: &Arc<Slot<E>>) {
        let key = slot.id.key();
        let Some(shard) = self.shard(key) else { return };
        let mut shard = shard.lock();
        if shard.get(key).is_some_and(|found| Arc::ptr_eq(found, slot)) {
            shard.remove(key);
        }
    }

    /// All slots now, for sweeps.
    pub(super) fn all(&self) -> Vec<Arc<Slot<E>>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(shard.lock().values().cloned());
        }
        all
    }
}

/// See the module.
pub(super) struct Shell<E: Entity> {
    pub(super) stores: Stores,
    pub(super) outlet: Arc<dyn Outlet<E>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: ShellLimits,
    pub(super) total: Arc<Meter>,
    pub(super) slots: Slots<E>,
    pub(super) supervisor: ActorRef<Unheard>,
    /// Which activation an actor is.
    pub(super) actors: Activations<E>,
    pub(super) activations: Semaphore,
    pub(super) snapshot_permits: Semaphore,
    pub(super) relay: Relay<E>,
    pub(super) timers: TimerService,
    pub(super) watchers: Arc<AtomicUsize>,
    pub(super) readers: Arc<AtomicUsize>,
    pub(super) tasks: TaskTracker,
    /// No new commands, no new ticks.
    pub(super) closing: CancellationToken,
    /// Everything ends now.
    pub(super) aborted: CancellationToken,
    /// Something that a drain waits for may have ended.
    pub(super) progress: Notify,
    /// More is resident than should be.
    pub(super) pressure: Notify,
    pub(super) resident: AtomicUsize,
    pub(super) resident_bytes: AtomicUsize,
    pub(super) metrics: Metrics,
}

impl<E: Entity> Shell<E> {
    pub(super) fn new(
        stores: Stores,
        outlet: Arc<dyn Outlet<E>>,
        clock: Arc<dyn Clock>,
        limits: ShellLimits,
        supervisor: ActorRef<Unheard>,
    ) -> Self {
        Self {
            stores,
            outlet,
            clock,
            total: Arc::default(),
            slots: Slots::default(),
            supervisor,
            actors: Mutex::default(),
            activations: Semaphore::new(limits.activations),
            snapshot_permits: Semaphore::new(limits.snapshots),
            relay: Relay::default(),
            timers: TimerService::new(limits.timers, limits.ticks),
            watchers: Arc::default(),
            readers: Arc::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            aborted: CancellationToken::new(),
            progress: Notify::new(),
            pressure: Notify::new(),
            resident: AtomicUsize::new(0),
            resident_bytes: AtomicUsize::new(0),
            metrics: Metrics::of_kind(E::KIND),
            limits,
        }
    }

    /// Runs `act` on the slot of a key under its lock, making the slot when there is none.
    pub(super) fn with_key<T>(
        &self,
        key: &str,
        act: impl FnOnce(&Arc<Slot<E>>, &mut Inner<E>) -> T,
    ) -> Result<T, AskError<E>> {
        loop {
            let slot = match self.slots.find(key) {
                Some(slot) => slot,
                None => {
                    let id = EntityId::new(E::KIND, key).map_err(|_| AskError::BadKey)?;
                    self.slots.insert(key, Slot::new(id, self.clock.now()))
                }
            };
            let mut inner = slot.lock();
            // Under the lock: whoever gets past this is in a slot that the abort finds and empties.
            if self.aborted.is_cancelled() {
                return Err(AskError::ShuttingDown);
            }
            if matches!(inner.phase, Phase::Gone) {
                drop(inner);
                self.slots.remove(&slot);
                continue;
            }
            return Ok(act(&slot, &mut inner));
        }
    }

    /// Like `with_key`, for an id that is known to be good.
    pub(super) fn with_slot(&self, id: &EntityId, act: impl FnOnce(&Arc<Slot<E>>, &mut Inner<E>)) {
        // The key of an existing id is never refused; a host that was aborted has nothing to do.
        let _ = self.with_key(id.key(), act);
    }

    /// Bounds on what is admitted: in total, and per entity.
    pub(super) const fn bounds(&self) -> (Bound, Bound) {
        let limits = &self.limits;
        (
            Bound { commands: limits.total_commands, bytes: limits.total_bytes },
            Bound { commands: limits.entity_commands, bytes: limits.entity_bytes },
        )
    }

    /// Replaces what is live; the old value is returned to be dropped outside the lock.
    pub(super) fn set_live(&self, inner: &mut Inner<E>, live: Option<Live<E>>) -> Option<Live<E>> {
        let weight = live.as_ref().map(|live| live.weight);
        let old = std::mem::replace(&mut inner.live, live);
        match (old.as_ref().map(|live| live.weight), weight) {
            (None, Some(new)) => {
                self.resident.fetch_add(1, Relaxed);
                self.resident_bytes.fetch_add(new, Relaxed);
            }
            (Some(old), None) => {
                self.resident.fetch_sub(1, Relaxed);
                self.resident_bytes.fetch_sub(old, Relaxed);
            }
            (Some(old), Some(new)) if new >= old => {
                self.resident_bytes.fetch_add(new - old, Relaxed);
            }
            (Some(old), Some(new)) => {
                self.resident_bytes.fetch_sub(old - new, Relaxed);
            }
            (None, None) => {}
        }
        if self.is_over_cap() {
            self.pressure.notify_one();
        }
        old
    }

    /// More is resident than the limits say.
    pub(super) fn is_over_cap(&self) -> bool {
        self.resident.load(Relaxed) > self.limits.resident
            || self.resident_bytes.load(Relaxed) > self.limits.resident_bytes
    }

    /// Lets go of a slot that nobody would miss.
    pub(super) fn reclaim(&self, slot: &Arc<Slot<E>>, now: Timestamp) {
        {
            let mut inner = slot.lock();
            if !inner.is_reclaimable(now) {
                return;
            }
            inner.phase = Phase::Gone;
        }
        self.slots.remove(slot);
    }
}
