//! A person who wrote, as the owner's workspace knows them.

use super::{decision::HrnSource, thread::Thread};
use crate::{
    Timestamp,
    id::{AccountId, ContactId, Igsid, MediaId},
};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, sync::Arc, time::Duration};

/// Lead score of a new contact (product rule).
pub const LEAD_SCORE_NEW: u8 = 50;
/// Most tags of one contact (product rule).
pub const TAGS_MAX: usize = 10;
/// Longest tag, in characters (product rule).
pub const TAG_CHARS_MAX: usize = 24;
/// Longest notes, in characters (product rule).
pub const NOTES_CHARS_MAX: usize = 10_000;
/// Time between two looks at a person's profile (platform rule: at most one call a day).
pub const PROFILE_EVERY: Duration = Duration::from_secs(86_400);
/// Standard reply window after the person's last message (platform limit).
pub const REPLY_WINDOW: Duration = Duration::from_secs(86_400);

/// Time after the person's last message in which a person may write to them (platform limit).
pub const HUMAN_WINDOW: Duration = Duration::from_secs(7 * 86_400);

/// One contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Id that clients see.
    pub id: ContactId,
    /// Id on Instagram.
    pub igsid: Igsid,
    /// Account that the id is scoped to.
    pub account: AccountId,
    /// Handle.
    pub username: Option<Arc<str>>,
    /// Name.
    pub display_name: Option<Arc<str>>,
    /// Picture; expires within days.
    pub profile_pic_url: Option<Arc<str>>,
    /// When the profile was last asked for.
    pub profile_asked_at: Option<Timestamp>,
    /// Newest inbound text.
    pub last_message: Option<Arc<str>>,
    /// When it was written.
    pub last_message_at: Option<Timestamp>,
    /// When the person last wrote: opens the reply window.
    pub last_inbound_at: Option<Timestamp>,
    /// When we last wrote.
    pub last_outbound_at: Option<Timestamp>,
    /// Who wrote then.
    pub last_outbound_kind: Option<OutboundKind>,
    /// Place in the sales process.
    pub stage: Stage,
    /// Mood.
    pub sentiment: Sentiment,
    /// 0 to 100.
    pub lead_score: Option<u8>,
    /// An automation matched at least once.
    pub trigger_matched: bool,
    /// The owner should write to them.
    pub followup_needed: bool,
    /// The lock that leaves the thread to a person.
    pub hrn: Option<Arc<Hrn>>,
    /// When the last lock was cleared.
    pub hrn_resolved_at: Option<Timestamp>,
    /// Who cleared it; `None` when it was not asked for.
    #[serde(default)]
    pub hrn_resolved_by: Option<FieldSource>,
    /// Automation rests until then.
    pub paused_until: Option<Timestamp>,
    /// The owner blocked the contact.
    pub blocked: bool,
    /// When the person asked for no more automatic messages.
    pub opted_out_at: Option<Timestamp>,
    /// Another app holds the thread.
    pub thread_taken: bool,
    /// Sends to this person were refused; no automatic sends until then.
    pub unreachable_until: Option<Timestamp>,
    /// When an automatic message last told that a machine answers.
    #[serde(default)]
    pub disclosed_at: Option<Timestamp>,
    /// Where the contact came from.
    pub source: ContactSource,
    /// Rarely changed parts.
    pub crm: Arc<Crm>,
    /// Recent messages and what is pending.
    pub thread: Thread,
    /// Drives the quota of new contacts.
    pub created_at: Timestamp,
    /// Last change of any field.
    pub updated_at: Timestamp,
}

/// What the owner and analyses wrote about a contact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Crm {
    /// Short recommendation.
    pub next_action: Option<Arc<str>>,
    /// Estimated whole dollars.
    pub lead_value: Option<u32>,
    /// Free text. At most [`NOTES_CHARS_MAX`].
    pub notes: Option<Arc<str>>,
    /// Trimmed lowercase, without duplicates. At most [`TAGS_MAX`].
    pub tags: Vec<Arc<str>>,
    /// Last draft of a follow-up.
    pub followup_message: Option<Arc<str>>,
    /// When it was drafted.
    pub followup_message_at: Option<Timestamp>,
    /// No follow-up before then.
    pub followup_snoozed_until: Option<Timestamp>,
    /// When the history was copied to memory.
    pub memory_seeded_at: Option<Timestamp>,
    /// Who set the stage.
    pub stage_source: Option<FieldSource>,
    /// Who set the sentiment.
    pub sentiment_source: Option<FieldSource>,
    /// Who set the score.
    pub score_source: Option<FieldSource>,
    /// Who set the value.
    pub value_source: Option<FieldSource>,
    /// Who set the next action.
    pub next_action_source: Option<FieldSource>,
}

