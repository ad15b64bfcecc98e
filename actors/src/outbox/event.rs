//! What happened to messages and lanes. Journaled; applied by [`super::Outbox::apply`].

use super::{
    CancelReason, Doubt, FailureClass, Fingerprint, Lane, Outbound, OutboundId, Pace, Refusal, ThreadId,
    UnknownReason,
};
use crate::{Timestamp, id::Mid};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A fact about the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutboxEvent {
    /// A message was accepted.
    Enqueued {
        /// The message, in [`super::State::Queued`].
        item: Arc<Outbound>,
    },
    /// An attempt was started; the call may be made once this is durable.
    AttemptStarted {
        /// The message.
        id: OutboundId,
        /// Number of the attempt.
        attempt: u32,
        /// When.
        at: Timestamp,
        /// When it counts as lost.
        lease_until: Timestamp,
    },
    /// The message arrived.
    Delivered {
        /// The message.
        id: OutboundId,
        /// The attempt that is credited: the last one.
        attempt: u32,
        /// Its id on the platform, when known.
        message_id: Option<Mid>,
        /// When that became known.
        at: Timestamp,
        /// How it is known.
        proof: Proof,
    },
    /// The message stays queued, for later.
    Deferred {
        /// The message.
        id: OutboundId,
        /// When.
        at: Timestamp,
        /// Not started before.
        not_before: Timestamp,
        /// Why.
        why: Deferral,
    },
    /// The outcome of an attempt is unknown; the search begins.
    BecameUnconfirmed {
        /// The message.
        id: OutboundId,
        /// The attempt.
        attempt: u32,
        /// When.
        at: Timestamp,
        /// Why.
        doubt: Doubt,
        /// The platform's code and subcode, when there was an error body.
        code: Option<(u32, u32)>,
        /// When to read for the first time.
        next_check_at: Timestamp,
    },
    /// A read for an unconfirmed message was started.
    ReadStarted {
        /// The message.
        id: OutboundId,
        /// Number of the read, from 1.
        read: u32,
        /// When.
        at: Timestamp,
        /// When it counts as failed.
        lease_until: Timestamp,
    },
    /// A read did not show the message.
    ReadMissed {
        /// The message.
        id: OutboundId,
        /// When.
        at: Timestamp,
        /// The read itself succeeded.
        readable: bool,
        /// When to read again.
        next_check_at: Timestamp,
    },
    /// Looking for a message must wait: nothing can be read now, or the read was lost with the activation.
    CheckPostponed {
        /// The message.
        id: OutboundId,
        /// When.
        at: Timestamp,
        /// When to look again.
        next_check_at: Timestamp,
    },
    /// A private reply was not found; another attempt is safe, because the platform refuses a second one.
    RetryCleared {
        /// The message.
        id: OutboundId,
        /// When.
        at: Timestamp,
        /// Not started before.
        not_before: Timestamp,
    },
    /// The search was given up. Never sent again by itself.
    MarkedUnknown {
        /// The message.
        id: OutboundId,
        /// When.
        at: Timestamp,
        /// Why.
        why: UnknownReason,
    },
    /// The message was refused for good.
    Failed {
        /// The message.
        id: OutboundId,
        /// The attempt.
        attempt: u32,
        /// When.
        at: Timestamp,
        /// The refusal.
        refusal: Refusal,
    },
    /// The windows of messages closed before they could be sent.
    Expired {
        /// The messages, at most [`super::EXPIRE_BATCH_MAX`].
        ids: Vec<OutboundId>,
        /// When.
        at: Timestamp,
        /// The platform's refusal, when it was the platform that said so.
        refusal: Option<Refusal>,
    },
    /// Messages were taken back before they were sent.
    Cancelled {
        /// The messages.
        ids: Vec<OutboundId>,
        /// When.
        at: Timestamp,
        /// Why.
        reason: CancelReason,
    },
    /// Nothing is sent or read until [`OutboxEvent::Resumed`]; windows go on.
    Parked {
        /// When.
        at: Timestamp,
        /// Why.
        reason: ParkReason,
    },
    /// Sending goes on.
    Resumed {
        /// When.
        at: Timestamp,
    },
    /// A lane, or all of them, is closed for a while.
    LaneClosed {
        /// The lane; `None` for all.
        lane: Option<Lane>,
        /// When.
        at: Timestamp,
        /// Until when.
        until: Timestamp,
        /// Refusals in a row, for the next back-off.
        step: u8,
    },
    /// A permission or a setting that a lane needs is missing: the lane rests, then one message tries.
    PermissionMissed {
        /// The lane.
        lane: Lane,
        /// When.
        at: Timestamp,
        /// Until when.
        until: Timestamp,
        /// Refusals in a row, from 1.
        step: u8,
    },
    /// What lanes lacked may be there again: they go on.
    PermissionsRenewed {
        /// When.
        at: Timestamp,
    },
    /// The platform told how busy the account is; recorded when the level changes or ages.
    UsageNoted {
        /// In percent.
        percent: u16,
        /// When.
        at: Timestamp,
    },
    /// Automatic messages are stopped after a safety refusal.
    SafetyStopped {
        /// When.
        at: Timestamp,
        /// Until when.
        until: Timestamp,
        /// Stops in a row, from 1.
        level: u8,
    },
    /// A person lifted the safety stop.
    SafetyLifted {
        /// When.
        at: Timestamp,
    },
    /// What a guard held back may go: its reason is gone.
    HeldReleased {
        /// When.
        at: Timestamp,
    },
    /// The pace of the account was set.
    PaceSet {
        /// The pace.
        pace: Pace,
    },
    /// A dead letter is queued again.
    Replayed {
        /// The message.
        id: OutboundId,
        /// When.
        at: Timestamp,
        /// The end of its window as known now.
        window_ends_at: Timestamp,
    },
    /// A message with unknown outcome is sent again by its owner, as a new message; what waited for the old one waits
    /// for the new one.
    Resent {
        /// The old message, at its end now: cancelled as [`CancelReason::ByPerson`].
        of: OutboundId,
        /// When.
        at: Timestamp,
        /// The new message.
        item: Arc<Outbound>,
    },
    /// An echo waits for the send in flight.
    EchoHeld(HeldEcho),
    /// A held echo found its owner.
    EchoSettled {
        /// The message.
        message_id: Mid,
        /// `Some` when it was ours.
        ours: Option<OutboundId>,
    },
    /// An automation was switched off for its refusals; its count starts again.
    AutomationGivenUp {
        /// The automation.
        automation: super::AutomationRef,
    },
    /// Messages at their end left for the history. The rows are in the same record.
    Archived {
        /// The messages, at most [`super::ARCHIVE_BATCH_MAX`].
        ids: Vec<OutboundId>,
    },
    /// Keys and message ids of before are forgotten, at most [`super::FORGET_BATCH_MAX`] of each.
    Forgotten {
        /// Keys remembered before this.
        keys_before: Timestamp,
        /// Message ids remembered before this.
        message_ids_before: Timestamp,
    },
}

