//! The webhook endpoint: who is let in, what is answered, and what becomes of the content.

use crate::world::{BAKERY, GYM, Plans, World, item, message, sign};
use greenroom::config::Span;
use greenroom_actors::{
    intake::{INTAKE_KEY, Intake},
    user::decision::Verdict,
};
use greenroom_instagram::signature;
use greenroom_persistence::memory::Fault;
use reqwest::{Response, header};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

mod content;

/// A person who writes to the bakery.
const ANA: &str = "900000000000001";
/// Time within which the door must answer anything.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);

async fn handshake(world: &World, query: &[(&str, &str)]) -> Response {
    world.http.get(world.webhook_url()).query(query).send().await.unwrap()
}

async fn post(world: &World, body: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = world.http.post(world.webhook_url()).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

/// Writes bytes to the door and returns the whole answer.
async fn raw(world: &World, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.door).await.unwrap();
    // The door may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(ANSWER_DEADLINE, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the door does not answer");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn intake(world: &World) -> Arc<Intake> {
    world.app.intake.published(INTAKE_KEY).await.unwrap().state
}

async fn quarantine_reasons(world: &World) -> Vec<String> {
    intake(world).await.quarantine.iter().map(|kept| kept.item.reason().to_owned()).collect()
}

fn one_message(world: &World) -> String {
    message(BAKERY.account, ANA, "m_door_1", "hello", world.now()).to_string()
}

#[tokio::test]
async fn the_handshake_echoes_the_challenge_to_who_knows_the_token() {
    let world = World::bakery().await;
    let right = [
        ("hub.mode", "subscribe"),
        ("hub.challenge", "1158201444 é"),
        ("hub.verify_token", "sandbox-verify"),
    ];
    let answer = handshake(&world, &right).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/plain"));
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.text().await.unwrap(), "1158201444 é");
    let refused: [(&[(&str, &str)], u16); 7] = [
        (&[("hub.mode", "subscribe"), ("hub.challenge", "1"), ("hub.verify_token", "wrong")], 403),
        (&[("hub.mode", "subscribe"), ("hub.challenge", "1"), ("hub.verify_token", "")], 403),
        (&[("hub.mode", "subscribe"), ("hub.challenge", "1")], 403),
        (&[("hub.mode", "unsubscribe"), ("hub.challenge", "1"), ("hub.verify_token", "sandbox-verify")], 403),
        (&[("hub.challenge", "1"), ("hub.verify_token", "sandbox-verify")], 403),
        (&[("hub.mode", "subscribe"), ("hub.verify_token", "sandbox-verify")], 400),
        (&[], 400),
    ];
    for (query, status) in refused {
        assert_eq!(handshake(&world, query).await.status(), status, "{query:?}");
    }
    world.close().await;
}

#[tokio::test]
async fn a_challenge_of_512_characters_is_echoed_and_one_more_is_not() {
    let world = World::bakery().await;
    for (length, status) in [(512, 200), (513, 403)] {
        let challenge = "é".repeat(length);
        let query = [
            ("hub.mode", "subscribe"),
            ("hub.challenge", &*challenge),
            ("hub.verify_token", "sandbox-verify"),
        ];
        assert_eq!(handshake(&world, &query).await.status(), status);
    }
    world.close().await;
}

#[tokio::test]
async fn an_unconfigured_verify_token_never_matches() {
    let plans = Plans { verify_token: "", ..Plans::default() };
    let world = World::with(plans).await;
    let query = [("hub.mode", "subscribe"), ("hub.challenge", "1"), ("hub.verify_token", "")];
    assert_eq!(handshake(&world, &query).await.status(), 403);
    world.close().await;
}

