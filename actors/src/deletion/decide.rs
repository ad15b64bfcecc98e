//! Attempts until one is confirmed.

use super::{Command, Deletion, Effect, Event, Target};
use crate::{Draft, Entity, Timestamp, errand::ERASING, identity::SecretHash};

pub(super) fn decide(draft: &mut Draft<Deletion>, now: Timestamp, command: &Command) {
    match command {
        Command::Receive { subject, targets } => receive(draft, now, *subject, targets),
        Command::Finished { attempt, left } => finished(draft, now, *attempt, left),
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

fn receive(draft: &mut Draft<Deletion>, now: Timestamp, subject: SecretHash, targets: &[Target]) {
    if draft.request.is_some() {
        return;
    }
    draft.emit(Event::Received { subject, at: now });
    for target in targets {
        draft.emit(Event::Found(target.clone()));
    }
    if targets.is_empty() {
        draft.emit(Event::Done { at: now });
    }
    attempt(draft, now);
}

fn attempt(draft: &mut Draft<Deletion>, now: Timestamp) {
    let Some(erasure) = draft.erasure() else { return };
    let (targets, attempt) = (erasure.targets().cloned().collect(), erasure.attempts.saturating_add(1));
    draft.emit(Event::Started { attempt, at: now });
    draft.effect(Effect::EraseInstagramData { targets, attempt });
}

/// What is gone is gone, whichever attempt it was; it is not asked for again, for its owner may have begun anew.
fn finished(draft: &mut Draft<Deletion>, now: Timestamp, attempt: u32, left: &[Target]) {
    let Some(erasure) = draft.erasure() else { return };
    let still: Vec<Target> = erasure.targets().filter(|target| left.contains(target)).cloned().collect();
    let is_current = erasure.state.is_in_flight() && erasure.attempts == attempt;
    if still.is_empty() {
        draft.emit(Event::Done { at: now });
        // The account's id leaves the entity's own records too.
        draft.erase_history();
        return;
    }
    if still.len() < erasure.targets().count() {
        draft.emit(Event::Narrowed(still));
    }
    if is_current {
        draft.emit(Event::Postponed { until: now + ERASING.wait(attempt) });
    }
}
