//! Posts, reels and stories.

use super::{Caller, GraphError, GraphResult, date, fields, page, success};
use crate::sandbox::{
    call::Request,
    world::{ObjectId, World, media::Media},
};
use serde_json::{Value, json};

const LIMIT_DEFAULT: usize = 25;
const LIMIT_MAX: usize = 100;

fn show(world: &World, media: &Media) -> Value {
    let username = world.accounts.get(media.account).map_or("", |account| &account.username);
    let mut value = json!({"id": media.id.to_string(), "media_type": media.media_type,
        "media_product_type": media.product_type, "username": username,
        "media_url": format!("https://scontent.example/{}.jpg", media.id),
        "permalink": format!("https://www.instagram.com/p/sbx{}/", media.id),
        "timestamp": date(media.at), "like_count": media.likes,
        "comments_count": world.comments.count_of_media(media.id),
        "is_comment_enabled": media.comment_enabled});
    if let Some(caption) = &media.caption {
        value["caption"] = caption.as_str().into();
    }
    if media.media_type == "VIDEO" {
        value["thumbnail_url"] = format!("https://scontent.example/{}_thumb.jpg", media.id).into();
    }
    value
}

pub(super) fn list(world: &World, caller: &Caller, request: &Request) -> GraphResult {
    let asked = request.fields("id")?;
    let limit = request.limit(LIMIT_DEFAULT, LIMIT_MAX)?;
    let before = request.cursor(ObjectId::parse)?;
    let mut found = world
        .media
        .of(caller.account, before)
        .filter(|media| !["STORY", "LIVE", "AD"].contains(&media.product_type.as_str()));
    let items: Vec<&Media> = found.by_ref().take(limit).collect();
    let after = found.next().and(items.last()).map(|media| media.id.to_string());
    let data = items.iter().map(|media| fields::select(show(world, media), &asked)).collect();
    Ok(page(data, after, request))
}

pub(super) fn stories(world: &World, caller: &Caller, request: &Request) -> GraphResult {
    let asked = request.fields("id")?;
    let live = world.media.of(caller.account, None).filter(|media| media.is_live_story(world.now));
    let data = live.take(LIMIT_MAX).map(|media| fields::select(show(world, media), &asked)).collect();
    Ok(page(data, None, request))
}

pub(super) fn read(world: &World, request: &Request, id: ObjectId) -> GraphResult {
    let media = world.media.get(id).ok_or_else(|| GraphError::unknown_object(&id.to_string()))?;
    Ok(fields::select(show(world, media), &request.fields("id")?))
}

pub(super) fn change(world: &mut World, request: &Request, id: ObjectId) -> GraphResult {
    let enabled = request.flag("comment_enabled")?;
    let media = world.media.get_mut(id).ok_or_else(|| GraphError::unknown_object(&id.to_string()))?;
    media.comment_enabled = enabled;
    Ok(success())
}
