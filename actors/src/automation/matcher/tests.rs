use super::*;
use crate::{
    automation::{Automation, Content, MatchMode, Response, Scope, Trigger},
    text::normalise,
};
use std::time::Duration;

/// A live automation for direct messages that matches by word.
pub(in crate::automation) fn automation(id: &str, triggers: &[&str]) -> Automation {
    let content = Content {
        title: id.to_owned(),
        description: None,
        triggers: triggers.iter().map(|t| Trigger::new(t)).collect(),
        match_mode: MatchMode::Word,
        typo_tolerance: false,
        response: Response::parse("fixed", "hello").unwrap(),
        trigger_scope: Scope::Dm,
        hrn_enforced: false,
        comment_reply_text: None,
        post_ids: Vec::new(),
        expires_at: None,
        cooldown: Duration::ZERO,
    };
    Automation::new(id.into(), content, Timestamp::from_millis(1))
}

const NOW: Timestamp = Timestamp::from_millis(1_000);

fn find(automations: &[Automation], text: &str, scope: EventScope, media_ids: &[&str]) -> Option<Match> {
    let text = normalise(text);
    Matcher::compile(automations.iter()).find(&MatchQuery { text: &text, scope, media_ids, now: NOW })
}

fn fires(mode: MatchMode, trigger: &str, text: &str) -> bool {
    let mut one = automation("a", &[trigger]);
    one.content.match_mode = mode;
    find(&[one], text, EventScope::Dm, &[]).is_some()
}

#[test]
fn by_word() {
    for (trigger, text) in [
        ("hi", "Hi!"),
        ("café", "un CAFE\u{301}, por favor"),
        ("strasse", "Hauptstr. oder Straße?"),
        ("ΟΔΟΣ", "η οδος"),
        ("indirim", "İNDİRİM!"),
        ("link", "ＬＩＮＫ"),
        ("link", "l\u{200B}ink"),
        ("don't", "I don’t"),
        ("free guide", "send the free\n  guide"),
        ("🔥", "wow🔥"),
        ("#promo", "#PROMO please"),
        ("50%", "50% off"),
        ("ガイド", "このｶﾞｲﾄﾞを下さい"),
        ("ราคา", "ขอราคาหน่อย"),
        ("promo", "promoください"),
        ("价格", "请问价格多少"),
        ("नमस्ते", "नमस्ते जी"),
    ] {
        assert!(fires(MatchMode::Word, trigger, text), "{trigger:?} in {text:?}");
    }
    for (trigger, text) in [
        ("hi", "this"),
        ("hi", "hi_there"),
        ("hi", "hi5"),
        ("link", "links"),
        ("link", "linké"),
        ("नमस्त", "नमस्ते"),
        ("नम", "नम्र"),
        ("cafe", "café"),
    ] {
        assert!(!fires(MatchMode::Word, trigger, text), "{trigger:?} in {text:?}");
    }
}

#[test]
fn anywhere_and_exactly() {
    assert!(fires(MatchMode::Contains, "hi", "this"));
    for text in ["Price", "price!!!", "💰 price 💰", "«Price»", "PRICE❤️"] {
        assert!(fires(MatchMode::Exact, "price", text), "{text:?}");
    }
    assert!(fires(MatchMode::Exact, "e-mail", "Email?"));
    assert!(fires(MatchMode::Exact, "🔥", "🔥"));
    for text in ["the price", "prices", "pri ce", ""] {
        assert!(!fires(MatchMode::Exact, "price", text), "{text:?}");
    }
    assert!(!fires(MatchMode::Exact, "🔥", "💯"));
}
