//! Lines that are longer than what is kept at hand: new contacts without room in the plan, events without a connection.

use super::world::*;
use crate::{
    id::{Igsid, Mid},
    user::{
        Command,
        decision::{Silence, Verdict},
        inbound::{InboundEvent, InboundItem},
        line::{OVERFLOW_MAX, PARKED_MAX},
        plan::Plan,
        settings::SettingsPatch,
    },
};
use std::time::Duration;

fn person(no: u64) -> String {
    format!("8{no:014}")
}

/// A workspace whose plan has no room left, with that many new contacts waiting; their events in order.
fn full(waiting: u64) -> (World, Vec<InboundEvent>) {
    let mut world = World::vacant();
    world.check_replay = false;
    world.connect();
    let mut known = 0;
    while world.user.overflow.is_empty() {
        known += 1;
        let event = world.message(&format!("7{known:014}"), "hello");
        world.receive(event);
    }
    // The last of them waits already: it is taken back, so that only the ones below do.
    let Some(first) = world.user.overflow.first().cloned() else { panic!("nobody waits") };
    take_back(&mut world, &first.event);
    let mut events = Vec::new();
    for no in 0..waiting {
        let event = world.message(&person(no), &format!("hello from {no}"));
        assert_eq!(world.receive(event.clone()), Some(Verdict::Overflow));
        events.push(event);
    }
    world.largest = 0;
    (world, events)
}

fn take_back(world: &mut World, event: &InboundEvent) {
    let InboundItem::Message(message) = &event.item else { panic!("{event:?}") };
    let item = InboundItem::Unsend { person: message.person.clone(), mid: message.mid.clone().unwrap() };
    let unsend = world.event(item, &format!("unsend:{}", event.key));
    world.receive(unsend);
}

fn waiting_rows(world: &World, stream: &str) -> usize {
    let rows = world.rows.iter().filter(|((of, _), _)| of == stream);
    rows.filter(|(_, bytes)| crate::user::history::held(bytes).is_some()).count()
}

/// All of them came in once, in the order in which they had written.
fn assert_all_in(world: &World, events: &[InboundEvent]) {
    let mut last = 0;
    for event in events {
        let Some(who) = event.item.person() else { panic!("{event:?}") };
        let messages = &world.contact(who.as_str()).thread.messages;
        assert_eq!(messages.len(), 1, "{who}");
        assert!(messages[0].no.0 > last && messages[0].text.is_some());
        last = messages[0].no.0;
    }
}

#[test]
fn step_4_all_new_contacts_come_in_after_an_upgrade_however_many_waited() {
    let (mut world, events) = full(2_300);
    assert_eq!(world.user.overflow.len(), 2_300, "the counter");
    assert_eq!(world.user.overflow.iter().count(), OVERFLOW_MAX, "in memory");
    assert_eq!(waiting_rows(&world, "overflow"), 2_300 - OVERFLOW_MAX);
    world.run(Command::SetPlan(Plan::Enterprise)).unwrap();
    world.wait(secs(60));
    assert!(world.user.overflow.is_empty());
    assert_all_in(&world, &events);
    assert_eq!(waiting_rows(&world, "overflow"), 0, "their texts are in their threads now");
    assert!(world.all_sends.is_empty(), "they are late");
    assert!(world.contact(&person(2_000)).followup_needed);
    assert!(world.largest < greenroom_persistence::RECORD_BYTES_MAX / 2);
    world.assert_replay();
}

#[test]
fn a_restart_in_the_middle_of_a_backlog_loses_and_doubles_nothing() {
    let (mut world, events) = full(1_400);
    world.run(Command::SetPlan(Plan::Enterprise)).unwrap();
    let mut restarts = 0;
    while !world.user.overflow.is_empty() {
        // A page is answered after every other restart only: what was asked for is lost with the activation.
        let asked = world.look_backs.clone();
        world.passivate();
        restarts += 1;
        assert_eq!(asked.is_empty(), world.look_backs.is_empty(), "asked again");
        if restarts % 2 == 0
            && let Some(asked) = world.look_backs.pop()
        {
            let found = Some(world.found(&asked));
            world.run(Command::HistoryRead { asked: asked.clone(), found: found.clone() }).unwrap();
            let before = world.events.len();
            world.run(Command::HistoryRead { asked, found }).unwrap();
            assert_eq!(world.events.len(), before, "a page that comes twice counts once");
        } else if world.look_backs.is_empty() {
            world.run(Command::Tick).unwrap();
        }
        assert!(restarts < 1_000);
    }
    assert!(restarts > 5);
    assert_all_in(&world, &events);
    world.assert_replay();
}

#[test]
fn a_plan_with_room_for_some_takes_the_first_and_the_rest_goes_on_waiting() {
    let (mut world, events) = full(1_300);
    world.run(Command::SetPlan(Plan::Starter)).unwrap();
    world.wait(secs(60));
    let room = 490;
    assert_eq!((world.user.contacts.len(), world.user.overflow.len()), (500, 1_300 - room));
    assert_all_in(&world, &events[..room]);
    world.run(Command::SetPlan(Plan::Growth)).unwrap();
    world.wait(secs(60));
    assert_eq!(world.user.overflow.len(), 0);
    assert_all_in(&world, &events);
}

