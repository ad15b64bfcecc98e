//! What can be looked at.

use super::{Answer, Query, Refused};
use crate::sandbox::{
    SandboxState,
    ledger::Filter,
    limits::LISTING_MAX,
    world::{World, sent::SentItem, threads::Thread},
};
use serde_json::{Value, json};

fn thread(thread: &Thread) -> Value {
    json!({"account": thread.account.to_string(), "person": thread.person, "igsid": thread.igsid.to_string(),
        "last_inbound": thread.last_inbound, "accepted": thread.accepted, "held_by": thread.held_by,
        "messages": thread.messages.iter().map(|message| {
            json!({"mid": message.mid.to_string(), "via": message.via, "at": message.at,
                "content": message.content, "deleted": message.deleted, "edits": message.edits})
        }).collect::<Vec<_>>()})
}

fn person(world: &World, person: &crate::sandbox::world::people::Person) -> Value {
    let igsids = world.people.scoped_ids_of(person.id);
    let igsids: serde_json::Map<String, Value> =
        igsids.into_iter().map(|(account, igsid)| (account.to_string(), igsid.to_string().into())).collect();
    json!({"id": person.id.to_string(), "username": person.username, "name": person.name,
        "follows": person.follows, "blocked": person.blocked, "igsids": igsids})
}

/// Everything, without tokens. People carry their scoped ids only while there are few.
pub(super) fn state(state: &SandboxState) -> Value {
    /// Looking up scoped ids goes through all of them for each person.
    const PEOPLE_WITH_IDS: usize = 200;
    state.peek(|world| {
        let (sent, duplicates) = world.sent.totals();
        let accounts: Vec<Value> = world
            .accounts
            .iter()
            .take(LISTING_MAX)
            .map(|account| {
                json!({"id": account.id.to_string(), "app_scoped_id": account.app_scoped.to_string(),
                "username": account.username, "name": account.name, "public": account.public,
                "messages_access": account.messages_access, "human_agent": account.human_agent,
                "restricted_until": account.restricted_until, "followers": account.followers,
                "subscribed_fields": account.subscribed, "webhooks_disabled": account.webhooks_disabled,
                "live": account.live.map(|id| id.to_string())})
            })
            .collect();
        let media: Vec<Value> = world
            .media
            .iter()
            .take(LISTING_MAX)
            .map(|media| {
                json!({"id": media.id.to_string(), "account": media.account.to_string(),
                    "media_type": media.media_type, "media_product_type": media.product_type,
                    "caption": media.caption, "comment_enabled": media.comment_enabled, "at": media.at})
            })
            .collect();
        let comments: Vec<Value> = world
            .comments
            .iter()
            .rev()
            .take(LISTING_MAX)
            .map(|comment| {
                json!({"id": comment.id.to_string(), "media": comment.media.to_string(),
                    "author": comment.author, "text": comment.text, "at": comment.at,
                    "parent": comment.parent.map(|id| id.to_string()), "hidden": comment.hidden,
                    "private_replies": comment.private_replies})
            })
            .collect();
        let people: Vec<Value> =
            world.people.iter().take(PEOPLE_WITH_IDS).map(|p| person(world, p)).collect();
        let threads: Vec<Value> = world.threads.iter().take(LISTING_MAX).map(thread).collect();
        json!({"now": world.now, "clock_offset_s": world.clock_offset.div_euclid(1_000), "app": world.app,
            "accounts": accounts, "people": people, "people_total": world.people.len(), "media": media,
            "comments": comments, "threads": threads, "tokens": world.tokens.count(),
            "sent_total": sent, "duplicates_total": duplicates, "deliveries": {"pending": world.queue.pending(),
            "held": world.queue.held(), "lost": world.queue.lost}})
    })
}

pub(super) fn calls(state: &SandboxState, query: &Query) -> Answer {
    let account = match query.get("account") {
        None => None,
        Some(text) => {
            let found = state.peek(|world| world.accounts.find(text));
            Some(found.ok_or(Refused::NotFound("account"))?)
        }
    };
    let since = query.get("since").and_then(|text| text.parse().ok()).unwrap_or(0);
    let filter = Filter { since, path: query.get("path"), account };
    Ok(state
        .with_ledger(|ledger| json!({"data": ledger.list(&filter, query.limit()), "total": ledger.total()})))
}

fn show(item: &SentItem) -> Value {
    json!({"kind": item.kind, "id": item.id, "account": item.account.to_string(),
        "person": item.person.map(|igsid| igsid.to_string()), "username": item.username,
        "text": item.text, "comment_id": item.comment_id.map(|id| id.to_string()), "at": item.at})
}

/// Whether a send is of this account and reached this person (scoped id, username or own id).
pub(super) fn concerns(world: &World, item: &SentItem, account: Option<&str>, person: Option<&str>) -> bool {
    account.is_none_or(|text| world.accounts.find(text) == Some(item.account))
        && person.is_none_or(|text| {
            let behind = item.person.and_then(|igsid| world.people.behind(igsid));
            behind.is_some_and(|(_, person)| world.people.find(text) == Some(person.id))
        })
}

pub(super) fn sent(state: &SandboxState, query: &Query) -> Answer {
    let duplicates = matches!(query.get("duplicates"), Some("1" | "true"));
    let (account, person, limit) = (query.get("account"), query.get("person"), query.limit());
    Ok(state.peek(|world| {
        let (total, duplicates_total) = world.sent.totals();
        let data: Vec<Value> = if duplicates {
            let found = world.sent.duplicates().iter();
            found
                .filter(|duplicate| concerns(world, &duplicate.second, account, person))
                .take(limit)
                .map(|duplicate| {
                    json!({"kind": duplicate.kind, "first": show(&duplicate.first), "second": show(&duplicate.second)})
                })
                .collect()
        } else {
            let found = world.sent.iter().filter(|item| concerns(world, item, account, person));
            found.take(limit).map(show).collect()
        };
        json!({"data": data, "total": total, "duplicates_total": duplicates_total})
    }))
}
