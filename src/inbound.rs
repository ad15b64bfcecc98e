//! From what the platform said to what the core understands. The one place where both vocabularies meet.

use greenroom_actors::{
    Timestamp,
    id::{AccountId, CommentId, EventKey, Igsid, MediaId, Mid},
    user::inbound::{
        Attachment, AttachmentKind, Echo, Handover, InboundComment, InboundEvent, InboundItem,
        InboundMessage, ReplyTo,
    },
};
use greenroom_instagram::{
    ids,
    webhook::{
        event::Event,
        item::{self, HandoverKind, Item, ReactionAction},
    },
};
use std::sync::Arc;

/// The event as the core takes it; `None` for a dashboard test, which belongs to no account.
///
/// Its key names the workspace where the platform's form names the account: the platform may use either of the account's
/// two ids, and the same event must have the same key under both.
#[must_use]
pub fn inbound(
    event: Event,
    workspace: &str,
    account: &str,
    received_at: Timestamp,
    app_id: &str,
) -> Option<InboundEvent> {
    let kind = event.kind.as_str();
    Some(InboundEvent {
        key: EventKey::from(event.key.with_account(workspace).into_string()),
        account: AccountId::from(account),
        at: Timestamp::from_millis(event.at.as_millis()),
        received_at,
        standby: event.standby,
        unrouted: false,
        item: convert(event.item, app_id, kind)?,
    })
}

fn convert(item: Item, app_id: &str, kind: &'static str) -> Option<InboundItem> {
    Some(match item {
        Item::Message(message) => InboundItem::Message(from_message(*message)),
        Item::Echo(echo) => InboundItem::Echo(from_echo(*echo)),
        Item::Unsend { person, mid: id } => InboundItem::Unsend { person: igsid(person), mid: mid(id) },
        Item::Edit { person, mid: id, text, revision } => InboundItem::Edit {
            person: person.map(igsid),
            mid: mid(id),
            text: text.map(|text| text.value),
            revision,
        },
        Item::CompanionEdit { person, mid: id } => {
            InboundItem::CompanionEdit { person: person.map(igsid), mid: mid(id) }
        }
        Item::Reaction(reaction) => InboundItem::Reaction {
            person: igsid(reaction.person),
            mid: mid(reaction.mid),
            reaction: match reaction.action {
                ReactionAction::React => {
                    Some(reaction.emoji.or(reaction.name).unwrap_or_else(|| Arc::from("other")))
                }
                ReactionAction::Unreact => None,
            },
        },
        Item::Postback(postback) => InboundItem::Postback {
            person: igsid(postback.person),
            mid: postback.mid.map(mid),
            title: postback.title,
            payload: postback.payload,
            referral: postback.referral.and_then(|referral| referral.reference),
            is_self: postback.is_self,
        },
        Item::Seen { person, mid: id, .. } => InboundItem::Seen { person: igsid(person), mid: id.map(mid) },
        Item::Referral { person, referral } => InboundItem::Referral {
            person: igsid(person),
            reference: referral.reference,
            source: referral.source,
        },
        Item::Optin(optin) => {
            InboundItem::Optin { person: igsid(optin.person), title: optin.title, payload: optin.payload }
        }
        Item::Handover(handover) => {
            let Some(person) = handover.person else { return Some(unknown(kind, None)) };
            InboundItem::Handover { person: igsid(person), change: control(&handover.kind, app_id) }
        }
        Item::Comment(comment) => InboundItem::Comment(from_comment(*comment)),
        Item::Mention { media, comment } => {
            InboundItem::Mention { media: media_id(media), comment: comment.map(comment_id) }
        }
        Item::StoryInsights { media, raw, .. } => {
            InboundItem::StoryInsights { media: media_id(media), raw: raw.unwrap_or_else(|| Arc::from("")) }
        }
        Item::Test => return None,
        Item::Unknown { name, raw } => unknown(&name, raw),
    })
}

