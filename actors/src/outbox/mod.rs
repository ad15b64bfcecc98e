//! The outbox of a workspace: every visible message from its enqueueing to its end, the lanes that pace them, and the
//! dead letters. A pure state machine inside the user entity.
//!
//! A visible message is sent at most once and never silently lost: an attempt is an event before it is a call; an
//! attempt with an unknown outcome is looked for, never repeated blindly.
//!
//! ```text
//! Queued ─▶ Sending ─▶ Sent
//!   ▲  │       ├─────▶ Queued        definitely refused, worth another attempt
//!   │  │       ├─────▶ Failed        definitely refused for good             (dead letter)
//!   │  │       └─────▶ Unconfirmed ─▶ Sent | Unknown                         (dead letter)
//!   │  │                    └───────▶ Queued   private replies only: the platform refuses a second one
//!   │  ├─────▶ Expired               the window closes first                 (dead letter)
//!   │  └─────▶ Cancelled
//!   └── a person replays a dead letter
//! ```
//!
//! Every decision is a function of the state and an instant that returns events; [`Outbox::apply`] folds them. The
//! entity's part: after any command, and when [`Outbox::next_due`] comes, call [`Outbox::advance`] until it returns
//! nothing (or [`STEPS_PER_TICK_MAX`] steps were taken), and bring outcomes back.

mod advance;
mod apply;
mod control;
mod decision;
mod echo;
mod enqueue;
mod event;
mod health;
mod id;
mod index;
mod item;
mod lane;
mod limits;
mod outcome;
mod reconcile;
mod settle;
mod stats;
#[cfg(test)]
mod tests;

pub use control::{Range, Scope};
pub use decision::{
    ControlError, Decided, EchoMatch, Enqueue, EnqueueError, Guard, OutboxEffect, QueueStats, Step,
};
pub use event::{Deferral, End, HeldEcho, OutboxEvent, ParkReason, Proof};
pub use id::{AutomationRef, Fingerprint, OutboundId, OutboundKey, ThreadId};
pub use item::{
    Attempt, AttemptResult, Author, CancelReason, Content, Doubt, Kind, Outbound, Search, State,
    UnknownReason,
};
pub use lane::{Lane, Pace, PaceError};
pub use limits::*;
pub use outcome::{
    Consequence, Echo, FailureClass, Notice, ReadOutcome, Refusal, SeenMessage, SendOutcome, Usage,
};

use crate::{
    Timestamp,
    id::{Igsid, Mid},
};
use health::{Health, NotedUsage, Safety, UsageLevel};
use imbl::OrdMap;
use index::{Index, Place};
use lane::{Lanes, Rate};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Rough bytes of one message with its texts and its places in the orders.
const ITEM_WEIGHT: usize = 1_024;
/// Rough bytes of a remembered key or message id with its place in the order of ages.
const REMEMBERED_WEIGHT: usize = 128;

/// All messages of one workspace on their way out. Cheap to clone. After decoding call [`Outbox::restored`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbox {
    last_id: OutboundId,
    items: OrdMap<OutboundId, Arc<Outbound>>,
    threads: OrdMap<ThreadId, Thread>,
    keys: OrdMap<Fingerprint, Remembered>,
    mids: OrdMap<Fingerprint, Remembered>,
    held: Vec<HeldEcho>,
    lanes: Lanes,
    pace: Pace,
    usage: Option<NotedUsage>,
    safety: Option<Safety>,
    parked: Option<Parking>,
    health: Health,
    #[serde(skip)]
    index: Index,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            last_id: OutboundId::MIN,
            items: OrdMap::new(),
            threads: OrdMap::new(),
            keys: OrdMap::new(),
            mids: OrdMap::new(),
            held: Vec::new(),
            lanes: Lanes::default(),
            pace: Pace::default(),
            usage: None,
            safety: None,
            parked: None,
            health: Health::default(),
            index: Index::default(),
        }
    }
}

/// What a thread imposes on its messages. Absent while it imposes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Thread {
    in_flight: Option<OutboundId>,
    unconfirmed: u32,
    /// The next message may start then.
    free_at: Timestamp,
}

impl Default for Thread {
    fn default() -> Self {
        Self { in_flight: None, unconfirmed: 0, free_at: Timestamp::MIN }
    }
}

impl Thread {
    const fn is_quiet(&self) -> bool {
        self.in_flight.is_none() && self.unconfirmed == 0
    }
}

/// A key or message id of a message, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    id: OutboundId,
    at: Timestamp,
}

/// Nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Parking {
    since: Timestamp,
    reason: ParkReason,
}

impl Outbox {
    /// Rebuilds what is derived, after decoding. The result equals the outbox that was encoded.
    pub fn restored(&mut self) {
        let mut index = Index::default();
        for item in self.items.values() {
            index.add(item);
        }
        index.key_ages = self.keys.iter().map(|(key, remembered)| (remembered.at, *key)).collect();
        index.mid_ages = self.mids.iter().map(|(mid, remembered)| (remembered.at, *mid)).collect();
        self.index = index;
        let ids: Vec<_> = self.items.keys().copied().collect();
        for id in ids {
            self.place(id);
        }
    }

