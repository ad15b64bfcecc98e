//! Decisions after their records have left the memory.

use super::world::*;
use crate::user::decision::Step;

#[test]
fn two_outcomes_of_a_decision_in_one_command_are_two_rows() {
    let mut world = priced();
    let event = world.message(ANA, "price");
    world.receive(event);
    let no = *world.user.decisions.keys().next_back().unwrap();
    push_decisions_out(&mut world);
    assert!(!world.user.decisions.contains_key(&no));
    world.wait(secs(4));
    world.deliver();
    let stream = crate::user::history::outcomes_of(no);
    let rows = world.rows.iter().filter(|((of, _), _)| *of == stream);
    let mut steps = Vec::new();
    for (_, bytes) in rows {
        let outcome = crate::user::history::outcome(bytes).unwrap();
        steps.extend(outcome.steps.iter().map(|taken| taken.step));
    }
    assert!(steps.contains(&Step::Dm(17)) && steps.contains(&Step::Dm(18)), "{steps:?}");
    world.assert_replay();
}

#[test]
fn a_message_is_explained_by_its_id_after_its_record_has_left() {
    let mut world = priced();
    world.says(ANA, "price");
    world.deliver();
    let message = world.contact(ANA).thread.messages[0].clone();
    push_decisions_out(&mut world);
    let mid = message.mid.as_ref().unwrap();
    let found = world.user.explain(mid.as_str());
    assert_eq!(found, Some(crate::user::query::Explained::InHistory(message.no)));
    assert_eq!(world.user.explain("m_unknown"), None);
}
