//! Conversations and their messages, as the platform lets them be read.

use super::{Caller, GraphError, GraphResult, conversation_id, date, fields, page};
use crate::sandbox::{
    call::Request,
    limits::READABLE_MESSAGES,
    world::{
        Igsid, Mid, World,
        rates::Lane,
        threads::{Message, Thread, Via},
    },
};
use serde_json::{Value, json};

const LIMIT_DEFAULT: usize = 25;
const LIMIT_MAX: usize = 50;
/// Requests without activity for this long are not listed (platform limit), milliseconds.
const REQUEST_LIFE: i64 = 30 * 24 * 3_600_000;

fn sides(world: &World, thread: &Thread) -> (Value, Value) {
    let account = world.accounts.get(thread.account).map(|account| account.username.as_str());
    let person = world.people.get(thread.person).map(|person| person.username.as_str());
    (
        json!({"id": thread.account.to_string(), "username": account}),
        json!({"id": thread.igsid.to_string(), "username": person}),
    )
}

fn show_message(world: &World, thread: &Thread, message: &Message) -> Value {
    let (account, person) = sides(world, thread);
    let (from, to) = if message.via == Via::Person { (person, account) } else { (account, person) };
    let mut value = json!({"id": message.mid.to_string(), "created_time": date(message.at), "from": from,
        "to": {"data": [to]}, "message": message.text().unwrap_or_default()});
    for (from, to) in
        [("attachments", "attachments"), ("reply_to", "reply_to"), ("is_unsupported", "is_unsupported")]
    {
        if let Some(member) = message.content.get(from) {
            value[to] = member.clone();
        }
    }
    if let Some(attachments) = value.get_mut("attachments").map(Value::take) {
        value["attachments"] = json!({"data": attachments});
    }
    value
}

fn show(world: &World, thread: &Thread, asked: &[fields::Field]) -> Value {
    let (account, person) = sides(world, thread);
    let mut value = json!({"id": conversation_id(thread.igsid), "updated_time": date(thread.last_activity),
        "participants": {"data": [account, person]}});
    if let Some(field) = fields::find(asked, "messages") {
        let limit = field.limit.unwrap_or(LIMIT_DEFAULT).min(READABLE_MESSAGES);
        let newest = thread.messages.iter().rev().filter(|message| !message.deleted).take(limit);
        let messages: Vec<Value> = newest
            .map(|message| {
                if field.sub.is_empty() {
                    json!({"id": message.mid.to_string(), "created_time": date(message.at)})
                } else {
                    show_message(world, thread, message)
                }
            })
            .collect();
        value["messages"] = json!({"data": messages});
    }
    fields::select(value, asked)
}

fn is_listed(world: &World, thread: &Thread) -> bool {
    let follows = world.people.get(thread.person).is_some_and(|person| person.follows);
    let request = !thread.accepted && !follows;
    let forgotten = request && world.now - thread.last_activity > REQUEST_LIFE;
    !thread.messages.is_empty() && !forgotten
}

fn cursor(text: &str) -> Option<(i64, Igsid)> {
    let (at, igsid) = text.split_once('_')?;
    Some((at.parse().ok()?, Igsid::parse(igsid)?))
}

pub(super) fn list(world: &mut World, caller: &Caller, request: &Request, by_me: bool) -> GraphResult {
    world.count_in(caller.account, Lane::Conversations)?;
    if request.text("platform") != Some("instagram") {
        return Err(GraphError::bad("The parameter platform must be instagram."));
    }
    let asked = request.fields("id,updated_time")?;
    let limit = request.limit(LIMIT_DEFAULT, LIMIT_MAX)?;
    if !by_me {
        // As seen on the platform: the form with the professional id lists nothing.
        return Ok(page(Vec::new(), None, request));
    }
    if let Some(person) = request.text("user_id") {
        let thread = Igsid::parse(person).and_then(|igsid| world.threads.get(igsid));
        let thread = thread.filter(|thread| thread.account == caller.account && is_listed(world, thread));
        return Ok(page(
            thread.map(|thread| show(world, thread, &asked)).into_iter().collect(),
            None,
            request,
        ));
    }
    let after = request.cursor(cursor)?;
    let mut found = world.threads.recent(caller.account, after).filter(|thread| is_listed(world, thread));
    let items: Vec<&Thread> = found.by_ref().take(limit).collect();
    let next = found.next().and(items.last());
    let after = next.map(|thread| format!("{}_{}", thread.last_activity, thread.igsid));
    let data = items.iter().map(|thread| show(world, thread, &asked)).collect();
    Ok(page(data, after, request))
}

pub(super) fn read(world: &mut World, request: &Request, igsid: Igsid) -> GraphResult {
    let thread =
        world.threads.get(igsid).ok_or_else(|| GraphError::unknown_object(&conversation_id(igsid)))?;
    let account = thread.account;
    world.count_in(account, Lane::Conversations)?;
    let asked = request.fields("id,updated_time")?;
    let thread =
        world.threads.get(igsid).ok_or_else(|| GraphError::unknown_object(&conversation_id(igsid)))?;
    Ok(show(world, thread, &asked))
}

pub(super) fn message(world: &mut World, request: &Request, mid: Mid) -> GraphResult {
    let account =
        world.threads.of_mid(mid).map(|thread| thread.account).ok_or_else(GraphError::deleted_message)?;
    world.count_in(account, Lane::Conversations)?;
    let asked = request.fields("id,created_time")?;
    let (thread, message, newer) = world.threads.message(mid).ok_or_else(GraphError::deleted_message)?;
    if message.deleted || newer >= READABLE_MESSAGES {
        return Err(GraphError::deleted_message());
    }
    Ok(fields::select(show_message(world, thread, message), &asked))
}
