//! Id tokens that a client brings along: only what Google signed for us, now, and for this request.

use super::browser::{Browser, Person, consent, holder, parameter, plans, verify};
use crate::world::{GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, World};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::time::Duration;

/// An id token as an app gets one by itself; the sandbox lies in it as it is told to.
pub(crate) async fn id_token(world: &World, login: &str, nonce: Option<&str>, lie: Value) -> String {
    let google = world.app.auth.google.as_ref().unwrap();
    assert!(format!("{google:?}").contains("/google"));
    let base = format!("{google:?}");
    let base = base.trim_start_matches("GoogleClient(").trim_end_matches(')').to_owned();
    let mut page = reqwest::Url::parse(&format!("{base}/o/oauth2/v2/auth")).unwrap();
    page.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", GOOGLE_CLIENT_ID),
        ("scope", "openid email profile"),
        ("redirect_uri", "http://127.0.0.1/app"),
    ]);
    if let Some(nonce) = nonce {
        page.query_pairs_mut().append_pair("nonce", nonce);
    }
    let code = parameter(&consent(page.as_str(), login).await, "code").unwrap();
    if !lie.is_null() {
        world.post("google", json!({"next_token": lie})).await;
    }
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", "http://127.0.0.1/app"),
        ("client_id", GOOGLE_CLIENT_ID),
        ("client_secret", GOOGLE_CLIENT_SECRET),
    ];
    let answer = world.http.post(format!("{base}/token")).form(&form).send().await.unwrap();
    let tokens: Value = answer.json().await.unwrap();
    tokens["id_token"].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned()
}

/// Every way to bring one: the answers.
async fn bring(world: &World, browser: &Browser, token: &str, nonce: Option<&str>) -> [(u16, String); 2] {
    let mut id = json!({"token": token});
    if let Some(nonce) = nonce {
        id["nonce"] = nonce.into();
    }
    let mut social = browser.clone();
    let social_answer = social.tell("/sign-in/social", json!({"provider": "google", "idToken": id})).await;
    let mut tap = Browser::of(world);
    let tap_answer = tap.tell("/one-tap/callback", json!({"idToken": token})).await;
    for (answer, mut browser) in [(&social_answer, social), (&tap_answer, tap)] {
        assert_eq!(browser.is_signed_in().await, answer.status == 200);
    }
    let message = tap_answer.json()["message"].as_str().unwrap_or_default().to_owned();
    [social_answer.outcome(), (tap_answer.status, message)]
}

#[tokio::test]
async fn what_google_did_not_sign_for_us_opens_nothing() {
    let world = World::with(plans()).await;
    let lies = [
        ("alg none", json!({"alg": "none"})),
        ("alg hs256 with the public key", json!({"alg": "hs256"})),
        ("another audience", json!({"aud": "another.apps.googleusercontent.example"})),
        ("another issuer", json!({"iss": "https://accounts.evil.example"})),
        ("over", json!({"exp_offset_s": -31, "iat_offset_s": -3_500})),
        ("issued long ago", json!({"iat_offset_s": -3_700})),
        ("issued tomorrow", json!({"iat_offset_s": 86_400})),
        ("a key that is not published", json!({"kid": "unknown"})),
    ];
    let browser = Browser::of(&world);
    let refused = [(401, "INVALID_TOKEN".to_owned()), (400, "invalid id token".to_owned())];
    for (name, lie) in lies {
        let token = id_token(&world, "owner@example.com", None, lie).await;
        assert_eq!(bring(&world, &browser, &token, None).await, refused, "{name}");
    }
    let right = id_token(&world, "owner@example.com", None, Value::Null).await;
    let [head, claims, signature]: [&str; 3] = right.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let other = BASE64_URL_SAFE_NO_PAD.encode(other.replace("owner@", "victim@"));
    for (name, forged) in [
        ("other claims", format!("{head}.{other}.{signature}")),
        ("no signature", format!("{head}.{claims}.")),
        ("two parts", format!("{head}.{claims}")),
        ("four parts", format!("{right}.x")),
        ("nothing", "..".to_owned()),
        ("no text", "\u{0}".to_owned()),
        ("huge", "a".repeat(20_000)),
    ] {
        assert_eq!(bring(&world, &browser, &forged, None).await, refused, "{name}");
    }
    assert_eq!(holder(&world, "owner@example.com").await, None);
    assert_eq!(holder(&world, "victim@example.com").await, None);
    world.close().await;
}

#[tokio::test]
async fn a_nonce_that_is_asked_for_must_be_the_one_in_the_token() {
    let world = World::with(plans()).await;
    let browser = Browser::of(&world);
    let token = id_token(&world, "owner@example.com", Some("nonce-1"), Value::Null).await;
    let without = id_token(&world, "owner@example.com", None, Value::Null).await;
    for (token, nonce) in [(&token, "nonce-2"), (&token, ""), (&token, "nonce-1 "), (&without, "nonce-1")] {
        let [social, _] = bring(&world, &browser, token, Some(nonce)).await;
        assert_eq!(social, (401, "INVALID_TOKEN".to_owned()), "{nonce:?}");
    }
    let [social, _] = bring(&world, &browser, &token, Some("nonce-1")).await;
    assert_eq!(social.0, 200);
    world.close().await;
}

#[tokio::test]
async fn a_token_is_good_for_an_hour_and_keys_may_change_meanwhile() {
    let world = World::with(plans()).await;
    let browser = Browser::of(&world);
    let token = id_token(&world, "owner@example.com", None, Value::Null).await;
    assert_eq!(bring(&world, &browser, &token, None).await.map(|(status, _)| status), [200, 200]);
    world.post("google", json!({"rotate_keys": true})).await;
    world.clock.advance(Duration::from_secs(61));
    let next = id_token(&world, "owner@example.com", None, Value::Null).await;
    assert_eq!(bring(&world, &browser, &next, None).await.map(|(status, _)| status), [200, 200]);
    assert_eq!(bring(&world, &browser, &token, None).await.map(|(status, _)| status), [200, 200]);
    world.clock.advance(Duration::from_secs(3_700));
    assert_eq!(bring(&world, &browser, &token, None).await.map(|(status, _)| status), [401, 400]);
    world.close().await;
}

#[tokio::test]
async fn an_address_that_google_does_not_vouch_for_opens_nobodys_account() {
    let world = World::with(plans()).await;
    let mut victim = Person::new(&world, "victim@example.com").await;
    verify(&world, &mut victim).await;
    let before = victim.everything(&world).await;
    let browser = Browser::of(&world);
    let lie = json!({"email_verified": false});
    let token = id_token(&world, "victim@example.com", None, lie.clone()).await;
    let [social, tap] = bring(&world, &browser, &token, None).await;
    assert_eq!(social, (401, "OAUTH_LINK_ERROR".to_owned()));
    assert_eq!(tap, (401, "account not linked".to_owned()));
    assert!(victim.everything(&world).await == before);
    // Nor can somebody who is signed in link it.
    let mut mallory = Person::new(&world, "mallory@example.com").await;
    for (lie, code) in [(lie, "LINKING_NOT_ALLOWED"), (Value::Null, "LINKING_DIFFERENT_EMAILS_NOT_ALLOWED")] {
        let token = id_token(&world, "victim@example.com", None, lie).await;
        let body = json!({"provider": "google", "idToken": {"token": token}});
        let answer = mallory.browser.tell("/link-social", body).await;
        assert_eq!(answer.outcome(), (401, code.to_owned()));
    }
    assert!(victim.everything(&world).await == before);
    world.close().await;
}
