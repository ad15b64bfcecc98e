//! The messages of a thread: those at hand and those in the history.

use super::list::find;
use crate::{
    functions::{
        Reader, When,
        failure::CallError,
        pages::{Asked, PaginationOpts, PaginationResult},
        word,
    },
    sync::Trouble,
};
use greenroom_actors::{
    Entity, EntityId,
    id::Igsid,
    user::{
        User,
        history::{self, KeptMessage},
        inbound::{Attachment, AttachmentKind, ReplyTo},
        thread::{Author, Message},
    },
};
use greenroom_persistence::Direction;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

/// Rows of the history read at once.
const ROWS_AT_ONCE: usize = 200;

/// A page of a thread.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ConversationArgs {
    contact_id: String,
    /// Newest message first.
    pagination_opts: PaginationOpts,
}

/// A message.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) struct MessageView {
    /// Number in the workspace, in the order of arrival.
    id: String,
    /// Id on Instagram.
    message_id: Option<String>,
    /// When it was written.
    at: When,
    /// `contact`, `owner`, `automation` or `sidekick`.
    author: &'static str,
    automation_id: Option<String>,
    text: Option<String>,
    attachments: Vec<AttachmentView>,
    /// The message that it answers.
    reply_to: Option<String>,
    /// It answers a story.
    is_story_reply: bool,
    edited: bool,
    /// The person's reaction.
    reaction: Option<String>,
    /// The person has read it.
    seen: bool,
    /// A kind that Instagram does not show to apps.
    unsupported: bool,
}

/// An attachment.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
struct AttachmentView {
    /// `image`, `video`, `audio`, `file`, …
    kind: String,
    /// Expires within days; untrusted.
    url: Option<String>,
    title: Option<String>,
}

impl AttachmentView {
    fn new(attachment: &Attachment) -> Self {
        let kind = match &attachment.kind {
            AttachmentKind::Other(name) => name.to_string(),
            kind => word(kind),
        };
        let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
        Self { kind, url: text(&attachment.url), title: text(&attachment.title) }
    }
}

impl MessageView {
    fn new(message: &Message) -> Self {
        let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
        let (author, automation_id) = match &message.author {
            Author::Contact => ("contact", None),
            Author::Owner => ("owner", None),
            Author::Automation(id) => ("automation", Some(id.to_string())),
            Author::Sidekick => ("sidekick", None),
        };
        Self {
            id: message.no.0.to_string(),
            message_id: message.mid.as_ref().map(ToString::to_string),
            at: When(message.at),
            author,
            automation_id,
            text: text(&message.text),
            attachments: message.attachments.iter().map(AttachmentView::new).collect(),
            reply_to: match &message.reply_to {
                Some(ReplyTo::Message(mid)) => Some(mid.to_string()),
                _ => None,
            },
            is_story_reply: matches!(message.reply_to, Some(ReplyTo::Story { .. })),
            edited: message.revision > 0,
            reaction: text(&message.reaction),
            seen: message.seen,
            unsupported: message.unsupported,
        }
    }
}

pub(super) async fn page(
    reader: Reader,
    args: ConversationArgs,
) -> Result<PaginationResult<MessageView>, CallError> {
    let contact = Arc::clone(find(&reader, &args.contact_id)?);
    let asked = Asked::<Reverse<u64>>::new(&reader, &args.pagination_opts, &contact.igsid)?;
    let mut rows: BTreeMap<Reverse<u64>, MessageView> = BTreeMap::new();
    let after = asked.after().copied();
    let is_behind = |no: u64| after.is_none_or(|after| Reverse(no) > after);
    let user = reader.user();
    let at_hand = contact.thread.messages.iter().filter(|message| is_behind(message.no.0));
    for message in at_hand.filter(|message| is_shown(user, &contact.igsid, message)) {
        rows.insert(Reverse(message.no.0), MessageView::new(message));
    }
    let mut cursor = after.map(|after| after.0);
    loop {
        let read = read(&reader, &contact.igsid, cursor).await?;
        for message in read.messages.iter().filter(|message| is_shown(user, &contact.igsid, message)) {
            rows.entry(Reverse(message.no.0)).or_insert_with(|| MessageView::new(message));
        }
        // Rows at hand may lie behind those read: only what was read up to is in order.
        match read.next {
            None => break,
            Some(next) if asked.is_enough(rows.range(..=Reverse(next)).map(|(key, _)| key)) => break,
            next => cursor = next,
        }
    }
    asked.finish(rows.into_iter())
}

/// Nobody is shown what was taken back, belongs to a deleted contact, or came after the snapshot.
fn is_shown(user: &User, person: &Igsid, message: &Message) -> bool {
    let taken_back = message.mid.as_ref().is_some_and(|mid| user.was_taken_back(person, mid));
    !message.unsent && !taken_back && !user.was_deleted(person, message.no) && user.has_seen(message.no)
}

/// Messages of the history, newest first, and where to go on.
struct Read {
    messages: Vec<Message>,
    next: Option<u64>,
}

async fn read(reader: &Reader, person: &Igsid, cursor: Option<u64>) -> Result<Read, CallError> {
    let workspace = EntityId::new(User::KIND, reader.user_id()).map_err(|_| Trouble::Internal)?;
    let (history, stream) = (&reader.app().stores.history, history::messages_of(person));
    let page = history.page(&workspace, &stream, cursor, ROWS_AT_ONCE, Direction::Backward).await.map_err(
        |error| {
            tracing::warn!(%error, "a thread cannot be read");
            Trouble::Unavailable
        },
    )?;
    let kept = page.rows.iter().filter_map(|(_, bytes)| match history::message(bytes) {
        Ok(KeptMessage::Message(message)) => Some(*message),
        Ok(KeptMessage::TakenBack(_)) | Err(_) => None,
    });
    Ok(Read { messages: kept.collect(), next: page.next })
}
