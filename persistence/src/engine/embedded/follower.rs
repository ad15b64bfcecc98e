//! The follower thread: brings durable records into the working set, in batches, and builds the set again when it
//! turns out to be damaged.

use super::{
    Options,
    clean::CleanStop,
    flush,
    fresh::fresh_set,
    home::Home,
    recover, replay,
    shared::{Shared, Slot, Wanted},
    working_set::{SetError, WorkingSet},
};
use crate::{JournalHealth, Position, metric_definitions as metric};
use std::{
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
    time::Duration,
};

/// How often the files of a set are opened again after they could not be read or written, before it is built again.
const REOPENS_MAX: u32 = 3;
/// Time before the second try to mend the set; doubles with each that fails.
const MEND_WAIT: Duration = Duration::from_millis(100);
/// Longest time between two tries to mend the set.
const MEND_WAIT_MAX: Duration = Duration::from_secs(60);
/// After this many flushes the set is asked to write to disk. Until then a crash makes the next start apply more.
const FLUSHES_PER_SYNC: u32 = 4;
/// Longest pause after a batch.
const BREATH_MAX: Duration = Duration::from_millis(20);

pub(super) struct Follower {
    pub(super) shared: Arc<Shared>,
    pub(super) home: Home,
    pub(super) options: Options,
    pub(super) generation: u64,
    /// Flushes since the set was last on disk.
    pub(super) unsynced: u32,
    pub(super) mending: Mending,
    /// Ends when the shared state says that the engine stops.
    pub(super) checkpointer: Option<JoinHandle<()>>,
    pub(super) wake_checkpointer: Box<dyn Fn() + Send>,
    /// Everything is in the set, and the set is on disk.
    pub(super) is_finished: bool,
}

/// What was tried to get the set back.
#[derive(Default)]
pub(super) struct Mending {
    /// What the set holds cannot be trusted: opening it again does not help.
    distrusted: bool,
    /// Times that it was opened again since it last was written to disk.
    reopens: u32,
    /// Tries in a row that failed.
    failures: u32,
}

impl Mending {
    fn wait(&self) -> Option<Duration> {
        let doubled = self.failures.checked_sub(1).map(|n| MEND_WAIT.saturating_mul(1 << n.min(16)));
        doubled.map(|wait| wait.min(MEND_WAIT_MAX))
    }
}

impl Follower {
    pub(super) fn run(mut self) {
        loop {
            let wanted = self.wait();
            if wanted.abandon {
                break;
            }
            if wanted.rebuild || self.set().is_none() {
                self.mending.distrusted |= wanted.distrust;
                self.mend();
            }
            let done = self.step();
            if wanted.stop {
                self.finish(done);
                break;
            }
        }
    }

    /// Waits for the interval or a call.
    fn wait(&self) -> Wanted {
        let mut wanted = self.shared.wanted.lock();
        if let Some(wait) = self.mending.wait() {
            // Whatever is asked meanwhile would fail as well.
            while !(wanted.stop || wanted.abandon) {
                if self.shared.wake_follower.wait_for(&mut wanted, wait).timed_out() {
                    break;
                }
            }
            return std::mem::take(&mut *wanted);
        }
        let idle = !(wanted.flush || wanted.rebuild || wanted.stop || wanted.abandon);
        if idle && self.shared.lag_bytes.load(Ordering::Acquire) < self.options.flush_bytes {
            self.shared.wake_follower.wait_for(&mut wanted, self.options.flush_interval);
        }
        std::mem::take(&mut *wanted)
    }

    /// Flushes what there is. True when nothing is left of it.
    fn step(&mut self) -> bool {
        let Some(set) = self.set() else { return false };
        match self.flush_once(&set) {
            Ok(true) => self.unsynced += 1,
            Ok(false) if self.unsynced == 0 => return true,
            Ok(false) => return self.sync(&set),
            Err(error) => {
                self.shared.set_is_damaged(&error);
                return false;
            }
        }
        if self.unsynced >= FLUSHES_PER_SYNC { self.sync(&set) } else { true }
    }

