//! The pipeline of messages: every numbered step, the rules beside it, and the predecessor's defects by name.

use super::world::*;
use crate::{
    id::{Igsid, Mid},
    outbox::{Doubt, FailureClass, ReadOutcome, Refusal, SendOutcome},
    user::{
        Command, Rejection,
        decision::{CancelReason, HrnSource, Silence, Skip, Step, StepOutcome, Verdict},
        inbound::{Handover, InboundItem},
        knowledge::{Knowledge, OfferLink},
        model::ModelFailure,
        plan::Plan,
        settings::{AckPolicy, SettingsPatch},
    },
};
use std::{sync::Arc, time::Duration};

fn priced() -> World {
    let mut world = World::connected();
    world.automate("a1", fixed("price", "It is 12 euro."));
    world
}

fn passed(world: &World, key: &str) -> Vec<u8> {
    let steps = world.record(key).trail;
    steps
        .iter()
        .filter(|taken| taken.outcome == StepOutcome::Passed)
        .map(|taken| match taken.step {
            Step::Dm(no) | Step::Comment(no) => no,
        })
        .collect()
}

#[test]
fn a_matching_message_is_answered_once_with_the_fixed_reply() {
    let mut world = World::connected();
    world.automate("a1", fixed("price", "It is 12 euro, {{first_name}}."));
    let key = world.says(ANA, "what is the PRICE?");
    assert_eq!(world.deliver(), ["It is 12 euro."]);
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
    assert_eq!(passed(&world, &key), [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15, 16, 17, 18]);
    assert_eq!(world.user.usage.months().last().unwrap().1.sends, 1);
    assert_eq!(world.contact(ANA).thread.messages.len(), 2);
    assert!(world.contact(ANA).trigger_matched, "d-85: trigger_matched is never set");
    world.wait(hours(1));
    assert_eq!(world.all_sends.len(), 1);
}

#[test]
fn d_34_a_second_delivery_of_the_same_message_changes_nothing() {
    let mut world = priced();
    let event = world.message(ANA, "price");
    assert!(world.receive(event.clone()).is_some());
    let events = world.events.len();
    assert_eq!(world.receive(event.clone()), None);
    world.wait(secs(10));
    assert_eq!(world.receive(event), None);
    assert_eq!(world.all_sends.len(), 1);
    assert!(world.events.len() > events);
}

#[test]
fn d_36_messages_without_mid_are_not_dropped() {
    let mut world = priced();
    for name in ["one", "two"] {
        let mut event = world.message(ANA, "price");
        event.key = format!("{ACCOUNT}:message:{ANA}:{name}").as_str().into();
        if let InboundItem::Message(message) = &mut event.item {
            message.mid = None;
        }
        assert!(world.receive(event).is_some());
        world.wait(secs(5));
        world.deliver();
    }
    assert_eq!(world.all_sends.len(), 2);
}

#[test]
fn step_1_events_wait_for_the_connection_and_are_answered_after_it() {
    let mut world = priced();
    world.run(Command::RevokeInstagram).unwrap();
    let event = world.message(ANA, "price");
    let key = event.key.as_str().to_owned();
    assert_eq!(world.receive(event), Some(Verdict::Parked));
    let late = world.message(BEN, "price");
    let late_key = late.key.as_str().to_owned();
    world.receive(late);
    assert_eq!(world.user.parked.len(), 2);
    assert_eq!(world.contact(ANA).thread.messages.len(), 1, "d-37: recorded all the same");
    world.wait(hours(23));
    world.connect();
    world.wait(secs(5));
    assert_eq!(world.deliver().len(), 2);
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
    assert!(matches!(world.verdict(&late_key), Verdict::Replied { .. }));
}

#[test]
fn step_1_parked_too_long_is_shown_and_not_answered() {
    let mut world = priced();
    world.run(Command::RevokeInstagram).unwrap();
    let key = world.says(ANA, "price");
    world.wait(hours(24));
    world.connect();
    world.wait(secs(10));
    assert_eq!(world.verdict(&key), Verdict::Skipped(Skip::ParkedTooLong));
    assert!(world.all_sends.is_empty());
}

#[test]
fn d_41_an_ended_token_is_not_used() {
    let mut world = priced();
    world.wait(hours(24 * 60) + secs(1));
    let key = world.says(ANA, "price");
    assert_eq!(world.verdict(&key), Verdict::Parked);
    assert!(world.all_sends.is_empty());
}

#[test]
fn d_38_an_owner_who_answers_by_hand_is_not_talked_over() {
    let mut world = priced();
    let event = world.message(ANA, "price");
    let key = event.key.as_str().to_owned();
    world.receive(event);
    let echo = world.echo(ANA, "by_hand_1", "Hi, it depends");
    world.receive(echo);
    world.wait(secs(30));
    assert_eq!(world.verdict(&key), Verdict::Cancelled(CancelReason::OwnerAnswered));
    let during = world.says(ANA, "price?");
    assert_eq!(world.verdict(&during), Verdict::Skipped(Skip::Paused));
    world.wait(Duration::from_secs(60 * 60));
    let after = world.says(ANA, "price!");
    assert!(matches!(world.verdict(&after), Verdict::Queued { .. }));
}

