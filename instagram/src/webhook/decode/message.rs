//! Messages: of the person, of the account, taken back, changed.

use super::{hash, messaging::Thread, required, text};
use crate::{
    ids::{MediaId, Mid},
    json::Raw,
    webhook::{
        event::{Event, Reason},
        item::{ATTACHMENTS_MAX, Attachment, AttachmentKind, Echo, Item, Message, Referral, ReplyTo, Text},
        key::{EventKey, Kind},
    },
};
use std::sync::Arc;

#[derive(Default)]
struct Parts<'a> {
    mid: Option<Raw<'a>>,
    text: Option<Raw<'a>>,
    attachments: Option<Raw<'a>>,
    reply_to: Option<Raw<'a>>,
    quick_reply: Option<Raw<'a>>,
    referral: Option<Raw<'a>>,
    app_id: Option<Raw<'a>>,
    metadata: Option<Raw<'a>>,
    is_echo: bool,
    is_self: bool,
    is_deleted: bool,
    is_unsupported: bool,
}

fn parts(message: Raw<'_>) -> Result<Parts<'_>, Reason> {
    let mut parts = Parts::default();
    for member in message.members() {
        let (key, value) = member.map_err(|_| Reason::Malformed)?;
        let flag = || value.bool().unwrap_or(false);
        match key.name().as_ref() {
            b"mid" => parts.mid = Some(value),
            b"text" => parts.text = Some(value),
            b"attachments" => parts.attachments = Some(value),
            b"reply_to" => parts.reply_to = Some(value),
            b"quick_reply" => parts.quick_reply = Some(value),
            b"referral" => parts.referral = Some(value),
            b"app_id" => parts.app_id = Some(value),
            b"metadata" => parts.metadata = Some(value),
            b"is_echo" => parts.is_echo = flag(),
            b"is_self" => parts.is_self = flag(),
            b"is_deleted" => parts.is_deleted = flag(),
            b"is_unsupported" => parts.is_unsupported = flag(),
            _ => {}
        }
    }
    Ok(parts)
}

pub(super) fn decode(thread: &Thread<'_>, message: Raw<'_>) -> Result<Event, Reason> {
    let parts = parts(message)?;
    let sides = thread.both_sides(parts.is_echo || parts.is_self)?;
    let person = sides.person()?;
    // Only a message of a person can do without: everything else is about a message that the id names.
    let mid = || required(parts.mid, Mid::from_json, "message.mid");
    if parts.is_deleted {
        let mid = mid()?;
        let key = thread.frame.key(Kind::Unsend, format_args!("{mid}"));
        return Ok(thread.build(Kind::Unsend, key, sides, Item::Unsend { person, mid }));
    }
    let text = parts.text.and_then(text::text);
    let (attachments, attachments_cut) = attachments(parts.attachments)?;
    if sides.from_account {
        let mid = mid()?;
        let key = thread.frame.key(Kind::Echo, format_args!("{mid}"));
        let echo = Echo {
            is_self: parts.is_self || thread.frame.is_account(person.as_str()),
            person,
            mid,
            text,
            attachments,
            app_id: parts.app_id.and_then(text::id_label),
            metadata: parts.metadata.and_then(text::label),
        };
        return Ok(thread.build(Kind::Echo, key, sides, Item::Echo(Box::new(echo))));
    }
    let mid = parts.mid.filter(|mid| !mid.is_null()).map(|_| mid()).transpose()?;
    let key = match &mid {
        Some(mid) => EventKey::message(thread.frame.key_account(), &person, mid),
        None if text.is_none() && attachments.is_empty() && !parts.is_unsupported => {
            return Err(Reason::Missing("message.mid"));
        }
        None => {
            let said = text.as_ref().map_or_else(|| message.bytes(), |text| text.value.as_bytes());
            let (at, said) = (thread.timestamp()?, hash(said));
            thread.frame.key(Kind::Message, format_args!("{person}:{at}:{said}"))
        }
    };
    let message = Message {
        person,
        mid,
        text,
        attachments,
        attachments_cut,
        reply_to: parts.reply_to.and_then(reply_to),
        quick_reply: parts.quick_reply.and_then(|reply| reply.get("payload")).and_then(text::label),
        referral: parts.referral.and_then(referral).map(Box::new),
        is_unsupported: parts.is_unsupported,
    };
    Ok(thread.build(Kind::Message, key, sides, Item::Message(Box::new(message))))
}

pub(super) fn edit(thread: &Thread<'_>, edit: Raw<'_>) -> Result<Event, Reason> {
    let (mut mid, mut text, mut number) = (None, None::<Text>, None);
    for member in edit.members() {
        let (key, value) = member.map_err(|_| Reason::Malformed)?;
        match key.name().as_ref() {
            b"mid" => mid = Some(value),
            b"text" => text = text::text(value),
            b"num_edit" => number = value.int(),
            _ => {}
        }
    }
    let mid = required(mid, Mid::from_json, "message_edit.mid")?;
    let sides = thread.sides(false)?;
    let person = sides.person.clone();
    let revision = number.and_then(|number| u32::try_from(number).ok()).filter(|&number| number > 0);
    if let Some(revision) = revision {
        let key = thread.frame.key(Kind::Edit, format_args!("{mid}:{revision}"));
        return Ok(thread.build(Kind::Edit, key, sides, Item::Edit { person, mid, text, revision }));
    }
    let key = thread.frame.key(Kind::CompanionEdit, format_args!("{mid}"));
    Ok(thread.build(Kind::CompanionEdit, key, sides, Item::CompanionEdit { person, mid }))
}

/// Where a person came from; `None` when nothing in it is readable.
pub(super) fn referral(value: Raw<'_>) -> Option<Referral> {
    let label = |name| value.get(name).and_then(text::label);
    let referral = Referral {
        reference: label("ref"),
        source: label("source"),
        kind: label("type"),
        ad_id: value.get("ad_id").and_then(text::id_label),
        ad_title: value.get("ads_context_data").and_then(|ad| ad.get("ad_title")).and_then(text::label),
    };
    (referral != Referral::default()).then_some(referral)
}

/// What a message answers. An id that can not be used is left out: the message is worth more than its context.
fn reply_to(value: Raw<'_>) -> Option<ReplyTo> {
    if let Some(mid) = value.get("mid").and_then(|mid| Mid::from_json(mid).ok()) {
        return Some(ReplyTo::Message(mid));
    }
    let story = value.get("story")?;
    let id = story.get("id").and_then(|id| MediaId::from_json(id).ok());
    let url = story.get("url").and_then(text::url);
    let is_empty = id.is_none() && url.is_none();
    (!is_empty).then_some(ReplyTo::Story { id, url })
}

/// The attachments kept, and whether there were more.
fn attachments(list: Option<Raw<'_>>) -> Result<(Vec<Attachment>, bool), Reason> {
    let mut kept = Vec::new();
    let Some(list) = list else { return Ok((kept, false)) };
    for element in list.elements() {
        let element = element.map_err(|_| Reason::Malformed)?;
        if kept.len() == ATTACHMENTS_MAX {
            return Ok((kept, true));
        }
        kept.push(attachment(element)?);
    }
    Ok((kept, false))
}

fn attachment(value: Raw<'_>) -> Result<Attachment, Reason> {
    let kind = attachment_kind(value.get("type").and_then(Raw::lossy).as_deref());
    let is_other = matches!(kind, AttachmentKind::Other(_));
    let mut attachment = Attachment { kind, url: None, title: None, media: None, raw: None };
    if is_other {
        attachment.raw = text::raw(value);
    }
    let (mut id, mut media, mut url, mut story_url) = (None, None, None, None);
    for member in value.get("payload").into_iter().flat_map(Raw::members) {
        let (key, value) = member.map_err(|_| Reason::Malformed)?;
        match key.name().as_ref() {
            b"url" => url = text::url(value),
            b"story_media_url" => story_url = text::url(value),
            b"title" => attachment.title = text::label(value),
            b"ig_post_media_id" | b"reel_video_id" | b"story_media_id" => media = Some(value),
            b"id" => id = Some(value),
            _ => {}
        }
    }
    attachment.url = url.or(story_url);
    // Shares carry ids of several kinds; one that is no media id is left out.
    attachment.media = media.or(id).and_then(|id| MediaId::from_json(id).ok());
    Ok(attachment)
}

fn attachment_kind(name: Option<&str>) -> AttachmentKind {
    match name {
        Some("image") => AttachmentKind::Image,
        Some("video") => AttachmentKind::Video,
        Some("audio") => AttachmentKind::Audio,
        Some("file") => AttachmentKind::File,
        Some("media") => AttachmentKind::Media,
        Some("share") => AttachmentKind::Share,
        Some("ig_post") => AttachmentKind::Post,
        Some("reel" | "ig_reel") => AttachmentKind::Reel,
        Some("story" | "ig_story") => AttachmentKind::Story,
        Some("story_mention") => AttachmentKind::StoryMention,
        Some("template") => AttachmentKind::Template,
        Some("ephemeral") => AttachmentKind::Ephemeral,
        Some(other) => AttachmentKind::Other(text::name(other)),
        None => AttachmentKind::Other(Arc::from("")),
    }
}
