//! Deleting a contact: at once out of the state, and page by page out of the history.
//!
//! What was in flight meanwhile ends without a trace: for a while the workspace remembers whom it forgets.

use super::{
    User, UserEffect, UserEvent, backlog, cancel,
    decision::{CancelReason, DecisionNo, DecisionRecord, Verdict},
    history,
    look_back::{Found, LookBack},
    relay,
    thread::Message,
};
use crate::{
    Draft, Timestamp,
    id::{EventKey, Igsid, Mid},
    outbox::{self, Outbound, OutboundId, Scope, ThreadId},
};
use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// Time for which a deleted contact is remembered: what was in flight has ended by then, and has left the outbox.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(25 * 3_600);
/// A page that did not come by then is asked for again.
const LOOK_LEASE: Duration = Duration::from_secs(30);
/// Time between the first looks for two contacts that are deleted together.
const SPACING: Duration = Duration::from_millis(10);
/// Kind and key of a decision of which nothing else may be kept.
const REDACTED: &str = "deleted";

/// A contact that was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgetting {
    /// When.
    pub at: Timestamp,
    /// Messages up to this one are meant.
    pub last: DecisionNo,
    /// Messages of the outbox up to this one are meant.
    pub last_outbound: OutboundId,
    /// Rows up to this one are done.
    pub after: Option<DecisionNo>,
    /// All rows are done.
    pub done: bool,
    /// Looked at again then.
    pub due: Timestamp,
}

/// Deleted contacts that are remembered.
pub type Forgettings = OrdMap<Igsid, Arc<Forgetting>>;

/// A row of a thread that is being forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgottenRow {
    /// Its number.
    pub no: DecisionNo,
    /// The message.
    pub mid: Option<Mid>,
    /// The outbox item that carried it.
    pub outbound: Option<OutboundId>,
}

impl User {
    /// The message was on its way when its contact was deleted.
    pub(super) fn was_in_flight(&self, person: &Igsid, outbound: OutboundId) -> bool {
        self.forgettings.get(person).is_some_and(|forgetting| outbound <= forgetting.last_outbound)
    }

    /// The outbox item of a contact that was deleted: it leaves without a row.
    pub(super) fn is_forgotten(&self, item: &Outbound) -> bool {
        matches!(&item.thread, ThreadId::Person(person) if self.was_in_flight(person, item.id))
    }

    pub(super) fn delete_contact(&mut self, person: &Igsid, forgetting: &Arc<Forgetting>) {
        if let Some(contact) = self.contacts.remove(person) {
            self.contact_ids.remove(&contact.id);
            self.audit = self.audit.without(|id| *id == contact.id);
            if let Some(burst) = &contact.thread.burst {
                self.agenda.drop(burst.due, super::agenda::Job::Burst(person.clone()));
            }
        }
        self.contact_index.remove(person, forgetting.at);
        self.takeovers.take(person);
        self.profiles.settled(person);
        self.logs.forget_person(person);
        self.notifications.forget_person(person);
        let about: Vec<DecisionNo> = self
            .decisions
            .iter()
            .filter(|(_, record)| record.person.as_ref() == Some(person))
            .map(|(no, _)| *no)
            .collect();
        for no in about {
            if let Some(record) = self.decisions.get_mut(&no) {
                *record = Arc::new(redacted(record));
            }
        }
        self.set_forgetting(person, forgetting);
    }

    pub(super) fn set_forgetting(&mut self, person: &Igsid, forgetting: &Arc<Forgetting>) {
        self.close_forgetting(person);
        self.agenda.add(forgetting.due, super::agenda::Job::Forget(person.clone()));
        self.forgettings.insert(person.clone(), Arc::clone(forgetting));
    }

    pub(super) fn close_forgetting(&mut self, person: &Igsid) {
        if let Some(before) = self.forgettings.remove(person) {
            self.agenda.drop(before.due, super::agenda::Job::Forget(person.clone()));
        }
    }
}

/// What may be kept of a decision on words of a deleted contact: that there was one, and where it ended.
fn redacted(record: &DecisionRecord) -> DecisionRecord {
    let verdict = match &record.verdict {
        Verdict::Hrn { source, category, .. } => {
            Verdict::Hrn { source: *source, category: category.clone(), signals: Vec::new() }
        }
        Verdict::Collecting { .. } | Verdict::Thinking { .. } | Verdict::Queued { .. } | Verdict::Parked => {
            Verdict::Cancelled(CancelReason::Owner)
        }
        other => other.clone(),
    };
    DecisionRecord {
        key: EventKey::from(REDACTED),
        kind: REDACTED.into(),
        person: None,
        mid: None,
        comment: None,
        trail: Vec::new(),
        verdict,
        questions: Vec::new(),
        delivery: None,
        ..record.clone()
    }
}

