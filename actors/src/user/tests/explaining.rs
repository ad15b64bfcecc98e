//! Decisions after their records have left the memory.

use super::world::*;
use crate::user::{
    decision::{DecisionNo, Step},
    history,
    inbound::InboundItem,
};

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
    let stream = history::outcomes_of(no);
    let rows = world.rows.iter().filter(|((of, _), _)| *of == stream);
    let mut steps = Vec::new();
    for (_, bytes) in rows {
        let outcome = history::outcome(bytes).unwrap();
        steps.extend(outcome.steps.iter().map(|taken| taken.step));
    }
    assert!(steps.contains(&Step::Dm(17)) && steps.contains(&Step::Dm(18)), "{steps:?}");
    world.assert_replay();
}

/// The decision that the index of the history leads to, as the front door looks it up.
fn indexed(world: &World, reference: &str) -> Option<DecisionNo> {
    let place = history::index_of(reference);
    let mut of_bucket = world.rows.iter().filter(|((stream, _), _)| *stream == place.stream);
    let ((_, no), _) = of_bucket.find(|(_, tag)| ***tag == place.tag)?;
    let row = world.rows.get(&(history::DECISIONS.to_owned(), *no))?;
    history::decision(row).unwrap().is_about(reference).then_some(DecisionNo(*no))
}

#[test]
fn messages_and_comments_are_found_by_their_ids_whenever_their_records_left() {
    let mut world = priced();
    world.says(ANA, "price");
    world.deliver();
    let message = world.contact(ANA).thread.messages[0].clone();
    let comment = world.comments(BEN, "nice");
    let mut old = world.message(ANA, "price?");
    old.key = format!("{ACCOUNT}:message:{ANA}:1767225600000:abc").as_str().into();
    if let InboundItem::Message(message) = &mut old.item {
        message.mid = None;
    }
    world.receive(old.clone());
    push_decisions_out(&mut world);
    world.wait(hours(24 * 40));
    push_decisions_out(&mut world);
    let mid = message.mid.as_ref().unwrap().as_str();
    assert_eq!(world.user.explain(mid), None, "nothing of it is in the memory");
    assert_eq!(indexed(&world, mid), Some(message.no));
    let id = comment.rsplit(':').next().unwrap();
    assert_eq!(indexed(&world, id), Some(DecisionNo(message.no.0 + 2)));
    assert!(history::references(&comment).contains(&id));
    assert_eq!(indexed(&world, old.key.as_str()), Some(DecisionNo(message.no.0 + 3)));
    assert_eq!(indexed(&world, "m_unknown"), None);
    let index = world.rows.iter().filter(|((stream, _), _)| stream.starts_with("about/"));
    assert!(index.clone().count() == 3, "echoes are not asked about by an id");
    assert!(index.map(|((stream, _), tag)| stream.len() + tag.len()).all(|bytes| bytes == 18));
}
