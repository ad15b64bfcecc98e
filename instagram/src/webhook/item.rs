//! What one item of a delivery means.
//!
//! Text in here was written by people: it is data, at most [`TEXT_CHARS_MAX`] characters, without NUL, lone surrogates
//! replaced. Debug output holds it; do not log it.

use crate::ids::{CommentId, Igsid, MediaId, Mid};
use std::sync::Arc;

/// The longest text kept of a message or comment, in characters; longer ones are cut and marked (product rule).
pub const TEXT_CHARS_MAX: usize = 10_000;
/// The most attachments kept of one message (the platform sends at most 10).
pub const ATTACHMENTS_MAX: usize = 10;
/// The longest label, payload, reference or name kept, in characters; longer ones are cut (payloads have at most 1000).
pub const LABEL_CHARS_MAX: usize = 2_000;
/// The longest URL kept, in bytes; a longer one is left out, because a cut URL leads nowhere.
pub const URL_BYTES_MAX: usize = 4 * 1024;
/// The longest raw JSON kept of something not understood, in bytes; longer JSON is left out.
pub const RAW_BYTES_MAX: usize = 4 * 1024;
/// The longest name of an unknown field, member or kind, in characters; longer ones are cut.
pub const NAME_CHARS_MAX: usize = 64;

/// What happened. One variant per kind of [`super::key::Kind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A person wrote, also by quick reply, as a story reply or a story mention.
    Message(Box<Message>),
    /// The account wrote, through the API or by hand.
    Echo(Box<Echo>),
    /// A message was taken back: its text and media must go. May come before the message.
    Unsend {
        /// The thread's person.
        person: Igsid,
        /// Which message.
        mid: Mid,
    },
    /// A message was changed (`num_edit` of 1 or more).
    Edit {
        /// The thread's person, when told.
        person: Option<Igsid>,
        /// Which message.
        mid: Mid,
        /// The text after the edit.
        text: Option<Text>,
        /// Growing number of the edit, from 1.
        revision: u32,
    },
    /// An edit notice whose number is 0, missing or unreadable: no edit, only a hint that a message exists.
    CompanionEdit {
        /// The thread's person, when told.
        person: Option<Igsid>,
        /// Which message.
        mid: Mid,
    },
    /// A reaction to a message was set or taken back.
    Reaction(Box<Reaction>),
    /// A template button, an ice breaker or a menu entry was tapped.
    Postback(Box<Postback>),
    /// A person read our messages up to one.
    Seen {
        /// Who.
        person: Igsid,
        /// The last message read, when told.
        mid: Option<Mid>,
        /// The instant up to which was read, as sent, when told instead.
        watermark: Option<i64>,
    },
    /// A person opened an existing thread through a link or ad with a reference.
    Referral {
        /// Who.
        person: Igsid,
        /// The reference.
        referral: Box<Referral>,
    },
    /// A person agreed to recurring notifications.
    Optin(Box<Optin>),
    /// Control of a thread moved between apps, or was asked for.
    Handover(Box<Handover>),
    /// A comment, also on a live broadcast.
    Comment(Box<Comment>),
    /// The account was named in a caption (`comment` missing) or in a comment.
    Mention {
        /// The post.
        media: MediaId,
        /// The comment.
        comment: Option<CommentId>,
    },
    /// Numbers of a story that ended. Counts below 5 may be -1.
    StoryInsights {
        /// The story.
        media: MediaId,
        /// The numbers, by name, in the order sent.
        counts: Vec<(Arc<str>, i64)>,
        /// The item as JSON, if at most [`RAW_BYTES_MAX`].
        raw: Option<Arc<str>>,
    },
    /// A test from the platform's dashboard: belongs to no account; count it, do nothing else.
    Test,
    /// A kind this version does not know: store and count.
    Unknown {
        /// Name of the field or member, at most [`NAME_CHARS_MAX`].
        name: Arc<str>,
        /// The item as JSON, if at most [`RAW_BYTES_MAX`].
        raw: Option<Arc<str>>,
    },
}

