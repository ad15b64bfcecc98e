//! Messages by hand: written, taken back, tried again, sent again.

use super::super::{
    Rejection, Reply, User, UserEvent,
    calendar::Month,
    control,
    decision::DecisionNo,
    echo,
    outgoing::{self, Message},
    question::{Case, Origin, Part, ReplyContext},
    relay,
};
use crate::{
    Draft, Timestamp,
    automation::{FieldCode, FieldError},
    id::{EventKey, Igsid},
    outbox::{self, Author, Kind, OutboundId, OutboundKey},
};
use std::sync::Arc;

/// Longest key of a press of a button, in characters.
const PRESS_KEY_CHARS_MAX: usize = 128;

/// Writes to a contact by hand, inside the window of people.
pub(in super::super) fn send_message(
    draft: &mut Draft<User>,
    now: Timestamp,
    person: &Igsid,
    key: &str,
    body: &str,
) -> Result<Reply, Rejection> {
    let key = press_key(key)?;
    if !draft.integration.as_ref().is_some_and(|integration| integration.is_usable(now)) {
        return Err(Rejection::NotConnected);
    }
    let contact = draft.contacts.get(person).ok_or(Rejection::NoContact)?;
    if draft.is_foreign_account(&contact.account) {
        return Err(Rejection::OtherAccountConnected);
    }
    let window_ends_at =
        contact.human_window_ends_at().filter(|ends_at| *ends_at > now).ok_or(Rejection::WindowClosed)?;
    let case = Case {
        no: DecisionNo(0),
        key: EventKey::from(key.as_str()),
        person: person.clone(),
        origin: Origin::Texts(Vec::new()),
        rule: None,
    };
    let message = Message {
        case: &case,
        kind: Kind::Dm { to: person.clone() },
        author: Author::Human,
        part: Part::Manual,
        reserved: None,
        fired: None,
        window_ends_at,
    };
    match outgoing::enqueue(draft, now, &message, vec![outbox::Content::Text(body.into())]) {
        Ok(outbound) => {
            echo::take_over(draft, now, person, now);
            Ok(Reply::Queued(outbound))
        }
        Err(outbox::EnqueueError::AlreadyEnqueued(outbound)) => Ok(Reply::Queued(outbound)),
        Err(error) => Err(error.into()),
    }
}

fn press_key(key: &str) -> Result<String, Rejection> {
    if key.is_empty() || key.chars().count() > PRESS_KEY_CHARS_MAX || key.chars().any(char::is_control) {
        let error = FieldError::new("key", FieldCode::Invalid, "1 to 128 characters");
        return Err(Rejection::Invalid(vec![error]));
    }
    Ok(format!("press:{key}"))
}

/// Takes a waiting message back, or puts a dead letter away.
pub(in super::super) fn cancel_outbound(
    draft: &mut Draft<User>,
    now: Timestamp,
    outbound: OutboundId,
) -> Result<Reply, Rejection> {
    let decided = draft.outbox.cancel(now, outbound, outbox::CancelReason::ByPerson)?;
    relay::emit_all(draft, now, decided);
    Ok(Reply::Done)
}

/// Tries a dead letter again. Lock, window, quota and automation are looked at again.
pub(in super::super) fn replay(
    draft: &mut Draft<User>,
    now: Timestamp,
    outbound: OutboundId,
) -> Result<Reply, Rejection> {
    control::refuse_when_frozen(draft)?;
    refuse_foreign(draft, outbound)?;
    let window_ends_at = window_of(draft, outbound);
    let decided = draft.outbox.replay(now, outbound, window_ends_at)?;
    let counted = draft.outbox.get(outbound).is_some_and(|item| item.counted);
    if let Some(before) = draft.replies.get(&outbound).cloned() {
        let mut context = ReplyContext::clone(&before);
        if counted && context.reserved.is_none() {
            let month = Month::of(now);
            if draft.usage.sends_left(month) == Some(0) {
                return Err(Rejection::SendLimit);
            }
            draft.emit(UserEvent::SendReserved(month));
            context.reserved = Some(month);
        }
        // The automation rests again, as after its first try; a public reply is no firing of its own.
        if context.part == Part::First && context.fired.is_none() {
            context.fired = outgoing::firing_of(&context.case);
            if let Some(fingerprint) = context.fired {
                draft.emit(UserEvent::Fired { fingerprint, at: now });
            }
        }
        if context != *before {
            draft.emit(UserEvent::ReplyBound { outbound, context: Arc::new(context) });
        }
    }
    relay::emit_all(draft, now, decided);
    Ok(Reply::Queued(outbound))
}

/// Sends a message again of which nobody knows whether it arrived: the owner has looked.
pub(in super::super) fn resend(
    draft: &mut Draft<User>,
    now: Timestamp,
    outbound: OutboundId,
    key: &str,
) -> Result<Reply, Rejection> {
    let key = OutboundKey::from(press_key(key)?);
    if let Some(known) = draft.outbox.by_key(&key) {
        return Ok(Reply::Queued(known));
    }
    refuse_foreign(draft, outbound)?;
    let window_ends_at = window_of(draft, outbound);
    let event = draft.outbox.resend(now, outbound, key, window_ends_at)?;
    let id = event.accepted().map_or(outbound, |item| item.id);
    relay::emit(draft, now, event);
    Ok(Reply::Queued(id))
}

/// What was written to persons of another account can not be sent by this one.
fn refuse_foreign(draft: &Draft<User>, outbound: OutboundId) -> Result<(), Rejection> {
    let foreign = draft.outbox.get(outbound).is_some_and(|item| draft.is_foreign(item));
    if foreign { Err(Rejection::OtherAccountConnected) } else { Ok(()) }
}

fn window_of(draft: &Draft<User>, outbound: OutboundId) -> Option<Timestamp> {
    let item = draft.outbox.get(outbound)?;
    match &item.kind {
        Kind::Dm { to } => draft.contacts.get(to)?.window_ends_at(),
        Kind::PrivateReply { .. } | Kind::PublicReply { .. } => None,
    }
}
