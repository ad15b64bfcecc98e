//! An owner connects an Instagram account: consent page and back, by the session that began and by no other.

use super::browser::{Answer, Browser, Person, consent, parameter, world};
use crate::world::{BAKERY, Tenant, World};
use greenroom_actors::user::{Command, plan::Plan, settings::SettingsPatch};
use serde_json::{Value, json};
use std::time::Duration;

const BEGIN: &str = "/api/auth/instagram";
const DAY: Duration = Duration::from_secs(86_400);

/// Connects from beginning to end; where the browser ends.
pub(crate) async fn connect(browser: &mut Browser, login: &str) -> Answer {
    let page = begin(browser, "").await;
    let back = consent(&page, login).await;
    let answer = browser.follow(&back).await;
    if answer.location().contains("success=") {
        subscribed(browser).await;
    }
    answer
}

/// Waits until the status says that webhooks come: they are subscribed once the connection is stored.
async fn subscribed(browser: &mut Browser) {
    for _ in 0..10_000 {
        if status(browser).await["webhooksSubscribed"] == true {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("webhooks are not subscribed");
}

async fn begin(browser: &mut Browser, query: &str) -> String {
    let answer = browser.get(&format!("{BEGIN}{query}")).await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    answer.location()
}

async fn status(browser: &mut Browser) -> Value {
    browser.get("/api/auth/instagram/status").await.json()
}

/// The workspace of a person, as a tenant that the world watches over. It answers at once and to everybody.
async fn move_in(world: &mut World, person: &Person) -> Tenant {
    let workspace: &'static str = person.id.clone().leak();
    let tenant = Tenant { workspace, ..BAKERY };
    world.adopt(tenant);
    let settings = SettingsPatch {
        reply_delay: Some(Duration::ZERO),
        sends_per_hour: Some(3_600),
        sidekick: Some(false),
        ..SettingsPatch::default()
    };
    world.tell(tenant, Command::UpdateSettings(settings)).await;
    world.tell(tenant, Command::SetPlan(Plan::Enterprise)).await;
    tenant
}

#[tokio::test]
async fn an_account_is_connected_and_answers_and_the_state_is_used_up() {
    let mut world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let tenant = move_in(&mut world, &ada).await;
    assert_eq!(status(&mut ada.browser).await, json!({"connected": false}));
    let page = begin(&mut ada.browser, "?returnTo=%2Fonboarding%3Fstep%3D3").await;
    assert_eq!(parameter(&page, "response_type").as_deref(), Some("code"));
    let uri = format!("{}/api/auth/instagram/callback", world.app.auth.origins.own());
    assert_eq!(parameter(&page, "redirect_uri"), Some(uri));
    assert_eq!(parameter(&page, "state").unwrap().len(), 43, "32 bytes");
    let back = consent(&page, "fictional.bakery").await;
    let done = ada.browser.follow(&back).await;
    assert_eq!(
        (done.status, done.location().as_str()),
        (302, "/onboarding?step=3&success=instagram_connected")
    );
    subscribed(&mut ada.browser).await;
    let connected = status(&mut ada.browser).await;
    assert_eq!(connected["missing"], json!([]));
    assert_eq!((&connected["connected"], &connected["id"]), (&json!(true), &json!(BAKERY.account)));
    assert_eq!(
        (&connected["username"], &connected["needsReconnect"]),
        (&json!("fictional.bakery"), &json!(false))
    );
    // Used up: the platform is not even asked.
    let calls = world.calls("oauth").await.len();
    let again = ada.browser.follow(&back).await;
    assert_eq!(again.location(), "/settings?error=link_expired");
    assert_eq!(world.calls("oauth").await.len(), calls);
    world.clock.advance(8 * DAY);
    world.rule(tenant, "price", "It is 49.").await;
    let person = world.people(1).await[0];
    let mid = world.dm(tenant, person, "price").await;
    world.drain(Duration::from_secs(60)).await;
    assert!(world.was_answered(tenant, &mid).await);
    world.close().await;
}

#[tokio::test]
async fn a_permission_that_is_not_granted_limits_the_connection_and_is_named() {
    let world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let page = begin(&mut ada.browser, "").await;
    let comments = "instagram_business_manage_comments";
    let page = page.replace(&format!("%2C{comments}"), "");
    let back = consent(&page, "fictional.bakery").await;
    assert_eq!(ada.browser.follow(&back).await.location(), "/settings?success=instagram_connected");
    let told = status(&mut ada.browser).await;
    assert_eq!(
        (&told["connected"], &told["status"], &told["needsReconnect"]),
        (&json!(true), &json!("limited"), &json!(false)),
        "{told}"
    );
    let missing = told["missing"].as_array().unwrap();
    assert!(missing.len() == 1 && missing[0]["permission"] == comments, "{told}");
    assert!(missing[0]["feature"].as_str().unwrap().contains("comments"), "{told}");
    assert!(missing[0]["how"].as_str().unwrap().contains(comments), "{told}");
    connect(&mut ada.browser, "fictional.bakery").await;
    assert_eq!(status(&mut ada.browser).await["status"], "active");
    world.close().await;
}

#[tokio::test]
async fn a_connection_is_stored_before_its_webhooks_are_subscribed() {
    let mut world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let rule = json!({"name": "no subscription", "times": 3, "match": {"method": "POST", "path": "subscribed_apps"},
        "effect": {"kind": "graph_error", "status": 500, "code": 2, "subcode": 0}});
    world.post("faults", rule).await;
    let page = begin(&mut ada.browser, "").await;
    let back = consent(&page, "fictional.bakery").await;
    assert_eq!(ada.browser.follow(&back).await.location(), "/settings?success=instagram_connected");
    let told = status(&mut ada.browser).await;
    assert_eq!((&told["connected"], &told["webhooksSubscribed"]), (&json!(true), &json!(false)), "{told}");
    move_in(&mut world, &ada).await;
    world.pass(Duration::from_secs(120)).await;
    subscribed(&mut ada.browser).await;
    world.close().await;
}

#[tokio::test]
async fn only_the_session_that_began_ends_a_connection() {
    let world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let mut second = ada.elsewhere(&world).await;
    let mut mallory = Person::new(&world, "mallory@example.com").await;
    // Mallory agrees for her own account and gives the end of it to Ada.
    let page = begin(&mut mallory.browser, "").await;
    let back = consent(&page, "fictional.gym").await;
    let mut nobody = Browser::of(&world);
    for browser in [&mut ada.browser, &mut second.browser, &mut nobody] {
        assert_eq!(browser.follow(&back).await.location(), "/settings?error=link_expired");
    }
    assert_eq!(status(&mut ada.browser).await["connected"], false);
    // The other session of the same person is another session.
    let page = begin(&mut ada.browser, "").await;
    let back = consent(&page, "fictional.bakery").await;
    assert_eq!(second.browser.follow(&back).await.location(), "/settings?error=link_expired");
    assert_eq!(ada.browser.follow(&back).await.location(), "/settings?success=instagram_connected");
    // Out of time, signed out meanwhile, and a state of the other kind of round trip.
    let page = begin(&mut mallory.browser, "").await;
    let late = consent(&page, "fictional.gym").await;
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(mallory.browser.follow(&late).await.location(), "/settings?error=link_expired");
    let page = begin(&mut mallory.browser, "").await;
    let out = consent(&page, "fictional.gym").await;
    mallory.browser.tell("/sign-out", json!({})).await;
    assert_eq!(mallory.browser.follow(&out).await.location(), "/settings?error=link_expired");
    let google = super::browser::begin_google(&mut ada.browser, json!({})).await;
    let state = parameter(&google, "state").unwrap();
    let crossed = ada.browser.get(&format!("{BEGIN}/callback?code=x&state={state}")).await;
    assert_eq!(crossed.location(), "/settings?error=link_expired");
    let crossed = format!("/callback/google?code=x&state={}", parameter(&page, "state").unwrap());
    assert!(ada.browser.auth(&crossed).await.location().ends_with("error=state_mismatch"));
    assert_eq!(world.app.users.published(&mallory.id).await.unwrap().state.integration, None);
    world.close().await;
}

#[tokio::test]
async fn a_refusal_changes_nothing_and_its_words_are_not_repeated() {
    let world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    connect(&mut ada.browser, "fictional.bakery").await;
    let before = ada.everything(&world).await;
    let page = begin(&mut ada.browser, "?returnTo=/a%23b").await;
    let back = consent(&page, "deny").await;
    assert_eq!(ada.browser.follow(&back).await.location(), "/a?error=access_denied#b");
    for (query, told) in [
        ("error=%3Cscript%3E&error_description=%3Cscript%3E", "auth_failed"),
        ("error=server_error&error_description=Call+us", "auth_failed"),
        ("", "no_code"),
        ("code=", "no_code"),
        ("code=never-issued", "auth_failed"),
        ("code=x&error=access_denied", "access_denied"),
    ] {
        let page = begin(&mut ada.browser, "").await;
        let state = parameter(&page, "state").unwrap();
        let answer = ada.browser.get(&format!("{BEGIN}/callback?{query}&state={state}")).await;
        assert_eq!((answer.status, answer.location()), (302, format!("/settings?error={told}")), "{query}");
    }
    assert!(ada.everything(&world).await == before);
    world.close().await;
}

#[tokio::test]
async fn an_account_belongs_to_one_workspace_and_whose_it_is_is_not_told() {
    let world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let mut bob = Person::new(&world, "bob@example.com").await;
    assert_eq!(
        connect(&mut ada.browser, "fictional.bakery").await.location(),
        "/settings?success=instagram_connected"
    );
    let before = ada.everything(&world).await;
    let refused = connect(&mut bob.browser, "fictional.bakery").await;
    assert_eq!(refused.location(), "/settings?error=account_in_use");
    assert!(!refused.everything().contains("ada") && !refused.everything().contains(&ada.id));
    assert_eq!(status(&mut bob.browser).await, json!({"connected": false}));
    assert!(ada.everything(&world).await == before);
    // After she lets go of it, it is free.
    assert_eq!(disconnect(&mut ada.browser).await.location(), "/settings?success=instagram_disconnected");
    assert_eq!(
        connect(&mut bob.browser, "fictional.bakery").await.location(),
        "/settings?success=instagram_connected"
    );
    world.close().await;
}

#[tokio::test]
async fn a_reconnection_stays_with_its_account() {
    let world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    connect(&mut ada.browser, "fictional.bakery").await;
    let other = connect(&mut ada.browser, "fictional.gym").await;
    assert_eq!(other.location(), "/settings?error=other_account");
    assert_eq!(status(&mut ada.browser).await["id"], BAKERY.account);
    assert_eq!(
        connect(&mut ada.browser, "fictional.bakery").await.location(),
        "/settings?success=instagram_connected"
    );
    // Asked for in so many words, another one is still refused while one is connected.
    let page = begin(&mut ada.browser, "?account=another").await;
    assert!(page.contains("force_reauth=true") || page.contains("force_authentication=1"), "{page}");
    let back = consent(&page, "fictional.gym").await;
    assert_eq!(ada.browser.follow(&back).await.location(), "/settings?error=other_account");
    disconnect(&mut ada.browser).await;
    assert_eq!(
        connect(&mut ada.browser, "fictional.gym").await.location(),
        "/settings?success=instagram_connected"
    );
    world.close().await;
}

async fn disconnect(browser: &mut Browser) -> Answer {
    browser.send(browser.request("POST", "/api/auth/instagram/disconnect")).await
}

#[tokio::test]
async fn what_waited_for_a_dead_token_is_answered_after_the_reconnection() {
    let mut world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let tenant = move_in(&mut world, &ada).await;
    connect(&mut ada.browser, "fictional.bakery").await;
    world.clock.advance(8 * DAY);
    // The session of before is over by now.
    let mut ada = ada.elsewhere(&world).await;
    world.rule(tenant, "price", "It is 49.").await;
    world.settle().await;
    world.post(&format!("tokens/{}", BAKERY.account), json!({"op": "revoke"})).await;
    let person = world.people(1).await[0];
    let mid = world.dm(tenant, person, "price").await;
    world.pass(Duration::from_secs(120)).await;
    assert!(world.sent(tenant).await.is_empty());
    let told = status(&mut ada.browser).await;
    assert_eq!((&told["connected"], &told["needsReconnect"]), (&json!(false), &json!(true)), "{told}");
    assert!(!world.was_answered(tenant, &mid).await);
    assert_eq!(
        connect(&mut ada.browser, "fictional.bakery").await.location(),
        "/settings?success=instagram_connected"
    );
    world.drain(Duration::from_secs(600)).await;
    assert!(world.was_answered(tenant, &mid).await);
    assert_eq!(world.sent_texts(tenant).await, ["It is 49."]);
    world.assert_nothing_twice().await;
    world.close().await;
}

#[tokio::test]
async fn a_disconnection_is_asked_for_by_a_page_and_made_by_its_button() {
    let mut world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let tenant = move_in(&mut world, &ada).await;
    connect(&mut ada.browser, "fictional.bakery").await;
    world.clock.advance(8 * DAY);
    let mut ada = ada.elsewhere(&world).await;
    world.rule(tenant, "price", "It is 49.").await;
    // The platform asks for patience: the answer waits.
    let refusal =
        json!({"kind": "graph_error", "status": 400, "code": 613, "subcode": 2_534_040, "regain_minutes": 1});
    world.fail_sends(1, 1.0, refusal).await;
    let person = world.people(1).await[0];
    let mid = world.dm(tenant, person, "price").await;
    world.settle().await;
    assert_eq!(world.state(tenant).await.outbox.open(), 1);
    let before = ada.everything(&world).await;
    let page = ada.browser.get("/api/auth/instagram/disconnect").await;
    assert!(page.status == 200 && page.text.contains("<form method=\"post\">"), "{}", page.text);
    assert_eq!(Browser::of(&world).get("/api/auth/instagram/disconnect").await.location(), "/sign-in");
    assert_eq!(disconnect(&mut Browser::of(&world)).await.status, 401);
    let mut foreign = ada.browser.clone();
    foreign.origin = Some("https://evil.example".to_owned());
    assert_eq!(disconnect(&mut foreign).await.status, 403);
    foreign.origin = None;
    assert_eq!(disconnect(&mut foreign).await.status, 403);
    assert!(ada.everything(&world).await == before, "nothing happened yet");
    for _ in 0..2 {
        // The second time there is nothing left to do, which is fine.
        assert_eq!(disconnect(&mut ada.browser).await.location(), "/settings?success=instagram_disconnected");
        world.settle().await;
    }
    assert_eq!(status(&mut ada.browser).await, json!({"connected": false}));
    assert_eq!(world.state(tenant).await.outbox.open(), 0);
    let unsubscribed = world.calls("subscribed_apps").await;
    let unsubscribed = unsubscribed.iter().filter(|call| call["method"] == "DELETE").count();
    assert_eq!(unsubscribed, 1, "the platform is told once");
    world.pass(Duration::from_secs(600)).await;
    assert!(world.sent(tenant).await.is_empty());
    assert!(!world.was_answered(tenant, &mid).await);
    world.close().await;
}
