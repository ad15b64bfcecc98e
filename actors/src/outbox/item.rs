//! One message on its way out: what it says, to whom, until when, and where it stands.

use super::{AutomationRef, FailureClass, Lane, OutboundId, OutboundKey, Refusal, ThreadId};
use crate::{
    Timestamp,
    id::{CommentId, EventKey, Igsid, Mid},
};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// A message from its enqueueing to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// Its number in this workspace.
    pub id: OutboundId,
    /// Its idempotency key.
    pub key: OutboundKey,
    /// The inbound event or the human act behind it.
    pub cause: EventKey,
    /// The conversation: one message in flight at a time.
    pub thread: ThreadId,
    /// How it is sent, and to whom.
    pub kind: Kind,
    /// What it says.
    pub content: Content,
    /// The automation that wrote it.
    pub automation: Option<AutomationRef>,
    /// Who wrote it. Only automatic messages are stopped by an unconfirmed one or by a safety refusal.
    pub author: Author,
    /// It counts against the send quota: the reservation is committed when it is delivered and released at any other end.
    pub counted: bool,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// The last instant at which the platform takes it.
    pub window_ends_at: Timestamp,
    /// The message that must be delivered first; cleared when it was.
    pub depends_on: Option<OutboundId>,
    /// Attempts started so far. The number of the last one.
    pub attempt: u32,
    /// Definite refusals that count against [`super::ATTEMPTS_MAX`].
    pub refusals: u32,
    /// The last attempts, newest last, at most [`super::ATTEMPTS_KEPT_MAX`].
    pub attempts: Vec<Attempt>,
    /// An attempt of it ended without a known outcome, and a later one was allowed (private replies only).
    pub doubtful: bool,
    /// Why it is held back, while it is.
    #[serde(default)]
    pub held: Option<Arc<str>>,
    /// Where it stands.
    pub state: State,
}

/// How a message is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A direct message in the 24 hours after the person's last one (a human: 7 days).
    Dm {
        /// The person.
        to: Igsid,
    },
    /// The one direct message that answers a comment, within 7 days of it.
    PrivateReply {
        /// The comment.
        comment: CommentId,
        /// Who wrote it, when the platform said so.
        person: Option<Igsid>,
        /// When it was written.
        comment_at: Timestamp,
        /// Under a live broadcast, which must still be on.
        live: bool,
    },
    /// A reply below a comment, for all to see.
    PublicReply {
        /// The comment.
        comment: CommentId,
    },
}

impl Kind {
    /// The conversation that a message of this kind belongs to.
    #[must_use]
    pub fn thread(&self) -> ThreadId {
        match self {
            Self::Dm { to } | Self::PrivateReply { person: Some(to), .. } => to.into(),
            Self::PrivateReply { comment, person: None, .. } | Self::PublicReply { comment } => {
                comment.into()
            }
        }
    }

    /// The comment it answers.
    #[must_use]
    pub const fn comment(&self) -> Option<&CommentId> {
        match self {
            Self::Dm { .. } => None,
            Self::PrivateReply { comment, .. } | Self::PublicReply { comment } => Some(comment),
        }
    }

    /// Seen by all, not in the inbox.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        matches!(self, Self::PublicReply { .. })
    }

    pub(super) const fn is_private_reply(&self) -> bool {
        matches!(self, Self::PrivateReply { .. })
    }
}

/// What a message says. Its `Debug` shows sizes only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Plain text of at most [`super::TEXT_BYTES_MAX`] bytes.
    Text(Arc<str>),
    /// A generic template.
    Template {
        /// JSON array of elements as the platform takes it.
        elements: Arc<str>,
        /// The same as text, for a private reply whose template the platform refuses.
        text_form: Arc<str>,
    },
}

impl Content {
    /// The text as it appears in the conversation; a template appears without one.
    #[must_use]
    pub fn visible_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Template { .. } => None,
        }
    }

    /// A message with this text, or with a template, shows this content. Without a text there are also pictures and
    /// voice notes, so a template is told by its attachment alone.
    pub(super) fn matches(&self, text: Option<&str>, is_template: bool) -> bool {
        match self {
            Self::Template { .. } => is_template,
            Self::Text(own) => !is_template && own.trim() == text.map_or("", str::trim),
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Template { elements, .. } => write!(f, "Template({} bytes)", elements.len()),
        }
    }
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Author {
    /// A rule of the owner.
    Automation,
    /// The model.
    Sidekick,
    /// A signed-in person who pressed send.
    Human,
}

/// One call to the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// Durable before the first byte was written.
    pub started_at: Timestamp,
    /// `None` while in flight.
    pub result: Option<AttemptResult>,
}

impl Attempt {
    /// It is in flight, or nobody knows how it ended.
    #[must_use]
    pub const fn may_have_arrived(&self) -> bool {
        matches!(self.result, None | Some(AttemptResult::Unconfirmed(_)))
    }
}

/// What is known about an attempt that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptResult {
    /// It arrived.
    Delivered,
    /// It definitely did not.
    Refused(Refusal),
    /// Nobody knows.
    Unconfirmed(Doubt),
}

