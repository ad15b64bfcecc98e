//! The port to a language model: questions the engine asks and the answers it takes.

use super::{inbound::AttachmentKind, settings::Sensitivity};
use crate::{Timestamp, id::Igsid};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most lines of the thread given to a classifier.
pub const CLASSIFY_CONTEXT_MESSAGES_MAX: usize = 6;
/// Most lines of the thread given to a writer.
pub const REPLY_CONTEXT_MESSAGES_MAX: usize = 20;
/// Most characters of the thread given to a writer; the newest are kept.
pub const REPLY_CONTEXT_CHARS_MAX: usize = 4_000;

/// Number of a question, unique in its workspace and growing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QuestionId(pub u64);

/// A question to the model. Text of people goes to the model in the user role, as quoted data, and is never an
/// instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRequest {
    /// Which question.
    pub question: QuestionId,
    /// Which try, from 1; an answer to another try is ignored.
    pub attempt: u32,
    /// What is wanted.
    pub purpose: Purpose,
    /// The person who wrote.
    pub person: Igsid,
    /// What the person wrote, merged when there were several texts.
    pub text: String,
    /// Kinds of attachments beside the text.
    pub attachments: Vec<AttachmentKind>,
    /// Lines before, oldest first.
    pub transcript: Vec<TranscriptLine>,
    /// What the owner's workspace says.
    pub owner: OwnerContext,
    /// What is known of the person.
    pub contact: ContactContext,
    /// When it was asked.
    pub asked_at: Timestamp,
}

/// What is wanted of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Does the message need a person? Answer: [`ModelAnswer::Classified`].
    Classify {
        /// How careful the owner wants it.
        sensitivity: Sensitivity,
    },
    /// A reply by the prompt of an automation. Answer: [`ModelAnswer::Text`].
    AiPrompt {
        /// The owner's prompt.
        prompt: Arc<str>,
    },
    /// A reply in the owner's voice. Answer: [`ModelAnswer::Text`].
    Sidekick,
}

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The person.
    Contact,
    /// The account: by hand, by an automation, or by Sidekick.
    Owner,
}

/// One line of the thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptLine {
    /// Who.
    pub speaker: Speaker,
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: Arc<str>,
}

/// What the owner's workspace says. Missing values are absent, never placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerContext {
    /// Name of the owner or business.
    pub name: Option<Arc<str>>,
    /// Handle of the account.
    pub username: Option<Arc<str>>,
    /// Owner's extra instructions; appended after the safety rules, never instead of them.
    pub extra_instructions: Option<Arc<str>>,
    /// Facts that a reply may use: offers, answers, links.
    pub knowledge: Arc<super::knowledge::Knowledge>,
}

/// What is known of the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactContext {
    /// Handle.
    pub username: Option<Arc<str>>,
    /// Name.
    pub display_name: Option<Arc<str>>,
    /// Stage, for instance `lead`.
    pub stage: Option<Arc<str>>,
    /// Tags.
    pub tags: Vec<Arc<str>>,
    /// Notes of the owner.
    pub notes: Option<Arc<str>>,
}

/// What a model said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModelAnswer {
    /// To [`Purpose::Classify`].
    Classified(Classification),
    /// To the others: the reply, not yet checked.
    Text(Arc<str>),
}

/// The verdict of a classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// Probability that a person is needed, 0 to 1000 (per mille).
    pub probability_permille: u16,
    /// At most ten short names of what was noticed.
    pub signals: Vec<Arc<str>>,
    /// One line for the owner.
    pub reason: Arc<str>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ModelFailure {
    /// No model is set up: asking again is pointless.
    #[error("no model configured")]
    NotConfigured,
    /// Time-out, connection, overload: asking again may help.
    #[error("model unavailable: {0}")]
    Unavailable(Arc<str>),
    /// The answer could not be read, also after the adapter's own second try.
    #[error("model answer unreadable: {0}")]
    Unreadable(Arc<str>),
    /// The model declined.
    #[error("model declined")]
    Declined,
}
