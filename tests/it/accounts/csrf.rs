//! A request with cookies from a page of somebody else changes nothing.

use super::{
    browser::{Person, world},
    routes::{Loot, quiet},
};

/// The platform calls these; what they say is signed, and no cookie counts.
const SIGNED: [&str; 2] = ["/api/auth/instagram/deauthorize", "/api/auth/instagram/data-deletion"];

#[tokio::test]
async fn every_post_with_cookies_from_a_foreign_page_is_403_and_changes_nothing() {
    let world = world(|auth| {
        auth.confirm_deletion_by_mail = true;
        auth.trusted_origins = vec!["https://*.preview.example.com".to_owned()];
    })
    .await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let loot = Loot::of(&world, &mut ada, "fictional.bakery").await;
    let before = ada.everything(&world).await;
    let own = world.app.auth.origins.own().to_owned();
    let (host, _) = own.rsplit_once(':').unwrap();
    let origins: Vec<Option<String>> = [
        "https://evil.example",
        "null",
        "",
        host,
        &format!("{host}:1"),
        &own.replace("http:", "https:"),
        &format!("{own}.evil.example"),
        &format!("{own}@evil.example"),
        &format!("http://evil.example/{own}"),
        &format!("http://evil.example#{own}"),
        &own.replace("127.0.0.1", "localhost"),
        &own.replace("127.0.0.1", "x127.0.0.1"),
        "https://preview.example.com",
        "https://a.preview.example.com.evil.example",
        "http://a.preview.example.com",
        "https://evil.example/.preview.example.com",
        &own.replace("http:", "file:"),
    ]
    .into_iter()
    .map(|origin| Some(origin.to_owned()))
    .chain([None])
    .collect();
    let posts = loot.rows().into_iter().filter(|row| row.method == "POST" && !SIGNED.contains(&row.route));
    let posts: Vec<_> = posts.collect();
    assert!(posts.len() > 30);
    for row in &posts {
        for origin in &origins {
            let mut browser = ada.browser.clone();
            browser.origin.clone_from(origin);
            let answer = browser.send(row.request(&browser)).await;
            assert_eq!(answer.status, 403, "{row:?} from {origin:?}: {}", answer.text);
            assert!(answer.all("set-cookie").is_empty(), "{row:?} from {origin:?}");
        }
        quiet(&world, &ada).await;
        assert!(ada.everything(&world).await == before, "{row:?}");
    }
    // The page before counts where the browser names no origin, and a trusted pattern is trusted.
    let mut browser = ada.browser.clone();
    browser.origin = None;
    let rename = |browser: &super::browser::Browser| {
        let body = serde_json::json!({"name": "Ada L"});
        browser.request("POST", "/api/auth/update-user").json(&body)
    };
    let request = rename(&browser).header("referer", format!("https://evil.example/{own}"));
    assert_eq!(browser.send(request).await.outcome(), (403, "INVALID_ORIGIN".to_owned()));
    let request = rename(&browser).header("referer", format!("{own}/settings?x=y"));
    assert_eq!(browser.send(request).await.status, 200);
    browser.origin = Some("https://a.b.preview.example.com".to_owned());
    assert_eq!(browser.send(rename(&browser)).await.status, 200);
    world.close().await;
}

#[tokio::test]
async fn a_link_that_is_only_followed_changes_nothing() {
    let world = world(|auth| auth.confirm_deletion_by_mail = true).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let loot = Loot::of(&world, &mut ada, "fictional.bakery").await;
    let before = ada.everything(&world).await;
    // As a picture on a foreign page would be fetched; the deletion and the change are proved by what was mailed.
    let proofs = ["/delete-user/callback", "/verify-email"];
    for row in loot.rows().iter().filter(|row| row.method == "GET" && !proofs.contains(&row.route)) {
        let callback = row.route == "/callback/" || row.route == "/api/auth/instagram/callback";
        if callback {
            continue;
        }
        let mut browser = ada.browser.clone();
        let request = row.request(&browser).header("sec-fetch-site", "cross-site");
        browser.send(request).await;
        assert!(ada.everything(&world).await == before, "{row:?}");
    }
    world.close().await;
}

#[tokio::test]
async fn nobody_is_signed_in_by_a_form_on_a_foreign_page() {
    let world = world(|_| {}).await;
    let ada = Person::new(&world, "ada@example.com").await;
    let own = world.app.auth.origins.own().to_owned();
    let cases: [(&[(&str, &str)], u16); 9] = [
        (&[], 200),
        (&[("origin", &own)], 200),
        (&[("origin", &own), ("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")], 200),
        (&[("origin", "null"), ("sec-fetch-site", "same-origin")], 200),
        (&[("origin", "https://evil.example")], 403),
        (&[("referer", "https://evil.example/")], 403),
        (&[("origin", "null")], 403),
        (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("origin", &own)], 403),
        (&[("sec-fetch-mode", "cors")], 403),
    ];
    for path in ["/api/auth/sign-in/email", "/api/auth/sign-up/email"] {
        for (n, (headers, status)) in cases.iter().enumerate() {
            let email =
                if path.ends_with("in/email") { ada.email.clone() } else { format!("form{n}@example.com") };
            let form = [("name", "Ada"), ("email", &email), ("password", super::browser::PASSWORD)];
            let mut browser = super::browser::Browser::of(&world);
            let mut request = browser.bare("POST", path).form(&form);
            for (name, value) in *headers {
                request = request.header(*name, *value);
            }
            let answer = browser.send(request).await;
            assert_eq!(answer.status, *status, "{path} {headers:?}: {}", answer.text);
            assert_eq!(browser.jar.is_empty(), *status == 403, "{path} {headers:?}");
        }
    }
    world.close().await;
}
