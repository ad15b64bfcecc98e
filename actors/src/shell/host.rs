//! The door to all entities of one kind.

use super::{
    Answer, AskError, DrainReport, Published, QuarantinePage, ShellLimits, StartError, Unavailable,
    admission::{Permit, Place},
    answer::Failure,
    shared::Shell,
    slot::{Envelope, Inner, Origin, Phase, Reader, Slot},
    supervisor::Supervisor,
};
use crate::{
    Entity, Timestamp,
    ports::{Clock, Outlet},
};
use greenroom_persistence::{EntityId, Position, ReadError, RowNo, Stores};
use ractor::ActorRuntime;
use std::sync::{Arc, OnceLock, atomic::Ordering::Relaxed};
use tokio::sync::{oneshot, watch};

/// Finds or creates the activation for an id. Cheap to clone; when the last clone is dropped everything ends at once,
/// as in a crash ([`Host::drain`] ends it orderly).
pub struct Host<E: Entity>(Arc<Owner<E>>);

struct Owner<E: Entity>(Arc<Shell<E>>);

impl<E: Entity> Drop for Owner<E> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<E: Entity> Clone for Host<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// What a host is doing, for tests and the admin page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostStats {
    /// Resident entities.
    pub resident: usize,
    /// Their state in bytes, by [`Entity::weight`].
    pub resident_bytes: usize,
    /// Commands admitted and not yet answered.
    pub commands: usize,
    /// Their bytes.
    pub command_bytes: usize,
    /// Effects running.
    pub effects: usize,
    /// Dues in memory.
    pub timers: usize,
    /// Live subscriptions.
    pub watchers: usize,
    /// Commands refused for want of permits or because the journal is behind, since the start.
    pub refusals: u64,
    /// Recoveries that failed, since the start.
    pub activation_failures: u64,
    /// Activations that ended by a failure, since the start.
    pub restarts: u64,
    /// Activations passivated, since the start.
    pub passivations: u64,
    /// Commands quarantined, since the start.
    pub quarantined: u64,
    /// Snapshots saved, since the start.
    pub snapshots: u64,
    /// Bytes of snapshots saved, since the start.
    pub snapshot_bytes: u64,
    /// Outlets that panicked, since the start.
    pub outlet_panics: u64,
}

impl<E: Entity> Host<E> {
    /// Starts a host on a tokio runtime: its supervisor, timer service and sweeps.
    ///
    /// # Errors
    /// When a limit or the entity's kind is unusable, or there is no runtime.
    pub fn start(
        stores: Stores,
        outlet: Arc<dyn Outlet<E>>,
        clock: Arc<dyn Clock>,
        limits: ShellLimits,
    ) -> Result<Self, StartError> {
        EntityId::new(E::KIND, "-").map_err(|_| StartError::Kind(E::KIND))?;
        if let Some(name) = limits.zero() {
            return Err(StartError::Limit(name));
        }
        tokio::runtime::Handle::try_current().map_err(|_| StartError::Runtime)?;
        let link = Arc::new(OnceLock::new());
        let (supervisor, _) =
            ActorRuntime::spawn_instant(None, Supervisor::<E> { shell: Arc::clone(&link) }, ())
                .map_err(|error| StartError::Supervisor(error.to_string()))?;
        let shell = Arc::new(Shell::new(stores, outlet, clock, limits, supervisor));
        // The cell is fresh, so that it takes the value.
        let _ = link.set(Arc::downgrade(&shell));
        shell.tasks.spawn(Shell::run_timers(Arc::clone(&shell)));
        shell.tasks.spawn(Shell::run_sweeps(Arc::clone(&shell)));
        Ok(Self(Arc::new(Owner(shell))))
    }

    fn shell(&self) -> &Arc<Shell<E>> {
        &self.0.0
    }

