//! What the product does with what people write: once each, never in a loop, and never for the wrong tenant.

use crate::world::{BAKERY, GYM, POST, World, message};
use greenroom_actors::{
    id::Igsid,
    user::{
        contact::Contact,
        decision::{Silence, Skip, Verdict},
        settings::SettingsPatch,
    },
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);

fn igsid_of(sent: &Value) -> &str {
    sent["person"].as_str().unwrap()
}

async fn contact(world: &World, person: &str) -> Arc<Contact> {
    Arc::clone(&world.state(BAKERY).await.contacts[&Igsid::from(person)])
}

/// The id of a person as the bakery sees it.
async fn igsid(world: &World, person: u64) -> String {
    let state = world.get("state").await;
    let people = state["people"].as_array().unwrap();
    let found = people.iter().find(|one| one["id"].as_str() == Some(&*person.to_string())).unwrap();
    found["igsids"][BAKERY.account].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_keyword_is_answered_once_and_the_record_says_why() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    let mid = world.dm(BAKERY, 1, "what is the PRICE?").await;
    world.settle().await;
    assert_eq!(world.sent_texts(BAKERY).await, ["It is 49."]);
    let decision = world.decision(BAKERY, &mid).await;
    assert!(matches!(decision.verdict, Verdict::Replied { .. }), "{:?}", decision.verdict);
    let rule = decision.automation.unwrap();
    assert_eq!((&*rule.title, &*rule.trigger), ("rule price", "price"));
    assert!(decision.delivery.unwrap().mid.is_some());
    world.close().await;
}

#[tokio::test]
async fn the_same_message_five_times_at_once_is_one_row_one_run_one_send() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    let mid = world.dm(BAKERY, 1, "hello there").await;
    world.settle().await;
    let person = igsid(&world, 1).await;
    let body = message(BAKERY.account, &person, "m_five", "price", world.now()).to_string();
    let statuses = futures::future::join_all((0..5).map(|_| world.deliver(body.clone()))).await;
    assert_eq!(statuses, [200; 5]);
    world.drain(MINUTE).await;
    assert_eq!(world.sent_texts(BAKERY).await, ["It is 49."]);
    let contact = contact(&world, &person).await;
    let rows = contact
        .thread
        .messages
        .iter()
        .filter(|row| row.mid.as_ref().is_some_and(|mid| mid.as_str() == "m_five"));
    assert_eq!(rows.count(), 1);
    let runs = world.state(BAKERY).await.list_logs(true, 100).len();
    assert_eq!(runs, 1);
    // The platform's own redelivery of the first one changes nothing either.
    let id = world.get("deliveries?limit=1000").await["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["updates"].to_string().contains(&mid))
        .unwrap()["id"]
        .clone();
    let again =
        world.post(&format!("deliveries/{id}/redeliver"), json!({"times": 3, "concurrent": true})).await;
    assert_eq!(again["statuses"], json!([200, 200, 200]));
    world.drain(MINUTE).await;
    assert_eq!(world.sent(BAKERY).await.len(), 1);
    world.close().await;
}

#[tokio::test]
async fn a_message_taken_back_before_it_arrives_is_not_answered() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world.post("deliveries/hold", json!({})).await;
    let mid = world.dm(BAKERY, 1, "price").await;
    world.post("actions/unsend", json!({"mid": mid})).await;
    world.post("deliveries/release", json!({"order": "lifo", "batch": 1})).await;
    world.pass(MINUTE).await;
    assert!(world.sent(BAKERY).await.is_empty());
    assert_eq!(world.decision(BAKERY, &mid).await.verdict, Verdict::NoReply(Silence::Unsent));
    world.close().await;
}

#[tokio::test]
async fn a_message_taken_back_while_its_answer_waits_is_not_answered_and_its_text_is_gone() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world
        .set(BAKERY, SettingsPatch { reply_delay: Some(Duration::from_secs(10)), ..SettingsPatch::default() })
        .await;
    let mid = world.dm(BAKERY, 1, "price of the secret cake").await;
    world.settle().await;
    assert!(matches!(world.decision(BAKERY, &mid).await.verdict, Verdict::Collecting { .. }));
    world.post("actions/unsend", json!({"mid": mid})).await;
    world.pass(MINUTE).await;
    assert!(world.sent(BAKERY).await.is_empty());
    let person = igsid(&world, 1).await;
    let contact = contact(&world, &person).await;
    assert!(contact.thread.messages.iter().all(|row| row.text.is_none()));
    world.close().await;
}

