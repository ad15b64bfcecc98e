//! What was answered with 200 outlives the process, and what ended stays ended.

use super::browser::{
    Answer, Browser, PASSWORD, Person, consent, google_sign_in, holder, plans, reset_token, world,
};
use crate::world::World;
use greenroom_persistence::memory::Fault;
use serde_json::json;

#[tokio::test]
async fn a_sign_up_a_sign_in_and_a_new_password_outlive_the_process() {
    let mut world = world(|_| {}).await;
    let mut person = Person::new(&world, "ada@example.com").await;
    let mut second = person.elsewhere(&world).await;
    world.crash(|_| {}).await;
    for browser in [&mut person.browser, &mut second.browser] {
        *browser = browser.again();
        assert_eq!(browser.whoami().await["user"]["id"], person.id.as_str());
    }
    let body = json!({"currentPassword": PASSWORD, "newPassword": "another password"});
    assert_eq!(person.browser.tell("/change-password", body).await.status, 200);
    world.crash(|_| {}).await;
    assert_eq!(Browser::of(&world).sign_in(&person.email, PASSWORD).await.status, 401);
    assert_eq!(Browser::of(&world).sign_in(&person.email, "another password").await.status, 200);
    world.close().await;
}

#[tokio::test]
async fn a_google_sign_in_and_a_pending_one_outlive_the_process() {
    let mut world = World::with(plans()).await;
    let mut first = Browser::of(&world);
    assert_eq!(google_sign_in(&mut first, "owner@example.com").await.location(), "/dash");
    let mut pending = Browser::of(&world);
    let page = super::browser::begin_google(&mut pending, json!({})).await;
    let back = consent(&page, "helper@example.com").await;
    world.crash(|_| {}).await;
    assert!(first.again().is_signed_in().await);
    let mut pending = pending.again();
    assert_eq!(pending.follow(&back).await.location(), "/dash");
    assert_eq!(pending.whoami().await["user"]["email"], "helper@example.com");
    world.close().await;
}

#[tokio::test]
async fn a_reset_link_and_what_became_of_it_outlive_the_process() {
    let mut world = world(|_| {}).await;
    let person = Person::new(&world, "ada@example.com").await;
    let token = reset_token(&world, &person.email).await;
    world.crash(|_| {}).await;
    let reset = json!({"newPassword": "another password", "token": token});
    assert_eq!(Browser::of(&world).tell("/reset-password", reset.clone()).await.status, 200);
    world.crash(|_| {}).await;
    let again = Browser::of(&world).tell("/reset-password", reset).await;
    assert_eq!(again.outcome(), (400, "INVALID_TOKEN".to_owned()));
    assert_eq!(Browser::of(&world).sign_in(&person.email, "another password").await.status, 200);
    assert_eq!(Browser::of(&world).sign_in(&person.email, PASSWORD).await.status, 401);
    world.close().await;
}

/// One way to end the session of the second browser, used by either.
type Ending = (&'static str, fn(Browser, Person) -> futures::future::BoxFuture<'static, Answer>);

const ENDINGS: [Ending; 6] = [
    ("sign-out", |_, mut second| Box::pin(async move { second.browser.tell("/sign-out", json!({})).await })),
    ("revoke-session", |mut first, second| {
        Box::pin(async move { first.tell("/revoke-session", json!({"token": second.token})).await })
    }),
    ("revoke-sessions", |mut first, _| {
        Box::pin(async move { first.tell("/revoke-sessions", json!({})).await })
    }),
    ("revoke-other-sessions", |mut first, _| {
        Box::pin(async move { first.tell("/revoke-other-sessions", json!({})).await })
    }),
    ("change-password", |mut first, _| {
        Box::pin(async move {
            let body = json!({"currentPassword": PASSWORD, "newPassword": PASSWORD,
                "revokeOtherSessions": true});
            first.tell("/change-password", body).await
        })
    }),
    ("delete-user", |mut first, _| {
        Box::pin(async move { first.tell("/delete-user", json!({"password": PASSWORD})).await })
    }),
];

#[tokio::test]
async fn a_session_that_ended_never_comes_back() {
    let mut world = world(|_| {}).await;
    for (name, end) in ENDINGS {
        let person = Person::new(&world, &format!("{name}@example.com")).await;
        let second = person.elsewhere(&world).await;
        let mut stolen = second.browser.clone();
        assert!(stolen.clone().is_signed_in().await, "{name}");
        let answer = end(person.browser.clone(), second).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        assert!(!stolen.clone().is_signed_in().await, "{name}");
        world.crash(|_| {}).await;
        stolen = stolen.again();
        assert!(!stolen.clone().is_signed_in().await, "{name}, after the restart");
        assert_eq!(stolen.tell("/update-user", json!({"name": "Mallory"})).await.status, 401, "{name}");
    }
    world.close().await;
}

#[tokio::test]
async fn nothing_is_acknowledged_that_was_not_written() {
    for fault in [Fault::Unavailable, Fault::Overloaded, Fault::UnknownLost] {
        let world = world(|_| {}).await;
        let body = json!({"name": "Ada", "email": "ada@example.com", "password": PASSWORD});
        let mut browser = Browser::of(&world);
        world.memory.fail_next_append(fault);
        let answer = browser.tell("/sign-up/email", body.clone()).await;
        assert!(answer.status >= 500, "{fault:?}: {}", answer.status);
        assert!(answer.all("set-cookie").is_empty() && !answer.text.contains("token"), "{fault:?}");
        assert_eq!(holder(&world, "ada@example.com").await, None, "{fault:?}");
        // The activation that lost its record comes back within moments.
        world.clock.advance(std::time::Duration::from_secs(2));
        assert_eq!(browser.tell("/sign-up/email", body).await.status, 200, "{fault:?}");
        // A sign-out that was not written is no sign-out: said so, and the cookie stays.
        world.memory.fail_next_append(fault);
        let answer = browser.tell("/sign-out", json!({})).await;
        assert!(answer.status >= 500, "{fault:?}: {}", answer.status);
        assert!(answer.all("set-cookie").is_empty(), "{fault:?}");
        world.clock.advance(std::time::Duration::from_secs(2));
        let stolen = browser.clone();
        assert_eq!(browser.tell("/sign-out", json!({})).await.status, 200, "{fault:?}");
        assert!(!stolen.clone().is_signed_in().await, "{fault:?}");
        world.close().await;
    }
}
