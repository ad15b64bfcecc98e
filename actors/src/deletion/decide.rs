//! Attempts until one is confirmed.

use super::{Command, Deletion, ERASE_RETRY_FIRST, ERASE_RETRY_MAX, Effect, Event, Target};
use crate::{Draft, Entity, Timestamp, identity::SecretHash};

pub(super) fn decide(draft: &mut Draft<Deletion>, now: Timestamp, command: &Command) {
    match command {
        Command::Receive { subject, target } => receive(draft, now, *subject, target.as_ref()),
        Command::Finished { attempt, erased } => finished(draft, now, *attempt, *erased),
        Command::Tick => {
            if draft.next_due().is_some_and(|due| due <= now) {
                attempt(draft, now);
            }
        }
        Command::Recover => {
            if draft.is_busy() {
                attempt(draft, now);
            }
        }
    }
}

fn receive(draft: &mut Draft<Deletion>, now: Timestamp, subject: SecretHash, target: Option<&Target>) {
    if draft.request.is_some() {
        return;
    }
    draft.emit(Event::Received { subject, at: now });
    match target {
        Some(target) => {
            draft.emit(Event::Found(target.clone()));
            attempt(draft, now);
        }
        None => draft.emit(Event::Done { at: now }),
    }
}

fn attempt(draft: &mut Draft<Deletion>, now: Timestamp) {
    let Some(erasure) = draft.erasure() else { return };
    let (target, attempt) = (erasure.target.clone(), erasure.attempts.saturating_add(1));
    draft.emit(Event::Started { attempt, at: now });
    draft.effect(Effect::EraseInstagramData { target, attempt });
}

/// A success counts, whichever attempt it was.
fn finished(draft: &mut Draft<Deletion>, now: Timestamp, attempt: u32, erased: bool) {
    let Some(erasure) = draft.erasure() else { return };
    if erased {
        draft.emit(Event::Done { at: now });
        // The account's id leaves the entity's own records too.
        draft.erase_history();
    } else if erasure.is_in_flight() && erasure.attempts == attempt {
        let doubled = ERASE_RETRY_FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        draft.emit(Event::Postponed { until: now + doubled.min(ERASE_RETRY_MAX) });
    }
}
