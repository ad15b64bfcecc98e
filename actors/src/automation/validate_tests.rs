use super::*;
use crate::automation::{AutomationId, Diagnostic};

const NOW: Timestamp = Timestamp::from_millis(1_000);

fn input() -> AutomationInput {
    AutomationInput {
        title: "Guide".into(),
        trigger_word: Some("guide".into()),
        response_type: "fixed".into(),
        response_content: "Here it is".into(),
        ..AutomationInput::default()
    }
}

fn for_comments() -> AutomationInput {
    AutomationInput { trigger_scope: Some("comment".into()), post_id: Some("17".into()), ..input() }
}

fn stored(input: &AutomationInput) -> Automation {
    Automation::new(AutomationId::from("a1"), validate(input, NOW).unwrap().content, NOW)
}

fn codes(result: Result<Validated, Vec<FieldError>>) -> Vec<(String, FieldCode)> {
    result.unwrap_err().into_iter().map(|e| (e.field.into_owned(), e.code)).collect()
}

#[test]
fn the_least_that_can_be_saved() {
    let validated = validate(&input(), NOW).unwrap();
    assert!(validated.is_active && validated.warnings.is_empty());
    let content = validated.content;
    assert_eq!((content.match_mode, content.trigger_scope), (MatchMode::Word, Scope::Dm));
    assert_eq!(
        (content.trigger_word(), content.hrn_enforced, content.typo_tolerance),
        ("guide", false, false)
    );
    assert_eq!(content.cooldown, Duration::ZERO);
}

#[test]
fn every_error_is_told_at_once() {
    let wrong = AutomationInput {
        title: " ".into(),
        trigger_word: Some(" \u{200B}".into()),
        match_mode: Some("intent".into()),
        trigger_scope: Some("story".into()),
        response_type: "carousel".into(),
        expires_at: Some(NOW),
        cooldown_seconds: Some(30 * 24 * 60 * 60 + 1),
        ..input()
    };
    let mut fields: Vec<String> = codes(validate(&wrong, NOW)).into_iter().map(|(field, _)| field).collect();
    fields.sort();
    assert_eq!(
        fields,
        ["cooldownSeconds", "expiresAt", "matchMode", "responseType", "title", "triggerScope", "triggerWord"]
    );
}

#[test]
fn texts_hold_at_the_limit_and_one_past_it() {
    type Set = fn(&mut AutomationInput, String);
    let cases: [(&str, usize, Set); 4] = [
        ("title", 120, |i, t| i.title = t),
        ("description", 1000, |i, t| i.description = Some(t)),
        ("triggers", 100, |i, t| i.trigger_word = Some(t)),
        ("commentReplyText", 300, |i, t| i.comment_reply_text = Some(t)),
    ];
    for (field, max, set) in cases {
        let mut fits = for_comments();
        set(&mut fits, format!(" {} ", "é".repeat(max)));
        assert!(validate(&fits, NOW).is_ok(), "{field}");
        let mut long = for_comments();
        set(&mut long, "é".repeat(max + 1));
        assert_eq!(codes(validate(&long, NOW)), [(field.to_owned(), FieldCode::TooLong)]);
        let mut control = for_comments();
        set(&mut control, "a\u{7}b".into());
        assert_eq!(codes(validate(&control, NOW)), [(field.to_owned(), FieldCode::Invalid)]);
    }
}

#[test]
fn lists_hold_at_the_limit_and_one_past_it() {
    let numbered = |n: usize| Some((0..n).map(|i| format!("word{i}")).collect::<Vec<_>>());
    let fits = AutomationInput { triggers: numbered(19), post_ids: numbered(49), ..for_comments() };
    let content = validate(&fits, NOW).unwrap().content;
    assert_eq!((content.triggers.len(), content.post_ids.len()), (20, 50));
    assert_eq!(content.trigger_word(), "guide");
    let long = AutomationInput { triggers: numbered(20), post_ids: numbered(50), ..for_comments() };
    assert_eq!(
        codes(validate(&long, NOW)),
        [("triggers".to_owned(), FieldCode::TooMany), ("postIds".to_owned(), FieldCode::TooMany)]
    );
    let endless = AutomationInput { triggers: numbered(100_000), ..input() };
    assert_eq!(codes(validate(&endless, NOW)), [("triggers".to_owned(), FieldCode::TooMany)]);
}

#[test]
fn triggers_are_stored_lower_case_and_once() {
    let typed = AutomationInput {
        trigger_word: Some("  Free   GUIDE ".into()),
        triggers: Some(vec!["free guide".into(), "ＦＲＥＥ guide".into(), "pdf".into()]),
        ..input()
    };
    let content = validate(&typed, NOW).unwrap().content;
    assert_eq!(content.triggers.iter().map(Trigger::as_str).collect::<Vec<_>>(), ["free guide", "pdf"]);
    let short = AutomationInput { trigger_word: Some("hi".into()), ..input() };
    assert_eq!(validate(&short, NOW).unwrap().warnings.len(), 1);
    let none = AutomationInput { trigger_word: None, ..input() };
    assert_eq!(codes(validate(&none, NOW)), [("triggerWord".to_owned(), FieldCode::Required)]);
}

#[test]
fn comments_need_a_post_and_messages_keep_none() {
    let unbound = AutomationInput { post_id: None, ..for_comments() };
    assert_eq!(codes(validate(&unbound, NOW)), [("postIds".to_owned(), FieldCode::Required)]);
    let dm = AutomationInput {
        trigger_scope: Some("dm".into()),
        comment_reply_text: Some("Sent!".into()),
        ..for_comments()
    };
    let content = validate(&dm, NOW).unwrap().content;
    assert!(content.post_ids.is_empty() && content.comment_reply_text.is_none());
    let blank = AutomationInput { comment_reply_text: Some("  ".into()), ..for_comments() };
    assert_eq!(validate(&blank, NOW).unwrap().content.comment_reply_text, None);
}

