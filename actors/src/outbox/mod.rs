//! The outbox of a workspace: every visible message from its enqueueing to its end, the lanes that pace them, and the
//! dead letters. A pure state machine inside the user entity.
//!
//! A visible message is sent at most once and never silently lost: an attempt is an event before it is a call; an
//! attempt with an unknown outcome is looked for, never repeated blindly.

#![expect(dead_code, reason = "the decisions that use these follow in the next commit")]

mod decision;
mod event;
mod id;
mod item;
mod lane;
mod limits;
mod outcome;

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
