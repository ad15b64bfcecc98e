//! Sign-in with Google: the browser that began is the one that ends, once and in time.

use super::browser::{
    Browser, PASSWORD, Person, begin_google, consent, google_sign_in, holder, identity, parameter, path_of,
    plans, verify,
};
use crate::world::World;
use greenroom_actors::signin;
use serde_json::{Value, json};
use std::time::Duration;

const STATE: &str = "better-auth.state";

#[tokio::test]
async fn somebody_comes_in_once_and_again_and_gets_one_user() {
    let world = World::with(plans()).await;
    let mut browser = Browser::of(&world);
    let page = begin_google(&mut browser, json!({"newUserCallbackURL": "/welcome"})).await;
    let back = consent(&page, "owner@example.com").await;
    let answer = browser.follow(&back).await;
    assert_eq!((answer.status, answer.location().as_str()), (302, "/welcome"));
    assert!(browser.cookie(STATE).is_none());
    let session = browser.whoami().await;
    assert_eq!(session["user"]["emailVerified"], true);
    let mut again = Browser::of(&world);
    let page = begin_google(&mut again, json!({"newUserCallbackURL": "/welcome"})).await;
    let back = consent(&page, "owner@example.com").await;
    assert_eq!(again.follow(&back).await.location(), "/dash", "known by now");
    assert_eq!(again.whoami().await["user"]["id"], session["user"]["id"]);
    world.close().await;
}

#[tokio::test]
async fn a_round_trip_belongs_to_the_browser_that_began_it() {
    let world = World::with(plans()).await;
    let mut ada = Browser::of(&world);
    let page = begin_google(&mut ada, json!({})).await;
    let back = consent(&page, "owner@example.com").await;
    // Nothing, an own state, and the same state signed by nobody.
    let mut bare = Browser::of(&world);
    let mut busy = Browser::of(&world);
    begin_google(&mut busy, json!({})).await;
    let mut forger = Browser::of(&world);
    let state = parameter(&page, "state").unwrap();
    forger.plant(STATE, &format!("{state}.{}", "A".repeat(43) + "%3D"));
    for browser in [&mut bare, &mut busy, &mut forger] {
        assert_eq!(browser.follow(&back).await.location(), "/err?error=state_mismatch");
        assert!(!browser.is_signed_in().await);
    }
    assert_eq!(holder(&world, "owner@example.com").await, None);
    assert_eq!(ada.follow(&back).await.location(), "/dash", "nobody used it up");
    world.close().await;
}

#[tokio::test]
async fn a_round_trip_works_once_and_for_ten_minutes() {
    let world = World::with(plans()).await;
    let default = format!("{}/api/auth/error?error=state_mismatch", world.app.auth.origins.own());
    let mut browser = Browser::of(&world);
    let page = begin_google(&mut browser, json!({})).await;
    let back = consent(&page, "owner@example.com").await;
    let kept = browser.cookie(STATE).unwrap().to_owned();
    assert_eq!(browser.follow(&back).await.location(), "/dash");
    let mut replay = Browser::of(&world);
    replay.plant(STATE, &kept);
    let answer = replay.follow(&back).await;
    assert_eq!(answer.location(), default);
    assert!(!replay.is_signed_in().await);
    for (wait, works) in [(Duration::from_secs(600), true), (Duration::from_millis(600_001), false)] {
        let mut late = Browser::of(&world);
        let page = begin_google(&mut late, json!({})).await;
        let back = consent(&page, "owner@example.com").await;
        world.clock.advance(wait);
        let ended = late.follow(&back).await.location();
        assert_eq!(ended == "/dash", works, "{wait:?}: {ended}");
        assert_eq!(late.is_signed_in().await, works, "{wait:?}");
    }
    world.close().await;
}

#[tokio::test]
async fn a_code_of_another_round_trip_does_not_fit() {
    let world = World::with(plans()).await;
    // Mallory's code in Ada's callback: the verifier is not hers.
    let mut mallory = Browser::of(&world);
    let page = begin_google(&mut mallory, json!({})).await;
    let code = parameter(&consent(&page, "helper@example.com").await, "code").unwrap();
    let mut ada = Browser::of(&world);
    let page = begin_google(&mut ada, json!({})).await;
    let state = parameter(&page, "state").unwrap();
    let injected = format!("/callback/google?code={}&state={state}", code.replace('/', "%2F"));
    assert_eq!(ada.auth(&injected).await.location(), "/err?error=invalid_code");
    assert!(!ada.is_signed_in().await);
    for (query, error) in
        [("", "no_code"), ("&code=", "no_code"), ("&code=never", "invalid_code"), ("&error=x%20y", "x+y")]
    {
        let page = begin_google(&mut ada, json!({})).await;
        let state = parameter(&page, "state").unwrap();
        let answer = ada.auth(&format!("/callback/google?state={state}{query}")).await;
        assert_eq!(answer.location(), format!("/err?error={error}"), "{query}");
    }
    assert_eq!(holder(&world, "helper@example.com").await, None);
    world.close().await;
}

