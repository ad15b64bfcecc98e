//! The relay: runs effects of durable records, fairly among entities, and brings their outcomes home.
//!
//! Each entity has a lane of effects in the order of its decisions, in its slot; lanes with something to start take
//! turns. Effects that nobody waits for have a second lane, which is served when no first one has anything to start. An
//! effect lives as long as the process, whatever happens to the activation that asked for it.

use super::{
    background::{Background, Turn},
    limits::ShellLimits,
    shared::Shell,
    slot::{Envelope, Inner, Origin, Phase, Slot},
};
use crate::{Entity, Timestamp};
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
    /// What nobody waits for.
    background: Background<E::Effect>,
}

/// Which lanes of an entity must join the round, and what was left out.
#[derive(Default)]
pub(super) struct Pushed {
    first: bool,
    background: bool,
    pub(super) left_out: usize,
}

impl<E: Entity> Default for Lane<E> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), running: 0, in_round: false, background: Background::default() }
    }
}

impl<E: Entity> Lane<E> {
    /// Nothing waits and nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running == 0 && self.background.is_idle()
    }

    /// Adds effects.
    pub(super) fn push(&mut self, effects: Vec<E::Effect>, limits: &ShellLimits) -> Pushed {
        let (background, first): (Vec<_>, Vec<_>) = effects.into_iter().partition(E::is_background);
        self.waiting.extend(first);
        let first = self.join(limits.entity_effects);
        let (left_out, background) = self.background.push(background, limits);
        Pushed { first, background, left_out }
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
    pub(super) fn clear(&mut self) -> [VecDeque<E::Effect>; 2] {
        [std::mem::take(&mut self.waiting), self.background.clear()]
    }

    /// Forgets what nobody waits for and was not started.
    pub(super) fn clear_background(&mut self) -> VecDeque<E::Effect> {
        self.background.clear()
    }
}

/// A running effect's share of its entity's lane; ends when the outcome was decided.
pub(super) struct EffectShare<E: Entity> {
    shell: Weak<Shell<E>>,
    slot: Weak<Slot<E>>,
    rank: Rank,
}

/// Which of an entity's lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    First,
    Background,
}

impl<E: Entity> Drop for EffectShare<E> {
    fn drop(&mut self) {
        let (Some(shell), Some(slot)) = (self.shell.upgrade(), self.slot.upgrade()) else { return };
        let joins = {
            let mut inner = slot.lock();
            match self.rank {
                Rank::First => {
                    inner.lane.running = inner.lane.running.saturating_sub(1);
                    inner.lane.join(shell.limits.entity_effects)
                }
                Rank::Background => inner.lane.background.ended(&shell.limits),
            }
        };
        if joins {
            shell.relay.round.lock().lanes(self.rank).push_back(slot);
            Shell::pump(&shell);
        }
        shell.progress.notify_waiters();
    }
}

/// Lanes taking turns.
struct Round<E: Entity> {
    ready: VecDeque<Arc<Slot<E>>>,
    background: VecDeque<Arc<Slot<E>>>,
    /// Effects of both ranks.
    running: usize,
    background_running: usize,
}

impl<E: Entity> Round<E> {
    const fn lanes(&mut self, rank: Rank) -> &mut VecDeque<Arc<Slot<E>>> {
        match rank {
            Rank::First => &mut self.ready,
            Rank::Background => &mut self.background,
        }
    }

    /// The next turn, background lanes last.
    fn next(&mut self, limits: &ShellLimits) -> Option<(Arc<Slot<E>>, Rank)> {
        if self.running >= limits.effects {
            return None;
        }
        let turn = match self.ready.pop_front() {
            Some(slot) => (slot, Rank::First),
            None if self.background_running >= limits.background_effects() => return None,
            None => (self.background.pop_front()?, Rank::Background),
        };
        self.running += 1;
        self.background_running += usize::from(turn.1 == Rank::Background);
        Some(turn)
    }

    fn ended(&mut self, rank: Rank) {
        self.running = self.running.saturating_sub(1);
        if rank == Rank::Background {
            self.background_running = self.background_running.saturating_sub(1);
        }
    }
}

/// The relay's part of a shell.
pub(super) struct Relay<E: Entity> {
    round: Mutex<Round<E>>,
}

impl<E: Entity> Default for Relay<E> {
    fn default() -> Self {
        let (ready, background) = (VecDeque::new(), VecDeque::new());
        Self { round: Mutex::new(Round { ready, background, running: 0, background_running: 0 }) }
    }
}

impl<E: Entity> Relay<E> {
    /// Effects running now.
    pub(super) fn running(&self) -> usize {
        self.round.lock().running
    }

    /// Forgets the round; nothing more is started.
    pub(super) fn clear(&self) {
        let (ready, background) = {
            let mut round = self.round.lock();
            (std::mem::take(&mut round.ready), std::mem::take(&mut round.background))
        };
        drop((ready, background));
    }
}

impl<E: Entity> Shell<E> {
    /// Lets the lanes that [`Lane::push`] told to join take their turns.
    pub(super) fn relay_join(shell: &Arc<Self>, slot: &Arc<Slot<E>>, pushed: &Pushed) {
        {
            let mut round = shell.relay.round.lock();
            for (joins, rank) in [(pushed.first, Rank::First), (pushed.background, Rank::Background)] {
                if joins {
                    round.lanes(rank).push_back(Arc::clone(slot));
                }
            }
        }
        Self::pump(shell);
    }

    /// Starts effects, one lane after another, as long as there is room.
    fn pump(shell: &Arc<Self>) {
        loop {
            let Some((slot, rank)) = shell.relay.round.lock().next(&shell.limits) else { return };
            let turn = shell.take_turn(&slot, rank);
            let mut round = shell.relay.round.lock();
            match turn {
                Turn::Leave => round.ended(rank),
                Turn::Wait(until) => {
                    round.ended(rank);
                    drop(round);
                    shell.tasks.spawn(Self::rejoin(Arc::clone(shell), slot, until));
                }
                Turn::Start(effect, stays) => {
                    if stays {
                        round.lanes(rank).push_back(Arc::clone(&slot));
                    }
                    drop(round);
                    shell.metrics.effects_running.increment(1.0);
                    shell.tasks.spawn(Self::run_effect(Arc::clone(shell), slot, rank, effect));
                }
            }
        }
    }

    fn take_turn(&self, slot: &Slot<E>, rank: Rank) -> Turn<E::Effect> {
        let now = self.clock.now();
        let mut inner = slot.lock();
        match rank {
            Rank::First => match inner.lane.start(self.limits.entity_effects) {
                (Some(effect), stays) => Turn::Start(effect, stays),
                (None, _) => Turn::Leave,
            },
            Rank::Background => inner.lane.background.turn(now, &self.limits),
        }
    }

    /// Puts a background lane back into the round once its pace allows the next effect.
    async fn rejoin(shell: Arc<Self>, slot: Arc<Slot<E>>, until: Timestamp) {
        tokio::select! {
            () = shell.clock.sleep_until(until) => {}
            () = shell.aborted.cancelled() => return,
        }
        shell.relay.round.lock().lanes(Rank::Background).push_back(slot);
        Self::pump(&shell);
    }

    async fn run_effect(shell: Arc<Self>, slot: Arc<Slot<E>>, rank: Rank, effect: E::Effect) {
        let share = EffectShare { shell: Arc::downgrade(&shell), slot: Arc::downgrade(&slot), rank };
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
        shell.relay.round.lock().ended(rank);
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
