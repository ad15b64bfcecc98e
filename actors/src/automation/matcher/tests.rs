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
        comment_reply_variants: Vec::new(),
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

#[test]
fn posts_and_scopes() {
    let mut bound = automation("bound", &["link"]);
    bound.content.trigger_scope = Scope::Comment;
    bound.content.post_ids = vec!["1".into(), "2".into()];
    let mut both = automation("both", &["link"]);
    both.content.trigger_scope = Scope::Both;
    let all = [bound, both];
    let winner =
        |scope, media: &[&str]| find(&all, "link", scope, media).map(|m| (m.automation, m.post_scoped));
    assert_eq!(winner(EventScope::Comment, &["2"]), Some(("bound".into(), true)));
    assert_eq!(winner(EventScope::Comment, &["9", "1"]), Some(("bound".into(), true)));
    assert_eq!(winner(EventScope::Comment, &["3"]), Some(("both".into(), false)));
    assert_eq!(winner(EventScope::Comment, &[]), Some(("both".into(), false)));
    assert_eq!(winner(EventScope::Dm, &["1"]), Some(("both".into(), false)));
    assert_eq!(find(&all[..1], "link", EventScope::Comment, &[]), None);
}

#[test]
fn only_live_automations_fire() {
    let mut over = automation("over", &["link"]);
    over.content.expires_at = Some(NOW);
    let mut off = automation("off", &["link"]);
    off.is_active = false;
    let mut broken = automation("broken", &["link"]);
    broken.diagnostic = Some(crate::automation::Diagnostic { errors: Vec::new() });
    assert_eq!(find(&[over.clone(), off, broken], "link", EventScope::Dm, &[]), None);
    over.content.expires_at = Some(Timestamp::from_millis(1_001));
    assert!(find(&[over], "link", EventScope::Dm, &[]).is_some());
    assert_eq!(find(&[], "link", EventScope::Dm, &[]), None);
}

#[test]
fn ranking_holds_in_every_order() {
    // Each beats the next, by one rule of the ranking.
    let ladder = |at: usize| {
        let mut one = automation(&format!("{at}"), &["link"]);
        let content = &mut one.content;
        content.trigger_scope = Scope::Comment;
        match at {
            0 => (content.match_mode, content.post_ids) = (MatchMode::Contains, vec!["1".into()]),
            1 => content.match_mode = MatchMode::Exact,
            2 => content.triggers = vec![Trigger::new("lin"), Trigger::new("link")],
            3 => (content.triggers, content.hrn_enforced) = (vec![Trigger::new("link")], false),
            4 => one.created_at = Timestamp::from_millis(2),
            5 => content.trigger_scope = Scope::Both,
            _ => content.match_mode = MatchMode::Contains,
        }
        if at == 2 {
            one.content.hrn_enforced = true;
        }
        one
    };
    let all: Vec<Automation> = (0..7).map(ladder).collect();
    for rotation in 0..all.len() {
        let mut order = all.clone();
        order.rotate_left(rotation);
        if rotation % 2 == 0 {
            order.reverse();
        }
        let matcher = Matcher::compile(order.iter());
        let query = MatchQuery { text: "link", scope: EventScope::Comment, media_ids: &["1"], now: NOW };
        let ranked: Vec<String> =
            matcher.find_all(&query).into_iter().map(|m| m.automation.to_string()).collect();
        assert_eq!(ranked, ["0", "1", "2", "3", "4", "5", "6"]);
        assert_eq!(matcher.find(&query).unwrap().automation.as_str(), "0");
    }
}

#[test]
fn longer_triggers_win_and_ties_go_by_age_then_id() {
    let short = automation("a", &["guide"]);
    let long = automation("b", &["free guide"]);
    assert_eq!(find(&[short, long], "free guide", EventScope::Dm, &[]).unwrap().automation.as_str(), "b");
    let [mut young, old, twin] = ["a", "b", "c"].map(|id| automation(id, &["guide"]));
    young.created_at = NOW;
    assert_eq!(find(&[young, twin, old], "guide", EventScope::Dm, &[]).unwrap().automation.as_str(), "b");
}

#[test]
fn slips_are_forgiven_only_where_asked_and_only_when_nothing_else_fires() {
    let strict = automation("strict", &["link"]);
    let mut kind = automation("kind", &["link"]);
    kind.content.typo_tolerance = true;
    assert_eq!(find(std::slice::from_ref(&strict), "the lnik", EventScope::Dm, &[]), None);
    let found = find(&[strict, kind.clone()], "the lnik", EventScope::Dm, &[]).unwrap();
    assert_eq!((found.automation.as_str(), found.hit, found.at), ("kind", Hit::Misspelt, 4..8));
    let other = automation("other", &["please"]);
    let found = find(&[kind.clone(), other], "lnik please", EventScope::Dm, &[]).unwrap();
    assert_eq!((found.automation.as_str(), found.hit), ("other", Hit::Word));
    kind.content.match_mode = MatchMode::Contains;
    assert_eq!(find(&[kind], "the lnik", EventScope::Dm, &[]), None);
}