#[test]
fn an_echo_of_our_own_send_is_no_takeover_in_any_order() {
    for echo_first in [true, false] {
        let mut world = priced();
        world.says(ANA, "price");
        let send = world.take_send();
        let echo = world.echo(ANA, "out_x", "It is 12 euro.");
        let outcome = SendOutcome::Sent { message_id: Mid::from("out_x"), recipient: None };
        if echo_first {
            world.receive(echo);
            world.finish(&send, outcome);
        } else {
            world.finish(&send, outcome);
            world.receive(echo);
        }
        world.wait(hours(1));
        assert_eq!(world.contact(ANA).paused_until, None, "echo first: {echo_first}");
        assert_eq!(world.contact(ANA).thread.messages.len(), 2);
    }
}

#[test]
fn an_echo_held_for_a_send_turns_out_to_be_the_owners() {
    let mut world = priced();
    world.says(ANA, "price");
    let send = world.take_send();
    let echo = world.echo(ANA, "hand_1", "Let me look");
    world.receive(echo);
    world.finish(&send, SendOutcome::Sent { message_id: Mid::from("out_1"), recipient: None });
    world.wait(secs(40));
    assert!(world.contact(ANA).paused_until.is_some());
    assert!(world.contact(ANA).thread.by_mid(&Mid::from("hand_1")).is_some());
}

#[test]
fn step_4_a_new_contact_over_quota_waits_and_comes_in_after_an_upgrade() {
    let mut world = World::vacant();
    world.connect();
    for person in 0..10 {
        let person = format!("90{person}");
        world.says(&person, "hello");
    }
    let event = world.message("911", "hello");
    assert_eq!(world.receive(event), Some(Verdict::Overflow));
    assert_eq!((world.user.contacts.len(), world.user.overflow.len()), (10, 1));
    world.run(Command::SetPlan(Plan::Starter)).unwrap();
    assert_eq!((world.user.contacts.len(), world.user.overflow.len()), (11, 0));
}

#[test]
fn step_5_switches_record_and_do_not_answer() {
    let ana = || Igsid::from(ANA);
    let cases: [(Command, Skip); 3] = [
        (
            Command::UpdateSettings(SettingsPatch { auto_reply: Some(false), ..SettingsPatch::default() }),
            Skip::AutoReplyOff,
        ),
        (Command::PauseContact { person: ana(), pause: None }, Skip::Paused),
        (Command::SetBlocked { person: ana(), blocked: true }, Skip::Blocked),
    ];
    for (command, skip) in cases {
        let mut world = priced();
        world.settings(SettingsPatch { sidekick: Some(false), ..SettingsPatch::default() });
        world.says(ANA, "hello");
        world.run(command).unwrap();
        let key = world.says(ANA, "price");
        assert_eq!(world.verdict(&key), Verdict::Skipped(skip));
        assert_eq!(world.contact(ANA).thread.messages.len(), 2, "d-37: recorded all the same");
    }
}

#[test]
fn d_37_a_frozen_workspace_records_known_contacts_and_sends_nothing() {
    let mut world = priced();
    world.automate("a2", fixed("hours", "We open at nine."));
    world.says(ANA, "price");
    world.deliver();
    world.run(Command::SetPlan(Plan::Free)).unwrap();
    assert!(world.user.is_frozen());
    let key = world.says(ANA, "price again");
    assert_eq!(world.verdict(&key), Verdict::Skipped(Skip::Frozen));
    assert_eq!(world.contact(ANA).thread.messages.len(), 3);
    let off = Command::SetAutomationActive { id: "a2".into(), active: false };
    world.run(off).unwrap();
    assert!(!world.user.is_frozen());
}

#[test]
fn d_39_attachments_taps_and_unsupported_items_are_kept() {
    let mut world = priced();
    let event = world.picture(ANA);
    let key = event.key.as_str().to_owned();
    world.receive(event);
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Attachment, .. }));
    let person = Igsid::from(BEN);
    let tap = InboundItem::Postback {
        person,
        mid: None,
        title: Some("Show".into()),
        payload: Some("PRICE".into()),
        referral: None,
        is_self: false,
    };
    let event = world.event(tap, "postback:1");
    world.receive(event);
    world.wait(secs(5));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
    let mut event = world.message("903", "");
    if let InboundItem::Message(message) = &mut event.item {
        message.is_unsupported = true;
    }
    assert_eq!(world.receive(event), Some(Verdict::NoReply(Silence::NotAnswerable)));
    assert!(world.user.contacts.contains_key("903"));
}

#[test]
fn step_7_a_locked_contact_keeps_its_first_reason_and_instant() {
    let mut world = priced();
    world.says(ANA, "I want a refund");
    let set_at = world.contact(ANA).hrn.as_ref().unwrap().set_at;
    world.wait(hours(1));
    let key = world.says(ANA, "price");
    assert!(matches!(world.verdict(&key), Verdict::Hrn { .. }));
    assert_eq!(world.contact(ANA).hrn.as_ref().unwrap().set_at, set_at);
    assert_eq!(world.user.hrn_queue().count(), 1);
    world.run(Command::ClearHrn { person: Igsid::from(ANA) }).unwrap();
    assert_eq!(world.user.hrn_queue().count(), 0);
    world.says(ANA, "price");
    assert_eq!(world.deliver(), ["It is 12 euro."]);
}

#[test]
fn step_8_a_burst_is_answered_once_to_the_last_text() {
    let mut world = priced();
    let mut keys = Vec::new();
    for text in ["hi", "what is the", "price"] {
        let event = world.message(ANA, text);
        keys.push(event.key.as_str().to_owned());
        world.receive(event);
        world.wait(secs(1));
    }
    world.wait(secs(10));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
    assert!(matches!(world.verdict(&keys[0]), Verdict::Merged { .. }));
    assert!(matches!(world.verdict(&keys[1]), Verdict::Merged { .. }));
    assert!(matches!(world.verdict(&keys[2]), Verdict::Replied { .. }));
}