    /// An outbox without anything, which gives out no number again: a late outcome finds no message of another time.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self { last_id: self.last_id, ..Self::default() }
    }

    /// The outbox without what was enqueued before an instant, and without everything to some persons.
    #[must_use]
    pub fn since(&self, before: Timestamp, is_gone: impl Fn(&Igsid) -> bool) -> Self {
        let to_gone = |thread: &ThreadId| matches!(thread, ThreadId::Person(person) if is_gone(person));
        let is_kept = |item: &Outbound| item.created_at >= before && !to_gone(&item.thread);
        let mut next = self.clone();
        for item in self.items.values().filter(|item| !is_kept(item)) {
            next.items.remove(&item.id);
            next.threads.remove(&item.thread);
        }
        next.held.retain(|echo| echo.received_at >= before && !to_gone(&echo.thread));
        next.restored();
        next
    }

    /// A message at hand.
    #[must_use]
    pub fn get(&self, id: OutboundId) -> Option<&Outbound> {
        self.items.get(&id).map(Arc::as_ref)
    }

    /// A message at hand, to keep.
    #[must_use]
    pub fn share(&self, id: OutboundId) -> Option<Arc<Outbound>> {
        self.items.get(&id).cloned()
    }

    /// All messages at hand, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Outbound> {
        self.items.values().map(Arc::as_ref)
    }

    /// The dead letters at hand, newest first.
    pub fn dead_letters(&self) -> impl Iterator<Item = &Outbound> {
        self.index.dead.iter().rev().filter_map(|(_, id)| self.get(*id))
    }

    /// Messages of a thread that are not at their end, and unknown ones, oldest first.
    pub fn of_thread(&self, thread: &ThreadId) -> impl Iterator<Item = &Outbound> {
        self.index.of_thread(thread).filter_map(|id| self.get(id))
    }

    /// The message that was accepted under a key, while the key is remembered. It may have left for the history.
    #[must_use]
    pub fn by_key(&self, key: &OutboundKey) -> Option<OutboundId> {
        self.keys.get(&Fingerprint::of(key.as_str())).map(|remembered| remembered.id)
    }

    /// The message that was delivered with an id, while the id is remembered. It may have left for the history.
    #[must_use]
    pub fn by_message_id(&self, message_id: &Mid) -> Option<OutboundId> {
        self.mids.get(&Fingerprint::of(message_id.as_str())).map(|remembered| remembered.id)
    }

    /// Automatic messages to this thread wait for another one's outcome.
    #[must_use]
    pub fn thread_blocked(&self, thread: &ThreadId) -> bool {
        self.threads.get(thread).is_some_and(|thread| !thread.is_quiet())
    }

    /// Messages that are not at their end.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.index.open
    }

    /// Rough size in memory, in bytes. Constant time.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + self.items.len() * ITEM_WEIGHT
            + (self.keys.len() + self.mids.len()) * REMEMBERED_WEIGHT
    }

    /// An outcome is waited for: a send or a read is in flight.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.index.sending > 0 || self.index.reading > 0
    }

    /// Why nothing is sent, if so, and since when.
    #[must_use]
    pub fn parked(&self) -> Option<(ParkReason, Timestamp)> {
        self.parked.map(|parking| (parking.reason, parking.since))
    }

    /// Until when automatic messages are stopped after a safety refusal.
    #[must_use]
    pub fn safety_stop(&self, now: Timestamp) -> Option<Timestamp> {
        self.safety.map(|safety| safety.until).filter(|until| now < *until)
    }

    /// The account's pace.
    #[must_use]
    pub const fn pace(&self) -> Pace {
        self.pace
    }

    /// Reads in the background (sync, profiles) may run: the account is not busy.
    #[must_use]
    pub fn background_reads_allowed(&self, now: Timestamp) -> bool {
        self.usage_level(now) == UsageLevel::Normal
    }

    fn usage_level(&self, now: Timestamp) -> UsageLevel {
        self.usage.map_or(UsageLevel::Normal, |usage| usage.level(now))
    }

    /// The rate of a lane as of now: half when the platform or the recipients say so.
    fn rate(&self, lane: Lane, now: Timestamp) -> Option<Rate> {
        let slow = self.usage_level(now) >= UsageLevel::Slow || self.health.is_slowed();
        self.pace.rate(lane, now).map(|rate| if slow { rate.halved() } else { rate })
    }

    /// Where a message stands in the queue of its lane; `None` when it can not start.
    fn position(&self, item: &Outbound) -> Option<Place> {
        let State::Queued { not_before } = item.state else { return None };
        let thread = self.threads.get(&item.thread).copied().unwrap_or_default();
        let blocked = thread.in_flight.is_some() || (item.is_automatic() && thread.unconfirmed > 0);
        if blocked || item.depends_on.is_some() {
            return None;
        }
        Some((item.lane(), item.is_automatic(), not_before.max(thread.free_at), item.id))
    }
}