    fn set(&self) -> Option<Arc<WorkingSet>> {
        self.shared.slot.read().ready().ok().map(Arc::clone)
    }

    /// True when there was something to flush.
    fn flush_once(&self, set: &WorkingSet) -> Result<bool, SetError> {
        let table = {
            let mut layers = self.shared.layers.write();
            if layers.flushing.is_none() && !layers.active.is_empty() {
                layers.flushing = Some(Arc::new(std::mem::take(&mut layers.active)));
            }
            layers.flushing.clone()
        };
        let Some(table) = table else { return Ok(false) };
        let started = metric::start();
        let mut batch_begun = started;
        flush::flush(set, &table, |batch| {
            // Readers of several entries hold the gate: no batch is applied between two of their reads.
            let gate = self.shared.gate.write();
            set.apply(batch)?;
            drop(gate);
            self.breathe(batch_begun.elapsed());
            batch_begun = metric::start();
            Ok(())
        })?;
        self.shared.layers.write().flushing = None;
        let lag = self.shared.lag_bytes.fetch_sub(table.bytes, Ordering::AcqRel) - table.bytes;
        metric::lag(lag);
        metric::flushed(started);
        Ok(true)
    }

    /// Leaves the processor to those who answer, for as long as the last batch took: one flush is a second of work. Not
    /// when records come faster than that allows, or somebody waits for the end.
    fn breathe(&self, worked: Duration) {
        let soon_too_far = self.options.flush_bytes.saturating_add(self.options.flush_bytes / 4);
        if self.shared.lag_bytes.load(Ordering::Acquire) >= soon_too_far {
            return;
        }
        let mut wanted = self.shared.wanted.lock();
        if !(wanted.stop || wanted.abandon || wanted.rebuild) {
            self.shared.wake_follower.wait_for(&mut wanted, worked.min(BREATH_MAX));
        }
    }

    fn sync(&mut self, set: &WorkingSet) -> bool {
        let mark = set.mark();
        match set.flush() {
            Ok(()) => {
                self.unsynced = 0;
                self.mending = Mending::default();
                self.shared.set_synced.store(mark.0, Ordering::Release);
                true
            }
            Err(error) => {
                self.shared.set_is_damaged(&error);
                false
            }
        }
    }

    /// Gets the set back, up to where the layers begin: opened again when only its files failed, otherwise built again.
    /// Readers are told to come back later.
    fn mend(&mut self) {
        let upto = {
            let layers = self.shared.layers.read();
            layers.flushing.as_ref().map(|table| table.last)
        };
        let upto = upto.filter(|last| *last > Position::ZERO).unwrap_or_else(|| self.layers_begin());
        // Closing sled takes long: after the lock is free again, so that who reads is told at once.
        drop(self.shared.replace_slot(Slot::Rebuilding));
        let mended = if self.mending.distrusted || self.mending.reopens >= REOPENS_MAX {
            self.rebuild(upto)
        } else {
            self.mending.reopens += 1;
            self.reopen(upto)
        };
        match mended {
            Ok(set) => {
                self.mending.failures = 0;
                self.mending.distrusted = false;
                self.shared.set_synced.store(set.mark().0, Ordering::Release);
                drop(self.shared.replace_slot(Slot::Ready(Arc::new(set))));
                let mut wanted = self.shared.wanted.lock();
                (wanted.rebuild, wanted.distrust) = (false, false);
            }
            Err(error) => {
                self.mending.failures = self.mending.failures.saturating_add(1);
                tracing::error!(error, "the working set could not be opened or built again; trying again");
            }
        }
    }

    /// Opens the same files again. What sled had not written yet is applied from the journal.
    fn reopen(&mut self, upto: Position) -> Result<WorkingSet, String> {
        let opened = WorkingSet::open(&self.home.set(self.generation), self.options.cache_bytes)
            .and_then(|set| set.audit(|_| ()).map(|_| set));
        let set = opened.map_err(|error| {
            self.mending.distrusted |= !matches!(error, SetError::Io(_));
            error.to_string()
        })?;
        replay::catch_up(&self.home, &set, upto, self.options.flush_bytes).map_err(|error| {
            // Its mark may be older than the segments.
            self.mending.distrusted = true;
            error.to_string()
        })?;
        tracing::warn!(position = %set.mark(), "the working set was opened again");
        Ok(set)
    }