#[test]
fn step_8_without_delay_the_answer_is_decided_at_once() {
    let mut world = priced();
    world.settings(SettingsPatch { reply_delay: Some(Duration::ZERO), ..SettingsPatch::default() });
    let event = world.message(ANA, "price");
    assert!(matches!(world.receive(event), Some(Verdict::Queued { .. })));
    assert_eq!(world.sends.len(), 1);
}

#[test]
fn d_54_an_automation_on_pricing_answers_although_the_word_is_soft() {
    let mut world = World::connected();
    world.automate("a1", fixed("discount", "10 % this week."));
    world.says(ANA, "any discount?");
    assert_eq!(world.deliver(), ["10 % this week."]);
    let key = world.says(BEN, "can you make a special deal on pricing, lower the price");
    assert!(!matches!(world.verdict(&key), Verdict::Queued { .. }));
}

#[test]
fn step_9_hard_categories_go_before_automations() {
    let mut world = World::connected();
    world.automate("a1", fixed("refund", "No refunds."));
    let key = world.says(ANA, "give me a refund");
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Heuristic, .. }));
    assert!(world.all_sends.is_empty());
    assert_eq!(world.user.notifications.iter().count(), 1, "d-63: no notification");
}

#[test]
fn d_60_harmless_words_do_not_lock_threads() {
    let mut world = priced();
    for (person, text) in
        [("910", "I am a customer: price?"), ("911", "horoscope price"), ("912", "doctor price")]
    {
        world.says(person, text);
        assert!(world.contact(person).hrn.is_none(), "{text}");
    }
    assert_eq!(world.sends.len(), 3);
}

#[test]
fn step_10_an_automation_can_ask_for_a_person() {
    let mut world = World::connected();
    let mut input = fixed("wedding", "unused");
    input.hrn_enforced = Some(true);
    world.automate("a1", input);
    let key = world.says(ANA, "wedding cake");
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Automation, .. }));
}

#[test]
fn step_10_cool_down_of_an_automation() {
    let mut world = World::connected();
    let mut input = fixed("price", "12");
    input.cooldown_seconds = Some(3_600);
    world.automate("a1", input);
    world.says(ANA, "price");
    world.deliver();
    let key = world.says(ANA, "price");
    assert_eq!(world.verdict(&key), Verdict::NoReply(Silence::Cooldown));
    world.wait(hours(1));
    world.says(ANA, "price");
    assert_eq!(world.sends.len(), 1);
}

#[test]
fn d_47_a_template_automation_sends_its_template() {
    let mut world = World::connected();
    let mut input = fixed("menu", r#"[{"title":"Menu","subtitle":"All we bake"}]"#);
    input.response_type = "generic_template".into();
    world.automate("a1", input);
    world.says(ANA, "menu");
    assert!(world.deliver()[0].contains("All we bake"));
}

#[test]
fn step_12_acknowledgements_follow_the_setting() {
    for (policy, asks) in
        [(AckPolicy::Ignore, false), (AckPolicy::WhenAsked, false), (AckPolicy::Answer, true)]
    {
        let mut world = priced();
        world.settings(SettingsPatch { acknowledgements: Some(policy), ..SettingsPatch::default() });
        let key = world.says(ANA, "thanks 🙏");
        assert_eq!(!world.questions.is_empty(), asks, "{policy:?}");
        assert_eq!(world.verdict(&key) == Verdict::NoReply(Silence::Acknowledgement), !asks);
    }
    let mut world = World::connected();
    world.automate("a1", fixed("cake", "Shall we bake one for you?"));
    world.says(ANA, "cake");
    world.deliver();
    world.says(ANA, "yes");
    assert_eq!(world.questions.len(), 1, "our last message was a question");
}

#[test]
fn step_13_and_16_sidekick_answers_what_the_classifier_lets_through() {
    let mut world = priced();
    let key = world.says(ANA, "do you bake on sundays");
    world.classify(100);
    assert_eq!(world.user.usage.months().last().unwrap().1.reserved, 1);
    world.write("Yes, every sunday until noon.");
    assert_eq!(world.deliver(), ["Yes, every sunday until noon."]);
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
    let key = world.says(BEN, "can someone look at my case");
    world.classify(900);
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Classifier, .. }));
}

#[test]
fn no_model_configured_goes_to_a_person_at_once() {
    let mut world = priced();
    let key = world.says(ANA, "do you bake on sundays");
    world.answer(Err(ModelFailure::NotConfigured));
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Failure, .. }));
    assert_eq!(&*world.contact(ANA).hrn.as_ref().unwrap().reason, "no model configured");
    world.says(BEN, "price");
    assert_eq!(world.deliver(), ["It is 12 euro."], "fixed automations still answer");
}

#[test]
fn d_35_a_model_outage_is_retried_for_a_quarter_of_an_hour_then_a_person_is_asked() {
    let mut world = priced();
    let key = world.says(ANA, "do you bake on sundays");
    let began = world.now;
    for wait in [5, 30, 120, 300, 300] {
        world.answer(Err(ModelFailure::Unavailable("busy".into())));
        assert!(world.questions.is_empty());
        world.wait(secs(wait));
    }
    world.answer(Err(ModelFailure::Unavailable("busy".into())));
    assert!(world.contact(ANA).hrn.is_none());
    world.wait(hours(1));
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Failure, .. }));
    let set_at = world.contact(ANA).hrn.as_ref().unwrap().set_at;
    assert_eq!(set_at.since(began), Duration::from_secs(15 * 60));
}

