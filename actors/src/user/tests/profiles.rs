//! Names of persons: read beside everything else, never in its way.

use super::world::*;
use crate::{
    id::Igsid,
    user::{Command, UserEffect, command::Profile, profiles::PROFILES_IN_FLIGHT_MAX},
};

fn asked(world: &World) -> Vec<Igsid> {
    let asked = |effect: &UserEffect| match effect {
        UserEffect::FetchProfile { person, .. } => Some(person.clone()),
        _ => None,
    };
    world.effects.iter().filter_map(asked).collect()
}

fn crowd(world: &mut World, count: u32) {
    for person in 0..count {
        let event = world.message(&format!("70{person:03}"), "hello");
        world.receive(event);
    }
}

#[test]
fn a_crowd_of_new_people_is_asked_about_five_times_a_second_and_four_at_once() {
    let mut world = World::connected();
    world.check_replay = false;
    crowd(&mut world, 60);
    world.wait(secs(60));
    assert_eq!(asked(&world).len(), PROFILES_IN_FLIGHT_MAX, "none of them was answered");
    let mut answered = 0;
    for _ in 0..50 {
        let now = asked(&world);
        for person in &now[answered..] {
            let profile = Some(Profile { display_name: Some("Ana".into()), ..Profile::default() });
            world.run(Command::ProfileFetched { person: person.clone(), profile }).unwrap();
        }
        assert!(now.len() - answered <= PROFILES_IN_FLIGHT_MAX);
        answered = now.len();
        world.wait(secs(1));
        assert!(asked(&world).len() - answered <= 5);
    }
    assert_eq!(answered, 60, "everybody in their turn");
    world.assert_replay();
}

#[test]
fn reads_that_are_never_answered_do_not_stop_the_others() {
    let mut world = World::connected();
    crowd(&mut world, 6);
    world.wait(secs(180));
    assert_eq!(asked(&world).len(), 6);
    world.passivate();
}

#[test]
fn nobody_is_asked_about_while_disconnected() {
    let mut world = World::connected();
    crowd(&mut world, 10);
    let before = asked(&world).len();
    world.run(Command::DisconnectInstagram).unwrap();
    world.wait(secs(600));
    assert_eq!(asked(&world).len(), before);
}
