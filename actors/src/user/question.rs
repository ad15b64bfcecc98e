//! A question to the model that has no final answer yet.

use super::{
    calendar::Month,
    decision::{DecisionNo, RuleUsed},
    inbound::InboundComment,
    model::QuestionId,
};
use crate::{
    Timestamp,
    id::{AccountId, EventKey, Igsid, MediaId},
    outbox::{Fingerprint, OutboundId},
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// Waits between tries when the model is unavailable (product rule); the last one repeats.
pub const MODEL_BACKOFF: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120), Duration::from_secs(300)];
/// After this the message is left to a person (product rule).
pub const MODEL_PATIENCE: Duration = Duration::from_secs(15 * 60);
/// A try without any answer counts as failed after this.
pub const MODEL_LEASE: Duration = Duration::from_secs(120);

/// A question in flight or waiting for its next try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Which.
    pub id: QuestionId,
    /// The case it is asked for.
    pub case: Case,
    /// What is asked.
    pub ask: Ask,
    /// The try that is out, or the last one. From 1.
    pub attempt: u32,
    /// A try is out; otherwise it waits for `due`.
    pub in_flight: bool,
    /// End of the lease, or the instant of the next try.
    pub due: Timestamp,
    /// After this it is given up.
    pub give_up_at: Timestamp,
    /// Month of the reply reserved for its answer.
    pub reserved: Option<Month>,
    /// The answer before was not fit to be sent; there is no third try.
    pub regenerated: bool,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Does it need a person?
    Classify,
    /// A reply by the prompt of the automation.
    AiPrompt,
    /// A reply in the owner's voice.
    Sidekick,
}

impl Ask {
    /// The word in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Classify => "classify",
            Self::AiPrompt => "ai_prompt",
            Self::Sidekick => "sidekick",
        }
    }
}

/// What is being answered: all that later steps need of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The decision.
    pub no: DecisionNo,
    /// The event.
    pub key: EventKey,
    /// Whom the reply goes to.
    pub person: Igsid,
    /// Where the words come from.
    pub origin: Origin,
    /// The automation that matched.
    pub rule: Option<RuleUsed>,
}

/// Where the words of a case come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Messages of the thread, oldest first.
    Texts(Vec<DecisionNo>),
    /// A comment.
    Comment(Arc<CommentCase>),
}

/// A comment with its frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentCase {
    /// The comment.
    pub comment: InboundComment,
    /// The account it was written to.
    pub account: AccountId,
    /// When it was written.
    pub at: Timestamp,
}

impl CommentCase {
    /// The post below which it stands, a boosted one by its original.
    #[must_use]
    pub fn post(&self) -> Option<&MediaId> {
        self.comment.original_media.as_ref().or(self.comment.media.as_ref())
    }
}

/// What is to be done when a message of the outbox comes to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyContext {
    /// What it answers.
    pub case: Case,
    /// Month of its reserved reply; `None` when it is free.
    pub reserved: Option<Month>,
    /// Remembered firing, forgotten when the message fails.
    pub fired: Option<Fingerprint>,
    /// What kind of message it is.
    pub part: Part,
}

/// Which message of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// The only one, or the first: it decides the verdict.
    First,
    /// A later part of a long text.
    Later,
    /// The public reply after the private one.
    PublicReply {
        /// The private reply.
        after: OutboundId,
    },
    /// Confirms an opt-out.
    OptOut,
    /// Written by the owner.
    Manual,
}