#[test]
fn a_lost_question_is_asked_again_after_a_restart() {
    let mut world = priced();
    world.says(ANA, "do you bake on sundays");
    let old = world.questions[0].clone();
    world.passivate();
    assert_eq!(world.questions.len(), 1);
    assert_ne!(world.questions[0].attempt, old.attempt);
    world.classify(0);
    world.write("Yes.");
    assert_eq!(world.deliver(), ["Yes."]);
}

#[test]
fn step_14_a_message_delivered_thirty_hours_late_is_shown_and_not_answered() {
    let mut world = priced();
    let mut event = world.message(ANA, "price");
    event.at = world.now - hours(30);
    let key = event.key.as_str().to_owned();
    world.receive(event);
    world.wait(secs(5));
    assert_eq!(world.verdict(&key), Verdict::NoReply(Silence::WindowClosed));
    assert!(world.contact(ANA).followup_needed);
    assert!(world.all_sends.is_empty());
}

#[test]
fn step_15_the_last_reply_of_the_month_is_the_last() {
    let mut world = World::vacant();
    world.connect();
    world.automate("a1", fixed("price", "12"));
    for _ in 0..10 {
        world.says(ANA, "price");
        world.deliver();
        world.wait(secs(5));
    }
    assert_eq!(world.all_sends.len(), 10);
    let key = world.says(ANA, "price");
    assert_eq!(world.verdict(&key), Verdict::NoReply(Silence::QuotaExhausted));
    world.wait(hours(24 * 23));
    world.says(ANA, "price");
    assert_eq!(world.deliver(), ["12"], "a new month");
}

#[test]
fn step_16_unsafe_output_is_regenerated_once_and_then_left_to_a_person() {
    for bad in ["See https://evil.example/x", "It costs $99", "Hi {{name}}", ""] {
        let mut world = priced();
        world
            .run(Command::SetKnowledge(Knowledge {
                links: vec![OfferLink { kind: "website".into(), url: "https://bakery.example/menu".into() }],
                main_offering: Some("Cakes from $12".into()),
                ..Knowledge::default()
            }))
            .unwrap();
        let key = world.says(ANA, "where is the menu");
        world.classify(0);
        world.write(bad);
        world.write(bad);
        assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Failure, .. }), "{bad}");
        assert_eq!(world.user.usage.months().last().unwrap().1.reserved, 0);
        let key = world.says(BEN, "where is the menu");
        world.classify(0);
        world.write(bad);
        world.write("From $12, see bakery.example/menu");
        assert!(matches!(world.verdict(&key), Verdict::Queued { .. }));
    }
}

#[test]
fn a_human_change_between_decision_and_send_cancels_the_reply() {
    let ana = || Igsid::from(ANA);
    let changes: [(Command, CancelReason); 4] = [
        (Command::SetHrn { person: ana(), reason: None }, CancelReason::HrnSet),
        (Command::PauseContact { person: ana(), pause: Some(hours(1)) }, CancelReason::ContactPaused),
        (Command::DisconnectInstagram, CancelReason::Disconnected),
        (
            Command::UpdateSettings(SettingsPatch { auto_reply: Some(false), ..SettingsPatch::default() }),
            CancelReason::AutoReplyOff,
        ),
    ];
    for (command, reason) in changes {
        let mut world = priced();
        let key = world.says(ANA, "do you bake on sundays");
        world.classify(0);
        world.run(command.clone()).unwrap();
        assert_eq!(world.verdict(&key), Verdict::Cancelled(reason), "{command:?}");
        assert_eq!(world.user.usage.months().last().unwrap().1.reserved, 0);
        world.write("Yes.");
        assert!(world.all_sends.is_empty());
    }
}

#[test]
fn switching_an_automation_off_cancels_what_waits_for_it() {
    let mut world = priced();
    world.run(Command::RevokeInstagram).unwrap();
    world.connect();
    // The thread is busy with one send, so that a second answer waits in the outbox.
    world.says(ANA, "price");
    let key = world.says(ANA, "price please");
    assert!(matches!(world.verdict(&key), Verdict::Queued { .. }));
    world.run(Command::SetAutomationActive { id: "a1".into(), active: false }).unwrap();
    assert_eq!(world.verdict(&key), Verdict::Cancelled(CancelReason::AutomationGone));
    world.deliver();
    world.wait(hours(1));
    assert_eq!(world.all_sends.len(), 1);
}

#[test]
fn d_49_an_unknown_outcome_is_looked_for_and_never_sent_again() {
    let mut world = priced();
    let key = world.says(ANA, "price");
    let send = world.take_send();
    world.finish(&send, SendOutcome::Unknown { doubt: Doubt::Timeout, code: None });
    for read in 1..=2 {
        world.wait(secs(100));
        world.read(send.outbound, read, ReadOutcome::Read(Vec::new()));
    }
    world.wait(hours(23));
    assert_eq!(world.all_sends.len(), 1);
    assert!(matches!(world.verdict(&key), Verdict::NotDelivered { .. }));
    assert_eq!(world.user.dead_letters().count(), 1);
}

#[test]
fn d_32_a_crash_while_sending_does_not_send_twice() {
    let mut world = priced();
    world.says(ANA, "price");
    world.passivate();
    world.wait(hours(2));
    assert_eq!(world.all_sends.len(), 1);
}

