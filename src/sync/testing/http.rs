//! The HTTP side: the transcripts of the contract, and what is refused.

use super::{
    vectors::{normalised, vector},
    world::World,
};
use serde_json::{Value as Json, json};

async fn post(world: &World, path: &str, body: &Json) -> (u16, Json) {
    let (status, _, body) = world.http("POST", path, &[], &body.to_string()).await;
    (status, serde_json::from_str(&body).unwrap_or(Json::Null))
}

#[tokio::test]
async fn the_transcripts_of_the_contract() {
    for id in ["V37", "V38"] {
        let world = World::start().await;
        for exchange in vector(id)["exchanges"].as_array().unwrap() {
            let headers = exchange[2].as_object().unwrap();
            let mut headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
            headers.push(("Content-Type", "application/json"));
            let body = if exchange[3] == "" { String::new() } else { exchange[3].to_string() };
            let (status, _, answer) = world
                .http(exchange[0].as_str().unwrap(), exchange[1].as_str().unwrap(), &headers, &body)
                .await;
            assert_eq!(status, exchange[4], "{exchange}");
            let answer: Json = serde_json::from_str(&answer).unwrap();
            assert_eq!(normalised(&answer), normalised(&exchange[5]), "{exchange}");
        }
    }
}

#[tokio::test]
async fn a_query_sees_the_point_that_it_asks_for() {
    let world = World::start().await;
    let inc = json!({ "path": "counter:inc", "args": {} });
    post(&world, "/api/mutation", &inc).await;
    let (_, then) = post(&world, "/api/query_ts", &json!(null)).await;
    let query = json!({ "path": "counter:get", "args": {}, "ts": then["ts"] });
    assert_eq!(post(&world, "/api/query_at_ts", &query).await.1["value"], 1);
    post(&world, "/api/mutation", &inc).await;
    assert_eq!(post(&world, "/api/query", &query).await.1["value"], 2);
    assert_eq!(post(&world, "/api/query_at_ts", &query).await.1["value"], 1);
    // Half a minute later nobody remembers; and the future is nobody's.
    world.clock.advance(std::time::Duration::from_secs(31));
    assert_eq!(post(&world, "/api/query_at_ts", &query).await.0, 400);
    let future = json!({ "path": "counter:get", "args": {}, "ts": "/////////38=" });
    assert_eq!(post(&world, "/api/query_at_ts", &future).await.0, 400);
    let wrong = json!({ "path": "counter:get", "args": {}, "ts": "soon" });
    assert_eq!(post(&world, "/api/query_at_ts", &wrong).await.0, 400);
}

#[tokio::test]
async fn a_mutation_with_a_key_runs_once() {
    let world = World::start().await;
    let body = json!({ "path": "counter:inc", "args": {} }).to_string();
    for key in ["one", "one", "two"] {
        world.http("POST", "/api/mutation", &[("Idempotency-Key", key)], &body).await;
    }
    assert_eq!(*world.product.executed.borrow(), 2);
    let long = "k".repeat(129);
    assert_eq!(world.http("POST", "/api/mutation", &[("Idempotency-Key", &long)], &body).await.0, 400);
    let seen = json!({ "path": "seen:inc", "args": {} }).to_string();
    assert_eq!(world.http("POST", "/api/mutation", &[], &seen).await.0, 400);
    assert_eq!(world.http("POST", "/api/mutation", &[("Idempotency-Key", "k")], &seen).await.0, 200);
}

