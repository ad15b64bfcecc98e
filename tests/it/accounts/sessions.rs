//! A session is begun by its owner, seen by its owner, and over when it is over.

use super::browser::{Browser, PASSWORD, Person, SESSION, google_sign_in, plans, reset_token, world};
use crate::world::World;
use serde_json::json;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_cookie_that_was_planted_before_is_never_adopted() {
    let world = World::with(plans()).await;
    let mut mallory = Person::new(&world, "mallory@example.com").await;
    mallory.browser.tell("/sign-out", json!({})).await;
    let planted = mallory.elsewhere(&world).await;
    let value = planted.browser.cookie(SESSION).unwrap().to_owned();
    // By sign-up, by password and by Google: the session is a new one, of its owner.
    let mut victim = Browser::of(&world);
    victim.plant(SESSION, &value);
    let mut person = Person::before(victim, "ada@example.com").await;
    let mut tokens = vec![person.token.clone()];
    assert_eq!(person.browser.whoami().await["user"]["id"], person.id.as_str());
    person.browser.plant(SESSION, &value);
    let answer = person.browser.sign_in("ada@example.com", PASSWORD).await;
    tokens.push(answer.json()["token"].as_str().unwrap().to_owned());
    person.browser.plant(SESSION, &value);
    assert_eq!(google_sign_in(&mut person.browser, "owner@example.com").await.location(), "/dash");
    let session = person.browser.whoami().await;
    assert_eq!(session["user"]["email"], "owner@example.com");
    tokens.push(session["session"]["token"].as_str().unwrap().to_owned());
    assert!(!tokens.contains(&planted.token));
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
    // What was planted is still Mallory's and nobody else's.
    let mut known = Browser::of(&world);
    known.plant(SESSION, &value);
    assert_eq!(known.whoami().await["user"]["email"], "mallory@example.com");
    world.close().await;
}

#[tokio::test]
async fn a_session_is_over_at_its_second_and_its_cookie_is_taken_away() {
    let world = world(|_| {}).await;
    let mut person = Person::new(&world, "ada@example.com").await;
    let short = json!({"email": person.email, "password": PASSWORD, "rememberMe": false});
    let mut brief = Browser::of(&world);
    assert_eq!(brief.tell("/sign-in/email", short).await.status, 200);
    world.clock.advance(DAY);
    assert!(brief.is_signed_in().await, "at its very end");
    world.clock.advance(Duration::from_millis(1));
    let kept = brief.clone();
    assert!(!brief.is_signed_in().await);
    assert_eq!(brief.jar, [], "the cookies are deleted");
    assert!(!kept.clone().is_signed_in().await, "and do not work when they are kept");
    assert!(person.browser.is_signed_in().await, "the long one was extended a day later");
    world.clock.advance(7 * DAY);
    assert!(person.browser.is_signed_in().await);
    world.clock.advance(7 * DAY + Duration::from_millis(1));
    let answer = person.browser.tell("/update-user", json!({"name": "Late"})).await;
    assert_eq!(answer.outcome(), (401, "UNAUTHORIZED".to_owned()));
    assert_eq!(answer.all("set-cookie").len(), 3);
    world.close().await;
}

#[tokio::test]
async fn what_is_sensitive_needs_a_session_that_is_fresh() {
    let world = world(|_| {}).await;
    let mut person = Person::new(&world, "ada@example.com").await;
    world.clock.advance(DAY);
    for (method, path, body) in
        [("GET", "/list-sessions", json!(null)), ("POST", "/unlink-account", json!({"accountId": "x"}))]
    {
        let request = person.browser.request(method, &format!("/api/auth{path}"));
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = person.browser.send(request).await;
        assert_eq!(answer.outcome(), (403, "SESSION_NOT_FRESH".to_owned()), "{path}");
    }
    let answer = person.browser.tell("/delete-user", json!({})).await;
    assert_eq!(answer.outcome(), (400, "SESSION_EXPIRED".to_owned()));
    assert!(person.identity(&world).await.user().is_some());
    world.close().await;
}