#[test]
fn a_definite_refusal_gives_the_quota_back() {
    let mut world = priced();
    let key = world.says(ANA, "price");
    let send = world.take_send();
    world.finish(&send, SendOutcome::NotSent(Refusal::of(FailureClass::Recipient)));
    let used = world.user.usage.months().last().unwrap().1;
    assert_eq!((used.sends, used.reserved), (0, 0), "d-46: failed sends consume the quota");
    assert!(matches!(world.verdict(&key), Verdict::NotDelivered { .. }));
    assert!(world.contact(ANA).followup_needed);
}

#[test]
fn an_unsend_removes_the_text_and_cancels_before_and_after() {
    for before in [true, false] {
        let mut world = priced();
        let event = world.message(ANA, "price");
        let key = event.key.as_str().to_owned();
        let InboundItem::Message(message) = &event.item else { panic!() };
        let item = InboundItem::Unsend { person: Igsid::from(ANA), mid: message.mid.clone().unwrap() };
        let unsend = world.event(item, "unsend:1");
        if before {
            world.receive(unsend);
            world.receive(event);
        } else {
            world.receive(event);
            world.receive(unsend);
        }
        world.wait(secs(10));
        assert!(world.all_sends.is_empty(), "before: {before}");
        assert!(world.contact(ANA).thread.messages[0].text.is_none());
        assert!(matches!(
            world.verdict(&key),
            Verdict::NoReply(Silence::Unsent) | Verdict::Cancelled(CancelReason::Unsent)
        ));
    }
}

#[test]
fn an_edit_changes_the_text_in_any_order_and_fires_nothing_again() {
    let mut world = priced();
    let event = world.message(ANA, "hello there friend");
    let InboundItem::Message(message) = &event.item else { panic!() };
    let mid = message.mid.clone().unwrap();
    let item = |revision, text: &str| InboundItem::Edit {
        person: Some(Igsid::from(ANA)),
        mid: mid.clone(),
        text: Some(text.into()),
        revision,
    };
    let early = world.event(item(2, "what is the price"), "edit:2");
    world.receive(early);
    world.receive(event);
    let stale = world.event(item(1, "hello"), "edit:1");
    world.receive(stale);
    world.wait(secs(5));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
    let later = world.event(item(3, "price price"), "edit:3");
    world.receive(later);
    world.wait(secs(30));
    assert_eq!(world.all_sends.len(), 1);
}

#[test]
fn a_stop_word_opts_out_and_is_confirmed_once() {
    let mut world = priced();
    world.says(ANA, "STOP!");
    assert_eq!(world.deliver().len(), 1);
    world.says(ANA, "stop");
    let key = world.says(ANA, "price");
    assert_eq!(world.verdict(&key), Verdict::Skipped(Skip::OptedOut));
    assert_eq!(world.all_sends.len(), 1);
    world.run(Command::ResumeContact { person: Igsid::from(ANA) }).unwrap();
    world.says(ANA, "price");
    assert_eq!(world.deliver(), ["It is 12 euro."]);
}

#[test]
fn a_thread_of_another_app_is_left_alone_until_it_comes_back() {
    let mut world = priced();
    world.settings(SettingsPatch { sidekick: Some(false), ..SettingsPatch::default() });
    world.says(ANA, "hello");
    let handover = |change| InboundItem::Handover { person: Igsid::from(ANA), change };
    let event = world.event(handover(Handover::TakenFromUs), "handover:1");
    world.receive(event);
    let key = world.says(ANA, "price");
    assert_eq!(world.verdict(&key), Verdict::Skipped(Skip::Standby));
    let event = world.event(handover(Handover::ReturnedToUs), "handover:2");
    world.receive(event);
    world.says(ANA, "price");
    assert_eq!(world.sends.len(), 1);
}

#[test]
fn standby_items_and_quiet_items_make_no_contact() {
    let mut world = priced();
    let mut event = world.message(ANA, "price");
    event.standby = true;
    assert_eq!(world.receive(event), Some(Verdict::Skipped(Skip::Standby)));
    let item = InboundItem::Seen { person: Igsid::from(BEN), mid: None };
    let event = world.event(item, "seen:1");
    world.receive(event);
    let echo = world.echo(BEN, "hand", "hello");
    world.receive(echo);
    assert!(world.user.contacts.is_empty());
}

#[test]
fn a_hinted_message_is_looked_up_once_and_its_late_original_is_a_duplicate() {
    let mut world = priced();
    let event = world.message(ANA, "price");
    let InboundItem::Message(message) = &event.item else { panic!() };
    let mid = message.mid.clone().unwrap();
    let hint = world.event(InboundItem::CompanionEdit { person: None, mid: mid.clone() }, "edit0:1");
    world.receive(hint);
    world.wait(secs(20));
    let looks = world.effects.iter().filter(|e| matches!(e, crate::user::UserEffect::LookUpMessage { .. }));
    assert_eq!(looks.count(), 1);
    world.run(Command::MessageLookedUp { mid, found: Some(Arc::new(event.clone())) }).unwrap();
    assert_eq!(world.receive(event), None);
    world.wait(secs(5));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
}

#[test]
fn an_expired_automation_is_switched_off_within_a_minute_and_the_owner_is_told() {
    let mut world = World::connected();
    let mut input = fixed("price", "12");
    input.expires_at = Some(world.now + hours(1));
    world.automate("a1", input);
    world.wait(hours(1) + secs(59));
    assert!(!world.user.automations.get("a1").unwrap().is_active);
    assert_eq!(world.user.notifications.iter().count(), 1);
}

