//! The decision record: which step decided what, and why. Shown as "why did it (not) answer?".

use super::model::QuestionId;
use crate::{
    Timestamp,
    id::{CommentId, EventKey, Igsid, Mid},
    outbox::OutboundId,
};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, sync::Arc};

/// Records kept in memory; older ones leave to the history stream `decisions`, and what becomes of them later to
/// the streams of [`super::history::outcomes_of`].
pub const DECISIONS_MAX: usize = 256;
/// Most questions of one record.
pub const QUESTIONS_MAX: usize = 4;
/// Most steps of one record; a pipeline run again after a park or a retry keeps its last ones.
pub const STEPS_MAX: usize = 40;
/// Longest detail of a step, in characters. Never text of a message.
pub const DETAIL_CHARS_MAX: usize = 160;

/// Number of an inbound event in its workspace, and of the decision on it. Growing, from 1. Also the number of its rows
/// in the history streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DecisionNo(pub u64);

/// What was decided on one inbound event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Which.
    pub no: DecisionNo,
    /// The event.
    pub key: EventKey,
    /// Kind of the event, for instance `message`.
    pub kind: Cow<'static, str>,
    /// Whose thread.
    pub person: Option<Igsid>,
    /// Message of the event.
    pub mid: Option<Mid>,
    /// Comment of the event.
    pub comment: Option<CommentId>,
    /// When it happened.
    pub at: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
    /// When the verdict fell or last changed.
    pub decided_at: Timestamp,
    /// Steps taken, in order. At most [`STEPS_MAX`].
    pub trail: Vec<StepTaken>,
    /// Where it ended.
    pub verdict: Verdict,
    /// The automation that matched.
    pub automation: Option<RuleUsed>,
    /// Time left of the reply window when it was looked at, in milliseconds; negative when closed.
    pub window_left_ms: Option<i64>,
    /// Replies left in the plan's month when one was reserved.
    pub sends_left: Option<u32>,
    /// Questions to the model, with what became of them. At most four.
    pub questions: Vec<QuestionAsked>,
    /// What became of the message that was sent.
    pub delivery: Option<Delivery>,
}

/// The rule a decision went by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleUsed {
    /// Automation id.
    pub id: Arc<str>,
    /// Its title then.
    pub title: Arc<str>,
    /// Version of its content then.
    pub version: u64,
    /// The trigger that hit.
    pub trigger: Arc<str>,
}

/// One step of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTaken {
    /// Number in its pipeline, from 1; see [`Step::name`].
    pub step: Step,
    /// What came of it.
    pub outcome: StepOutcome,
    /// More, for people. Never text of a message.
    pub detail: Option<Cow<'static, str>>,
}

/// A step: direct messages have 18, comments 12 (product rule).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Step of the pipeline of direct messages.
    Dm(u8),
    /// Step of the pipeline of comments.
    Comment(u8),
}

impl Step {
    /// Name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dm(1) => "integration",
            Self::Dm(2) => "classify item",
            Self::Dm(3) => "echo",
            Self::Dm(4) => "contact",
            Self::Dm(5) => "workspace and contact switches",
            Self::Dm(6) => "kind of item",
            Self::Dm(7) => "human response lock",
            Self::Dm(8) => "burst",
            Self::Dm(9) => "risk heuristics",
            Self::Dm(10) => "automation match",
            Self::Dm(11) => "fixed reply",
            Self::Dm(12) => "soft risk and acknowledgement",
            Self::Dm(13) => "classifier",
            Self::Dm(14) => "reply window",
            Self::Dm(15) => "quota",
            Self::Dm(16) => "text",
            Self::Dm(17) => "outbox",
            Self::Dm(18) => "delivery",
            Self::Comment(1) => "duplicate",
            Self::Comment(2) => "own comment",
            Self::Comment(3) => "workspace switches",
            Self::Comment(4) => "age",
            Self::Comment(5) => "automation match",
            Self::Comment(6) => "human response",
            Self::Comment(7) => "quota",
            Self::Comment(8) => "outbox",
            Self::Comment(9) => "private reply",
            Self::Comment(10) => "contact and log",
            Self::Comment(11) => "public reply",
            Self::Comment(12) => "failure",
            Self::Dm(_) | Self::Comment(_) => "unknown",
        }
    }
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// Nothing in the way.
    Passed,
    /// It said something that a later step uses.
    Noted,
    /// Waits for time or for an answer.
    Waiting,
    /// The pipeline ends here.
    Stopped,
}

/// Where a decision ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Kept, nothing to answer: echoes, reads, reactions and so on.
    Recorded,
    /// Waits for more texts of the person, or for the platform to name the post of a comment.
    Collecting {
        /// Until when.
        until: Timestamp,
    },
    /// Waits for the model.
    Thinking {
        /// For which answer.
        question: QuestionId,
    },
    /// A reply stands in the outbox.
    Queued {
        /// Outbox item.
        outbound: OutboundId,
    },
    /// A reply was delivered.
    Replied {
        /// Outbox item.
        outbound: OutboundId,
    },
    /// A reply was made and did not arrive, or it is not known whether it did.
    NotDelivered {
        /// Outbox item.
        outbound: OutboundId,
    },
    /// Nothing to say.
    NoReply(Silence),
    /// Left to a person.
    Hrn {
        /// Who or what saw it.
        source: HrnSource,
        /// Category, for instance `legal`.
        category: Cow<'static, str>,
        /// What was noticed. At most ten.
        signals: Vec<Arc<str>>,
    },
    /// Answered together with a later text.
    Merged {
        /// The decision that answers.
        into: DecisionNo,
    },
    /// Recorded and not acted on, by a switch.
    Skipped(Skip),
    /// A human change came between decision and send.
    Cancelled(CancelReason),
    /// Waits for the Instagram connection.
    Parked,
    /// Waits for room in the plan: the contact is new and over quota.
    Overflow,
}

