//! The relay: runs effects of durable records, fairly among entities, and brings their outcomes home.
//!
//! Each entity has a lane of effects in the order of its decisions, in its slot; lanes with something to start take
//! turns. An effect lives as long as the process, whatever happens to the activation that asked for it.

use super::{
    shared::Shell,
    slot::{Envelope, Inner, Origin, Phase, Slot},
};
use crate::Entity;
use futures::FutureExt;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
};

/// Effects of one entity.
pub(super) struct Lane<E: Entity> {
    /// Not started. Bounded by the entity's own state: what it has in flight.
    waiting: VecDeque<E::Effect>,
    /// Running, or with an outcome that is not decided yet.
    running: usize,
    /// The lane is in the relay's round.
    in_round: bool,
}

impl<E: Entity> Default for Lane<E> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), running: 0, in_round: false }
    }
}

impl<E: Entity> Lane<E> {
    /// Nothing waits and nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running == 0
    }

    /// Adds effects; true when the lane must join the round.
    pub(super) fn push(&mut self, effects: Vec<E::Effect>, limit: usize) -> bool {
        self.waiting.extend(effects);
        self.join(limit)
    }

    fn join(&mut self, limit: usize) -> bool {
        let joins = !self.in_round && !self.waiting.is_empty() && self.running < limit;
        self.in_round |= joins;
        joins
    }

    /// Starts the next effect, on the lane's turn. True when the lane stays in the round.
    fn start(&mut self, limit: usize) -> (Option<E::Effect>, bool) {
        self.in_round = false;
        let effect = if self.running < limit { self.waiting.pop_front() } else { None };
        self.running += usize::from(effect.is_some());
        (effect, self.join(limit))
    }

    /// Forgets what was not started.
    pub(super) fn clear(&mut self) -> VecDeque<E::Effect> {
        std::mem::take(&mut self.waiting)
    }
}

/// A running effect's share of its entity's lane; ends when the outcome was decided.
pub(super) struct EffectShare<E: Entity> {
    shell: Weak<Shell<E>>,
    slot: Weak<Slot<E>>,
}

impl<E: Entity> Drop for EffectShare<E> {
    fn drop(&mut self) {
        let (Some(shell), Some(slot)) = (self.shell.upgrade(), self.slot.upgrade()) else { return };
        let joins = {
            let mut inner = slot.lock();
            inner.lane.running = inner.lane.running.saturating_sub(1);
            inner.lane.join(shell.limits.entity_effects)
        };
        if joins {
            shell.relay.round.lock().ready.push_back(slot);
            Shell::pump(&shell);
        }
        shell.progress.notify_waiters();
    }
}

/// Lanes taking turns.
struct Round<E: Entity> {
    ready: VecDeque<Arc<Slot<E>>>,
    running: usize,
}

/// The relay's part of a shell.
pub(super) struct Relay<E: Entity> {
    round: Mutex<Round<E>>,
}

impl<E: Entity> Default for Relay<E> {
    fn default() -> Self {
        Self { round: Mutex::new(Round { ready: VecDeque::new(), running: 0 }) }
    }
}

impl<E: Entity> Relay<E> {
    /// Effects running now.
    pub(super) fn running(&self) -> usize {
        self.round.lock().running
    }

    /// Forgets the round; nothing more is started.
    pub(super) fn clear(&self) {
        let ready = std::mem::take(&mut self.round.lock().ready);
        drop(ready);
    }
}

impl<E: Entity> Shell<E> {
    /// Lets a lane that [`Lane::push`] told to join take its turns.
    pub(super) fn relay_join(shell: &Arc<Self>, slot: &Arc<Slot<E>>) {
        shell.relay.round.lock().ready.push_back(Arc::clone(slot));
        Self::pump(shell);
    }

    /// Starts effects, one lane after another, as long as there is room.
    fn pump(shell: &Arc<Self>) {
        while let Some(slot) = shell.take_turn() {
            let (effect, stays) = slot.lock().lane.start(shell.limits.entity_effects);
            let mut round = shell.relay.round.lock();
            if stays {
                round.ready.push_back(Arc::clone(&slot));
            }
            match effect {
                None => round.running -= 1,
                Some(effect) => {
                    drop(round);
                    shell.metrics.effects_running.increment(1.0);
                    shell.tasks.spawn(Self::run_effect(Arc::clone(shell), slot, effect));
                }
            }
        }
    }

    fn take_turn(&self) -> Option<Arc<Slot<E>>> {
        let mut round = self.relay.round.lock();
        if round.running >= self.limits.effects {
            return None;
        }
        let slot = round.ready.pop_front()?;
        round.running += 1;
        Some(slot)
    }

    async fn run_effect(shell: Arc<Self>, slot: Arc<Slot<E>>, effect: E::Effect) {
        let share = EffectShare { shell: Arc::downgrade(&shell), slot: Arc::downgrade(&slot) };
        let run = AssertUnwindSafe(async { shell.outlet.run(&slot.id, effect).await }).catch_unwind();
        let outcome = tokio::select! {
            outcome = run => outcome,
            () = shell.aborted.cancelled() => return,
        };
        match outcome {
            Ok(Some(command)) => {
                Self::deliver(&shell, &slot, Envelope::new(command, Origin::Outcome { _share: share }))
            }
            Ok(None) => drop(share),
            Err(_) => {
                tracing::error!(
                    entity.kind = E::KIND,
                    "an outlet panicked; the entity's own timeout will notice"
                );
                shell.metrics.outlet_panics.increment(1);
                drop(share);
            }
        }
        shell.relay.round.lock().running -= 1;
        shell.metrics.effects_running.decrement(1.0);
        Self::pump(&shell);
        shell.progress.notify_waiters();
    }

    /// Puts a command into the internal lane, and starts an activation when there is none. Never refused: the lane
    /// is bounded by what may be in flight, and the command stays until an activation decides it.
    pub(super) fn deliver(shell: &Arc<Self>, slot: &Arc<Slot<E>>, envelope: Envelope<E>) {
        let mut inner = slot.lock();
        inner.internal.push_back(envelope);
        Self::stir(shell, slot, &mut inner);
    }

    /// Wakes the activation, or starts one if the slot is vacant and not pausing after a failure.
    pub(super) fn stir(shell: &Arc<Self>, slot: &Arc<Slot<E>>, inner: &mut Inner<E>) {
        let now = shell.clock.now();
        match inner.phase {
            Phase::Vacant if inner.retry_at.is_none_or(|at| at <= now) => Self::activate(shell, slot, inner),
            Phase::Vacant | Phase::Activating | Phase::Gone => {}
            Phase::Ready(_) => inner.wake(now),
        }
    }
}
