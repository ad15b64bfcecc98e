//! The owner steps in by hand: what is pending gives way.

use super::world::*;
use crate::{
    id::Igsid,
    outbox::{FailureClass, Refusal, SendOutcome},
    user::decision::{CancelReason, Verdict},
};

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