#[test]
fn d_55_and_d_50_triggers_are_trimmed_unique_and_switching_works_for_comments() {
    let mut world = priced();
    let taken =
        Command::CreateAutomation { id: "a2".into(), input: fixed("  PRICE ", "again"), inactive: false };
    assert!(matches!(world.run(taken), Err(Rejection::TriggerTaken { .. })));
    world.automate("c1", on_comments("link", "here", None));
    for active in [false, true] {
        world.run(Command::SetAutomationActive { id: "c1".into(), active }).unwrap();
    }
}

#[test]
fn d_51_a_patch_keeps_what_it_does_not_name() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", Some("sent")));
    let patch = serde_json::from_str(r#"{"title":"new"}"#).unwrap();
    world.run(Command::UpdateAutomation { id: "c1".into(), patch }).unwrap();
    let content = &world.user.automations.get("c1").unwrap().content;
    assert_eq!((content.title.as_str(), content.post_ids.len()), ("new", 1));
    let patch = serde_json::from_str(r#"{"commentReplyText":null}"#).unwrap();
    world.run(Command::UpdateAutomation { id: "c1".into(), patch }).unwrap();
    assert_eq!(world.user.automations.get("c1").unwrap().content.comment_reply_text, None, "d-58");
}

#[test]
fn d_52_deleting_an_automation_keeps_its_log() {
    let mut world = priced();
    world.says(ANA, "price");
    world.deliver();
    world.run(Command::DeleteAutomation { id: "a1".into() }).unwrap();
    let logs = world.user.list_logs(true, 25);
    assert_eq!(logs[0].automation_title.as_deref(), Some("about price"));
    world.says(ANA, "price");
    assert!(world.sends.is_empty());
}

#[test]
fn another_account_is_refused_while_one_is_connected() {
    let mut world = World::connected();
    let mut event = world.message(ANA, "price");
    event.account = "999".into();
    assert_eq!(world.run(Command::Receive(Arc::new(event))), Err(Rejection::ForeignAccount));
}

#[test]
fn a_message_by_hand_is_sent_once_per_press_and_rests_automation() {
    let mut world = priced();
    world.settings(SettingsPatch { sidekick: Some(false), ..SettingsPatch::default() });
    world.says(ANA, "hello");
    for _ in 0..2 {
        let (person, key) = (Igsid::from(ANA), "press-1".to_owned());
        world.run(Command::SendMessage { person, key, text: "Hi Ana".into() }).unwrap();
    }
    assert_eq!(world.deliver(), ["Hi Ana"]);
    let key = world.says(ANA, "price");
    assert_eq!(world.verdict(&key), Verdict::Skipped(Skip::Paused));
}

#[test]
fn a_refused_token_is_verified_and_a_dead_one_parks_everything() {
    let mut world = priced();
    let key = world.says(ANA, "price");
    let send = world.take_send();
    world.finish(&send, SendOutcome::NotSent(Refusal::of(FailureClass::Token)));
    let checks =
        world.effects.iter().filter(|e| matches!(e, crate::user::UserEffect::CheckToken { .. })).count();
    assert_eq!(checks, 1);
    let dead = crate::user::command::TokenState::Dead("gone".into());
    world.run(Command::TokenChecked(dead)).unwrap();
    world.wait(hours(1));
    assert!(world.sends.is_empty());
    world.connect();
    world.wait(hours(1));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
}

#[test]
fn d_65_the_transcript_keeps_the_newest_lines_and_the_text_comes_last() {
    let mut world = priced();
    world.settings(SettingsPatch { human_takeover: Some(Duration::ZERO), ..SettingsPatch::default() });
    for line in 0..30 {
        let echo = world.echo(ANA, &format!("h{line}"), &format!("line {line}"));
        if line == 0 {
            world.says(ANA, "thanks");
        }
        world.receive(echo);
        world.wait(secs(1));
    }
    world.says(ANA, "do you bake on sundays");
    let request = &world.questions[0];
    assert_eq!(request.text, "do you bake on sundays");
    assert_eq!(request.transcript.last().map(|line| &*line.text), Some("line 29"));
    assert_eq!(request.transcript.len(), 6);
    let rows = world.rows.keys().filter(|(stream, _)| stream == &format!("messages/{ANA}")).count();
    assert_eq!(rows, 32 - 20, "older messages leave to the history");
}

fn in_a_row(world: &mut World, texts: &[&str]) -> String {
    let mut key = String::new();
    for text in texts {
        let event = world.message(ANA, text);
        key = event.key.as_str().to_owned();
        world.receive(event);
        world.wait(secs(1));
    }
    world.wait(secs(20));
    key
}

#[test]
fn step_9_sees_a_grave_text_that_too_many_others_followed() {
    let mut world = priced();
    in_a_row(&mut world, &["I want a refund", "hello", "are", "you", "there", "the price"]);
    let hrn = world.contact(ANA).hrn.clone().expect("a person is asked");
    assert_eq!(hrn.source, HrnSource::Heuristic);
    assert!(world.all_sends.is_empty());
}

#[test]
fn step_9_sees_a_grave_text_that_does_not_fit_beside_the_others() {
    let mut world = priced();
    let long = format!("what is the price {}", "please ".repeat(165));
    assert!(long.chars().count() > 1_170);
    let key = in_a_row(&mut world, &["I will sue you", &long]);
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Heuristic, .. }));
    assert!(world.all_sends.is_empty());
}