    /// Builds a set from checkpoint and journal. The one before goes first, so that there is room for it.
    fn rebuild(&mut self, upto: Position) -> Result<WorkingSet, String> {
        metric::rebuilt();
        let go_on = || !self.shared.is_stopping();
        let base = recover::newest_checkpoint(&self.home, &go_on).map_err(|error| error.to_string())?;
        // The old one may have what the journal lost.
        let from = base.as_ref().map_or(Position::ZERO, |(position, _)| *position);
        replay::check_reach(&self.home, from, upto).map_err(|error| error.to_string())?;
        let generation = self.generation + 1;
        self.home.keep_generation(generation);
        let path = base.as_ref().map(|(_, path)| path.as_path());
        let set = fresh_set(&self.home, generation, &self.options, path, &mut |_| ())
            .and_then(|set| {
                replay::catch_up(&self.home, &set, upto, self.options.flush_bytes)?;
                Ok(set)
            })
            .map_err(|error| error.to_string())?;
        self.generation = generation;
        tracing::warn!(position = %set.mark(), "the working set was rebuilt");
        Ok(set)
    }

    /// Position before the first record of the active layer, when no layer is being flushed.
    fn layers_begin(&self) -> Position {
        let layers = self.shared.layers.read();
        if layers.active.last > Position::ZERO { layers.active.before } else { self.shared.position() }
    }

    /// The last work before closing: everything into the set, the set onto disk.
    fn finish(&mut self, mut done: bool) {
        /// Tries before the next start is left to apply the rest.
        const TRIES: u32 = 3;
        for _ in 0..TRIES {
            let wanted = std::mem::take(&mut *self.shared.wanted.lock());
            if self.set().is_none() || (!done && wanted.rebuild) {
                self.mending.distrusted |= wanted.distrust;
                self.mend();
            }
            done = self.step();
            let layers = self.shared.layers.read();
            if done && layers.active.is_empty() && layers.flushing.is_none() && self.unsynced == 0 {
                drop(layers);
                self.is_finished = true;
                return;
            }
        }
        tracing::warn!("the working set was not brought up to date; the next start does it");
    }
}

impl Follower {
    /// Closes the set, and marks the stop as clean when it is.
    fn mark_clean(&self, slot: Slot) {
        /// Times that readers are given to finish, and the time between two.
        const TRIES: u32 = 50;
        const WAIT: Duration = Duration::from_millis(20);
        let Slot::Ready(set) = slot else { return };
        for _ in 0..TRIES {
            if Arc::strong_count(&set) == 1 {
                break;
            }
            std::thread::park_timeout(WAIT);
        }
        // A reader that still has the set closes it later; then files change after the mark.
        let Some(set) = Arc::into_inner(set) else { return };
        let (meta, last, is_whole) = (set.meta(), self.shared.position(), set.vouched.is_whole());
        drop(set);
        if !is_whole || !self.is_finished || !self.shared.was_closed() || meta.mark != last {
            return;
        }
        let erased_at = self.shared.index.read().erased().unwrap_or_default();
        if let Err(error) = CleanStop::write(&self.home, self.generation, last, meta, erased_at) {
            tracing::warn!(%error, "the clean stop could not be marked; the next start checks everything");
        }
    }
}

impl Drop for Follower {
    /// However the thread ends, everything is given back, then whoever waits for the close is told.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.set_health(JournalHealth::Failed("the follower thread panicked".into()));
        }
        self.shared.stopping.store(true, Ordering::Release);
        (self.wake_checkpointer)();
        if self.checkpointer.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the checkpoint thread panicked");
        }
        let slot = self.shared.replace_slot(Slot::Closed);
        self.mark_clean(slot);
        drop(self.shared.lock.lock().take());
        self.shared.finished.send_replace(true);
    }
}
