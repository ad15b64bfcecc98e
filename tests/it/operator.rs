//! The operator's routes: why was it (not) answered, and what is on its way out.

use crate::world::{BAKERY, World};
use greenroom_actors::user::decision::{CancelReason, Verdict};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn only(view: &Value, list: &str) -> Value {
    let items = view[list].as_array().unwrap();
    assert_eq!(items.len(), 1, "{list}: {view:#}");
    items[0].clone()
}

async fn outbox(world: &World) -> Value {
    let (status, view) = world.operator(Method::GET, "bakery/outbox").await;
    assert_eq!(status, 200);
    view
}

async fn operate(world: &World, message: &Value, operation: &str) -> (u16, Value) {
    let id = message["id"].as_str().unwrap();
    world.operator(Method::POST, &format!("bakery/outbox/{id}/{operation}")).await
}

#[tokio::test]
async fn a_decision_is_explained_by_message_comment_and_key() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world.comment_rule(BAKERY, "link", "Here it is", None).await;
    let mid = world.dm(BAKERY, 1, "price").await;
    let comment = world.comment(BAKERY, 2, "link").await;
    world.drain(HOUR).await;
    let key = world.decision(BAKERY, &mid).await.key.to_string();
    for id in [mid.as_str(), comment.as_str(), key.as_str()] {
        let (status, view) = world.operator(Method::GET, &format!("bakery/explain/{id}")).await;
        assert_eq!(status, 200, "{id}: {view}");
        assert!(view["record"]["verdict"]["Replied"].is_object(), "{id}: {view}");
        assert!(!view["lines"].as_array().unwrap().is_empty());
    }
    let text = world.operator(Method::GET, &format!("bakery/explain/{mid}")).await.1.to_string();
    assert!(!text.contains("It is 49."), "a record holds no text of messages");
    world.close().await;
}

#[tokio::test]
async fn a_decision_that_left_the_recent_window_is_still_explained() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    let mid = world.dm(BAKERY, 1, "price").await;
    let comment = world.comment(BAKERY, 1, "nothing to see").await;
    world.drain(HOUR).await;
    for number in 0..300 {
        world.comment(BAKERY, 2, &format!("chatter {number}")).await;
    }
    world.settle().await;
    for id in [&mid, &comment] {
        let (status, view) = world.operator(Method::GET, &format!("bakery/explain/{id}")).await;
        assert_eq!(status, 200, "{id}: {view}");
    }
    world.close().await;
}

#[tokio::test]
async fn what_is_not_known_is_404_and_strangers_are_401() {
    let world = World::bakery().await;
    let (status, body) = world.operator(Method::GET, "bakery/explain/m_nobody").await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!("NOT_FOUND")));
    let (status, body) = world.operator(Method::POST, "bakery/outbox/nonsense/cancel").await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!("NOT_FOUND")));
    let (status, _) = world.operator(Method::POST, "bakery/outbox/1/explode").await;
    assert_eq!(status, 404);
    let url = format!("http://{}/api/admin/workspaces/bakery/outbox", world.door);
    let right = world.app.operator_token.expose().to_owned();
    for offered in [
        None,
        Some(String::new()),
        Some("wrong".to_owned()),
        Some(right[1..].to_owned()),
        Some(format!("{right}x")),
    ] {
        let request = world.http.get(&url);
        let request = match &offered {
            None => request,
            Some(token) => request.bearer_auth(token),
        };
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["code"], "UNAUTHENTICATED");
    }
    let basic = world.http.get(&url).header("authorization", format!("Basic {right}")).send().await.unwrap();
    assert_eq!(basic.status(), 401);
    world.close().await;
}

#[tokio::test]
async fn a_waiting_message_is_listed_and_can_be_taken_back() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    let closed = json!({"kind": "graph_error", "status": 400, "code": 613, "subcode": 2_534_040, "regain_minutes": 10});
    world.fail_sends(1, 1.0, closed).await;
    let mid = world.dm(BAKERY, 1, "price").await;
    world.settle().await;
    let view = outbox(&world).await;
    let waiting = only(&view, "waiting");
    assert_eq!((&waiting["kind"], &waiting["state"]), (&json!("dm"), &json!("waiting")));
    assert!(!view.to_string().contains("It is 49."), "the view holds no text");
    assert_eq!(operate(&world, &waiting, "cancel").await.0, 200);
    assert_eq!(operate(&world, &waiting, "cancel").await.0, 409, "it is gone already");
    world.pass(HOUR).await;
    assert!(world.sent(BAKERY).await.is_empty());
    assert_eq!(world.decision(BAKERY, &mid).await.verdict, Verdict::Cancelled(CancelReason::Owner));
    world.close().await;
}