/// The lock "human response needed".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hrn {
    /// When it was set; waiting time counts from here. Later reasons do not move it.
    pub set_at: Timestamp,
    /// Who or what asked.
    pub source: HrnSource,
    /// Category, for instance `legal`.
    pub category: Cow<'static, str>,
    /// One line for the owner.
    pub reason: Arc<str>,
    /// What was noticed. At most ten.
    pub signals: Vec<Arc<str>>,
    /// When the owner answered by hand while it was set.
    pub answered_at: Option<Timestamp>,
    /// When the person wrote again, the last time: since then nobody answered.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
}

/// Place in the sales process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Just arrived.
    #[default]
    New,
    /// Shows interest.
    Lead,
    /// To be written to.
    FollowUp,
    /// Fell silent.
    Ghosted,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 4] = [Self::New, Self::Lead, Self::FollowUp, Self::Ghosted];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Lead => "lead",
            Self::FollowUp => "follow-up",
            Self::Ghosted => "ghosted",
        }
    }
}

/// Mood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sentiment {
    /// Ready to buy.
    Hot,
    /// Interested.
    Warm,
    /// Not interested.
    Cold,
    /// Fell silent.
    Ghosted,
    /// Not known.
    #[default]
    Neutral,
}

impl Sentiment {
    /// Every mood.
    pub const ALL: [Self; 5] = [Self::Hot, Self::Warm, Self::Cold, Self::Ghosted, Self::Neutral];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Warm => "warm",
            Self::Cold => "cold",
            Self::Ghosted => "ghosted",
            Self::Neutral => "neutral",
        }
    }
}

/// Who set a field: what a person set survives analyses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldSource {
    /// An analysis.
    Ai,
    /// The owner.
    User,
    /// A tool of the chat.
    Tool,
}

/// Who wrote our last message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboundKind {
    /// An automation.
    Automation,
    /// Sidekick.
    Sidekick,
    /// The owner.
    Human,
    /// A follow-up.
    FollowUp,
}

/// Where a contact came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactSource {
    /// A message.
    Message,
    /// A comment that an automation answered, with its post.
    Comment(Option<MediaId>),
}

impl Contact {
    /// A new contact with the defaults of the product.
    #[must_use]
    pub fn new(
        id: ContactId,
        igsid: Igsid,
        account: AccountId,
        source: ContactSource,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            igsid,
            account,
            username: None,
            display_name: None,
            profile_pic_url: None,
            profile_asked_at: None,
            last_message: None,
            last_message_at: None,
            last_inbound_at: None,
            last_outbound_at: None,
            last_outbound_kind: None,
            stage: Stage::default(),
            sentiment: Sentiment::default(),
            lead_score: Some(LEAD_SCORE_NEW),
            trigger_matched: false,
            followup_needed: false,
            hrn: None,
            hrn_resolved_at: None,
            hrn_resolved_by: None,
            paused_until: None,
            blocked: false,
            opted_out_at: None,
            thread_taken: false,
            unreachable_until: None,
            disclosed_at: None,
            source,
            crm: Arc::default(),
            thread: Thread::default(),
            created_at,
            updated_at: created_at,
        }
    }

    /// Automation rests for this contact at this instant.
    #[must_use]
    pub fn is_paused(&self, now: Timestamp) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }

    /// Sends to this contact were refused lately.
    #[must_use]
    pub fn is_unreachable(&self, now: Timestamp) -> bool {
        self.unreachable_until.is_some_and(|until| now < until)
    }

    /// End of the reply window; `None` when the person never wrote.
    #[must_use]
    pub fn window_ends_at(&self) -> Option<Timestamp> {
        self.last_inbound_at.map(|at| at + REPLY_WINDOW)
    }

    /// When the window of people ends.
    #[must_use]
    pub fn human_window_ends_at(&self) -> Option<Timestamp> {
        self.last_inbound_at.map(|at| at + HUMAN_WINDOW)
    }

    /// First word of the name.
    #[must_use]
    pub fn first_name(&self) -> Option<&str> {
        self.display_name.as_deref().and_then(|name| name.split_whitespace().next())
    }

    /// The profile may be asked for again.
    #[must_use]
    pub fn wants_profile(&self, now: Timestamp) -> bool {
        (self.username.is_none() || self.display_name.is_none())
            && self.profile_asked_at.is_none_or(|asked| now >= asked + PROFILE_EVERY)
    }
}
