//! The timer service: one per host. Near dues are in memory, far ones in the durable index, and no due is lost
//! between them.
//!
//! What is in memory may be stale: a tick only asks the entity whether it is due, and its answer arms the timer anew.
//! Everything up to `covered` is in memory; `covered` moves ahead *before* the index is read, so that a due that
//! becomes durable meanwhile is either read or told.

use super::{
    shared::Shell,
    slot::{Envelope, Origin},
};
use crate::{Entity, Timestamp};
use greenroom_persistence::{EntityId, ReadError, TimerEntry};
use parking_lot::Mutex;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{Notify, Semaphore};

/// Least time between two reads of the durable index.
const SCAN_PAUSE: Duration = Duration::from_secs(1);

/// Dues in memory.
struct Dues {
    by_due: BTreeSet<(Timestamp, EntityId)>,
    of: HashMap<EntityId, Timestamp>,
    /// Every due up to here is in memory.
    covered: Timestamp,
}

impl Dues {
    fn remove(&mut self, id: &EntityId) {
        if let Some(due) = self.of.remove(id) {
            self.by_due.remove(&(due, id.clone()));
        }
    }

    /// Keeps the due; beyond `limit` entries the farthest leave, and `covered` with them. True when the timer loop
    /// must look again: the due is the first, or less is covered.
    fn insert(&mut self, id: &EntityId, due: Timestamp, limit: usize) -> bool {
        self.remove(id);
        let mut look = self.by_due.first().is_none_or(|(first, _)| due < *first);
        self.of.insert(id.clone(), due);
        self.by_due.insert((due, id.clone()));
        while self.by_due.len() > limit {
            let Some((due, id)) = self.by_due.pop_last() else { break };
            self.of.remove(&id);
            self.covered = self.covered.min(due - Duration::from_millis(1));
            look = true;
        }
        look
    }
}

/// The timer service's part of a shell.
pub(super) struct TimerService {
    dues: Mutex<Dues>,
    sooner: Notify,
    pub(super) ticks: Arc<Semaphore>,
    limit: usize,
}

impl TimerService {
    pub(super) fn new(limit: usize, ticks: usize) -> Self {
        Self {
            dues: Mutex::new(Dues { by_due: BTreeSet::new(), of: HashMap::new(), covered: Timestamp::MIN }),
            sooner: Notify::new(),
            ticks: Arc::new(Semaphore::new(ticks)),
            limit,
        }
    }

    /// Says when an entity wants to be called. What is beyond the covered time is left to the durable index.
    pub(super) fn set(&self, id: &EntityId, due: Option<Timestamp>) {
        let mut dues = self.dues.lock();
        match due {
            Some(due) if due <= dues.covered => {
                let look = dues.insert(id, due, self.limit);
                drop(dues);
                if look {
                    self.sooner.notify_one();
                }
            }
            _ => dues.remove(id),
        }
    }

    /// Arms a due that the durable index may not know: a retry or the pause of an entity that stays due.
    pub(super) fn rearm(&self, id: &EntityId, due: Timestamp) {
        self.dues.lock().insert(id, due, self.limit);
        self.sooner.notify_one();
    }

    fn pop(&self, now: Timestamp) -> Option<EntityId> {
        let mut dues = self.dues.lock();
        if dues.by_due.first().is_none_or(|(due, _)| *due > now) {
            return None;
        }
        let (_, id) = dues.by_due.pop_first()?;
        dues.of.remove(&id);
        Some(id)
    }

    fn first(&self) -> Option<Timestamp> {
        self.dues.lock().by_due.first().map(|(due, _)| *due)
    }

    fn covered(&self) -> Timestamp {
        self.dues.lock().covered
    }

    /// Dues in memory.
    pub(super) fn len(&self) -> usize {
        self.dues.lock().by_due.len()
    }
}

impl<E: Entity> Shell<E> {
    /// Runs until the host drains or is aborted.
    pub(super) async fn run_timers(shell: Arc<Self>) {
        let mut next_scan = Timestamp::MIN;
        loop {
            let now = shell.clock.now();
            if now >= next_scan {
                shell.timers.dues.lock().covered = now + shell.limits.timer_horizon;
                let wait = match shell.read_timers(now + shell.limits.timer_horizon).await {
                    Ok(()) => shell.limits.timer_horizon / 2,
                    Err(error) => {
                        tracing::warn!(entity.kind = E::KIND, %error, "the timer index is unreadable, trying again");
                        SCAN_PAUSE
                    }
                };
                next_scan = now + wait.max(SCAN_PAUSE);
            }
            while let Some(id) = shell.timers.pop(now) {
                let ticks = Arc::clone(&shell.timers.ticks);
                let permit = tokio::select! {
                    Ok(permit) = ticks.acquire_owned() => permit,
                    () = shell.closing.cancelled() => return,
                };
                Self::tick(&shell, &id, permit);
            }
            // Less is covered when memory was full: read again when time gets there.
            next_scan = next_scan.min(shell.timers.covered().max(now + SCAN_PAUSE));
            let until = shell.timers.first().map_or(next_scan, |first| first.min(next_scan));
            tokio::select! {
                () = shell.clock.sleep_until(until) => {}
                () = shell.timers.sooner.notified() => {}
                () = shell.closing.cancelled() => return,
            }
        }
    }

    /// Takes what is due until then from the durable index into memory.
    async fn read_timers(&self, until: Timestamp) -> Result<(), ReadError> {
        let mut after: Option<TimerEntry> = None;
        loop {
            let page = self.stores.timers.due(until, after.as_ref(), self.limits.timer_page).await?;
            let full = page.len() >= self.limits.timer_page;
            let mut dues = self.timers.dues.lock();
            for entry in page.iter().filter(|entry| entry.entity.kind() == E::KIND) {
                // What the entity told since is newer than what was read.
                if entry.due <= dues.covered && !dues.of.contains_key(&entry.entity) {
                    dues.insert(&entry.entity, entry.due, self.timers.limit);
                }
            }
            after = page.into_iter().next_back();
            if !full || after.as_ref().is_none_or(|last| last.due > dues.covered) {
                return Ok(());
            }
        }
    }

    fn tick(shell: &Arc<Self>, id: &EntityId, permit: tokio::sync::OwnedSemaphorePermit) {
        shell.with_slot(id, |slot, inner| {
            if inner.internal.iter().any(Envelope::is_tick) {
                return;
            }
            let now = shell.clock.now();
            let retry_at = inner.retry_at.filter(|_| inner.is_vacant());
            if let Some(at) = retry_at.max(inner.ticks_paused_until).filter(|at| *at > now) {
                // Recovery pauses after a failure, or ticks after poison: ask again when it may be tried.
                shell.timers.rearm(id, at);
                return;
            }
            inner.internal.push_back(Envelope::new(E::tick(), Origin::Tick { _permit: permit }));
            Self::stir(shell, slot, inner);
        });
    }
}
