//! The stream of what happens: told as it becomes durable, told again after a break, ended with the session.

use super::world::World;
use crate::realtime::{self, Feed, Listener};
use greenroom_actors::{
    identity::{self, RowId, SecretHash, command::NewSession},
    user::{Command, plan::Plan},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// The owner with a connected account, signed in just now.
async fn signed_in() -> (World, Listener) {
    let world = World::connected().await;
    let session = NewSession {
        id: RowId::from("fresh"),
        token: SecretHash::of("fresh"),
        ip: "203.0.113.7".into(),
        user_agent: "Browser".into(),
        remember: true,
    };
    let command = identity::Command::SignIn { verified: "not-a-hash".into(), rehash: None, session };
    world.app.identities.ask("owner", command, 0).await.unwrap();
    (world, Listener { user_id: "owner".into(), session_id: "fresh".into() })
}

async fn open(world: &World, listener: &Listener, last: Option<u64>) -> (Feed, CancellationToken) {
    let stop = CancellationToken::new();
    let feed = Feed::open(Arc::clone(&world.app), listener.clone(), last, stop.clone()).await;
    (feed.unwrap(), stop)
}

/// One event.
#[derive(Debug)]
struct Event {
    id: Option<u64>,
    name: String,
    data: Value,
}

/// The next piece of a stream, moving the clock on while it is the clock that is waited for.
async fn piece(world: &World, feed: &mut Feed) -> Option<String> {
    let next = feed.next();
    futures::pin_mut!(next);
    loop {
        match tokio::time::timeout(Duration::from_millis(2), &mut next).await {
            Ok(piece) => return piece,
            Err(_) => world.clock.advance(Duration::from_millis(50)),
        }
    }
}

/// The events of the next piece that is no sign of life.
async fn events(world: &World, feed: &mut Feed) -> Vec<Event> {
    loop {
        let text = piece(world, feed).await.expect("the stream ended");
        let read = |text: &str| {
            let field = |name: &str| {
                text.lines().find_map(|line| line.strip_prefix(name).map(|value| value.trim().to_owned()))
            };
            Some(Event {
                id: field("id:").map(|id| id.parse().unwrap()),
                name: field("event:")?,
                data: serde_json::from_str(&field("data:")?).unwrap(),
            })
        };
        let read: Vec<Event> = text.split("\n\n").filter_map(read).collect();
        if !read.is_empty() {
            return read;
        }
    }
}

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

/// Ids of the topic and kind of change among events.
fn ids(events: &[Event], topic: &str, change: &str) -> Option<Value> {
    let found = events.iter().find(|event| event.name == topic && event.data["type"] == change)?;
    assert_eq!(found.data["topic"], topic);
    Some(found.data["ids"].clone())
}

#[tokio::test]
async fn what_happens_is_told_by_topic_with_growing_ids() {
    let (world, listener) = signed_in().await;
    let (mut feed, _stop) = open(&world, &listener, None).await;
    let hello = events(&world, &mut feed).await;
    assert_eq!((names(&hello), &hello[0].data), (vec!["ready"], &json!({ "channel": "user:owner" })));
    let mut last = hello[0].id.expect("what happens from here on can be asked for");
    world.says("900", "hi").await;
    world.settle().await;
    let told = events(&world, &mut feed).await;
    let contact = world.user().await.contacts.values().next().unwrap().id.as_str().to_owned();
    assert_eq!(ids(&told, "contacts", "upsert"), Some(json!([contact])), "{told:?}");
    assert!(names(&told).contains(&"billing"), "a new contact counts: {told:?}");
    let (end, before) = told.split_last().unwrap();
    assert!(before.iter().all(|event| event.id.is_none()), "{told:?}");
    assert!(end.id.unwrap() > last);
    last = end.id.unwrap();
    let set = Command::SetHrn { person: "900".into(), reason: None };
    for command in [set, Command::ClearHrn { person: "900".into() }] {
        world.tell(command).await;
        let told = events(&world, &mut feed).await;
        assert_eq!(ids(&told, "hrn", "changed"), Some(json!([contact])), "{told:?}");
        let id = told.last().unwrap().id.unwrap();
        assert!(id > last);
        last = id;
    }
    world.tell(Command::SetPlan(Plan::Pro)).await;
    assert_eq!(names(&events(&world, &mut feed).await), ["billing"], "nothing else changed");
}

#[tokio::test]
async fn what_was_missed_is_told_and_nothing_that_was_not() {
    let (world, listener) = signed_in().await;
    let (mut feed, _stop) = open(&world, &listener, None).await;
    let before = events(&world, &mut feed).await[0].id.unwrap();
    drop(feed);
    world.tell(Command::SetPlan(Plan::Pro)).await;
    let (mut feed, _stop) = open(&world, &listener, Some(before)).await;
    let told = events(&world, &mut feed).await;
    assert_eq!((names(&told), told[0].id), (vec!["ready", "billing"], None), "the id comes when all is told");
    let now = told[1].id.unwrap();
    assert!(now > before);
    let (mut feed, _stop) = open(&world, &listener, Some(now)).await;
    assert_eq!(names(&events(&world, &mut feed).await), ["ready"]);
    // Of a state that is gone: a backup was restored.
    let (mut feed, _stop) = open(&world, &listener, Some(u64::MAX)).await;
    let told = events(&world, &mut feed).await;
    assert_eq!(told.len(), 1 + realtime::Topic::ALL.len(), "everything may be different: {told:?}");
    assert_eq!(told.last().unwrap().id, Some(now), "and ids go on from what there is");
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_with_the_server() {
    let (world, listener) = signed_in().await;
    let (mut feed, stop) = open(&world, &listener, None).await;
    events(&world, &mut feed).await;
    assert_eq!(piece(&world, &mut feed).await.as_deref(), Some(":\n\n"), "a sign of life");
    stop.cancel();
    assert_eq!(piece(&world, &mut feed).await, None);
    let (mut feed, _stop) = open(&world, &listener, None).await;
    events(&world, &mut feed).await;
    world.app.identities.ask("owner", identity::Command::RevokeAllSessions, 0).await.unwrap();
    assert_eq!(piece(&world, &mut feed).await, None);
    let (mut feed, _stop) = open(&world, &listener, None).await;
    assert_eq!(piece(&world, &mut feed).await, None, "and none begins any more");
}

#[tokio::test]
async fn a_token_opens_one_stream_of_its_session_within_a_minute() {
    let world = World::signed_up().await;
    let token = async || {
        let told = world.act("realtime:getSyncSubscribeToken", json!({})).await.unwrap();
        assert_eq!((&told["channel"], &told["topics"][0]), (&json!("user:owner"), &json!("sync")));
        told["token"].as_str().unwrap().to_owned()
    };
    let first = token().await;
    let session_id = Arc::clone(&world.caller.session_id);
    let listener = Listener { user_id: "owner".into(), session_id };
    assert_eq!(realtime::take(&world.app, &first).await.unwrap(), Some(listener));
    assert_eq!(realtime::take(&world.app, &first).await.unwrap(), None, "once");
    let late = token().await;
    world.clock.advance(Duration::from_millis(60_001));
    assert_eq!(realtime::take(&world.app, &late).await.unwrap(), None);
    for wrong in ["", "x", &"a".repeat(10_000)] {
        assert_eq!(realtime::take(&world.app, wrong).await.unwrap(), None);
    }
    let signed_out = world.call_as(None, "realtime:getSyncSubscribeToken", json!({})).await;
    assert_eq!(signed_out.unwrap_err()["code"], "UNAUTHENTICATED");
}