#[test]
fn a_page_that_the_store_did_not_give_is_asked_for_again() {
    let (mut world, events) = full(1_010);
    world.run(Command::SetPlan(Plan::Enterprise)).unwrap();
    while world.look_backs.is_empty() {
        world.run(Command::Tick).unwrap();
    }
    let asked = world.look_backs.pop().unwrap();
    world.run(Command::HistoryRead { asked, found: None }).unwrap();
    assert_eq!(world.user.overflow.len(), 10);
    world.wait(secs(60));
    assert_eq!(world.user.overflow.len(), 0);
    assert_all_in(&world, &events);
}

#[test]
fn what_was_taken_back_while_it_waited_in_the_history_never_comes_in() {
    let (mut world, events) = full(1_200);
    take_back(&mut world, &events[1_100]);
    take_back(&mut world, &events[20]);
    assert_eq!(world.user.overflow.len(), 1_198);
    let text = b"hello from 1100";
    assert!(!world.rows.values().any(|bytes| bytes.windows(text.len()).any(|window| window == text)));
    world.run(Command::SetPlan(Plan::Enterprise)).unwrap();
    while world.look_backs.is_empty() {
        world.run(Command::Tick).unwrap();
    }
    // A page that was read before does not bring back what was taken back since.
    let asked = world.look_backs.pop().unwrap();
    let found = Some(world.found(&asked));
    take_back(&mut world, &events[1_010]);
    world.run(Command::HistoryRead { asked, found }).unwrap();
    world.wait(secs(60));
    assert!(world.user.overflow.is_empty());
    for gone in [20, 1_010, 1_100] {
        assert!(!world.user.contacts.contains_key(person(gone).as_str()), "{gone}");
    }
    assert_all_in(&world, &events[1_101..]);
}

#[test]
fn step_1_all_events_go_on_after_a_reconnect_however_many_waited() {
    let mut world = World::connected();
    world.check_replay = false;
    world.run(Command::SetPlan(Plan::Enterprise)).unwrap();
    world.automate("a1", fixed("price", "it is 10"));
    world.settings(SettingsPatch { sidekick: Some(false), ..SettingsPatch::default() });
    world.run(Command::RevokeInstagram).unwrap();
    let total = PARKED_MAX as u64 + 300;
    for no in 0..total {
        let event = world.message(&person(no), "price");
        assert_eq!(world.receive(event), Some(Verdict::Parked));
    }
    let last = person(total - 1);
    assert_eq!((world.user.parked.len() as u64, world.user.parked.iter().count()), (total, PARKED_MAX));
    assert_eq!(waiting_rows(&world, "parked"), 300);
    world.wait(hours(23));
    world.largest = 0;
    world.connect();
    let late = world.message(&last, "and shipping?");
    let late_key = late.key.as_str().to_owned();
    assert_eq!(world.receive(late), Some(Verdict::Parked), "behind an earlier message of the same person");
    let taken_back = Igsid::from(person(total - 2).as_str());
    let mid: Mid = world.contact(taken_back.as_str()).thread.messages[0].mid.clone().unwrap();
    let unsend = world.event(InboundItem::Unsend { person: taken_back, mid }, "unsend:late");
    world.receive(unsend);
    world.wait(secs(30));
    assert!(world.user.parked.is_empty());
    assert_eq!(waiting_rows(&world, "parked"), 0);
    let answered = world.user.outbox.iter().count() as u64;
    assert_eq!(answered, total - 1, "everybody once, but for the one who took it back");
    assert!(matches!(world.verdict(&late_key), Verdict::Queued { .. } | Verdict::Replied { .. }));
    assert!(world.largest < greenroom_persistence::RECORD_BYTES_MAX / 2);
    world.assert_replay();
}

#[test]
fn a_connection_that_is_lost_again_leaves_the_rest_waiting() {
    let mut world = priced();
    world.check_replay = false;
    world.run(Command::SetPlan(Plan::Enterprise)).unwrap();
    world.settings(SettingsPatch { reply_delay: Some(Duration::ZERO), ..SettingsPatch::default() });
    world.run(Command::RevokeInstagram).unwrap();
    for no in 0..PARKED_MAX as u64 + 10 {
        let event = world.message(&person(no), "price");
        world.receive(event);
    }
    world.connect();
    while world.look_backs.is_empty() {
        world.run(Command::Tick).unwrap();
    }
    world.run(Command::RevokeInstagram).unwrap();
    world.look_back();
    assert_eq!(world.user.parked.len(), 10);
    world.wait(hours(25));
    world.connect();
    world.wait(secs(10));
    assert!(world.user.parked.is_empty(), "too old by now: shown and not answered");
    let last = world.user.contacts.get(person(PARKED_MAX as u64 + 9).as_str()).unwrap();
    assert_eq!(last.thread.messages.len(), 1);
}

#[test]
fn stop_words_and_grave_texts_count_when_they_come_in_late() {
    let (mut world, _) = full(1);
    let mut late = Vec::new();
    for (no, text) in [(50, "STOP"), (51, "I will sue you"), (52, "hello")] {
        let event = world.message(&person(no), text);
        assert_eq!(world.receive(event.clone()), Some(Verdict::Overflow));
        late.push(event.key.as_str().to_owned());
    }
    world.wait(hours(30));
    world.run(Command::SetPlan(Plan::Enterprise)).unwrap();
    world.wait(secs(60));
    let contact = |no| world.contact(&person(no));
    assert!(contact(50).opted_out_at.is_some() && !contact(50).followup_needed);
    assert_eq!(world.verdict(&late[0]), Verdict::NoReply(Silence::OptedOut));
    assert!(contact(51).hrn.is_some());
    assert!(contact(52).opted_out_at.is_none() && contact(52).followup_needed);
    assert!(world.all_sends.is_empty());
}
