//! Whoever asks does not learn whether an address has an account: same status, same headers, same bytes, same work, and
//! the answer leaves at the same time.

use super::{
    browser::{Answer, Browser, PASSWORD, Person, google_sign_in, mail, patiently, verify, world},
    program::Program,
};
use crate::world::World;
use serde_json::{Value, json};
use std::time::Duration;

/// Looks for a write that is held.
const LOOKS_MAX: usize = 300;

/// Status, headers and body, without the date and with ids made equal.
fn shape(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .filter(|(name, _)| name != "date")
        .collect();
    headers.sort();
    (answer.status, headers, answer.text.clone())
}

/// Somebody of every kind, each of whom has or had an account.
async fn known(world: &World) -> Vec<String> {
    Person::new(world, "password@example.com").await;
    let mut verified = Person::new(world, "verified@example.com").await;
    verify(world, &mut verified).await;
    google_sign_in(&mut Browser::of(world), "google@example.com").await;
    let mut gone = Person::new(world, "gone@example.com").await;
    gone.browser.tell("/delete-user", json!({"password": PASSWORD})).await;
    ["password", "verified", "google", "gone"].map(|name| format!("{name}@example.com")).to_vec()
}

#[tokio::test]
async fn a_sign_in_and_a_reset_answer_the_same_for_everybody() {
    let world = world(|_| {}).await;
    let known = known(&world).await;
    let stranger = "stranger@example.com";
    for cookies in ["", "a=b"] {
        let ask = async |path: &str, body: Value| {
            let mut browser = Browser::of(&world);
            if !cookies.is_empty() {
                browser.jar.push(("a".to_owned(), "b".to_owned()));
            }
            shape(&browser.tell(path, body).await)
        };
        let wrong = |email: &str| json!({"email": email, "password": "not the password"});
        let reset = |email: &str| json!({"email": email, "redirectTo": "/reset"});
        let expected = ask("/sign-in/email", wrong(stranger)).await;
        let asked = ask("/request-password-reset", reset(stranger)).await;
        assert_eq!((expected.0, asked.0), (401, 200));
        for email in &known {
            assert_eq!(ask("/sign-in/email", wrong(email)).await, expected, "{email}");
            assert_eq!(ask("/sign-in/email", wrong(&email.to_uppercase())).await, expected, "{email}");
            assert_eq!(ask("/request-password-reset", reset(email)).await, asked, "{email}");
        }
    }
    world.close().await;
}

