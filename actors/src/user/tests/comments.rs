//! The pipeline of comments: one private reply, then one public reply, and what keeps them from going out.

use super::world::*;
use crate::{
    Entity,
    automation::Automation,
    id::{CommentId, Igsid, Mid},
    outbox::{Doubt, FailureClass, Refusal, SendOutcome},
    user::{
        Command, UserEffect, UserEvent,
        action_log::ActionResult,
        decision::{HrnSource, Silence, Verdict},
        inbound::InboundItem,
        notification::NotificationKind,
        settings::SettingsPatch,
    },
};
use std::sync::Arc;

#[test]
fn d_42_the_accounts_own_comments_start_nothing() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", Some("the link is in your inbox")));
    let mut own = world.comment(ACCOUNT, "link");
    assert_eq!(world.receive(own.clone()), Some(Verdict::NoReply(Silence::OwnContent)));
    if let InboundItem::Comment(comment) = &mut own.item {
        comment.id = CommentId::from("777");
        comment.person = None;
        comment.username = Some("Fictional.Bakery".into());
    }
    assert_eq!(world.receive(own), Some(Verdict::NoReply(Silence::OwnContent)));
    assert!(world.all_sends.is_empty());
}

#[test]
fn a_matching_comment_gets_one_private_and_then_one_public_reply() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "Here it is", Some("It is in your inbox")));
    let event = world.comment(ANA, "LINK please");
    let key = event.key.as_str().to_owned();
    world.receive(event.clone());
    assert_eq!(world.sends.len(), 1, "d-44: the public reply comes after the private one");
    assert_eq!(world.deliver(), ["Here it is", "It is in your inbox"]);
    assert_eq!(world.receive(event), None, "d-33: comments have no duplicate protection");
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
    assert_eq!(world.user.list_automations()[0].comment_reply_count, 1, "d-59");
    assert_eq!(world.user.usage.months().last().unwrap().1.private_replies, 1);
    assert_eq!(world.contact(ANA).username.as_deref(), Some("user_900000000000001"));
    let again = world.comments(ANA, "link");
    assert_eq!(world.verdict(&again), Verdict::NoReply(Silence::Cooldown));
    world.wait(hours(24));
    world.comments(ANA, "link");
    assert_eq!(world.sends.len(), 1);
}

#[test]
fn d_44_a_failed_private_reply_claims_nothing_in_public() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", Some("sent!")));
    let key = world.comments(ANA, "link");
    let send = world.take_send();
    world.finish(&send, SendOutcome::NotSent(Refusal::of(FailureClass::Done)));
    world.wait(hours(1));
    assert_eq!(world.all_sends.len(), 1);
    assert!(matches!(world.verdict(&key), Verdict::NotDelivered { .. }));
}

#[test]
fn d_43_comments_respect_risk_and_enforced_human_response() {
    let mut world = World::connected();
    world.automate("c1", on_comments("refund", "here", None));
    let key = world.comments(ANA, "I want a refund, scam!");
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Heuristic, .. }));
    assert!(world.contact(ANA).hrn.is_some());
    assert!(world.all_sends.is_empty());
}

#[test]
fn comments_that_match_nothing_or_are_too_old_are_only_recorded() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", None));
    let key = world.comments(ANA, "lovely");
    assert_eq!(world.verdict(&key), Verdict::NoReply(Silence::NoMatch));
    let mut old = world.comment(ANA, "link");
    old.at = world.now - hours(7 * 24);
    assert_eq!(world.receive(old), Some(Verdict::NoReply(Silence::TooOld)));
    let mut live = world.comment(ANA, "link");
    live.at = world.now - hours(5);
    if let InboundItem::Comment(comment) = &mut live.item {
        comment.live = true;
    }
    assert_eq!(world.receive(live), Some(Verdict::NoReply(Silence::TooOld)));
    assert!(world.user.contacts.is_empty(), "a viral post does not flood the contacts");
}

#[test]
fn a_prompt_for_comments_falls_back_to_a_sentence() {
    let mut world = World::connected();
    let mut input = on_comments("link", "write something nice", None);
    input.response_type = "ai_prompt".into();
    world.automate("c1", input);
    world.comments(ANA, "link");
    world.write("");
    assert_eq!(world.deliver(), ["Thanks for your comment! Let's continue here in the messages."]);
}

#[test]
fn a_comment_that_needs_a_person_is_not_silenced_by_the_cool_down() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", None));
    world.comments(ANA, "link please");
    assert_eq!(world.deliver(), ["here"]);
    let again = world.comments(ANA, "link again");
    assert_eq!(world.verdict(&again), Verdict::NoReply(Silence::Cooldown));
    let grave = world.comments(ANA, "this link is a scam, I want a refund!");
    assert!(matches!(world.verdict(&grave), Verdict::Hrn { source: HrnSource::Heuristic, .. }));
    assert!(world.contact(ANA).hrn.is_some());
    assert_eq!(world.all_sends.len(), 1);
}

