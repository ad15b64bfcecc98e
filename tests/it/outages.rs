//! The platform misbehaves, refuses, or goes away: nothing is sent twice, nothing vanishes, and nobody else suffers.

use crate::world::{BAKERY, GYM, World, message};
use greenroom_actors::{
    outbox::{Lane, State},
    user::{
        decision::{DeliveryState, Silence, Verdict},
        integration::Status,
        notification::NotificationKind,
        settings::SettingsPatch,
    },
};
use serde_json::{Value, json};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

fn rate_refusal(regain_minutes: u32) -> Value {
    json!({"kind": "graph_error", "status": 400, "code": 613, "subcode": 2_534_040, "regain_minutes": regain_minutes})
}

/// Messages of forty people under a fault that hits a part of the sends; every one ends up known or shown.
async fn doubtful_sends(effect: Value) {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world.fail_sends(-1, 0.2, effect).await;
    let mut mids = Vec::new();
    for person in world.people(40).await {
        mids.push(world.dm(BAKERY, person, "price").await);
    }
    world.drain(2 * HOUR).await;
    world.assert_nothing_twice().await;
    let faults = world.get("faults").await;
    assert!(faults["data"][0]["applied"].as_i64().unwrap() > 0, "the fault never hit: {faults}");
    let state = world.state(BAKERY).await;
    let mut answered = 0;
    for mid in &mids {
        let decision = world.decision(BAKERY, mid).await;
        match decision.verdict {
            Verdict::Replied { .. } => answered += 1,
            Verdict::NotDelivered { outbound } => {
                let shown = state.dead_letters().any(|item| item.id == outbound);
                assert!(shown, "{mid} is neither resolved nor shown");
            }
            other => panic!("{mid}: {other:?}"),
        }
    }
    // Each of these was applied, and the platform says so when it is asked.
    assert_eq!(answered, mids.len());
    assert_eq!(world.sent(BAKERY).await.len(), mids.len());
    world.close().await;
}

#[tokio::test]
async fn sends_that_arrive_and_answer_with_an_error_are_never_repeated() {
    doubtful_sends(json!({"kind": "apply_then_error"})).await;
}

#[tokio::test]
async fn sends_that_arrive_and_cut_the_connection_are_never_repeated() {
    doubtful_sends(json!({"kind": "apply_then_drop"})).await;
}

#[tokio::test]
async fn a_send_of_which_no_trace_is_found_is_shown_and_not_repeated() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world.fail_sends(1, 1.0, json!({"kind": "drop_before"})).await;
    let mid = world.dm(BAKERY, 1, "price").await;
    world.drain(HOUR).await;
    assert!(world.sent(BAKERY).await.is_empty());
    let decision = world.decision(BAKERY, &mid).await;
    let Verdict::NotDelivered { outbound } = decision.verdict else { panic!("{:?}", decision.verdict) };
    assert_eq!(decision.delivery.unwrap().state, DeliveryState::Unknown);
    let state = world.state(BAKERY).await;
    assert!(matches!(state.outbox.get(outbound).unwrap().state, State::Unknown { .. }));
    assert!(
        state.notifications.iter().any(|told| told.kind == NotificationKind::DeliveryUnknown { outbound })
    );
    world.close().await;
}

#[tokio::test]
async fn a_doubtful_send_is_found_by_reading_when_its_echo_never_comes() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world.put("delivery", json!({"echo_delay_ms": 3_600_000})).await;
    world.fail_sends(1, 1.0, json!({"kind": "apply_then_drop"})).await;
    let mid = world.dm(BAKERY, 1, "price").await;
    assert_eq!(world.post("wait", json!({"sent_at_least": 1})).await["reached"], true);
    // The echo stays pending on the platform's side, so that the usual wait for it would never end.
    let end = world.now() + 10 * MINUTE;
    while !world.answered_by_now(BAKERY, &mid).await {
        assert!(world.now() < end, "the conversation was not read");
        world.rest_of_product().await;
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(world.sent_texts(BAKERY).await, ["It is 49."]);
    assert!(!world.calls("conversations").await.is_empty());
    world.close().await;
}

