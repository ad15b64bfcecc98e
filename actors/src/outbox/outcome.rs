//! What comes back from outside: outcomes of sends, reads and echoes, and what follows for others.

use super::{AutomationRef, Doubt, Lane, OutboundId, REFUSAL_CHARS_MAX, ThreadId};
use crate::{
    Timestamp,
    id::{Igsid, Mid},
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// How a send ended. Three-valued: the platform has no idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SendOutcome {
    /// 200 with an id.
    Sent {
        /// Its id on the platform.
        message_id: Mid,
        /// Whom it went to, when the platform says so: the writer of the comment, after a private reply.
        #[serde(default)]
        recipient: Option<Igsid>,
    },
    /// Definitely not delivered.
    NotSent(Refusal),
    /// May or may not have been delivered; never tried again blindly.
    Unknown {
        /// Why.
        doubt: Doubt,
        /// The platform's code and subcode, when there was an error body.
        code: Option<(u32, u32)>,
    },
}

/// A definite refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of refusal.
    pub class: FailureClass,
    /// The platform's code; 0 when there was none.
    pub code: u32,
    /// The platform's subcode; 0 when there was none.
    pub subcode: u32,
    /// Wait announced by the platform (`Retry-After`, or the estimated time to regain access).
    pub retry_after: Option<Duration>,
    /// The platform's own words, for the owner; cut to [`super::REFUSAL_CHARS_MAX`] when stored.
    pub message: Option<Arc<str>>,
}

impl Refusal {
    /// A refusal of a class, with nothing else known.
    #[must_use]
    pub const fn of(class: FailureClass) -> Self {
        Self { class, code: 0, subcode: 0, retry_after: None, message: None }
    }

    /// A refusal with the platform's code and subcode.
    #[must_use]
    pub const fn coded(class: FailureClass, code: u32, subcode: u32) -> Self {
        Self { class, code, subcode, retry_after: None, message: None }
    }

    /// The same with a message of bounded length, as it is kept.
    pub(super) fn bounded(&self) -> Self {
        let cut = |text: &Arc<str>| match text.char_indices().nth(REFUSAL_CHARS_MAX) {
            Some((end, _)) => Arc::from(text.get(..end).unwrap_or_default()),
            None => Arc::clone(text),
        };
        Self { message: self.message.as_ref().map(cut), ..self.clone() }
    }
}

/// Classes of definite refusals, as in the platform's error table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FailureClass {
    /// The connection was never established; no byte of the request was written.
    Unreachable,
    /// A rate limit.
    Rate,
    /// The token is refused; to be verified by one call before it counts as dead.
    Token,
    /// A permission or a setting is missing.
    Permission,
    /// Outside the window.
    Window,
    /// The person can not be reached.
    Recipient,
    /// The message itself is refused.
    Content,
    /// Refused by something that is not the platform. Says nothing of the message.
    Unexplained,
    /// Already done, or not possible any more. Not an alarm.
    Done,
    /// The account is restricted by the platform.
    Safety,
    /// Another app holds the thread.
    Owner,
}

/// What a read for an unconfirmed message brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadOutcome {
    /// The newest messages that the account itself sent in that conversation (or its replies below that comment).
    Read(Vec<SeenMessage>),
    /// The read failed.
    Failed {
        /// Wait announced by the platform.
        retry_after: Option<Duration>,
    },
}

/// A message of the account, read from the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenMessage {
    /// Its id.
    pub message_id: Mid,
    /// When the platform took it.
    pub sent_at: Timestamp,
    /// Its text; templates have none.
    pub text: Option<Arc<str>>,
    /// It is a template.
    #[serde(default)]
    pub is_template: bool,
}

/// An echo: a message that the account sent, by this program or by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo<'a> {
    /// Its id.
    pub message_id: &'a Mid,
    /// The recipient.
    pub person: &'a Igsid,
    /// Its text; templates have none.
    pub text: Option<&'a str>,
    /// It is a template.
    pub is_template: bool,
    /// When the platform took it.
    pub sent_at: Timestamp,
}

/// How busy the platform says the account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The highest of the values for the account and for the app, in percent.
    pub percent: u16,
    /// Estimated time to regain access.
    pub regain: Option<Duration>,
}

/// What others must do because of an outcome. The outbox has done its own part in the events beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Ask the platform once whether the token lives, then [`super::Outbox::resume`] or mark the connection.
    VerifyToken {
        /// The message whose send raised the doubt.
        id: OutboundId,
    },
    /// A permission or a setting is missing: the lane rests, and is tried from time to time. Told when it begins.
    PermissionMissing {
        /// The message.
        id: OutboundId,
        /// The lane whose feature is off.
        lane: Lane,
        /// The platform's code and subcode.
        code: (u32, u32),
    },
    /// The person can not be reached for a while.
    FlagUnreachable {
        /// The thread.
        thread: ThreadId,
        /// Until when.
        until: Timestamp,
    },
    /// Another app holds the thread: no automatic messages there.
    PauseThread {
        /// The thread.
        thread: ThreadId,
    },
    /// The messages of this automation are refused again and again.
    DisableAutomation {
        /// The automation.
        automation: AutomationRef,
        /// The last refusal.
        refusal: Refusal,
    },
    /// A message ended without a known delivery: a person should look at the thread.
    NeedsHuman {
        /// The message.
        id: OutboundId,
        /// Its thread.
        thread: ThreadId,
    },
    /// Someone answered by hand in this thread.
    HumanAnswered {
        /// The thread.
        thread: ThreadId,
        /// The message.
        message_id: Mid,
        /// When the platform took it.
        sent_at: Timestamp,
    },
    /// The app as a whole is limited: other workspaces should pause too.
    AppLimited {
        /// Until when.
        until: Timestamp,
    },
    /// Tell the owner.
    NotifyOwner(Notice),
}

/// What the owner is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Nobody knows whether a message arrived; it can be sent again by one press.
    DeliveryUnknown {
        /// The message.
        id: OutboundId,
    },
    /// The platform restricts the account; automatic sends are stopped.
    SafetyStop {
        /// Until when.
        until: Timestamp,
        /// The platform's own words.
        message: Option<Arc<str>>,
    },
    /// Sending is slowed down by the platform.
    SlowedDown {
        /// Until when.
        until: Timestamp,
    },
    /// Many recipients can not be reached; sending goes at half pace.
    ManyUnreachable,
}
