//! Nobody is sent to a page that the owner of the installation does not trust.

use super::browser::{Browser, PASSWORD, Person, consent, world};
use reqwest::Url;
use serde_json::{Value, json};

/// Addresses that browsers, proxies or parsers have been fooled with.
const BYPASSES: [&str; 44] = [
    "https://evil.example",
    "http://evil.example/",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/%2f/evil.example",
    "/%2F%2Fevil.example",
    "/%5cevil.example",
    "/%5C%5Cevil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nLocation: https://evil.example",
    "\t//evil.example",
    " //evil.example",
    " https://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "https:\\\\evil.example",
    "HTTPS://evil.example",
    "https://OWN@evil.example",
    "https://evil.example#OWN",
    "https://evil.example?OWN",
    "https://evil.example\\OWN",
    "OWN.evil.example",
    "OWN@evil.example",
    "OWN:80@evil.example/",
    "OWN\\@evil.example",
    "http://127.0.0.1/",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "blob:https://evil.example/x",
    "ftp://evil.example",
    "dash",
    "./dash",
    "?x",
    "#x",
];

/// Odd, and at home all the same wherever a browser goes with them.
const ODD: [&str; 12] = [
    "/",
    "/a?b=//evil.example",
    "/a#//evil.example",
    "/a b",
    "/ü",
    "/.//evil.example",
    "/a/..//evil.example",
    "/./%2e/x",
    "/%2e%2e//evil.example",
    "/@evil.example",
    "/https://evil.example",
    "/;//evil.example",
];

fn fill(target: &str, own: &str) -> String {
    target.replace("OWN", own)
}

/// Where a browser goes from a page of the product.
fn origin_after(own: &str, location: &str) -> String {
    Url::parse(own).unwrap().join(location).unwrap().origin().ascii_serialization()
}

#[tokio::test]
async fn every_target_of_every_endpoint_is_checked() {
    const POSTS: [(&str, &str, &str); 12] = [
        ("/sign-up/email", "callbackURL", "INVALID_CALLBACK_URL"),
        ("/sign-in/email", "callbackURL", "INVALID_CALLBACK_URL"),
        ("/sign-in/social", "callbackURL", "INVALID_CALLBACK_URL"),
        ("/sign-in/social", "errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"),
        ("/sign-in/social", "newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"),
        ("/link-social", "callbackURL", "INVALID_CALLBACK_URL"),
        ("/link-social", "errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"),
        ("/request-password-reset", "redirectTo", "INVALID_REDIRECT_URL"),
        ("/send-verification-email", "callbackURL", "INVALID_CALLBACK_URL"),
        ("/change-email", "callbackURL", "INVALID_CALLBACK_URL"),
        ("/delete-user", "callbackURL", "INVALID_CALLBACK_URL"),
        ("/one-tap/callback", "callbackURL", "INVALID_CALLBACK_URL"),
    ];
    let world = world(|_| {}).await;
    let own = world.app.auth.origins.own().to_owned();
    let mut person = Person::new(&world, "ada@example.com").await;
    let before = person.everything(&world).await;
    for target in BYPASSES.map(|target| fill(target, &own)) {
        for (path, key, code) in POSTS {
            let body = json!({"name": "Ada", "email": person.email, "password": PASSWORD, "provider": "google",
                "newEmail": "new@example.com", "idToken": "x", key: target});
            let answer = person.browser.tell(path, body).await;
            assert_eq!(answer.outcome(), (403, code.to_owned()), "{path} {target:?}");
            assert_eq!(answer.location(), "", "{path} {target:?}");
        }
        let query = greenroom::auth::redirect::encode_component(&target);
        for path in ["/verify-email?token=x", "/reset-password/x?y=z", "/delete-user/callback?token=x"] {
            let answer = person.browser.auth(&format!("{path}&callbackURL={query}")).await;
            assert_eq!(answer.outcome(), (403, "INVALID_CALLBACK_URL".to_owned()), "{path} {target:?}");
            assert_eq!(answer.location(), "", "{path} {target:?}");
        }
    }
    let twice = "/verify-email?token=x&callbackURL=%2Fdash&callbackURL=https%3A%2F%2Fevil.example";
    let answer = person.browser.auth(twice).await;
    assert!(answer.status >= 400 && answer.location().is_empty(), "{}", answer.status);
    for wrong in [json!(["/dash"]), json!({"a": 1}), json!(5), json!(true)] {
        let body = json!({"email": person.email, "password": PASSWORD, "callbackURL": wrong});
        assert_eq!(person.browser.tell("/sign-in/email", body).await.status, 400, "{wrong}");
    }
    assert!(person.everything(&world).await == before);
    world.close().await;
}