fn unknown(name: &str, raw: Option<Arc<str>>) -> InboundItem {
    InboundItem::Unknown { name: name.into(), raw: raw.unwrap_or_else(|| Arc::from("")) }
}

fn from_message(message: item::Message) -> InboundMessage {
    let (text, cut) = message.text.map_or((None, false), |text| (Some(text.value), text.cut));
    InboundMessage {
        person: igsid(message.person),
        mid: message.mid.map(mid),
        text,
        cut,
        attachments: message.attachments.into_iter().map(attachment).collect(),
        reply_to: message.reply_to.map(|reply_to| match reply_to {
            item::ReplyTo::Message(id) => ReplyTo::Message(mid(id)),
            item::ReplyTo::Story { id, url } => ReplyTo::Story { media: id.map(media_id), url },
        }),
        quick_reply: message.quick_reply,
        referral: message.referral.and_then(|referral| referral.reference),
        is_unsupported: message.is_unsupported,
    }
}

fn from_echo(echo: item::Echo) -> Echo {
    Echo {
        person: igsid(echo.person),
        mid: Some(mid(echo.mid)),
        text: echo.text.map(|text| text.value),
        attachments: echo.attachments.into_iter().map(attachment).collect(),
        is_self: echo.is_self,
        app_id: echo.app_id,
    }
}

fn from_comment(comment: item::Comment) -> InboundComment {
    let live_media =
        comment.media_product_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("LIVE"));
    InboundComment {
        id: comment_id(comment.id),
        parent: comment.parent.map(comment_id),
        person: comment.from.map(igsid),
        username: comment.username,
        is_own: comment.is_self,
        text: comment.text.map(|text| text.value),
        media: comment.media.map(media_id),
        original_media: comment.original_media.map(media_id),
        live: comment.is_live || live_media,
    }
}

fn attachment(attachment: item::Attachment) -> Attachment {
    let kind = match attachment.kind {
        item::AttachmentKind::Image => AttachmentKind::Image,
        item::AttachmentKind::Video => AttachmentKind::Video,
        item::AttachmentKind::Audio => AttachmentKind::Audio,
        item::AttachmentKind::File => AttachmentKind::File,
        item::AttachmentKind::Media => AttachmentKind::Media,
        item::AttachmentKind::Share | item::AttachmentKind::Post => AttachmentKind::Post,
        item::AttachmentKind::Reel => AttachmentKind::Reel,
        item::AttachmentKind::Story => AttachmentKind::Story,
        item::AttachmentKind::StoryMention => AttachmentKind::StoryMention,
        item::AttachmentKind::Template => AttachmentKind::Template,
        item::AttachmentKind::Ephemeral => AttachmentKind::Ephemeral,
        item::AttachmentKind::Other(name) => AttachmentKind::Other(name),
    };
    Attachment { kind, url: attachment.url, title: attachment.title, media: attachment.media.map(media_id) }
}

/// The thread is ours only when we are told that we own it.
fn control(kind: &HandoverKind, app_id: &str) -> Handover {
    match kind {
        HandoverKind::Passed { new_owner, .. } | HandoverKind::Taken { new_owner, .. } => {
            if new_owner.as_deref() == Some(app_id) { Handover::ReturnedToUs } else { Handover::TakenFromUs }
        }
        HandoverKind::Requested { .. } | HandoverKind::Metadata { .. } | HandoverKind::Roles(_) => {
            Handover::Unchanged
        }
    }
}

fn igsid(id: ids::Igsid) -> Igsid {
    Igsid::from(id.into_inner())
}

fn mid(id: ids::Mid) -> Mid {
    Mid::from(id.into_inner())
}

fn comment_id(id: ids::CommentId) -> CommentId {
    CommentId::from(id.into_inner())
}

fn media_id(id: ids::MediaId) -> MediaId {
    MediaId::from(id.into_inner())
}