/// How it is known that a message arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// The platform's answer.
    Response,
    /// Its echo.
    Echo,
    /// It was read in the conversation.
    Read,
    /// The platform refused a second one.
    SecondRefused,
}

/// Why a message stays queued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deferral {
    /// An attempt was definitely refused, and another one makes sense.
    Refused {
        /// The attempt.
        attempt: u32,
        /// The refusal.
        refusal: Refusal,
        /// It counts against [`super::ATTEMPTS_MAX`].
        counted: bool,
        /// The next attempt sends the text form of the template.
        as_text: bool,
    },
    /// The guard held it back, for instance for quiet hours.
    Held(Arc<str>),
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParkReason {
    /// A token refusal is being verified.
    TokenInDoubt,
    /// The connection needs to be made again.
    Expired,
    /// The account was disconnected.
    Disconnected,
    /// The plan is frozen.
    Frozen,
    /// The kill switch of the account or of the installation.
    KillSwitch,
}

/// An echo that is not known to be ours yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldEcho {
    /// The message.
    pub message_id: Mid,
    /// Its thread.
    pub thread: ThreadId,
    /// Its text, trimmed, as a fingerprint; one that no text has for templates.
    pub text: Fingerprint,
    /// When the platform took it.
    pub sent_at: Timestamp,
    /// When it came.
    pub received_at: Timestamp,
}

/// How a message left the queue, for counters and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It arrived: a reservation is committed.
    Delivered,
    /// Nobody knows; a reservation stays until a person decides or it is archived.
    Unknown,
    /// Refused for good: a reservation is released.
    Failed(FailureClass),
    /// Too late: a reservation is released.
    Expired,
    /// Taken back: a reservation is released.
    Cancelled,
}

impl OutboxEvent {
    /// The messages that came to an end by this event, and how. Read before applying it, an item that ended as
    /// unknown may still end as delivered or cancelled later.
    #[must_use]
    pub fn ends(&self) -> Option<(&[OutboundId], End)> {
        match self {
            Self::Delivered { id, .. } => Some((std::slice::from_ref(id), End::Delivered)),
            Self::MarkedUnknown { id, .. } => Some((std::slice::from_ref(id), End::Unknown)),
            Self::Failed { id, refusal, .. } => Some((std::slice::from_ref(id), End::Failed(refusal.class))),
            Self::Expired { ids, .. } => Some((ids, End::Expired)),
            Self::Cancelled { ids, .. } => Some((ids, End::Cancelled)),
            Self::Resent { of, .. } => Some((std::slice::from_ref(of), End::Cancelled)),
            _ => None,
        }
    }

    /// The message this event accepted, when it did.
    #[must_use]
    pub fn accepted(&self) -> Option<&Arc<Outbound>> {
        match self {
            Self::Enqueued { item } | Self::Resent { item, .. } => Some(item),
            _ => None,
        }
    }
}