#[tokio::test]
async fn the_companion_edit_in_its_four_variants_never_answers_twice() {
    for variant in ["before", "after", "bare", "instead"] {
        let world = World::bakery().await;
        world.rule(BAKERY, "price", "It is 49.").await;
        world.put("delivery", json!({"companion_edit": variant})).await;
        let mid = world.dm(BAKERY, 1, "price").await;
        world.pass(2 * MINUTE).await;
        assert_eq!(world.sent_texts(BAKERY).await, ["It is 49."], "{variant}");
        assert!(world.was_answered(BAKERY, &mid).await, "{variant}");
        if variant == "instead" {
            // The real event comes after all.
            let sent = world.sent(BAKERY).await;
            let late = message(BAKERY.account, igsid_of(&sent[0]), &mid, "price", world.now());
            assert_eq!(world.deliver(late.to_string()).await, 200);
            world.pass(MINUTE).await;
            assert_eq!(world.sent(BAKERY).await.len(), 1, "answered twice");
        }
        world.close().await;
    }
}

#[tokio::test]
async fn an_edit_changes_the_stored_text_and_fires_nothing() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    let mid = world.dm(BAKERY, 1, "hello").await;
    world.settle().await;
    world.post("actions/edit", json!({"mid": mid, "text": "what is the price"})).await;
    world.pass(MINUTE).await;
    assert!(world.sent(BAKERY).await.is_empty());
    let person = igsid(&world, 1).await;
    let contact = contact(&world, &person).await;
    assert_eq!(contact.thread.messages.iter().last().unwrap().text.as_deref(), Some("what is the price"));
    world.close().await;
}

#[tokio::test]
async fn a_reaction_and_a_read_with_the_mid_of_a_message_do_not_hide_it() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world.post("deliveries/hold", json!({})).await;
    let mid = world.dm(BAKERY, 1, "price").await;
    let pair = json!({"account": BAKERY.account, "person": "1", "mid": mid});
    world.post("actions/reaction", pair.clone()).await;
    world.post("actions/seen", pair).await;
    world.post("deliveries/release", json!({"order": "lifo", "batch": 1})).await;
    world.pass(MINUTE).await;
    assert_eq!(world.sent_texts(BAKERY).await, ["It is 49."]);
    world.close().await;
}

#[tokio::test]
async fn an_echo_that_overtakes_the_answer_is_our_own_and_pauses_nobody() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world.rule(BAKERY, "hours", "9 to 5.").await;
    world.put("delivery", json!({"echo_before_answer": true})).await;
    let first = world.dm(BAKERY, 1, "price").await;
    world.drain(MINUTE).await;
    let second = world.dm(BAKERY, 1, "hours").await;
    world.drain(MINUTE).await;
    assert_eq!(world.sent_texts(BAKERY).await, ["It is 49.", "9 to 5."]);
    assert!(world.was_answered(BAKERY, &first).await && world.was_answered(BAKERY, &second).await);
    world.close().await;
}

#[tokio::test]
async fn an_answer_by_hand_pauses_automation_for_this_person_and_for_an_hour() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world.dm(BAKERY, 1, "price").await;
    world.settle().await;
    world
        .post(
            "actions/owner-message",
            json!({"account": BAKERY.account, "person": "1", "text": "Hi, it is me"}),
        )
        .await;
    world.settle().await;
    let paused = world.dm(BAKERY, 1, "price again").await;
    let other = world.dm(BAKERY, 2, "price").await;
    world.drain(MINUTE).await;
    assert_eq!(world.decision(BAKERY, &paused).await.verdict, Verdict::Skipped(Skip::Paused));
    assert!(world.was_answered(BAKERY, &other).await);
    world.pass(61 * MINUTE).await;
    let later = world.dm(BAKERY, 1, "price?").await;
    world.drain(MINUTE).await;
    assert!(world.was_answered(BAKERY, &later).await);
    world.close().await;
}

