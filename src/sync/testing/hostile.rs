//! Clients that break the rules, ask for too much, or never read.

use super::{vectors::SESSION, world::World};
use crate::sync::ConnectionLimits;
use serde_json::{Value as Json, json};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Error, Message};

fn connect() -> Json {
    json!({ "type": "Connect", "sessionId": SESSION, "connectionCount": 0, "lastCloseReason": "InitialConnect", "clientTs": 0 })
}

fn modify(base: u64, modifications: &[Json]) -> Json {
    json!({ "type": "ModifyQuerySet", "baseVersion": base, "newVersion": base + 1, "modifications": modifications })
}

fn add(query: u64) -> Json {
    json!({ "type": "Add", "queryId": query, "udfPath": "counter:get", "args": [{ "name": query.to_string() }] })
}

/// What breaks the rules is told once, and the connection ends.
#[tokio::test]
async fn what_breaks_the_rules_is_fatal() {
    let world = World::start().await;
    let wrong = [
        "".to_owned(),
        "{".to_owned(),
        "[]".to_owned(),
        json!({ "type": "Nonsense" }).to_string(),
        json!({ "type": "Mutation", "requestId": -1, "udfPath": "counter:inc", "args": [{}] }).to_string(),
        modify(5, &[]).to_string(),
        modify(0, &[json!({ "type": "Remove", "queryId": 1 })]).to_string(),
        modify(0, &[add(1), add(1)]).to_string(),
        json!({ "type": "Authenticate", "baseVersion": 3, "tokenType": "None" }).to_string(),
        "[".repeat(100_000),
    ];
    for text in wrong {
        let mut socket = world.socket().await;
        let shown: String = text.chars().take(60).collect();
        socket.send_text(text).await;
        let (frames, close) = socket.closed().await;
        assert_eq!(frames.len(), 1, "{shown}: {frames:?}");
        assert_eq!(frames[0]["type"], "FatalError", "{shown}");
        assert_eq!(close, None, "{shown}");
    }
}

#[tokio::test]
async fn binary_frames_are_fatal_and_a_second_connect_too() {
    let world = World::start().await;
    let mut socket = world.socket().await;
    socket.send_message(Message::Binary(vec![1, 2, 3].into())).await;
    assert_eq!(socket.closed().await.0[0]["type"], "FatalError");
    let mut socket = world.socket().await;
    socket.send(&connect()).await;
    socket.send(&connect()).await;
    assert_eq!(socket.closed().await.0[0]["type"], "FatalError");
}

#[tokio::test]
async fn too_many_waiting_mutations_close_the_connection_and_nothing_is_answered_twice() {
    let small = ConnectionLimits { anonymous_requests_max: 4, ..ConnectionLimits::default() };
    let world = World::with(|limits| limits.connection = small).await;
    let mut socket = world.socket().await;
    socket.send(&connect()).await;
    socket.send(&modify(0, &[])).await;
    for request in 0..10 {
        let mutation =
            json!({ "type": "Mutation", "requestId": request, "udfPath": "gate:inc", "args": [{}] });
        socket.send(&mutation).await;
    }
    let (frames, close) = socket.closed().await;
    assert_eq!(close, Some((1013, "TooManyConcurrentRequests".to_owned())));
    assert!(frames.iter().all(|frame| frame["type"] != "MutationResponse"), "{frames:?}");
}

#[tokio::test]
async fn subscriptions_beyond_the_limit_fail_alone() {
    let small = ConnectionLimits { anonymous_queries_max: 2, ..ConnectionLimits::default() };
    let world = World::with(|limits| limits.connection = small).await;
    let mut socket = world.socket().await;
    socket.send(&connect()).await;
    socket.send(&modify(0, &[add(0), add(1), add(2)])).await;
    let transition = socket.expect("Transition").await;
    for change in transition["modifications"].as_array().unwrap() {
        let wanted = if change["queryId"] == 2 { "QueryFailed" } else { "QueryUpdated" };
        assert_eq!(change["type"], wanted, "{change}");
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused_before_they_cost_anything() {
    let world = World::with(|limits| limits.connections_per_address_max = 2).await;
    let first = world.socket().await;
    let _second = world.socket().await;
    let url = format!("ws://{}/api/1.48.0/sync", world.address);
    let refused = match tokio_tungstenite::connect_async(&url).await {
        Err(Error::Http(answer)) => answer,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"), "{refused:?}");
    drop(first);
    // The place is free as soon as the server has seen the end.
    for _ in 0..1_000 {
        if tokio_tungstenite::connect_async(&url).await.is_ok() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the place never became free");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let world = World::start().await;
    let mut socket = world.socket().await;
    socket.send(&connect()).await;
    socket.send(&modify(0, &[])).await;
    socket.expect("Transition").await;
    // Pongs of this client are sent by its library while it reads; it reads nothing now.
    world.clock.advance(Duration::from_secs(121));
    let (_, close) = socket.closed().await;
    assert_eq!(close, Some((1001, String::new())));
}

#[tokio::test]
async fn a_stopping_server_tells_every_connection() {
    let world = World::start().await;
    let mut sockets = Vec::new();
    for _ in 0..5 {
        let mut socket = world.socket().await;
        socket.send(&connect()).await;
        socket.send(&modify(0, &[add(0)])).await;
        socket.expect("Transition").await;
        sockets.push(socket);
    }
    let (room, listening) = (&world.room, async {
        for mut socket in sockets {
            assert_eq!(socket.closed().await.1, Some((1012, "InternalServerError".to_owned())));
        }
    });
    tokio::join!(room.shut_down(), listening);
}