/// Text written by a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text, at most [`TEXT_CHARS_MAX`] characters. May be empty.
    pub value: Arc<str>,
    /// It was longer and has been cut.
    pub cut: bool,
}

/// A message of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who wrote it.
    pub person: Igsid,
    /// Its id; missing on very old payloads only. The key of such a message is made of person, instant and text.
    pub mid: Option<Mid>,
    /// Its text; for a quick reply the title of the button.
    pub text: Option<Text>,
    /// At most [`ATTACHMENTS_MAX`].
    pub attachments: Vec<Attachment>,
    /// More attachments were sent than are kept.
    pub attachments_cut: bool,
    /// What it answers. An empty `reply_to` is none.
    pub reply_to: Option<ReplyTo>,
    /// Payload of the quick reply that was tapped.
    pub quick_reply: Option<Arc<str>>,
    /// The ad or link that led here.
    pub referral: Option<Box<Referral>>,
    /// The platform does not show this message to apps.
    pub is_unsupported: bool,
}

/// A message of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Whom it went to; the account itself for a self message.
    pub person: Igsid,
    /// Its id: equals the `message_id` of the send.
    pub mid: Mid,
    /// Its text.
    pub text: Option<Text>,
    /// At most [`ATTACHMENTS_MAX`].
    pub attachments: Vec<Attachment>,
    /// The account wrote to itself, for a test.
    pub is_self: bool,
    /// The app that sent it, when told (not relied upon).
    pub app_id: Option<Arc<str>>,
    /// Metadata of the send, when told (not relied upon).
    pub metadata: Option<Arc<str>>,
}

/// What a message answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyTo {
    /// Another message of the thread.
    Message(Mid),
    /// A story of the account; at least one of the members is there.
    Story {
        /// The story.
        id: Option<MediaId>,
        /// Its picture.
        url: Option<Arc<str>>,
    },
}

/// One attachment. Its URL is untrusted and expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// What it is.
    pub kind: AttachmentKind,
    /// Where it is.
    pub url: Option<Arc<str>>,
    /// Title of a shared post or reel.
    pub title: Option<Arc<str>>,
    /// Id of the shared post, reel or story.
    pub media: Option<MediaId>,
    /// The attachment as JSON, for kinds not understood, if at most [`RAW_BYTES_MAX`].
    pub raw: Option<Arc<str>>,
}

/// What an attachment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachmentKind {
    /// `image`: also GIFs and stickers.
    Image,
    /// `video`.
    Video,
    /// `audio`: voice notes.
    Audio,
    /// `file`: documents.
    File,
    /// `media`: not told which.
    Media,
    /// `share`: a shared post, the older form; may come beside `ig_post`.
    Share,
    /// `ig_post`: a shared post.
    Post,
    /// `reel`, `ig_reel`: a shared reel.
    Reel,
    /// `story`, `ig_story`: a shared story.
    Story,
    /// `story_mention`: the account was named in the person's story.
    StoryMention,
    /// `template`: in echoes of template sends.
    Template,
    /// `ephemeral`: view once, content not available.
    Ephemeral,
    /// Anything else, by name; `fallback` and a missing name too.
    Other(Arc<str>),
}

/// A reaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// The thread's person.
    pub person: Igsid,
    /// To which message.
    pub mid: Mid,
    /// Set or taken back.
    pub action: ReactionAction,
    /// Name: `love`, `smile`, …, `other`.
    pub name: Option<Arc<str>>,
    /// The literal emoji.
    pub emoji: Option<Arc<str>>,
}

/// What happened to a reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReactionAction {
    /// `react`.
    React,
    /// `unreact`.
    Unreact,
}

