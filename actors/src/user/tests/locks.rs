//! Threads that are left to a person.

use super::world::*;
use crate::{
    id::Igsid,
    user::{Command, Rejection, decision::Verdict, notification::NotificationKind},
};

#[test]
fn a_person_can_answer_for_seven_days_with_the_mark_of_a_person() {
    let mut world = World::connected();
    world.says(ANA, "I want a refund");
    let write = |world: &mut World, key: &str| {
        let (person, key, text) = (Igsid::from(ANA), key.into(), "Let us see".into());
        world.run(Command::SendMessage { person, key, text })
    };
    write(&mut world, "one").unwrap();
    assert!(!world.take_send().by_human_agent);
    world.wait(hours(6 * 24));
    write(&mut world, "two").unwrap();
    world.wait(secs(2));
    assert!(world.sends.pop().unwrap().by_human_agent);
    world.wait(hours(25));
    assert_eq!(write(&mut world, "three"), Err(Rejection::WindowClosed));
}

fn told(world: &World, only_urgent: bool) -> usize {
    let told = |kind: &NotificationKind| matches!(kind, NotificationKind::HumanNeeded { urgent, .. } if *urgent || !only_urgent);
    world.user.notifications.iter().filter(|notification| told(&notification.kind)).count()
}

#[test]
fn an_urgent_message_of_a_locked_contact_reaches_a_person() {
    let mut world = World::connected();
    world.says(ANA, "I want a refund");
    assert_eq!(told(&world, true), 0);
    world.wait(hours(1));
    let key = world.says(ANA, "I am going to kill myself");
    assert!(matches!(world.verdict(&key), Verdict::Hrn { .. }));
    assert_eq!(told(&world, true), 1);
    world.says(ANA, "I want to kill myself");
    assert_eq!(told(&world, true), 1, "told once until it is read");
    let no = world.user.notifications.iter().next().unwrap().no;
    world.run(Command::ReadNotifications { no }).unwrap();
    world.says(ANA, "I will kill myself");
    assert_eq!(told(&world, true), 2);
}

#[test]
fn a_locked_contact_that_writes_again_waits_again() {
    let mut world = World::connected();
    world.says(ANA, "I want a refund");
    let set_at = world.contact(ANA).hrn.as_ref().unwrap().set_at;
    let echo = world.echo(ANA, "by_hand", "Let me look at that");
    world.receive(echo);
    assert!(world.contact(ANA).hrn.as_ref().unwrap().answered_at.is_some());
    world.wait(hours(2));
    world.says(ANA, "any news?");
    let hrn = world.contact(ANA).hrn.clone().unwrap();
    assert_eq!((hrn.set_at, hrn.answered_at), (set_at, None));
    assert!(hrn.updated_at.is_some_and(|at| at > set_at));
    world.run(Command::ClearHrn { person: Igsid::from(ANA) }).unwrap();
}

#[test]
fn an_urgent_message_is_told_once() {
    let mut world = World::connected();
    world.says(ANA, "I am going to kill myself");
    assert_eq!((told(&world, false), told(&world, true)), (1, 1));
}