#[tokio::test]
async fn a_known_address_is_linked_only_when_both_sides_verified_it() {
    let world = World::with(plans()).await;
    // Somebody registered the address of another first.
    let squatter = Person::new(&world, "owner@example.com").await;
    let mut owner = Browser::of(&world);
    assert_eq!(
        google_sign_in(&mut owner, "owner@example.com").await.location(),
        "/err?error=account_not_linked"
    );
    assert!(!owner.is_signed_in().await);
    assert_eq!(squatter.identity(&world).await.accounts().count(), 1);
    // Google does not vouch for an address, which belongs to somebody here.
    let mut verified = Person::new(&world, "unverified@example.com").await;
    verify(&world, &mut verified).await;
    let mut stranger = Browser::of(&world);
    let refused = google_sign_in(&mut stranger, "unverified@example.com").await;
    assert_eq!(refused.location(), "/err?error=account_not_linked");
    assert!(!stranger.is_signed_in().await);
    // Both do.
    let mut helper = Person::new(&world, "helper@example.com").await;
    verify(&world, &mut helper).await;
    let mut browser = Browser::of(&world);
    assert_eq!(google_sign_in(&mut browser, "helper@example.com").await.location(), "/dash");
    assert_eq!(browser.whoami().await["user"]["id"], helper.id.as_str());
    assert_eq!(Browser::of(&world).sign_in("helper@example.com", PASSWORD).await.status, 200);
    world.close().await;
}

#[tokio::test]
async fn an_address_that_changed_at_google_moves_nobody() {
    let world = World::with(plans()).await;
    let mut victim = Person::new(&world, "victim@example.com").await;
    verify(&world, &mut victim).await;
    let mut browser = Browser::of(&world);
    google_sign_in(&mut browser, "owner@example.com").await;
    let id = browser.whoami().await["user"]["id"].clone();
    // The same account at Google shows the victim's address by now.
    let state = identity(&world, id.as_str().unwrap()).await;
    let sub = state.accounts().next().unwrap().provider_login().unwrap().account_id.to_string();
    world.post("google", json!({"users": [{"email": "victim@example.com", "sub": sub}]})).await;
    let mut again = Browser::of(&world);
    assert_eq!(google_sign_in(&mut again, "victim@example.com").await.location(), "/dash");
    let user = again.whoami().await["user"].clone();
    assert_eq!((&user["id"], &user["email"]), (&id, &json!("owner@example.com")));
    assert_eq!(holder(&world, "victim@example.com").await.as_ref(), Some(&victim.id));
    world.close().await;
}

