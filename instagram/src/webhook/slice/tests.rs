use super::*;
use crate::time::UnixMillis;
use crate::webhook::{decode::decode, fuzz};
use proptest::prelude::*;

fn envelope(body: &str) -> Envelope<'_> {
    match slice(body.as_bytes()) {
        Delivery::Envelope(envelope) => envelope,
        Delivery::Quarantined(fault) => panic!("{fault}: {body}"),
    }
}

/// Account, form, field and bytes of each slice.
fn cut(body: &str) -> Vec<(String, Form, String, String)> {
    envelope(body)
        .slices
        .iter()
        .map(|slice| {
            let text = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or("-").to_owned();
            let raw = String::from_utf8_lossy(slice.raw).into_owned();
            (text(&slice.account), slice.form, text(&slice.field), raw)
        })
        .collect()
}

fn row(account: &str, form: Form, field: &str, raw: &str) -> (String, Form, String, String) {
    (account.into(), form, field.into(), raw.into())
}

#[test]
fn all_forms_are_cut() {
    let a = r#"{"object":"instagram","entry":[{"id":"1","time":2,"messaging":[{"a":1}, {"b":"]}"}]}]}"#;
    assert_eq!(
        cut(a),
        [row("1", Form::Messaging, "-", r#"{"a":1}"#), row("1", Form::Messaging, "-", r#"{"b":"]}"}"#)]
    );
    let b = r#"{"entry":[{"changes":[{"field":"comments","value":{"id":1}}],"id":17841400000000001}],"object":"instagram"}"#;
    assert_eq!(cut(b), [row("17841400000000001", Form::Change, "comments", r#"{"id":1}"#)]);
    let c = r#"{"object":"instagram","entry":[{"id":"1","field":"comments","value":{"id":1}}]}"#;
    assert_eq!(cut(c), [row("1", Form::Entry, "comments", r#"{"id":1}"#)]);
    assert_eq!(cut(&format!("[{a},{b},{c}]")).len(), 4);
    let e = r#"{"object":"instagram","entry":[{"id":"1","standby":[{"a":1}]}]}"#;
    assert_eq!(cut(e), [row("1", Form::Standby, "-", r#"{"a":1}"#)]);
    let f = r#"{"field":"comments","value":{"id":1}}"#;
    assert_eq!(cut(f), [row("-", Form::Bare, "comments", r#"{"id":1}"#)]);
    let g = r#"{"object":"instagram","entry":[{"id":"1","changed_fields":["comments","messages"]}]}"#;
    assert_eq!(envelope(g).valueless, 2);
    assert_eq!(cut(g), []);
}

#[test]
fn one_entry_may_hold_several_forms() {
    let body = r#"{"object":"instagram","entry":[{"messaging":[{"a":1}],"standby":[{"s":1}],"changes":[{"field":"f","value":{"b":1}}],"field":"comments","value":{"c":1},"id":"7","time":"1767225600"}]}"#;
    let envelope = envelope(body);
    let forms: Vec<_> = envelope.slices.iter().map(|slice| slice.form).collect();
    assert_eq!(forms, [Form::Messaging, Form::Standby, Form::Change, Form::Entry]);
    assert!(envelope.slices.iter().all(|slice| slice.account.as_deref() == Some("7")));
    assert!(envelope.slices.iter().all(|slice| slice.entry_time == Some(1_767_225_600)));
}

#[test]
fn whole_bodies_that_make_no_sense_are_outcomes_not_errors() {
    for (body, fault) in [
        ("", BodyFault::NotJson),
        ("hello", BodyFault::NotJson),
        ("{", BodyFault::NotJson),
        (r#"{"object":"instagram","entry":[{"id":"1","messaging":[{"a":1}]}"#, BodyFault::NotJson),
        ("{} {}", BodyFault::NotJson),
        ("5", BodyFault::NotAnEnvelope),
        ("\"text\"", BodyFault::NotAnEnvelope),
        ("null", BodyFault::NotAnEnvelope),
    ] {
        assert_eq!(slice(body.as_bytes()), Delivery::Quarantined(fault), "{body}");
    }
    let deep = format!("{}{}", "[".repeat(2_000_000), "]".repeat(2_000_000));
    assert_eq!(envelope(&deep).quarantined.len(), 1);
    assert_eq!(slice("[".repeat(2_000_000).as_bytes()), Delivery::Quarantined(BodyFault::NotJson));
}

#[test]
fn other_products_are_ignored_by_name() {
    for body in [
        r#"{"object":"page","entry":[{"id":"1","messaging":[{}]}]}"#,
        r#"{"entry":[{"id":"1","messaging":[{}]}],"object":"page"}"#,
    ] {
        let envelope = envelope(body);
        assert_eq!((envelope.slices.len(), envelope.ignored), (0, vec![Cow::Borrowed("page")]));
    }
    let long = format!(r#"{{"object":"{}"}}"#, "é".repeat(100));
    assert_eq!(envelope(&long).ignored[0], "é".repeat(OBJECT_CHARS_MAX));
}

#[test]
fn wrong_types_spoil_only_their_part() {
    let body = r#"{"object":"instagram","entry":[5,{"id":"1","messaging":[{"ok":1},7,{"ok":2}]},{"id":"2","messaging":{"a":1}},{"id":"3","changes":[{"field":"x","value":3},{"value":{}},{"field":"y"},{"field":"z","value":{}},{"field" "q"}]},{"id":"4","time":1}]}"#;
    let envelope = envelope(body);
    assert_eq!(cut(body).len(), 3);
    let reasons: Vec<_> =
        envelope.quarantined.iter().map(|part| (part.account.as_deref(), part.reason)).collect();
    assert_eq!(
        reasons,
        [
            (None, Reason::NotAnObject),
            (Some("1"), Reason::NotAnObject),
            (Some("2"), Reason::NotAList("messaging")),
            (Some("3"), Reason::NotAnObject),
            (Some("3"), Reason::Missing("field")),
            (Some("3"), Reason::Malformed),
            (Some("4"), Reason::Missing("items")),
        ]
    );
    assert_eq!(envelope.valueless, 1);
    for (body, reason) in [
        (r#"{"object":"instagram","entry":{}}"#, Reason::NotAList("entry")),
        (r#"{"object":"instagram"}"#, Reason::Missing("entry")),
        (r#"{"object":5,"entry":[{"id":"1","messaging":[{}]}]}"#, Reason::Missing("object")),
        ("[5]", Reason::NotAnObject),
    ] {
        let Delivery::Envelope(envelope) = slice(body.as_bytes()) else { panic!("{body}") };
        assert!(envelope.slices.is_empty());
        assert_eq!(envelope.quarantined[0].reason, reason, "{body}");
    }
}

#[test]
fn of_lists_given_twice_the_last_counts() {
    let body = r#"{"object":"instagram","entry":[{"id":"9","messaging":[{"x":1}]}],"entry":[{"id":"1","messaging":[{"a":1}],"standby":[{"s":1}],"messaging":[{"b":1}]}]}"#;
    let raws: Vec<_> = cut(body).into_iter().map(|row| row.3).collect();
    assert_eq!(raws, [r#"{"s":1}"#, r#"{"b":1}"#]);
}

#[test]
fn ids_of_accounts_are_exact_or_missing() {
    for (id, account) in [
        ("9007199254740993", "9007199254740993"),
        ("1.5", "-"),
        ("1e3", "-"),
        ("\"../me\"", "-"),
        ("null", "-"),
        ("{}", "-"),
        ("\"0\"", "0"),
    ] {
        let body = format!(r#"{{"object":"instagram","entry":[{{"id":{id},"messaging":[{{}}]}}]}}"#);
        assert_eq!(cut(&body)[0].0, account, "{id}");
    }
}

#[test]
fn items_and_entries_are_read_up_to_their_limits() {
    let entry = |items: usize| format!(r#"{{"id":"1","messaging":[{}]}}"#, vec!["{}"; items].join(","));
    let body = |entries: &[String]| format!(r#"{{"object":"instagram","entry":[{}]}}"#, entries.join(","));
    let full = body(&[entry(ITEMS_MAX)]);
    assert_eq!((envelope(&full).slices.len(), envelope(&full).quarantined.len()), (ITEMS_MAX, 0));
    let over = body(&[entry(3000), entry(2001), entry(1)]);
    let cut = envelope(&over);
    assert_eq!(cut.slices.len(), ITEMS_MAX);
    assert_eq!(cut.quarantined.len(), 2);
    assert_eq!((cut.quarantined[0].reason, cut.quarantined[0].raw), (Reason::TooManyItems, b"{}".as_slice()));
    let entries = body(&vec![entry(1); ENTRIES_MAX]);
    assert_eq!((envelope(&entries).slices.len(), envelope(&entries).quarantined.len()), (ENTRIES_MAX, 0));
    let entries = body(&vec![entry(1); ENTRIES_MAX + 2]);
    let cut = envelope(&entries);
    assert_eq!((cut.slices.len(), cut.quarantined.len()), (ENTRIES_MAX, 1));
    assert_eq!(cut.quarantined[0].reason, Reason::TooManyEntries);
    assert_eq!(cut.quarantined[0].raw, format!("{},{}", entry(1), entry(1)).as_bytes());
    let many = format!("[{}]", vec!["5"; 100_000].join(","));
    assert_eq!(envelope(&many).quarantined.len(), ENTRIES_MAX + 1);
    let repeated = format!(
        r#"{{"object":"instagram","entry":[{{"id":"1",{}}}]}}"#,
        vec![r#""messaging":5"#; QUARANTINED_MAX + 10].join(",")
    );
    assert_eq!((envelope(&repeated).quarantined.len(), envelope(&repeated).unlisted), (QUARANTINED_MAX, 10));
}

#[test]
fn deep_items_are_quarantined_alone() {
    let nest = |depth: usize| format!("{}{}", r#"{"a":"#.repeat(depth - 1) + "{}", "}".repeat(depth - 1));
    let body = format!(
        r#"{{"object":"instagram","entry":[{{"id":"1","messaging":[{},{},{{"ok":1}}]}}]}}"#,
        nest(ITEM_DEPTH_MAX),
        nest(ITEM_DEPTH_MAX + 1)
    );
    let envelope = envelope(&body);
    assert_eq!(envelope.slices.len(), 2);
    assert_eq!(envelope.quarantined[0].reason, Reason::TooDeep);
}

const NOW: UnixMillis = UnixMillis::from_secs(1_767_225_700);

fn good(number: usize) -> String {
    format!(
        r#"{{"sender":{{"id":"9{number}"}},"recipient":{{"id":"1"}},"timestamp":1767225600000,"message":{{"mid":"m{number}","text":"x \u00e9\/"}}}}"#
    )
}

fn bad() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#"{"message":{"mid":"\ud83d","text":"\ud83d"}}"#.to_owned()),
        Just(r#"{"sender":{"id":1e400},"message":{"mid":"x"},"timestamp":1e400}"#.to_owned()),
        Just(r#"{"message":{"mid":"a"},"message":7}"#.to_owned()),
        Just("5".to_owned()),
        Just("null".to_owned()),
        Just("[[[]]]".to_owned()),
        Just(r#"{"a":"]},{"}"#.to_owned()),
        Just(r#"{"a":"\"]}"}"#.to_owned()),
        (1..50_000_usize).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth))),
        (1..5_000_usize).prop_map(|depth| format!(
            "{}1{}",
            r#"{"message":"#.repeat(depth),
            "}".repeat(depth)
        )),
        any::<String>().prop_map(|text| serde_json::json!({ "message": { "text": text } }).to_string()),
        any::<String>().prop_map(|text| serde_json::json!({ text: 1 }).to_string()),
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body: Vec<u8>) {
        fuzz(&body);
    }

    #[test]
    fn arbitrary_bytes_in_an_item_never_panic(
        bytes in prop::collection::vec(prop::sample::select(br#"{}[]",:\u0d8x1e- tnfidmsg"#.to_vec()), 0..200),
    ) {
        let mut body = br#"{"object":"instagram","entry":[{"id":"1","time":1,"messaging":[{"message":{"mid":"m",""#.to_vec();
        body.extend(&bytes);
        body.extend(br#"}}]}]}"#);
        fuzz(&body);
    }

    #[test]
    fn bad_items_leave_the_good_ones_intact(plan in prop::collection::vec(prop::option::of(bad()), 0..20)) {
        let items: Vec<String> = plan
            .iter()
            .enumerate()
            .map(|(number, bad)| bad.clone().unwrap_or_else(|| good(number)))
            .collect();
        let body = format!(r#"{{"object":"instagram","entry":[{{"id":"1","messaging":[{}]}}]}}"#, items.join(","));
        fuzz(body.as_bytes());
        let envelope = envelope(&body);
        let keys: Vec<String> = envelope
            .slices
            .iter()
            .filter_map(|slice| decode(slice, None, NOW).ok())
            .filter(|event| event.kind == crate::webhook::key::Kind::Message)
            .map(|event| event.key.into_string())
            .collect();
        let expected: Vec<String> = plan
            .iter()
            .enumerate()
            .filter(|(_, bad)| bad.is_none())
            .map(|(number, _)| format!("1:message:9{number}:m{number}"))
            .collect();
        prop_assert_eq!(keys, expected);
    }

    #[test]
    fn what_is_rendered_is_cut_again(
        entries in prop::collection::vec(
            (1..u64::MAX, prop::collection::vec((any::<bool>(), any::<String>()), 0..6)), 0..6),
    ) {
        let mut expected = Vec::new();
        let rendered: Vec<String> = entries
            .iter()
            .map(|(id, items)| {
                let items: Vec<String> = items
                    .iter()
                    .map(|(flag, text)| serde_json::json!({ "flag": flag, "text": text }).to_string())
                    .collect();
                expected.extend(items.iter().map(|item| (id.to_string(), item.clone())));
                format!(r#"{{"messaging":[{}],"id":{id}}}"#, items.join(" , "))
            })
            .collect();
        let body = format!(r#"{{"object":"instagram","entry":[{}]}}"#, rendered.join(","));
        let read: Vec<_> = cut(&body).into_iter().map(|(account, _, _, raw)| (account, raw)).collect();
        prop_assert_eq!(read, expected);
    }
}