    /// Asks an entity one thing. `bytes` is the size of the command for admission, as the caller measured it.
    ///
    /// Once admitted, the command goes on whether or not anybody still waits for the answer.
    ///
    /// # Errors
    /// See [`AskError`]; only `Unknown` leaves open whether anything happened.
    pub async fn ask(&self, key: &str, command: E::Command, bytes: usize) -> Result<Answer<E>, AskError<E>> {
        let (reply, answer) = oneshot::channel();
        self.admit(key, 1, bytes, |inner, permit| {
            inner.queue.push_back(Envelope::new(command, Origin::Caller { reply, permit }));
        })?;
        answer.await.unwrap_or(Err(AskError::Unknown))
    }

    /// Asks an entity many things, in order, on one admission. Each is decided, and rejected, on its own.
    ///
    /// # Errors
    /// When the commands are not admitted; then none happened.
    pub async fn ask_all(
        &self,
        key: &str,
        commands: Vec<E::Command>,
        bytes: usize,
    ) -> Result<Vec<Result<Answer<E>, AskError<E>>>, AskError<E>> {
        let mut answers = Vec::with_capacity(commands.len());
        self.admit(key, commands.len(), bytes, |inner, mut permit| {
            for command in commands {
                let (reply, answer) = oneshot::channel();
                answers.push(answer);
                let permit = permit.split();
                inner.queue.push_back(Envelope::new(command, Origin::Caller { reply, permit }));
            }
        })?;
        let mut results = Vec::with_capacity(answers.len());
        for answer in answers {
            results.push(answer.await.unwrap_or(Err(AskError::Unknown)));
        }
        Ok(results)
    }

    fn admit(
        &self,
        key: &str,
        commands: usize,
        bytes: usize,
        enqueue: impl FnOnce(&mut Inner<E>, Permit),
    ) -> Result<(), AskError<E>> {
        let shell = self.shell();
        if shell.closing.is_cancelled() {
            return Err(AskError::ShuttingDown);
        }
        let (total, own) = shell.bounds();
        for (size, limit) in
            [(commands, own.commands.min(total.commands)), (bytes, own.bytes.min(total.bytes))]
        {
            if size > limit {
                return Err(AskError::TooLarge { size, limit });
            }
        }
        // A batch that the journal will refuse would be decided in vain.
        if let Some(retry_after) = shell.stores.journal.pressure() {
            shell.metrics.refusals.increment(1);
            return Err(AskError::Overloaded { retry_after });
        }
        shell.with_key(key, |slot, inner| {
            self.may_activate(inner)?;
            let permit = Permit::take((&shell.total, total), (&slot.meter, own), commands, bytes);
            let Some(permit) = permit else { return Err(self.overloaded()) };
            enqueue(inner, permit);
            Shell::stir(shell, slot, inner);
            Ok(())
        })?
    }

    /// Refuses at once what would need an activation that is pausing or has no room.
    fn may_activate(&self, inner: &Inner<E>) -> Result<(), AskError<E>> {
        let shell = self.shell();
        if !inner.is_vacant() {
            return Ok(());
        }
        if let Some(at) = inner.retry_at {
            let now = shell.clock.now();
            if at > now {
                let unavailable = Unavailable::Pausing { retry_after: at.since(now) };
                return Err(Failure::Unavailable(unavailable).into());
            }
        }
        if shell.resident.load(Relaxed) >= shell.limits.resident_refuse {
            return Err(self.overloaded());
        }
        Ok(())
    }

    fn overloaded(&self) -> AskError<E> {
        let shell = self.shell();
        shell.metrics.refusals.increment(1);
        AskError::Overloaded { retry_after: shell.limits.retry_after }
    }

    /// The entity's durable state, activating it when needed. Never queues behind commands of a live activation.
    ///
    /// # Errors
    /// When the entity cannot be activated, or too many wait for that.
    pub async fn published(&self, key: &str) -> Result<Published<E>, AskError<E>> {
        let shell = self.shell();
        if shell.closing.is_cancelled() {
            return Err(AskError::ShuttingDown);
        }
        let (reader, published) = oneshot::channel();
        let found = shell.with_key(key, |slot, inner| self.read(slot, inner, reader))??;
        match found {
            Some(published) => Ok(published),
            None => published.await.unwrap_or(Err(AskError::ShuttingDown)),
        }
    }

