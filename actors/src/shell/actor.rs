//! The activation itself: takes batches, decides, waits for durability, publishes, answers.

use super::{
    Answer, Published, Unavailable,
    answer::{AskError, Failure, RecoveryError},
    metrics::Stopwatch,
    plan::{After, Next, Panicked, Plan, Verdict, plan},
    recovery::{Recovered, recover},
    shared::Shell,
    slot::{Envelope, Live, Origin, Phase, Slot},
};
use crate::{Entity, Timestamp};
use greenroom_persistence::{AppendError, Committed, Seq};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{sync::Arc, time::Duration};

/// What an activation's mailbox carries. Commands wait in the slot.
#[derive(Debug)]
pub(super) enum Nudge {
    /// There is work. From whoever queued it, at most one outstanding.
    Work,
    /// Passivate if nothing is owed. From the sweep, at most one outstanding.
    Passivate {
        /// Passivate only if still unused since then.
        unused_since: Timestamp,
    },
}

/// Why an activation ended before its time. Seen by the supervisor.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("deciding a batch panicked")]
    Panicked,
    #[error("the journal did not confirm a record")]
    Storage,
}

/// See the module.
pub(super) struct EntityActor<E: Entity> {
    pub(super) shell: Arc<Shell<E>>,
    pub(super) slot: Arc<Slot<E>>,
    pub(super) generation: u64,
}

impl<E: Entity> Actor for EntityActor<E> {
    type Msg = Nudge;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Nudge>, (): ()) -> Result<(), ActorProcessingErr> {
        self.recover(&myself).await.map_err(Into::into)
    }

    async fn handle(
        &self,
        myself: ActorRef<Nudge>,
        nudge: Nudge,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match nudge {
            Nudge::Work => self.work().await.map_err(Into::into),
            Nudge::Passivate { unused_since } => {
                if self.passivate(unused_since) {
                    myself.stop(None);
                }
                Ok(())
            }
        }
    }
}

impl<E: Entity> EntityActor<E> {
    pub(super) const fn new(shell: Arc<Shell<E>>, slot: Arc<Slot<E>>, generation: u64) -> Self {
        Self { shell, slot, generation }
    }

    async fn recover(&self, myself: &ActorRef<Nudge>) -> Result<(), RecoveryError> {
        let Self { shell, slot, generation } = self;
        let recovered = recover::<E>(&shell.stores, &slot.id, shell.limits.inline_bytes).await?;
        let Recovered { published, tail_bytes, snapshot_bytes } = recovered;
        let (due, weight) = (published.state.next_due(), published.state.weight());
        let activated = published.state.activated();
        let old = {
            let mut inner = slot.lock();
            if inner.generation != *generation || !matches!(inner.phase, Phase::Activating) {
                return Err(RecoveryError::Stopping);
            }
            inner.tail_bytes = tail_bytes;
            inner.snapshot_bytes = snapshot_bytes;
            if std::mem::take(&mut inner.uncertain)
                && let Some(command) = activated
            {
                inner.internal.push_front(Envelope::new(command, Origin::Activated));
            }
            inner.owed = false;
            // After an append of unknown outcome the watchers may not know the last record.
            let position = published.position;
            if let Some(watch) = &inner.watch {
                watch.send_if_modified(|told| {
                    let newer = *told < position;
                    *told = position.max(*told);
                    newer
                });
            }
            inner.armed_at = inner.armed(due);
            shell.timers.set(&slot.id, inner.armed_at);
            shell.actors.lock().insert(myself.get_id(), (Arc::downgrade(slot), *generation));
            // Of an entity without records the index says nothing, and that is right.
            let is_indexed = published.seq == Seq::ZERO && due.is_none();
            shell.set_live(&mut inner, Some(Live { published, weight, due, is_indexed }))
        };
        drop(old);
        Ok(())
    }

