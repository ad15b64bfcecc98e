//! The recent messages of one contact, and what is pending between them and a reply.

use super::{
    decision::DecisionNo,
    inbound::{Attachment, ReplyTo},
    model::QuestionId,
};
use crate::{
    Timestamp,
    id::{EventKey, Mid},
    outbox::OutboundId,
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// Messages of a thread kept in memory; older ones leave to the history stream `messages/<igsid>`.
pub const THREAD_MESSAGES_MAX: usize = 20;
/// Most texts answered together (product rule).
pub const BURST_TEXTS_MAX: usize = 5;
/// Most characters answered together (product rule).
pub const BURST_CHARS_MAX: usize = 1_200;
/// A burst that does not end waits this many reply delays at most, counted from its first text.
pub const BURST_DELAYS_MAX: u32 = 4;

/// Recent messages in order of (instant, arrival), and what is pending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// At most [`THREAD_MESSAGES_MAX`].
    pub messages: Vec<Arc<Message>>,
    /// Texts that wait for their answer to be decided.
    pub burst: Option<Arc<Burst>>,
    /// The model is asked about the thread.
    pub question: Option<QuestionId>,
}

/// Texts answered together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Burst {
    /// When the first text came in.
    pub began_at: Timestamp,
    /// When the answer is decided.
    pub due: Timestamp,
    /// Numbers of the messages, oldest first; the last is answered. At most [`BURST_TEXTS_MAX`].
    pub texts: Vec<DecisionNo>,
    /// Key of the event of the last text: the answer's cause.
    pub cause: EventKey,
}

impl Burst {
    /// The burst of these texts, the last of which came now. The caller keeps to [`BURST_TEXTS_MAX`].
    #[must_use]
    pub fn of(
        texts: Vec<DecisionNo>,
        began_at: Timestamp,
        cause: EventKey,
        now: Timestamp,
        delay: Duration,
    ) -> Self {
        let due = (now + delay).min(began_at + delay * BURST_DELAYS_MAX);
        Self { began_at, due, texts, cause }
    }
}

/// One message of a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Place in the workspace's arrivals; the number of its row in the history.
    pub no: DecisionNo,
    /// Id on Instagram.
    pub mid: Option<Mid>,
    /// When it was written.
    pub at: Timestamp,
    /// Who wrote it.
    pub author: Author,
    /// Text as received.
    pub text: Option<Arc<str>>,
    /// The text was longer than what is kept.
    pub cut: bool,
    /// Attachments.
    pub attachments: Arc<[Attachment]>,
    /// What it answers.
    pub reply_to: Option<ReplyTo>,
    /// Number of the last edit; 0 is the original.
    pub revision: u32,
    /// Taken back: text and attachments are gone.
    pub unsent: bool,
    /// A kind that Instagram does not show to apps.
    pub unsupported: bool,
    /// The person's reaction to it.
    pub reaction: Option<Arc<str>>,
    /// The person has read it.
    pub seen: bool,
    /// Payload of the button or quick reply that was tapped.
    pub payload: Option<Arc<str>>,
    /// A tap on a button, with the title as its text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tap: bool,
    /// Outbox item that carried it.
    pub outbound: Option<OutboundId>,
}

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The person.
    Contact,
    /// The owner, by hand.
    Owner,
    /// An automation.
    Automation(Arc<str>),
    /// Sidekick.
    Sidekick,
}

impl Author {
    /// Written by the account's side.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        !matches!(self, Self::Contact)
    }
}

impl Thread {
    /// Puts a message at its place. Returns the oldest one when the window was full.
    pub fn insert(&mut self, message: Arc<Message>) -> Option<Arc<Message>> {
        let place = self.messages.partition_point(|other| (other.at, other.no) <= (message.at, message.no));
        self.messages.insert(place, message);
        (self.messages.len() > THREAD_MESSAGES_MAX).then(|| self.messages.remove(0))
    }

    /// The message that [`Thread::insert`] would push out.
    #[must_use]
    pub fn leaving(&self, at: Timestamp, no: DecisionNo) -> Option<Leaving<'_>> {
        if self.messages.len() < THREAD_MESSAGES_MAX {
            return None;
        }
        let oldest = self.messages.first()?;
        Some(if (at, no) < (oldest.at, oldest.no) { Leaving::Newcomer } else { Leaving::Oldest(oldest) })
    }

    /// The message of that number.
    #[must_use]
    pub fn get(&self, no: DecisionNo) -> Option<&Arc<Message>> {
        self.messages.iter().rev().find(|message| message.no == no)
    }

    /// The message of that id.
    #[must_use]
    pub fn by_mid(&self, mid: &Mid) -> Option<&Arc<Message>> {
        self.messages.iter().rev().find(|message| message.mid.as_ref() == Some(mid))
    }

    /// Changes a message in place; nothing when it has left.
    pub fn change(&mut self, no: DecisionNo, change: impl FnOnce(&mut Message)) {
        if let Some(message) = self.messages.iter_mut().rev().find(|message| message.no == no) {
            change(Arc::make_mut(message));
        }
    }

    /// Our last message before (and not after) the newest of the person ended with a question.
    #[must_use]
    pub fn our_last_was_question(&self) -> bool {
        self.our_last().and_then(|message| message.text.as_deref()).is_some_and(|text| {
            let text = text.trim_end_matches(|c: char| !c.is_alphanumeric() && !is_question_mark(c));
            text.ends_with(is_question_mark)
        })
    }

    /// Our last message.
    #[must_use]
    pub fn our_last(&self) -> Option<&Arc<Message>> {
        self.messages.iter().rev().find(|message| message.author.is_ours())
    }

    /// The merged text of a burst: newest texts that fit, oldest first, one a line.
    #[must_use]
    pub fn merged(&self, texts: &[DecisionNo]) -> String {
        let mut kept = Vec::with_capacity(texts.len());
        let mut room = BURST_CHARS_MAX;
        let mut members: Vec<_> =
            texts.iter().filter_map(|no| self.get(*no)).filter(|message| !message.unsent).collect();
        members.sort_by_key(|message| (message.at, message.no));
        for message in members.iter().rev() {
            let Some(text) = message.text.as_deref() else { continue };
            let chars = text.chars().count();
            if chars > room && !kept.is_empty() {
                break;
            }
            kept.push(crate::text::cut_chars(text, room).0);
            room = room.saturating_sub(chars + 1);
            if room == 0 {
                break;
            }
        }
        kept.reverse();
        kept.join("\n")
    }
}

fn is_question_mark(c: char) -> bool {
    matches!(c, '?' | '？' | '؟' | '\u{37e}')
}

/// What leaves a full window when a message comes in.
#[derive(Debug, PartialEq, Eq)]
pub enum Leaving<'a> {
    /// The newcomer itself: it is older than all.
    Newcomer,
    /// The oldest.
    Oldest(&'a Arc<Message>),
}
