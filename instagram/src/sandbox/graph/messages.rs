//! Sending: messages, private replies, sender actions.

use super::{COMMENTS, Caller, GraphError, GraphResult, validate};
use crate::sandbox::{
    call::Request,
    world::{
        AccountId, Igsid, Mid, ObjectId, World, comments::Author, rates::Lane, sent::SentKind, threads::Via,
    },
};
use serde_json::{Map, Value, json};

const HOUR: i64 = 3_600_000;
/// The standard window after a person's last message (platform limit), milliseconds.
const WINDOW: i64 = 24 * HOUR;
/// The window of the human agent tag, and of private replies (platform limit), milliseconds.
const LONG_WINDOW: i64 = 7 * 24 * HOUR;

pub(super) fn send(world: &mut World, caller: &Caller, request: &Request) -> GraphResult {
    let recipient = request.argument("recipient").and_then(Value::as_object);
    let recipient = recipient.ok_or_else(|| GraphError::bad("The parameter recipient is required."))?;
    let id_of = |name: &str| recipient.get(name).and_then(Value::as_str);
    if let Some(comment) = id_of("comment_id") {
        caller.needs(COMMENTS)?;
        return private_reply(world, caller.account, request, comment);
    }
    let to = id_of("id").ok_or_else(|| GraphError::bad("recipient needs an id or a comment_id."))?;
    if let Some(action) = request.text("sender_action") {
        return sender_action(world, caller.account, request, to, action);
    }
    let content = validate::message(request.argument("message"))?;
    count(world, caller.account, if validate::is_heavy(content) { Lane::Heavy } else { Lane::Text })?;
    check_account(world, caller.account)?;
    if world.accounts.find(to) == Some(caller.account) {
        let mid = world.answer_self(caller.account, content, world.delivery.echo_delay_ms);
        return Ok(json!({"recipient_id": to, "message_id": mid.to_string()}));
    }
    let igsid = check_person(world, caller.account, to)?;
    check_window(world, caller.account, igsid, tag(request)?)?;
    let mid = deliver(world, request, igsid, content, None)?;
    Ok(json!({"recipient_id": igsid.to_string(), "message_id": mid.to_string()}))
}

fn count(world: &mut World, account: AccountId, lane: Lane) -> Result<(), GraphError> {
    world.count_in(account, lane).map_err(GraphError::from)
}

fn check_account(world: &World, account: AccountId) -> Result<(), GraphError> {
    let Some(account) = world.accounts.get(account) else { return Err(GraphError::unknown_object("me")) };
    if account.restricted_until > world.now {
        return Err(GraphError::restricted());
    }
    if !account.messages_access {
        return Err(GraphError::messages_access());
    }
    Ok(())
}

fn check_person(world: &World, account: AccountId, to: &str) -> Result<Igsid, GraphError> {
    let igsid = Igsid::parse(to).ok_or_else(GraphError::no_person)?;
    let (owner, person) = world.people.behind(igsid).ok_or_else(GraphError::no_person)?;
    if owner != account {
        return Err(GraphError::no_person());
    }
    if person.blocked {
        return Err(GraphError::unavailable());
    }
    if world.threads.get(igsid).is_some_and(|thread| thread.held_by.is_some()) {
        return Err(GraphError::not_thread_owner());
    }
    Ok(igsid)
}

/// Whether the human agent tag is given.
fn tag(request: &Request) -> Result<bool, GraphError> {
    match (request.text("messaging_type"), request.text("tag")) {
        (None | Some("RESPONSE" | "UPDATE"), None) => Ok(false),
        (Some("MESSAGE_TAG"), Some("HUMAN_AGENT")) => Ok(true),
        _ => Err(GraphError::bad("The messaging_type or tag is not available.")),
    }
}

fn check_window(world: &World, account: AccountId, igsid: Igsid, human: bool) -> Result<(), GraphError> {
    let Some(account) = world.accounts.get(account) else { return Err(GraphError::unknown_object("me")) };
    if account.subscribed.is_empty() {
        return Err(GraphError::window());
    }
    if human && !account.human_agent {
        return Err(GraphError::human_agent());
    }
    let window = if human { LONG_WINDOW } else { WINDOW };
    let last = world.threads.get(igsid).and_then(|thread| thread.last_inbound);
    if last.is_some_and(|last| world.now - last < window) { Ok(()) } else { Err(GraphError::window()) }
}

