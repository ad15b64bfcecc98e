//! What a client is told when the machine, the identity or the connection before it is in trouble.

use super::{
    vectors::SESSION,
    world::{Socket, World, patient},
};
use crate::sync::{Refused, Trouble, limits::MESSAGE_BYTES_MAX};
use serde_json::{Value as Json, json};
use std::time::Duration;

const TOKEN: &str = "<JWT alice #1>";

fn mutation(request: u64, path: &str) -> Json {
    json!({ "type": "Mutation", "requestId": request, "udfPath": path, "args": [{}] })
}

fn action(request: u64, path: &str) -> Json {
    json!({ "type": "Action", "requestId": request, "udfPath": path, "args": [{}] })
}

fn authenticate(base: u64) -> Json {
    json!({ "type": "Authenticate", "baseVersion": base, "tokenType": "User", "value": TOKEN })
}

async fn connect(world: &World) -> Socket {
    let mut socket = world.socket().await;
    let connect =
        json!({ "type": "Connect", "sessionId": SESSION, "connectionCount": 0, "lastCloseReason": null });
    socket.send(&connect).await;
    socket
}

async fn subscribe(socket: &mut Socket, path: &str) {
    let (base, query) = (socket.model.query_set, socket.model.query_set);
    let add = json!({ "type": "Add", "queryId": query, "udfPath": path, "args": [{}] });
    socket.send(&json!({ "type": "ModifyQuerySet", "baseVersion": base, "newVersion": base + 1, "modifications": [add] })).await;
}

/// Frames by type up to the end, and its code.
async fn end(socket: &mut Socket) -> (Vec<String>, Option<u16>) {
    let (frames, close) = socket.closed().await;
    let kinds = frames.iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect();
    (kinds, close.map(|(code, _)| code))
}

#[tokio::test]
async fn a_session_that_was_ended_runs_nothing_more() {
    for message in [mutation(0, "counter:inc"), action(0, "values:echoAction")] {
        let world = World::start().await;
        let mut socket = connect(&world).await;
        socket.send(&authenticate(0)).await;
        subscribe(&mut socket, "auth:whoami").await;
        while socket.model.version.0 == 0 {
            socket.expect("Transition").await;
        }
        world.product.revoked.lock().insert("alice".to_owned());
        socket.send(&message).await;
        let (frames, close) = socket.closed().await;
        assert_eq!((frames.len(), close), (1, None), "{frames:?}");
        assert_eq!(frames[0]["type"], "AuthError");
        assert_eq!(
            (&frames[0]["authUpdateAttempted"], &frames[0]["baseVersion"]),
            (&json!(false), &json!(1))
        );
        assert_eq!(*world.product.executed.borrow(), 0);
    }
}

#[tokio::test]
async fn nothing_is_shown_to_a_session_that_was_ended() {
    let world = World::start().await;
    let mut socket = connect(&world).await;
    socket.send(&authenticate(0)).await;
    subscribe(&mut socket, "messages:list").await;
    while socket.model.version.0 == 0 {
        socket.expect("Transition").await;
    }
    world.product.revoked.lock().insert("alice".to_owned());
    world.product.send("not for her");
    assert_eq!(end(&mut socket).await, (vec!["AuthError".to_owned()], None));
}

#[tokio::test]
async fn a_token_that_cannot_be_checked_signs_nobody_out() {
    let world = World::start().await;
    world.product.refused.lock().insert(TOKEN.to_owned(), Refused::Unchecked);
    let mut socket = connect(&world).await;
    socket.send(&authenticate(0)).await;
    assert_eq!(end(&mut socket).await, (vec![], Some(1011)));
}

#[tokio::test]
async fn an_outcome_that_is_not_known_is_not_answered() {
    for path in ["errors:unknown", "panics:mutation"] {
        let world = World::start().await;
        let mut socket = connect(&world).await;
        socket.send(&mutation(0, path)).await;
        assert_eq!(end(&mut socket).await, (vec![], Some(1011)), "{path}");
    }
}

#[tokio::test]
async fn a_query_that_panics_ends_the_connection_and_an_action_is_answered() {
    let world = World::start().await;
    let mut socket = connect(&world).await;
    subscribe(&mut socket, "panics:query").await;
    assert_eq!(end(&mut socket).await, (vec![], Some(1011)));
    let mut socket = connect(&world).await;
    socket.send(&action(0, "errors:actionTrouble")).await;
    let answer = socket.expect("ActionResponse").await;
    assert_eq!((&answer["success"], answer.get("errorData")), (&json!(false), None));
}

