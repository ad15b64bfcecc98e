//! A permission or a setting is missing on Instagram: the feature rests instead of burning its queue.

use super::world::*;
use crate::{
    id::{Igsid, Mid},
    outbox::{FailureClass, Lane, Refusal, SendOutcome},
    user::{Command, integration::Status, notification::NotificationKind},
};

/// "The owner switched the access to messages off."
fn switched_off() -> SendOutcome {
    SendOutcome::NotSent(Refusal::coded(FailureClass::Permission, 200, 2_534_041))
}

fn told(world: &World) -> usize {
    let told = |kind: &NotificationKind| matches!(kind, NotificationKind::PermissionMissing { .. });
    world.user.notifications.iter().filter(|notification| told(&notification.kind)).count()
}

fn refuse_all(world: &mut World) {
    while let Some(send) = world.sends.pop() {
        world.finish(&send, switched_off());
    }
}

/// Forty replies on their way, and the platform refuses every one.
fn refused() -> World {
    let mut world = World::connected();
    world.automate("a1", fixed("price", "It is 12 euro."));
    for person in 0..40 {
        let event = world.message(&format!("80{person}"), "price");
        world.receive(event);
    }
    world.wait(secs(4));
    for _ in 0..30 {
        refuse_all(&mut world);
        world.wait(secs(60));
    }
    world
}

#[test]
fn a_missing_permission_does_not_burn_the_queue_and_is_told_once() {
    let mut world = refused();
    let tried = world.all_sends.len();
    assert!(tried <= 8, "{tried} calls that were bound to be refused");
    assert_eq!(told(&world), 1);
    assert_eq!(world.user.integration.as_ref().unwrap().status, Status::Limited);
    assert!(world.user.outbox.queue_stats(Lane::Send, world.now).closed_until.is_some());
    // One is tried from time to time, less and less often.
    world.check_replay = false;
    for _ in 0..8 * 60 {
        world.wait(secs(60));
        refuse_all(&mut world);
    }
    assert_eq!(world.all_sends.len(), tried + 3, "after one hour, three and seven");
    assert_eq!(told(&world), 1);
}

#[test]
fn a_connection_made_again_opens_what_a_missing_permission_closed() {
    let mut world = refused();
    world.connect();
    world.wait(secs(10));
    assert!(!world.deliver().is_empty());
    assert_eq!(world.user.integration.as_ref().unwrap().status, Status::Active);
}

#[test]
fn a_message_that_gets_through_opens_what_a_missing_permission_closed() {
    let mut world = refused();
    let (person, key, text) = (Igsid::from("801"), "press-1".into(), "Hello, a person here".into());
    world.run(Command::SendMessage { person, key, text }).unwrap();
    world.wait(secs(2));
    let send = world.take_send();
    world.finish(&send, SendOutcome::Sent { message_id: Mid::from("m_by_hand"), recipient: None });
    world.wait(secs(10));
    assert!(!world.deliver().is_empty(), "the queue goes on");
    assert_eq!(world.user.integration.as_ref().unwrap().status, Status::Active);
}
