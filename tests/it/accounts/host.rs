//! What a request says about the server's own address is not believed.

use super::browser::{Answer, Browser, PASSWORD, Person, mail, plans, world};
use crate::world::World;
use serde_json::{Value, json};

const LIES: [(&str, &str); 10] = [
    ("host", "evil.example"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "evil.example"),
    ("x-forwarded-server", "evil.example"),
    ("x-forwarded-port", "evil.example"),
    ("x-host", "evil.example"),
    ("x-original-url", "http://evil.example/"),
    ("forwarded", "host=evil.example;proto=https"),
    ("x-better-auth-forwarded-host", "evil.example"),
    ("x-better-auth-forwarded-proto", "evil.example"),
];

async fn lie(browser: &mut Browser, method: &str, path: &str, body: Value) -> Answer {
    let mut request = browser.request(method, path);
    for (name, value) in LIES {
        request = request.header(name, value);
    }
    if !body.is_null() {
        request = request.json(&body);
    }
    let answer = browser.send(request).await;
    assert!(answer.status < 400, "{path}: {}", answer.text);
    assert!(!answer.everything().contains("evil"), "{path}: {}", answer.everything());
    answer
}

#[tokio::test]
async fn mails_redirects_and_documents_name_the_configured_origin_only() {
    let world = world(|auth| auth.confirm_deletion_by_mail = true).await;
    let own = world.app.auth.origins.own().to_owned();
    let mut person = Person::new(&world, "ada@example.com").await;
    let email = person.email.clone();
    let browser = &mut person.browser;
    lie(browser, "POST", "/api/auth/request-password-reset", json!({"email": email, "redirectTo": "/reset"}))
        .await;
    lie(browser, "POST", "/api/auth/send-verification-email", json!({"email": email})).await;
    lie(browser, "POST", "/api/auth/delete-user", json!({"password": PASSWORD})).await;
    lie(browser, "POST", "/api/auth/change-email", json!({"newEmail": "new@example.com"})).await;
    for (to, n) in [(email.as_str(), 0), (&email, 1), (&email, 2), ("new@example.com", 0)] {
        let mail = mail(&world, to, n).await;
        assert!(
            mail.url.starts_with(&format!("{own}/api/auth/")) && !mail.url.contains("evil"),
            "{}",
            mail.url
        );
    }
    let reset = mail(&world, &email, 0).await;
    let followed = lie(browser, "GET", &super::browser::path_of(&reset.url), Value::Null).await;
    assert!(followed.location().starts_with(&format!("{own}/reset?token=")), "{}", followed.location());
    let social = json!({"provider": "google", "callbackURL": "/dash"});
    let page = lie(browser, "POST", "/api/auth/sign-in/social", social).await;
    let url = page.json()["url"].as_str().unwrap().to_owned();
    let uri = super::browser::parameter(&url, "redirect_uri").unwrap();
    assert_eq!(uri, format!("{own}/api/auth/callback/google"));
    let posted = lie(browser, "POST", "/api/auth/callback/google?code=x", Value::Null).await;
    assert!(posted.location().starts_with(&own));
    let failed = lie(browser, "GET", "/api/auth/callback/google?code=x", Value::Null).await;
    assert_eq!(failed.location(), format!("{own}/api/auth/error?error=state_not_found"));
    let page = lie(browser, "GET", "/api/auth/instagram", Value::Null).await.location();
    let uri = super::browser::parameter(&page, "redirect_uri").unwrap();
    assert_eq!(uri, format!("{own}/api/auth/instagram/callback"));
    lie(browser, "GET", "/api/auth/instagram/disconnect", Value::Null).await;
    let document =
        lie(browser, "GET", "/api/auth/convex/.well-known/openid-configuration", Value::Null).await;
    assert_eq!(document.json()["issuer"], own.as_str());
    lie(browser, "GET", "/.well-known/openid-configuration", Value::Null).await;
    lie(browser, "GET", "/api/auth/error?error=x", Value::Null).await;
    lie(browser, "GET", "/api/auth/convex/token", Value::Null).await;
    lie(browser, "GET", "/api/auth/get-session", Value::Null).await;
    world.close().await;
}

#[tokio::test]
async fn a_scheme_that_is_only_claimed_changes_no_cookie_and_makes_no_origin_trusted() {
    let world = World::with(plans()).await;
    let mut browser = Browser::of(&world);
    let body = json!({"name": "Ada", "email": "ada@example.com", "password": PASSWORD});
    let request = browser.request("POST", "/api/auth/sign-up/email").json(&body);
    let answer = browser.send(request.header("x-forwarded-proto", "https")).await;
    assert!(answer.all("set-cookie").iter().all(|cookie| !cookie.contains("Secure")), "{:?}", answer.headers);
    browser.origin = Some("http://evil.example".to_owned());
    let request = browser.request("POST", "/api/auth/update-user").json(&json!({"name": "M"}));
    let request = request.header("host", "evil.example").header("x-forwarded-host", "evil.example");
    assert_eq!(browser.send(request).await.outcome(), (403, "INVALID_ORIGIN".to_owned()));
    world.close().await;
}