#[test]
fn a_grave_comment_without_a_contact_still_tells_the_owner() {
    let mut world = World::connected();
    world.automate("c1", on_comments("refund", "here", None));
    let mut event = world.comment(ANA, "I want a refund, scam!");
    if let InboundItem::Comment(comment) = &mut event.item {
        comment.person = None;
    }
    assert!(matches!(world.receive(event), Some(Verdict::Hrn { .. })));
    assert!(world.user.contacts.is_empty());
    let told = |kind: &NotificationKind| matches!(kind, NotificationKind::HumanNeeded { .. });
    assert!(world.user.notifications.iter().any(|notification| told(&notification.kind)));
}

#[test]
fn a_writer_whom_the_platform_names_after_the_private_reply_becomes_a_contact() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "Here it is", None));
    let mut event = world.comment(ANA, "link");
    if let InboundItem::Comment(comment) = &mut event.item {
        comment.person = None;
    }
    let key = event.key.as_str().to_owned();
    world.receive(event);
    let send = world.take_send();
    let (message_id, recipient) = (Mid::from("out_1"), Some(Igsid::from(ANA)));
    world.finish(&send, SendOutcome::Sent { message_id, recipient });
    assert_eq!(world.contact(ANA).thread.messages.len(), 1);
    assert_eq!(world.contact(ANA).username.as_deref(), Some("user_900000000000001"));
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
}

#[test]
fn a_replayed_private_reply_rests_its_automation_again() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "Here it is", None));
    world.comments(ANA, "link");
    let send = world.take_send();
    world.finish(&send, SendOutcome::NotSent(Refusal::of(FailureClass::Content)));
    world.run(Command::ReplayDeadLetter { outbound: send.outbound }).unwrap();
    world.wait(secs(10));
    assert_eq!(world.deliver(), ["Here it is"]);
    let again = world.comments(ANA, "link");
    assert_eq!(world.verdict(&again), Verdict::NoReply(Silence::Cooldown));
}

#[test]
fn the_public_reply_to_a_reply_is_looked_for_below_the_comment_on_top() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", Some("sent!")));
    let mut event = world.comment(ANA, "link");
    if let InboundItem::Comment(comment) = &mut event.item {
        comment.parent = Some(CommentId::from("1700"));
    }
    world.receive(event);
    let private = world.take_send();
    world.finish(&private, SendOutcome::Sent { message_id: Mid::from("out_1"), recipient: None });
    world.wait(secs(1));
    let public = world.take_send();
    world.finish(&public, SendOutcome::Unknown { doubt: Doubt::Timeout, code: None });
    world.wait(secs(31));
    let read = world.effects.iter().find_map(|effect| match effect {
        UserEffect::ReadCommentReplies { comment, .. } => Some(comment.as_str()),
        _ => None,
    });
    assert_eq!(read, Some("1700"));
}

#[test]
fn under_a_live_broadcast_nothing_is_answered_in_public() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", Some("sent!")));
    let mut event = world.comment(ANA, "link");
    if let InboundItem::Comment(comment) = &mut event.item {
        comment.live = true;
    }
    let key = event.key.as_str().to_owned();
    world.receive(event);
    assert_eq!(world.deliver(), ["here"]);
    world.wait(secs(10));
    assert_eq!(world.all_sends.len(), 1);
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
    assert_eq!(world.user.list_automations()[0].comment_reply_count, 1);
}

#[test]
fn refused_public_replies_do_not_switch_an_automation_off() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", Some("sent!")));
    for person in 0..6 {
        world.comments(&format!("90{person}"), "link");
    }
    let mut refused = 0;
    for _ in 0..10 {
        for send in std::mem::take(&mut world.sends) {
            if send.kind.is_public() {
                refused += 1;
                world.finish(&send, SendOutcome::NotSent(Refusal::coded(FailureClass::Content, 100, 0)));
            } else {
                let message_id = Mid::from(format!("out_{}", send.outbound));
                world.finish(&send, SendOutcome::Sent { message_id, recipient: None });
            }
        }
        world.wait(secs(1));
    }
    assert_eq!(refused, 6);
    assert!(world.user.list_automations()[0].is_active);
}

#[test]
fn a_second_comment_is_not_answered_when_the_first_ones_prompt_is_still_being_written() {
    let mut world = World::connected();
    let mut input = on_comments("link", "write something nice", None);
    input.response_type = "ai_prompt".into();
    world.automate("c1", input);
    let first = world.comments(ANA, "link");
    let second = world.comments(ANA, "link please");
    world.write("Here you are.");
    world.write("Here you are again.");
    world.wait(secs(10));
    assert_eq!(world.deliver().len(), 1);
    let verdicts = [world.verdict(&first), world.verdict(&second)];
    assert!(verdicts.contains(&Verdict::NoReply(Silence::Cooldown)), "{verdicts:?}");
    let month = world.user.usage.months().last().unwrap().1;
    assert_eq!((month.sends, month.reserved), (1, 0));
}

