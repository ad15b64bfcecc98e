//! What a client asks for under a key happens once, and readers are told of the parts that changed.

use super::world::*;
use crate::{
    Entity,
    outbox::Fingerprint,
    requests::RequestKey,
    slices::Slices,
    user::{Command, Rejection, Reply, settings::SettingsPatch, slice},
};

fn key(request: u32) -> RequestKey {
    RequestKey { session: Fingerprint::of("a tab"), request, part: 0 }
}

fn once(request: u32, command: Command) -> Command {
    Command::Once { key: key(request), command: Box::new(command) }
}

fn make(title: &str, id: &str) -> Command {
    let mut input = fixed(title, "text");
    input.title = title.to_owned();
    Command::CreateAutomation { id: id.into(), input, inactive: false }
}

#[test]
fn a_request_that_comes_again_is_answered_as_the_first_time() {
    let mut world = World::connected();
    let first = world.run(once(1, make("price", "a_1"))).unwrap();
    // The client lost the answer; whoever made the id has made another one by now.
    world.passivate();
    let again = world.run(once(1, make("price", "a_2"))).unwrap();
    assert_eq!(first, again);
    assert_eq!(world.user.automations.len(), 1);
    assert!(matches!(world.run(once(2, make("other", "a_3"))).unwrap(), Reply::Automation { .. }));
    assert_eq!(world.user.automations.len(), 2);
    world.assert_replay();
}

#[test]
fn a_refused_request_is_decided_anew_when_it_comes_again() {
    let mut world = World::connected();
    world.run(once(1, make("price", "a_1"))).unwrap();
    let refused = world.run(once(2, make("price", "a_2")));
    assert!(matches!(refused, Err(Rejection::TriggerTaken { .. })), "{refused:?}");
    world.run(Command::DeleteAutomation { id: "a_1".into() }).unwrap();
    world.run(once(2, make("price", "a_2"))).unwrap();
    assert!(world.user.automations.get("a_2").is_some());
}

/// The parts that a command changed.
fn changed(world: &mut World, run: impl FnOnce(&mut World)) -> Slices {
    let before = world.user.clone();
    run(world);
    world.user.changed(&before)
}

#[test]
fn readers_of_other_parts_are_left_alone() {
    let mut world = World::connected();
    let made = changed(&mut world, |world| world.automate("a_1", fixed("price", "12")));
    assert_eq!(made, slice::AUTOMATIONS.and(slice::REST));
    let settings = SettingsPatch { sidekick: Some(false), ..SettingsPatch::default() };
    let set = changed(&mut world, |world| world.settings(settings));
    assert_eq!(set, slice::SETTINGS.and(slice::REST));
    let written = changed(&mut world, |world| drop(world.says(ANA, "price")));
    for part in [slice::CONTACTS, slice::DECISIONS] {
        assert_eq!(written.and(part), written, "a message from a new contact changes these");
    }
    for part in [slice::SETTINGS, slice::KNOWLEDGE, slice::CONNECTION, slice::AUTOMATIONS] {
        assert_ne!(written.and(part), written, "and not these");
    }
}
