//! Items that are never answered: unsends, edits, reactions, reads, referrals, handovers and the rest.

use super::{
    User, UserEffect, UserEvent, backlog, cancel,
    command::LookedUp,
    decision::{CancelReason, DecisionNo, DecisionRecord, Silence, StepOutcome, Verdict},
    erase,
    held::{EarlyEdit, LOOK_UP_AFTER, LOOK_UP_LEASE, LOOK_UPS_MAX, LookUp},
    inbound::{Handover, InboundEvent, InboundItem},
    keys,
    question::Origin,
    relay, tell,
    thread::Burst,
    trail::{Trail, conclude},
};
use crate::{
    Draft, Timestamp,
    id::{Igsid, Mid},
    outbox::{self, Scope, ThreadId},
};
use std::{sync::Arc, time::Duration};

/// Takes such an item in.
pub(super) fn receive(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &InboundEvent,
    mut trail: Trail,
) -> Verdict {
    trail.dm_so(2, StepOutcome::Passed, event.item.kind());
    match &event.item {
        InboundItem::Unsend { person, mid } => unsend(draft, now, person, mid),
        InboundItem::Edit { person, mid, text, revision } => {
            edit(draft, person.as_ref(), mid, text.as_ref(), *revision);
        }
        InboundItem::CompanionEdit { person, mid } => hint(draft, now, person.as_ref(), mid),
        InboundItem::Reaction { person, mid, reaction } => {
            if let Some(no) = number_of(draft, person, mid) {
                let reaction = reaction.clone();
                draft.emit(UserEvent::MessageReacted { person: person.clone(), no, reaction });
            }
        }
        InboundItem::Seen { person, mid } => seen(draft, event, person, mid.as_ref()),
        InboundItem::Handover { person, change } => handover(draft, now, person, *change),
        InboundItem::Referral { .. }
        | InboundItem::Optin { .. }
        | InboundItem::Mention { .. }
        | InboundItem::StoryInsights { .. }
        | InboundItem::Unknown { .. } => {
            let row = tell::row("events", trail.no().0, event);
            draft.row(row);
        }
        InboundItem::Message(_)
        | InboundItem::Echo(_)
        | InboundItem::Postback { .. }
        | InboundItem::Comment(_) => {}
    }
    trail.dm_so(6, StepOutcome::Stopped, "never answered");
    trail.end(draft, Verdict::NoReply(Silence::NotAnswerable));
    Verdict::NoReply(Silence::NotAnswerable)
}

fn number_of(draft: &Draft<User>, person: &Igsid, mid: &Mid) -> Option<DecisionNo> {
    Some(draft.contacts.get(person)?.thread.by_mid(mid)?.no)
}

/// A message was taken back: its content goes, and what was not yet sent for it too.
fn unsend(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, mid: &Mid) {
    let fingerprint = keys::message(person, mid);
    let in_window = number_of(draft, person, mid);
    let arrived = in_window.or_else(|| arrival_of(draft, person, mid));
    draft.emit(UserEvent::MessageUnsent { person: person.clone(), mid: mid.clone(), fingerprint, now });
    backlog::take_back(draft, now, person, mid, arrived);
    match (arrived, in_window) {
        (Some(no), None) => erase::tombstone(draft, person, mid, no),
        (None, _) => erase::begin(draft, now, person, mid),
        (Some(_), Some(_)) => {}
    }
    let Some(no) = in_window else { return };
    drop_from_burst(draft, now, person, no);
    drop_from_question(draft, now, person, no);
    drop_replies(draft, now, person, no);
}

/// What was asked with the message in it is taken back: the other texts are decided anew.
fn drop_from_question(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, no: DecisionNo) {
    let asked = draft.contacts.get(person).and_then(|contact| contact.thread.question);
    let Some(question) = asked.and_then(|id| draft.questions.get(&id).cloned()) else { return };
    let case = &question.case;
    let Origin::Texts(texts) = &case.origin else { return };
    if !texts.contains(&no) {
        return;
    }
    cancel::close_question(draft, &question);
    let asked = Burst { began_at: now, due: now, texts: texts.clone(), cause: case.key.clone() };
    if case.no != no {
        conclude(draft, now, case.no, Verdict::Collecting { until: now });
    }
    if let Some(left) = without(draft, now, &asked, no) {
        draft.emit(UserEvent::BurstSet { person: person.clone(), burst: Some(left) });
    }
}

