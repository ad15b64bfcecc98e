//! One normalised thing that happened on Instagram, as the front door hands it in.

use crate::{
    Timestamp,
    id::{AccountId, CommentId, EventKey, Igsid, MediaId, Mid},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest text kept of an inbound item, in characters. The front door cuts and sets `cut`.
pub const INBOUND_TEXT_CHARS_MAX: usize = 10_000;
/// Most attachments kept of one message.
pub const ATTACHMENTS_MAX: usize = 10;
/// Longest raw form kept of an item of an unknown kind, in bytes.
pub const UNKNOWN_RAW_BYTES_MAX: usize = 4 * 1024;

/// One item of a webhook batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundEvent {
    /// Unique name; a second event with the same key changes nothing.
    pub key: EventKey,
    /// The account of the entry.
    pub account: AccountId,
    /// When it happened, by the item itself. Reply windows count from here.
    pub at: Timestamp,
    /// When the batch arrived.
    pub received_at: Timestamp,
    /// Another app holds the thread: stored for the inbox, never answered.
    pub standby: bool,
    /// It came before its account was connected, and waited for that.
    #[serde(default)]
    pub unrouted: bool,
    /// What happened.
    pub item: InboundItem,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InboundItem {
    /// A message of a person.
    Message(InboundMessage),
    /// A message of the account itself, sent through the API or by hand.
    Echo(Echo),
    /// A person took a message back. Its text and media must go.
    Unsend {
        /// Who.
        person: Igsid,
        /// Which message.
        mid: Mid,
    },
    /// A person changed a message (`num_edit` of 1 and more).
    Edit {
        /// Who, when told.
        person: Option<Igsid>,
        /// Which message.
        mid: Mid,
        /// Text after the edit, when told.
        text: Option<Arc<str>>,
        /// Growing number of the edit, from 1.
        revision: u32,
    },
    /// An edit notice with number 0, missing or unreadable: no edit, but a hint that a message exists.
    CompanionEdit {
        /// Who, when told.
        person: Option<Igsid>,
        /// Which message.
        mid: Mid,
    },
    /// A person reacted to a message, or took the reaction back.
    Reaction {
        /// Who.
        person: Igsid,
        /// Which message.
        mid: Mid,
        /// The emoji or its name; `None` when it was taken back.
        reaction: Option<Arc<str>>,
    },
    /// A tap on a template button, an ice breaker or the menu.
    Postback {
        /// Who.
        person: Igsid,
        /// Message id, when told.
        mid: Option<Mid>,
        /// Label that was tapped.
        title: Option<Arc<str>>,
        /// Payload set by whoever made the button.
        payload: Option<Arc<str>>,
        /// Reference of a link or ad.
        referral: Option<Arc<str>>,
        /// The account wrote to itself, for a test.
        is_self: bool,
    },
    /// A person read our messages up to this one.
    Seen {
        /// Who.
        person: Igsid,
        /// Last message read.
        mid: Option<Mid>,
    },
    /// A person opened the thread through a link with a reference.
    Referral {
        /// Who.
        person: Igsid,
        /// The reference.
        reference: Option<Arc<str>>,
        /// `ADS`, `SHORTLINK` or other.
        source: Option<Arc<str>>,
    },
    /// A person agreed to recurring notifications.
    Optin {
        /// Who.
        person: Igsid,
        /// Title of the topic.
        title: Option<Arc<str>>,
        /// Payload of the topic.
        payload: Option<Arc<str>>,
    },
    /// Control of the thread moved between apps.
    Handover {
        /// Whose thread.
        person: Igsid,
        /// What it means for us.
        change: Handover,
    },
    /// A comment, also on a live broadcast.
    Comment(InboundComment),
    /// The account was named in a caption or comment.
    Mention {
        /// Where.
        media: MediaId,
        /// The comment, when it was one.
        comment: Option<CommentId>,
    },
    /// Numbers of a story that ended.
    StoryInsights {
        /// Which story.
        media: MediaId,
        /// The numbers as JSON, at most [`UNKNOWN_RAW_BYTES_MAX`].
        raw: Arc<str>,
    },
    /// A kind this version does not know.
    Unknown {
        /// Name of the field or member.
        name: Arc<str>,
        /// The item as JSON, at most [`UNKNOWN_RAW_BYTES_MAX`].
        raw: Arc<str>,
    },
}

/// A message of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundMessage {
    /// Who.
    pub person: Igsid,
    /// Message id; missing on very old payloads only.
    pub mid: Option<Mid>,
    /// Text, at most [`INBOUND_TEXT_CHARS_MAX`]; for a quick reply the label.
    pub text: Option<Arc<str>>,
    /// The text was longer than the limit.
    pub cut: bool,
    /// Attachments, at most [`ATTACHMENTS_MAX`].
    pub attachments: Vec<Attachment>,
    /// What it answers.
    pub reply_to: Option<ReplyTo>,
    /// Payload of the quick reply that was tapped.
    pub quick_reply: Option<Arc<str>>,
    /// Reference of the ad or link that led here.
    pub referral: Option<Arc<str>>,
    /// A kind that Instagram does not show to apps.
    pub is_unsupported: bool,
}