#[tokio::test]
async fn a_dead_letter_is_listed_and_can_be_replayed() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world
        .fail_sends(1, 1.0, json!({"kind": "graph_error", "status": 400, "code": 100, "subcode": 2_534_015}))
        .await;
    let mid = world.dm(BAKERY, 1, "price").await;
    world.drain(HOUR).await;
    let dead = only(&outbox(&world).await, "dead_letters");
    assert_eq!(dead["state"], "failed");
    assert_eq!(operate(&world, &dead, "resend").await.0, 409, "it is known not to have arrived");
    assert_eq!(operate(&world, &dead, "replay").await.0, 200);
    world.drain(HOUR).await;
    assert_eq!(world.sent_texts(BAKERY).await, ["It is 49."]);
    assert!(world.was_answered(BAKERY, &mid).await);
    assert!(outbox(&world).await["dead_letters"].as_array().unwrap().is_empty());
    world.close().await;
}

#[tokio::test]
async fn an_unknown_message_is_listed_and_sent_again_once_however_often_it_is_asked_for() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    world
        .fail_sends(1, 1.0, json!({"kind": "http", "status": 502, "body": "<html>bad gateway</html>"}))
        .await;
    world.dm(BAKERY, 1, "price").await;
    world.drain(HOUR).await;
    let unknown = only(&outbox(&world).await, "dead_letters");
    assert_eq!(unknown["state"], "unknown");
    assert_eq!(operate(&world, &unknown, "replay").await.0, 409, "it may have arrived");
    assert!(world.sent(BAKERY).await.is_empty());
    assert_eq!(operate(&world, &unknown, "resend").await.0, 200);
    let again = operate(&world, &unknown, "resend").await.0;
    assert!(again == 200 || again == 409, "{again}");
    world.drain(HOUR).await;
    assert_eq!(world.sent_texts(BAKERY).await, ["It is 49."]);
    world.assert_nothing_twice().await;
    world.close().await;
}

#[tokio::test]
async fn the_operators_stop_holds_every_automatic_message_back_and_loses_none() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    let url = format!("http://{}/api/admin/automatic-sends", world.door);
    let token = world.app.operator_token.expose().to_owned();
    let set =
        |stopped: bool| world.http.put(&url).bearer_auth(&token).json(&json!({ "stopped": stopped })).send();
    assert_eq!(world.http.get(&url).send().await.unwrap().status(), 401);
    assert_eq!(set(true).await.unwrap().status(), 200);
    let view: Value = world.http.get(&url).bearer_auth(&token).send().await.unwrap().json().await.unwrap();
    assert!(view["stopped"] == true && view["since"].is_number(), "{view}");
    let mid = world.dm(BAKERY, 1, "price").await;
    world.pass(HOUR).await;
    assert!(world.sent(BAKERY).await.is_empty());
    let waiting = only(&outbox(&world).await, "waiting");
    assert_eq!(waiting["kind"], "dm");
    world.app.send_stop.set(false);
    greenroom::send_stop::restore(&world.app).await.unwrap();
    assert!(world.app.send_stop.is_on(), "a restart keeps it");
    assert_eq!(set(false).await.unwrap().status(), 200);
    world.drain(HOUR).await;
    assert_eq!(world.sent_texts(BAKERY).await, ["It is 49."]);
    assert!(world.was_answered(BAKERY, &mid).await);
}

#[tokio::test]
async fn what_could_not_be_understood_is_counted_by_reason_and_can_be_looked_at() {
    let world = World::bakery().await;
    assert_eq!(world.deliver("no json, says ana").await, 200);
    assert_eq!(world.deliver("17").await, 200);
    let (status, view) = world.admin(Method::GET, "intake").await;
    assert_eq!(status, 200);
    let reasons = json!({"body is not json": 1, "body is neither an object nor a list": 1});
    assert_eq!(view["quarantine"]["reasons"], reasons);
    assert_eq!(view["quarantine"]["newest"][1]["reason"], "body is not json");
    assert!(!view.to_string().contains("ana"), "{view}");
    let (_, view) = world.admin(Method::GET, "intake?content=true&limit=2").await;
    assert_eq!(view["quarantine"]["newest"][1]["content"], "no json, says ana");
    let metrics = world.http.get(format!("http://{}/metrics", world.door)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("greenroom_webhook_quarantined_total{reason=\"not_json\"}"), "{metrics}");

    let (status, view) = world.operator(Method::GET, "bakery/quarantine").await;
    assert_eq!((status, view), (200, json!({"commands": [], "next": null})));
    let url = format!("http://{}/api/admin/intake", world.door);
    assert_eq!(world.http.get(url).send().await.unwrap().status(), 401);
    world.close().await;
}

#[tokio::test]
async fn a_safety_stop_is_shown_and_can_be_lifted() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    let restricted = json!({"kind": "graph_error", "status": 400, "code": 10, "subcode": 1_893_063});
    world.fail_sends(1, 1.0, restricted).await;
    world.dm(BAKERY, 1, "price").await;
    world.settle().await;
    assert!(outbox(&world).await["safety_stop_until"].is_string());
    let (status, answer) = world.operator(Method::DELETE, "bakery/safety-stop").await;
    assert_eq!((status, answer), (200, json!({"ok": true})));
    assert!(outbox(&world).await["safety_stop_until"].is_null());
    world.dm(BAKERY, 2, "price").await;
    world.drain(HOUR).await;
    assert_eq!(world.sent_texts(BAKERY).await, ["It is 49."]);
    world.close().await;
}
