//! Passivation: idle or least recently used activations end, without losing mail.
//!
//! The activation itself decides under the slot's lock: only when nothing waits, runs or is owed does the slot become
//! vacant, and whoever sends afterwards starts the next activation.

use super::{
    actor::{EntityActor, Nudge},
    shared::Shell,
    slot::{Phase, Slot},
};
use crate::{Entity, Timestamp};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

/// Part of the cap that a sweep under pressure frees, so that sweeps stay rare: one sixteenth.
const HEADROOM: usize = 16;
/// Pause after a sweep under pressure.
const PRESSURE_PAUSE: Duration = Duration::from_millis(20);

impl<E: Entity> EntityActor<E> {
    /// Makes the slot vacant if nothing is owed; true when the activation must stop.
    pub(super) fn passivate(&self, unused_since: Timestamp) -> bool {
        let Self { shell, slot, .. } = self;
        let old = {
            let mut inner = slot.lock();
            inner.passivating = false;
            let busy = inner.live.as_ref().is_none_or(|live| live.published.state.is_busy());
            if busy || !inner.is_quiet() || inner.last_used > unused_since {
                return false;
            }
            Shell::snapshot_if_worth(shell, slot, &mut inner);
            if inner.owes_snapshot() {
                return false;
            }
            inner.phase = Phase::Vacant;
            // Nothing is in flight, so the next activation has nothing to ask about; a fresh slot asks anyway.
            shell.set_live(&mut inner, None)
        };
        drop(old);
        shell.metrics.passivations.increment(1);
        shell.reclaim(slot, shell.clock.now());
        true
    }
}

/// A resident entity as the sweep sees it.
struct Resident<E: Entity> {
    last_used: Timestamp,
    weight: usize,
    slot: Arc<Slot<E>>,
}

impl<E: Entity> Shell<E> {
    /// Runs until the host drains or is aborted.
    pub(super) async fn run_sweeps(shell: Arc<Self>) {
        loop {
            let pressed = tokio::select! {
                () = shell.clock.sleep(shell.limits.sweep) => false,
                () = shell.pressure.notified() => true,
                () = shell.closing.cancelled() => return,
            };
            shell.sweep();
            if pressed {
                tokio::select! {
                    () = shell.clock.sleep(PRESSURE_PAUSE) => {}
                    () = shell.closing.cancelled() => return,
                }
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    fn sweep(&self) {
        let now = self.clock.now();
        let mut residents = self.residents(now);
        let (mut count, mut bytes) = (self.resident.load(Relaxed), self.resident_bytes.load(Relaxed));
        self.metrics.resident.set(count as f64);
        self.metrics.resident_bytes.set(bytes as f64);
        self.metrics.timers.set(self.timers.len() as f64);
        let pressed = self.is_over_cap();
        let limits = &self.limits;
        let count_goal = limits.resident - limits.resident / HEADROOM;
        let bytes_goal = limits.resident_bytes - limits.resident_bytes / HEADROOM;
        residents.sort_unstable_by_key(|resident| resident.last_used);
        for Resident { last_used, weight, slot } in residents {
            let idle = now.since(last_used) >= limits.idle;
            let evicted = pressed && (count > count_goal || bytes > bytes_goal);
            if !idle && !evicted {
                return;
            }
            let mut inner = slot.lock();
            if let Phase::Ready(actor) = &inner.phase
                && !inner.passivating
                && actor.send_message(Nudge::Passivate { unused_since: last_used }).is_ok()
            {
                inner.passivating = true;
                count = count.saturating_sub(1);
                bytes = bytes.saturating_sub(weight);
            }
        }
    }

    /// Activations that could be passivated; slots that nobody needs are let go on the way.
    fn residents(&self, now: Timestamp) -> Vec<Resident<E>> {
        let mut residents = Vec::new();
        for slot in self.slots.all() {
            let (vacant, resident) = {
                let inner = slot.lock();
                let live = inner.live.as_ref().filter(|_| inner.is_quiet());
                (inner.is_vacant(), live.map(|live| (inner.last_used, live.weight)))
            };
            if let Some((last_used, weight)) = resident {
                residents.push(Resident { last_used, weight, slot });
            } else if vacant {
                self.reclaim(&slot, now);
            }
        }
        residents
    }
}
