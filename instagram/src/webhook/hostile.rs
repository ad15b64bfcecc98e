//! Deliveries that were spoiled on the way or made to do harm: nothing panics, output stays within the input, and what
//! is wrong with one item is the business of that item alone.

use super::{
    decode::decode,
    fuzz,
    slice::{Delivery, Slice, slice},
};
use crate::time::UnixMillis;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const NOW: UnixMillis = UnixMillis::from_secs(1_767_225_700);
const CASES: u32 = 256;

fn cases() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) }
}

/// One item of every kind that the platform sends in a thread.
fn items() -> Vec<Value> {
    let kinds = [
        json!({"message": {"mid": "m1", "text": "price", "attachments": [{"type": "image", "payload": {"url": "https://x.example/1"}}]}}),
        json!({"message": {"mid": "m2", "text": "echo", "is_echo": true}}),
        json!({"message": {"mid": "m3", "is_deleted": true}}),
        json!({"message": {"mid": "m4", "text": "a", "reply_to": {"story": {"id": "1", "url": "https://x.example/2"}}}}),
        json!({"message_edit": {"mid": "m5", "text": "price", "num_edit": 1}}),
        json!({"reaction": {"mid": "m1", "action": "react", "reaction": "love", "emoji": "❤️"}}),
        json!({"postback": {"mid": "m6", "title": "Prices", "payload": "PRICE"}}),
        json!({"read": {"mid": "m2"}}),
        json!({"referral": {"ref": "r", "source": "SHORTLINK", "type": "OPEN_THREAD"}}),
        json!({"optin": {"type": "notification_messages", "title": "t", "payload": "p"}}),
        json!({"pass_thread_control": {"previous_owner_app_id": "1", "new_owner_app_id": 2}}),
    ];
    let frame = json!({"sender": {"id": "9"}, "recipient": {"id": "1"}, "timestamp": 1_767_225_600_000_i64});
    let framed = |mut item: Value| {
        item.as_object_mut().unwrap().extend(frame.as_object().unwrap().clone());
        item
    };
    kinds.into_iter().map(framed).collect()
}

fn changes() -> Vec<Value> {
    vec![
        json!({"field": "comments", "value": {"id": "18", "text": "link", "from": {"id": "9", "username": "ana"}, "media": {"id": "17"}}}),
        json!({"field": "live_comments", "value": {"id": "19", "text": "hi", "from": {"id": "9"}, "media": {"id": "17"}}}),
        json!({"field": "mentions", "value": {"media_id": "17", "comment_id": "20"}}),
        json!({"field": "story_insights", "value": {"media_id": "17", "reach": 1}}),
        json!({"field": "new_one", "value": {"x": [1, {"y": null}]}}),
    ]
}

fn delivery(messaging: &[Value], changes: &[Value]) -> Vec<u8> {
    let entry = json!({"id": "1", "time": 1_767_225_600_000_i64, "messaging": messaging, "changes": changes});
    json!({"object": "instagram", "entry": [entry]}).to_string().into_bytes()
}

/// Any JSON value, small.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("\u{0}\u{202e}")),
        Just(json!("x".repeat(20_000))),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any_name(), inner), 0..5)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "message",
        "mid",
        "text",
        "sender",
        "id",
        "timestamp",
        "reaction",
        "is_echo",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => any::<String>()]
}

/// Where something stands in a value: members and elements are counted together, in order.
fn places(value: &mut Value) -> Vec<&mut Value> {
    let mut found: Vec<&mut Value> = Vec::new();
    match value {
        Value::Object(members) => members.values_mut().for_each(|member| found.extend(places(member))),
        Value::Array(elements) => elements.iter_mut().for_each(|element| found.extend(places(element))),
        leaf => found.push(leaf),
    }
    found
}

/// An item of which any part has become anything.
fn spoiled_item() -> impl Strategy<Value = Value> {
    let changed = (prop::sample::select(items()), any::<prop::sample::Index>(), any_value());
    prop_oneof![
        4 => changed.prop_map(|(mut item, at, value)| {
            let mut places = places(&mut item);
            let at = at.index(places.len());
            *places.swap_remove(at) = value;
            item
        }),
        1 => any_value(),
    ]
}

fn slices(body: &[u8]) -> Vec<Slice<'_>> {
    match slice(body) {
        Delivery::Envelope(envelope) => envelope.slices,
        Delivery::Quarantined(_) => Vec::new(),
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_delivery_with_changed_bytes_never_panics(
        changes_of_bytes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..8),
    ) {
        let mut body = delivery(&items(), &changes());
        for (at, byte, way) in changes_of_bytes {
            // A cut and a removal can leave nothing, which has no place to change: then only a byte can come back.
            if body.is_empty() {
                body.push(byte);
                continue;
            }
            let at = at.index(body.len());
            match way {
                0 => body[at] = byte,
                1 => body.insert(at, byte),
                2 => drop(body.remove(at)),
                _ => body.truncate(at),
            }
        }
        fuzz(&body);
    }

    #[test]
    fn what_is_wrong_with_an_item_is_its_own_business(
        plan in prop::collection::vec(prop::option::of(spoiled_item()), 1..12),
    ) {
        let good = |n: usize| {
            let mut item = items().swap_remove(0);
            item["message"]["mid"] = json!(format!("good-{n}"));
            item
        };
        let messaging: Vec<Value> =
            plan.iter().enumerate().map(|(n, spoiled)| spoiled.clone().unwrap_or_else(|| good(n))).collect();
        let body = delivery(&messaging, &[]);
        fuzz(&body);
        let found: Vec<String> = slices(&body)
            .iter()
            .filter_map(|slice| decode(slice, None, NOW).ok())
            .map(|event| event.key.into_string())
            .filter(|key| key.contains(":good-"))
            .collect();
        let expected: Vec<String> = plan
            .iter()
            .enumerate()
            .filter(|(_, spoiled)| spoiled.is_none())
            .map(|(n, _)| format!("1:message:9:good-{n}"))
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn output_stays_within_the_input(
        messaging in prop::collection::vec(spoiled_item(), 0..12), with_changes: bool,
    ) {
        let body = delivery(&messaging, &if with_changes { changes() } else { Vec::new() });
        let found = slices(&body);
        prop_assert!(found.iter().map(|slice| slice.raw.len()).sum::<usize>() <= body.len());
        for slice in &found {
            if let Ok(event) = decode(slice, None, NOW) {
                // An event is text of the item, cut, and a few marks; escapes only get shorter.
                let size = format!("{:?}", event.item).len();
                prop_assert!(size <= 8 * slice.raw.len() + 2_000, "{size} of {}", slice.raw.len());
            }
        }
    }
}
