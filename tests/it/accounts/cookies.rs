//! Cookies that were not made here, or not like this.

use super::browser::{Browser, Person, SECRET, SESSION, plans, world};
use crate::world::World;
use base64::{Engine, prelude::BASE64_STANDARD};
use greenroom::config::Secret;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

/// A signed value as the contract writes it, made without the product's code.
fn signed(secret: &str, value: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(value.as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    format!("{value}.{signature}").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

#[tokio::test]
async fn only_the_very_signature_of_the_very_value_counts() {
    let world = world(|_| {}).await;
    let person = Person::new(&world, "ada@example.com").await;
    let token = person.token.as_str();
    let right = person.browser.cookie(SESSION).unwrap().to_owned();
    assert_eq!(right, signed(SECRET, token));
    let plain = right.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    let signature = plain.rsplit_once('.').unwrap().1;
    let flipped = format!("{}{}", if signature.starts_with('A') { 'B' } else { 'A' }, &signature[1..]);
    let other_token = token.chars().rev().collect::<String>();
    let forged = [
        ("no signature", token.to_owned()),
        ("empty signature", format!("{token}.")),
        ("signature alone", format!(".{signature}")),
        ("without padding", plain.trim_end_matches('=').to_owned()),
        ("one character short", plain[..plain.len() - 2].to_owned() + "="),
        ("cut in half", plain[..plain.len() / 2].to_owned()),
        ("one bit off", format!("{token}.{flipped}")),
        ("lower case", format!("{token}.{}", signature.to_lowercase())),
        (
            "other alphabet",
            format!("{token}.{}", BASE64_STANDARD.encode([0xfb; 32]).replace('+', "-").replace('/', "_")),
        ),
        ("another secret", signed("another-secret-0123456789", token)),
        ("an empty secret", signed("", token)),
        ("signature of another value", format!("{other_token}.{signature}")),
        ("another value, signed by nobody", signed("x", &other_token)),
        ("escaped twice", right.replace('%', "%25")),
        ("more behind it", format!("{plain}x")),
        ("a dot more", format!("{token}..{signature}")),
        ("null byte", format!("{token}%00.{signature}")),
        ("signed, and no token", signed(SECRET, "")),
        ("signed literal of another cookie", signed(SECRET, "true")),
        ("zero signature", format!("{token}.{}", BASE64_STANDARD.encode([0; 32]))),
    ];
    for (name, value) in &forged {
        let mut browser = Browser::of(&world);
        browser.plant(SESSION, value);
        assert!(!browser.clone().is_signed_in().await, "{name}: {value}");
        browser.plant(SESSION, value);
        assert_eq!(browser.tell("/update-user", json!({"name": "M"})).await.status, 401, "{name}");
    }
    let quoted = format!("\"{plain}\"");
    let small = right.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d");
    for value in [&right, &plain, &small, &quoted] {
        let mut browser = Browser::of(&world);
        browser.plant(SESSION, value);
        assert!(browser.is_signed_in().await, "{value}");
    }
    world.close().await;
}

#[tokio::test]
async fn of_a_doubled_name_the_first_counts_and_other_names_do_not() {
    let world = world(|_| {}).await;
    let person = Person::new(&world, "ada@example.com").await;
    let right = person.browser.cookie(SESSION).unwrap().to_owned();
    let cases = [
        (format!("{SESSION}=bad; {SESSION}={right}"), false),
        (format!("{SESSION}={right}; {SESSION}=bad"), true),
        (format!("{SESSION}=; {SESSION}={right}"), false),
        (format!("__Secure-{SESSION}={right}"), false),
        (format!("__Host-{SESSION}={right}"), false),
        (format!("Better-Auth.session_token={right}"), false),
        (format!("x{SESSION}={right}"), false),
        (format!("better-auth.state={right}"), false),
        (format!("a=\"; {SESSION}={right}"), true),
        (format!("better-auth.session_data={{}}; {SESSION}={right}"), true),
    ];
    for (cookies, is_in) in cases {
        let browser = Browser::of(&world);
        let request = browser.bare("GET", "/api/auth/get-session").header("cookie", &cookies);
        let answer = browser.clone().send(request).await;
        assert_eq!((answer.status, answer.text != "null"), (200, is_in), "{cookies}");
    }
    // Two headers are one list.
    let browser = Browser::of(&world);
    let request = browser.bare("GET", "/api/auth/get-session").header("cookie", format!("{SESSION}=bad"));
    let answer = browser.clone().send(request.header("cookie", format!("{SESSION}={right}"))).await;
    assert_eq!(answer.text, "null");
    // The token is a cookie and nothing else.
    for (name, value) in
        [("authorization", format!("Bearer {}", person.token)), ("better-auth-cookie", right)]
    {
        let request = browser.bare("GET", "/api/auth/get-session").header(name, value);
        assert_eq!(browser.clone().send(request).await.text, "null", "{name}");
    }
    world.close().await;
}

#[tokio::test]
async fn a_signed_cookie_of_one_purpose_is_worth_nothing_for_another() {
    let world = World::with(plans()).await;
    let mut browser = Browser::of(&world);
    super::browser::begin_google(&mut browser, json!({})).await;
    let state = browser.cookie("better-auth.state").unwrap().to_owned();
    browser.plant(SESSION, &state);
    assert!(!browser.is_signed_in().await);
    // And the token of a session is no state.
    let person = Person::new(&world, "ada@example.com").await;
    let mut browser = Browser::of(&world);
    let page = super::browser::begin_google(&mut browser, json!({})).await;
    let back = super::browser::consent(&page, "owner@example.com").await;
    browser.plant("better-auth.state", person.browser.cookie(SESSION).unwrap());
    assert_eq!(browser.follow(&back).await.location(), "/err?error=state_mismatch");
    world.close().await;
}

#[tokio::test]
async fn secrets_can_be_rotated_the_first_signs_and_all_verify() {
    const NEXT: &str = "next-door-secret-0123456789-abcdef";
    let mut world = world(|_| {}).await;
    let person = Person::new(&world, "ada@example.com").await;
    let old = person.browser.cookie(SESSION).unwrap().to_owned();
    world.crash(|config| config.auth.secrets = vec![Secret::new(NEXT), Secret::new(SECRET)]).await;
    let mut browser = person.browser.again();
    assert!(browser.is_signed_in().await, "the previous secret verifies");
    assert_eq!(browser.tell("/update-user", json!({"name": "Ada L"})).await.status, 200);
    assert_eq!(browser.cookie(SESSION).unwrap(), signed(NEXT, &person.token), "the current one signs");
    world.crash(|config| config.auth.secrets = vec![Secret::new(NEXT)]).await;
    let mut browser = browser.again();
    assert!(browser.is_signed_in().await);
    browser.plant(SESSION, &old);
    assert!(!browser.is_signed_in().await, "a secret that is gone verifies nothing");
    world.close().await;
}

#[tokio::test]
async fn behind_https_every_cookie_is_secure_and_the_plain_names_are_not_read() {
    let world = world(|auth| auth.base_url = "https://app.example.com".to_owned()).await;
    let mut person = Person::new(&world, "ada@example.com").await;
    assert_eq!(person.browser.jar.len(), 1);
    let name = format!("__Secure-{SESSION}");
    let value = person.browser.cookie(&name).unwrap().to_owned();
    assert!(person.browser.is_signed_in().await);
    let answer = person.browser.tell("/update-user", json!({"name": "Ada L"})).await;
    let attributes = "; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax";
    assert_eq!(answer.all("set-cookie"), [format!("{name}={value}{attributes}")]);
    let mut other = Browser::of(&world);
    other.plant(SESSION, &value);
    assert!(!other.is_signed_in().await);
    super::browser::begin_google(&mut other, json!({})).await;
    assert!(other.cookie("__Secure-better-auth.state").is_some());
    let answer = person.browser.tell("/sign-out", json!({})).await;
    let cookies = answer.all("set-cookie");
    assert_eq!(cookies.len(), 3);
    for cookie in cookies {
        assert!(
            cookie.starts_with("__Secure-") && cookie.ends_with("; HttpOnly; Secure; SameSite=Lax"),
            "{cookie}"
        );
        assert!(cookie.contains("=; Max-Age=0;"), "{cookie}");
    }
    world.close().await;
}
