//! Messages that were taken back or changed by their writers.

use super::world::*;
use crate::{
    id::{Igsid, Mid},
    user::{
        Command,
        decision::{CancelReason, Silence, Verdict},
        inbound::InboundItem,
        plan::Plan,
    },
};

#[test]
fn an_unsend_removes_the_text_and_cancels_before_and_after() {
    for before in [true, false] {
        let mut world = priced();
        let event = world.message(ANA, "price");
        let key = event.key.as_str().to_owned();
        let InboundItem::Message(message) = &event.item else { panic!() };
        let item = InboundItem::Unsend { person: Igsid::from(ANA), mid: message.mid.clone().unwrap() };
        let unsend = world.event(item, "unsend:1");
        if before {
            world.receive(unsend);
            world.receive(event);
        } else {
            world.receive(event);
            world.receive(unsend);
        }
        world.wait(secs(10));
        assert!(world.all_sends.is_empty(), "before: {before}");
        assert!(world.contact(ANA).thread.messages[0].text.is_none());
        assert!(matches!(
            world.verdict(&key),
            Verdict::NoReply(Silence::Unsent) | Verdict::Cancelled(CancelReason::Unsent)
        ));
    }
}

#[test]
fn an_edit_changes_the_text_in_any_order_and_fires_nothing_again() {
    let mut world = priced();
    let event = world.message(ANA, "hello there friend");
    let InboundItem::Message(message) = &event.item else { panic!() };
    let mid = message.mid.clone().unwrap();
    let item = |revision, text: &str| InboundItem::Edit {
        person: Some(Igsid::from(ANA)),
        mid: mid.clone(),
        text: Some(text.into()),
        revision,
    };
    let early = world.event(item(2, "what is the price"), "edit:2");
    world.receive(early);
    world.receive(event);
    let stale = world.event(item(1, "hello"), "edit:1");
    world.receive(stale);
    world.wait(secs(5));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
    let later = world.event(item(3, "price price"), "edit:3");
    world.receive(later);
    world.wait(secs(30));
    assert_eq!(world.all_sends.len(), 1);
}

#[test]
fn a_burst_goes_on_when_its_last_text_is_taken_back_and_the_record_before_has_left() {
    let mut world = priced();
    let first = world.message(ANA, "price");
    world.receive(first);
    push_decisions_out(&mut world);
    let last = world.message(ANA, "and more");
    world.receive(last);
    let mid = world.contact(ANA).thread.messages.last().unwrap().mid.clone().unwrap();
    let unsend = world.event(InboundItem::Unsend { person: Igsid::from(ANA), mid }, "unsend:1");
    world.receive(unsend);
    world.wait(secs(20));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
}

#[test]
fn a_message_that_is_taken_back_while_it_waits_is_nowhere_any_more() {
    let secret = "a secret word";
    let mut world = priced();
    world.run(Command::RevokeInstagram).unwrap();
    let parked = world.message(ANA, secret);
    world.receive(parked.clone());
    world.run(Command::SetPlan(Plan::Free)).unwrap();
    let mut first = 0;
    while world.user.overflow.is_empty() {
        first += 1;
        let event = world.message(&format!("91{first:013}"), secret);
        world.receive(event.clone());
        if !world.user.overflow.is_empty() {
            take_back(&mut world, &event);
        }
    }
    take_back(&mut world, &parked);
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    for held in world.user.parked.iter().chain(world.user.overflow.iter()) {
        let mine = held.event.is_message(&Igsid::from(ANA), &Mid::from("m_1"));
        assert!(!mine || !holds(&rmp_serde::to_vec_named(held).unwrap()));
    }
    assert_eq!(world.user.overflow.len(), 1);
    assert!(!holds(&rmp_serde::to_vec_named(&world.user.overflow).unwrap()));
    let rows: Vec<_> = world.rows.iter().filter(|((of, _), _)| of == "overflow").collect();
    assert_eq!(rows.len(), 1);
    assert!(rows.iter().all(|(_, bytes)| !holds(bytes)));
}

fn take_back(world: &mut World, event: &crate::user::inbound::InboundEvent) {
    let InboundItem::Message(message) = &event.item else { panic!("{event:?}") };
    let item = InboundItem::Unsend { person: message.person.clone(), mid: message.mid.clone().unwrap() };
    let unsend = world.event(item, &format!("unsend:{}", event.key));
    world.receive(unsend);
}