#[tokio::test]
async fn own_comments_and_own_public_replies_start_nothing_in_either_form() {
    for form in ["changes", "entry"] {
        let world = World::bakery().await;
        world.comment_rule(BAKERY, "link", "Here is the LINK", Some("Sent you the link!")).await;
        world.put("delivery", json!({"form": {"comments": form}, "duplicates": 1})).await;
        world.post("actions/owner-comment", json!({"media": POST, "text": "comment LINK below"})).await;
        let comment = world.comment(BAKERY, 1, "link please").await;
        world.pass(10 * MINUTE).await;
        let sent = world.sent(BAKERY).await;
        let kinds: Vec<_> = sent.iter().map(|one| one["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["private_reply", "public_reply"], "{form}: {sent:#?}");
        assert!(sent.iter().all(|one| one["comment_id"] == *comment), "{form}");
        world.assert_nothing_twice().await;
        world.close().await;
    }
}

#[tokio::test]
async fn a_refused_private_reply_is_followed_by_no_public_one() {
    let world = World::bakery().await;
    world.comment_rule(BAKERY, "link", "Here it is", Some("Sent you a message!")).await;
    world
        .post(
            "faults",
            json!({"match": {"method": "POST", "path": "^/[^/]+/messages$"}, "times": 1,
        "effect": {"kind": "graph_error", "status": 400, "code": 551, "subcode": 1545041}}),
        )
        .await;
    let refused = world.comment(BAKERY, 1, "link").await;
    world.pass(10 * MINUTE).await;
    let answered = world.comment(BAKERY, 2, "link").await;
    world.pass(10 * MINUTE).await;
    let sent = world.sent(BAKERY).await;
    let about = |id: &str| sent.iter().filter(|one| one["comment_id"] == *id).count();
    assert_eq!((about(&refused), about(&answered)), (0, 2), "{sent:#?}");
    assert!(matches!(world.decision(BAKERY, &refused).await.verdict, Verdict::NotDelivered { .. }));
    world.close().await;
}

#[tokio::test]
async fn a_text_of_1000_bytes_is_one_message_and_of_1001_two_cut_between_characters() {
    let world = World::bakery().await;
    // The rule itself is 1000 bytes long; the name in its place decides whether the message is one byte more.
    let rest = "é".repeat(493);
    world.rule(BAKERY, "price", &format!("{{{{first_name}}}}{rest}")).await;
    for (person, name, parts) in [(1, "äöüäöüä", 1), (2, "aäöüäöüä", 2), (3, "👩‍👩‍👧‍👦", 2)]
    {
        world.control("PATCH", &format!("people/{person}"), json!({"name": name})).await;
        world.dm(BAKERY, person, "hello").await;
        world.settle().await;
        let mid = world.dm(BAKERY, person, "price").await;
        world.drain(10 * MINUTE).await;
        let person = igsid(&world, person).await;
        let sent: Vec<String> = world
            .sent(BAKERY)
            .await
            .iter()
            .filter(|one| igsid_of(one) == person)
            .map(|one| one["text"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(sent.concat(), format!("{name}{rest}"), "{name}");
        assert_eq!(sent.len(), parts, "{name}: {:?}", sent.iter().map(String::len).collect::<Vec<_>>());
        assert!(sent.iter().all(|part| part.len() <= 1_000), "{name}");
        assert!(world.was_answered(BAKERY, &mid).await, "{name}");
    }
    let refused = world.calls("messages").await.iter().filter(|call| call["status"] != 200).count();
    assert_eq!(refused, 0, "the platform refused a part");
    world.close().await;
}

#[tokio::test]
async fn what_is_never_answered_makes_no_contact_and_no_send() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    let pair = |extra: Value| {
        let mut body = json!({"account": BAKERY.account, "person": "1"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    world.post("actions/seen", pair(json!({"mid": "m_unknown"}))).await;
    world.post("actions/reaction", pair(json!({"mid": "m_unknown"}))).await;
    world.post("actions/referral", pair(json!({"ref": "price"}))).await;
    world.post("actions/optin", pair(json!({"title": "price", "payload": "price"}))).await;
    world.post("actions/handover", pair(json!({"to": "us"}))).await;
    world.post("actions/mention", json!({"account": BAKERY.account, "media": POST})).await;
    world.post("actions/story-insights", json!({"account": BAKERY.account, "media": POST})).await;
    let unknown = json!({"object": "instagram", "entry": [{"id": BAKERY.account, "time": 1, "changes":
        [{"field": "novelty", "value": {"text": "price"}}], "messaging": [{"sender": {"id": "900000000000001"},
        "recipient": {"id": BAKERY.account}, "timestamp": 1, "novelty": {"text": "price"}}]}]});
    assert_eq!(world.deliver(unknown.to_string()).await, 200);
    world.pass(10 * MINUTE).await;
    assert!(world.state(BAKERY).await.contacts.is_empty());
    assert!(world.sent(BAKERY).await.is_empty());
    world.close().await;
}

#[tokio::test]
async fn the_same_person_at_two_accounts_is_two_contacts_and_nothing_mixes() {
    let world = World::both().await;
    world.rule(BAKERY, "price", "49 at the bakery").await;
    world.rule(GYM, "price", "99 at the gym").await;
    world.dm(BAKERY, 1, "price").await;
    world.dm(GYM, 1, "price").await;
    world.drain(MINUTE).await;
    assert_eq!(world.sent_texts(BAKERY).await, ["49 at the bakery"]);
    assert_eq!(world.sent_texts(GYM).await, ["99 at the gym"]);
    let (bakery, gym) = (world.state(BAKERY).await, world.state(GYM).await);
    let ids = |state: &greenroom_actors::user::User| state.contacts.keys().cloned().collect::<Vec<_>>();
    assert_eq!((bakery.contacts.len(), gym.contacts.len()), (1, 1));
    assert_ne!(ids(&bakery), ids(&gym), "the same person has another id for each account");
    world
        .post("actions/owner-message", json!({"account": GYM.account, "person": "1", "text": "by hand"}))
        .await;
    world.settle().await;
    let still = world.dm(BAKERY, 1, "price").await;
    world.drain(MINUTE).await;
    assert!(world.was_answered(BAKERY, &still).await, "the gym's pause is the gym's");
    world.close().await;
}
