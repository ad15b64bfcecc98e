//! What is too late to be answered by itself is left to a person: a grave text at once, anything else for a follow-up.

use super::{
    User, UserEvent, comment,
    decision::{DecisionNo, Skip, StepOutcome, Verdict},
    dm,
    held::HeldEvent,
    hrn_queue,
    inbound::{InboundEvent, InboundItem},
    question::{Case, Origin},
    trail::Trail,
};
use crate::{Draft, Timestamp, id::Igsid};

/// Gives an event up that waited for the connection.
pub(super) fn give_up(draft: &mut Draft<User>, now: Timestamp, held: &HeldEvent) {
    let mut trail = Trail::resume(held.no, now);
    let event = held.event.as_ref();
    let verdict = match &event.item {
        InboundItem::Comment(inbound) => comment::too_late(draft, now, event, inbound, &mut trail),
        item => item.person().and_then(|person| message(draft, now, event, person, held.no, &mut trail)),
    };
    trail.end(draft, verdict.unwrap_or(Verdict::Skipped(Skip::ParkedTooLong)));
}

/// Leaves a message to a person; a verdict when the rules on the text lock its thread.
pub(super) fn message(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &InboundEvent,
    person: &Igsid,
    no: DecisionNo,
    trail: &mut Trail,
) -> Option<Verdict> {
    let contact = draft.contacts.get(person).filter(|contact| !contact.blocked)?;
    let taken_back = contact.thread.get(no).is_some_and(|message| message.unsent);
    if taken_back || dm::answered_since(draft, person, event.at) {
        return None;
    }
    if let Some(assessment) = dm::hard(&contact.thread, &[no]) {
        trail.dm_so(9, StepOutcome::Stopped, assessment.class.as_str());
        let origin = Origin::Texts(vec![no]);
        let case = Case { no, key: event.key.clone(), person: person.clone(), origin, rule: None };
        return Some(hrn_queue::raise_assessed(draft, now, &case, &assessment));
    }
    draft.emit(UserEvent::FollowUpSet { person: person.clone(), needed: true });
    None
}
