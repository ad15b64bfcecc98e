//! Streams of what happens, over real sockets.

use crate::{
    accounts::browser::{Answer, Person, world},
    world::World,
};
use greenroom_actors::user::{Command, plan::Plan};
use serde_json::{Value, json};
use std::time::Duration;

/// The product's bound of streams of one owner.
const STREAMS_OF_OWNER_MAX: usize = 16;

async fn token(person: &mut Person) -> String {
    let bearer = person.browser.auth("/convex/token").await.json()["token"].as_str().unwrap().to_owned();
    let body = json!({ "path": "realtime:getSyncSubscribeToken", "args": [{}] });
    let request = person.browser.bare("POST", "/api/action").bearer_auth(bearer).json(&body);
    let told: Value = Answer::read(request.send().await.unwrap()).await.json();
    told["value"]["token"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
}

/// Everything that a stream says until it says this, moving the clock on while it is the clock that is waited for.
async fn until(world: &World, stream: &mut reqwest::Response, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        match tokio::time::timeout(Duration::from_millis(5), stream.chunk()).await {
            Ok(chunk) => {
                text.push_str(std::str::from_utf8(&chunk.unwrap().expect("the stream ended")).unwrap())
            }
            Err(_) => world.clock.advance(Duration::from_millis(50)),
        }
    }
    text
}

#[tokio::test]
async fn a_stream_is_opened_by_the_cookie_and_tells_what_becomes_durable() {
    let world = world(|_| {}).await;
    let ada = Person::new(&world, "ada@example.com").await;
    assert_eq!(ada.browser.bare("GET", "/api/realtime").send().await.unwrap().status(), 401);
    let mut stream = ada.browser.request("GET", "/api/realtime").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let header = |name: &str| stream.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("content-type").as_deref(), Some("text/event-stream"));
    assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(header("access-control-allow-origin"), None, "pages of others see nothing by a cookie");
    let hello = until(&world, &mut stream, "\n\n").await;
    assert!(hello.contains(&format!("\"user:{}\"", ada.id)), "{hello}");
    world.app.users.ask(&ada.id, Command::SetPlan(Plan::Pro), 0).await.unwrap();
    let told = until(&world, &mut stream, "event: billing").await;
    let id = told.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    drop(stream);
    world.app.users.ask(&ada.id, Command::SetPlan(Plan::Growth), 0).await.unwrap();
    let request = ada.browser.request("GET", "/api/realtime").header("last-event-id", &id);
    let mut stream = request.send().await.unwrap();
    until(&world, &mut stream, "event: billing").await;
    let wrong = ada.browser.request("GET", "/api/realtime").header("last-event-id", "1 OR 1");
    assert_eq!(wrong.send().await.unwrap().status(), 422);
}

#[tokio::test]
async fn a_token_opens_the_stream_of_its_owner_once_and_no_other_opens_any() {
    let world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let eve = Person::new(&world, "eve@example.com").await;
    let path = format!("/api/realtime?token={}", token(&mut ada).await);
    let mut stream = eve.browser.request("GET", &path).send().await.unwrap();
    assert_eq!(stream.headers()["access-control-allow-origin"], "*");
    let hello = until(&world, &mut stream, "\n\n").await;
    assert!(hello.contains(&ada.id) && !hello.contains(&eve.id), "{hello}");
    for path in [&path, "/api/realtime?token=", "/api/realtime?token=forged"] {
        let again = ada.browser.request("GET", path).send().await.unwrap();
        assert_eq!(again.status(), 401, "a token that is none is not made good by a cookie: {path}");
    }
    let bearer = token(&mut ada).await;
    let request = ada.browser.bare("GET", "/api/realtime").bearer_auth(&bearer);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let late = token(&mut ada).await;
    world.pass(Duration::from_secs(61)).await;
    let request = ada.browser.bare("GET", &format!("/api/realtime?token={late}"));
    assert_eq!(request.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn an_owner_has_so_many_streams_and_signing_out_ends_them() {
    let world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let eve = Person::new(&world, "eve@example.com").await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS_OF_OWNER_MAX {
        streams.push(ada.browser.request("GET", "/api/realtime").send().await.unwrap());
    }
    assert!(streams.iter().all(|stream| stream.status() == 200));
    let refused = ada.browser.request("GET", "/api/realtime").send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(eve.browser.request("GET", "/api/realtime").send().await.unwrap().status(), 200);
    assert_eq!(ada.browser.tell("/sign-out", json!({})).await.status, 200);
    let ends = async {
        for stream in &mut streams {
            while stream.chunk().await.unwrap().is_some() {}
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(30), ends).await;
    assert!(ended.is_ok(), "a stream outlives its session");
}
