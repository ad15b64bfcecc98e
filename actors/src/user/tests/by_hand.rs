//! The owner answers by hand, or another app does.

use super::world::*;
use crate::{
    id::{Igsid, Mid},
    outbox::{FailureClass, Refusal, SendOutcome},
    user::{
        Command,
        decision::{CancelReason, Skip, Verdict},
        inbound::{Handover, InboundItem},
        settings::SettingsPatch,
    },
};
use std::time::Duration;

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
fn a_dead_letter_of_an_automation_switched_off_by_hand_stays_unsent_when_its_time_is_over_too() {
    for by_hand in [true, false] {
        let mut world = World::connected();
        let mut input = fixed("price", "It is 12 euro.");
        input.expires_at = Some(world.now + hours(1));
        world.automate("a1", input);
        world.says(ANA, "price");
        let send = world.take_send();
        world.finish(&send, SendOutcome::NotSent(Refusal::of(FailureClass::Content)));
        if by_hand {
            world.run(Command::SetAutomationActive { id: "a1".into(), active: false }).unwrap();
        }
        world.wait(hours(2));
        assert!(!world.user.automations.get("a1").unwrap().is_active);
        world.run(Command::ReplayDeadLetter { outbound: send.outbound }).unwrap();
        world.wait(secs(10));
        assert_eq!(world.sends.len(), usize::from(!by_hand), "by hand: {by_hand}");
    }
}
