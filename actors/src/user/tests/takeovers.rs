//! The owner steps in by hand: what is pending gives way, and only what is older than that.

use super::world::*;
use crate::{
    id::Igsid,
    outbox::{FailureClass, Refusal, SendOutcome},
    user::{
        Command,
        decision::{CancelReason, Verdict},
        settings::SettingsPatch,
    },
};
use std::time::Duration;

fn on_the_link() -> World {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", None));
    world
}

#[test]
fn a_private_reply_to_somebody_who_is_no_contact_is_dropped_when_the_owner_writes_first() {
    let mut world = on_the_link();
    // The account may not send now: the reply waits.
    world.comments(BEN, "link");
    let send = world.take_send();
    let refusal = Refusal { retry_after: Some(secs(600)), ..Refusal::coded(FailureClass::Rate, 613, 0) };
    world.finish(&send, SendOutcome::NotSent(refusal));
    let key = world.comments(ANA, "link");
    assert!(world.user.contacts.is_empty());
    let echo = world.echo(ANA, "by_hand", "Hi Ana, I saw your comment");
    world.receive(echo);
    world.wait(hours(3));
    assert_eq!(world.verdict(&key), Verdict::Cancelled(CancelReason::OwnerAnswered));
    assert!(world.all_sends.iter().all(|send| send.kind.thread() != (&Igsid::from(ANA)).into()));
}

#[test]
fn a_private_reply_that_was_on_its_way_when_the_owner_wrote_is_not_tried_again() {
    let mut world = on_the_link();
    let key = world.comments(ANA, "link");
    let send = world.take_send();
    let echo = world.echo(ANA, "by_hand", "Hi Ana, I saw your comment");
    world.receive(echo);
    world.finish(&send, SendOutcome::NotSent(Refusal::of(FailureClass::Unreachable)));
    world.wait(hours(3));
    assert_eq!(world.all_sends.len(), 1);
    assert!(matches!(world.verdict(&key), Verdict::Cancelled(_)), "{:?}", world.verdict(&key));
}

#[test]
fn an_old_message_by_hand_that_comes_late_does_not_silence_a_newer_question() {
    let mut world = World::connected();
    world.automate("a1", fixed("price", "It is 12 euro."));
    world.says(ANA, "hello price");
    world.deliver();
    let mut echo = world.echo(ANA, "by_hand", "Good morning!");
    world.wait(hours(2));
    let event = world.message(ANA, "price");
    world.receive(event);
    // Redelivered after an outage: its rest is over.
    echo.received_at = world.now;
    world.receive(echo);
    world.wait(secs(10));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
}

#[test]
fn an_old_message_by_hand_that_comes_late_does_not_clear_a_newer_lock() {
    let mut world = World::connected();
    world.settings(SettingsPatch { auto_clear_hrn_on_reply: Some(true), ..SettingsPatch::default() });
    world.says(ANA, "hello");
    let old = world.echo(ANA, "by_hand_1", "Good morning!");
    world.wait(hours(2));
    world.says(ANA, "I want a refund");
    world.receive(old);
    let hrn = world.contact(ANA).hrn.clone().expect("the lock is newer than the answer");
    assert_eq!(hrn.answered_at, None);
    let new = world.echo(ANA, "by_hand_2", "Let me look at that");
    world.receive(new);
    assert!(world.contact(ANA).hrn.is_none());
}

#[test]
fn an_answer_by_hand_whose_rest_goes_on_silences_what_is_newer_too() {
    let mut world = World::connected();
    world.automate("a1", fixed("price", "It is 12 euro."));
    world.settings(SettingsPatch { reply_delay: Some(Duration::from_secs(30)), ..SettingsPatch::default() });
    let echo = world.echo(ANA, "by_hand", "Hi!");
    world.wait(secs(5));
    let event = world.message(ANA, "price");
    let key = event.key.as_str().to_owned();
    world.receive(event);
    world.receive(echo);
    world.wait(secs(60));
    assert_eq!(world.verdict(&key), Verdict::Cancelled(CancelReason::OwnerAnswered));
    assert!(world.all_sends.is_empty());
    world.run(Command::ResumeContact { person: Igsid::from(ANA) }).unwrap();
}