/// Appends to the thread, echoes and notes. With the fault `duplicate_apply` twice.
fn deliver(
    world: &mut World,
    request: &Request,
    igsid: Igsid,
    content: &Map<String, Value>,
    comment: Option<(ObjectId, AccountId)>,
) -> Result<Mid, GraphError> {
    let text = match content.get("text").and_then(Value::as_str) {
        Some(text) if content.len() == 1 => text.to_owned(),
        _ => Value::Object(content.clone()).to_string(),
    };
    let delay = if world.delivery.echo_before_answer { 0 } else { world.delivery.echo_delay_ms };
    let via = comment.map_or(Via::Api, |(comment, _)| Via::PrivateReply(comment));
    let kind = if comment.is_some() { SentKind::PrivateReply } else { SentKind::Message };
    let mut first = None;
    for _ in 0..request.apply_times {
        let (mid, echo) =
            world.answer(igsid, via, content.clone(), delay).ok_or_else(GraphError::no_person)?;
        let account = world.people.behind(igsid).map(|(account, _)| account);
        let account = account.ok_or_else(GraphError::no_person)?;
        let comment = comment.map(|(comment, _)| comment);
        world.note_sent(kind, mid.to_string(), account, Some(igsid), &text, comment);
        if world.delivery.echo_before_answer
            && let Some(echo) = echo
        {
            world.queue.awaited.insert(echo);
            request.echoes.borrow_mut().push(echo);
        }
        first.get_or_insert(mid);
    }
    first.ok_or_else(GraphError::full)
}

fn private_reply(world: &mut World, account: AccountId, request: &Request, comment: &str) -> GraphResult {
    let content = validate::message(request.argument("message"))?;
    let refused = GraphError::no_private_reply;
    let id = ObjectId::parse(comment).ok_or_else(refused)?;
    let comment = world.comments.get(id).filter(|comment| comment.account == account);
    let comment = comment.ok_or_else(refused)?.clone();
    let Author::Person(person) = comment.author else { return Err(refused()) };
    let live = world.media.get(comment.media).is_some_and(|media| media.product_type == "LIVE");
    count(world, account, if live { Lane::LivePrivateReply } else { Lane::PrivateReply })?;
    check_account(world, account)?;
    let over = live && world.accounts.get(account).is_none_or(|owner| owner.live != Some(comment.media));
    if over || comment.private_replies > 0 || world.now - comment.at > LONG_WINDOW {
        return Err(refused());
    }
    let igsid = world.igsid(account, person);
    check_person(world, account, &igsid.to_string())?;
    let mid = deliver(world, request, igsid, content, Some((id, account)))?;
    if let Some(comment) = world.comments.get_mut(id) {
        comment.private_replies += request.apply_times;
    }
    Ok(json!({"recipient_id": igsid.to_string(), "message_id": mid.to_string()}))
}

fn sender_action(
    world: &mut World,
    account: AccountId,
    request: &Request,
    to: &str,
    action: &str,
) -> GraphResult {
    if request.argument("message").is_some() {
        return Err(GraphError::bad("sender_action can not be combined with message."));
    }
    if !["react", "unreact", "typing_on", "typing_off", "mark_seen"].contains(&action) {
        return Err(GraphError::bad("sender_action is not known."));
    }
    count(world, account, Lane::Text)?;
    check_account(world, account)?;
    let igsid = check_person(world, account, to)?;
    check_window(world, account, igsid, false)?;
    if action == "react" || action == "unreact" {
        let payload = request.argument("payload");
        let mid = payload.and_then(|payload| payload["message_id"].as_str()).and_then(Mid::parse);
        let message = mid.and_then(|mid| world.threads.of_mid(mid)).filter(|thread| thread.igsid == igsid);
        let reaction = payload.and_then(|payload| payload["reaction"].as_str());
        if message.is_none() || (action == "react" && reaction.is_none()) {
            return Err(GraphError::bad("payload must name a message of this thread and a reaction."));
        }
    }
    Ok(json!({"recipient_id": igsid.to_string()}))
}
