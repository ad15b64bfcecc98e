//! Whatever bytes come to the door, signed or not: an answer below 500, and the door lives.

use crate::world::{BAKERY, World, message, sign};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::json;

/// Bodies per property; each goes over a socket.
const CASES: u32 = 400;

/// One way to spoil a body.
#[derive(Clone, Debug)]
enum Change {
    Flip(usize, u8),
    Cut(usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
    Delete(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let spot = any::<usize>();
    prop_oneof![
        (spot, any::<u8>()).prop_map(|(at, bits)| Change::Flip(at, bits)),
        any::<usize>().prop_map(Change::Cut),
        (
            any::<usize>(),
            prop_oneof![
                vec(any::<u8>(), 1..20),
                Just(b"\\ud800".to_vec()),
                Just(b"{\"id\":".to_vec()),
                Just(b"[[[[[[[[[[[[".to_vec()),
                Just(b"1e999".to_vec()),
                Just(b",null,".to_vec()),
            ]
        )
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (any::<usize>(), 1_usize..200).prop_map(|(at, length)| Change::Repeat(at, length)),
        (any::<usize>(), 1_usize..50).prop_map(|(at, length)| Change::Delete(at, length)),
    ]
}

fn spoil(mut body: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let spot = |at: usize| at % (body.len() + 1);
        match change {
            Change::Flip(at, bits) => {
                let at = spot(*at);
                if let Some(byte) = body.get_mut(at) {
                    *byte ^= bits;
                }
            }
            Change::Cut(at) => body.truncate(spot(*at)),
            Change::Insert(at, bytes) => {
                let at = spot(*at);
                body.splice(at..at, bytes.iter().copied());
            }
            Change::Repeat(at, length) => {
                let at = spot(*at);
                let part = body[at..(at + length).min(body.len())].to_vec();
                body.splice(at..at, part);
            }
            Change::Delete(at, length) => {
                let at = spot(*at);
                let end = (at + length).min(body.len());
                body.drain(at..end);
            }
        }
    }
    body
}

/// A delivery with one item of every kind.
fn everything(at: greenroom_actors::Timestamp) -> Vec<u8> {
    let account = BAKERY.account;
    let frame = |extra: serde_json::Value| {
        let mut item = json!({"sender": {"id": "900000000000001"}, "recipient": {"id": account}, "timestamp": at.as_millis()});
        item.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        item
    };
    let messaging = [
        json!({"message": {"mid": "m_f1", "text": "price", "attachments": [{"type": "image", "payload": {"url": "https://x.example/1"}}]}}),
        json!({"message": {"mid": "m_f2", "text": "echo", "is_echo": true}}),
        json!({"message": {"mid": "m_f1", "is_deleted": true}}),
        json!({"message_edit": {"mid": "m_f3", "text": "price", "num_edit": 1}}),
        json!({"message_edit": {"mid": "m_f4", "num_edit": 0}}),
        json!({"reaction": {"mid": "m_f1", "action": "react", "reaction": "love", "emoji": "❤️"}}),
        json!({"postback": {"mid": "m_f5", "title": "Prices", "payload": "PRICE"}}),
        json!({"read": {"mid": "m_f2"}}),
        json!({"referral": {"ref": "r", "source": "SHORTLINK", "type": "OPEN_THREAD"}}),
        json!({"optin": {"type": "notification_messages", "title": "t", "payload": "p"}}),
        json!({"pass_thread_control": {"previous_owner_app_id": "1", "new_owner_app_id": 2}}),
    ];
    let changes = [
        json!({"field": "comments", "value": {"id": "18000000000009001", "text": "link", "from": {"id": "900000000000001", "username": "ana"}, "media": {"id": "18000000000000101"}}}),
        json!({"field": "mentions", "value": {"media_id": "18000000000000101"}}),
        json!({"field": "story_insights", "value": {"media_id": "18000000000000106", "reach": 1}}),
        json!({"field": "messages", "value": frame(json!({"message": {"mid": "m_f6", "text": "price"}}))}),
    ];
    let messaging: Vec<_> = messaging.into_iter().map(frame).collect();
    json!({"object": "instagram", "entry": [{"id": account, "time": at.as_millis(), "messaging": messaging, "changes": changes,
        "standby": [frame(json!({"message": {"mid": "m_f7", "text": "standby"}}))]}]})
    .to_string()
    .into_bytes()
}

fn check(strategy: impl Fn(Vec<u8>) -> BoxedStrategy<Vec<u8>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(async {
        let world = World::bakery().await;
        world.rule(BAKERY, "price", "It is 49.").await;
        world.comment_rule(BAKERY, "link", "Here it is", Some("Sent!")).await;
        world
    });
    let config =
        Config { cases: CASES, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let outcome = TestRunner::new(config).run(&strategy(everything(world.now())), |body| {
        let signed = runtime.block_on(world.deliver(body.clone()));
        prop_assert_eq!(signed, 200, "signed content is never refused");
        let wrong = runtime.block_on(async {
            let request = world.http.post(world.webhook_url()).header("x-hub-signature-256", sign(b"else"));
            request.body(body.clone()).send().await.unwrap().status().as_u16()
        });
        prop_assert_eq!(wrong, 401);
        Ok(())
    });
    outcome.unwrap();
    runtime.block_on(async {
        let alive = message(BAKERY.account, "900000000000009", "m_alive", "hello", world.now());
        assert_eq!(world.deliver(alive.to_string()).await, 200);
        assert!(world.decision_if_any(BAKERY, "m_alive").await.is_some());
        let stats = world.app.users.stats();
        assert_eq!((stats.quarantined, stats.restarts, stats.outlet_panics), (0, 0, 0), "something panicked");
        let stats = world.app.intake.stats();
        assert_eq!((stats.quarantined, stats.restarts), (0, 0), "the intake log panicked");
        world.close().await;
    });
}

#[test]
fn random_bytes_are_never_a_server_error() {
    check(|_| vec(any::<u8>(), 0..2_000).boxed());
}

#[test]
fn spoiled_deliveries_are_never_a_server_error() {
    check(|body| vec(change(), 0..6).prop_map(move |changes| spoil(body.clone(), &changes)).boxed());
}
