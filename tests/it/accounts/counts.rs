//! How many sessions, links, accounts and round trips one may have, and what happens to the one too many.

use super::browser::{
    Answer, Browser, Person, begin_google, google_sign_in, identity, reset_token, verify, world,
};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn of_101_sessions_the_oldest_gives_way() {
    let world = world(|_| {}).await;
    // The quickest way in: by Google, without hashing.
    let mut browsers = Vec::new();
    for n in 0..101 {
        let mut browser = Browser::of(&world);
        assert_eq!(google_sign_in(&mut browser, "owner@example.com").await.location(), "/dash", "{n}");
        browsers.push(browser);
        world.clock.advance(Duration::from_millis(1));
    }
    assert!(!browsers[0].is_signed_in().await);
    assert!(browsers[1].is_signed_in().await);
    let listed = browsers[100].auth("/list-sessions").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 100);
    world.close().await;
}

#[tokio::test]
async fn of_21_links_the_oldest_is_void_and_the_newest_always_works() {
    let world = world(|_| {}).await;
    let person = Person::new(&world, "ada@example.com").await;
    let mut tokens = Vec::new();
    for _ in 0..21 {
        tokens.push(reset_token(&world, &person.email).await);
        world.clock.advance(Duration::from_millis(1));
    }
    let reset = async |token: &str| {
        let body = json!({"newPassword": "another password", "token": token});
        Browser::of(&world).tell("/reset-password", body).await.status
    };
    assert_eq!(reset(&tokens[0]).await, 400);
    assert_eq!(reset(&tokens[20]).await, 200);
    assert_eq!(reset(&tokens[1]).await, 200, "others stay good");
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(reset(&tokens[19]).await, 400, "for an hour");
    world.close().await;
}

#[tokio::test]
async fn of_21_accounts_the_last_is_refused() {
    let world = world(|_| {}).await;
    let mut person = Person::new(&world, "owner@example.com").await;
    verify(&world, &mut person).await;
    let mut ends = Vec::new();
    for n in 1..=20 {
        let users = json!([{"email": "owner@example.com", "sub": format!("10000{n}")}]);
        world.post("google", json!({"users": users})).await;
        let body = json!({"provider": "google", "callbackURL": "/linked", "errorCallbackURL": "/err"});
        let page = person.browser.tell("/link-social", body).await.json();
        let back = super::browser::consent(page["url"].as_str().unwrap(), "owner@example.com").await;
        ends.push(person.browser.follow(&back).await.location());
    }
    assert!(ends[..19].iter().all(|end| end == "/linked"), "{ends:?}");
    assert_eq!(ends[19], "/err?error=unable_to_link_account");
    let state = identity(&world, &person.id).await;
    assert_eq!(state.accounts().count(), 20);
    // By signing in it is refused too, and so is an id token.
    let mut browser = Browser::of(&world);
    let refused = google_sign_in(&mut browser, "owner@example.com").await.location();
    assert_eq!(refused, "/err?error=unable_to_link_account");
    let users = json!([{"email": "owner@example.com", "sub": "1000099"}]);
    world.post("google", json!({"users": users})).await;
    let token = super::id_tokens::id_token(&world, "owner@example.com", None, Value::Null).await;
    let answer = link_by(&mut person, json!({"token": token})).await;
    assert_eq!(answer.outcome(), (401, "LINKING_NOT_ALLOWED".to_owned()));
    world.close().await;
}

async fn link_by(person: &mut Person, id_token: Value) -> Answer {
    person.browser.tell("/link-social", json!({"provider": "google", "idToken": id_token})).await
}

#[tokio::test]
async fn tokens_of_a_provider_that_are_too_long_are_refused() {
    let world = world(|_| {}).await;
    let mut person = Person::new(&world, "owner@example.com").await;
    let own = super::id_tokens::id_token(&world, "owner@example.com", None, Value::Null).await;
    let other = super::id_tokens::id_token(&world, "helper@example.com", None, Value::Null).await;
    for (length, link, sign_in) in [
        (20_000, (401, "LINKING_NOT_ALLOWED"), (401, "OAUTH_LINK_ERROR")),
        (100_000, (413, "PAYLOAD_TOO_LARGE"), (413, "PAYLOAD_TOO_LARGE")),
    ] {
        for key in ["accessToken", "refreshToken"] {
            let id_token = |token: &str| json!({"token": token, key: "x".repeat(length)});
            let answer = link_by(&mut person, id_token(&own)).await;
            assert_eq!(answer.outcome(), (link.0, link.1.to_owned()), "{length}");
            let body = json!({"provider": "google", "idToken": id_token(&other)});
            let answer = Browser::of(&world).tell("/sign-in/social", body).await;
            assert_eq!(answer.outcome(), (sign_in.0, sign_in.1.to_owned()), "{length}");
        }
    }
    assert_eq!(person.identity(&world).await.accounts().count(), 1);
    world.close().await;
}

#[tokio::test]
async fn round_trips_that_nobody_ends_are_bounded_and_their_end_is_told() {
    let world = world(|_| {}).await;
    let mut browser = Browser::of(&world);
    let target = format!("/{}", "a".repeat(1_900));
    for _ in 0..300 {
        let body = json!({"provider": "google", "callbackURL": target, "errorCallbackURL": target});
        let answer = browser.tell("/sign-in/social", body).await;
        assert!([200, 503].contains(&answer.status), "{}: {}", answer.status, answer.text);
        assert!(answer.status == 200 || answer.all("retry-after") == ["30"]);
    }
    world.clock.advance(Duration::from_secs(700));
    begin_google(&mut browser, json!({})).await;
    assert_eq!(browser.whoami().await, Value::Null);
    world.close().await;
}
