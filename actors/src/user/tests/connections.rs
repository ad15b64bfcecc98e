//! The connection is lost, given up, or made again: what waited is answered, left to a person, or recorded only.

use super::world::*;
use crate::{
    outbox::{FailureClass, Refusal, SendOutcome},
    user::{
        Command, UserEffect,
        decision::{CancelReason, HrnSource, Silence, Skip, Verdict},
    },
};

#[test]
fn a_message_that_waited_too_long_for_the_connection_is_left_to_a_person() {
    let mut world = priced();
    world.run(Command::RevokeInstagram).unwrap();
    let key = world.says(ANA, "price");
    let grave = world.says(BEN, "I want a refund");
    world.wait(hours(25));
    world.connect();
    world.wait(secs(10));
    assert_eq!(world.verdict(&key), Verdict::Skipped(Skip::ParkedTooLong));
    assert!(world.contact(ANA).followup_needed);
    assert!(matches!(world.verdict(&grave), Verdict::Hrn { source: HrnSource::Heuristic, .. }));
    assert!(world.contact(BEN).hrn.is_some());
    assert!(world.all_sends.is_empty());
}

#[test]
fn an_old_message_that_comes_while_disconnected_is_left_to_a_person() {
    let mut world = priced();
    world.run(Command::RevokeInstagram).unwrap();
    for (person, text) in [(ANA, "price"), (BEN, "I want a refund")] {
        let mut event = world.message(person, text);
        event.at = world.now - hours(30);
        world.receive(event);
    }
    assert!(world.contact(ANA).followup_needed);
    assert!(world.contact(BEN).hrn.is_some());
}

#[test]
fn what_was_written_while_nobody_was_connected_is_recorded_and_not_answered() {
    let mut world = priced();
    world.automate("c1", on_comments("link", "here", None));
    world.run(Command::DisconnectInstagram).unwrap();
    let (mut comment, mut message) = (world.comment(ANA, "link"), world.message(BEN, "price"));
    let mut fresh = world.comment("903", "link");
    world.wait(hours(72));
    fresh.at = world.now - secs(600);
    world.connect();
    for event in [&mut comment, &mut message, &mut fresh] {
        event.unrouted = true;
        event.received_at = world.now;
        world.receive(event.clone());
    }
    world.wait(secs(10));
    assert_eq!(world.verdict(comment.key.as_str()), Verdict::NoReply(Silence::TooOld));
    assert_eq!(world.verdict(message.key.as_str()), Verdict::NoReply(Silence::TooOld));
    assert!(world.contact(BEN).followup_needed);
    assert_eq!(world.deliver(), ["here"], "what came moments before the connection is answered");
}

#[test]
fn disconnecting_ends_the_subscription_to_webhooks() {
    let mut world = priced();
    world.run(Command::DisconnectInstagram).unwrap();
    let ended = world.effects.iter().any(
        |effect| matches!(effect, UserEffect::Unsubscribe { access } if access.token.as_str() == "sealed"),
    );
    assert!(ended);
    assert_eq!(world.user.integration.as_ref().unwrap().token.as_str(), "");
}

#[test]
fn a_permission_taken_back_takes_the_token_and_the_queue_along() {
    let mut world = priced();
    let key = world.says(ANA, "price");
    let send = world.take_send();
    world.finish(&send, SendOutcome::NotSent(Refusal::of(FailureClass::Unreachable)));
    world.run(Command::RevokeInstagram).unwrap();
    assert_eq!(world.user.integration.as_ref().unwrap().token.as_str(), "");
    world.wait(secs(60));
    world.connect();
    world.wait(hours(1));
    assert_eq!(world.verdict(&key), Verdict::Cancelled(CancelReason::Disconnected));
    assert_eq!(world.all_sends.len(), 1);
}

#[test]
fn a_token_is_sealed_again_where_it_still_stands() {
    let mut world = priced();
    let before = world.user.integration.clone().unwrap();
    let reseal = |from: &str, to: &str| Command::ResealToken { from: from.into(), to: to.into() };
    world.run(reseal("another", "late")).unwrap();
    assert_eq!(world.user.integration.as_ref(), Some(&before));
    world.run(reseal("sealed", "sealed again")).unwrap();
    let after = world.user.integration.clone().unwrap();
    assert_eq!(after.token.as_str(), "sealed again");
    let undone = crate::user::integration::Integration { token: before.token.clone(), ..(*after).clone() };
    assert_eq!(undone, *before, "nothing else changes");
    world.run(Command::DisconnectInstagram).unwrap();
    world.run(reseal("sealed again", "late")).unwrap();
    assert_eq!(world.user.integration.as_ref().unwrap().token.as_str(), "");
}