#[tokio::test]
async fn formats_and_addresses() {
    let world = World::start().await;
    let value = json!({ "i": { "$integer": "AQAAAAAAAAA=" }, "b": { "$bytes": "AAEC/w==" } });
    let mut body = json!({ "path": "values:echo", "args": { "v": value } });
    let clean = json!({ "i": "1", "b": "AAEC/w==" });
    assert_eq!(post(&world, "/api/query", &body).await.1["value"], clean);
    assert_eq!(post(&world, "//api/run/values/echo", &body).await.1["value"], clean);
    body["format"] = json!("convex_encoded_json");
    assert_eq!(post(&world, "/api/query", &body).await.1["value"], value);
    body["format"] = json!("xml");
    assert_eq!(post(&world, "/api/query", &body).await.1["code"], "BadFormat");
    let (status, _, answer) =
        world.http("GET", "/api/query?path=values:echo&args=%7B%22v%22:7%7D&format=json", &[], "").await;
    assert_eq!((status, answer.as_str()), (200, r#"{"status":"success","value":7}"#));
    assert_eq!(post(&world, "/api/run/counter/inc", &json!({ "args": {} })).await.1["value"], 1);
    assert_eq!(
        post(&world, "/api/run/values/echoAction", &json!({ "args": { "v": 3 } })).await.1["value"],
        3
    );
    let batch =
        json!({ "queries": [{ "path": "counter:get", "args": {} }, { "path": "no:where", "args": {} }] });
    let (_, answer) = post(&world, "/api/query_batch", &batch).await;
    assert_eq!(
        (&answer["results"][0]["value"], &answer["results"][1]["status"]),
        (&json!(1), &json!("error"))
    );
    assert_eq!(post(&world, "/api/debug_event", &json!({ "event": "x" })).await, (200, json!({})));
    assert_eq!(world.http("GET", "/version", &[], "").await.0, 200);
}

#[tokio::test]
async fn browsers_of_any_origin_may_call() {
    let world = World::start().await;
    let asked = [("Origin", "https://a.example"), ("Access-Control-Request-Headers", "content-type,x-own")];
    let (status, head, _) = world.http("OPTIONS", "/api/mutation", &asked, "").await;
    assert_eq!(status, 204);
    for part in [
        "access-control-allow-origin: *",
        "allow-headers: content-type,x-own",
        "max-age: 86400",
        "get, post, options",
    ] {
        assert!(head.contains(part), "{part} in {head}");
    }
    let (_, head, _) = world.http("POST", "/api/query", &[], "nonsense").await;
    assert!(head.contains("access-control-allow-origin: *"));
}

#[tokio::test]
async fn what_is_wrong_has_its_status() {
    let world = World::with(|limits| limits.body_bytes_max = 1024 * 1024).await;
    for (body, status) in [
        ("", 400),
        ("{}", 400),
        (r#"{"path":"a b"}"#, 400),
        (r#"{"path":"counter:get","args":3}"#, 400),
        (r#"{"path":"counter:get","args":[{},{}]}"#, 200),
        (r#"{"path":"counter:get","args":[3]}"#, 200),
        (r#"{"path":"counter:get"}"#, 200),
        (r#"{"path":"counter:inc"}"#, 200),
        (r#"{"path":"panics:query"}"#, 500),
    ] {
        assert_eq!(world.http("POST", "/api/query", &[], body).await.0, status, "{body}");
    }
    for (value, status) in [
        ("Bearer <JWT alice #1>", 200),
        ("bearer <JWT alice #1>", 200),
        ("Bearer garbage", 401),
        ("Convex key", 401),
        ("Bearer", 401),
    ] {
        let body = r#"{"path":"auth:whoami"}"#;
        assert_eq!(
            world.http("POST", "/api/query", &[("Authorization", value)], body).await.0,
            status,
            "{value}"
        );
    }
    world.product.revoked.lock().insert("alice".to_owned());
    let token = [("Authorization", "Bearer <JWT alice #1>")];
    assert_eq!(world.http("POST", "/api/query", &token, r#"{"path":"auth:whoami"}"#).await.0, 401);
    assert_eq!(world.http("POST", "/api/query", &[], &" ".repeat(1024 * 1024 + 1)).await.0, 503, "no room");
    let failed = world.http("POST", "/api/mutation", &[], r#"{"path":"errors:unknown"}"#).await;
    assert_eq!(failed.0, 500);
}
