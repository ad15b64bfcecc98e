use super::*;

fn person() -> Igsid {
    Igsid::parse("900000000000001").unwrap()
}

fn comment() -> CommentId {
    CommentId::parse("18000000000000201").unwrap()
}

fn json(message: &OutgoingMessage) -> String {
    serde_json::to_string(message).unwrap()
}

fn text(text: &str) -> Content {
    Content::Text(text.to_owned())
}

fn card() -> Element {
    Element {
        title: "Summer guide".into(),
        subtitle: Some("12 pages".into()),
        image_url: None,
        default_action: None,
        buttons: vec![],
    }
}

fn tap(title: &str, payload: &str) -> Button {
    Button::Postback { title: title.into(), payload: payload.into() }
}

fn open(url: &str, title: &str) -> Button {
    Button::WebUrl { url: url.into(), title: title.into() }
}

#[test]
fn requests_are_written_as_documented() {
    let plain =
        OutgoingMessage::to_person(person(), text("Here you are: https://example.com/guide")).unwrap();
    let written = r#"{"recipient":{"id":"900000000000001"},"message":{"text":"Here you are: https://example.com/guide"}}"#;
    assert_eq!(json(&plain), written);
    let written = r#"{"recipient":{"id":"900000000000001"},"messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT","message":{"text":"Here you are: https://example.com/guide"}}"#;
    assert_eq!(json(&plain.by_human_agent().unwrap()), written);
    let private =
        OutgoingMessage::private_reply(comment(), text("Hi! Here is the link: https://example.com/guide"));
    let written = r#"{"recipient":{"comment_id":"18000000000000201"},"message":{"text":"Hi! Here is the link: https://example.com/guide"}}"#;
    assert_eq!(json(&private.unwrap()), written);
    let generic = r#"{"recipient":{"id":"900000000000001"},"message":{"attachment":{"type":"template","payload":{"template_type":"generic","elements":[{"title":"Summer guide","subtitle":"12 pages","image_url":"https://cdn.example.com/g.jpg","default_action":{"type":"web_url","url":"https://example.com/guide"},"buttons":[{"type":"web_url","url":"https://example.com/guide","title":"Open"},{"type":"postback","title":"More","payload":"MORE"}]}]}}}}"#;
    let elements = vec![Element {
        image_url: Some("https://cdn.example.com/g.jpg".into()),
        default_action: Some(DefaultAction::WebUrl { url: "https://example.com/guide".into() }),
        buttons: vec![open("https://example.com/guide", "Open"), tap("More", "MORE")],
        ..card()
    }];
    let stored = serde_json::to_string(&elements).unwrap();
    assert_eq!(json(&OutgoingMessage::to_person(person(), Content::Generic(elements)).unwrap()), generic);
    let read = Content::generic_from_json(&stored).unwrap();
    assert_eq!(json(&OutgoingMessage::to_person(person(), read).unwrap()), generic);
    let buttons = r#"{"recipient":{"id":"900000000000001"},"message":{"attachment":{"type":"template","payload":{"template_type":"button","text":"Which one?","buttons":[{"type":"postback","title":"Small","payload":"S"},{"type":"web_url","url":"https://example.com","title":"Website"}]}}}}"#;
    let content = Content::Buttons {
        text: "Which one?".into(),
        buttons: vec![tap("Small", "S"), open("https://example.com", "Website")],
    };
    assert_eq!(json(&OutgoingMessage::to_person(person(), content).unwrap()), buttons);
}

#[test]
fn text_is_limited_in_bytes() {
    for (unit, bytes) in [("x", 1), ("é", 2), ("☕", 3), ("😀", 4)] {
        let full = unit.repeat(TEXT_BYTES_MAX / bytes) + &"x".repeat(TEXT_BYTES_MAX % bytes);
        assert_eq!(full.len(), TEXT_BYTES_MAX);
        assert_eq!(text(&full).check(), Ok(()));
        let over = ContentError::TooLong { part: "text", limit: TEXT_BYTES_MAX };
        assert_eq!(text(&format!("{full}x")).check(), Err(over));
    }
    assert_eq!(text(" \n").check(), Err(ContentError::Empty("text")));
}