#[tokio::test]
async fn odd_targets_stay_at_home_to_the_very_end() {
    let world = world(|_| {}).await;
    let own = world.app.auth.origins.own().to_owned();
    let person = Person::new(&world, "ada@example.com").await;
    for target in ODD {
        let query = greenroom::auth::redirect::encode_component(target);
        let mut locations = Vec::new();
        let mut browser = Browser::of(&world);
        let body = json!({"email": person.email, "password": PASSWORD, "callbackURL": target});
        let signed_in = browser.tell("/sign-in/email", body).await;
        locations.push(signed_in.location());
        locations.push(browser.auth(&format!("/verify-email?token=x&callbackURL={query}")).await.location());
        locations.push(browser.auth(&format!("/reset-password/x?callbackURL={query}")).await.location());
        let social = json!({"callbackURL": target, "errorCallbackURL": target, "newUserCallbackURL": target});
        for login in ["deny", "owner@example.com"] {
            let mut fresh = Browser::of(&world);
            let page = super::browser::begin_google(&mut fresh, social.clone()).await;
            let back = consent(&page, login).await;
            locations.push(fresh.follow(&back).await.location());
        }
        for location in locations {
            assert!(!location.is_empty(), "{target}");
            assert_eq!(origin_after(&own, &location), own, "{target} ends at {location}");
            assert!(!location.starts_with("//"), "{target} ends at {location}");
        }
    }
    world.close().await;
}

#[tokio::test]
async fn a_connection_returns_to_a_path_of_its_own_origin() {
    let world = world(|_| {}).await;
    let own = world.app.auth.origins.own().to_owned();
    let mut person = Person::new(&world, "ada@example.com").await;
    let long = format!("/{}", "a".repeat(2_000));
    let targets: Vec<String> =
        BYPASSES.iter().chain(&ODD).chain([&long.as_str()]).map(|target| fill(target, &own)).collect();
    for target in targets {
        let query = greenroom::auth::redirect::encode_component(&target);
        let begun = person.browser.get(&format!("/api/auth/instagram?returnTo={query}")).await;
        assert_eq!(begun.status, 302, "{target:?}");
        let back = consent(&begun.location(), "deny").await;
        let location = person.browser.follow(&back).await.location();
        assert!(location.contains("error=access_denied"), "{target:?} ends at {location:?}");
        assert_eq!(origin_after(&own, &location), own, "{target:?} ends at {location:?}");
        assert!(location.starts_with('/') && !location.starts_with("//"), "{target:?} ends at {location:?}");
    }
    world.close().await;
}

#[tokio::test]
async fn what_the_provider_says_of_a_failure_cannot_lead_anywhere() {
    let world = world(|_| {}).await;
    let own = world.app.auth.origins.own().to_owned();
    for error in
        ["//evil.example", "x\r\nSet-Cookie: a=b", "x#//evil.example", "x&callbackURL=https://evil.example"]
    {
        let mut browser = Browser::of(&world);
        let page = super::browser::begin_google(&mut browser, json!({})).await;
        let state = super::browser::parameter(&page, "state").unwrap();
        let error = greenroom::auth::redirect::encode_component(error);
        let path = format!("/callback/google?error={error}&error_description={error}&state={state}");
        let answer = browser.auth(&path).await;
        assert_eq!(origin_after(&own, &answer.location()), own);
        assert!(answer.location().starts_with("/err?error="), "{}", answer.location());
        assert_eq!(answer.all("set-cookie").len(), 1, "the state is deleted and nothing else is set");
        let page = browser.auth(&format!("/error?error={error}&error_description={error}")).await;
        assert!(!page.text.contains("<script") && page.json() == Value::Null);
    }
    world.close().await;
}
