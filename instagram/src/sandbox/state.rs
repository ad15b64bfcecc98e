//! The handle to a sandbox: the world behind its lock, its clock and its ledger.

use super::{
    delivery::Settings,
    ledger::Ledger,
    limits::WAIT_MAX,
    options::{ClockSource, Seed},
    world::World,
};
use parking_lot::Mutex;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Notify, watch};

/// A handle to a running sandbox, cheap to clone. Everything that the control API does can be done with
/// [`SandboxState::control`] without a socket.
#[derive(Clone)]
pub struct SandboxState {
    inner: Arc<Inner>,
}

/// What a reset returns to.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) rng_seed: u64,
    pub(crate) id_base: u64,
    pub(crate) allow_remote: bool,
    pub(crate) settings: Settings,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) enforce_rate_limits: bool,
}

struct Inner {
    world: Mutex<World>,
    ledger: Mutex<Ledger>,
    clock: ClockSource,
    started: Instant,
    client: reqwest::Client,
    origin: Origin,
    /// Wakes the delivery scheduler.
    delivery_work: Notify,
    /// Counts changes, for those who wait.
    changes: watch::Sender<u64>,
    stop: watch::Sender<bool>,
    /// Changed since the last save.
    dirty: AtomicBool,
    save_work: Notify,
    /// Monotonic milliseconds of the product's last call.
    last_call: AtomicU64,
    bursts: AtomicUsize,
}

impl fmt::Debug for SandboxState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SandboxState")
    }
}

impl Origin {
    /// The world at the start of time `now`.
    pub(crate) fn world(&self, seed: Seed, rng_seed: u64, now: i64) -> World {
        let mut world = World::seeded(seed, self.id_base, rng_seed, now, self.settings.clone());
        world.app.redirect_uris.clone_from(&self.redirect_uris);
        world.app.enforce_rate_limits = self.enforce_rate_limits;
        world
    }
}

impl SandboxState {
    pub(crate) fn new(world: World, origin: Origin, clock: ClockSource, client: reqwest::Client) -> Self {
        Self {
            inner: Arc::new(Inner {
                world: Mutex::new(world),
                ledger: Mutex::default(),
                clock,
                started: Instant::now(),
                client,
                origin,
                delivery_work: Notify::new(),
                changes: watch::Sender::new(0),
                stop: watch::Sender::new(false),
                dirty: AtomicBool::new(true),
                save_work: Notify::new(),
                last_call: AtomicU64::new(0),
                bursts: AtomicUsize::new(0),
            }),
        }
    }

    fn mono(&self) -> u64 {
        u64::try_from(self.inner.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn enter<R>(&self, work: impl FnOnce(&mut World) -> R) -> R {
        let mut world = self.inner.world.lock();
        world.now = self.inner.clock.now_millis() + world.clock_offset;
        world.mono = self.mono();
        work(&mut world)
    }

    /// Runs an operation on the world, then wakes everyone whom a change can concern.
    pub(crate) fn locked<R>(&self, work: impl FnOnce(&mut World) -> R) -> R {
        let result = self.enter(work);
        if !self.inner.dirty.swap(true, Ordering::AcqRel) {
            self.inner.save_work.notify_one();
        }
        self.inner.delivery_work.notify_one();
        self.inner.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
        result
    }

    /// Runs an operation of the scheduler, which wakes itself.
    pub(crate) fn locked_quietly<R>(&self, work: impl FnOnce(&mut World) -> R) -> R {
        self.enter(work)
    }

    /// Reads.
    pub(crate) fn peek<R>(&self, work: impl FnOnce(&World) -> R) -> R {
        self.enter(|world| work(world))
    }

    pub(crate) fn with_ledger<R>(&self, work: impl FnOnce(&mut Ledger) -> R) -> R {
        work(&mut self.inner.ledger.lock())
    }

    /// Notes that the product called.
    pub(crate) fn touch(&self) {
        self.inner.last_call.store(self.mono(), Ordering::Release);
    }

    /// Unix milliseconds on the sandbox's clock.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.peek(|world| world.now)
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.inner.client
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.inner.origin
    }

    /// Claims one of `max` places for a burst; give it back with [`Self::end_burst`].
    pub(crate) fn begin_burst(&self, max: usize) -> bool {
        self.inner
            .bursts
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| (n < max).then_some(n + 1))
            .is_ok()
    }

    pub(crate) fn end_burst(&self) {
        self.inner.bursts.fetch_sub(1, Ordering::AcqRel);
        self.inner.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// Begins the end of all background work.
    pub(crate) fn stop(&self) {
        self.inner.stop.send_replace(true);
    }

    /// Returns once [`Self::stop`] was called.
    pub(crate) async fn stopped(&self) {
        // The sender lives in `self`, so waiting can not fail.
        let _ = self.inner.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// Returns when something may be due for delivery, at the latest at `next` (monotonic milliseconds).
    pub(crate) async fn wait_for_delivery_work(&self, next: Option<u64>) {
        let Some(next) = next else { return self.inner.delivery_work.notified().await };
        let wait = Duration::from_millis(next.saturating_sub(self.mono()));
        tokio::select! {
            () = self.inner.delivery_work.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }

    /// Returns at the first change since the last save.
    pub(crate) async fn wait_for_change_to_save(&self) {
        while !self.inner.dirty.load(Ordering::Acquire) {
            self.inner.save_work.notified().await;
        }
    }

    /// A copy to save; what changes from now on is dirty again.
    pub(crate) fn copy_to_save(&self) -> World {
        self.inner.dirty.store(false, Ordering::Release);
        self.peek(World::clone)
    }

    /// Marks the state as not saved.
    pub(crate) fn not_saved(&self) {
        self.inner.dirty.store(true, Ordering::Release);
    }

    /// Waits until `ready` says so, looking again after each change. False when `timeout` passed first.
    ///
    /// `ready` may also name the milliseconds after which to look again without a change.
    pub(crate) async fn wait_until(
        &self,
        timeout: Duration,
        mut ready: impl FnMut(&Self) -> Result<(), Option<u64>>,
    ) -> bool {
        let mut changes = self.inner.changes.subscribe();
        let deadline = tokio::time::sleep(timeout.min(WAIT_MAX));
        tokio::pin!(deadline);
        loop {
            changes.mark_unchanged();
            let again = match ready(self) {
                Ok(()) => return true,
                Err(again) => Duration::from_millis(again.unwrap_or(60_000)),
            };
            tokio::select! {
                () = &mut deadline => return ready(self).is_ok(),
                _ = changes.changed() => {}
                () = tokio::time::sleep(again) => {}
            }
        }
    }

    /// Whether nothing waits for delivery, no burst runs and the product was quiet for `quiet_ms`; otherwise when to
    /// look again.
    pub(crate) fn is_idle(&self, quiet_ms: u64) -> Result<(), Option<u64>> {
        let pending = self.peek(|world| world.delivery.url.is_some() && world.queue.pending() > 0);
        if pending || self.inner.bursts.load(Ordering::Acquire) > 0 {
            return Err(None);
        }
        let quiet = self.mono().saturating_sub(self.inner.last_call.load(Ordering::Acquire));
        if quiet >= quiet_ms { Ok(()) } else { Err(Some(quiet_ms - quiet)) }
    }
}