#[test]
fn public_replies_have_one_link_at_most() {
    let reply = |text: &str| AutomationInput { comment_reply_text: Some(text.into()), ..for_comments() };
    assert!(validate(&reply("See https://a.example/x"), NOW).unwrap().warnings.is_empty());
    assert_eq!(
        codes(validate(&reply("https://a.example/x www.b.example"), NOW)),
        [("commentReplyText".to_owned(), FieldCode::TooMany)]
    );
    assert_eq!(validate(&reply("#a #b #c #d #e"), NOW).unwrap().warnings.len(), 1);
    assert_eq!(validate(&reply("CHECK YOUR INBOX"), NOW).unwrap().warnings.len(), 1);
}

#[test]
fn a_placeholder_that_nobody_fills_in_is_not_posted_in_public() {
    let reply = AutomationInput {
        comment_reply_text: Some("@{{username}} check your inbox".into()),
        comment_reply_variants: Some(vec!["Sent, {{first_name}}!".into()]),
        ..for_comments()
    };
    let expected =
        ["commentReplyText", "commentReplyVariants"].map(|field| (field.to_owned(), FieldCode::Invalid));
    assert_eq!(codes(validate(&reply, NOW)), expected);
}

#[test]
fn a_change_keeps_what_it_does_not_name() {
    let before = stored(&AutomationInput {
        triggers: Some(vec!["pdf".into()]),
        description: Some("note".into()),
        comment_reply_text: Some("Sent!".into()),
        hrn_enforced: Some(true),
        ..for_comments()
    });
    let same = validate_patch(&before, &AutomationPatch::default(), NOW).unwrap();
    assert_eq!((same.content, same.is_active), (before.content.clone(), true));

    let patch = AutomationPatch {
        trigger_word: Some("Link".into()),
        description: Some(None),
        hrn_enforced: Some(false),
        is_active: Some(false),
        ..AutomationPatch::default()
    };
    let changed = validate_patch(&before, &patch, NOW).unwrap();
    assert!(!changed.is_active && !changed.content.hrn_enforced && changed.content.description.is_none());
    assert_eq!(changed.content.triggers.iter().map(Trigger::as_str).collect::<Vec<_>>(), ["link", "pdf"]);
    assert_eq!(changed.content.post_ids, before.content.post_ids);

    let to_dm = AutomationPatch { trigger_scope: Some("dm".into()), ..AutomationPatch::default() };
    let changed = validate_patch(&before, &to_dm, NOW).unwrap().content;
    assert!(changed.post_ids.is_empty() && changed.comment_reply_text.is_none());
}

#[test]
fn a_change_is_judged_only_for_what_it_touches() {
    // Taken over from the predecessor: listens to every post, has a long title, and is over.
    let mut before = stored(&for_comments());
    before.content.post_ids.clear();
    before.content.title = "x".repeat(200);
    before.content.expires_at = Some(NOW);
    let patch = AutomationPatch { hrn_enforced: Some(true), ..AutomationPatch::default() };
    let changed = validate_patch(&before, &patch, NOW).unwrap().content;
    assert_eq!((changed.title.len(), changed.post_ids.len()), (200, 0));

    let on = AutomationPatch { is_active: Some(true), ..AutomationPatch::default() };
    assert_eq!(codes(validate_patch(&before, &on, NOW)), [("expiresAt".to_owned(), FieldCode::Past)]);
    let renewed = AutomationPatch { expires_at: Some(None), ..on };
    assert!(validate_patch(&before, &renewed, NOW).is_ok());
}

#[test]
fn a_broken_one_must_be_right_as_a_whole() {
    let mut before = stored(&input());
    before.content.title.clear();
    before.diagnostic =
        Diagnostic::of(vec![FieldError::new("responseContent", FieldCode::Invalid, "cannot be read")]);
    let patch = AutomationPatch { response_content: Some("New".into()), ..AutomationPatch::default() };
    assert_eq!(codes(validate_patch(&before, &patch, NOW)), [("title".to_owned(), FieldCode::Required)]);
    let patch = AutomationPatch { title: Some("Guide".into()), ..patch };
    let changed = validate_patch(&before, &patch, NOW).unwrap();
    before.change(changed.content, NOW);
    assert!(before.is_live(NOW) && before.version == 2);
}

#[test]
fn addresses() {
    for good in ["https://example.com", "HTTPS://example.com:8443/a?b=c#d", "https://bücher.example/é"] {
        assert!(is_https_url(good), "{good}");
    }
    for bad in [
        "http://example.com",
        "https://",
        "https://localhost",
        "https://me@example.com/",
        "https://example.com:x/",
        "https://exa mple.com",
        "https://example.com\\@evil.example",
        "https://.example.com",
        "javascript:alert(1)",
        "éééééééééé",
    ] {
        assert!(!is_https_url(bad), "{bad}");
    }
    let mut errors = Vec::new();
    check_https_url("u".into(), &format!("https://example.com/{}", "x".repeat(2028)), &mut errors);
    assert!(errors.is_empty());
    check_https_url("u".into(), &format!("https://example.com/{}", "x".repeat(2029)), &mut errors);
    assert_eq!(errors[0].code, FieldCode::TooLong);
}