#[tokio::test]
async fn doubtful_sends_that_began_within_a_second_are_found_by_reading() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world.comment_rule(BAKERY, "link", "Here it is", Some("It is in your inbox")).await;
    world.put("delivery", json!({"echo_delay_ms": 3_600_000})).await;
    world.clock.advance(Duration::from_millis(400));
    world.fail_sends(1, 1.0, json!({"kind": "apply_then_drop"})).await;
    let mid = world.dm(BAKERY, 1, "price").await;
    assert_eq!(world.post("wait", json!({"sent_at_least": 1})).await["reached"], true);
    let fault = json!({"times": 1, "match": {"method": "POST", "path": "^/[^/]+/replies$"},
        "effect": {"kind": "apply_then_drop"}});
    world.post("faults", fault).await;
    world.comment(BAKERY, 2, "link").await;
    let end = world.now() + 10 * MINUTE;
    let is_open = async || world.state(BAKERY).await.outbox.open() > 0;
    while !world.answered_by_now(BAKERY, &mid).await || is_open().await {
        assert!(world.now() < end, "it was read, and not found");
        world.rest_of_product().await;
        world.clock.advance(Duration::from_secs(1));
    }
    let state = world.state(BAKERY).await;
    assert_eq!(state.dead_letters().count(), 0, "shown as unknown although it is there");
    assert_eq!(world.sent_texts(BAKERY).await.iter().filter(|text| *text == "It is 49.").count(), 1);
    world.close().await;
}

#[tokio::test]
async fn a_rate_refusal_closes_the_lane_for_the_announced_time_and_only_there() {
    let world = World::both().await;
    for tenant in [BAKERY, GYM] {
        world.rule(tenant, "price", "It is 49.").await;
    }
    let fault = json!({"times": 1, "match": {"method": "POST", "path": "^/[^/]+/messages$", "account": BAKERY.account},
        "effect": rate_refusal(3)});
    world.post("faults", fault).await;
    let mut mids = Vec::new();
    for person in 1..=3 {
        mids.push(world.dm(BAKERY, person, "price").await);
        world.settle().await;
    }
    let refused_at = world.now();
    let queue = world.state(BAKERY).await.outbox.queue_stats(Lane::Send, refused_at);
    assert_eq!(queue.waiting, 3);
    let closed_for = queue.closed_until.unwrap().since(refused_at);
    assert!(closed_for >= 2 * MINUTE && closed_for <= 3 * MINUTE + Duration::from_secs(1), "{closed_for:?}");
    let elsewhere = world.dm(GYM, 1, "price").await;
    world.settle().await;
    assert!(world.was_answered(GYM, &elsewhere).await, "the other account waits too");
    world.pass(2 * MINUTE).await;
    assert_eq!(
        world.calls("messages").await.iter().filter(|call| call["account"] == BAKERY.account).count(),
        1
    );
    world.drain(10 * MINUTE).await;
    for mid in mids {
        assert!(world.was_answered(BAKERY, &mid).await);
    }
    world.assert_nothing_twice().await;
    world.close().await;
}

#[tokio::test]
async fn a_window_that_closes_while_the_answer_waits_ends_it_without_a_call() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world.fail_sends(1, 1.0, rate_refusal(30)).await;
    let first = world.dm(BAKERY, 2, "price").await;
    world.settle().await;
    let person = "900000000000777";
    let written = world.now() - (24 * HOUR - 10 * MINUTE);
    let late = message(BAKERY.account, person, "m_late", "price", written);
    assert_eq!(world.deliver(late.to_string()).await, 200);
    world.settle().await;
    assert!(matches!(world.decision(BAKERY, "m_late").await.verdict, Verdict::Queued { .. }));
    world.drain(2 * HOUR).await;
    let decision = world.decision(BAKERY, "m_late").await;
    assert_eq!(decision.verdict, Verdict::NoReply(Silence::WindowClosed));
    assert_eq!(decision.delivery.unwrap().state, DeliveryState::Expired);
    let calls = world.calls("messages").await;
    assert!(calls.iter().all(|call| !call.to_string().contains(person)), "a call was made for it");
    assert!(world.was_answered(BAKERY, &first).await);
    world.close().await;
}

#[tokio::test]
async fn a_message_that_arrives_after_its_window_is_shown_and_not_answered() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    let late = message(BAKERY.account, "900000000000777", "m_late", "price", world.now() - 30 * HOUR);
    assert_eq!(world.deliver(late.to_string()).await, 200);
    world.pass(MINUTE).await;
    assert_eq!(world.decision(BAKERY, "m_late").await.verdict, Verdict::NoReply(Silence::WindowClosed));
    assert!(world.calls("messages").await.is_empty());
    assert_eq!(world.state(BAKERY).await.contacts.len(), 1);
    world.close().await;
}