#[tokio::test]
async fn only_a_right_signature_over_the_raw_bytes_opens_the_door() {
    let world = World::bakery().await;
    let body = one_message(&world);
    let right = sign(body.as_bytes());
    let digest = right.strip_prefix("sha256=").unwrap().to_owned();
    let wrong_secret = signature::sign(&SecretString::from("not-the-secret"), body.as_bytes());
    let flipped = format!("sha256={}{}", if digest.starts_with('0') { '1' } else { '0' }, &digest[1..]);
    let cases: [(&str, Vec<(&str, String)>); 10] = [
        ("missing", vec![]),
        ("empty", vec![("x-hub-signature-256", String::new())]),
        ("sha1 alone", vec![("x-hub-signature", "sha1=0000000000000000000000000000000000000000".to_owned())]),
        (
            "sha1 in its place",
            vec![("x-hub-signature-256", "sha1=0000000000000000000000000000000000000000".to_owned())],
        ),
        ("no prefix", vec![("x-hub-signature-256", digest.clone())]),
        ("short", vec![("x-hub-signature-256", right[..right.len() - 1].to_owned())]),
        ("long", vec![("x-hub-signature-256", format!("{right}0"))]),
        ("no hex", vec![("x-hub-signature-256", format!("sha256={}", "g".repeat(64)))]),
        ("other secret", vec![("x-hub-signature-256", wrong_secret)]),
        ("one digit off", vec![("x-hub-signature-256", flipped)]),
    ];
    for (name, headers) in cases {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = post(&world, &body, &headers).await;
        assert_eq!(answer.status(), 401, "{name}");
        assert_eq!(answer.bytes().await.unwrap().len(), 0, "{name}");
    }
    let twice = [("x-hub-signature-256", &*right), ("x-hub-signature-256", &*right)];
    assert_eq!(post(&world, &body, &twice).await.status(), 401, "repeated");
    assert_eq!(
        post(&world, &format!("{body} "), &[("x-hub-signature-256", &right)]).await.status(),
        401,
        "one byte more"
    );
    assert!(world.decision_if_any(BAKERY, "m_door_1").await.is_none(), "nothing of it was taken");
    assert_eq!(post(&world, &body, &[("x-hub-signature-256", &right)]).await.status(), 200);
    assert!(world.decision_if_any(BAKERY, "m_door_1").await.is_some());
    world.close().await;
}

#[tokio::test]
async fn the_prefix_and_the_digits_may_be_of_either_case_and_the_second_secret_counts() {
    let world = World::bakery().await;
    let body = one_message(&world);
    let upper = sign(body.as_bytes()).to_uppercase();
    assert_eq!(post(&world, &body, &[("x-hub-signature-256", &upper)]).await.status(), 200);
    let second = signature::sign(&SecretString::from("sandbox-meta-secret"), body.as_bytes());
    assert_eq!(post(&world, &body, &[("x-hub-signature-256", &second)]).await.status(), 200);
    for (signature, status) in [("valid", 200), ("alt", 200), ("wrong", 401), ("missing", 401), ("sha1", 401)]
    {
        let answer = world.post("actions/raw", json!({"body": body, "signature": signature})).await;
        assert_eq!(answer["status"], status, "{signature}");
    }
    world.close().await;
}

