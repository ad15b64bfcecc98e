//! The judge must be able to condemn: worlds in which one thing went wrong, and the fault that must be named.

use crate::{
    judge::{Books, Counts, Evidence, Fault, everything_counts_once, nothing_is_half},
    load::{Comment, Ledger, Message, Posted},
    world::World,
};
use serde_json::{Value, json};

/// A small world as the tests collect it, before it is judged.
struct Scene {
    ledger: Ledger,
    sent: Vec<Value>,
    view: Value,
    evidence: Evidence,
}

fn message(igsid: &str, mid: &str, keyword: bool) -> Message {
    Message { tenant: 0, igsid: igsid.into(), mid: mid.into(), keyword }
}

fn decision(no: u64, person: &str, sent_as: Option<&str>) -> Value {
    let delivery = sent_as.map(|mid| json!({"state": "sent", "mid": mid}));
    json!({"no": no, "person": person, "automation": {"id": "price"}, "delivery": delivery})
}

/// Two webhooks, one acknowledged and one not; a comment with both replies; one answer that waits, one in doubt.
fn sound() -> Scene {
    let first = vec![message("ana", "m1", true), message("bob", "m2", false), message("bob", "m3", false)];
    let posted = |messages, acknowledged| Posted { body: String::new(), messages, acknowledged };
    let ledger = Ledger {
        posted: vec![posted(first, true), posted(vec![message("cleo", "m4", true)], false)],
        told: vec![message("dan", "m5", true), message("eve", "m6", true)],
        comments: vec![Comment { tenant: 0, id: "c1".into() }],
    };
    let sent = vec![
        json!({"kind": "message", "person": "ana", "id": "s1"}),
        json!({"kind": "private_reply", "person": "fay", "comment_id": "c1", "id": "s2"}),
        json!({"kind": "public_reply", "comment_id": "c1", "id": "s3"}),
    ];
    let view = json!({
        "open": 2,
        "waiting": [{"kind": "dm", "thread": "dan", "state": "waiting", "reason": "paced"}],
        "unconfirmed": [{"kind": "dm", "thread": "eve", "state": "unconfirmed", "reason": "no answer"}],
        "dead_letters": [],
    });
    let mut evidence = Evidence::default();
    for (id, record) in [
        ("m1", decision(1, "ana", Some("s1"))),
        ("m2", decision(2, "bob", None)),
        ("m3", decision(3, "bob", None)),
        ("m5", decision(5, "dan", None)),
        ("m6", decision(6, "eve", None)),
        ("c1", decision(7, "fay", Some("s2"))),
    ] {
        evidence.records.insert(id.into(), record);
    }
    Scene { ledger, sent, view, evidence }
}

impl Scene {
    fn judge(mut self) -> Result<Counts, Fault> {
        self.evidence.books = vec![Books::keep(&self.sent, &self.view)?];
        nothing_is_half(&self.ledger, &self.evidence)?;
        everything_counts_once(&self.ledger, &self.evidence)
    }
}

/// The fault that a change to the sound world is found guilty of.
fn fault(change: impl FnOnce(&mut Scene)) -> Fault {
    let mut scene = sound();
    change(&mut scene);
    scene.judge().expect_err("the judge lets it pass")
}

#[test]
fn a_sound_world_passes() {
    let counts = Counts {
        acknowledged: 3,
        unanswered: 1,
        answered: 1,
        waiting: 1,
        doubtful: 1,
        private_replies: 1,
        public_replies: 1,
    };
    assert_eq!(sound().judge(), Ok(counts));
}

#[test]
fn an_acknowledged_message_that_nobody_knows_is_lost() {
    for id in ["m1", "m2", "m5"] {
        let found = fault(|scene| drop(scene.evidence.records.remove(id)));
        assert!(matches!(&found, Fault::Lost(what) if what.contains(id)), "{found:?}");
    }
    let found = fault(|scene| drop(scene.evidence.records.remove("c1")));
    assert!(matches!(&found, Fault::Lost(what) if what.contains("c1")), "{found:?}");
}

#[test]
fn a_reply_that_was_sent_twice_is_named() {
    for (kind, to) in [("message", "ana"), ("private_reply", "c1"), ("public_reply", "c1")] {
        let found = fault(|scene| {
            scene.sent.push(json!({"kind": kind, "person": to, "comment_id": to, "id": "again"}));
        });
        assert!(matches!(&found, Fault::Twice(what) if what.contains("again")), "{kind}: {found:?}");
    }
    let found = fault(|scene| scene.evidence.duplicates.push(json!({"first": "s1", "second": "s9"})));
    assert!(matches!(&found, Fault::Twice(what) if what.contains("s9")), "{found:?}");
}