#[tokio::test]
async fn others_are_listed_by_a_handle_that_is_no_token() {
    let world = world(|_| {}).await;
    let mut person = Person::new(&world, "ada@example.com").await;
    let mut second = person.elsewhere(&world).await;
    let listed = person.browser.auth("/list-sessions").await;
    assert!(!listed.text.contains(&second.token));
    let sessions = listed.json();
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|session| session["token"] != person.token.as_str()).unwrap();
    let handle = other["token"].as_str().unwrap();
    // The handle opens nothing, and revokes.
    let mut thief = Browser::of(&world);
    thief.plant(SESSION, handle);
    assert!(!thief.is_signed_in().await);
    assert_eq!(person.browser.tell("/revoke-session", json!({"token": handle})).await.status, 200);
    assert!(!second.browser.is_signed_in().await);
    assert!(person.browser.is_signed_in().await);
    world.close().await;
}

#[tokio::test]
async fn a_reset_ends_all_sessions_when_it_is_told_to() {
    for ends in [true, false] {
        let world = world(|auth| auth.revoke_sessions_on_reset = ends).await;
        let mut person = Person::new(&world, "ada@example.com").await;
        let token = reset_token(&world, &person.email).await;
        let mut browser = Browser::of(&world);
        let answer =
            browser.tell("/reset-password", json!({"newPassword": "another password", "token": token})).await;
        assert_eq!((answer.status, answer.all("set-cookie").len()), (200, 0));
        assert_eq!(person.browser.is_signed_in().await, !ends);
        world.close().await;
    }
}

#[tokio::test]
async fn a_token_for_the_sync_client_cannot_be_made_somebody_elses() {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let world = world(|_| {}).await;
    let other = self::world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let mut bob = Person::new(&world, "bob@example.com").await;
    let mut abroad = Person::new(&other, "ada@example.com").await;
    let token = async |person: &mut Person| {
        let answer = person.browser.auth("/convex/token").await;
        answer.json()["token"].as_str().unwrap().to_owned()
    };
    let (hers, his, foreign) = (token(&mut ada).await, token(&mut bob).await, token(&mut abroad).await);
    let convex = &world.app.auth.convex;
    assert_eq!(convex.verify(&hers, world.now()).unwrap().user_id, ada.id);
    assert_eq!(convex.verify(&his, world.now()).unwrap().user_id, bob.id);
    let part = |token: &str, n: usize| token.split('.').nth(n).unwrap().to_owned();
    let swapped = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(part(&hers, 1)).unwrap()).unwrap();
    let swapped = BASE64_URL_SAFE_NO_PAD.encode(swapped.replace(&ada.id, &bob.id));
    let none = BASE64_URL_SAFE_NO_PAD.encode(json!({"alg": "none", "typ": "JWT"}).to_string());
    let hs256 = BASE64_URL_SAFE_NO_PAD.encode(json!({"alg": "HS256", "typ": "JWT"}).to_string());
    for (name, forged) in [
        ("subject swapped", format!("{}.{swapped}.{}", part(&hers, 0), part(&hers, 2))),
        ("signature of another", format!("{}.{}.{}", part(&hers, 0), part(&hers, 1), part(&his, 2))),
        ("no signature", format!("{}.{swapped}.", part(&hers, 0))),
        ("alg none", format!("{none}.{swapped}.")),
        ("alg hs256", format!("{hs256}.{swapped}.{}", part(&hers, 2))),
        ("another server's", foreign),
        ("a session token", ada.token.clone()),
    ] {
        assert!(convex.verify(&forged, world.now()).is_err(), "{name}");
    }
    world.clock.advance(Duration::from_secs(16 * 60));
    assert!(convex.verify(&hers, world.now()).is_err(), "over");
    let answer = Browser::of(&world).auth("/convex/token").await;
    assert_eq!(answer.outcome(), (401, "UNAUTHORIZED".to_owned()));
    world.close().await;
    other.close().await;
}