#[test]
fn public_replies_are_worded_in_turn_and_never_twice_alike() {
    let mut world = World::connected();
    let mut input = on_comments("link", "Here it is", Some("Sent!"));
    input.comment_reply_variants = Some(vec!["Look at your inbox".into(), " On its way ".into(), " ".into()]);
    world.automate("c1", input);
    let mut worded = Vec::new();
    for no in 0..40 {
        world.comments(&format!("8{no:014}"), "link");
        world.wait(secs(120));
        let texts = world.deliver();
        worded.extend(texts.into_iter().filter(|text| text != "Here it is"));
    }
    assert_eq!(worded.len(), 40);
    assert!(worded.windows(2).all(|two| two[0] != two[1]), "{worded:?}");
    for wording in ["Sent!", "Look at your inbox", "On its way"] {
        assert!(worded.iter().filter(|text| *text == wording).count() >= 5, "{worded:?}");
    }
    let patch = serde_json::from_str(r#"{"title":"other"}"#).unwrap();
    world.run(Command::UpdateAutomation { id: "c1".into(), patch }).unwrap();
    assert_eq!(world.user.automations.get("c1").unwrap().content.comment_reply_variants.len(), 2);
    let many = serde_json::json!({ "commentReplyVariants": vec!["x"; 11] });
    let patch = serde_json::from_value(many).unwrap();
    assert!(world.run(Command::UpdateAutomation { id: "c1".into(), patch }).is_err());
}

#[test]
fn a_private_reply_of_several_paragraphs_goes_whole_without_the_name_that_would_make_it_too_long() {
    let paragraph = |word: &str| format!("{word} {}.", "tea ".repeat(100).trim_end());
    let body = format!("{}\n\n{}\n\nBye.", paragraph("First"), paragraph("Second"));
    let mut world = World::connected();
    world.automate("c1", on_comments("link", &format!("Hi {{{{username}}}}!\n\n{body}"), None));
    let long = format!("Hi {{{{username}}}}!\n\n{body}{}", "x".repeat(1_000 - 18 - body.len()));
    world.automate("c2", on_comments("guide", &long, None));
    world.comments(ANA, "link");
    assert_eq!(world.deliver(), [format!("Hi user_{ANA}!\n\n{body}")]);
    let key = world.comments(ANA, "guide");
    world.wait(secs(10));
    let sent = world.deliver();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0], long.replace(" {{username}}", ""));
    let said = |detail: &str| detail.contains("without the name");
    assert!(world.record(&key).trail.iter().any(|step| step.detail.as_deref().is_some_and(said)));
}

#[test]
fn a_comment_that_an_automation_answers_is_noted_with_its_contact() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", None));
    world.comments(ANA, "link");
    world.deliver();
    assert!(world.contact(ANA).trigger_matched, "a contact made by the reply");
    world.says(BEN, "hello");
    assert!(!world.contact(BEN).trigger_matched);
    world.comments(BEN, "link");
    assert!(world.contact(BEN).trigger_matched, "a contact that was there before");
}

#[test]
fn comments_and_replies_that_a_switch_stopped_have_rows_in_the_activity_list() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", None));
    world.comments(ANA, "link");
    world.settings(SettingsPatch { auto_reply: Some(false), ..SettingsPatch::default() });
    // In flight: it is dropped when its try fails.
    let send = world.take_send();
    world.finish(&send, SendOutcome::NotSent(Refusal::of(FailureClass::Unreachable)));
    world.wait(secs(60));
    world.comments(BEN, "link");
    world.comments(BEN, "lovely");
    let rows: Vec<_> = world.user.list_logs(true, 10);
    let said: Vec<_> = rows.iter().map(|row| (row.result, row.error_code.as_deref())).collect();
    assert_eq!(
        said,
        [(ActionResult::Skipped, Some("auto_reply_off")); 2],
        "and none for what nothing answers"
    );
    assert_eq!((rows[0].outbound, rows[1].outbound), (None, Some(send.outbound)));
}

#[test]
fn a_public_reply_saved_with_a_placeholder_before_that_was_refused_is_not_posted() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", Some("sent!")));
    let mut stored = Automation::clone(world.user.automations.get("c1").unwrap());
    stored.content.comment_reply_text = Some("@{{username}} sent!".into());
    let stored = UserEvent::AutomationSet(Arc::new(stored));
    world.user.apply(&stored);
    world.events.push(stored);
    world.comments(ANA, "link");
    assert_eq!(world.deliver(), ["here"]);
    world.wait(secs(10));
    assert_eq!(world.all_sends.len(), 1);
    assert_eq!(world.user.list_logs(true, 1)[0].public_reply_result, Some(ActionResult::Failed));
}