#[test]
fn step_9_sees_the_end_of_a_text_that_is_cut_for_the_rules() {
    let mut world = priced();
    let long = format!("what is the price {} or I will sue you", "please ".repeat(300));
    let key = in_a_row(&mut world, &[&long]);
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Heuristic, .. }));
    assert!(world.all_sends.is_empty());
}

#[test]
fn a_missing_permission_does_not_hide_the_answer_about_the_token() {
    let mut world = priced();
    world.says(ANA, "price");
    world.says(BEN, "price");
    let (first, second) = (world.sends.remove(0), world.sends.remove(0));
    world.finish(&first, SendOutcome::NotSent(Refusal::of(FailureClass::Token)));
    world.finish(&second, SendOutcome::NotSent(Refusal::of(FailureClass::Permission)));
    assert!(world.user.outbox.parked().is_some());
    world.run(Command::TokenChecked(crate::user::command::TokenState::Alive)).unwrap();
    assert_eq!(world.user.outbox.parked(), None);
    world.wait(hours(1));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
}

#[test]
fn what_waited_for_one_account_is_not_answered_by_another() {
    let mut world = priced();
    world.run(Command::RevokeInstagram).unwrap();
    let key = world.says(ANA, "price");
    assert_eq!(world.verdict(&key), Verdict::Parked);
    world.run(Command::DisconnectInstagram).unwrap();
    world.connect_to("17841400000000002", "27000000000000002");
    world.wait(hours(1));
    assert_eq!(world.verdict(&key), Verdict::Skipped(Skip::OtherAccount));
    assert!(world.all_sends.is_empty());
}

#[test]
fn a_dead_letter_of_one_account_is_not_replayed_by_another() {
    let mut world = priced();
    world.says(ANA, "price");
    let send = world.take_send();
    world.finish(&send, SendOutcome::NotSent(Refusal::of(FailureClass::Recipient)));
    world.run(Command::DisconnectInstagram).unwrap();
    world.connect_to("17841400000000002", "27000000000000002");
    let outbound = send.outbound;
    let replay = world.run(Command::ReplayDeadLetter { outbound });
    assert_eq!(replay, Err(Rejection::OtherAccountConnected));
    let (person, key) = (Igsid::from(ANA), "press-1".to_owned());
    let by_hand = world.run(Command::SendMessage { person, key, text: "Hi".into() });
    assert_eq!(by_hand, Err(Rejection::OtherAccountConnected));
    world.wait(hours(1));
    assert_eq!(world.all_sends.len(), 1);
}

#[test]
fn an_owner_who_writes_first_is_not_talked_over_either() {
    let mut world = priced();
    world.automate("c1", on_comments("link", "here", None));
    let echo = world.echo(ANA, "by_hand", "I saw your post, write to me");
    world.receive(echo);
    assert!(world.user.contacts.is_empty());
    let comment = world.comments(ANA, "link");
    assert_eq!(world.verdict(&comment), Verdict::Skipped(Skip::Paused));
    let key = world.says(ANA, "what is the price?");
    assert_eq!(world.verdict(&key), Verdict::Skipped(Skip::Paused));
    world.wait(hours(1));
    let key = world.says(ANA, "the price?");
    assert_eq!(world.deliver(), ["It is 12 euro."]);
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
}

#[test]
fn sensitive_data_is_nowhere_in_the_memory_and_a_person_is_asked() {
    let mut world = World::connected();
    world.automate("c1", on_comments("card", "here", None));
    let number = "4111 1111 1111 1111";
    let key = world.says(ANA, &format!("my card is {number}"));
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Heuristic, .. }));
    assert_eq!(world.contact(ANA).last_message.as_deref(), Some("my card is [card number]"));
    let mid = world.contact(ANA).thread.messages[0].mid.clone().unwrap();
    let (person, text) = (Some(Igsid::from(ANA)), Some(number.into()));
    let edit = world.event(InboundItem::Edit { person, mid, text, revision: 1 }, "edit:1");
    world.receive(edit);
    let comment = world.comments(BEN, &format!("card {number}"));
    assert!(matches!(world.verdict(&comment), Verdict::Hrn { source: HrnSource::Heuristic, .. }));
    let encoded: Vec<u8> =
        world.events.iter().flat_map(|event| rmp_serde::to_vec_named(event).unwrap()).collect();
    let kept = world.rows.values().cloned().chain([World::encoded(&world.user), encoded]);
    for bytes in kept {
        assert!(!bytes.windows(number.len()).any(|window| window == number.as_bytes()));
    }
}

#[test]
fn an_answer_in_parts_goes_in_whole_or_not_at_all_and_gives_its_reservation_back_once() {
    let mut world = World::connected();
    world.automate("a1", fixed("price", &format!("{{{{first_name}}}}. {}", "It is 12 euro. ".repeat(64))));
    world.settings(SettingsPatch { human_takeover: Some(Duration::ZERO), ..SettingsPatch::default() });
    world.says(ANA, "hello");
    let profile = crate::user::command::Profile {
        username: None,
        display_name: Some("A".repeat(200).as_str().into()),
        profile_pic_url: None,
    };
    world.run(Command::ProfileFetched { person: Igsid::from(ANA), profile: Some(profile) }).unwrap();
    world.says(BEN, "price");
    let other = world.user.usage.months().last().unwrap().1.reserved;
    assert_eq!(other, 1);
    for press in 1..crate::outbox::THREAD_QUEUE_MAX {
        let (person, key) = (Igsid::from(ANA), format!("press-{press}"));
        world.run(Command::SendMessage { person, key, text: "Hi Ana".into() }).unwrap();
    }
    let key = world.says(ANA, "price");
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Failure, .. }));
    assert_eq!(world.user.usage.months().last().unwrap().1.reserved, other);
    assert_eq!(world.user.reservations(), 1);
}