#[tokio::test]
async fn a_stranger_who_asks_for_a_verification_mail_waits_as_long_and_hears_the_same() {
    let world = world(|_| {}).await;
    let known = known(&world).await;
    let body = |email: &str| json!({"email": email, "callbackURL": "/x"});
    let mut shapes = Vec::new();
    for email in known.iter().map(String::as_str).chain(["stranger@example.com"]) {
        let mut browser = Browser::of(&world);
        let begun = world.now();
        let answer = patiently(&world, browser.tell("/send-verification-email", body(email))).await;
        let took = world.now().since(begun);
        assert!(took >= Duration::from_millis(500), "{email}: {took:?}");
        shapes.push((email, shape(&answer)));
    }
    let (_, expected) = shapes.last().unwrap().clone();
    assert_eq!((expected.0, expected.2.as_str()), (200, r#"{"status":true}"#));
    for (email, shape) in shapes {
        assert_eq!(shape, expected, "{email}");
    }
    // The one who is waiting for it got it, and nobody else anything.
    assert_eq!(mail(&world, "password@example.com", 0).await.to, "password@example.com");
    let mailbox = world.app.mailbox.as_ref().unwrap();
    assert_eq!(mailbox.list(Some("verified@example.com")).len(), 1, "the one from before");
    assert!(mailbox.list(Some("stranger@example.com")).is_empty());
    world.close().await;
}

#[tokio::test]
async fn an_address_that_is_taken_looks_like_one_that_is_free() {
    let world = world(|_| {}).await;
    let known = known(&world).await;
    let mut mallory = Person::new(&world, "mallory@example.com").await;
    let mut ask = async |email: &str| {
        shape(&mallory.browser.tell("/change-email", json!({"newEmail": email, "callbackURL": "/x"})).await)
    };
    let free = ask("stranger@example.com").await;
    assert_eq!((free.0, free.2.as_str()), (200, r#"{"status":true}"#));
    for email in &known {
        assert_eq!(ask(email).await, free, "{email}");
    }
    world.close().await;
}

#[tokio::test]
async fn a_sign_up_tells_nothing_where_addresses_must_be_verified() {
    for change in [
        (|auth: &mut greenroom::config::Auth| auth.require_email_verification = true)
            as fn(&mut greenroom::config::Auth),
        |auth| auth.sign_in_after_sign_up = false,
    ] {
        let world = world(change).await;
        let email = "taken@example.com";
        let body = |email: &str| {
            json!({"name": "Ada", "email": email, "password": PASSWORD, "image": "https://img.example/a.png",
                "use_case": ["a"], "onboarding_complete": true})
        };
        let first = Browser::of(&world).tell("/sign-up/email", body(email)).await;
        let again = Browser::of(&world).tell("/sign-up/email", body(&email.to_uppercase())).await;
        let free = Browser::of(&world).tell("/sign-up/email", body("other@example.com")).await;
        let masked = |answer: &Answer| {
            let (status, mut headers, _) = shape(answer);
            headers.retain(|(name, _)| name != "content-length");
            let mut body = answer.json();
            let id = body["user"]["id"].take();
            let id = id.as_str().unwrap();
            assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
            body["user"]["email"].take();
            let made = [body["user"]["createdAt"].take(), body["user"]["updatedAt"].take()];
            assert_eq!(made[0], made[1]);
            (status, headers, body.to_string())
        };
        assert_eq!(first.status, 200, "{}", first.text);
        assert_eq!(first.json()["token"], Value::Null);
        assert_eq!(masked(&again), masked(&first));
        assert_eq!(masked(&again), masked(&free));
        assert_eq!(again.json()["user"]["email"], email);
        let ids = [&first, &again].map(|answer| answer.json()["user"]["id"].clone());
        assert_ne!(ids[0], ids[1], "the id of the account is not told");
        world.close().await;
    }
}

/// What is asked with an address, and how.
struct Asked {
    name: &'static str,
    path: &'static str,
    change: fn(&mut greenroom::config::Auth),
    body: fn(&str) -> Value,
    /// By somebody who is signed in.
    by_a_user: bool,
}

const ASKED: [Asked; 4] = [
    Asked {
        name: "reset",
        path: "/request-password-reset",
        change: |_| {},
        body: |email| json!({"email": email}),
        by_a_user: false,
    },
    Asked {
        name: "verification",
        path: "/send-verification-email",
        change: |_| {},
        body: |email| json!({"email": email}),
        by_a_user: false,
    },
    Asked {
        name: "change of address",
        path: "/change-email",
        change: |_| {},
        body: |email| json!({"newEmail": email}),
        by_a_user: true,
    },
    Asked {
        name: "sign-up",
        path: "/sign-up/email",
        change: |auth| auth.require_email_verification = true,
        body: |email| json!({"name": "Ada", "email": email, "password": PASSWORD}),
        by_a_user: false,
    },
];

/// A world where one address is known, and the browser that asks.
async fn before(asked: &Asked) -> (World, Browser) {
    let world = world(asked.change).await;
    let known = json!({"name": "Ada", "email": "known@example.com", "password": PASSWORD});
    assert_eq!(Browser::of(&world).tell("/sign-up/email", known).await.status, 200);
    let browser = match asked.by_a_user {
        true => Person::new(&world, "mallory@example.com").await.browser,
        false => Browser::of(&world),
    };
    world.settle().await;
    (world, browser)
}

/// Asks while the disk stands still for a second and a bit: when the answer leaves, and what it is.
async fn on_a_slow_disk(asked: &Asked, email: &str) -> (Duration, u16) {
    let (world, browser) = before(asked).await;
    world.memory.pause_appends();
    let request = browser.request("POST", &format!("/api/auth{}", asked.path)).json(&(asked.body)(email));
    let begun = world.now();
    let answer = request.send();
    futures::pin_mut!(answer);
    let real_time = async |answer: &mut std::pin::Pin<&mut _>| {
        tokio::time::timeout(Duration::from_millis(30), answer).await.ok()
    };
    for look in 0.. {
        if world.memory.held_appends() > 0 {
            break;
        }
        let answered = real_time(&mut answer).await.is_some();
        assert!(!answered && look < LOOKS_MAX, "{} {email}: nothing is written", asked.name);
    }
    world.clock.advance(Duration::from_millis(1_100));
    assert!(real_time(&mut answer).await.is_none(), "{} {email}: it does not wait", asked.name);
    world.memory.resume_appends();
    let answer = loop {
        if let Some(answer) = real_time(&mut answer).await {
            break answer.unwrap();
        }
        world.clock.advance(Duration::from_millis(100));
    };
    let took = world.now().since(begun);
    let status = answer.status().as_u16();
    world.close().await;
    (took, status)
}

#[tokio::test]
async fn a_slow_disk_holds_the_answer_up_whether_the_address_is_known_or_not() {
    for asked in &ASKED {
        let mut seen = Vec::new();
        for email in ["known@example.com", "stranger@example.com"] {
            seen.push(on_a_slow_disk(asked, email).await);
        }
        assert_eq!(seen[0], (Duration::from_millis(1_500), 200), "{}", asked.name);
        assert_eq!(seen[0], seen[1], "{}", asked.name);
    }
}

#[tokio::test]
async fn a_journal_that_is_behind_refuses_whether_the_address_is_known_or_not() {
    for asked in &ASKED {
        let (world, mut browser) = before(asked).await;
        world.memory.set_pressure(Some(Duration::from_secs(7)));
        let mut seen = Vec::new();
        for email in ["known@example.com", "stranger@example.com"] {
            seen.push(shape(&patiently(&world, browser.tell(asked.path, (asked.body)(email))).await));
        }
        assert_eq!(seen[0].0, 503, "{}", asked.name);
        assert_eq!(seen[0], seen[1], "{}", asked.name);
        world.memory.set_pressure(None);
        world.close().await;
    }
}

#[test]
fn the_work_is_the_same_for_everybody() {
    let program = Program::start(&[]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut person = Person::before(program.browser(), "ada@example.com").await;
        person.browser.tell("/sign-out", json!({})).await;
        let mut google = program.browser();
        let page = super::browser::begin_google(&mut google, json!({})).await;
        let back = super::browser::consent(&page, "google@example.com").await;
        google.follow(&back).await;
        let attempts = [
            ("known, wrong password", "/sign-in/email", "ada@example.com", 401),
            ("unknown", "/sign-in/email", "stranger@example.com", 401),
            ("without a password", "/sign-in/email", "google@example.com", 401),
            ("sign-up with a known address", "/sign-up/email", "ada@example.com", 422),
            ("sign-up with a new one", "/sign-up/email", "new@example.com", 200),
        ];
        for (name, path, email, status) in attempts {
            let before = program.hashes().await;
            let body = json!({"name": "Ada", "email": email, "password": "not the password"});
            let answer = program.browser().tell(path, body).await;
            assert_eq!((answer.status, program.hashes().await - before), (status, 1), "{name}");
        }
        for email in ["ada@example.com", "stranger@example.com"] {
            let before = program.hashes().await;
            program.browser().tell("/request-password-reset", json!({"email": email})).await;
            assert_eq!(program.hashes().await, before, "{email}");
        }
    });
}
