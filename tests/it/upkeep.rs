//! A connection lives for years: tokens are refreshed, the subscription to webhooks is made, watched and made again.

use crate::world::{BAKERY, World};
use greenroom_actors::user::{integration::Status, notification::NotificationKind};
use greenroom_instagram::ids;
use secrecy::SecretString;
use serde_json::json;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

async fn refreshes(world: &World) -> usize {
    world.calls("refresh_access_token").await.len()
}

#[tokio::test]
async fn a_connection_works_long_after_its_first_token_ended() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    // Also where the platform ends the old token at once.
    world.control("PATCH", "app", json!({"refresh_ends_old_token": true})).await;
    let first = world.state(BAKERY).await.integration.clone().unwrap();
    world.pass(150 * DAY).await;
    let known = world.state(BAKERY).await.integration.clone().unwrap();
    assert_eq!(known.status, Status::Active);
    assert_ne!(known.token, first.token);
    assert!(known.upkeep.former.is_none() && known.expires_at > world.now() + 19 * DAY);
    assert!((3..=6).contains(&refreshes(&world).await), "{}", refreshes(&world).await);
    let mid = world.dm(BAKERY, 1, "price").await;
    world.drain(DAY).await;
    assert!(world.was_answered(BAKERY, &mid).await);
    world.close().await;
}

#[tokio::test]
async fn a_refresh_that_fails_for_days_is_made_up_for_and_a_crash_asks_again() {
    let mut world = World::bakery().await;
    let rule = json!({"name": "no refresh", "times": -1, "match": {"path": "refresh_access_token"},
        "effect": {"kind": "graph_error", "status": 500, "code": 2, "subcode": 0}});
    world.post("faults", rule).await;
    // Connected eight days ago.
    world.pass(48 * DAY).await;
    let tried = refreshes(&world).await;
    assert!(tried >= 20, "{tried}");
    let notifications = |state: &greenroom_actors::user::User| {
        let ending = |kind: &NotificationKind| matches!(kind, NotificationKind::ConnectionEnding { .. });
        state.notifications.iter().filter(|told| ending(&told.kind)).count()
    };
    assert_eq!(notifications(&*world.state(BAKERY).await), 1, "seven days before the end");
    world.control("DELETE", "faults", json!({})).await;
    world.crash(|_| {}).await;
    world.pass(DAY).await;
    let known = world.state(BAKERY).await.integration.clone().unwrap();
    assert!(known.status == Status::Active && known.expires_at > world.now() + 55 * DAY);
    assert_eq!(known.upkeep.warned_days, None);
    world.close().await;
}

#[tokio::test]
async fn a_token_that_died_is_found_out_and_told() {
    let world = World::bakery().await;
    world.post(&format!("tokens/{}", BAKERY.account), json!({"op": "revoke"})).await;
    world.pass(50 * DAY).await;
    let state = world.state(BAKERY).await;
    assert_eq!(state.integration.as_ref().unwrap().status, Status::Expired);
    let told = state.notifications.iter().next().unwrap();
    assert!(matches!(told.kind, NotificationKind::ReconnectNeeded { .. }), "{told:?}");
    world.close().await;
}

/// Calls that subscribed the account.
async fn subscriptions(world: &World) -> usize {
    let calls = world.calls("subscribed_apps").await;
    calls.iter().filter(|call| call["method"] == "POST").count()
}

#[tokio::test]
async fn a_subscription_that_was_lost_is_made_again() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    let issued = world.post(&format!("tokens/{}", BAKERY.account), json!({"op": "issue"})).await;
    let token = SecretString::from(issued["access_token"].as_str().unwrap());
    let account = ids::AccountId::parse(BAKERY.account).unwrap();
    world.app.client.unsubscribe(&token, &account).await.value.unwrap();
    let before = subscriptions(&world).await;
    let lost = world.dm(BAKERY, 1, "price").await;
    world.pass(DAY).await;
    assert_eq!(world.decision_if_any(BAKERY, &lost).await, None);
    assert_eq!(subscriptions(&world).await, before + 1);
    let state = world.state(BAKERY).await;
    let told = state.notifications.iter().next().unwrap();
    assert!(matches!(told.kind, NotificationKind::WebhooksInterrupted { .. }), "{told:?}");
    let mid = world.dm(BAKERY, 1, "price").await;
    world.drain(DAY).await;
    assert!(world.was_answered(BAKERY, &mid).await);
    world.close().await;
}
