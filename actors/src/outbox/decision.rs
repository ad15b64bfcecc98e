//! What is asked of the outbox and what its decisions return.

use super::{
    Author, AutomationRef, CancelReason, Consequence, Content, Kind, OutboundId, OutboundKey, OutboxEvent,
};
use crate::{Timestamp, id::EventKey};
use std::sync::Arc;

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueue {
    /// Idempotency key.
    pub key: OutboundKey,
    /// The inbound event or the human act behind it.
    pub cause: EventKey,
    /// How and to whom.
    pub kind: Kind,
    /// What it says.
    pub content: Content,
    /// The automation that wrote it.
    pub automation: Option<AutomationRef>,
    /// Who wrote it.
    pub author: Author,
    /// It counts against the send quota.
    pub counted: bool,
    /// The last instant at which the platform takes it: 24 hours after the person's last message, 7 days after the
    /// comment.
    pub window_ends_at: Timestamp,
    /// Not started before: `now` plus the reply delay that was drawn.
    pub not_before: Timestamp,
    /// The message that must be delivered first: the previous part, or the private reply before the public one.
    pub depends_on: Option<OutboundId>,
}

/// Why a message is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnqueueError {
    /// A message with this key was accepted before. Not an alarm: the same cause came twice.
    #[error("a message with this key was accepted before as {0}")]
    AlreadyEnqueued(OutboundId),
    /// The window is closed, or closes before a call could be made.
    #[error("the window for this message is closed")]
    WindowClosed,
    /// Nothing to say.
    #[error("the message is empty")]
    Empty,
    /// Longer than the platform takes.
    #[error("the message is longer than {0} {1}")]
    TooLong(usize, &'static str),
    /// A public reply can only be text.
    #[error("a public reply can only be text")]
    NotText,
    /// The key is empty or longer than [`super::KEY_BYTES_MAX`].
    #[error("the key must have 1 to {0} bytes")]
    BadKey(usize),
    /// Too many messages of this workspace wait.
    #[error("the outbox is full with {0} messages")]
    Full(usize),
    /// Too many messages of this thread wait.
    #[error("the thread is full with {0} messages")]
    ThreadFull(usize),
    /// The message it depends on ended without being delivered, or never was.
    #[error("the message {0} that this one depends on will not be delivered")]
    DependencyEnded(OutboundId),
}

/// What the guard says about a message that is about to be sent: opt-out, block, pause, quota, automation state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Send it.
    Go,
    /// Take it back.
    Cancel(CancelReason),
    /// Ask again at an instant, for instance after quiet hours; with a short stable reason.
    Hold {
        /// When to ask again.
        until: Timestamp,
        /// Why.
        reason: Arc<str>,
    },
}

/// One thing that is due. Emit the events, then run the effect once they are durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What happens, and what follows for others.
    pub decided: Decided,
    /// What must be done outside.
    pub effect: Option<OutboxEffect>,
}

/// What must be done outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxEffect {
    /// Send the message; answer with [`super::Outbox::outcome`].
    Send {
        /// The message.
        id: OutboundId,
        /// The attempt.
        attempt: u32,
    },
    /// Read the conversation (the replies of the comment for a public reply) for the newest messages of the account;
    /// answer with [`super::Outbox::reconciled`].
    Read {
        /// The message that is looked for.
        id: OutboundId,
        /// Number of the read.
        read: u32,
        /// Start of the attempt: stands in for the instant of a message that has none.
        since: Timestamp,
    },
}

/// Events in order, and what follows for others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// Emit in this order.
    pub events: Vec<OutboxEvent>,
    /// Act on these after the events.
    pub consequences: Vec<Consequence>,
}

impl Decided {
    /// Nothing happens: late, repeated or for another attempt.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.events.is_empty() && self.consequences.is_empty()
    }

    pub(super) fn event(event: OutboxEvent) -> Self {
        Self { events: vec![event], consequences: Vec::new() }
    }

    pub(super) fn append(&mut self, other: Self) {
        self.events.extend(other.events);
        self.consequences.extend(other.consequences);
    }
}

/// Whose message an echo shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EchoMatch {
    /// Ours.
    Ours {
        /// The message.
        id: OutboundId,
        /// What follows; nothing when that was known.
        decided: Decided,
    },
    /// It may be that of the send in flight. Settled later by an event, and by [`Consequence::HumanAnswered`] when it is
    /// not ours.
    Held(OutboxEvent),
    /// The same echo is held already.
    AlreadyHeld,
    /// Someone answered by hand.
    Unmatched,
}

/// Why a person's wish about a message can not be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No such message at hand.
    #[error("no such message in the outbox")]
    NotFound,
    /// It is being sent, or its outcome is being looked for.
    #[error("the message is in flight")]
    InFlight,
    /// It is in no state that allows this.
    #[error("the message is not in a state that allows this")]
    WrongState,
    /// Its window is closed.
    #[error("the window for this message is closed")]
    WindowClosed,
    /// The message it depends on must be replayed first.
    #[error("the message that this one depends on was not delivered")]
    DependencyEnded,
    /// A message with that key was accepted before.
    #[error("a message with this key was accepted before")]
    AlreadyEnqueued,
    /// Too many messages wait.
    #[error("the outbox or the thread is full")]
    Full,
}

/// How long a lane's queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueStats {
    /// Messages that wait for their turn.
    pub waiting: usize,
    /// When the last of them will have gone at the pace of now; `None` when nothing waits or nothing goes.
    pub expected_end: Option<Timestamp>,
    /// The lane is closed until then.
    pub closed_until: Option<Timestamp>,
}
