//! Putting messages in the outbox, with what is needed when they come to their end.

use super::{
    User, UserEvent,
    action_log::ActionResult,
    budget,
    calendar::Month,
    decision::{HrnSource, Silence, Verdict},
    disclosure, hrn_queue,
    keys::{self, Place},
    question::{Case, Origin, Part, ReplyContext},
    relay,
    tell::{self, Entry},
};
use crate::{
    Draft, Timestamp,
    outbox::{
        Author, AutomationRef, Content, Enqueue, EnqueueError, Fingerprint, KEY_BYTES_MAX, Kind, OutboundId,
        OutboundKey, WINDOW_MARGIN,
    },
};
use std::{sync::Arc, time::Duration};

/// A message to put in the outbox.
pub(super) struct Message<'a> {
    pub case: &'a Case,
    pub kind: Kind,
    pub author: Author,
    pub part: Part,
    pub reserved: Option<Month>,
    pub fired: Option<Fingerprint>,
    pub window_ends_at: Timestamp,
}

/// Puts a message in the outbox, in parts when there are several contents: each goes when the one before arrived. The
/// first one decides what becomes of the case.
pub(super) fn enqueue(
    draft: &mut Draft<User>,
    now: Timestamp,
    message: &Message<'_>,
    contents: Vec<Content>,
) -> Result<OutboundId, EnqueueError> {
    let contents = match message.part {
        Part::First => {
            disclosure::with(draft, now, (&message.case.person, message.author, &message.kind), contents)
        }
        _ => contents,
    };
    if contents.len() > 1 {
        draft.outbox.has_room(&message.kind.thread(), contents.len())?;
    }
    let mut first = None;
    let mut before = None;
    for (step, content) in contents.into_iter().enumerate() {
        let part = if step == 0 { message.part } else { Part::Later };
        let key = key(message, part, step);
        let request = Enqueue {
            not_before: starts_at(draft, now, message, key.as_str()),
            key,
            cause: message.case.key.clone(),
            kind: message.kind.clone(),
            content,
            automation: message.case.rule.as_ref().map(|rule| AutomationRef::from(Arc::clone(&rule.id))),
            author: message.author,
            counted: message.reserved.is_some() && step == 0,
            window_ends_at: message.window_ends_at,
            depends_on: before,
        };
        let event = draft.outbox.enqueue(now, request)?;
        let Some(id) = event.accepted().map(|item| item.id) else { continue };
        let context = ReplyContext {
            case: message.case.clone(),
            reserved: message.reserved.filter(|_| step == 0),
            fired: message.fired.filter(|_| step == 0),
            part,
        };
        draft.emit(UserEvent::ReplyBound { outbound: id, context: Arc::new(context) });
        relay::emit(draft, now, event);
        before = Some(id);
        first = first.or(before);
    }
    if let Some(fingerprint) = message.fired {
        draft.emit(UserEvent::Fired { fingerprint, at: now });
    }
    first.ok_or(EnqueueError::Empty)
}

/// When a message may start: an automatic answer after a wait that is drawn from its key, so that it is the same
/// whenever it is decided, and that its window allows.
fn starts_at(draft: &Draft<User>, now: Timestamp, message: &Message<'_>, key: &str) -> Timestamp {
    let (least, longest) = draft.settings.answer_delay;
    let answers = matches!(message.part, Part::First | Part::PublicReply { .. });
    if longest.is_zero() || !answers || message.author == Author::Human {
        return now;
    }
    let span = usize::try_from(longest.saturating_sub(least).as_millis()).unwrap_or_default();
    let drawn = u64::try_from(keys::drawn(key, span.saturating_add(1))).unwrap_or_default();
    let at = now + least + Duration::from_millis(drawn);
    if at < message.window_ends_at - WINDOW_MARGIN { at } else { now }
}

/// The firing that a reply to a case is: of its automation, for its person, on its post when it was a comment.
pub(super) fn firing_of(case: &Case) -> Option<Fingerprint> {
    let rule = case.rule.as_ref()?;
    let place = match &case.origin {
        Origin::Texts(_) => Place::Thread,
        Origin::Comment(from) => Place::Comment(from.post()),
    };
    Some(keys::firing(&rule.id, &case.person, place))
}

fn key(message: &Message<'_>, part: Part, step: usize) -> OutboundKey {
    let writer = message.case.rule.as_ref().map_or("sidekick", |rule| &rule.id);
    let what = match part {
        Part::PublicReply { .. } => "public",
        Part::OptOut => "opt-out",
        Part::Manual => "manual",
        Part::First | Part::Later => "reply",
    };
    let key = format!("{}:{writer}:{what}{step}", message.case.key);
    // The ids of the platform may be longer than a key.
    let key = if key.len() > KEY_BYTES_MAX { keys::derived_id("outbound", &key) } else { key };
    OutboundKey::from(key)
}

/// What becomes of a case whose reply was not accepted.
pub(super) fn refused(draft: &mut Draft<User>, now: Timestamp, case: &Case, error: &EnqueueError) -> Verdict {
    match error {
        EnqueueError::AlreadyEnqueued(outbound) => Verdict::Queued { outbound: *outbound },
        EnqueueError::WindowClosed => budget::window_closed(draft, now, case),
        EnqueueError::Empty => {
            tell::log(draft, now, case, Entry::of(ActionResult::Failed, "empty"));
            Verdict::NoReply(Silence::Empty)
        }
        other => {
            let reason = other.to_string();
            hrn_queue::raise(draft, now, case, HrnSource::Failure, "outbox", &reason, &[])
        }
    }
}
