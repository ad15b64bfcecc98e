//! Comments, mentions and story numbers.

use super::{Frame, optional, required, text};
use crate::{
    ids::{CommentId, Igsid, MediaId},
    json::Raw,
    webhook::{
        event::{Event, Reason},
        item::{Comment, Item},
        key::Kind,
    },
};
use std::sync::Arc;

/// The most story numbers kept (the platform documents 6).
const COUNTS_MAX: usize = 32;

#[derive(Default)]
struct Parts<'a> {
    id: Option<Raw<'a>>,
    comment_id: Option<Raw<'a>>,
    parent: Option<Raw<'a>>,
    text: Option<Raw<'a>>,
    from: Option<Raw<'a>>,
    media: Option<Raw<'a>>,
    media_id: Option<Raw<'a>>,
    timestamp: Option<Raw<'a>>,
}

fn parts(item: Raw<'_>) -> Result<Parts<'_>, Reason> {
    let mut parts = Parts::default();
    for member in item.members() {
        let (key, value) = member.map_err(|_| Reason::Malformed)?;
        match key.name().as_ref() {
            b"id" => parts.id = Some(value),
            b"comment_id" => parts.comment_id = Some(value),
            b"parent_id" => parts.parent = Some(value),
            b"text" => parts.text = Some(value),
            b"from" => parts.from = Some(value),
            b"media" => parts.media = Some(value),
            b"media_id" => parts.media_id = Some(value),
            b"timestamp" => parts.timestamp = Some(value),
            _ => {}
        }
    }
    Ok(parts)
}

pub(super) fn comment(frame: &Frame<'_>, is_live: bool) -> Result<Event, Reason> {
    let parts = parts(frame.item)?;
    let id = required(present(parts.id).or(parts.comment_id), CommentId::from_json, "id")?;
    let mut comment = Comment {
        id,
        parent: optional(parts.parent, CommentId::from_json, "parent_id")?,
        text: parts.text.and_then(text::text),
        from: None,
        username: None,
        is_self: false,
        media: optional(parts.media_id, MediaId::from_json, "media_id")?,
        original_media: None,
        media_product_type: None,
        ad_id: None,
        ad_title: None,
        is_live,
    };
    if let Some(from) = parts.from {
        read_author(&mut comment, from)?;
    }
    if let Some(media) = parts.media {
        read_media(&mut comment, media)?;
    }
    comment.is_self |= comment.from.as_ref().is_some_and(|from| frame.is_account(from.as_str()));
    let key = frame.key(Kind::Comment, format_args!("{}", comment.id));
    let timestamp = parts.timestamp.and_then(Raw::int);
    Ok(frame.event(Kind::Comment, key, Item::Comment(Box::new(comment)), timestamp))
}

fn read_author(comment: &mut Comment, from: Raw<'_>) -> Result<(), Reason> {
    let mut id = None;
    for member in from.members() {
        let (key, value) = member.map_err(|_| Reason::Malformed)?;
        match key.name().as_ref() {
            b"id" => id = Some(value),
            b"username" => comment.username = text::label(value),
            b"self_ig_scoped_id" => comment.is_self = !value.is_null(),
            _ => {}
        }
    }
    comment.from = optional(id, Igsid::from_json, "from.id")?;
    Ok(())
}

fn read_media(comment: &mut Comment, media: Raw<'_>) -> Result<(), Reason> {
    let (mut id, mut original) = (None, None);
    for member in media.members() {
        let (key, value) = member.map_err(|_| Reason::Malformed)?;
        match key.name().as_ref() {
            b"id" => id = Some(value),
            b"original_media_id" => original = Some(value),
            b"media_product_type" => comment.media_product_type = text::label(value),
            b"ad_id" => comment.ad_id = text::id_label(value),
            b"ad_title" => comment.ad_title = text::label(value),
            _ => {}
        }
    }
    if let Some(id) = optional(id, MediaId::from_json, "media.id")? {
        comment.media = Some(id);
    }
    comment.original_media = optional(original, MediaId::from_json, "media.original_media_id")?;
    Ok(())
}

pub(super) fn mention(frame: &Frame<'_>) -> Result<Event, Reason> {
    let parts = parts(frame.item)?;
    let media = required(parts.media_id, MediaId::from_json, "media_id")?;
    let comment = optional(parts.comment_id, CommentId::from_json, "comment_id")?;
    let key = match &comment {
        Some(comment) => frame.key(Kind::Mention, format_args!("{media}:{comment}")),
        None => frame.key(Kind::Mention, format_args!("{media}:-")),
    };
    let timestamp = parts.timestamp.and_then(Raw::int);
    Ok(frame.event(Kind::Mention, key, Item::Mention { media, comment }, timestamp))
}

pub(super) fn story_insights(frame: &Frame<'_>) -> Result<Event, Reason> {
    let (mut media, mut counts) = (None, Vec::<(Arc<str>, i64)>::new());
    for member in frame.item.members() {
        let (key, value) = member.map_err(|_| Reason::Malformed)?;
        if key.name().as_ref() == b"media_id" {
            media = Some(value);
        } else if let (Some(count), true) = (value.int(), counts.len() < COUNTS_MAX) {
            let name = text::name(&key.text());
            counts.retain(|(known, _)| *known != name);
            counts.push((name, count));
        }
    }
    let media = required(media, MediaId::from_json, "media_id")?;
    let time = frame.slice.entry_time.ok_or(Reason::Missing("entry.time"))?;
    let key = frame.key(Kind::StoryInsights, format_args!("{media}:{time}"));
    let item = Item::StoryInsights { media, counts, raw: text::raw(frame.item) };
    Ok(frame.event(Kind::StoryInsights, key, item, None))
}

fn present(value: Option<Raw<'_>>) -> Option<Raw<'_>> {
    value.filter(|value| !value.is_null())
}
