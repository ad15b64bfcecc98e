//! The heart: one small trait, and the draft that makes "replay equals live" true by construction.

use crate::slices::Slices;
use greenroom_persistence::{DirectoryChange, Erase, HistoryRow, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use std::ops::Deref;

/// A stateful thing with a stable id: pure rules, run by the shell.
///
/// `Self` is the state: a cheap-to-clone value of persistent collections. What can be derived from the rest (compiled
/// matchers, indexes) is not serialised and is rebuilt by [`Entity::restored`].
pub trait Entity: Clone + Serialize + DeserializeOwned + Send + Sync + Sized + 'static {
    /// Kind in [`greenroom_persistence::EntityId`]: 1 to 16 characters of `a-z`.
    const KIND: &'static str;
    /// Version of the encoding of events and state. What an older program wrote must stay readable: the log before a
    /// snapshot may be gone.
    ///
    /// A field that is new in the state, in an event or in anything in them has a serde default, and then the version
    /// may stay. Any other change bumps it, with [`Entity::upcast`] and [`Entity::upcast_state`] for what was before.
    const SCHEMA: u16;

    /// What is asked. Serialisable so that a poison command can be kept for a person to look at.
    type Command: Serialize + Send + Sync + 'static;
    /// What happened.
    type Event: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;
    /// What must be done outside. Not journaled apart: every effect is implied by the state that its events left (an
    /// attempt in flight, a question asked), so recovery asks the state again through [`Entity::activated`].
    type Effect: Send + 'static;
    /// The answer to a command.
    type Reply: Send + 'static;
    /// The domain says no. Changes nothing.
    type Rejection: std::error::Error + Send + Sync + 'static;

    /// The state before the first event. `key` is the key part of the entity's id.
    fn vacant(key: &str) -> Self;

    /// Rebuilds what is derived after decoding a snapshot. Called once per recovery, before replay.
    fn restored(&mut self) {}

    /// Decides a command: reads the draft, emits events (applied at once to the draft), effects, rows and claims.
    /// Pure: same state, same instant, same command, same decision.
    ///
    /// # Errors
    /// A rejection rolls the draft back to before this command.
    fn decide(
        draft: &mut Draft<Self>,
        now: Timestamp,
        command: &Self::Command,
    ) -> Result<Self::Reply, Self::Rejection>;

    /// Nobody waits for the outcome of this effect: it runs after all others and paced, and is left out when too many
    /// wait. Nothing may depend on its outcome coming.
    fn is_background(_effect: &Self::Effect) -> bool {
        false
    }

    /// Folds an event into the state. Total, infallible, silent; used live and in replay.
    fn apply(&mut self, event: &Self::Event);

    /// When the entity wants [`Entity::tick`]; kept in the durable timer index, so that a passivated entity is
    /// activated in time.
    fn next_due(&self) -> Option<Timestamp>;

    /// The command sent at [`Entity::next_due`].
    fn tick() -> Self::Command;

    /// The command to run first after a recovery, when the state says that something was in flight in the activation
    /// that ended; `None` when nothing was.
    fn activated(&self) -> Option<Self::Command>;

    /// Effects run whose outcome the activation waits for; such an activation is not passivated.
    fn is_busy(&self) -> bool;

    /// The parts of the state in which it differs from an earlier state of the same activation. May name a part that is
    /// the same; must not leave out one that differs. Constant time: looks at whether parts are shared, not into them.
    fn changed(&self, _before: &Self) -> Slices {
        Slices::ALL
    }

    /// Rough size of the state in memory, in bytes. Constant time.
    fn weight(&self) -> usize;

    /// Rough size of an event once encoded, in bytes. Constant time; told to [`Draft::is_full`].
    fn event_bytes(_event: &Self::Event) -> usize {
        EVENT_BYTES_USUAL
    }

    /// Turns an event written under an older [`Entity::SCHEMA`] into today's. `bytes` is one MessagePack value.
    ///
    /// # Errors
    /// When the bytes are no event of that version.
    fn upcast(_schema: u16, bytes: &[u8]) -> Result<Self::Event, rmp_serde::decode::Error> {
        rmp_serde::from_slice(bytes)
    }

    /// Turns a state written under an older [`Entity::SCHEMA`] into today's; [`Entity::restored`] comes after it.
    /// `bytes` is one MessagePack value.
    ///
    /// # Errors
    /// When the bytes are no state of that version.
    fn upcast_state(_schema: u16, bytes: &[u8]) -> Result<Self, rmp_serde::decode::Error> {
        rmp_serde::from_slice(bytes)
    }
}

/// Rough bytes of an event that holds no long text.
pub const EVENT_BYTES_USUAL: usize = 512;
/// Rough bytes of events and rows after which work that can wait is left to a later decision. An eighth of the largest
/// record: one more step of such work, and the commands decided in the same batch, fit beside it.
pub const DRAFT_BYTES_SOFT_MAX: usize = greenroom_persistence::RECORD_BYTES_MAX / 8;

