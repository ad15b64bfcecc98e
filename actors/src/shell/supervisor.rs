//! One supervisor per kind: it is told of every activation's end and says what follows.

use super::{
    Unavailable,
    actor::Ended,
    answer::Failure,
    shared::Shell,
    slot::{Envelope, Inner, Phase, Reader, Slot},
};
use crate::{Entity, Timestamp};
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock, Weak},
};

/// Commands and readers that wait for an activation.
pub(super) type Waiting<E> = (VecDeque<Envelope<E>>, Vec<Reader<E>>);

/// The supervisor takes no messages, only supervision events.
pub(super) enum Unheard {}

/// See the module.
pub(super) struct Supervisor<E: Entity> {
    pub(super) shell: Arc<OnceLock<Weak<Shell<E>>>>,
}

impl<E: Entity> Actor for Supervisor<E> {
    type Msg = Unheard;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Unheard>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<Unheard>,
        event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        let Some(shell) = self.shell.get().and_then(Weak::upgrade) else { return Ok(()) };
        match event {
            SupervisionEvent::ActorFailed(actor, cause) => {
                // Anything but our own error is a panic that ractor caught.
                let end = match cause.downcast_ref::<Ended>() {
                    Some(Ended::Storage) => End::Storage,
                    Some(Ended::Panicked) | None => End::Panicked,
                };
                Shell::ended(&shell, actor.get_id(), end);
            }
            SupervisionEvent::ActorTerminated(actor, ..) => {
                Shell::ended(&shell, actor.get_id(), End::Stopped)
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

/// How an activation ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Stopped,
    Panicked,
    Storage,
}

impl<E: Entity> Shell<E> {
    /// An activation ended. If it was the entity's present one and something waits, the next is started, after a
    /// pause that grows with failures in a row.
    fn ended(shell: &Arc<Self>, actor: ActorId, end: End) {
        let Some((slot, generation)) = shell.actors.lock().remove(&actor) else { return };
        let Some(slot) = slot.upgrade() else { return };
        if end != End::Stopped {
            tracing::warn!(entity.id = %slot.id, "an activation of {} ended by a failure", slot.id);
            shell.metrics.restarts.increment(1);
        }
        let now = shell.clock.now();
        let mut inner = slot.lock();
        if inner.generation != generation || !matches!(inner.phase, Phase::Ready(_)) {
            return;
        }
        inner.phase = Phase::Vacant;
        inner.awake = false;
        inner.passivating = false;
        let old = shell.set_live(&mut inner, None);
        inner.failures = inner.failures.saturating_add(u32::from(end != End::Stopped));
        let pause = shell.limits.backoff(inner.failures);
        let mut refused = None;
        if end == End::Storage && !pause.is_zero() {
            refused = Some(Self::refuse_until(shell, &slot, &mut inner, now + pause));
        } else if inner.is_waited_for() {
            // Who waits in the queue did no harm: they wait for the next activation.
            inner.retry_at = (end == End::Panicked).then(|| now + pause);
            Self::activate(shell, &slot, &mut inner);
        }
        drop(inner);
        drop(old);
        if let Some((queue, readers)) = refused {
            let failure = Failure::Unavailable(Unavailable::Pausing { retry_after: pause });
            refuse(queue, readers, &failure);
        }
        shell.progress.notify_waiters();
    }

    /// Lets nobody in until an instant, and returns who waits, to be told outside the lock; the internal lane waits.
    pub(super) fn refuse_until(
        shell: &Arc<Self>,
        slot: &Arc<Slot<E>>,
        inner: &mut Inner<E>,
        at: Timestamp,
    ) -> Waiting<E> {
        inner.retry_at = Some(at);
        // Even when nothing waits now: an outcome may come during the pause, and nobody else would look again.
        Self::stir_at(shell, slot, at);
        (std::mem::take(&mut inner.queue), std::mem::take(&mut inner.readers))
    }
}

/// Tells everybody who waits that it will not happen.
pub(super) fn refuse<E: Entity>(queue: VecDeque<Envelope<E>>, readers: Vec<Reader<E>>, failure: &Failure) {
    for envelope in queue {
        let _ = envelope.fail(failure);
    }
    for reader in readers {
        reader.tell(Err(failure.clone().into()));
    }
}
