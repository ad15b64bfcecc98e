//! Step 3: the account's own messages. Ours confirm a send; all others are the owner, answering by hand.

use super::{
    User, UserEvent, cancel,
    decision::{CancelReason, DecisionNo, StepOutcome, Verdict},
    inbound::{AttachmentKind, Echo, InboundEvent},
    relay, tell,
    thread::{Author, Message},
    trail::Trail,
};
use crate::{
    Draft, Timestamp,
    id::{Igsid, Mid},
    outbox::{self, EchoMatch, ThreadId},
};
use std::sync::Arc;

/// Takes an echo in.
pub(super) fn receive(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &InboundEvent,
    echo: &Echo,
    mut trail: Trail,
) -> Verdict {
    trail.dm_so(2, StepOutcome::Passed, "echo");
    if echo.is_self {
        trail.dm_so(3, StepOutcome::Stopped, "the account wrote to itself");
        trail.end(draft, Verdict::Recorded);
        return Verdict::Recorded;
    }
    let message = to_message(trail.no(), event, echo);
    let found = echo.mid.as_ref().map(|mid| {
        draft.outbox.echo(
            now,
            &outbox::Echo {
                message_id: mid,
                person: &echo.person,
                text: echo.text.as_deref(),
                is_template: echo.attachments.iter().any(|one| one.kind == AttachmentKind::Template),
                sent_at: event.at,
            },
        )
    });
    match found {
        Some(EchoMatch::Ours { id, decided }) => {
            trail.dm_so(3, StepOutcome::Stopped, format!("our message {id}"));
            relay::emit_all(draft, now, decided);
        }
        Some(EchoMatch::Held(held)) => {
            trail.dm_so(3, StepOutcome::Waiting, "a send to the thread is in flight");
            draft.emit(UserEvent::EchoKept { person: echo.person.clone(), message: Arc::new(message) });
            relay::emit(draft, now, held);
        }
        Some(EchoMatch::AlreadyHeld) => trail.dm_so(3, StepOutcome::Stopped, "known"),
        Some(EchoMatch::Unmatched) | None => {
            trail.dm_so(3, StepOutcome::Stopped, "the owner answered by hand");
            by_hand(draft, now, &echo.person, message, event.at);
        }
    }
    trail.end(draft, Verdict::Recorded);
    Verdict::Recorded
}

/// A held echo turned out to be the owner's.
pub(super) fn settled_as_human(
    draft: &mut Draft<User>,
    now: Timestamp,
    thread: &ThreadId,
    mid: &Mid,
    sent_at: Timestamp,
) {
    let ThreadId::Person(person) = thread else { return };
    if let Some(message) = draft.echoes.get(mid).cloned() {
        draft.emit(UserEvent::EchoDropped(mid.clone()));
        if draft.was_deleted(person, message.no) {
            return;
        }
        by_hand(draft, now, person, Message::clone(&message), sent_at);
    } else {
        take_over(draft, now, person, sent_at);
    }
}

fn by_hand(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, message: Message, at: Timestamp) {
    tell::record_message(draft, now, person, message, false);
    take_over(draft, now, person, at);
}

/// The owner answers: what is pending is dropped, automation rests, follow-up and lock learn of it.
pub(super) fn take_over(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, at: Timestamp) {
    let rest = draft.settings.human_takeover;
    let paused_until = (!rest.is_zero()).then(|| at + rest);
    let rests = paused_until.is_some_and(|until| now < until);
    // A message by hand may come hours late: what was written since is no answer of the owner's to give.
    let seen_by_owner = if rests { Timestamp::MAX } else { at };
    cancel::pending_until(draft, now, person, seen_by_owner, CancelReason::OwnerAnswered);
    let contact = draft.contacts.get(person);
    if contact.is_none() && !rests {
        return;
    }
    let lock = contact.and_then(|contact| contact.hrn.as_ref());
    let clears_hrn = draft.settings.auto_clear_hrn_on_reply && lock.is_some_and(|hrn| hrn.set_at <= at);
    draft.emit(UserEvent::HumanAnswered { person: person.clone(), at, paused_until, clears_hrn });
}

fn to_message(no: DecisionNo, event: &InboundEvent, echo: &Echo) -> Message {
    Message {
        no,
        mid: echo.mid.clone(),
        at: event.at,
        author: Author::Owner,
        text: echo.text.clone(),
        cut: false,
        attachments: echo.attachments.as_slice().into(),
        reply_to: None,
        revision: 0,
        unsent: false,
        unsupported: false,
        reaction: None,
        seen: false,
        payload: None,
        tap: false,
        outbound: None,
    }
}
