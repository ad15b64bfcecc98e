//! What an automation is.

use super::{AutomationId, Response};
use crate::{Timestamp, id::MediaId};
use serde::{Deserialize, Serialize};
use std::{borrow::Borrow, fmt, sync::Arc, time::Duration};

/// A rule of the owner: when a text of a person has one of the triggers, answer like this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Automation {
    /// Which.
    pub id: AutomationId,
    /// What the owner wrote; replaced as a whole by a change.
    pub content: Content,
    /// Switched on. An expired automation may still say so until the expiry tick.
    pub is_active: bool,
    /// Private replies delivered for comments. Counted on success only.
    pub comment_reply_count: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Version of the content, from 1; kept in decision records.
    pub version: u64,
    /// Why it cannot fire whatever the switch says; shown to the owner.
    pub diagnostic: Option<Diagnostic>,
}

impl Automation {
    /// A new automation, switched on.
    #[must_use]
    pub const fn new(id: AutomationId, content: Content, now: Timestamp) -> Self {
        Self {
            id,
            content,
            is_active: true,
            comment_reply_count: 0,
            created_at: now,
            updated_at: now,
            version: 1,
            diagnostic: None,
        }
    }

    /// Replaces the content by one that was validated, so no diagnostic remains.
    pub fn change(&mut self, content: Content, now: Timestamp) {
        self.content = content;
        self.diagnostic = None;
        self.updated_at = now;
        self.version = self.version.saturating_add(1);
    }

    /// Whether it can fire at an instant: on, not expired, and sound.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.is_active && self.diagnostic.is_none() && !self.is_expired(now)
    }

    /// Whether it is off because its last instant was over, and not by hand. What it answered before is still sent.
    #[must_use]
    pub fn ran_out(&self) -> bool {
        !self.is_active && self.is_expired(self.updated_at)
    }

    /// Whether its last instant is over. It is inactive from that instant on.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.content.expires_at.is_some_and(|at| at <= now)
    }
}

/// What the owner writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Name for the owner.
    pub title: String,
    /// Note for the owner.
    pub description: Option<String>,
    /// At least one; the first is the one that older clients show.
    pub triggers: Vec<Trigger>,
    /// How a trigger must stand in the text.
    pub match_mode: MatchMode,
    /// Let a word that is one slip away from a trigger fire too, when nothing fires as written. Off by default: "form"
    /// and "from" are one slip apart. Works for triggers of one word, at least four letters, matched by word.
    pub typo_tolerance: bool,
    /// The answer.
    pub response: Response,
    /// Where it listens.
    pub trigger_scope: Scope,
    /// A match locks the thread for a person instead of answering.
    pub hrn_enforced: bool,
    /// Public reply under the comment, after a private reply was delivered.
    pub comment_reply_text: Option<String>,
    /// Further wordings of the public reply: one is drawn for each comment, never the last one again.
    #[serde(default)]
    pub comment_reply_variants: Vec<String>,
    /// Posts whose comments it listens to; none means every post.
    pub post_ids: Vec<MediaId>,
    /// Inactive from this instant on.
    pub expires_at: Option<Timestamp>,
    /// Least time between two firings for one contact; zero is none.
    pub cooldown: Duration,
}

impl Content {
    /// All wordings of the public reply; none when there is no public reply.
    #[must_use]
    pub fn public_replies(&self) -> Vec<&str> {
        let Some(first) = self.comment_reply_text.as_deref() else { return Vec::new() };
        let all = std::iter::once(first).chain(self.comment_reply_variants.iter().map(String::as_str));
        all.filter(|reply| !reply.trim().is_empty()).collect()
    }

    /// The first trigger: the only one in the eyes of older clients.
    #[must_use]
    pub fn trigger_word(&self) -> &str {
        self.triggers.first().map_or("", Trigger::as_str)
    }
}

/// A trigger as stored: lower case, trimmed, inner whitespace collapsed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Trigger(Arc<str>);

impl Trigger {
    /// The stored form of what the owner typed; may be empty.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        let lower = typed.to_lowercase();
        let mut stored = String::with_capacity(lower.len());
        for word in lower.split_whitespace() {
            if !stored.is_empty() {
                stored.push(' ');
            }
            stored.push_str(word);
        }
        Self(stored.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, shared.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl Borrow<str> for Trigger {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// How a trigger must stand in a text. The name `intent` is reserved and refused until it means something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchMode {
    /// The whole text, apart from punctuation and emoji.
    Exact,
    /// Between word boundaries. Triggers in scripts without spaces are looked for anywhere.
    #[default]
    Word,
    /// Anywhere. How automations of the predecessor work.
    Contains,
}

impl MatchMode {
    /// Reads the wire name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "exact" => Some(Self::Exact),
            "word" => Some(Self::Word),
            "contains" => Some(Self::Contains),
            _ => None,
        }
    }

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Word => "word",
            Self::Contains => "contains",
        }
    }
}

/// Where an automation listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Direct messages.
    #[default]
    Dm,
    /// Comments.
    Comment,
    /// Direct messages and comments.
    Both,
}

impl Scope {
    /// Reads the wire name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "dm" => Some(Self::Dm),
            "comment" => Some(Self::Comment),
            "both" => Some(Self::Both),
            _ => None,
        }
    }

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dm => "dm",
            Self::Comment => "comment",
            Self::Both => "both",
        }
    }

    /// Whether it listens to events of this kind.
    #[must_use]
    pub const fn covers(self, event: EventScope) -> bool {
        matches!(
            (self, event),
            (Self::Both, _) | (Self::Dm, EventScope::Dm) | (Self::Comment, EventScope::Comment)
        )
    }
}

/// Where a text came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventScope {
    /// A direct message.
    Dm,
    /// A comment, on a post or in a live broadcast.
    Comment,
}

/// Why an automation cannot fire: something in what was imported breaks today's rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// What is wrong, by field. At most [`Diagnostic::ERRORS_MAX`].
    pub errors: Vec<super::FieldError>,
}

impl Diagnostic {
    /// Most errors kept; enough to repair by.
    pub const ERRORS_MAX: usize = 20;

    /// The diagnostic of some errors, or none without any.
    #[must_use]
    pub fn of(mut errors: Vec<super::FieldError>) -> Option<Self> {
        errors.truncate(Self::ERRORS_MAX);
        (!errors.is_empty()).then_some(Self { errors })
    }
}
