//! A platform that delivers everything several times, late, out of order and in batches changes nothing.

use crate::world::{BAKERY, World, item};
use greenroom_actors::user::decision::{Silence, Verdict};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// What each of the people writes, and whether it deserves an answer.
const TEXTS: [(&str, bool); 5] = [
    ("what is the price", true),
    ("when are your hours", true),
    ("just saying hello", false),
    ("where is the address", true),
    ("send me the menu", true),
];
const PEOPLE: usize = 200;
/// Simulated time between two looks at the outbox; the lanes allow a few sends at once.
const STRIDE: Duration = Duration::from_secs(4);

/// What everybody got, in no order, and what was decided on each message.
#[derive(Debug, PartialEq)]
struct Outcome {
    answers: BTreeMap<String, Vec<String>>,
    verdicts: BTreeMap<(u64, usize), &'static str>,
}

async fn play(delivery: Value) -> Outcome {
    let world = World::bakery().await;
    for (word, answer) in
        [("price", "49"), ("hours", "9 to 5"), ("address", "Main Street 1"), ("menu", "Bread")]
    {
        world.rule(BAKERY, word, answer).await;
    }
    world.put("delivery", delivery).await;
    let people = world.people(PEOPLE).await;
    let mut keys = BTreeMap::new();
    for (turn, (text, _)) in TEXTS.iter().enumerate() {
        for person in &people {
            keys.insert((*person, turn), world.dm_key(BAKERY, *person, text).await);
        }
    }
    world.settle().await;
    // An update held back waits half a second of real time, and the answers' echoes come a few at a time.
    world.put("delivery", json!({"reorder": 0.0})).await;
    world.drain_in_strides(STRIDE, Duration::from_secs(3 * 3_600)).await;
    world.assert_nothing_twice().await;
    let mut answers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for sent in world.sent(BAKERY).await {
        let texts = answers.entry(sent["person"].as_str().unwrap().to_owned()).or_default();
        texts.push(sent["text"].as_str().unwrap().to_owned());
    }
    answers.values_mut().for_each(|texts| texts.sort());
    let mut verdicts = BTreeMap::new();
    for ((person, turn), key) in keys {
        let verdict = match world.decision(BAKERY, &key).await.verdict {
            Verdict::Replied { .. } => "replied",
            Verdict::NoReply(Silence::NoMatch) => "no match",
            other => panic!("person {person}, text {turn}: {other:?}"),
        };
        verdicts.insert((person, turn), verdict);
    }
    world.close().await;
    Outcome { answers, verdicts }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_duplicated_reordered_and_batched_deliveries_give_exactly_the_replies_of_the_clean_run() {
    let clean = play(json!({"concurrency": 1})).await;
    assert_eq!(clean.answers.len(), PEOPLE);
    assert!(clean.answers.values().all(|texts| texts[..] == ["49", "9 to 5", "Bread", "Main Street 1"]));
    for (key, verdict) in &clean.verdicts {
        assert_eq!(*verdict == "replied", TEXTS[key.1].1, "{key:?}");
    }
    let chaotic =
        play(json!({"duplicates": 2, "reorder": 0.5, "batch_max": 100, "batch_ms": 5, "concurrency": 8}))
            .await;
    assert_eq!(clean, chaotic);
}

#[tokio::test]
async fn the_messages_of_a_batch_are_taken_in_the_order_in_which_they_were_written() {
    let world = World::bakery().await;
    let at = world.now();
    let (person, second) = ("900000000000001", at + Duration::from_secs(1));
    let items = [
        item(BAKERY.account, person, "m_second", "and hello again", second),
        item(BAKERY.account, person, "m_first", "hello", at),
        item(BAKERY.account, person, "m_third", "of the same second", second),
    ];
    let body = json!({"object": "instagram",
        "entry": [{"id": BAKERY.account, "time": second.as_millis(), "messaging": items}]});
    assert_eq!(world.deliver(body.to_string()).await, 200);
    world.settle().await;
    let mut order = Vec::new();
    for mid in ["m_first", "m_second", "m_third"] {
        order.push(world.decision(BAKERY, mid).await.no);
    }
    assert!(order.is_sorted(), "{order:?}");
    world.close().await;
}