/// Deletes a contact. The caller knows that there is one.
pub(super) fn contact(draft: &mut Draft<User>, now: Timestamp, person: &Igsid) {
    cancel::pending(draft, now, person, CancelReason::Owner);
    outgoing(draft, now, person);
    let parked: Vec<DecisionNo> = draft
        .parked
        .iter()
        .filter(|held| held.event.item.person() == Some(person))
        .map(|held| held.no)
        .collect();
    for no in parked {
        draft.emit(UserEvent::Unparked(no));
    }
    let thread: Vec<Arc<Message>> =
        draft.contacts.get(person).map(|contact| contact.thread.messages.clone()).unwrap_or_default();
    for message in &thread {
        wipe(draft, now, person, message.no, message.mid.as_ref(), message.outbound);
    }
    let last = DecisionNo(draft.next_no.saturating_sub(1));
    let wait = SPACING.saturating_mul(u32::try_from(draft.forgettings.len()).unwrap_or(u32::MAX));
    let forgetting = Forgetting {
        at: now,
        last,
        last_outbound: draft.outbox.last_id(),
        after: None,
        done: false,
        due: now + wait.min(FORGOTTEN_AFTER),
    };
    draft.emit(UserEvent::ContactDeleted { person: person.clone(), forgetting: Arc::new(forgetting) });
}

/// Takes back what waits to be sent, puts dead letters away, and lets go of what is in flight.
fn outgoing(draft: &mut Draft<User>, now: Timestamp, person: &Igsid) {
    let thread = ThreadId::from(person);
    let reason = cancel::to_outbox(CancelReason::Owner);
    let user: &User = draft;
    let decided = user.outbox.cancel_where(now, Scope::Thread(&thread), &mut |_| true, &reason);
    relay::emit_all(draft, now, decided);
    let dead: Vec<OutboundId> =
        draft.dead_letters().filter(|item| item.thread == thread).map(|item| item.id).collect();
    for id in dead {
        if let Ok(decided) = draft.outbox.cancel(now, id, outbox::CancelReason::Dismissed) {
            relay::emit_all(draft, now, decided);
        }
    }
    let in_flight: Vec<OutboundId> = draft.outbox.of_thread(&thread).map(|item| item.id).collect();
    for id in in_flight {
        let Some(context) = draft.replies.get(&id).cloned() else { continue };
        // It may arrive, and counts: nobody is told.
        if let Some(month) = context.reserved {
            draft.emit(UserEvent::SendCommitted { month, private_reply: false });
        }
        draft.emit(UserEvent::ReplyUnbound(id));
    }
}

/// A look at a deleted contact is due.
pub(super) fn due(draft: &mut Draft<User>, now: Timestamp, person: &Igsid) {
    let Some(forgetting) = draft.forgettings.get(person).cloned() else { return };
    if forgetting.done {
        return draft.emit(UserEvent::ForgettingClosed(person.clone()));
    }
    let (after, last) = (forgetting.after, forgetting.last);
    let forgetting = Arc::new(Forgetting { due: now + LOOK_LEASE, ..Forgetting::clone(&forgetting) });
    draft.emit(UserEvent::ForgettingSet { person: person.clone(), forgetting });
    draft.effect(UserEffect::ReadHistory(LookBack::Thread { person: person.clone(), after, last }));
}

/// A page of its thread came: its rows lose what they hold.
pub(super) fn found(
    draft: &mut Draft<User>,
    now: Timestamp,
    (person, asked): (&Igsid, Option<DecisionNo>),
    found: Option<&Found>,
) {
    let Some(forgetting) = draft.forgettings.get(person).cloned() else { return };
    let Some(Found::Thread { rows, more }) = found else { return };
    if forgetting.done || forgetting.after != asked {
        return;
    }
    for row in rows {
        draft.row(history::emptied(&history::messages_of(person), row.no));
        wipe(draft, now, person, row.no, row.mid.as_ref(), row.outbound);
    }
    let after = rows.last().map(|row| row.no).or(forgetting.after);
    let due = if *more { now } else { (forgetting.at + FORGOTTEN_AFTER).max(now) };
    let next = Forgetting { after, done: !*more, due, ..Forgetting::clone(&forgetting) };
    draft.emit(UserEvent::ForgettingSet { person: person.clone(), forgetting: Arc::new(next) });
}

/// Empties what the history holds of one message beside its thread: its decision with the place in the index, its item
/// of the outbox, its place in a line. What is at hand leaves later, and without content.
fn wipe(
    draft: &mut Draft<User>,
    now: Timestamp,
    person: &Igsid,
    no: DecisionNo,
    mid: Option<&Mid>,
    outbound: Option<OutboundId>,
) {
    if let Some(outbound) = outbound {
        if draft.outbox.get(outbound).is_none() {
            draft.row(history::emptied(history::OUTBOUND, DecisionNo(outbound.get())));
        }
    } else if !draft.decisions.contains_key(&no) {
        draft.row(history::emptied(history::DECISIONS, no));
        if let Some(mid) = mid {
            draft.row(history::emptied(&history::index_of(mid.as_str()).stream, no));
        }
    }
    if let Some(mid) = mid
        && !draft.parked.is_empty()
    {
        backlog::take_back(draft, now, person, mid, Some(no));
    }
}
