//! Too much, too long, too deep, and not even text: refused with a status that says so, never with a 500.

use super::browser::{Answer, Browser, PASSWORD, Person, SESSION, world};
use crate::world::World;
use serde_json::json;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const JSON: &str = "application/json";

/// Writes bytes to the door; the status of the answer.
async fn raw(world: &World, bytes: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(world.door).await.unwrap();
    // The door may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the door does not answer");
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
}

async fn body(world: &World, path: &str, kind: &str, body: impl Into<reqwest::Body>) -> Answer {
    let mut browser = Browser::of(world);
    let request = browser.request("POST", &format!("/api/auth{path}"));
    browser.send(request.header("content-type", kind).body(body)).await
}

#[tokio::test]
async fn a_body_has_256_kib_declared_or_not() {
    let world = world(|_| {}).await;
    let at_limit = format!("{{\"x\":\"{}\"}}", "y".repeat(256 * 1024 - 8));
    assert_eq!(at_limit.len(), 256 * 1024);
    assert_eq!(body(&world, "/sign-in/email", JSON, at_limit.clone()).await.status, 400);
    let over = at_limit.replacen('x', "xx", 1);
    let declared = body(&world, "/sign-in/email", JSON, over.clone()).await;
    assert_eq!(declared.outcome(), (413, "PAYLOAD_TOO_LARGE".to_owned()));
    let head = "POST /api/auth/sign-in/email HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let streamed = format!("{head}{:x}\r\n{over}\r\n0\r\n\r\n", over.len());
    assert_eq!(raw(&world, streamed.as_bytes()).await, 413);
    let endless = b"POST /api/auth/sign-in/email HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99999999999\r\n\r\n";
    let head = [endless.as_slice(), &vec![b'x'; 300 * 1024]].concat();
    assert_eq!(raw(&world, &head).await, 413);
    world.close().await;
}

#[tokio::test]
async fn what_is_no_json_or_none_that_anybody_needs_is_400() {
    let world = world(|_| {}).await;
    let deep = |n: usize| format!("{{\"email\":{}1{}}}", "[".repeat(n), "]".repeat(n));
    let (shallow, deeper) = (deep(100), deep(100_000));
    let bodies: [&[u8]; 14] = [
        b"{bad",
        b"\xff\xfe",
        b"{\"email\":\"\xff\"}",
        b"{\"email\":\"\\ud800\"}",
        b"{} {}",
        b"null",
        b"[]",
        b"\"text\"",
        b"1e999",
        b"{\"email\":null,\"password\":null}",
        b"{\"email\":{\"$gt\":\"\"},\"password\":{\"$ne\":1}}",
        b"{\"__proto__\":{\"x\":1},\"constructor\":1}",
        shallow.as_bytes(),
        deeper.as_bytes(),
    ];
    for path in
        ["/sign-in/email", "/sign-up/email", "/reset-password", "/sign-in/social", "/one-tap/callback"]
    {
        for bytes in bodies {
            let answer = body(&world, path, JSON, bytes.to_vec()).await;
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]);
            assert_eq!(answer.status, 400, "{path} {shown}");
            assert!(answer.json()["message"].is_string(), "{path} {shown}: {}", answer.text);
        }
    }
    for kind in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/json5",
    ] {
        let answer = body(&world, "/reset-password", kind, "x").await;
        assert_eq!(answer.outcome(), (415, "UNSUPPORTED_MEDIA_TYPE".to_owned()), "{kind}");
    }
    let loud = format!("text/{}", "<script>".repeat(500));
    let answer = body(&world, "/reset-password", &loud, "x").await;
    assert!(answer.status == 415 && answer.text.len() < 1_000, "{}", answer.text.len());
    world.close().await;
}

