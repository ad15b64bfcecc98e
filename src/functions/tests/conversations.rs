//! Threads: pages of what is at hand and what is in the history.

use super::world::{ACCOUNT, World};
use greenroom_actors::{
    id::{AccountId, EventKey, Igsid, Mid},
    user::{
        Command,
        inbound::{InboundEvent, InboundItem},
    },
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const ANA: &str = "900000000000001";
const MESSAGES: usize = 65;

async fn thread() -> (World, Vec<String>) {
    let world = World::connected().await;
    let mut mids = Vec::new();
    for turn in 0..MESSAGES {
        mids.push(world.says(ANA, &format!("text {turn}")).await);
        world.clock.advance(Duration::from_secs(1));
    }
    (world, mids)
}

/// All pages of so many messages, as a client loads them.
async fn pages(world: &World, of: usize) -> Vec<Vec<Value>> {
    let snapshot = world.snapshot().await;
    let (mut cursor, mut pages) = (json!(null), Vec::new());
    loop {
        let opts = json!({ "numItems": of, "cursor": cursor });
        let args = json!({ "contactId": ANA, "paginationOpts": opts });
        let page = world.query_at(&snapshot, "contacts:getConversation", args, None).await.0.unwrap();
        pages.push(page["page"].as_array().unwrap().clone());
        if page["isDone"] == true {
            return pages;
        }
        cursor = page["continueCursor"].clone();
    }
}

fn texts(pages: &[Vec<Value>]) -> Vec<String> {
    pages.iter().flatten().map(|message| message["text"].as_str().unwrap_or("-").to_owned()).collect()
}

fn expected(without: &[usize]) -> Vec<String> {
    (0..MESSAGES).rev().filter(|turn| !without.contains(turn)).map(|turn| format!("text {turn}")).collect()
}

async fn take_back(world: &World, mid: &str) {
    let event = InboundEvent {
        key: EventKey::from(format!("{ACCOUNT}:unsend:{mid}")),
        account: AccountId::from(ACCOUNT),
        at: world.now(),
        received_at: world.now(),
        standby: false,
        unrouted: false,
        item: InboundItem::Unsend { person: Igsid::from(ANA), mid: Mid::from(mid) },
    };
    world.tell(Command::Receive(Arc::new(event))).await;
}

#[tokio::test]
async fn a_thread_is_read_back_to_its_beginning_newest_first() {
    let (world, _) = thread().await;
    for of in [1, 7, 20, 64, 65, 500] {
        let pages = pages(&world, of).await;
        assert_eq!(texts(&pages), expected(&[]), "pages of {of}");
        assert!(pages.iter().all(|page| page.len() <= of));
    }
    let newest = &pages(&world, 1).await[0][0];
    assert_eq!((&newest["author"], &newest["seen"]), (&json!("contact"), &json!(false)));
}

#[tokio::test]
async fn what_was_taken_back_is_never_shown() {
    let (world, mids) = thread().await;
    // One at hand, and one in the history whose row is replaced only when the history was asked for it.
    for turn in [60, 3] {
        take_back(&world, &mids[turn]).await;
    }
    assert_eq!(texts(&pages(&world, 10).await), expected(&[60, 3]));
}

#[tokio::test]
async fn a_deleted_contact_comes_back_without_its_old_words() {
    let (world, _) = thread().await;
    world.mutate("contacts:deleteContact", json!({ "contactId": ANA })).await.unwrap();
    let args = json!({ "contactId": ANA, "paginationOpts": { "numItems": 5, "cursor": null } });
    assert_eq!(world.query("contacts:getConversation", args).await.unwrap_err()["code"], "NOT_FOUND");
    world.says(ANA, "again").await;
    assert_eq!(texts(&pages(&world, 10).await), ["again"]);
}

#[tokio::test]
async fn a_page_stays_where_it_was_while_messages_come() {
    let (world, _) = thread().await;
    let ask =
        |cursor: Value| json!({ "contactId": ANA, "paginationOpts": { "numItems": 10, "cursor": cursor } });
    let path = "contacts:getConversation";
    let before = world.snapshot().await;
    let (first, first_journal) = world.query_at(&before, path, ask(json!(null)), None).await;
    let next = first.unwrap()["continueCursor"].clone();
    let (second, second_journal) = world.query_at(&before, path, ask(next.clone()), None).await;
    for turn in 0..30 {
        world.says(ANA, &format!("more {turn}")).await;
    }
    let after = world.snapshot().await;
    let (first, _) = world.query_at(&after, path, ask(json!(null)), first_journal.as_deref()).await;
    assert_eq!(first.unwrap()["page"].as_array().unwrap().len(), 40);
    let (again, _) = world.query_at(&after, path, ask(next), second_journal.as_deref()).await;
    assert_eq!(again.unwrap()["page"], second.unwrap()["page"]);
}
