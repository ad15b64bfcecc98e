//! A deleted contact leaves nothing of what it wrote, at hand or in the history.

use super::{contacts::change, world::*};
use crate::{
    outbox::SendOutcome,
    user::{
        Command, UserEffect,
        contact_change::ContactChange,
        decision::Verdict,
        forget::FORGOTTEN_AFTER,
        history::{self, KeptMessage},
        plan::Plan,
        settings::SettingsPatch,
    },
};

fn delete(world: &mut World, person: &str) {
    change(world, person, ContactChange::Delete).unwrap();
}

/// A thread that is longer than its window, answered by the owner now and then.
fn long_thread() -> World {
    let mut world = priced();
    world.settings(SettingsPatch { sidekick: Some(false), ..SettingsPatch::default() });
    world.says(BEN, "hello from ben");
    for turn in 0..40 {
        world.says(ANA, &format!("secret {turn}"));
        let echo = world.echo(ANA, &format!("hand_{turn}"), "secret answer");
        world.receive(echo);
        world.wait(secs(7_200));
    }
    world.says(ANA, "price");
    world.deliver();
    world
}

fn traces(world: &World, trace: &str) -> usize {
    let has = |bytes: &[u8]| bytes.windows(trace.len()).any(|window| window == trace.as_bytes());
    let rows = world.rows.iter().filter(|((stream, _), bytes)| {
        // A stream is named after its person, and so are rows of people who were locked.
        has(bytes) && !stream.starts_with("notifications")
    });
    rows.count() + usize::from(has(&World::encoded(&world.user)))
}

#[test]
fn nothing_of_a_deleted_contact_stays() {
    let mut world = long_thread();
    assert!(traces(&world, "secret") > 20 && world.rows.len() > 20);
    delete(&mut world, ANA);
    assert!(world.user.contact(ANA).is_none());
    world.wait(secs(60));
    assert_eq!(traces(&world, "secret"), 0);
    assert_eq!(traces(&world, "hand_"), 0, "ids of messages");
    world.passivate();
    world.wait(FORGOTTEN_AFTER + hours(1));
    assert_eq!(traces(&world, ANA), 0, "the person is not known any more");
    assert_eq!(traces(&world, "It is 12 euro"), 1, "only the automation says it");
    assert_eq!(world.user.contacts.len(), 1);
    assert_eq!(world.contact(BEN).thread.messages.len(), 1);
    assert!(world.user.forgettings.is_empty());
}

#[test]
fn who_writes_again_is_a_new_contact_with_a_new_thread() {
    let mut world = long_thread();
    delete(&mut world, ANA);
    world.says(ANA, "me again");
    let ana = world.contact(ANA);
    assert_eq!((ana.created_at, ana.thread.messages.len()), (world.now - secs(4), 1));
    for turn in 0..25 {
        world.says(ANA, &format!("later {turn}"));
    }
    world.wait(hours(30));
    assert_eq!(traces(&world, "secret"), 0);
    // What left the window since is kept.
    let stream = history::messages_of(&ANA.into());
    let kept = world.rows.iter().filter(|((of, _), _)| *of == stream).filter(|(_, bytes)| {
        matches!(history::message(bytes), Ok(KeptMessage::Message(message)) if message.text.is_some())
    });
    assert_eq!(kept.count(), 6);
}

#[test]
fn what_is_in_flight_ends_without_a_trace() {
    let mut world = priced();
    world.run(Command::SetPlan(Plan::Starter)).unwrap();
    world.says(ANA, "price");
    let in_flight = world.take_send();
    let waiting = world.message(ANA, "price again");
    world.receive(waiting);
    delete(&mut world, ANA);
    let message_id = "out_1".into();
    world.finish(&in_flight, SendOutcome::Sent { message_id, recipient: None });
    let echo = world.echo(ANA, "out_1", "It is 12 euro.");
    world.receive(echo);
    world.wait(FORGOTTEN_AFTER + hours(1));
    assert!(world.sends.is_empty() && world.user.contacts.is_empty());
    assert_eq!((traces(&world, "It is 12 euro"), traces(&world, "price again")), (1, 0));
    assert_eq!(world.user.reservations(), 0);
    assert_eq!(
        world.user.usage.months().map(|(_, month)| (month.reserved, month.sends)).next(),
        Some((0, 1))
    );
}

#[test]
fn decisions_on_a_deleted_contact_say_where_they_ended_and_nothing_else() {
    let mut world = priced();
    world.says(ANA, "I want a refund, my lawyer will write");
    let no = *world.user.decisions.keys().next_back().unwrap();
    delete(&mut world, ANA);
    let record = world.user.decisions.get(&no).unwrap();
    assert!(record.person.is_none() && record.mid.is_none() && record.trail.is_empty());
    assert!(matches!(&record.verdict, Verdict::Hrn { signals, .. } if signals.is_empty()), "{record:?}");
    assert_eq!(world.user.hrn_queue().count(), 0);
    assert!(world.user.notifications.iter().all(|told| !format!("{told:?}").contains(ANA)));
}

#[test]
fn a_store_that_does_not_answer_is_asked_again() {
    let mut world = long_thread();
    delete(&mut world, ANA);
    world.run(Command::Tick).unwrap();
    world.look_backs.clear();
    world.effects.clear();
    world.wait(secs(40));
    assert!(world.effects.iter().any(|effect| matches!(effect, UserEffect::ReadHistory(_))));
    assert_eq!(traces(&world, "secret"), 0);
}