/// What a message answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplyTo {
    /// A message of the thread.
    Message(Mid),
    /// A story of the account.
    Story {
        /// Which story, when told.
        media: Option<MediaId>,
        /// Where its picture is, when told.
        url: Option<Arc<str>>,
    },
}

/// One attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What it is.
    pub kind: AttachmentKind,
    /// Where it is; expires within days, untrusted.
    pub url: Option<Arc<str>>,
    /// Title of a shared post or reel.
    pub title: Option<Arc<str>>,
    /// Media id of a shared post, reel or story.
    pub media: Option<MediaId>,
}

/// Kind of an attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// Picture, GIF or sticker.
    Image,
    /// Video.
    Video,
    /// Voice note.
    Audio,
    /// Document.
    File,
    /// Media of no told kind.
    Media,
    /// Shared post.
    Post,
    /// Shared reel.
    Reel,
    /// Shared story.
    Story,
    /// The account was named in the person's story.
    StoryMention,
    /// View once; the content is not available.
    Ephemeral,
    /// A template, in echoes.
    Template,
    /// Anything else, by name.
    Other(Arc<str>),
}

/// A message of the account itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// Whom it was sent to.
    pub person: Igsid,
    /// Message id.
    pub mid: Option<Mid>,
    /// Text.
    pub text: Option<Arc<str>>,
    /// Attachments, at most [`ATTACHMENTS_MAX`].
    pub attachments: Vec<Attachment>,
    /// The account wrote to itself, for a test.
    pub is_self: bool,
    /// Id of the app that sent it, when told.
    pub app_id: Option<Arc<str>>,
}

/// What a change of thread control means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Handover {
    /// Another app owns the thread now.
    TakenFromUs,
    /// The thread is ours again.
    ReturnedToUs,
    /// Metadata or a request; nothing changed.
    Unchanged,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundComment {
    /// Which.
    pub id: CommentId,
    /// The comment it answers.
    pub parent: Option<CommentId>,
    /// Who; may be missing.
    pub person: Option<Igsid>,
    /// Handle of the commenter; may be missing.
    pub username: Option<Arc<str>>,
    /// The platform says that the account itself wrote it.
    pub is_own: bool,
    /// Text; may be missing, for instance for a GIF.
    pub text: Option<Arc<str>>,
    /// The post, or the ad's copy of it.
    pub media: Option<MediaId>,
    /// The post that an ad copies.
    pub original_media: Option<MediaId>,
    /// Written during a live broadcast.
    pub live: bool,
}

impl InboundEvent {
    /// The event without what a person wrote or sent: what stays of a message that was taken back, or that is kept in
    /// its thread.
    #[must_use]
    pub fn without_content(&self) -> Self {
        let mut event = self.clone();
        match &mut event.item {
            InboundItem::Message(message) => {
                message.text = None;
                message.attachments.clear();
                message.quick_reply = None;
            }
            InboundItem::Postback { title, payload, .. } => {
                *title = None;
                *payload = None;
            }
            _ => {}
        }
        event
    }

    /// It is the message of this person with this id.
    #[must_use]
    pub fn is_message(&self, of: &Igsid, id: &Mid) -> bool {
        match &self.item {
            InboundItem::Message(InboundMessage { person, mid, .. })
            | InboundItem::Postback { person, mid, .. } => person == of && mid.as_ref() == Some(id),
            _ => false,
        }
    }
}

impl InboundItem {
    /// A short constant name, for metrics and records.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Echo(_) => "echo",
            Self::Unsend { .. } => "unsend",
            Self::Edit { .. } => "edit",
            Self::CompanionEdit { .. } => "edit0",
            Self::Reaction { .. } => "reaction",
            Self::Postback { .. } => "postback",
            Self::Seen { .. } => "seen",
            Self::Referral { .. } => "referral",
            Self::Optin { .. } => "optin",
            Self::Handover { .. } => "handover",
            Self::Comment(_) => "comment",
            Self::Mention { .. } => "mention",
            Self::StoryInsights { .. } => "story_insights",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The person whose thread it belongs to.
    #[must_use]
    pub const fn person(&self) -> Option<&Igsid> {
        match self {
            Self::Message(message) => Some(&message.person),
            Self::Echo(echo) => Some(&echo.person),
            Self::Unsend { person, .. }
            | Self::Reaction { person, .. }
            | Self::Postback { person, .. }
            | Self::Seen { person, .. }
            | Self::Referral { person, .. }
            | Self::Optin { person, .. }
            | Self::Handover { person, .. } => Some(person),
            Self::Edit { person, .. } | Self::CompanionEdit { person, .. } => person.as_ref(),
            Self::Comment(comment) => comment.person.as_ref(),
            Self::Mention { .. } | Self::StoryInsights { .. } | Self::Unknown { .. } => None,
        }
    }
}
