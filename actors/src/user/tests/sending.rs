//! Window, quota, and what becomes of replies on their way.

use super::world::*;
use crate::{
    id::Igsid,
    outbox::{Doubt, FailureClass, ReadOutcome, Refusal, SendOutcome, State},
    user::{
        Command,
        decision::{CancelReason, HrnSource, Silence, Verdict},
        settings::SettingsPatch,
    },
};
use std::time::Duration;

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

#[test]
fn an_answer_waits_for_a_time_that_is_drawn_once_and_kept() {
    let mut world = priced();
    world.settings(SettingsPatch {
        answer_delay_min: Some(secs(3)),
        answer_delay_max: Some(secs(12)),
        ..SettingsPatch::default()
    });
    let mut waits = std::collections::BTreeSet::new();
    for no in 0..20 {
        world.says(&format!("8{no:014}"), "price");
        let decided = world.now;
        assert!(world.sends.is_empty());
        let starts_at = |world: &World| {
            world.user.outbox.iter().find_map(|item| match item.state {
                State::Queued { not_before } => Some(not_before),
                _ => None,
            })
        };
        let due = starts_at(&world).unwrap();
        world.passivate();
        assert_eq!(starts_at(&world), Some(due), "a restart does not draw again");
        let waited = due.since(decided);
        assert!((secs(3)..=secs(12)).contains(&waited), "{waited:?}");
        waits.insert(waited);
        world.wait(secs(12));
        assert_eq!(world.deliver().len(), 1);
        world.wait(secs(120));
    }
    assert!(waits.len() > 15, "{waits:?}");
    let odd = SettingsPatch { answer_delay_max: Some(secs(1)), ..SettingsPatch::default() };
    assert!(world.run(Command::UpdateSettings(odd)).is_err());
}

#[test]
fn a_machine_says_once_that_it_is_one() {
    let mut world = priced();
    let told = "I am an automated assistant.";
    world.settings(SettingsPatch { disclosure: Some(told.into()), ..SettingsPatch::default() });
    world.automate("c1", on_comments("link", "here", Some("sent!")));
    let mut menu = fixed("menu", r#"[{"title":"Menu","subtitle":"All we bake"}]"#);
    menu.response_type = "generic_template".into();
    world.automate("a2", menu);
    world.automate("a3", fixed("long", &"It is 12 euro. ".repeat(66)));
    world.says(ANA, "price");
    assert_eq!(world.deliver(), ["It is 12 euro.\n\nI am an automated assistant."]);
    world.wait(secs(10));
    world.says(ANA, "price");
    assert_eq!(world.deliver(), ["It is 12 euro."]);
    world.comments(BEN, "link");
    assert_eq!(world.deliver(), ["here\n\nI am an automated assistant.", "sent!"]);
    for (person, text) in [("903", "menu"), ("904", "long")] {
        world.says(person, text);
        let mut texts = world.deliver();
        world.wait(secs(10));
        texts.extend(world.deliver());
        assert_eq!((texts.len(), texts.last().map(String::as_str)), (2, Some(told)), "{text}");
        assert!(world.contact(person).disclosed_at.is_some());
    }
    world.wait(hours(24 * 31));
    world.connect();
    world.says(ANA, "price");
    assert!(world.deliver()[0].ends_with(told), "after a month again");
}