#[test]
fn a_reply_that_arrived_and_waits_to_be_sent_again_is_named() {
    let waits = |kind: &'static str, thread: &'static str| {
        move |scene: &mut Scene| {
            let line = json!({"kind": kind, "thread": thread, "state": "waiting", "reason": "paced"});
            scene.view["waiting"].as_array_mut().unwrap().push(line);
            scene.view["open"] = json!(3);
        }
    };
    for (kind, thread) in [("dm", "ana"), ("private_reply", "fay"), ("public_reply", "c1"), ("dm", "dan")] {
        let found = fault(waits(kind, thread));
        assert!(matches!(found, Fault::Twice(_)), "{kind} {thread}: {found:?}");
    }
}

#[test]
fn an_answer_that_is_neither_sent_nor_listed_is_named() {
    let found = fault(|scene| drop(scene.sent.remove(0)));
    assert!(matches!(&found, Fault::Unexplained(what) if what.contains("m1")), "{found:?}");
    let found = fault(|scene| drop(scene.sent.remove(2)));
    assert!(matches!(&found, Fault::Unexplained(what) if what.contains("c1")), "{found:?}");
    let found = fault(|scene| {
        scene.view["waiting"] = json!([]);
        scene.view["open"] = json!(1);
    });
    assert!(matches!(&found, Fault::Unexplained(what) if what.contains("m5")), "{found:?}");
}

#[test]
fn a_wrong_outbox_state_is_named() {
    // Given up, although nothing says so to anybody.
    let found = fault(|scene| scene.view["waiting"][0]["state"] = json!("failed"));
    assert!(matches!(&found, Fault::Unexplained(what) if what.contains("failed")), "{found:?}");
    let found = fault(|scene| scene.view["waiting"][0]["reason"] = json!(""));
    assert!(matches!(found, Fault::Unexplained(_)), "{found:?}");
    let found = fault(|scene| scene.view["open"] = json!(7));
    assert!(matches!(found, Fault::View(_)), "{found:?}");
    for (path, value) in [("/delivery/state", "failed"), ("/delivery/mid", "s9"), ("/automation/id", "link")]
    {
        let change = |scene: &mut Scene| {
            let record = scene.evidence.records.get_mut("m1").unwrap();
            *record.pointer_mut(path).unwrap() = json!(value);
        };
        let found = fault(change);
        assert!(matches!(&found, Fault::View(what) if what.contains(value)), "{path}: {found:?}");
    }
}

#[test]
fn a_pair_that_is_out_of_order_is_named() {
    let found = fault(|scene| {
        scene.evidence.records.insert("m2".into(), decision(3, "bob", None));
        scene.evidence.records.insert("m3".into(), decision(2, "bob", None));
    });
    assert!(matches!(&found, Fault::Order(what) if what.contains("m2") && what.contains("m3")), "{found:?}");
    let found = fault(|scene| scene.sent.swap(1, 2));
    assert!(matches!(&found, Fault::Order(what) if what.contains("s2") && what.contains("s3")), "{found:?}");
}

#[test]
fn what_nobody_asked_for_is_named() {
    let found = fault(|scene| scene.sent.push(json!({"kind": "message", "person": "bob", "id": "s9"})));
    assert!(matches!(&found, Fault::Uncalled(what) if what.contains("bob")), "{found:?}");
    // Half of a webhook that was never acknowledged: an answer, and no decision.
    let found = fault(|scene| scene.sent.push(json!({"kind": "message", "person": "cleo", "id": "s9"})));
    assert!(matches!(&found, Fault::Uncalled(what) if what.contains("m4")), "{found:?}");
    let found = fault(|scene| scene.evidence.records.get_mut("m1").unwrap()["person"] = json!("bob"));
    assert!(matches!(found, Fault::View(_)), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_platform_itself_notices_what_it_is_sent_twice() {
    let world = World::new().await;
    let tenant = world.account("twice.shop").await;
    let person = world.person(&tenant).await;
    assert!(world.duplicates().await.is_empty());
    world.send_as(&tenant, &person, "The class is $49.").await;
    assert!(world.duplicates().await.is_empty());
    world.send_as(&tenant, &person, "The class is $49.").await;
    let found = world.duplicates().await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["second"]["text"], "The class is $49.");
}
