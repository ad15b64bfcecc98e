//! Messages of people and of the account, and what is taken back.

use super::*;

#[test]
fn text_message() {
    let event = thread(r#"{"sender":{"id":"900000000000001"},"recipient":{"id":"17841400000000001"},"timestamp":1767225600000,"message":{"mid":"m_fict_0001","text":"Hello, what is the PRICE?"}}"#).unwrap();
    assert_eq!(event.key.as_str(), "17841400000000001:message:900000000000001:m_fict_0001");
    assert_eq!((event.at, event.time_source), (UnixMillis::from_secs(1_767_225_600), TimeSource::Item));
    assert!(!event.standby && !event.from_account && event.account_side.is_none());
    let expected =
        Message { text: text("Hello, what is the PRICE?"), ..plain("900000000000001", "m_fict_0001") };
    assert_eq!(event.item, Item::Message(Box::new(expected)));
}

#[test]
fn a_message_without_an_id_is_named_by_person_instant_and_text() {
    let of = |at: u64, message: &str| {
        thread(&format!(
            r#"{{"sender":{{"id":"9"}},"recipient":{{"id":"{ACCOUNT}"}},"timestamp":{at},"message":{message}}}"#
        ))
    };
    let event = of(1_767_225_600_000, r#"{"text":"price"}"#).unwrap();
    let expected = Message { text: text("price"), mid: None, ..plain("9", "m") };
    assert_eq!(event.item, Item::Message(Box::new(expected)));
    assert_eq!(
        event.key.as_str(),
        "17841400000000001:message:9:1767225600000:683b531f41ec88a2f345b727afe59757b73162a340a65c86bba62866f8fe556c"
    );
    for same in [r#"{"text":"pr\u0069ce"}"#, r#"{"mid":null,"text":"price"}"#] {
        assert_eq!(of(1_767_225_600_000, same).unwrap().key, event.key, "{same}");
    }
    assert_ne!(of(1_767_225_600_001, r#"{"text":"price"}"#).unwrap().key, event.key);
    assert_ne!(of(1_767_225_600_000, r#"{"text":"prices"}"#).unwrap().key, event.key);
    let picture = |id: u8| {
        let payload = format!(r#"{{"url":"https://lookaside.example/{id}"}}"#);
        of(1_767_225_600_000, &format!(r#"{{"attachments":[{{"type":"image","payload":{payload}}}]}}"#))
    };
    assert_eq!(picture(1).unwrap().key, picture(1).unwrap().key);
    assert_ne!(picture(1).unwrap().key, picture(2).unwrap().key);
    let undated =
        thread(r#"{"sender":{"id":"9"},"recipient":{"id":"17841400000000001"},"message":{"text":"price"}}"#);
    assert_eq!(undated, Err(Reason::Missing("timestamp")));
}

#[test]
fn images() {
    let read = message(
        r#""attachments":[{"type":"image","payload":{"url":"https://lookaside.example/ig_messaging_cdn/?asset_id=1&signature=x"}},{"type":"image","payload":{"url":"https://lookaside.example/ig_messaging_cdn/?asset_id=2&signature=y"}}]"#,
    );
    assert_eq!(
        read.attachments,
        [
            attachment(
                AttachmentKind::Image,
                "https://lookaside.example/ig_messaging_cdn/?asset_id=1&signature=x"
            ),
            attachment(
                AttachmentKind::Image,
                "https://lookaside.example/ig_messaging_cdn/?asset_id=2&signature=y"
            ),
        ]
    );
    assert_eq!(read.text, None);
}

#[test]
fn story_mention_reel_and_post() {
    let url = "https://lookaside.example/ig_messaging_cdn/?asset_id=3&signature=z";
    let read = message(&format!(r#""attachments":[{{"type":"story_mention","payload":{{"url":"{url}"}}}}]"#));
    assert_eq!(read.attachments, [attachment(AttachmentKind::StoryMention, url)]);
    let read = message(&format!(
        r#""attachments":[{{"type":"ig_reel","payload":{{"reel_video_id":"18000000000000301","title":"Fictional reel","url":"{url}"}}}}]"#
    ));
    let reel = Attachment {
        title: some("Fictional reel"),
        media: Some(MediaId::parse("18000000000000301").unwrap()),
        ..attachment(AttachmentKind::Reel, url)
    };
    assert_eq!(read.attachments, [reel]);
    let read = message(&format!(
        r#""attachments":[{{"type":"share","payload":{{"url":"{url}"}}}},{{"type":"ig_post","payload":{{"ig_post_media_id":18000000000000101,"title":"Fictional post","url":"{url}"}}}}]"#
    ));
    let post = Attachment {
        title: some("Fictional post"),
        media: Some(MediaId::parse("18000000000000101").unwrap()),
        ..attachment(AttachmentKind::Post, url)
    };
    assert_eq!(read.attachments, [attachment(AttachmentKind::Share, url), post]);
}

#[test]
fn every_attachment_type() {
    use AttachmentKind as K;
    for (name, kind) in [
        ("image", K::Image),
        ("video", K::Video),
        ("audio", K::Audio),
        ("file", K::File),
        ("media", K::Media),
        ("share", K::Share),
        ("ig_post", K::Post),
        ("reel", K::Reel),
        ("ig_reel", K::Reel),
        ("story", K::Story),
        ("ig_story", K::Story),
        ("story_mention", K::StoryMention),
        ("template", K::Template),
        ("ephemeral", K::Ephemeral),
        ("fallback", K::Other("fallback".into())),
    ] {
        let json = format!(r#"{{"type":"{name}","payload":{{"generic":{{}}}}}}"#);
        let read = message(&format!(r#""attachments":[{json}]"#));
        assert_eq!(read.attachments[0].kind, kind);
        let kept = matches!(kind, K::Other(_)).then_some(json);
        assert_eq!(read.attachments[0].raw.as_deref(), kept.as_deref());
    }
    let read = message(
        r#""attachments":[{"type":"ephemeral"},{},7,{"type":"story","payload":{"story_media_id":"1","story_media_url":"https://a.example"}},{"type":"share","payload":{"id":"aWdf:x"}}]"#,
    );
    let seen: Vec<_> = read.attachments.iter().map(|a| (a.url.as_deref(), a.media.is_some())).collect();
    assert_eq!(
        seen,
        [(None, false), (None, false), (None, false), (Some("https://a.example"), true), (None, false)]
    );
}

#[test]
fn attachments_are_bounded() {
    let many = |count: usize| format!(r#""attachments":[{}]"#, vec!["{}"; count].join(","));
    let read = message(&many(ATTACHMENTS_MAX));
    assert_eq!((read.attachments.len(), read.attachments_cut), (ATTACHMENTS_MAX, false));
    let read = message(&many(ATTACHMENTS_MAX + 1));
    assert_eq!((read.attachments.len(), read.attachments_cut), (ATTACHMENTS_MAX, true));
}

#[test]
fn replies() {
    let read = message(r#""text":"that one","reply_to":{"mid":"m_fict_0001"}"#);
    assert_eq!(read.reply_to, Some(ReplyTo::Message(mid("m_fict_0001"))));
    let read = message(
        r#""text":"price please","reply_to":{"story":{"id":"18000000000000401","url":"https://lookaside.example/u"}}"#,
    );
    let id = MediaId::parse("18000000000000401").ok();
    assert_eq!(read.reply_to, Some(ReplyTo::Story { id, url: some("https://lookaside.example/u") }));
    for empty in ["{}", "null", "5", r#"{"story":{}}"#, r#"{"story":null}"#, r#"{"mid":7.5}"#] {
        let read = message(&format!(r#""text":"x","reply_to":{empty}"#));
        assert_eq!((read.reply_to, read.text), (None, text("x")), "{empty}");
    }
}

#[test]
fn quick_reply_referral_and_unsupported() {
    let read = message(r#""text":"Yes, send it","quick_reply":{"payload":"SEND_GUIDE"}"#);
    assert_eq!((read.quick_reply, read.text), (some("SEND_GUIDE"), text("Yes, send it")));
    let read = message(
        r#""text":"I saw your ad","referral":{"ref":"spring","ad_id":"120000000000001","source":"ADS","type":"OPEN_THREAD","ads_context_data":{"ad_title":"Fictional ad","photo_url":"https://scontent.example/ad.jpg","video_url":"https://scontent.example/ad.mp4"}}"#,
    );
    let referral = Referral {
        reference: some("spring"),
        source: some("ADS"),
        kind: some("OPEN_THREAD"),
        ad_id: some("120000000000001"),
        ad_title: some("Fictional ad"),
    };
    assert_eq!(read.referral.as_deref(), Some(&referral));
    let read = message(r#""is_unsupported":true"#);
    assert!(read.is_unsupported && read.text.is_none());
}

#[test]
fn echo_and_self() {
    let item = r#"{"sender":{"id":"17841400000000001"},"recipient":{"id":"900000000000001"},"timestamp":1767225609000,"message":{"mid":"m_fict_0010","text":"It is 12 euro.","is_echo":true,"app_id":990000000000001,"metadata":"x"}}"#;
    let event = thread(item).unwrap();
    assert_eq!(event.key.as_str(), "17841400000000001:echo:m_fict_0010");
    let echo = Echo {
        person: person("900000000000001"),
        mid: mid("m_fict_0010"),
        text: text("It is 12 euro."),
        attachments: vec![],
        is_self: false,
        app_id: some("990000000000001"),
        metadata: some("x"),
    };
    assert_eq!(event.item, Item::Echo(Box::new(echo)));
    assert!(event.from_account);
    // The mark may be missing or of a wrong type: what the account sent is never a person's message.
    for mark in [r#","is_echo":"true""#, r#","is_echo":7"#, ""] {
        let event = thread(&item.replace(r#","is_echo":true"#, mark)).unwrap();
        assert_eq!(event.kind, Kind::Echo, "{mark}");
    }
    let own = thread(r#"{"sender":{"id":"17841400000000001"},"recipient":{"id":"17841400000000001"},"timestamp":1767225609000,"message":{"mid":"m","text":"t","is_echo":true,"is_self":true}}"#).unwrap();
    let Item::Echo(own) = own.item else { panic!() };
    assert!(own.is_self);
}

#[test]
fn unsend() {
    let event = from_person(r#""message":{"mid":"m_fict_0001","is_deleted":true,"text":"gone"}"#).unwrap();
    assert_eq!(event.key.as_str(), "17841400000000001:unsend:m_fict_0001");
    assert_eq!(event.item, Item::Unsend { person: person("900000000000001"), mid: mid("m_fict_0001") });
}