#[test]
fn templates_are_limited() {
    let check = |elements: Vec<Element>| Content::Generic(elements).check();
    assert_eq!(check(vec![card(); ELEMENTS_MAX]), Ok(()));
    let many = ContentError::TooMany { part: "elements", limit: ELEMENTS_MAX };
    assert_eq!(check(vec![card(); ELEMENTS_MAX + 1]), Err(many));
    assert_eq!(check(vec![]), Err(ContentError::Empty("elements")));
    assert_eq!(check(vec![Element { subtitle: None, ..card() }]), Err(ContentError::BareElement));
    assert_eq!(check(vec![Element { title: "é".repeat(80), ..card() }]), Ok(()));
    let long = ContentError::TooLong { part: "title", limit: 80 };
    assert_eq!(check(vec![Element { title: "é".repeat(81), ..card() }]), Err(long));
    let long = ContentError::TooLong { part: "subtitle", limit: 80 };
    assert_eq!(check(vec![Element { subtitle: Some("é".repeat(81)), ..card() }]), Err(long));
    for bad in ["", "example.com", "javascript:alert(1)", "ftp://example.com", "data:text/html,x", "https://"]
    {
        let element = Element { image_url: Some(bad.into()), ..card() };
        assert_eq!(check(vec![element]), Err(ContentError::BadUrl("image_url")), "{bad}");
    }
    assert_eq!(Content::generic_from_json("{}"), Err(ContentError::NotATemplate));
}

#[test]
fn buttons_are_limited() {
    let check = |buttons: Vec<Button>| Content::Buttons { text: "x".into(), buttons }.check();
    assert_eq!(check(vec![tap("a", "b"); BUTTONS_MAX]), Ok(()));
    let many = ContentError::TooMany { part: "buttons", limit: BUTTONS_MAX };
    assert_eq!(check(vec![tap("a", "b"); BUTTONS_MAX + 1]), Err(many));
    let card = Element { buttons: vec![tap("a", "b"); BUTTONS_MAX + 1], ..card() };
    assert_eq!(Content::Generic(vec![card]).check(), Err(many));
    assert_eq!(check(vec![]), Err(ContentError::Empty("buttons")));
    assert_eq!(check(vec![tap(&"é".repeat(20), &"é".repeat(1000))]), Ok(()));
    let long = ContentError::TooLong { part: "button title", limit: 20 };
    assert_eq!(check(vec![tap(&"é".repeat(21), "b")]), Err(long));
    let long = ContentError::TooLong { part: "payload", limit: 1000 };
    assert_eq!(check(vec![tap("a", &"é".repeat(1001))]), Err(long));
    assert_eq!(check(vec![tap("a", "")]), Err(ContentError::Empty("payload")));
    assert_eq!(check(vec![open("nowhere", "a")]), Err(ContentError::BadUrl("button url")));
    let long = Content::Buttons { text: "é".repeat(641), buttons: vec![tap("a", "b")] };
    assert_eq!(long.check(), Err(ContentError::TooLong { part: "text", limit: 640 }));
}

#[test]
fn private_replies_carry_no_tag() {
    let private = OutgoingMessage::private_reply(comment(), text("x")).unwrap();
    assert_eq!(private.by_human_agent(), Err(ContentError::TagOnPrivateReply));
}

#[test]
fn public_replies_are_limited() {
    let new = |text: &str| PublicReply::new(comment(), text.to_owned()).map(drop);
    assert_eq!(new(&"é".repeat(300)), Ok(()));
    assert_eq!(new(&"é".repeat(301)), Err(ContentError::TooLong { part: "text", limit: 300 }));
    assert_eq!(new(" "), Err(ContentError::Empty("text")));
}

#[test]
fn debug_shows_no_text() {
    let message = OutgoingMessage::to_person(person(), text("private words")).unwrap();
    assert!(!format!("{message:?}").contains("private words"));
    let reply = PublicReply::new(comment(), "private words".into()).unwrap();
    assert!(!format!("{reply:?}").contains("private words"));
}
