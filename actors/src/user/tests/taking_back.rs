//! Messages that were taken back or changed by their writers.

use super::world::*;
use crate::{
    id::{Igsid, Mid},
    outbox::{FailureClass, Refusal, SendOutcome},
    user::{
        Command,
        decision::{CancelReason, Silence, Verdict},
        history::{self, KeptMessage},
        inbound::{InboundEvent, InboundItem},
        plan::Plan,
        settings::SettingsPatch,
    },
};
use std::time::Duration;

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
    let mut waited = false;
    while !waited {
        first += 1;
        let event = world.message(&format!("91{first:013}"), secret);
        world.receive(event.clone());
        waited = !world.user.overflow.is_empty();
        if waited {
            take_back(&mut world, &event);
        }
    }
    take_back(&mut world, &parked);
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    for held in world.user.parked.iter().chain(world.user.overflow.iter()) {
        let mine = held.event.is_message(&Igsid::from(ANA), &Mid::from("m_1"));
        assert!(!mine || !holds(&rmp_serde::to_vec_named(held).unwrap()));
    }
    assert_eq!(world.user.overflow.len(), 0, "it waits no more");
    assert!(!holds(&rmp_serde::to_vec_named(&world.user.overflow).unwrap()));
    assert!(world.rows.iter().all(|((of, _), bytes)| of != "overflow" || !holds(bytes)));
}

fn take_back(world: &mut World, event: &InboundEvent) {
    let InboundItem::Message(message) = &event.item else { panic!("{event:?}") };
    let item = InboundItem::Unsend { person: message.person.clone(), mid: message.mid.clone().unwrap() };
    let unsend = world.event(item, &format!("unsend:{}", event.key));
    world.receive(unsend);
}

/// A message with this text that left its thread and everything that is remembered by the day.
fn long_ago(world: &mut World, text: &str) -> InboundEvent {
    world.settings(SettingsPatch { human_takeover: Some(Duration::ZERO), ..SettingsPatch::default() });
    let event = world.message(ANA, text);
    world.receive(event.clone());
    for line in 0..25 {
        let echo = world.echo(ANA, &format!("line_{line}"), "x");
        world.receive(echo);
    }
    push_decisions_out(world);
    world.wait(hours(24 * 20));
    let later = world.message(BEN, "hello");
    world.receive(later);
    event
}

#[test]
fn a_message_that_is_taken_back_weeks_later_is_erased_from_the_history() {
    let secret = "a secret word";
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    for restarted in [false, true] {
        let mut world = priced();
        let event = long_ago(&mut world, secret);
        assert_eq!(world.rows.values().filter(|bytes| holds(bytes)).count(), 1, "in its thread's history");
        take_back(&mut world, &event);
        let mid = Mid::from("m_1");
        assert!(world.user.was_taken_back(&Igsid::from(ANA), &mid), "hidden at once");
        if restarted {
            world.passivate();
        }
        world.wait(secs(60));
        assert!(!world.rows.values().any(|bytes| holds(bytes)), "restarted: {restarted}");
        let erased =
            world.rows.iter().filter(|((stream, _), _)| *stream == history::messages_of(&Igsid::from(ANA)));
        let erased: Vec<_> = erased.map(|(_, bytes)| history::message(bytes).unwrap()).collect();
        assert_eq!(erased.iter().filter(|kept| **kept == KeptMessage::TakenBack(mid.clone())).count(), 1);
        assert!(erased.iter().any(|kept| matches!(kept, KeptMessage::Message(_))));
        assert!(world.user.erasures.is_empty(), "nothing is looked for any more");
        world.assert_replay();
    }
}

#[test]
fn a_message_from_before_the_workspace_is_looked_for_once_and_no_row_is_written() {
    let mut world = priced();
    world.says(ANA, "hello");
    let rows = world.rows.len();
    for no in 0..2_000 {
        let item =
            InboundItem::Unsend { person: Igsid::from(ANA), mid: Mid::from(format!("old_{no}").as_str()) };
        let unsend = world.event(item, &format!("unsend:{no}"));
        world.check_replay = false;
        world.receive(unsend);
    }
    assert_eq!(world.look_backs.len(), 2_000);
    world.wait(secs(60));
    assert!(!world.rows.keys().any(|(stream, _)| stream.starts_with("messages/")), "{rows}");
    assert!(world.user.erasures.is_empty());
    assert!(world.user.was_taken_back(&Igsid::from(ANA), &Mid::from("old_7")));
}

/// Two texts answered together, and the unsend of the first of them.
fn two_texts(world: &mut World, first: &str, second: &str) -> (String, InboundEvent) {
    let first = world.message(ANA, first);
    let second = world.message(ANA, second);
    let InboundItem::Message(message) = &first.item else { panic!() };
    let item = InboundItem::Unsend { person: Igsid::from(ANA), mid: message.mid.clone().unwrap() };
    let key = second.key.as_str().to_owned();
    world.receive(first);
    world.receive(second);
    world.wait(secs(10));
    (key, world.event(item, "unsend:1"))
}

#[test]
fn a_text_taken_back_while_the_model_is_asked_is_not_answered_and_the_other_one_is() {
    let mut world = priced();
    let (key, unsend) = two_texts(&mut world, "do you bake", "on sundays");
    assert_eq!(world.questions.pop().unwrap().text, "do you bake\non sundays");
    world.receive(unsend);
    world.wait(secs(1));
    assert_eq!(world.questions.last().unwrap().text, "on sundays");
    world.classify(0);
    world.write("Yes.");
    assert_eq!(world.deliver(), ["Yes."]);
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
}

#[test]
fn a_reply_to_texts_one_of_which_was_taken_back_does_not_go_and_is_left_to_a_person() {
    let mut world = priced();
    // The account may not send now: the reply waits.
    world.says(BEN, "price");
    let send = world.take_send();
    let refusal = Refusal { retry_after: Some(secs(600)), ..Refusal::coded(FailureClass::Rate, 613, 0) };
    world.finish(&send, SendOutcome::NotSent(refusal));
    let (key, unsend) = two_texts(&mut world, "what is the price", "please");
    assert!(matches!(world.verdict(&key), Verdict::Queued { .. }));
    world.receive(unsend);
    world.wait(hours(2));
    assert_eq!(world.verdict(&key), Verdict::Cancelled(CancelReason::Unsent));
    assert!(world.all_sends.iter().all(|sent| sent.kind == send.kind), "only to Ben");
    assert!(world.contact(ANA).followup_needed);
}
