//! Every payload of the platform's catalogue, then what goes wrong.

use super::*;
use crate::ids::{AccountId, AppScopedId, CommentId, Igsid, MediaId, Mid};
use crate::webhook::{
    item::*,
    slice::{Delivery, slice},
};
use std::sync::Arc;

mod comments;
mod messages;

const ACCOUNT: &str = "17841400000000001";
const NOW: UnixMillis = UnixMillis::from_secs(1_767_225_700);

fn owner() -> AccountIds {
    AccountIds {
        professional: AccountId::parse(ACCOUNT).unwrap(),
        app_scoped: Some(AppScopedId::parse("26000000000000001").unwrap()),
    }
}

fn only(body: &str) -> Result<Event, Reason> {
    let Delivery::Envelope(envelope) = slice(body.as_bytes()) else { panic!("{body}") };
    assert_eq!((envelope.slices.len(), envelope.quarantined.len()), (1, 0), "{body}");
    decode(&envelope.slices[0], Some(&owner()), NOW)
}

/// An item in form A.
fn thread(item: &str) -> Result<Event, Reason> {
    only(&format!(
        r#"{{"object":"instagram","entry":[{{"id":"{ACCOUNT}","time":1767225600123,"messaging":[{item}]}}]}}"#
    ))
}

/// A change in form B.
fn change(change: &str) -> Result<Event, Reason> {
    only(&format!(
        r#"{{"object":"instagram","entry":[{{"id":"{ACCOUNT}","time":1767225620,"changes":[{change}]}}]}}"#
    ))
}

/// An item of a person with the usual frame.
fn from_person(rest: &str) -> Result<Event, Reason> {
    thread(&format!(
        r#"{{"sender":{{"id":"900000000000001"}},"recipient":{{"id":"{ACCOUNT}"}},"timestamp":1767225605000,{rest}}}"#
    ))
}