#[tokio::test]
async fn the_platforms_own_example_is_let_in_and_its_reserialised_twin_is_not() {
    const SECRET: &str = "fictional_app_secret_0123456789ab";
    const BODY: &str = r#"{"object":"instagram","entry":[{"id":"17841400000000001","time":1767225600000,"messaging":[{"sender":{"id":"900000000000001"},"recipient":{"id":"17841400000000001"},"timestamp":1767225599000,"message":{"mid":"m_fict_0001","text":"Caf\u00e9 \u2615 link\/price"}}]}]}"#;
    let mut plans = Plans::default();
    plans.more_secrets.push(SECRET.to_owned());
    let world = World::with(plans).await;
    assert_eq!(BODY.len(), 265);
    let signature = "sha256=af88bb717df6fe29f1b2cdffed5bd1e6b4a54b47443788c4f37af3f449e036db";
    let twin = serde_json::from_str::<Value>(BODY).unwrap().to_string();
    assert_eq!(post(&world, &twin, &[("x-hub-signature-256", signature)]).await.status(), 401);
    assert_eq!(post(&world, BODY, &[("x-hub-signature-256", signature)]).await.status(), 200);
    assert!(world.decision_if_any(BAKERY, "m_fict_0001").await.is_some());
    world.close().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_declared_or_not() {
    let mut plans = Plans::default();
    plans.config.server.webhook_body_bytes_max = 64 * 1024;
    let world = World::with(plans).await;
    let at_limit = format!("{{{}}}", " ".repeat(64 * 1024 - 2));
    assert_eq!(world.deliver(at_limit.clone()).await, 200);
    let over = format!("{at_limit} ");
    let declared = raw(
        &world,
        format!(
            "POST /api/webhooks/instagram HTTP/1.1\r\nHost: door\r\nConnection: close\r\nX-Hub-Signature-256: {}\r\nContent-Length: {}\r\n\r\n",
            sign(over.as_bytes()),
            over.len()
        )
        .as_bytes(),
    )
    .await;
    assert!(declared.starts_with("HTTP/1.1 413"), "{declared}");
    let chunked = raw(
        &world,
        format!(
            "POST /api/webhooks/instagram HTTP/1.1\r\nHost: door\r\nConnection: close\r\nX-Hub-Signature-256: {}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{over}\r\n0\r\n\r\n",
            sign(over.as_bytes()),
            over.len()
        )
        .as_bytes(),
    )
    .await;
    assert!(chunked.starts_with("HTTP/1.1 413"), "{chunked}");
    world.close().await;
}

#[tokio::test]
async fn a_chunked_body_within_the_limit_is_taken() {
    let world = World::bakery().await;
    let body = one_message(&world);
    let (first, rest) = body.split_at(10);
    let request = format!(
        "POST /api/webhooks/instagram HTTP/1.1\r\nHost: door\r\nConnection: close\r\nX-Hub-Signature-256: {}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
        sign(body.as_bytes()),
        first.len(),
        rest.len()
    );
    let answer = raw(&world, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(world.decision_if_any(BAKERY, "m_door_1").await.is_some());
    world.close().await;
}

#[tokio::test]
async fn an_encoded_body_is_415() {
    let world = World::bakery().await;
    let body = one_message(&world);
    let signature = sign(body.as_bytes());
    for (encoding, status) in [("gzip", 415), ("identity", 200)] {
        let headers = [("x-hub-signature-256", &*signature), ("content-encoding", encoding)];
        assert_eq!(post(&world, &body, &headers).await.status(), status, "{encoding}");
    }
    world.close().await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_408() {
    let mut plans = Plans::default();
    plans.config.server.webhook_body_timeout = Span(Duration::from_millis(200));
    let world = World::with(plans).await;
    let head = format!(
        "POST /api/webhooks/instagram HTTP/1.1\r\nHost: door\r\nConnection: close\r\nX-Hub-Signature-256: {}\r\nContent-Length: 10\r\n\r\nhalf",
        sign(b"0123456789")
    );
    let answer = raw(&world, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    world.close().await;
}

#[tokio::test]
async fn another_method_is_405_and_says_what_is_allowed() {
    let world = World::bakery().await;
    for method in
        [reqwest::Method::PUT, reqwest::Method::DELETE, reqwest::Method::PATCH, reqwest::Method::OPTIONS]
    {
        let answer = world.http.request(method.clone(), world.webhook_url()).send().await.unwrap();
        assert_eq!(answer.status(), 405, "{method}");
        let allow: Vec<_> = answer.headers().get_all(header::ALLOW).iter().collect();
        assert_eq!(allow, ["GET, POST"], "{method}");
    }
    world.close().await;
}

#[tokio::test]
async fn one_request_too_many_is_503_with_a_hint_and_the_others_are_served() {
    let mut plans = Plans::default();
    plans.config.server.webhook_requests_max = 1;
    let world = World::with(plans).await;
    world.memory.pause_appends();
    let body = one_message(&world);
    let mut first = Box::pin(world.deliver(body.clone()));
    // The first request holds the only permit once its record waits for the disk.
    loop {
        tokio::select! {
            status = &mut first => panic!("answered {status} before it was durable"),
            () = tokio::task::yield_now() => if world.memory.held_appends() > 0 { break },
        }
    }
    let second = post(&world, &body, &[("x-hub-signature-256", &sign(body.as_bytes()))]).await;
    assert_eq!(second.status(), 503);
    assert_eq!(second.headers()[header::RETRY_AFTER], "30");
    world.memory.resume_appends();
    assert_eq!(first.await, 200);
    assert_eq!(world.deliver(body).await, 200, "the permit is free again");
    world.close().await;
}

#[tokio::test]
async fn bodies_that_dawdle_do_not_close_the_door_to_whole_ones() {
    let mut plans = Plans::default();
    plans.config.server.webhook_requests_max = 1;
    let world = World::with(plans).await;
    let head = format!(
        "POST /api/webhooks/instagram HTTP/1.1\r\nHost: door\r\nX-Hub-Signature-256: sha256={}\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n",
        "0".repeat(64)
    );
    let mut dawdler = TcpStream::connect(world.door).await.unwrap();
    dawdler.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body once it begins to wait for it.
    let mut asked = [0; 12];
    dawdler.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100");
    assert_eq!(world.deliver(one_message(&world)).await, 200);
    drop(dawdler);
    world.close().await;
}

/// Delivers a question under each fault, then twice without; returns its id.
async fn deliver_under(world: &World, faults: &[Fault]) -> &'static str {
    const MID: &str = "m_door_2";
    world.rule(BAKERY, "price", "It is 49.").await;
    let person = json!({"account": BAKERY.account, "person": "1", "text": "hello"});
    let person = world.post("actions/dm", person).await["igsid"].as_str().unwrap().to_owned();
    world.settle().await;
    let body = message(BAKERY.account, &person, MID, "price?", world.now()).to_string();
    for fault in faults {
        world.memory.fail_next_append(*fault);
        let answer = post(world, &body, &[("x-hub-signature-256", &sign(body.as_bytes()))]).await;
        assert_eq!(answer.status(), 503, "{fault:?}");
        assert_eq!(answer.headers()[header::RETRY_AFTER], "30", "{fault:?}");
        world.pass(Duration::from_secs(2)).await;
    }
    assert_eq!(world.deliver(body.clone()).await, 200);
    assert_eq!(world.deliver(body).await, 200);
    world.drain(Duration::from_secs(3_600)).await;
    world.assert_nothing_twice().await;
    MID
}

#[tokio::test]
async fn with_the_journal_down_it_is_503_and_the_retry_is_processed_once() {
    let world = World::bakery().await;
    let mid = deliver_under(&world, &[Fault::Unavailable, Fault::Overloaded, Fault::UnknownLost]).await;
    assert_eq!(world.sent_texts(BAKERY).await, ["It is 49."]);
    assert!(world.was_answered(BAKERY, mid).await);
    world.close().await;
}

#[tokio::test]
async fn a_record_of_unknown_outcome_that_was_kept_is_never_sent_twice_and_shown() {
    let world = World::bakery().await;
    let mid = deliver_under(&world, &[Fault::UnknownKept]).await;
    // The attempt is durable and its call may have been made: as after a crash, it is looked for and then shown.
    assert!(world.sent(BAKERY).await.is_empty());
    let Verdict::NotDelivered { outbound } = world.decision(BAKERY, mid).await.verdict else {
        panic!("neither resolved nor shown")
    };
    assert!(world.state(BAKERY).await.dead_letters().any(|shown| shown.id == outbound));
    world.close().await;
}

#[tokio::test]
async fn health_and_unknown_paths_answer_as_they_should() {
    let world = World::bakery().await;
    let get = |path: &str| world.http.get(format!("http://{}{path}", world.door)).send();
    assert_eq!(get("/health/live").await.unwrap().status(), 200);
    let ready = get("/health/ready").await.unwrap();
    assert_eq!(ready.status(), 200);
    assert_eq!(ready.json::<Value>().await.unwrap()["status"], "ready");
    let metrics = get("/metrics").await.unwrap().text().await.unwrap();
    assert!(metrics.contains("greenroom_"), "{metrics}");
    assert_eq!(get("/nowhere").await.unwrap().status(), 404);
    world.close().await;
}