#[test]
fn a_reply_to_an_unreachable_contact_was_not_cancelled_by_the_owner() {
    let mut world = priced();
    world.automate("a2", fixed("hours", "From nine."));
    world.says(ANA, "price");
    let key = world.says(ANA, "hours");
    let send = world.take_send();
    world.finish(&send, SendOutcome::NotSent(Refusal::of(FailureClass::Recipient)));
    world.wait(secs(10));
    assert_eq!(world.verdict(&key), Verdict::Cancelled(CancelReason::Unreachable));
}

/// Fills the window of recent decisions, so that older ones leave to the history.
fn push_decisions_out(world: &mut World) {
    world.check_replay = false;
    for turn in 0..crate::user::decision::DECISIONS_MAX {
        let echo = world.echo(BEN, &format!("push_{turn}"), "x");
        world.receive(echo);
    }
    world.check_replay = true;
}

#[test]
fn two_outcomes_of_a_decision_in_one_command_are_two_rows() {
    let mut world = priced();
    let event = world.message(ANA, "price");
    world.receive(event);
    let no = *world.user.decisions.keys().next_back().unwrap();
    push_decisions_out(&mut world);
    assert!(!world.user.decisions.contains_key(&no));
    world.wait(secs(4));
    world.deliver();
    let stream = crate::user::history::outcomes_of(no);
    let rows = world.rows.iter().filter(|((of, _), _)| *of == stream);
    let mut steps = Vec::new();
    for (_, bytes) in rows {
        let outcome = crate::user::history::outcome(bytes).unwrap();
        steps.extend(outcome.steps.iter().map(|taken| taken.step));
    }
    assert!(steps.contains(&Step::Dm(17)) && steps.contains(&Step::Dm(18)), "{steps:?}");
    world.assert_replay();
}

#[test]
fn a_message_is_explained_by_its_id_after_its_record_has_left() {
    let mut world = priced();
    world.says(ANA, "price");
    world.deliver();
    let message = world.contact(ANA).thread.messages[0].clone();
    push_decisions_out(&mut world);
    let mid = message.mid.as_ref().unwrap();
    let found = world.user.explain(mid.as_str());
    assert_eq!(found, Some(crate::user::query::Explained::InHistory(message.no)));
    assert_eq!(world.user.explain("m_unknown"), None);
}

#[test]
fn a_burst_goes_on_when_its_last_text_is_taken_back_and_the_record_before_has_left() {
    let mut world = priced();
    let first = world.message(ANA, "price");
    world.receive(first);
    push_decisions_out(&mut world);
    let last = world.message(ANA, "and more");
    world.receive(last);
    let mid = world.contact(ANA).thread.messages.last().unwrap().mid.clone().unwrap();
    let unsend = world.event(InboundItem::Unsend { person: Igsid::from(ANA), mid }, "unsend:1");
    world.receive(unsend);
    world.wait(secs(20));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
}

#[test]
fn a_message_that_is_taken_back_while_it_waits_is_nowhere_any_more() {
    let secret = "a secret word";
    let mut world = priced();
    world.run(Command::RevokeInstagram).unwrap();
    let parked = world.message(ANA, secret);
    world.receive(parked.clone());
    world.run(Command::SetPlan(Plan::Free)).unwrap();
    let mut first = 0;
    while world.user.overflow.is_empty() {
        first += 1;
        let event = world.message(&format!("91{first:013}"), secret);
        world.receive(event.clone());
        if !world.user.overflow.is_empty() {
            take_back(&mut world, &event);
        }
    }
    take_back(&mut world, &parked);
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    for held in world.user.parked.iter().chain(world.user.overflow.iter()) {
        let mine = held.event.is_message(&Igsid::from(ANA), &Mid::from("m_1"));
        assert!(!mine || !holds(&rmp_serde::to_vec_named(held).unwrap()));
    }
    assert_eq!(world.user.overflow.len(), 1);
    assert!(!holds(&rmp_serde::to_vec_named(&world.user.overflow).unwrap()));
    let rows: Vec<_> = world.rows.iter().filter(|((of, _), _)| of == "overflow").collect();
    assert_eq!(rows.len(), 1);
    assert!(rows.iter().all(|(_, bytes)| !holds(bytes)));
}

fn take_back(world: &mut World, event: &crate::user::inbound::InboundEvent) {
    let InboundItem::Message(message) = &event.item else { panic!("{event:?}") };
    let item = InboundItem::Unsend { person: message.person.clone(), mid: message.mid.clone().unwrap() };
    let unsend = world.event(item, &format!("unsend:{}", event.key));
    world.receive(unsend);
}

#[test]
fn a_message_with_a_very_long_id_is_answered() {
    let mut world = priced();
    for tail in ["a", "b"] {
        let mut event = world.message(ANA, "price");
        let mid = format!("{}{tail}", "m".repeat(1_023));
        event.key = format!("{ACCOUNT}:message:{ANA}:{mid}").as_str().into();
        if let InboundItem::Message(message) = &mut event.item {
            message.mid = Some(Mid::from(mid.as_str()));
        }
        world.receive(event);
        world.wait(secs(5));
        assert_eq!(world.deliver(), ["It is 12 euro."]);
    }
}