#[tokio::test]
async fn a_product_slower_than_the_platform_waits_gets_duplicates_and_answers_once() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world.put("delivery", json!({"timeout_ms": 60})).await;
    world.memory.pause_appends();
    let mid = world.dm(BAKERY, 1, "price").await;
    let waited = world.sandbox_attempts(&mid, 3).await;
    assert!(waited, "the platform did not deliver again");
    world.put("delivery", json!({"timeout_ms": 60_000})).await;
    world.memory.resume_appends();
    world.drain(HOUR).await;
    assert_eq!(world.sent_texts(BAKERY).await, ["It is 49."]);
    world.close().await;
}

#[tokio::test]
async fn a_safety_refusal_stops_the_account_tells_the_owner_and_leaves_others_alone() {
    let world = World::both().await;
    for tenant in [BAKERY, GYM] {
        world.rule(tenant, "price", "It is 49.").await;
    }
    let fault = json!({"times": 1, "match": {"method": "POST", "path": "^/[^/]+/messages$", "account": BAKERY.account},
        "effect": {"kind": "graph_error", "status": 400, "code": 368, "user_msg": "We limit how often you can do that."}});
    world.post("faults", fault).await;
    world.dm(BAKERY, 1, "price").await;
    world.settle().await;
    let stopped = world.state(BAKERY).await;
    let until = stopped.outbox.safety_stop(world.now()).expect("no safety stop");
    assert!(until.since(world.now()) >= 23 * HOUR);
    assert!(
        stopped.notifications.iter().any(|told| matches!(told.kind, NotificationKind::SafetyStop { .. }))
    );
    world.dm(BAKERY, 2, "price").await;
    let elsewhere = world.dm(GYM, 1, "price").await;
    world.pass(HOUR).await;
    assert!(world.was_answered(GYM, &elsewhere).await);
    let calls = world.calls("messages").await;
    assert_eq!(
        calls.iter().filter(|call| call["account"] == BAKERY.account).count(),
        1,
        "the account went on"
    );
    world.close().await;
}

#[tokio::test]
async fn a_dead_token_parks_the_account_and_reconnecting_resumes_what_is_in_its_window() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world.post(&format!("tokens/{}", BAKERY.account), json!({"op": "revoke"})).await;
    let queued = world.dm(BAKERY, 1, "price").await;
    world.pass(5 * MINUTE).await;
    let state = world.state(BAKERY).await;
    assert_eq!(state.integration.as_ref().unwrap().status, Status::Expired);
    assert!(state.outbox.parked().is_some());
    let told = state
        .notifications
        .iter()
        .filter(|told| matches!(told.kind, NotificationKind::ReconnectNeeded { .. }));
    assert_eq!(told.count(), 1, "the owner is told once");
    let parked = world.dm(BAKERY, 2, "price").await;
    world.pass(HOUR).await;
    assert_eq!(world.decision(BAKERY, &parked).await.verdict, Verdict::Parked);
    assert!(world.sent(BAKERY).await.is_empty());
    let calls_while_parked = world.calls("messages").await.len();
    assert_eq!(calls_while_parked, 1, "a dead token is not tried again and again");
    world.connect(BAKERY).await;
    world.drain(10 * MINUTE).await;
    for mid in [queued, parked] {
        assert!(world.was_answered(BAKERY, &mid).await, "{mid}");
    }
    world.assert_nothing_twice().await;
    world.close().await;
}

#[tokio::test]
async fn reconnecting_too_late_answers_nobody_whose_window_is_over() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world.post(&format!("tokens/{}", BAKERY.account), json!({"op": "revoke"})).await;
    let queued = world.dm(BAKERY, 1, "price").await;
    world.pass(5 * MINUTE).await;
    let parked = world.dm(BAKERY, 2, "price").await;
    world.pass(25 * HOUR).await;
    let fresh = world.dm(BAKERY, 3, "price").await;
    world.settle().await;
    world.connect(BAKERY).await;
    world.drain(10 * MINUTE).await;
    assert!(world.was_answered(BAKERY, &fresh).await);
    assert!(!world.was_answered(BAKERY, &queued).await && !world.was_answered(BAKERY, &parked).await);
    assert_eq!(world.sent(BAKERY).await.len(), 1);
    world.close().await;
}

#[tokio::test]
async fn without_a_model_what_matches_nothing_waits_for_a_person_and_says_so() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world.set(BAKERY, SettingsPatch { sidekick: Some(true), ..SettingsPatch::default() }).await;
    let mid = world.dm(BAKERY, 1, "do you bake for weddings?").await;
    world.pass(HOUR).await;
    assert!(matches!(world.decision(BAKERY, &mid).await.verdict, Verdict::Hrn { .. }));
    assert_eq!(world.state(BAKERY).await.hrn_queue().count(), 1);
    assert!(world.sent(BAKERY).await.is_empty());
    world.close().await;
}