    fn read(
        &self,
        slot: &Arc<Slot<E>>,
        inner: &mut Inner<E>,
        reply: oneshot::Sender<Result<Published<E>, AskError<E>>>,
    ) -> Result<Option<Published<E>>, AskError<E>> {
        let shell = self.shell();
        if let (Some(live), Phase::Ready(_)) = (&inner.live, &inner.phase) {
            inner.last_used = shell.clock.now();
            return Ok(Some(live.published.clone()));
        }
        self.may_activate(inner)?;
        let place = Place::take(&shell.readers, shell.limits.readers).ok_or_else(|| self.overloaded())?;
        inner.readers.push(Reader::new(reply, place));
        Shell::stir(shell, slot, inner);
        Ok(None)
    }

    /// Tells of every newer durable state: the value is its commit position. Watch first and read afterwards, and no
    /// change is missed. Does not activate the entity, and survives its passivation; ends with the host.
    ///
    /// # Errors
    /// When there are too many subscriptions already, or the key is none.
    pub fn watch(&self, key: &str) -> Result<Watch, AskError<E>> {
        let shell = self.shell();
        if shell.closing.is_cancelled() {
            return Err(AskError::ShuttingDown);
        }
        let Some(place) = Place::take(&shell.watchers, shell.limits.watchers) else {
            return Err(self.overloaded());
        };
        let receiver = shell.with_key(key, |_, inner| {
            let position = inner.live.as_ref().map_or(Position::ZERO, |live| live.published.position);
            inner.watch.get_or_insert_with(|| watch::Sender::new(position)).subscribe()
        })?;
        Ok(Watch { receiver, _place: place })
    }

    /// At most `limit` quarantined commands of an entity, newest first.
    ///
    /// # Errors
    /// When the key is none, or the history store cannot answer.
    pub async fn quarantined(
        &self,
        key: &str,
        cursor: Option<RowNo>,
        limit: usize,
    ) -> Result<QuarantinePage, ReadError> {
        let id = EntityId::new(E::KIND, key).map_err(|error| ReadError::Unavailable(error.to_string()))?;
        self.shell().quarantined(&id, cursor, limit).await
    }

    /// What the host is doing.
    #[must_use]
    pub fn stats(&self) -> HostStats {
        let shell = self.shell();
        let metrics = &shell.metrics;
        HostStats {
            resident: shell.resident.load(Relaxed),
            resident_bytes: shell.resident_bytes.load(Relaxed),
            commands: shell.total.commands(),
            command_bytes: shell.total.bytes(),
            effects: shell.relay.running(),
            timers: shell.timers.len(),
            watchers: shell.watchers.load(Relaxed),
            refusals: metrics.refusals.get(),
            activation_failures: metrics.activation_failures.get(),
            restarts: metrics.restarts.get(),
            passivations: metrics.passivations.get(),
            quarantined: metrics.quarantined.get(),
            snapshots: metrics.snapshots.get(),
            snapshot_bytes: metrics.snapshot_bytes.get(),
            outlet_panics: metrics.outlet_panics.get(),
        }
    }

    /// Ends the host orderly: refuses new commands, lets queued commands and running effects finish, snapshots what
    /// changed, stops every activation. At the deadline whatever is left ends anyway; recovery takes it up.
    pub async fn drain(&self, deadline: Timestamp) -> DrainReport {
        Shell::drain(self.shell(), deadline).await
    }

    /// Ends the host at once, as a crash would. Every clone is dead afterwards.
    pub fn abort(&self) {
        self.shell().abort();
    }
}

/// A subscription to the states of one entity. See [`Host::watch`].
pub struct Watch {
    receiver: watch::Receiver<Position>,
    _place: Place,
}

/// The host ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host ended")]
pub struct WatchEnded;

impl Watch {
    /// The newest position told, seen from now on.
    pub fn position(&mut self) -> Position {
        *self.receiver.borrow_and_update()
    }

    /// Waits for a position that was not seen yet, and marks it seen. Cancel-safe.
    ///
    /// # Errors
    /// When the host ended.
    pub async fn changed(&mut self) -> Result<Position, WatchEnded> {
        self.receiver.changed().await.map_err(|_| WatchEnded)?;
        Ok(self.position())
    }
}