/// Why nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// No automation matched and Sidekick is off, or a comment matched nothing.
    NoMatch,
    /// A bare acknowledgement.
    Acknowledgement,
    /// The reply window is closed.
    WindowClosed,
    /// The plan's replies of the month are used up.
    QuotaExhausted,
    /// The automation fired for this contact a short while ago.
    Cooldown,
    /// Nothing in it that could be answered.
    Empty,
    /// A kind of event that is never answered.
    NotAnswerable,
    /// The account's own words.
    OwnContent,
    /// The broadcast is over, the comment is too old, or it was written long before the account was connected.
    TooOld,
    /// The person asked for no more messages.
    OptedOut,
    /// The message was taken back.
    Unsent,
}

/// Which switch was in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// The workspace is over a limit of its plan.
    Frozen,
    /// Answering is switched off.
    AutoReplyOff,
    /// A person is answering this contact, or the owner paused it.
    Paused,
    /// The owner blocked the contact.
    Blocked,
    /// The contact wants no automatic messages.
    OptedOut,
    /// Another app holds the thread.
    Standby,
    /// Waited too long for the connection.
    ParkedTooLong,
    /// Came to an account that is not connected any more.
    OtherAccount,
}

/// Why a pending reply was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The contact was locked for a person.
    HrnSet,
    /// The owner answered by hand.
    OwnerAnswered,
    /// The automation was switched off, changed or deleted.
    AutomationGone,
    /// The owner paused or blocked the contact, or it opted out.
    ContactPaused,
    /// Answering was switched off.
    AutoReplyOff,
    /// Instagram was disconnected.
    Disconnected,
    /// Another app holds the thread.
    ThreadTaken,
    /// The person took the message back.
    Unsent,
    /// The workspace went over a limit of its plan.
    Frozen,
    /// The owner cancelled it.
    Owner,
    /// What it depended on did not arrive.
    DependencyFailed,
    /// Automatic sends were stopped for the safety of the account.
    SafetyStop,
    /// Sends to the contact were refused a short while ago.
    Unreachable,
}

/// Who or what asked for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HrnSource {
    /// Rules on the text.
    Heuristic,
    /// The model.
    Classifier,
    /// An automation that says so.
    Automation,
    /// The owner.
    Manual,
    /// A machine could not do its part.
    Failure,
    /// A message without text.
    Attachment,
}

/// A question put to the model for a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionAsked {
    /// Which.
    pub question: QuestionId,
    /// `classify`, `ai_prompt` or `sidekick`.
    pub purpose: Cow<'static, str>,
    /// Tries so far.
    pub attempts: u32,
    /// Short summary of the answer or failure; never text of a message.
    pub outcome: Option<Cow<'static, str>>,
}

/// What became of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// State now.
    pub state: DeliveryState,
    /// When it changed.
    pub at: Timestamp,
    /// Id of the message on Instagram.
    pub mid: Option<Mid>,
    /// Reason of a failure or cancellation.
    pub reason: Option<Cow<'static, str>>,
}

/// State of a reply on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Arrived.
    Sent,
    /// Refused for good.
    Failed,
    /// Not known.
    Unknown,
    /// Its window closed before it could go.
    Expired,
    /// Dropped.
    Cancelled,
}

/// A record as shown to people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionView {
    /// The record.
    pub record: DecisionRecord,
    /// One line per step: name, outcome, detail.
    pub lines: Vec<StepLine>,
    /// What its reply waits for, while it stands in the outbox.
    #[serde(default)]
    pub waits: Option<Waits>,
}

/// A reply that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// At least until then.
    pub until: Timestamp,
    /// Why it is held back, for instance `quiet_hours`; `None` when only its turn has not come.
    pub held: Option<Arc<str>>,
}

/// One line of a [`DecisionView`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepLine {
    /// Number of the step in its pipeline.
    pub no: u8,
    /// Its name.
    pub name: Cow<'static, str>,
    /// What came of it.
    pub outcome: StepOutcome,
    /// More.
    pub detail: Option<Cow<'static, str>>,
}

impl From<DecisionRecord> for DecisionView {
    fn from(record: DecisionRecord) -> Self {
        let lines = record
            .trail
            .iter()
            .map(|taken| {
                let no = match taken.step {
                    Step::Dm(no) | Step::Comment(no) => no,
                };
                let name = Cow::Borrowed(taken.step.name());
                StepLine { no, name, outcome: taken.outcome, detail: taken.detail.clone() }
            })
            .collect();
        Self { record, lines, waits: None }
    }
}

impl DecisionRecord {
    /// What people ask about it by: the id of its message or comment, or the key of an event that could have been answered
    /// and has neither; `None` for the others.
    pub(super) fn reference(&self) -> Option<&str> {
        match (&*self.kind, &self.mid, &self.comment) {
            ("message", Some(mid), _) => Some(mid.as_str()),
            (_, _, Some(comment)) => Some(comment.as_str()),
            ("message" | "postback", ..) => Some(self.key.as_str()),
            _ => None,
        }
    }

    /// It is the decision on the event, message or comment with this id. Of the events that name a message, the message
    /// itself is meant.
    #[must_use]
    pub fn is_about(&self, reference: &str) -> bool {
        self.key.as_str() == reference
            || self.mid.as_ref().is_some_and(|mid| mid.as_str() == reference && &*self.kind == "message")
            || self.comment.as_ref().is_some_and(|comment| comment.as_str() == reference)
    }
}