fn message(rest: &str) -> Message {
    let event = from_person(&format!(r#""message":{{"mid":"m_1",{rest}}}"#)).unwrap();
    match event.item {
        Item::Message(message) => *message,
        other => panic!("{other:?}"),
    }
}

fn person(id: &str) -> Igsid {
    Igsid::parse(id).unwrap()
}

fn mid(id: &str) -> Mid {
    Mid::parse(id).unwrap()
}

fn text(value: &str) -> Option<Text> {
    Some(Text { value: value.into(), cut: false })
}

fn some(value: &str) -> Option<Arc<str>> {
    Some(value.into())
}

fn plain(person_id: &str, mid_: &str) -> Message {
    Message {
        person: person(person_id),
        mid: Some(mid(mid_)),
        text: None,
        attachments: vec![],
        attachments_cut: false,
        reply_to: None,
        quick_reply: None,
        referral: None,
        is_unsupported: false,
    }
}

fn attachment(kind: AttachmentKind, url: &str) -> Attachment {
    Attachment { kind, url: some(url), title: None, media: None, raw: None }
}

#[test]
fn reactions() {
    let event = from_person(
        r#""reaction":{"mid":"m_fict_0010","action":"react","reaction":"love","emoji":"\u2764\ufe0f"}"#,
    )
    .unwrap();
    assert_eq!(
        event.key.as_str(),
        "17841400000000001:reaction:m_fict_0010:900000000000001:react:\u{2764}\u{fe0f}:1767225605000"
    );
    let Item::Reaction(reaction) = event.item else { panic!() };
    assert_eq!((reaction.action, reaction.name.as_deref()), (ReactionAction::React, Some("love")));
    let event = from_person(r#""reaction":{"mid":"m_fict_0010","action":"unreact"}"#).unwrap();
    assert_eq!(
        event.key.as_str(),
        "17841400000000001:reaction:m_fict_0010:900000000000001:unreact:-:1767225605000"
    );
    assert_eq!(from_person(r#""reaction":{"mid":"m"}"#), Err(Reason::Missing("reaction.action")));
}

#[test]
fn edits_and_companions() {
    for number in ["1", "\"1\""] {
        let event = from_person(&format!(
            r#""message_edit":{{"mid":"m_fict_0001","text":"the large one?","num_edit":{number}}}"#
        ))
        .unwrap();
        assert_eq!(event.key.as_str(), "17841400000000001:edit:m_fict_0001:1");
        let edit = Item::Edit {
            person: Some(person("900000000000001")),
            mid: mid("m_fict_0001"),
            text: text("the large one?"),
            revision: 1,
        };
        assert_eq!(event.item, edit);
    }
    let bare =
        thread(r#"{"timestamp":1767225600000,"message_edit":{"mid":"m_fict_0001","num_edit":0}}"#).unwrap();
    assert_eq!(bare.key.as_str(), "17841400000000001:edit0:m_fict_0001");
    assert_eq!(bare.item, Item::CompanionEdit { person: None, mid: mid("m_fict_0001") });
    for number in ["0", "null", "-1", "1.5", "\"x\"", "{}", "99999999999"] {
        let event = from_person(&format!(r#""message_edit":{{"mid":"m","num_edit":{number}}}"#)).unwrap();
        assert_eq!(event.kind, Kind::CompanionEdit, "{number}");
    }
}

#[test]
fn postbacks() {
    let event = from_person(r#""postback":{"mid":"m_fict_0012","title":"Show prices","payload":"PRICES","referral":{"ref":"x"},"is_self":false}"#).unwrap();
    assert_eq!(event.key.as_str(), "17841400000000001:postback:m_fict_0012");
    let Item::Postback(postback) = event.item else { panic!() };
    assert_eq!((postback.title, postback.payload), (some("Show prices"), some("PRICES")));
    assert_eq!(postback.referral.unwrap().reference, some("x"));
    let event = from_person(r#""postback":{"payload":"PRICES"}"#).unwrap();
    let prefix = "17841400000000001:postback:900000000000001:1767225605000:";
    assert_eq!(event.key.as_str(), format!("{prefix}{}", hash(b"\"PRICES\"")));
}

#[test]
fn referral_seen_and_optin() {
    let event =
        from_person(r#""referral":{"ref":"flyer-7","source":"SHORTLINK","type":"OPEN_THREAD"}"#).unwrap();
    let Item::Referral { referral, .. } = &event.item else { panic!() };
    assert_eq!(
        (referral.reference.as_deref(), referral.source.as_deref()),
        (Some("flyer-7"), Some("SHORTLINK"))
    );
    assert!(event.key.as_str().starts_with("17841400000000001:referral:900000000000001:1767225605000:"));

    for (read, key) in [
        (r#"{"mid":"m_fict_0010"}"#, "m_fict_0010"),
        (r#"{"watermark":1767225600000}"#, "w1767225600000"),
        ("{}", "t1767225605000"),
    ] {
        let event = from_person(&format!(r#""read":{read}"#)).unwrap();
        assert_eq!(event.key.as_str(), format!("17841400000000001:seen:900000000000001:{key}"));
    }

    let event = from_person(r#""optin":{"type":"notification_messages","title":"Weekly offers","payload":"OFFERS","notification_messages_token":"nmt_fict_0001","notification_messages_frequency":"WEEKLY","notification_messages_timezone":"Europe/Berlin","token_expiry_timestamp":1782777600000,"user_token_status":"REFRESHED"}"#).unwrap();
    assert!(!format!("{event:?}").contains("nmt_fict_0001"), "the token is a secret");
    let Item::Optin(optin) = event.item else { panic!() };
    assert_eq!((optin.title.as_deref(), optin.expires_at), (Some("Weekly offers"), Some(1_782_777_600_000)));
}

#[test]
fn handovers() {
    let kind = |item: &str| match from_person(item).unwrap().item {
        Item::Handover(handover) => (handover.kind, handover.metadata),
        other => panic!("{other:?}"),
    };
    let (one, two) = (some("990000000000001"), some("990000000000002"));
    let passed = HandoverKind::Passed { previous_owner: one.clone(), new_owner: two.clone() };
    assert_eq!(
        kind(
            r#""pass_thread_control":{"previous_owner_app_id":"990000000000001","new_owner_app_id":"990000000000002","metadata":"handing over"}"#
        ),
        (passed, some("handing over"))
    );
    let taken = HandoverKind::Taken { previous_owner: one.clone(), new_owner: two.clone() };
    assert_eq!(
        kind(
            r#""take_thread_control":{"previous_owner_app_id":990000000000001,"new_owner_app_id":990000000000002}"#
        ),
        (taken, None)
    );
    assert_eq!(
        kind(r#""request_thread_control":{"requested_owner_app_id":990000000000002,"metadata":"m"}"#),
        (HandoverKind::Requested { requested_owner: two }, some("m"))
    );
    for name in ["pass_metadata", "pass_thread_metadata"] {
        let item = format!(r#""{name}":{{"caller_app_id":"990000000000001"}}"#);
        assert_eq!(kind(&item).0, HandoverKind::Metadata { caller: one.clone() });
    }
    let roles = HandoverKind::Roles(vec![("990000000000001".into(), vec!["primary_receiver".into()])]);
    assert_eq!(kind(r#""app_roles":{"990000000000001":["primary_receiver"]}"#).0, roles);
    let event = thread(
        r#"{"recipient":{"id":"17841400000000001"},"timestamp":1767225619000,"app_roles":{"1":["x"]}}"#,
    );
    assert_eq!(event.unwrap().kind, Kind::Handover);
    let nobody = thread(
        r#"{"recipient":{"id":"17841400000000001"},"timestamp":1767225619000,"pass_thread_control":{}}"#,
    );
    assert_eq!(nobody, Err(Reason::Missing("sender")));
}

#[test]
fn dashboard_tests_touch_nobody() {
    for body in [
        r#"{"object":"instagram","entry":[{"id":"0","time":1767225623,"changes":[{"field":"messages","value":{"sender":{"id":"12334"},"recipient":{"id":"23245"},"timestamp":"1527459824","message":{"mid":"random_mid","text":"random_text"}}}]}]}"#,
        r#"{"object":"instagram","entry":[{"id":"0","time":1767225624,"changes":[{"field":"comments","value":{"from":{"id":"232323232","username":"test"},"media":{"id":"123123123","media_product_type":"FEED"},"id":"17865799348089039","parent_id":"1231231234","text":"This is an example."}}]}]}"#,
        r#"{"object":"instagram","entry":[{"id":"0","time":1767225623,"messaging":[{"sender":{"id":"12334"},"recipient":{"id":"23245"},"timestamp":"1527459824","message":{"mid":"random_mid","text":"random_text"}}]}]}"#,
        r#"{"object":"instagram","entry":[{"id":0,"time":1767225623,"messaging":[{"message":{"mid":"x"}}]}]}"#,
        r#"{"field":"comments","value":{"id":"17865799348089039"}}"#,
    ] {
        assert_eq!(only(body).unwrap().item, Item::Test, "{body}");
    }
}

#[test]
fn message_fields_in_form_b_mean_the_same() {
    let value = r#"{"sender":{"id":"900000000000001"},"recipient":{"id":"17841400000000001"},"timestamp":"1767225599","message":{"mid":"m1","text":"x"}}"#;
    let event = change(&format!(r#"{{"field":"messages","value":{value}}}"#)).unwrap();
    assert_eq!(event.kind, Kind::Message);
    assert_eq!(event.at, UnixMillis::from_secs(1_767_225_599));
    assert_eq!(event.key, thread(value).unwrap().key);
    let event = change(&format!(r#"{{"field":"standby","value":{value}}}"#)).unwrap();
    assert!(event.standby);
    let body = format!(r#"{{"object":"instagram","entry":[{{"id":"{ACCOUNT}","standby":[{value}]}}]}}"#);
    assert!(only(&body).unwrap().standby);
}

#[test]
fn unknown_kinds_are_kept_by_name() {
    let event = from_person(r#""message_context":{"a":1}"#).unwrap();
    let Item::Unknown { name, raw } = &event.item else { panic!() };
    assert_eq!(name.as_ref(), "message_context");
    assert!(event.key.as_str().ends_with(&hash(raw.as_deref().unwrap().as_bytes())));
    let event = change(r#"{"field":"brand_new","value":{"a":1}}"#).unwrap();
    assert_eq!(event.item, Item::Unknown { name: "brand_new".into(), raw: some(r#"{"a":1}"#) });
    let long =
        format!(r#"{{"field":"{}","value":{{"a":"{}"}}}}"#, "n".repeat(100), "x".repeat(RAW_BYTES_MAX));
    let Item::Unknown { name, raw } = change(&long).unwrap().item else { panic!() };
    assert_eq!((name.len(), raw), (NAME_CHARS_MAX, None));
}

#[test]
fn times_fall_back_to_the_entry_and_the_arrival() {
    let at = |timestamp: &str, entry: &str| {
        let body = format!(
            r#"{{"object":"instagram","entry":[{{"id":"{ACCOUNT}","time":{entry},"messaging":[{{"sender":{{"id":"9"}},"recipient":{{"id":"{ACCOUNT}"}},"timestamp":{timestamp},"message":{{"mid":"m"}}}}]}}]}}"#
        );
        let event = only(&body).unwrap();
        (event.at.as_millis(), event.time_source)
    };
    assert_eq!(at("1767225599", "1767225600000"), (1_767_225_599_000, TimeSource::Item));
    assert_eq!(at("\"1767225599000\"", "1"), (1_767_225_599_000, TimeSource::Item));
    for unusable in ["1e400", "-1", "1.5", "null", "{}", "0", "99999999999999", "\"soon\""] {
        assert_eq!(at(unusable, "1767225600"), (1_767_225_600_000, TimeSource::Entry), "{unusable}");
        assert_eq!(at(unusable, "-5"), (NOW.as_millis(), TimeSource::Arrival), "{unusable}");
    }
}

#[test]
fn items_for_another_account_are_never_acted_upon() {
    let foreign = r#"{"sender":{"id":"9"},"recipient":{"id":"17841400000000002"},"timestamp":1767225600000,"message":{"mid":"m"}}"#;
    assert_eq!(thread(foreign), Err(Reason::ForeignAccount));
    let echo = r#"{"sender":{"id":"17841400000000002"},"recipient":{"id":"9"},"timestamp":1767225600000,"message":{"mid":"m","is_echo":true}}"#;
    assert_eq!(thread(echo), Err(Reason::ForeignAccount));
    let app_scoped = r#"{"sender":{"id":"9"},"recipient":{"id":"26000000000000001"},"timestamp":1767225600000,"message":{"mid":"m"}}"#;
    assert_eq!(thread(app_scoped).unwrap().kind, Kind::Message);
    // Without the account's ids the check is left to the caller.
    let body = format!(r#"{{"object":"instagram","entry":[{{"id":"{ACCOUNT}","messaging":[{foreign}]}}]}}"#);
    let Delivery::Envelope(envelope) = slice(body.as_bytes()) else { panic!() };
    let event = decode(&envelope.slices[0], None, NOW).unwrap();
    assert_eq!(event.check_account(&owner()), Err(Reason::ForeignAccount));
}

#[test]
fn keys_use_the_professional_id_whichever_id_came() {
    let item = r#"{"sender":{"id":"9"},"recipient":{"id":"17841400000000001"},"timestamp":1767225600000,"message":{"mid":"m"}}"#;
    let body =
        format!(r#"{{"object":"instagram","entry":[{{"id":26000000000000001,"messaging":[{item}]}}]}}"#);
    assert_eq!(only(&body).unwrap().key, thread(item).unwrap().key);
    let other = body.replace("26000000000000001", "\"5\"");
    assert_eq!(only(&other), Err(Reason::ForeignAccount));
    let none = body.replace("26000000000000001", "null");
    assert_eq!(only(&none), Err(Reason::NoAccount));
}

#[test]
fn items_without_what_their_key_needs_are_quarantined() {
    for (item, reason) in [
        (r#""message":{}"#, Reason::Missing("message.mid")),
        (r#""message":{"text":"x","is_deleted":true}"#, Reason::Missing("message.mid")),
        (r#""message":{"mid":""}"#, Reason::BadId { member: "message.mid", error: IdError::Empty }),
        (
            r#""message":{"mid":"a\nb"}"#,
            Reason::BadId { member: "message.mid", error: IdError::BadCharacter },
        ),
        (r#""message":{"mid":"\ud83d"}"#, Reason::Missing("message.mid")),
        (r#""message":7"#, Reason::Missing("message")),
        (r#""message":{"mid":"a" "b"}"#, Reason::Malformed),
        (r#""reaction":{"action":"react"}"#, Reason::Missing("reaction.mid")),
    ] {
        assert_eq!(from_person(item), Err(reason), "{item}");
    }
    let sender = thread(r#"{"recipient":{"id":"17841400000000001"},"message":{"mid":"m"}}"#);
    assert_eq!(sender, Err(Reason::Missing("sender")));
    let recipient = thread(r#"{"sender":{"id":"9"},"message":{"mid":"m"}}"#);
    assert_eq!(recipient, Err(Reason::Missing("recipient")));
    let path =
        thread(r#"{"sender":{"id":"../me"},"recipient":{"id":"17841400000000001"},"message":{"mid":"m"}}"#);
    assert_eq!(path, Err(Reason::BadId { member: "sender", error: IdError::BadCharacter }));
}

#[test]
fn text_is_cleaned_and_cut() {
    let read = |text: &str| message(&format!(r#""text":"{text}""#)).text.unwrap();
    assert_eq!(read("a\\u0000b").value.as_ref(), "ab");
    assert_eq!(read("a\\ud83db").value.as_ref(), "a\u{fffd}b");
    assert_eq!(read("{{token}}").value.as_ref(), "{{token}}");
    let full = "é".repeat(TEXT_CHARS_MAX);
    assert_eq!(read(&full), Text { value: full.as_str().into(), cut: false });
    assert_eq!(read(&format!("{full}x")), Text { value: full.as_str().into(), cut: true });
    for odd in ["5", "null", "[]", "{}", "1e400"] {
        assert_eq!(message(&format!(r#""text":{odd}"#)).text, None, "{odd}");
    }
}

#[test]
fn a_member_given_twice_acts_once() {
    let event =
        from_person(r#""message":{"mid":"m1","text":"a","mid":"m2"},"message":{"mid":"m3","text":"b"}"#)
            .unwrap();
    let Item::Message(message) = event.item else { panic!() };
    assert_eq!((message.mid, message.text), (Some(mid("m3")), text("b")));
}
