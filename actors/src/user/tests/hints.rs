//! Notices of a message that may never come by itself.

use super::world::*;
use crate::{
    id::{Igsid, Mid},
    user::{Command, UserEffect, command::LookedUp, inbound::InboundItem},
};
use std::sync::Arc;

fn looks(world: &World) -> usize {
    world.effects.iter().filter(|effect| matches!(effect, UserEffect::LookUpMessage { .. })).count()
}

fn tap(world: &mut World, mid: &str) {
    let item = InboundItem::Postback {
        person: Igsid::from(ANA),
        mid: Some(Mid::from(mid)),
        title: Some("price".into()),
        payload: None,
        referral: None,
        is_self: false,
    };
    let event = world.event(item, &format!("postback:{mid}"));
    world.receive(event);
}

fn hint(world: &mut World, person: Option<&str>, mid: &str) {
    let item = InboundItem::CompanionEdit { person: person.map(Igsid::from), mid: Mid::from(mid) };
    let key = format!("edit0:{mid}:{}", world.next());
    let event = world.event(item, &key);
    world.receive(event);
}

#[test]
fn a_tap_that_came_is_not_looked_up_as_a_message() {
    for person in [Some(ANA), None] {
        let mut world = World::connected();
        world.automate("a1", fixed("price", "It is 12 euro."));
        tap(&mut world, "m_tap");
        world.wait(secs(5));
        hint(&mut world, person, "m_tap");
        world.wait(secs(30));
        assert_eq!(looks(&world), 0, "{person:?}");
    }
}

#[test]
fn our_own_message_is_not_looked_up() {
    for person in [Some(ANA), None] {
        let mut world = World::connected();
        world.automate("a1", fixed("price", "It is 12 euro."));
        world.says(ANA, "price");
        world.deliver();
        let mid = world.contact(ANA).thread.messages.last().unwrap().mid.clone().unwrap();
        hint(&mut world, person, mid.as_str());
        world.wait(secs(30));
        assert_eq!(looks(&world), 0, "{person:?}");
    }
}

#[test]
fn a_message_that_was_only_reacted_to_is_still_looked_up() {
    let mut world = World::connected();
    let item =
        InboundItem::Reaction {
            person: Igsid::from(ANA), mid: Mid::from("m_9"), reaction: Some("❤".into())
        };
    let event = world.event(item, "reaction:m_9");
    world.receive(event);
    hint(&mut world, None, "m_9");
    world.wait(secs(30));
    assert_eq!(looks(&world), 1);
}

#[test]
fn a_tap_that_was_looked_up_as_a_message_is_a_duplicate() {
    let mut world = World::connected();
    world.automate("a1", fixed("price", "It is 12 euro."));
    hint(&mut world, None, "m_tap");
    world.wait(secs(20));
    let mut found = world.message(ANA, "price");
    if let InboundItem::Message(message) = &mut found.item {
        message.mid = Some(Mid::from("m_tap"));
    }
    let mid = Mid::from("m_tap");
    world.run(Command::MessageLookedUp { mid, found: LookedUp::Found(Arc::new(found)) }).unwrap();
    world.wait(secs(5));
    world.deliver();
    tap(&mut world, "m_tap");
    world.wait(secs(5));
    assert_eq!(world.all_sends.len(), 1);
}