async fn link(browser: &mut Browser) -> String {
    let body = json!({"provider": "google", "callbackURL": "/linked", "errorCallbackURL": "/err"});
    let answer = browser.tell("/link-social", body).await;
    answer.json()["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_link_ends_with_the_session_that_began_it() {
    let world = World::with(plans()).await;
    let mut ada = Person::new(&world, "owner@example.com").await;
    let mut mallory = Person::new(&world, "mallory@example.com").await;
    // An address of somebody else, and an account of somebody else.
    let back = consent(&link(&mut ada.browser).await, "helper@example.com").await;
    assert_eq!(ada.browser.follow(&back).await.location(), "/err?error=email_does_not_match");
    let back = consent(&link(&mut ada.browser).await, "owner@example.com").await;
    assert_eq!(ada.browser.follow(&back).await.location(), "/linked");
    let back = consent(&link(&mut mallory.browser).await, "owner@example.com").await;
    let refused = mallory.browser.follow(&back).await.location();
    assert!(
        ["/err?error=email_does_not_match", "/err?error=account_already_linked_to_different_user"]
            .contains(&refused.as_str()),
        "{refused}"
    );
    // Signed out meanwhile; what was begun is over, whoever is signed in now.
    let back = consent(&link(&mut mallory.browser).await, "mallory@example.com").await;
    mallory.browser.tell("/sign-out", json!({})).await;
    mallory.browser.sign_in("owner@example.com", PASSWORD).await;
    assert_eq!(mallory.browser.follow(&back).await.location(), "/err?error=unable_to_link_account");
    assert_eq!(ada.identity(&world).await.accounts().count(), 2);
    assert_eq!(mallory.identity(&world).await.accounts().count(), 1);
    world.close().await;
}

#[tokio::test]
async fn an_id_token_on_the_way_back_must_be_genuine_too() {
    let world = World::with(plans()).await;
    for (name, lie) in [
        ("alg none", json!({"alg": "none"})),
        ("alg hs256", json!({"alg": "hs256"})),
        ("other audience", json!({"aud": "another.apps.googleusercontent.example"})),
        ("other issuer", json!({"iss": "https://evil.example"})),
        ("over", json!({"exp_offset_s": -3600, "iat_offset_s": -3700})),
        ("unknown key", json!({"kid": "unknown"})),
    ] {
        let mut browser = Browser::of(&world);
        let page = begin_google(&mut browser, json!({})).await;
        let back = consent(&page, "owner@example.com").await;
        world.post("google", json!({"next_token": lie})).await;
        assert_eq!(browser.follow(&back).await.location(), "/err?error=unable_to_get_user_info", "{name}");
        assert!(!browser.is_signed_in().await, "{name}");
    }
    assert_eq!(holder(&world, "owner@example.com").await, None);
    world.close().await;
}

#[tokio::test]
async fn a_posted_callback_is_the_same_callback() {
    let world = World::with(plans()).await;
    let mut browser = Browser::of(&world);
    let page = begin_google(&mut browser, json!({})).await;
    let back = consent(&page, "owner@example.com").await;
    let form: Vec<(String, String)> =
        reqwest::Url::parse(&back).unwrap().query_pairs().into_owned().collect();
    // Another site posts it, without the cookies of the browser: sent on, and only the browser's own GET counts.
    let nobody = Browser::of(&world);
    let posted = nobody.clone().send(nobody.bare("POST", "/api/auth/callback/google").form(&form)).await;
    assert_eq!((posted.status, posted.json()), (302, Value::Null));
    let path = path_of(&posted.location());
    assert_eq!(nobody.clone().get(&path).await.location(), "/err?error=state_mismatch");
    assert_eq!(browser.get(&path).await.location(), "/dash");
    world.close().await;
}

#[tokio::test]
async fn two_first_sign_ins_at_once_make_one_user_and_both_come_in() {
    let world = World::with(plans()).await;
    let token = super::id_tokens::id_token(&world, "twice@example.com", None, Value::Null).await;
    world.memory.pause_appends();
    let enter = async || {
        let mut browser = Browser::of(&world);
        let answer = browser.tell("/one-tap/callback", json!({"idToken": token})).await;
        (answer.status, answer.json()["user"]["id"].clone(), browser.is_signed_in().await)
    };
    let both_are_about_to_sign_up = async {
        while world.memory.held_appends() < 2 {
            let _ = tokio::time::timeout(Duration::from_millis(2), std::future::pending::<()>()).await;
        }
        world.memory.resume_appends();
    };
    let (first, second, ()) = futures::join!(enter(), enter(), both_are_about_to_sign_up);
    assert_eq!((first.0, first.2), (200, true), "{first:?}");
    assert_eq!(first, second);
    world.close().await;
}

#[tokio::test]
async fn round_trips_of_one_address_give_way_and_those_of_others_stay() {
    let world = World::with(plans()).await;
    let at = |address: &str| {
        let mut browser = Browser::of(&world);
        browser.address = Some(address.to_owned());
        browser
    };
    let (mut flooder, mut other) = (at("203.0.113.9"), at("198.51.100.7"));
    let first = begin_google(&mut flooder, json!({})).await;
    let first_cookies = flooder.jar.clone();
    let others = begin_google(&mut other, json!({})).await;
    let mut last = String::new();
    for _ in 0..signin::PENDING_OF_OWNER_MAX {
        world.clock.advance(Duration::from_millis(1));
        last = begin_google(&mut flooder, json!({})).await;
    }
    let last_cookies = std::mem::replace(&mut flooder.jar, first_cookies);
    let back = consent(&first, "flood@example.com").await;
    assert!(flooder.follow(&back).await.location().contains("error=state_mismatch"));
    flooder.jar = last_cookies;
    let back = consent(&last, "flood@example.com").await;
    assert!(flooder.follow(&back).await.location().ends_with("/dash"));
    let back = consent(&others, "other@example.com").await;
    assert!(other.follow(&back).await.location().ends_with("/dash"));
    // Without an address nobody gives way to anybody.
    let mut nobody = Browser::of(&world);
    let first = begin_google(&mut nobody, json!({})).await;
    for _ in 0..signin::PENDING_OF_OWNER_MAX {
        begin_google(&mut Browser::of(&world), json!({})).await;
    }
    let back = consent(&first, "nobody@example.com").await;
    assert!(nobody.follow(&back).await.location().ends_with("/dash"));
    world.close().await;
}