    /// Works until nothing waits.
    async fn work(&self) -> Result<(), Ended> {
        loop {
            let now = self.shell.clock.now();
            let (batch, live) = {
                let mut inner = self.slot.lock();
                let batch = match inner.live {
                    Some(_) => inner.take_batch(&self.shell.limits, now),
                    None => Vec::new(),
                };
                match inner.live.as_ref().filter(|_| !batch.is_empty()).cloned() {
                    Some(live) => {
                        inner.last_used = now;
                        (batch, live)
                    }
                    None => {
                        inner.awake = false;
                        drop(inner);
                        if self.shell.closing.is_cancelled() {
                            self.shell.progress.notify_waiters();
                        }
                        return Ok(());
                    }
                }
            };
            self.run(batch, live, now).await?;
            tokio::task::consume_budget().await;
        }
    }

    async fn run(&self, batch: Vec<Envelope<E>>, live: Live<E>, now: Timestamp) -> Result<(), Ended> {
        if let Some(retry_after) = self.shell.stores.journal.pressure() {
            self.overloaded(batch, retry_after, now);
            return Ok(());
        }
        let metrics = &self.shell.metrics;
        #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
        metrics.batch_commands.record(batch.len() as f64);
        let deciding = Stopwatch::start();
        let planned = plan(&self.slot.id, &live, &batch, now, &self.shell.limits);
        metrics.decide_seconds.record(deciding.elapsed());
        let Plan { next, verdicts, effects } = match planned {
            Ok(plan) => plan,
            Err(panicked) => return Err(self.struck(batch, &live, panicked).await),
        };
        let live = match next {
            Next::Same => live,
            Next::Record { record, after: After { state, weight, due, is_indexed }, bytes } => {
                let appending = Stopwatch::start();
                let appended = self.shell.stores.journal.append(record).await;
                metrics.append_seconds.record(appending.elapsed());
                match appended {
                    Ok(Committed { position, seq }) => {
                        let before = &live.published;
                        let revisions = before.revisions.after(state.changed(&before.state), position);
                        let published = Published { state, seq, position, revisions };
                        let live = Live { published, weight, due, is_indexed };
                        self.publish(live.clone(), bytes);
                        live
                    }
                    Err(error) => return self.refused(batch, error, &live, now).await,
                }
            }
        };
        self.start_effects(effects);
        self.arm(&live, batch.iter().any(Envelope::is_tick), now);
        answer(batch, verdicts, &live.published);
        Ok(())
    }

    /// Makes a durable state the one that readers see.
    fn publish(&self, live: Live<E>, bytes: usize) {
        let position = live.published.position;
        let old = {
            let mut inner = self.slot.lock();
            inner.failures = 0;
            inner.tail_bytes = inner.tail_bytes.saturating_add(bytes);
            let old = self.shell.set_live(&mut inner, Some(live));
            if let Some(watch) = &inner.watch {
                watch.send_replace(position);
            }
            Shell::snapshot_if_due(&self.shell, &self.slot, &mut inner);
            old
        };
        drop(old);
    }

    fn start_effects(&self, effects: Vec<E::Effect>) {
        if effects.is_empty() {
            return;
        }
        let (pushed, forgotten) = {
            let mut inner = self.slot.lock();
            let pushed = inner.lane.push(effects, &self.shell.limits);
            // Nobody waits for these, and a stop does not either.
            let is_closing = self.shell.closing.is_cancelled();
            (pushed, is_closing.then(|| inner.lane.clear_background()))
        };
        drop(forgotten);
        if pushed.left_out > 0 {
            self.shell.metrics.background_left_out.increment(pushed.left_out as u64);
        }
        Shell::relay_join(&self.shell, &self.slot, &pushed);
    }