/// A tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postback {
    /// Who tapped.
    pub person: Igsid,
    /// Its message id, when told.
    pub mid: Option<Mid>,
    /// The label.
    pub title: Option<Arc<str>>,
    /// What whoever made the button put behind it.
    pub payload: Option<Arc<str>>,
    /// The link or ad that led here.
    pub referral: Option<Box<Referral>>,
    /// The account tapped its own button, for a test.
    pub is_self: bool,
}

/// Where a person came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Referral {
    /// The reference set in the link or ad.
    pub reference: Option<Arc<str>>,
    /// `ADS`, `SHORTLINK`, the link itself, or other.
    pub source: Option<Arc<str>>,
    /// `OPEN_THREAD` or other.
    pub kind: Option<Arc<str>>,
    /// The ad.
    pub ad_id: Option<Arc<str>>,
    /// The ad's title.
    pub ad_title: Option<Arc<str>>,
}

/// An opt-in to recurring notifications. Stored, nothing more; its token is a secret and is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Optin {
    /// Who.
    pub person: Igsid,
    /// `notification_messages` or other.
    pub kind: Option<Arc<str>>,
    /// Title of the topic.
    pub title: Option<Arc<str>>,
    /// Payload of the topic.
    pub payload: Option<Arc<str>>,
    /// `DAILY`, `WEEKLY`, ….
    pub frequency: Option<Arc<str>>,
    /// IANA zone.
    pub timezone: Option<Arc<str>>,
    /// When the permission ends, as sent.
    pub expires_at: Option<i64>,
    /// `REFRESHED`, `NOT_REFRESHED`, or other.
    pub status: Option<Arc<str>>,
}

/// A change in who controls a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The thread's person; missing only for [`HandoverKind::Roles`].
    pub person: Option<Igsid>,
    /// What happened.
    pub kind: HandoverKind,
    /// What the other app said.
    pub metadata: Option<Arc<str>>,
}

/// What happened to a thread's control. App ids are decimal text; compare with the own app id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandoverKind {
    /// `pass_thread_control`: the previous owner gave it away.
    Passed {
        /// Who had it.
        previous_owner: Option<Arc<str>>,
        /// Who has it.
        new_owner: Option<Arc<str>>,
    },
    /// `take_thread_control`: the new owner took it.
    Taken {
        /// Who had it.
        previous_owner: Option<Arc<str>>,
        /// Who has it.
        new_owner: Option<Arc<str>>,
    },
    /// `request_thread_control`: somebody asks for it.
    Requested {
        /// Who asks.
        requested_owner: Option<Arc<str>>,
    },
    /// `pass_metadata`, `pass_thread_metadata`: a note between apps.
    Metadata {
        /// Who says.
        caller: Option<Arc<str>>,
    },
    /// `app_roles`: what each app may do, at most [`ATTACHMENTS_MAX`] apps with as many roles each.
    Roles(Vec<(Arc<str>, Vec<Arc<str>>)>),
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Its id.
    pub id: CommentId,
    /// The comment it answers.
    pub parent: Option<CommentId>,
    /// Its text; missing for instance for a GIF.
    pub text: Option<Text>,
    /// Who wrote it.
    pub from: Option<Igsid>,
    /// Their name.
    pub username: Option<Arc<str>>,
    /// The account itself wrote it (`from.self_ig_scoped_id` is there). Never answer it. The ids and the name of the
    /// account must be compared too: this mark is not always there.
    pub is_self: bool,
    /// The post; for an ad the ad's copy of it.
    pub media: Option<MediaId>,
    /// For an ad the post that was promoted. Filters match either.
    pub original_media: Option<MediaId>,
    /// `FEED`, `REELS`, `STORY`, `AD`, `LIVE`, ….
    pub media_product_type: Option<Arc<str>>,
    /// The ad.
    pub ad_id: Option<Arc<str>>,
    /// The ad's title.
    pub ad_title: Option<Arc<str>>,
    /// It came by `live_comments`: private replies only during the broadcast, no public ones.
    pub is_live: bool,
}