#[test]
fn candidates_are_bounded() {
    let many: Vec<Automation> = (0..80).map(|n| automation(&format!("{n:02}"), &["link"])).collect();
    let query = MatchQuery { text: "link", scope: EventScope::Dm, media_ids: &[], now: NOW };
    let ranked = Matcher::compile(many.iter()).find_all(&query);
    assert_eq!(ranked.len(), CANDIDATES_MAX);
    assert_eq!(ranked[0].automation.as_str(), "00");
}

/// The rules, spelt out without any index.
mod reference {
    use super::*;
    use std::cmp::Reverse;

    fn bounded(text: &str, start: usize, end: usize, form: &str) -> bool {
        let goes_on = |edge: Option<char>, neighbour: Option<char>| {
            edge.is_some_and(is_word_char)
                && neighbour.is_some_and(|c| is_word_char(c) && !is_spaceless_script(c))
        };
        !goes_on(form.chars().next(), text[..start].chars().next_back())
            && !goes_on(form.chars().next_back(), text[end..].chars().next())
    }

    fn hits(mode: MatchMode, text: &str, form: &str) -> Option<Hit> {
        let mut places = text.char_indices().map(|(at, _)| at).filter(|at| text[*at..].starts_with(form));
        match mode {
            MatchMode::Exact => (bare::bare(text) == bare::bare(form)).then_some(Hit::Exact),
            MatchMode::Word if !form.chars().any(is_spaceless_script) => {
                places.any(|at| bounded(text, at, at + form.len(), form)).then_some(Hit::Word)
            }
            _ => places.next().map(|_| Hit::Contains),
        }
    }

    pub(super) fn find(
        automations: &[Automation],
        query: &MatchQuery<'_>,
    ) -> Option<(AutomationId, Arc<str>, Hit, bool)> {
        let mut best = None;
        for automation in automations.iter().filter(|a| a.is_live(query.now)) {
            let content = &automation.content;
            let comment = query.scope == EventScope::Comment;
            let bound = comment && content.post_ids.iter().any(|p| query.media_ids.contains(&p.as_str()));
            let elsewhere = comment && !content.post_ids.is_empty() && !bound;
            if elsewhere || !content.trigger_scope.covers(query.scope) {
                continue;
            }
            for trigger in &content.triggers {
                let form = normalise(trigger.as_str());
                let Some(hit) = hits(content.match_mode, query.text, &form) else { continue };
                let rank = (
                    (!bound, hit, Reverse(form.chars().count())),
                    (content.trigger_scope == Scope::Both, !content.hrn_enforced),
                    (automation.created_at, automation.id.clone(), trigger.shared()),
                );
                if best.as_ref().is_none_or(|(known, _)| rank < *known) {
                    best = Some((rank, (automation.id.clone(), trigger.shared(), hit, bound)));
                }
            }
        }
        best.map(|(_, found)| found)
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "([abA _!-]|é|甲|🔥|ß|'){0,14}";

    prop_compose! {
        fn any_automation()(
            id in 0u8..30,
            triggers in proptest::collection::vec("([abA_]|é|甲|🔥|ß|-)([ab ]|é|甲){0,3}", 1..3),
            mode in 0u8..3,
            scope in 0u8..3,
            (hrn, active, expired) in (any::<bool>(), 0u8..8, 0u8..8),
            posts in proptest::collection::vec(0u8..3, 0..3),
            created in 0i64..3,
        ) -> Automation {
            let triggers: Vec<&str> = triggers.iter().map(String::as_str).collect();
            let mut one = automation(&id.to_string(), &triggers);
            let content = &mut one.content;
            content.match_mode = [MatchMode::Word, MatchMode::Contains, MatchMode::Exact][usize::from(mode)];
            content.trigger_scope = [Scope::Dm, Scope::Comment, Scope::Both][usize::from(scope)];
            content.hrn_enforced = hrn;
            content.expires_at = (expired == 0).then_some(NOW);
            content.post_ids = posts.iter().map(|p| p.to_string().into()).collect();
            one.is_active = active > 0;
            one.created_at = Timestamp::from_millis(created);
            one
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]
        #[test]
        fn the_index_and_the_rules_agree(
            mut automations in proptest::collection::vec(any_automation(), 0..12),
            text in TEXT,
            comment in any::<bool>(),
            media in proptest::collection::vec(0u8..4, 0..3),
        ) {
            // Ids are unique in a workspace.
            let mut seen = std::collections::HashSet::new();
            automations.retain(|a| seen.insert(a.id.clone()));
            let text = normalise(&text);
            let media: Vec<String> = media.iter().map(u8::to_string).collect();
            let media: Vec<&str> = media.iter().map(String::as_str).collect();
            let scope = if comment { EventScope::Comment } else { EventScope::Dm };
            let query = MatchQuery { text: &text, scope, media_ids: &media, now: NOW };
            let matcher = Matcher::compile(automations.iter());
            let found = matcher.find(&query);
            let short = found.clone().map(|m| (m.automation, m.trigger, m.hit, m.post_scoped));
            prop_assert_eq!(short, reference::find(&automations, &query));
            prop_assert_eq!(matcher.find_all(&query).into_iter().next(), found);
            automations.reverse();
            prop_assert_eq!(Matcher::compile(automations.iter()).find_all(&query), matcher.find_all(&query));
        }
    }
}