    /// Arms the timer. After a tick an entity that is still due is called again, but not in a hot loop.
    fn arm(&self, live: &Live<E>, ticked: bool, now: Timestamp) {
        let (due, was_armed) = {
            let mut inner = self.slot.lock();
            let due = inner.armed(live.due);
            (due, std::mem::replace(&mut inner.armed_at, due))
        };
        match due {
            Some(due) if ticked && due <= now => {
                self.shell.timers.rearm(&self.slot.id, now + self.shell.limits.tick_spacing);
            }
            due if ticked || due != was_armed => self.shell.timers.set(&self.slot.id, due),
            _ => {}
        }
    }

    /// The journal did not take the record.
    async fn refused(
        &self,
        batch: Vec<Envelope<E>>,
        error: AppendError,
        live: &Live<E>,
        now: Timestamp,
    ) -> Result<(), Ended> {
        match error {
            AppendError::Overloaded { retry_after } => {
                self.overloaded(batch, retry_after, now);
                Ok(())
            }
            AppendError::Taken { .. } | AppendError::TooLarge { .. } if batch.len() > 1 => {
                self.retry_alone(batch);
                Ok(())
            }
            AppendError::Taken { ref name, .. } => {
                let failure = Failure::Taken { name: name.clone() };
                self.give_up(self.fail_callers(batch, &failure), live, &error.to_string()).await
            }
            AppendError::TooLarge { size, limit } => {
                let failure = Failure::TooLarge { size, limit };
                self.give_up(self.fail_callers(batch, &failure), live, &error.to_string()).await
            }
            // Nothing was written: what this activation knows is still the truth.
            AppendError::Unavailable(cause) => {
                let failure = Failure::Unavailable(Unavailable::Journal(cause));
                self.hold(self.fail_callers(batch, &failure), now + self.shell.limits.retry_after);
                Ok(())
            }
            AppendError::Fenced { .. } => {
                Err(self.distrust(batch, &Failure::Unavailable(Unavailable::Fenced)))
            }
            AppendError::Unknown(_) => Err(self.distrust(batch, &Failure::Unknown)),
        }
    }

    fn overloaded(&self, batch: Vec<Envelope<E>>, retry_after: Duration, now: Timestamp) {
        self.hold(self.fail_callers(batch, &Failure::Overloaded { retry_after }), now + retry_after);
    }

    /// Answers the callers; returns the internal envelopes.
    fn fail_callers(&self, batch: Vec<Envelope<E>>, failure: &Failure) -> Vec<Envelope<E>> {
        batch.into_iter().filter_map(|envelope| envelope.fail(failure)).collect()
    }

    /// Lets internal envelopes wait while the journal takes no records.
    fn hold(&self, internal: Vec<Envelope<E>>, until: Timestamp) {
        if internal.is_empty() {
            return;
        }
        {
            let mut inner = self.slot.lock();
            inner.requeue(internal.into_iter());
            inner.held_until = Some(until);
        }
        Shell::stir_at(&self.shell, &self.slot, until);
    }

    fn retry_alone(&self, mut batch: Vec<Envelope<E>>) {
        for envelope in &mut batch {
            envelope.alone = true;
        }
        self.slot.lock().requeue(batch.into_iter());
    }

    /// A single internal command can never be journaled: it has no caller to tell, so it is kept for a person.
    async fn give_up(&self, internal: Vec<Envelope<E>>, live: &Live<E>, cause: &str) -> Result<(), Ended> {
        let mut live = live.clone();
        for envelope in internal {
            match self.shell.quarantine(&self.slot.id, live.published.seq, &envelope, cause).await {
                Ok(Committed { position, seq }) => {
                    self.pause_ticks(&envelope);
                    live.published = Published { seq, position, ..live.published };
                    self.publish(live.clone(), 0);
                }
                Err(AppendError::Fenced { .. } | AppendError::Unknown(_)) => {
                    return Err(self.distrust(vec![envelope], &Failure::Unknown));
                }
                Err(_) => {
                    let until = self.shell.clock.now() + self.shell.limits.retry_after;
                    self.hold(vec![envelope], until);
                }
            }
        }
        Ok(())
    }