/// A working copy and what was decided on it so far.
///
/// The state can only change through [`Draft::emit`], which applies the event at once: later rules of the same
/// decision see earlier ones, and the state after a decision is the replay of its events, by construction.
pub struct Draft<E: Entity> {
    state: E,
    /// Events in order.
    events: Vec<E::Event>,
    effects: Vec<E::Effect>,
    rows: Vec<HistoryRow>,
    /// The history is erased, and with it the rows before this place.
    erased: Option<usize>,
    directory: Vec<DirectoryChange>,
    /// Rough bytes of events and rows.
    bytes: usize,
}

impl<E: Entity> Draft<E> {
    /// A draft over a state, with nothing decided.
    pub const fn new(state: E) -> Self {
        Self {
            state,
            events: Vec::new(),
            effects: Vec::new(),
            rows: Vec::new(),
            erased: None,
            directory: Vec::new(),
            bytes: 0,
        }
    }

    /// Emits an event: applied now, journaled with the batch.
    pub fn emit(&mut self, event: E::Event) {
        self.state.apply(&event);
        self.bytes = self.bytes.saturating_add(E::event_bytes(&event));
        self.events.push(event);
    }

    /// Asks for an effect, run after the batch is durable.
    pub fn effect(&mut self, effect: E::Effect) {
        self.effects.push(effect);
    }

    /// Adds a history row to the batch's record.
    pub fn row(&mut self, row: HistoryRow) {
        self.bytes = self.bytes.saturating_add(row.stream.len().saturating_add(row.bytes.len()));
        self.rows.push(row);
    }

    /// Erases every history row of the entity up to here: those of earlier records, and those added to this draft so
    /// far. What the shell keeps in the history beside the entity (quarantined commands) goes too.
    ///
    /// The events before it leave recovery by a snapshot, which the shell takes at once. They still are in the journal,
    /// and the event that empties the state must be emitted as well: this changes no state.
    pub fn erase_history(&mut self) {
        self.erased = Some(self.rows.len());
    }

    /// Adds a claim or release to the batch's record.
    pub fn directory(&mut self, change: DirectoryChange) {
        self.directory.push(change);
    }

    /// Enough was decided for one record: loops over work that can wait stop here, and go on with a later command.
    pub const fn is_full(&self) -> bool {
        self.bytes >= DRAFT_BYTES_SOFT_MAX
    }

    /// The state with everything that was emitted.
    pub const fn state(&self) -> &E {
        &self.state
    }

    /// Events emitted so far.
    pub fn events(&self) -> &[E::Event] {
        &self.events
    }

    /// Effects asked for so far.
    pub fn effects(&self) -> &[E::Effect] {
        &self.effects
    }

    /// A place to come back to when the next command is rejected or panics.
    pub fn savepoint(&self) -> Savepoint<E> {
        Savepoint {
            state: self.state.clone(),
            events: self.events.len(),
            effects: self.effects.len(),
            rows: self.rows.len(),
            erased: self.erased,
            directory: self.directory.len(),
            bytes: self.bytes,
        }
    }

    /// Forgets everything since the savepoint.
    pub fn rollback(&mut self, to: Savepoint<E>) {
        self.state = to.state;
        self.events.truncate(to.events);
        self.effects.truncate(to.effects);
        self.rows.truncate(to.rows);
        self.erased = to.erased;
        self.directory.truncate(to.directory);
        self.bytes = to.bytes;
    }

    /// Takes the draft apart for the shell.
    pub fn into_parts(mut self) -> Parts<E> {
        Parts {
            state: self.state,
            events: self.events,
            effects: self.effects,
            erase: if self.erased.is_some() { Erase::History } else { Erase::Nothing },
            rows: self.rows.split_off(self.erased.unwrap_or(0)),
            directory: self.directory,
        }
    }
}

impl<E: Entity> Deref for Draft<E> {
    type Target = E;
    fn deref(&self) -> &E {
        &self.state
    }
}

/// See [`Draft::savepoint`].
pub struct Savepoint<E: Entity> {
    state: E,
    events: usize,
    effects: usize,
    rows: usize,
    erased: Option<usize>,
    directory: usize,
    bytes: usize,
}

/// What a draft holds, for the shell to journal, publish and run.
pub struct Parts<E: Entity> {
    /// State after all events.
    pub state: E,
    /// Events to journal.
    pub events: Vec<E::Event>,
    /// Effects to run once durable.
    pub effects: Vec<E::Effect>,
    /// What the record erases.
    pub erase: Erase,
    /// History rows for the record.
    pub rows: Vec<HistoryRow>,
    /// Claims and releases for the record.
    pub directory: Vec<DirectoryChange>,
}