#[tokio::test]
async fn odd_requests_never_make_it_fall() {
    let world = world(|_| {}).await;
    let person = Person::new(&world, "ada@example.com").await;
    let cookie = format!("{SESSION}={}", person.browser.cookie(SESSION).unwrap());
    let mut browser = person.browser.clone();
    let pairs: String = (0..300).map(|n| format!("k{n}=v&")).collect();
    let many = browser.auth(&format!("/get-session?{pairs}")).await;
    assert!(many.status == 200 && many.text != "null");
    assert_eq!(
        browser.auth(&format!("/verify-email?{pairs}token=x")).await.status,
        400,
        "the last one is not seen"
    );
    let same: String = "token=x&".repeat(300);
    assert_eq!(browser.auth(&format!("/verify-email?{same}")).await.status, 400);
    let form = "email=a&".repeat(300);
    assert_eq!(body(&world, "/sign-in/email", "application/x-www-form-urlencoded", form).await.status, 400);
    for query in ["?%", "?%zz", "?%ff=%ff", "?=", "?&&&", "?a[b]=c", "?callbackURL[]=x", "?token=%00"] {
        for path in [
            "/get-session",
            "/verify-email",
            "/reset-password/x",
            "/delete-user/callback",
            "/callback/google",
            "/account-info",
            "/error",
        ] {
            let answer = browser.auth(&format!("{path}{query}")).await;
            assert!(answer.status < 500, "{path}{query}: {}", answer.status);
        }
        for path in ["", "/callback", "/status", "/disconnect"] {
            let answer = browser.get(&format!("/api/auth/instagram{path}{query}")).await;
            assert!(answer.status < 500, "instagram{path}{query}: {}", answer.status);
        }
    }
    let line = |head: &str, headers: &[u8]| {
        let head = format!("{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
        [head.as_bytes(), headers, b"\r\n"].concat()
    };
    let huge = format!("Cookie: {cookie}; {}\r\n", "a=b; ".repeat(5_000));
    let too_huge = format!("Cookie: {}\r\n", "a".repeat(80_000));
    let long = format!("Cookie: x={}; {cookie}\r\n", "y".repeat(20_000));
    for (name, bytes, status) in [
        ("cookies without end", line("GET /api/auth/get-session", huge.as_bytes()), 200),
        ("one long cookie", line("GET /api/auth/get-session", long.as_bytes()), 200),
        (
            "a cookie that is no text",
            line("GET /api/auth/get-session", b"Cookie: better-auth.session_token=\xff\xfe\r\n"),
            200,
        ),
        ("an agent that is no text", line("GET /api/auth/get-session", b"User-Agent: \xff\xfe\r\n"), 200),
        ("an address that is no text", line("GET /api/auth/get-session", b"X-Forwarded-For: \xff\r\n"), 200),
        (
            "an origin that is no text",
            line("POST /api/auth/sign-out", b"Origin: \xff\r\nCookie: a=b\r\nContent-Length: 0\r\n"),
            403,
        ),
        (
            "a type that is no text",
            line("POST /api/auth/sign-in/email", b"Content-Type: \xff\r\nContent-Length: 4\r\n\r\n{}"),
            400,
        ),
        ("a path of another kind", line("GET http://evil.example/api/auth/ok", b""), 200),
        ("a path with a null", line("GET /api/auth/ok%00", b""), 404),
        ("a path that climbs", line("GET /api/auth/../auth/ok", b""), 404),
        ("a path that climbs in disguise", line("GET /api/auth/%2e%2e/auth/ok", b""), 404),
        ("another method", line("TRACE /api/auth/ok", b""), 404),
    ] {
        assert_eq!(raw(&world, &bytes).await, status, "{name}");
    }
    // The door may close before it has read all of it, and then its answer is lost.
    let refused = raw(&world, &line("GET /api/auth/get-session", too_huge.as_bytes())).await;
    assert!([431, 0].contains(&refused), "more than a head may have: {refused}");
    assert!(person.browser.clone().is_signed_in().await);
    world.close().await;
}

#[tokio::test]
async fn values_that_are_too_long_are_refused_by_name() {
    let world = world(|_| {}).await;
    let mut person = Person::new(&world, "ada@example.com").await;
    let before = person.everything(&world).await;
    let long = |n: usize| "a".repeat(n);
    let label = format!("{}.", "b".repeat(60)).repeat(8);
    for email in [
        format!("{}@example.com", long(400)),
        format!("a@{label}com"),
        format!("{}@example.com", long(100_000)),
    ] {
        for (path, key) in [
            ("/sign-up/email", "email"),
            ("/sign-in/email", "email"),
            ("/request-password-reset", "email"),
            ("/change-email", "newEmail"),
        ] {
            let mut body = json!({"name": "A", "password": PASSWORD});
            body[key] = email.as_str().into();
            let answer = person.browser.clone().tell(path, body).await;
            assert!(
                (200..500).contains(&answer.status),
                "{path} {}: {} {}",
                email.len(),
                answer.status,
                answer.text
            );
            assert!(answer.status != 200 || path == "/request-password-reset", "{path}: {}", answer.text);
        }
    }
    let fields = [
        json!({"name": long(257)}),
        json!({"name": long(200_000)}),
        json!({"image": format!("https://img.example/{}", long(5_000))}),
        json!({"gender": long(200_000)}),
        json!({"use_case": vec!["x"; 5_000]}),
        json!({"name": 5}),
        json!({"image": {}}),
    ];
    for (n, fields) in fields.into_iter().enumerate() {
        let mut body = json!({"name": "A", "email": format!("long{n}@example.com"), "password": PASSWORD});
        let answer = person.browser.tell("/update-user", fields.clone()).await;
        assert_eq!(answer.status, 400, "update {n}: {}", answer.text);
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let answer = Browser::of(&world).tell("/sign-up/email", body).await;
        assert_eq!(answer.status, 400, "sign-up {n}: {}", answer.text);
    }
    for password in [long(129), long(200_000)] {
        let body = json!({"email": person.email, "password": password});
        let answer = Browser::of(&world).tell("/sign-in/email", body).await;
        assert_eq!(answer.outcome(), (400, "PASSWORD_TOO_LONG".to_owned()));
    }
    for token in [long(200_000), "\u{0}".to_owned(), "ü".repeat(1_000)] {
        for (path, body) in [
            ("/reset-password", json!({"newPassword": PASSWORD, "token": token})),
            ("/revoke-session", json!({"token": token})),
            ("/unlink-account", json!({"accountId": token})),
            ("/get-access-token", json!({"accountId": token})),
            ("/delete-user", json!({"token": token})),
        ] {
            let answer = person.browser.tell(path, body).await;
            assert!(answer.status < 500, "{path}: {}", answer.status);
        }
    }
    assert!(person.everything(&world).await == before);
    world.close().await;
}

#[tokio::test]
async fn a_target_that_is_too_long_for_a_mail_or_a_round_trip_is_refused() {
    let world = world(|_| {}).await;
    let mut person = Person::new(&world, "ada@example.com").await;
    for unit in ["a", "ü", "\"", "%20", "&"] {
        for length in [1_000, 2_000, 8_000, 40_000] {
            let target = format!("/{}", unit.repeat(length / unit.len()));
            for (path, body) in [
                (
                    "/sign-in/social",
                    json!({"provider": "google", "callbackURL": target, "errorCallbackURL": target, "newUserCallbackURL": target}),
                ),
                (
                    "/link-social",
                    json!({"provider": "google", "callbackURL": target, "errorCallbackURL": target, "newUserCallbackURL": target}),
                ),
                ("/request-password-reset", json!({"email": person.email, "redirectTo": target})),
                ("/send-verification-email", json!({"email": person.email, "callbackURL": target})),
                ("/change-email", json!({"newEmail": "new@example.com", "callbackURL": target})),
            ] {
                let answer = person.browser.tell(path, body).await;
                assert!(
                    [200, 403, 413].contains(&answer.status),
                    "{path}, {length} of {unit:?}: {} {}",
                    answer.status,
                    answer.text
                );
                // What is accepted is done: the mail was promised.
                if answer.status == 200 && path == "/request-password-reset" {
                    let mails = || world.app.mailbox.as_ref().unwrap().list(Some(&person.email));
                    let encoded = greenroom::auth::redirect::encode_component(&target);
                    super::routes::quiet(&world, &person).await;
                    assert!(mails().iter().any(|mail| mail.url.ends_with(&encoded)), "{length} of {unit:?}");
                }
            }
            assert!(person.identity(&world).await.dead_mails().next().is_none());
        }
    }
    world.close().await;
}

#[tokio::test]
async fn much_that_a_client_adds_to_a_round_trip_is_refused_or_kept_but_never_a_fall() {
    let world = world(|_| {}).await;
    let mut browser = Browser::of(&world);
    for (name, extra) in [
        ("scopes", json!({"scopes": vec!["x"; 10_000]})),
        ("a long scope", json!({"scopes": ["x".repeat(100_000)]})),
        ("a long hint", json!({"loginHint": "x".repeat(100_000)})),
        (
            "many parameters",
            json!({"additionalParams": (0..5_000).map(|n| (format!("p{n}"), json!("v"))).collect::<serde_json::Map<_, _>>()}),
        ),
        ("a reserved one", json!({"additionalParams": {"state": "mine"}})),
        ("data", json!({"additionalData": {"x": "y".repeat(100_000)}})),
    ] {
        let mut body = json!({"provider": "google"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let answer = browser.tell("/sign-in/social", body).await;
        assert!([200, 400].contains(&answer.status), "{name}: {} {}", answer.status, answer.text);
    }
    world.close().await;
}
