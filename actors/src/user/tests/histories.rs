//! Random histories: duplicates, any order, restarts in the middle. Whatever happens, an event is answered at most once,
//! and replay gives the live state.

use super::world::*;
use crate::{
    id::Mid,
    outbox::{Doubt, FailureClass, Kind, Refusal, SendOutcome},
    user::{
        inbound::InboundEvent,
        model::{Classification, ModelAnswer, ModelFailure},
    },
};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Act {
    Say(u8, u8),
    Comment(u8, u8),
    Repeat(usize),
    ByHand(u8),
    Wait(u16),
    Send(u8),
    Answer(u8),
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..3_u8, 0..6_u8).prop_map(|(person, text)| Act::Say(person, text)),
        3 => (0..3_u8, 0..6_u8).prop_map(|(person, text)| Act::Comment(person, text)),
        3 => any::<usize>().prop_map(Act::Repeat),
        1 => (0..3_u8).prop_map(Act::ByHand),
        4 => (0..400_u16).prop_map(Act::Wait),
        4 => (0..6_u8).prop_map(Act::Send),
        3 => (0..6_u8).prop_map(Act::Answer),
        1 => Just(Act::Restart),
    ]
}

const PERSONS: [&str; 3] = [ANA, BEN, "900000000000003"];
const TEXTS: [&str; 6] = ["price", "the link please", "hello there", "ok", "refund now", "stop"];

fn perform(world: &mut World, seen: &mut Vec<InboundEvent>, act: &Act) {
    match act {
        Act::Say(person, text) => {
            let event = world.message(PERSONS[usize::from(*person)], TEXTS[usize::from(*text)]);
            seen.push(event.clone());
            world.receive(event);
        }
        Act::Comment(person, text) => {
            let event = world.comment(PERSONS[usize::from(*person)], TEXTS[usize::from(*text)]);
            seen.push(event.clone());
            world.receive(event);
        }
        Act::Repeat(which) if !seen.is_empty() => {
            let event = seen[which % seen.len()].clone();
            assert_eq!(world.receive(event), None);
        }
        Act::Repeat(_) => {}
        Act::ByHand(person) => {
            let mid = format!("hand_{}", world.next());
            let event = world.echo(PERSONS[usize::from(*person)], &mid, "by hand");
            world.receive(event);
        }
        Act::Wait(span) => world.wait(secs(u64::from(*span))),
        Act::Send(how) => {
            let Some(send) = world.sends.pop() else { return };
            let message_id = Mid::from(format!("out_{}", world.next()));
            let outcome = match how {
                0 => SendOutcome::NotSent(Refusal::of(FailureClass::Unreachable)),
                1 => SendOutcome::NotSent(Refusal::of(FailureClass::Recipient)),
                2 => SendOutcome::Unknown { doubt: Doubt::Timeout, code: None },
                _ => SendOutcome::Sent { message_id, recipient: None },
            };
            world.finish(&send, outcome);
        }
        Act::Answer(how) => {
            if world.questions.is_empty() {
                return;
            }
            let classify = matches!(
                world.questions.last().map(|q| &q.purpose),
                Some(crate::user::model::Purpose::Classify { .. })
            );
            world.answer(match (how, classify) {
                (0, _) => Err(ModelFailure::Unavailable("busy".into())),
                (1, _) => Err(ModelFailure::Declined),
                (how, true) => Ok(ModelAnswer::Classified(Classification {
                    probability_permille: u16::from(*how) * 150,
                    signals: Vec::new(),
                    reason: "because".into(),
                })),
                (2, false) => Ok(ModelAnswer::Text("see https://evil.example".into())),
                (_, false) => Ok(ModelAnswer::Text("Sure.".into())),
            });
        }
        Act::Restart => world.passivate(),
    }
}

fn history(acts: &[Act]) -> World {
    let mut world = World::connected();
    world.check_replay = false;
    world.automate("a1", fixed("price", "It is 12 euro."));
    world.automate("c1", on_comments("link", "Here", Some("Look in your inbox")));
    let mut seen = Vec::new();
    for act in acts {
        perform(&mut world, &mut seen, act);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn an_event_is_answered_at_most_once_and_replay_equals_live(acts in prop::collection::vec(act(), 1..60)) {
        let world = history(&acts);
        world.assert_replay();
        // One message per event and channel in the outbox.
        let mut answers: BTreeMap<(String, bool), u32> = BTreeMap::new();
        for item in world.user.outbox.iter() {
            let is_public = matches!(item.kind, Kind::PublicReply { .. });
            *answers.entry((item.cause.as_str().to_owned(), is_public)).or_default() += 1;
        }
        prop_assert!(answers.values().all(|count| *count == 1), "{answers:?}");
        // The plan's books are balanced: nothing is reserved that is not on its way.
        let reserved: u32 = world.user.usage.months().map(|(_, month)| month.reserved).sum();
        prop_assert_eq!(reserved as usize, world.user.reservations());
    }

    #[test]
    fn the_same_history_gives_the_same_state(acts in prop::collection::vec(act(), 1..40)) {
        let (one, two) = (history(&acts), history(&acts));
        prop_assert!(World::encoded(&one.user) == World::encoded(&two.user));
        prop_assert_eq!(one.events, two.events);
    }
}