/// Where a message stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Waits for its time, its lane, its thread and the message it depends on.
    Queued {
        /// Not started before.
        not_before: Timestamp,
    },
    /// An attempt is in flight.
    Sending {
        /// When the attempt started.
        started_at: Timestamp,
        /// After this, without an outcome, it becomes unconfirmed.
        lease_until: Timestamp,
    },
    /// An attempt ended without a known outcome; looked for by echo and by reading.
    Unconfirmed(Search),
    /// End: it arrived.
    Sent {
        /// Its id on the platform; unknown when only the refusal of a second one proves it.
        message_id: Option<Mid>,
        /// When that became known.
        at: Timestamp,
    },
    /// End: nobody knows whether it arrived. Shown to the owner, who may send it again. A late echo still makes it
    /// [`State::Sent`].
    Unknown {
        /// When the last attempt started: what a late echo is compared with.
        started_at: Timestamp,
        /// When the search was given up.
        at: Timestamp,
        /// Why.
        why: UnknownReason,
    },
    /// End: it did not arrive and will not be tried again.
    Failed {
        /// When.
        at: Timestamp,
        /// Why.
        class: FailureClass,
    },
    /// End: its window closed first; no call was made after that.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// End: taken back before it was sent.
    Cancelled {
        /// When.
        at: Timestamp,
        /// Why.
        reason: CancelReason,
    },
}

/// The search for a message with an unknown outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// When the attempt started.
    pub started_at: Timestamp,
    /// Why its outcome is unknown.
    pub doubt: Doubt,
    /// When the outcome became unknown.
    pub since: Timestamp,
    /// When to read next; while a read is in flight, when it counts as failed.
    pub next_check_at: Timestamp,
    /// A read is in flight.
    pub reading: bool,
    /// Reads started.
    pub reads: u32,
    /// Successful reads in which it was not.
    pub missed: u32,
    /// Reads that failed.
    pub failed: u32,
}

/// Why nobody knows whether an attempt arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doubt {
    /// No answer in time, after the request was written.
    Timeout,
    /// The connection was lost after the request was written.
    ConnectionLost,
    /// A 5xx answer.
    ServerError,
    /// A success without a readable message id.
    UnreadableAnswer,
    /// The platform's "unknown error" codes, after which messages were seen to arrive.
    PlatformAmbiguous,
    /// The process ended while the attempt was in flight.
    Interrupted,
    /// The outlet never told an outcome.
    LeaseExpired,
}

/// Why the search for a message was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnknownReason {
    /// Read often enough, and it was not there.
    NotFound,
    /// The conversation could not be read.
    Unreadable,
    /// Nothing could be read for too long.
    TooLong,
}

/// Why a message was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CancelReason {
    /// A person took it back, or sent something else in its place.
    ByPerson,
    /// The owner answered by hand.
    HumanTakeover,
    /// The contact needs a human response.
    Hrn,
    /// The contact is paused.
    Paused,
    /// The contact is blocked.
    Blocked,
    /// The contact does not want automatic messages.
    OptedOut,
    /// Its automation was switched off, changed or deleted.
    AutomationGone,
    /// Automatic replies were switched off.
    RepliesOff,
    /// The person took the message back that it answers.
    CauseUnsent,
    /// A newer inbound message made it obsolete.
    Superseded,
    /// The quota or the plan does not allow it any more.
    Quota,
    /// The integration is gone.
    Disconnected,
    /// The live broadcast of its comment is over.
    BroadcastOver,
    /// The message it depends on ended without being delivered; it comes back when that one is replayed.
    DependencyEnded,
    /// A dead letter that the owner put away.
    Dismissed,
    /// Another reason, as a short stable code.
    Other(Arc<str>),
}

impl Outbound {
    /// It is at its end.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        !matches!(self.state, State::Queued { .. } | State::Sending { .. } | State::Unconfirmed(_))
    }

    /// It ended without a known delivery and is kept for a person to look at.
    #[must_use]
    pub const fn is_dead_letter(&self) -> bool {
        matches!(
            self.state,
            State::Failed { .. }
                | State::Unknown { .. }
                | State::Expired { .. }
                | State::Cancelled { reason: CancelReason::DependencyEnded, .. }
        )
    }

    /// When it came to its end.
    #[must_use]
    pub const fn ended_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Sent { at, .. }
            | State::Unknown { at, .. }
            | State::Failed { at, .. }
            | State::Expired { at }
            | State::Cancelled { at, .. } => Some(*at),
            State::Queued { .. } | State::Sending { .. } | State::Unconfirmed(_) => None,
        }
    }

    /// Not pressed by a person.
    #[must_use]
    pub const fn is_automatic(&self) -> bool {
        !matches!(self.author, Author::Human)
    }

    /// It waits because a guard holds it back.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.held.is_some() && matches!(self.state, State::Queued { .. })
    }

    /// The lane it is paced in.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        match (&self.kind, self.author) {
            (Kind::PublicReply { .. }, _) => Lane::PublicReply,
            (Kind::PrivateReply { live: true, .. }, _) => Lane::LiveReply,
            (Kind::PrivateReply { .. }, _) => Lane::PrivateReply,
            (Kind::Dm { .. }, Author::Human) => Lane::Human,
            (Kind::Dm { .. }, Author::Automation | Author::Sidekick) => Lane::Send,
        }
    }

    /// The last instant at which an attempt may start.
    #[must_use]
    pub fn last_start(&self) -> Timestamp {
        self.window_ends_at - super::WINDOW_MARGIN
    }

    pub(super) const fn started_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Sending { started_at, .. } | State::Unknown { started_at, .. } => Some(*started_at),
            State::Unconfirmed(search) => Some(search.started_at),
            _ => None,
        }
    }
}