#[tokio::test]
async fn calls_of_the_wrong_kind_fail_alone() {
    let world = World::start().await;
    let mut socket = connect(&world).await;
    for (request, path) in ["counter:get", "values:echoAction", "no:where", "a b"].into_iter().enumerate() {
        socket.send(&mutation(request as u64, path)).await;
        let answer = socket.expect("MutationResponse").await;
        assert_eq!((&answer["success"], &answer["ts"]), (&json!(false), &Json::Null), "{path}");
    }
    socket.send(&action(9, "counter:inc")).await;
    assert_eq!(socket.expect("ActionResponse").await["success"], false);
    subscribe(&mut socket, "counter:inc").await;
    assert_eq!(socket.expect("Transition").await["modifications"][0]["type"], "QueryFailed");
    assert_eq!(*world.product.executed.borrow(), 0);
}

#[tokio::test]
async fn an_overload_is_waited_out_a_few_times() {
    let overloaded = || Trouble::Overloaded { retry_after: Duration::from_millis(1) };
    let world = World::start().await;
    world.product.troubles.lock().extend([overloaded(), overloaded()]);
    let mut socket = connect(&world).await;
    subscribe(&mut socket, "counter:get").await;
    assert_eq!(socket.expect("Transition").await["modifications"][0]["value"], 0);
    world.product.troubles.lock().extend((0..4).map(|_| overloaded()));
    subscribe(&mut socket, "messages:list").await;
    assert_eq!(end(&mut socket).await, (vec![], Some(1013)));
}

#[tokio::test]
async fn what_others_would_see_twice_needs_a_session() {
    let world = World::start().await;
    let mut socket = world.socket().await;
    socket.send(&mutation(0, "seen:inc")).await;
    assert_eq!(end(&mut socket).await, (vec![], Some(1012)));
    assert_eq!(*world.product.executed.borrow(), 0);
    let mut socket = connect(&world).await;
    socket.send(&mutation(0, "seen:inc")).await;
    assert_eq!(socket.expect("MutationResponse").await["result"], 1);
}

/// The copy that comes by the next socket waits for the one that still runs, and what was sent after it does too.
#[tokio::test]
async fn a_mutation_that_outlives_its_socket_is_waited_for_by_the_next() {
    let world = World::start().await;
    let mut first = connect(&world).await;
    first.send(&mutation(0, "gate:inc")).await;
    // Dropped with the socket, because it had not begun.
    first.send(&mutation(1, "counter:inc")).await;
    first.send(&action(2, "values:echoAction")).await;
    first.expect("ActionResponse").await;
    drop(first);
    let mut second = connect(&world).await;
    second.model.replayed.extend([0, 1]);
    for (request, path) in [(0, "gate:inc"), (1, "counter:inc"), (3, "counter:inc")] {
        second.send(&mutation(request, path)).await;
    }
    second.send(&action(4, "values:echoAction")).await;
    second.expect("ActionResponse").await;
    assert_eq!(*world.product.executed.borrow(), 0, "nothing overtakes the one that runs");
    // Enough for two, should two run.
    world.product.gate.add_permits(2);
    for (request, result) in [(0, 1), (1, 2), (3, 3)] {
        let answer = second.expect("MutationResponse").await;
        assert_eq!((&answer["requestId"], &answer["result"]), (&json!(request), &json!(result)));
    }
    while !second.model.uncovered.is_empty() {
        second.expect("Transition").await;
    }
    assert_eq!(*world.product.executed.borrow(), 3);
}

/// Somebody else who names the session neither waits for its mutations nor finds their results.
#[tokio::test]
async fn a_session_is_its_callers_own() {
    let world = World::start().await;
    let mut owner = connect(&world).await;
    owner.send(&authenticate(0)).await;
    owner.send(&mutation(0, "gate:inc")).await;
    owner.send(&action(1, "values:echoAction")).await;
    owner.expect("ActionResponse").await;
    let mut other = connect(&world).await;
    other.send(&mutation(0, "counter:inc")).await;
    assert_eq!(other.expect("MutationResponse").await["result"], 1);
    world.product.gate.add_permits(1);
    assert_eq!(owner.expect("MutationResponse").await["result"], 2);
}

#[tokio::test]
async fn a_message_beyond_all_limits_is_fatal() {
    let world = World::start().await;
    let mut socket = connect(&world).await;
    let text = " ".repeat(MESSAGE_BYTES_MAX + 1);
    // The server stops reading before the end of it.
    patient(socket.try_text(text)).await;
    let (frames, _) = socket.closed().await;
    assert!(frames.len() == 1 && frames[0]["type"] == "FatalError", "{frames:?}");
}

#[tokio::test]
async fn old_clients_get_large_transitions_whole_and_any_version_is_served() {
    let world = World::with(|limits| limits.connection.chunk_bytes = 64).await;
    for (path, kind) in [
        ("/api/1.27.0/sync", "Transition"),
        ("/api/nonsense/sync", "Transition"),
        ("/api/sync", "Transition"),
        ("//api/sync", "Transition"),
        ("//api/1.48.0/sync", "TransitionChunk"),
        ("/api/2.0.0-beta.1/sync", "TransitionChunk"),
    ] {
        let mut socket = world.socket_at(path).await;
        subscribe(&mut socket, "big:query").await;
        assert_eq!(socket.frame().await["type"], kind, "{path}");
    }
}
