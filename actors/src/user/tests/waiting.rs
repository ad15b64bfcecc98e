//! The connection to Instagram: what waits for it, losing it, another account.

use super::world::*;
use crate::{
    id::Igsid,
    outbox::{FailureClass, Refusal, SendOutcome},
    user::{
        Command, Rejection,
        decision::{Skip, Verdict},
    },
};

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
    // A token that is too young to be refreshed before its end.
    let mut connect = world.connection(ACCOUNT, "27000000000000001");
    connect.expires_at = world.now + hours(1);
    world.run(Command::ConnectInstagram(connect)).unwrap();
    world.keep_up();
    world.wait(hours(1) + secs(1));
    let key = world.says(ANA, "price");
    assert_eq!(world.verdict(&key), Verdict::Parked);
    assert!(world.all_sends.is_empty());
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
