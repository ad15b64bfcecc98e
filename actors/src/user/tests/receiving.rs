//! Taking messages in: steps 1 to 7, what is recorded and what makes a contact.

use super::world::*;
use crate::user::command::LookedUp;
use crate::{
    id::{Igsid, Mid},
    user::{
        Command, Rejection,
        decision::{HrnSource, Silence, Skip, Verdict},
        inbound::InboundItem,
        plan::Plan,
        settings::SettingsPatch,
    },
};
use std::sync::Arc;

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
fn d_36_messages_without_mid_are_answered_once_each_and_explained_by_their_key() {
    let mut world = priced();
    for name in ["one", "two"] {
        let mut event = world.message(ANA, "price");
        event.key = format!("{ACCOUNT}:message:{ANA}:{name}").as_str().into();
        if let InboundItem::Message(message) = &mut event.item {
            message.mid = None;
        }
        assert!(world.receive(event.clone()).is_some());
        world.wait(secs(5));
        world.deliver();
        assert!(matches!(world.verdict(event.key.as_str()), Verdict::Replied { .. }));
        assert_eq!(world.receive(event), None, "a second delivery");
    }
    assert_eq!(world.all_sends.len(), 2);
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
    world.run(Command::MessageLookedUp { mid, found: LookedUp::Found(Arc::new(event.clone())) }).unwrap();
    assert_eq!(world.receive(event), None);
    world.wait(secs(5));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
}

#[test]
fn another_account_is_refused_while_one_is_connected() {
    let mut world = World::connected();
    let mut event = world.message(ANA, "price");
    event.account = "999".into();
    assert_eq!(world.run(Command::Receive(Arc::new(event))), Err(Rejection::ForeignAccount));
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
fn a_hinted_message_survives_look_ups_that_fail() {
    let mut world = priced();
    let event = world.message(ANA, "price");
    let InboundItem::Message(message) = &event.item else { panic!() };
    let mid = message.mid.clone().unwrap();
    let hint = world.event(InboundItem::CompanionEdit { person: None, mid: mid.clone() }, "edit0:1");
    world.receive(hint);
    let looks = |world: &World| {
        let is_look =
            |e: &&crate::user::UserEffect| matches!(e, crate::user::UserEffect::LookUpMessage { .. });
        world.effects.iter().filter(is_look).count()
    };
    world.wait(secs(20));
    assert_eq!(looks(&world), 1);
    let refused = LookedUp::Failed { retry_after: Some(secs(300)) };
    world.run(Command::MessageLookedUp { mid: mid.clone(), found: refused }).unwrap();
    world.wait(secs(299));
    assert_eq!(looks(&world), 1, "not before the announced time");
    world.wait(secs(1));
    assert_eq!(looks(&world), 2);
    // The outcome of this one is lost.
    world.wait(secs(60 + 60));
    assert_eq!(looks(&world), 3);
    world.run(Command::MessageLookedUp { mid, found: LookedUp::Found(Arc::new(event)) }).unwrap();
    world.wait(secs(5));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
}

#[test]
fn a_hinted_message_is_not_looked_for_for_ever() {
    let mut world = priced();
    let mid = Mid::from("m_gone");
    let hint = world.event(InboundItem::CompanionEdit { person: None, mid: mid.clone() }, "edit0:1");
    world.receive(hint);
    world.wait(hours(3));
    assert!(world.user.look_ups.is_empty());
    let is_look = |e: &&crate::user::UserEffect| matches!(e, crate::user::UserEffect::LookUpMessage { .. });
    assert_eq!(world.effects.iter().filter(is_look).count(), 6);
    let hint = world.event(InboundItem::CompanionEdit { person: None, mid: mid.clone() }, "edit0:2");
    world.receive(hint);
    world.wait(secs(20));
    world.run(Command::MessageLookedUp { mid, found: LookedUp::Missing }).unwrap();
    assert!(world.user.look_ups.is_empty());
}

#[test]
fn a_tap_is_known_by_its_payload_and_not_by_its_title() {
    let mut world = priced();
    world.automate("a2", fixed("hours", "From 8 to 6."));
    let tap = |payload: &str| InboundItem::Postback {
        person: Igsid::from(ANA),
        mid: None,
        title: Some("What is the price?".into()),
        payload: Some(payload.into()),
        referral: None,
        is_self: false,
    };
    for (payload, reply) in [("HOURS", "From 8 to 6."), ("nothing listens", "It is 12 euro.")] {
        let event = world.event(tap(payload), &format!("postback:{payload}"));
        world.receive(event);
        world.wait(secs(5));
        assert_eq!(world.deliver(), [reply], "{payload}");
    }
    // The text of a quick reply is what the person said.
    let mut event = world.message(ANA, "the price");
    if let InboundItem::Message(message) = &mut event.item {
        message.quick_reply = Some("HOURS".into());
    }
    world.receive(event);
    world.wait(secs(5));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
}

#[test]
fn a_trigger_at_the_end_of_a_very_long_text_fires() {
    let mut world = priced();
    let key = world.says(ANA, &format!("{} and the price", "hello ".repeat(300)));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
}