/// Replies to the message that have not gone yet do not go, also those to other texts with it: these are left to a
/// person.
fn drop_replies(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, no: DecisionNo) {
    let user: &User = draft;
    let mut left_alone = false;
    let mut chosen = |item: &outbox::Outbound| {
        let texts = match user.replies.get(&item.id).map(|context| &context.case.origin) {
            Some(Origin::Texts(texts)) if item.author != outbox::Author::Human => texts,
            _ => return false,
        };
        let answers = texts.contains(&no);
        left_alone |= answers && texts.len() > 1;
        answers
    };
    let thread = ThreadId::from(person);
    let reason = outbox::CancelReason::CauseUnsent;
    let decided = user.outbox.cancel_where(now, Scope::Thread(&thread), &mut chosen, &reason);
    let left_alone = left_alone && !decided.events.is_empty();
    relay::emit_all(draft, now, decided);
    if left_alone {
        draft.emit(UserEvent::FollowUpSet { person: person.clone(), needed: true });
    }
}

/// The number of a message that is in no window, while its arrival is remembered.
fn arrival_of(draft: &Draft<User>, person: &Igsid, mid: &Mid) -> Option<DecisionNo> {
    let seen = draft.seen.get(keys::message(person, mid)).and_then(|no| u64::try_from(no).ok());
    let is_it = |record: &&Arc<DecisionRecord>| {
        record.mid.as_ref() == Some(mid) && record.person.as_ref() == Some(person) && record.kind == "message"
    };
    let recent = || draft.decisions.values().rev().find(is_it).map(|record| record.no);
    seen.map(DecisionNo).or_else(recent)
}

fn drop_from_burst(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, no: DecisionNo) {
    let Some(burst) = draft.contacts.get(person).and_then(|contact| contact.thread.burst.clone()) else {
        return;
    };
    if !burst.texts.contains(&no) {
        return;
    }
    let left = without(draft, now, &burst, no);
    draft.emit(UserEvent::BurstSet { person: person.clone(), burst: left });
}

/// What is left of a burst without one of its texts, which was taken back. Its last text carries the decision: without
/// it the one before does.
fn without(draft: &mut Draft<User>, now: Timestamp, burst: &Burst, no: DecisionNo) -> Option<Arc<Burst>> {
    conclude(draft, now, no, Verdict::Cancelled(CancelReason::Unsent));
    let texts: Vec<_> = burst.texts.iter().copied().filter(|text| *text != no).collect();
    let last = *texts.last()?;
    let mut left = Burst { texts, ..burst.clone() };
    if burst.texts.last() == Some(&no) {
        // The record of the text may have left; the key of the one taken back serves as well: nothing else will.
        if let Some(record) = draft.decisions.get(&last) {
            left.cause = record.key.clone();
        }
        conclude(draft, now, last, Verdict::Collecting { until: burst.due });
    }
    Some(Arc::new(left))
}

/// An edit changes the stored text when it is newer than what is stored. It never fires an automation again.
fn edit(draft: &mut Draft<User>, person: Option<&Igsid>, mid: &Mid, text: Option<&Arc<str>>, revision: u32) {
    let Some(person) = person else { return };
    let edit = Arc::new(EarlyEdit { revision, text: text.cloned() });
    let known = draft.contacts.get(person).and_then(|contact| contact.thread.by_mid(mid));
    match known.map(|message| (message.no, message.revision, message.unsent)) {
        Some((_, _, true)) => {}
        Some((no, stored, false)) if revision > stored && text.is_some() => {
            draft.emit(UserEvent::MessageEdited { person: person.clone(), no, edit });
        }
        Some(_) => {}
        None => {
            let message = keys::message(person, mid);
            let newer = draft.early_edits.get(message).is_none_or(|kept| kept.revision < revision);
            if newer && text.is_some() && draft.seen.get(message).is_none() {
                draft.emit(UserEvent::EditKept { message, edit });
            }
        }
    }
}

/// The message came already: as one of the person, as a tap, or it is ours.
fn is_known(user: &User, person: Option<&Igsid>, mid: &Mid) -> bool {
    let in_thread = |person: &Igsid| {
        let contact = user.contacts.get(person);
        user.seen.get(keys::message(person, mid)).is_some()
            || contact.is_some_and(|contact| contact.thread.by_mid(mid).is_some())
    };
    // Hints come seconds before or after their message: the recent decisions know it.
    let decided = |record: &DecisionRecord| {
        record.mid.as_ref() == Some(mid) && matches!(&*record.kind, "message" | "postback" | "echo")
    };
    person.is_some_and(in_thread)
        || user.outbox.by_message_id(mid).is_some()
        || user.decisions.values().rev().any(|record| decided(record))
}