    /// Ends the activation: its memory may differ from the journal. Internal envelopes wait for the next one, which
    /// asks anew what to do first.
    fn distrust(&self, batch: Vec<Envelope<E>>, failure: &Failure) -> Ended {
        let internal = self.fail_callers(batch, failure);
        let (dropped, kept): (Vec<_>, Vec<_>) = internal.into_iter().partition(Envelope::is_activated);
        let old = {
            let mut inner = self.slot.lock();
            inner.uncertain = true;
            inner.owed = true;
            inner.requeue(kept.into_iter());
            self.shell.set_live(&mut inner, None)
        };
        drop((old, dropped));
        Ended::Storage
    }

    /// A command panicked: nothing of the batch happened. The suspect is tried alone next time, and kept in
    /// quarantine after too many strikes; its neighbours are decided by the next activation.
    async fn struck(&self, mut batch: Vec<Envelope<E>>, live: &Live<E>, panicked: Panicked) -> Ended {
        let Panicked { suspect, cause } = panicked;
        let Some(index) = suspect.filter(|index| *index < batch.len()) else {
            self.retry_alone(batch);
            return Ended::Panicked;
        };
        let mut neighbours = batch.split_off(index);
        let mut suspect = neighbours.drain(..1).collect::<Vec<_>>();
        let mut given_up = false;
        for envelope in &mut suspect {
            envelope.alone = true;
            envelope.strikes = envelope.strikes.saturating_add(1);
            given_up = envelope.strikes >= self.shell.limits.strikes;
        }
        if given_up {
            suspect = self.quarantine_all(suspect, live, &cause).await;
        }
        batch.append(&mut suspect);
        batch.append(&mut neighbours);
        let old = {
            let mut inner = self.slot.lock();
            inner.requeue(batch.into_iter());
            self.shell.set_live(&mut inner, None)
        };
        drop(old);
        Ended::Panicked
    }

    /// Returns what could not be kept and must be tried again.
    async fn quarantine_all(
        &self,
        suspects: Vec<Envelope<E>>,
        live: &Live<E>,
        cause: &str,
    ) -> Vec<Envelope<E>> {
        let mut again = Vec::new();
        for envelope in suspects {
            let kept = self.shell.quarantine(&self.slot.id, live.published.seq, &envelope, cause).await;
            let failure = match kept {
                Ok(_) => {
                    self.pause_ticks(&envelope);
                    // The cause is gone: the next activation need not wait.
                    self.slot.lock().failures = 0;
                    let _ = envelope.fail(&Failure::Poisoned);
                    continue;
                }
                Err(AppendError::Unknown(_)) => Failure::Unknown,
                Err(error) => Failure::Unavailable(Unavailable::Journal(error.to_string())),
            };
            again.extend(envelope.fail(&failure));
        }
        again
    }

    fn pause_ticks(&self, envelope: &Envelope<E>) {
        if envelope.is_tick() {
            let until = self.shell.clock.now() + self.shell.limits.tick_pause;
            self.slot.lock().ticks_paused_until = Some(until);
            self.shell.timers.rearm(&self.slot.id, until);
        }
    }
}

fn answer<E: Entity>(batch: Vec<Envelope<E>>, verdicts: Vec<Verdict<E>>, published: &Published<E>) {
    let (seq, position) = (published.seq, published.position);
    for (envelope, verdict) in batch.into_iter().zip(verdicts) {
        let Origin::Caller { reply, permit } = envelope.origin else { continue };
        drop(permit);
        let answer = match verdict {
            Verdict::Replied(reply) => Ok(Answer { reply, seq, position }),
            Verdict::Rejected(rejection) => Err(AskError::Rejected(rejection)),
            Verdict::NotDue => Err(AskError::Unknown),
        };
        let _ = reply.send(answer);
    }
}
