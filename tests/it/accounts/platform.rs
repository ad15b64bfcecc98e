//! The platform tells that an owner took the permission back. Only what it signed counts.

use super::{
    browser::{Browser, Person, world},
    connect::connect,
};
use crate::world::{BAKERY, GYM, World};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use greenroom_instagram::{sandbox::APP_SECRET, signature};
use secrecy::SecretString;
use serde_json::{Value, json};

const PATH: &str = "/api/auth/instagram/deauthorize";

fn signed(secret: &str, payload: &Value) -> String {
    let payload = BASE64_URL_SAFE_NO_PAD.encode(payload.to_string());
    let digest = signature::sign(&SecretString::from(secret), payload.as_bytes());
    let digest: Vec<u8> = digest.as_bytes()["sha256=".len()..]
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    format!("{}.{payload}", BASE64_URL_SAFE_NO_PAD.encode(digest))
}

fn payload(world: &World, user_id: &str, offset_s: i64) -> Value {
    let issued_at = world.now().as_millis() / 1000 + offset_s;
    json!({"user_id": user_id, "algorithm": "HMAC-SHA256", "issued_at": issued_at})
}

async fn send(world: &World, signed_request: &str) -> (u16, String) {
    let mut platform = Browser::of(world);
    let request = platform.bare("POST", PATH).form(&[("signed_request", signed_request)]);
    let answer = platform.send(request).await;
    (answer.status, answer.text)
}

#[tokio::test]
async fn a_permission_that_was_taken_back_ends_the_connection_once_it_is_signed() {
    let world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    connect(&mut ada.browser, "fictional.bakery").await;
    let mut bob = Person::new(&world, "bob@example.com").await;
    connect(&mut bob.browser, "fictional.gym").await;
    let (hers, his) = (ada.everything(&world).await, bob.everything(&world).await);
    let right = signed(APP_SECRET, &payload(&world, BAKERY.app_scoped, 0));
    let (signature, body) = right.split_once('.').unwrap();
    let none = json!({"algorithm": "none", "user_id": BAKERY.app_scoped, "issued_at": 1});
    for (name, wrong) in [
        ("another secret", signed("another-secret", &payload(&world, BAKERY.app_scoped, 0))),
        ("an empty secret", signed("", &payload(&world, BAKERY.app_scoped, 0))),
        ("swapped", format!("{body}.{signature}")),
        ("no signature", format!(".{body}")),
        ("no dot", body.to_owned()),
        ("three parts", format!("{right}.x")),
        (
            "another's signature",
            format!(
                "{signature}.{}",
                BASE64_URL_SAFE_NO_PAD.encode(payload(&world, GYM.app_scoped, 0).to_string())
            ),
        ),
        ("alg none", signed(APP_SECRET, &none)),
        ("eight days old", signed(APP_SECRET, &payload(&world, BAKERY.app_scoped, -8 * 86_400))),
        ("from the future", signed(APP_SECRET, &payload(&world, BAKERY.app_scoped, 700))),
        ("no time", signed(APP_SECRET, &json!({"algorithm": "HMAC-SHA256", "user_id": BAKERY.app_scoped}))),
        ("a user that is no id", signed(APP_SECRET, &payload(&world, "../../x", 0))),
        ("too long", signed(APP_SECRET, &json!({"x": "y".repeat(9_000)}))),
        ("empty", String::new()),
        ("bytes", "\u{0}.\u{0}".to_owned()),
    ] {
        let (status, text) = send(&world, &wrong).await;
        assert_eq!((status, text.as_str()), (400, ""), "{name}");
    }
    let mut platform = Browser::of(&world);
    for request in [
        platform.bare("POST", PATH),
        platform.bare("POST", PATH).form(&[("x", "y")]),
        platform.bare("POST", PATH).json(&json!({"signed_request": right})),
        platform.bare("GET", PATH),
    ] {
        let answer = platform.send(request).await;
        assert!((400..500).contains(&answer.status), "{}", answer.status);
    }
    assert!(ada.everything(&world).await == hers);
    // Somebody whom nobody knows: fine, and nothing happens.
    assert_eq!(send(&world, &signed(APP_SECRET, &payload(&world, "26000000000000999", 0))).await.0, 200);
    assert!(ada.everything(&world).await == hers);
    for _ in 0..2 {
        assert_eq!(send(&world, &right).await, (200, String::new()));
    }
    let status = ada.browser.get("/api/auth/instagram/status").await.json();
    assert_eq!(status["connected"], false);
    let workspace = world.app.users.published(&ada.id).await.unwrap().state;
    assert_eq!(workspace.integration.as_ref().unwrap().token.as_str(), "", "the token is gone");
    assert!(bob.everything(&world).await == his, "of the other workspace nothing changed");
    // The way back is the usual one.
    assert_eq!(
        connect(&mut ada.browser, "fictional.bakery").await.location(),
        "/settings?success=instagram_connected"
    );
    world.close().await;
}

#[tokio::test]
async fn the_platforms_own_callback_is_understood() {
    let world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    connect(&mut ada.browser, "fictional.bakery").await;
    let told = world.post(&format!("accounts/{}/deauthorize", BAKERY.account), json!({})).await;
    assert_eq!(told["status"], 200, "{told}");
    let status = ada.browser.get("/api/auth/instagram/status").await.json();
    assert_eq!(status["connected"], false);
    let told = world.post(&format!("accounts/{}/deauthorize", GYM.account), json!({})).await;
    assert_eq!(told["status"], 200, "nobody has that account: {told}");
    world.close().await;
}
