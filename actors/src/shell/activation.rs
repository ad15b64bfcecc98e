//! Activation: single-flight per entity, bounded in number, with growing pauses after failures.

use super::{
    Unavailable,
    actor::EntityActor,
    answer::{AskError, Failure, RecoveryError},
    metrics::Stopwatch,
    shared::Shell,
    slot::{Envelope, Inner, Phase, Slot},
    supervisor::refuse,
};
use crate::{Entity, Timestamp};
use ractor::{Actor, SpawnErr};
use std::sync::Arc;

impl<E: Entity> Shell<E> {
    /// Starts an activation of a vacant slot.
    pub(super) fn activate(shell: &Arc<Self>, slot: &Arc<Slot<E>>, inner: &mut Inner<E>) {
        if shell.aborted.is_cancelled() {
            return;
        }
        inner.phase = Phase::Activating;
        inner.generation += 1;
        let run = Self::run_activation(Arc::clone(shell), Arc::clone(slot), inner.generation, inner.retry_at);
        shell.tasks.spawn(run);
    }

    async fn run_activation(
        shell: Arc<Self>,
        slot: Arc<Slot<E>>,
        generation: u64,
        not_before: Option<Timestamp>,
    ) {
        let run = async {
            if let Some(at) = not_before {
                shell.clock.sleep_until(at).await;
            }
            let measured = Stopwatch::start();
            let _permit = shell.activations.acquire().await;
            let actor = EntityActor::new(Arc::clone(&shell), Arc::clone(&slot), generation);
            let spawned = Actor::spawn_linked(None, actor, (), shell.supervisor.get_cell()).await;
            shell.metrics.activation_seconds.record(measured.elapsed());
            spawned
        };
        let spawned = tokio::select! {
            spawned = run => spawned,
            () = shell.aborted.cancelled() => return,
        };
        match spawned {
            Ok((actor, _)) => {
                let mut inner = slot.lock();
                if inner.generation != generation || !matches!(inner.phase, Phase::Activating) {
                    drop(inner);
                    actor.kill();
                    return;
                }
                inner.phase = Phase::Ready(actor);
                inner.retry_at = None;
                let now = shell.clock.now();
                inner.last_used = now;
                let published = inner.live.as_ref().map(|live| live.published.clone());
                let readers = std::mem::take(&mut inner.readers);
                inner.wake(now);
                Self::snapshot_if_due(&shell, &slot, &mut inner);
                drop(inner);
                for reader in readers {
                    reader.tell(published.clone().ok_or(AskError::Unknown));
                }
            }
            Err(error) => Self::activation_failed(&shell, &slot, generation, cause_of(error)),
        }
        shell.progress.notify_waiters();
    }

    /// Tells everybody who waits, keeps the internal lane, and tries again later on its behalf.
    fn activation_failed(shell: &Arc<Self>, slot: &Arc<Slot<E>>, generation: u64, cause: RecoveryError) {
        tracing::error!(entity.id = %slot.id, %cause, "{} could not be recovered", slot.id);
        shell.metrics.activation_failures.increment(1);
        let now = shell.clock.now();
        let mut inner = slot.lock();
        if inner.generation != generation || !matches!(inner.phase, Phase::Activating) {
            return;
        }
        inner.phase = Phase::Vacant;
        // An immediate second try is for crashed activations; a store that does not answer needs a moment.
        inner.failures = inner.failures.max(1).saturating_add(1);
        let pause = shell.limits.backoff(inner.failures);
        let (ticks, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut inner.internal).into_iter().partition(Envelope::is_tick);
        inner.internal = kept.into();
        let (queue, readers) = Self::refuse_until(shell, slot, &mut inner, now + pause);
        let old = shell.set_live(&mut inner, None);
        drop(inner);
        drop(old);
        if !ticks.is_empty() {
            shell.timers.rearm(&slot.id, now + pause);
        }
        let failure =
            Failure::Unavailable(Unavailable::Recovery { retry_after: pause, cause: Arc::new(cause) });
        refuse(queue, readers, &failure);
    }

    /// Looks at the slot again at an instant, for what no caller would ask again.
    pub(super) fn stir_at(shell: &Arc<Self>, slot: &Arc<Slot<E>>, at: Timestamp) {
        let (shell, slot) = (Arc::clone(shell), Arc::clone(slot));
        let tasks = shell.tasks.clone();
        tasks.spawn(async move {
            // A sleep may end a moment early by the clock that decides whether the instant has come.
            while shell.clock.now() < at {
                tokio::select! {
                    () = shell.clock.sleep_until(at) => {}
                    () = shell.aborted.cancelled() => return,
                }
            }
            let mut inner = slot.lock();
            if inner.goes_on_alone() {
                Self::stir(&shell, &slot, &mut inner);
            }
        });
    }
}

fn cause_of(error: SpawnErr) -> RecoveryError {
    match error {
        SpawnErr::StartupFailed(cause) => match cause.downcast::<RecoveryError>() {
            Ok(cause) => *cause,
            Err(_) => RecoveryError::Panicked,
        },
        SpawnErr::ActorAlreadyStarted | SpawnErr::ActorAlreadyRegistered(_) => RecoveryError::Stopping,
    }
}
