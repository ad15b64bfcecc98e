//! Comments: read, answer, hide, delete.

use super::{GraphError, GraphResult, date, fields, page, success};
use crate::sandbox::{
    call::Request,
    world::{
        ObjectId, World,
        comments::{Author, Comment},
        sent::SentKind,
    },
};
use serde_json::{Value, json};

const LIMIT_DEFAULT: usize = 25;
/// Comments of one page (platform limit).
const LIMIT_MAX: usize = 50;
/// Characters of a reply (limit of the platform's earlier API).
const REPLY_CHARS_MAX: usize = 300;

fn unknown(id: ObjectId) -> GraphError {
    GraphError::unknown_object(&id.to_string())
}

fn show(world: &mut World, comment: &Comment) -> Value {
    let (id, username) = match comment.author {
        Author::Person(person) => {
            let igsid = world.igsid(comment.account, person);
            (igsid.to_string(), world.people.get(person).map(|person| person.username.clone()))
        }
        Author::Api | Author::Owner => {
            let account = world.accounts.get(comment.account);
            (comment.account.to_string(), account.map(|account| account.username.clone()))
        }
    };
    let username = username.unwrap_or_default();
    let product_type = world.media.get(comment.media).map(|media| media.product_type.clone());
    let mut value = json!({"id": comment.id.to_string(), "text": comment.text, "timestamp": date(comment.at),
        "username": username, "from": {"id": id, "username": username}, "hidden": comment.hidden,
        "like_count": 0, "media": {"id": comment.media.to_string(), "media_product_type": product_type}});
    if let Some(parent) = comment.parent {
        value["parent_id"] = parent.to_string().into();
    }
    value
}

fn show_with_replies(world: &mut World, comment: &Comment, asked: &[fields::Field]) -> Value {
    let mut value = show(world, comment);
    if fields::find(asked, "replies").is_some() {
        let replies: Vec<Comment> = world.comments.replies(comment.id).take(LIMIT_MAX).cloned().collect();
        let replies: Vec<Value> = replies.iter().map(|reply| show(world, reply)).collect();
        value["replies"] = json!({"data": replies});
    }
    fields::select(value, asked)
}

pub(super) fn read(world: &mut World, request: &Request, id: ObjectId) -> GraphResult {
    let asked = request.fields("id,text,timestamp")?;
    let comment = world.comments.get(id).ok_or_else(|| unknown(id))?.clone();
    Ok(show_with_replies(world, &comment, &asked))
}

pub(super) fn of_media(world: &mut World, request: &Request, media: ObjectId) -> GraphResult {
    let asked = request.fields("id,text,timestamp")?;
    let limit = request.limit(LIMIT_DEFAULT, LIMIT_MAX)?;
    let before = request.cursor(ObjectId::parse)?;
    let mut found = world.comments.of_media(media, before);
    let items: Vec<Comment> = found.by_ref().take(limit).cloned().collect();
    let after = found.next().and(items.last()).map(|comment| comment.id.to_string());
    drop(found);
    let data = items.iter().map(|comment| show_with_replies(world, comment, &asked)).collect();
    Ok(page(data, after, request))
}

pub(super) fn replies(world: &mut World, request: &Request, id: ObjectId) -> GraphResult {
    let asked = request.fields("id,text,timestamp")?;
    let replies: Vec<Comment> = world.comments.replies(id).take(LIMIT_MAX).cloned().collect();
    let data = replies.iter().map(|reply| fields::select(show(world, reply), &asked)).collect();
    Ok(page(data, None, request))
}

pub(super) fn hide(world: &mut World, request: &Request, id: ObjectId) -> GraphResult {
    // The platform reads it from the query only.
    let hide = match request.query_text("hide") {
        Some("true") => true,
        Some("false") => false,
        _ => return Err(GraphError::bad("The parameter hide is required in the query.")),
    };
    let comment = world.comments.get_mut(id).ok_or_else(|| unknown(id))?;
    if matches!(comment.author, Author::Person(_)) {
        comment.hidden = hide;
    }
    Ok(success())
}

pub(super) fn delete(world: &mut World, id: ObjectId) -> GraphResult {
    if world.comments.remove(id) { Ok(success()) } else { Err(unknown(id)) }
}

pub(super) fn reply(world: &mut World, request: &Request, id: ObjectId) -> GraphResult {
    let comment = world.comments.get(id).ok_or_else(|| unknown(id))?.clone();
    let text = request.text("message").map(str::trim).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| GraphError::bad("The parameter message is required."))?.to_owned();
    if text.chars().count() > REPLY_CHARS_MAX {
        return Err(GraphError::bad("The message is too long."));
    }
    if comment.hidden {
        return Err(GraphError::bad("A hidden comment can not be replied to."));
    }
    let media = world.media.get(comment.media).ok_or_else(|| unknown(comment.media))?;
    if media.product_type == "LIVE" || !media.comment_enabled {
        return Err(GraphError::bad("This comment can not be replied to."));
    }
    let mut first = None;
    for _ in 0..request.apply_times {
        let made = world.write_comment(comment.media, Author::Api, text.clone(), Some(id));
        let made = made.map_err(|_| GraphError::full())?;
        let person = match comment.author {
            Author::Person(person) => Some(world.igsid(comment.account, person)),
            Author::Api | Author::Owner => None,
        };
        world.note_sent(SentKind::PublicReply, made.to_string(), comment.account, person, &text, Some(id));
        first.get_or_insert(made);
    }
    if request.argument("fields").is_some() {
        return Err(GraphError::reply_fields());
    }
    first.map(|id| json!({"id": id.to_string()})).ok_or_else(GraphError::full)
}