/// A message seems to exist: when it does not come by itself, it is looked up once.
fn hint(draft: &mut Draft<User>, now: Timestamp, person: Option<&Igsid>, mid: &Mid) {
    if is_known(draft, person, mid)
        || draft.look_ups.contains_key(mid)
        || draft.look_ups.len() >= LOOK_UPS_MAX
    {
        return;
    }
    let look_up =
        Arc::new(LookUp { person: person.cloned(), in_flight: false, due: now + LOOK_UP_AFTER, tries: 0 });
    draft.emit(UserEvent::LookUpSet { mid: mid.clone(), look_up });
}

/// A hinted message did not come: looks it up. A look-up without an outcome, or without a usable connection, failed.
pub(super) fn look_up_due(draft: &mut Draft<User>, now: Timestamp, mid: &Mid) {
    let Some(look_up) = draft.look_ups.get(mid).cloned() else { return };
    let is_usable = draft.integration.as_ref().is_some_and(|integration| integration.is_usable(now));
    match draft.access() {
        Some(access) if is_usable && !look_up.in_flight => {
            let look_up = LookUp { in_flight: true, due: now + LOOK_UP_LEASE, ..LookUp::clone(&look_up) };
            draft.emit(UserEvent::LookUpSet { mid: mid.clone(), look_up: Arc::new(look_up) });
            draft.effect(UserEffect::LookUpMessage { mid: mid.clone(), access });
        }
        Some(_) => look_up_failed(draft, now, mid, None),
        None => draft.emit(UserEvent::LookUpClosed(mid.clone())),
    }
}

/// A look-up ended: with the message or the knowledge that there is none it is over, otherwise it is tried again.
pub(super) fn looked_up(draft: &mut Draft<User>, now: Timestamp, mid: &Mid, found: &LookedUp) {
    match found {
        LookedUp::Failed { retry_after } => look_up_failed(draft, now, mid, *retry_after),
        LookedUp::Found(_) | LookedUp::Missing if draft.look_ups.contains_key(mid) => {
            draft.emit(UserEvent::LookUpClosed(mid.clone()));
        }
        LookedUp::Found(_) | LookedUp::Missing => {}
    }
}

fn look_up_failed(draft: &mut Draft<User>, now: Timestamp, mid: &Mid, announced: Option<Duration>) {
    let Some(look_up) = draft.look_ups.get(mid) else { return };
    draft.emit(match look_up.again(now, announced) {
        Some(again) => UserEvent::LookUpSet { mid: mid.clone(), look_up: Arc::new(again) },
        None => UserEvent::LookUpClosed(mid.clone()),
    });
}

/// Looks again whose answer was lost with the activation.
pub(super) fn recover(draft: &mut Draft<User>, now: Timestamp) {
    let lost: Vec<(Mid, Arc<LookUp>)> = draft
        .look_ups
        .iter()
        .filter(|(_, look_up)| look_up.in_flight)
        .map(|(mid, look_up)| (mid.clone(), Arc::clone(look_up)))
        .collect();
    for (mid, look_up) in lost {
        let again = LookUp { in_flight: false, ..LookUp::clone(&look_up) };
        draft.emit(UserEvent::LookUpSet { mid: mid.clone(), look_up: Arc::new(again) });
        look_up_due(draft, now, &mid);
    }
}

fn seen(draft: &mut Draft<User>, event: &InboundEvent, person: &Igsid, mid: Option<&Mid>) {
    let Some(contact) = draft.contacts.get(person) else { return };
    let until = match mid {
        Some(mid) => contact.thread.by_mid(mid).map(|message| message.at),
        None => Some(event.at),
    };
    let news = until.is_some_and(|until| {
        contact.thread.messages.iter().any(|m| m.author.is_ours() && !m.seen && m.at <= until)
    });
    if let Some(until) = until.filter(|_| news) {
        draft.emit(UserEvent::MessagesSeen { person: person.clone(), until });
    }
}

fn handover(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, change: Handover) {
    let taken = match change {
        Handover::TakenFromUs => true,
        Handover::ReturnedToUs => false,
        Handover::Unchanged => return,
    };
    if draft.contacts.get(person).is_none_or(|contact| contact.thread_taken == taken) {
        return;
    }
    if taken {
        cancel::pending(draft, now, person, CancelReason::ThreadTaken);
    }
    draft.emit(UserEvent::ThreadTaken { person: person.clone(), taken });
}
