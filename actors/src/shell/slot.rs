//! What the host keeps per entity id: the bounded queue, the phase of its activation, and what is published.
//!
//! ractor's mailbox has no bound and no length, so commands wait here, under a lock that is never held across an
//! await; the actor's mailbox only carries nudges, at most one of each sort.

use super::{
    Answer, AskError, Published,
    actor::Nudge,
    admission::{Meter, Permit, Place},
    answer::Failure,
    limits::ShellLimits,
    relay::{EffectShare, Lane},
};
use crate::{Entity, Timestamp};
use greenroom_persistence::{EntityId, Position};
use parking_lot::{Mutex, MutexGuard};
use ractor::ActorRef;
use std::{collections::VecDeque, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

/// Where the reply of a command goes.
pub(super) type ReplyTo<E> = oneshot::Sender<Result<Answer<E>, AskError<E>>>;
/// A reader waiting for an activation.
pub(super) struct Reader<E: Entity> {
    reply: oneshot::Sender<Result<Published<E>, AskError<E>>>,
    _place: Place,
}

impl<E: Entity> Reader<E> {
    pub(super) const fn new(reply: oneshot::Sender<Result<Published<E>, AskError<E>>>, place: Place) -> Self {
        Self { reply, _place: place }
    }

    pub(super) fn tell(self, result: Result<Published<E>, AskError<E>>) {
        // Whoever asked may have gone.
        let _ = self.reply.send(result);
    }
}

/// Who asked.
pub(super) enum Origin<E: Entity> {
    /// A caller with a permit.
    Caller { reply: ReplyTo<E>, permit: Permit },
    /// The relay, with the outcome of an effect.
    Outcome { _share: EffectShare<E> },
    /// The timer service.
    Tick { _permit: OwnedSemaphorePermit },
    /// The shell, after a recovery.
    Activated,
}

/// A command on its way.
pub(super) struct Envelope<E: Entity> {
    pub(super) command: E::Command,
    pub(super) origin: Origin<E>,
    /// Must be decided in a batch of its own: it is suspect, or shared a batch with a guilty one.
    pub(super) alone: bool,
    /// Activations it has ended.
    pub(super) strikes: u8,
}

impl<E: Entity> Envelope<E> {
    pub(super) const fn new(command: E::Command, origin: Origin<E>) -> Self {
        Self { command, origin, alone: false, strikes: 0 }
    }

    pub(super) const fn is_internal(&self) -> bool {
        !matches!(self.origin, Origin::Caller { .. })
    }

    pub(super) const fn is_tick(&self) -> bool {
        matches!(self.origin, Origin::Tick { .. })
    }

    pub(super) const fn is_activated(&self) -> bool {
        matches!(self.origin, Origin::Activated)
    }

    const fn bytes(&self) -> usize {
        match &self.origin {
            Origin::Caller { permit, .. } => permit.bytes(),
            _ => 0,
        }
    }

    /// Answers a caller with a failure; gives an internal envelope back.
    pub(super) fn fail(self, failure: &Failure) -> Option<Self> {
        match self.origin {
            Origin::Caller { reply, permit } => {
                drop(permit);
                let _ = reply.send(Err(failure.clone().into()));
                None
            }
            _ => Some(self),
        }
    }
}

/// States of an entity in this host.
///
/// `Vacant → Activating → Ready → Vacant` for each activation; `Gone` is final: the slot has left the host's map and
/// whoever holds it looks the entity up again.
pub(super) enum Phase {
    Vacant,
    Activating,
    Ready(ActorRef<Nudge>),
    Gone,
}

/// What an activation knows.
pub(super) struct Live<E: Entity> {
    pub(super) published: Published<E>,
    pub(super) weight: usize,
    pub(super) due: Option<Timestamp>,
    /// The durable timer index is known to say `due`. After a recovery it is not: it was written by a program that may
    /// have had other rules for [`Entity::next_due`].
    pub(super) is_indexed: bool,
}

impl<E: Entity> Clone for Live<E> {
    fn clone(&self) -> Self {
        let Self { ref published, weight, due, is_indexed } = *self;
        Self { published: published.clone(), weight, due, is_indexed }
    }
}

pub(super) struct Inner<E: Entity> {
    pub(super) phase: Phase,
    /// Counts activations, so that the end of one never touches its successor.
    pub(super) generation: u64,
    pub(super) queue: VecDeque<Envelope<E>>,
    /// Outcomes, ticks and recovery commands: decided before the queue, bounded by effects and ticks in flight.
    pub(super) internal: VecDeque<Envelope<E>>,
    /// The internal lane waits until this instant because the journal took no record.
    pub(super) held_until: Option<Timestamp>,
    /// A nudge to work is outstanding or being handled.
    pub(super) awake: bool,
    /// A nudge to passivate is outstanding.
    pub(super) passivating: bool,
    pub(super) live: Option<Live<E>>,
    pub(super) readers: Vec<Reader<E>>,
    pub(super) watch: Option<watch::Sender<Position>>,
    pub(super) lane: Lane<E>,
    pub(super) failures: u32,
    pub(super) retry_at: Option<Timestamp>,
    pub(super) last_used: Timestamp,
    /// Effects of a durable record may have been lost with the last activation (or the last process), so that
    /// [`Entity::activated`] must be asked. After a mere panic nothing is lost: effects live on in the relay.
    pub(super) uncertain: bool,
    /// The due that the timer service was told last.
    pub(super) armed_at: Option<Timestamp>,
    /// No ticks until then: one was quarantined.
    pub(super) ticks_paused_until: Option<Timestamp>,
    /// The last activation ended with an append of unknown outcome: if the record is durable, its effects, timer and
    /// watchers are owed, so that the next activation starts by itself.
    pub(super) owed: bool,
    pub(super) snapshotting: bool,
    /// No snapshot before this instant: the last one could not be saved.
    pub(super) snapshots_paused_until: Option<Timestamp>,
    /// Journal bytes since the last snapshot.
    pub(super) tail_bytes: usize,
    /// Size of the last snapshot.
    pub(super) snapshot_bytes: usize,
}

/// See the module.
pub(super) struct Slot<E: Entity> {
    pub(super) id: EntityId,
    pub(super) meter: Arc<Meter>,
    inner: Mutex<Inner<E>>,
}

impl<E: Entity> Slot<E> {
    pub(super) fn new(id: EntityId, now: Timestamp) -> Self {
        Self {
            id,
            meter: Arc::default(),
            inner: Mutex::new(Inner {
                phase: Phase::Vacant,
                generation: 0,
                queue: VecDeque::new(),
                internal: VecDeque::new(),
                held_until: None,
                awake: false,
                passivating: false,
                live: None,
                readers: Vec::new(),
                watch: None,
                lane: Lane::default(),
                failures: 0,
                retry_at: None,
                last_used: now,
                uncertain: true,
                armed_at: None,
                ticks_paused_until: None,
                owed: false,
                snapshotting: false,
                snapshots_paused_until: None,
                tail_bytes: 0,
                snapshot_bytes: 0,
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner<E>> {
        self.inner.lock()
    }
}

impl<E: Entity> Inner<E> {
    pub(super) const fn is_vacant(&self) -> bool {
        matches!(self.phase, Phase::Vacant)
    }

    /// When the timer service should call: the due, but not in a pause.
    pub(super) fn armed(&self, due: Option<Timestamp>) -> Option<Timestamp> {
        due.map(|due| self.ticks_paused_until.map_or(due, |until| due.max(until)))
    }

    /// Something waits to be decided now.
    pub(super) fn has_work(&self, now: Timestamp) -> bool {
        if self.is_held(now) {
            !self.queue.is_empty() && !self.activated_waits()
        } else {
            !self.queue.is_empty() || !self.internal.is_empty()
        }
    }

    /// The internal lane waits for a journal that takes no records.
    fn is_held(&self, now: Timestamp) -> bool {
        self.held_until.is_some_and(|until| until > now)
    }

    /// The entity was not told yet that it was recovered: nobody is served before that.
    fn activated_waits(&self) -> bool {
        self.internal.front().is_some_and(Envelope::is_activated)
    }

    /// Somebody needs an activation.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.queue.is_empty() || !self.readers.is_empty() || self.goes_on_alone()
    }

    /// An activation is needed that no caller will ask for.
    pub(super) fn goes_on_alone(&self) -> bool {
        !self.internal.is_empty() || self.owed
    }

    /// Nothing waits, runs or is owed: the activation may end, or the slot may go.
    pub(super) fn is_quiet(&self) -> bool {
        !self.is_waited_for() && self.lane.is_idle() && !self.awake
    }

    /// Nobody would notice if the slot were replaced by a fresh one.
    pub(super) fn is_reclaimable(&self, now: Timestamp) -> bool {
        self.is_vacant()
            && self.is_quiet()
            && !self.snapshotting
            && self.retry_at.is_none_or(|at| at <= now)
            && self.ticks_paused_until.is_none_or(|until| until <= now)
            && self.watch.as_ref().is_none_or(watch::Sender::is_closed)
    }

    /// Nudges the activation when there is work and no nudge is outstanding.
    pub(super) fn wake(&mut self, now: Timestamp) {
        if self.awake || !self.has_work(now) {
            return;
        }
        if let Phase::Ready(actor) = &self.phase {
            self.awake = true;
            // A send to an actor that just ended is refused; its supervisor then starts the next activation,
            // because the queue is not empty.
            let _ = actor.send_message(Nudge::Work);
        }
    }

    /// Takes a batch in order, internal lane first; empty when there is nothing to do now.
    pub(super) fn take_batch(&mut self, limits: &ShellLimits, now: Timestamp) -> Vec<Envelope<E>> {
        let mut batch = Vec::new();
        let mut bytes = 0_usize;
        if !self.is_held(now) {
            self.held_until = None;
            fill(&mut batch, &mut bytes, &mut self.internal, limits);
        } else if self.activated_waits() {
            return batch;
        }
        fill(&mut batch, &mut bytes, &mut self.queue, limits);
        batch
    }

    /// Puts envelopes back to where they came from, in their order, ahead of what came since.
    pub(super) fn requeue(&mut self, batch: impl DoubleEndedIterator<Item = Envelope<E>>) {
        for envelope in batch.rev() {
            if envelope.is_internal() {
                self.internal.push_front(envelope);
            } else {
                self.queue.push_front(envelope);
            }
        }
    }
}

fn fill<E: Entity>(
    batch: &mut Vec<Envelope<E>>,
    bytes: &mut usize,
    from: &mut VecDeque<Envelope<E>>,
    limits: &ShellLimits,
) {
    while let Some(next) = from.front() {
        let size = next.bytes();
        let alone = next.alone || batch.first().is_some_and(|first| first.alone);
        let full = batch.len() >= limits.batch_commands || bytes.saturating_add(size) > limits.batch_bytes;
        if !batch.is_empty() && (alone || full) {
            return;
        }
        *bytes += size;
        batch.extend(from.pop_front());
    }
}
