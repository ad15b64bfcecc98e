//! The subscription to the account's webhooks. Without it no event comes: it is made after the connection is stored, tried
//! until it stands, and looked after from then on, for the platform ends it by itself when deliveries fail for an hour.

use super::{
    User, UserEffect,
    command::WebhooksOutcome,
    connection::{self, change},
    integration::Integration,
    notification::NotificationKind,
    tell,
};
use crate::{
    Draft, Timestamp,
    errand::{Errand, Patience, Stand},
};
use std::time::Duration;

/// It is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(86_400);
/// And after so long without any event, where there usually are some.
const SILENCE: Duration = Duration::from_secs(6 * 3_600);
/// So many events within [`USUAL_WITHIN`] are usual traffic.
const USUAL_EVENTS: usize = 24;
const USUAL_WITHIN: Duration = Duration::from_secs(3 * 86_400);
/// What brings no answer is tried again. Attempts end with the connection.
pub(super) const SUBSCRIBING: Patience = Patience {
    first: Duration::from_secs(5),
    max: Duration::from_secs(3_600),
    lease: Duration::from_secs(120),
};

/// When it is subscribed or looked at next.
pub(super) fn next_due(user: &User) -> Option<Timestamp> {
    let known = connection::working(user)?;
    match known.upkeep.webhooks.stand {
        Stand::Done { at } => {
            let silent = last_of_usual(user).map(|last| last + SILENCE).filter(|silent| at < *silent);
            Some(silent.map_or(at + LOOK_EVERY, |silent| silent.min(at + LOOK_EVERY)))
        }
        stand => stand.due(&SUBSCRIBING),
    }
}

/// When the last event came, of an account that usually has some.
fn last_of_usual(user: &User) -> Option<Timestamp> {
    let mut newest = user.decisions.values().rev();
    let last = newest.next()?.received_at;
    let before = newest.nth(USUAL_EVENTS - 2)?.received_at;
    (last.since(before) <= USUAL_WITHIN).then_some(last)
}

pub(super) fn tick(draft: &mut Draft<User>, now: Timestamp) {
    if next_due(draft).is_some_and(|due| due <= now) {
        attempt(draft, now);
    }
}

/// Asks again when the answer was lost with the activation.
pub(super) fn recover(draft: &mut Draft<User>, now: Timestamp) {
    if connection::working(draft).is_some_and(|known| known.upkeep.webhooks.stand.is_in_flight()) {
        attempt(draft, now);
    }
}

/// Subscribes, or looks whether the subscription stands.
pub(super) fn attempt(draft: &mut Draft<User>, now: Timestamp) {
    let stands = draft.integration.as_ref().is_some_and(|known| known.webhooks_subscribed_at.is_some());
    change(draft, |known| known.upkeep.webhooks = known.upkeep.webhooks.started(now));
    match draft.access() {
        Some(access) if stands => draft.effect(UserEffect::ReadSubscription { since: now, access }),
        Some(access) => draft.effect(UserEffect::Subscribe { since: now, access }),
        None => {}
    }
}

/// The platform answered, or did not. An answer to an attempt of before says nothing.
pub(super) fn asked(draft: &mut Draft<User>, now: Timestamp, since: Timestamp, outcome: WebhooksOutcome) {
    let asked = draft.integration.as_ref().filter(|known| known.upkeep.webhooks.is_attempt(since));
    let Some(known) = asked.cloned() else { return };
    let errand = known.upkeep.webhooks;
    match outcome {
        WebhooksOutcome::Subscribed => subscribed(draft, now, &known),
        WebhooksOutcome::Whole => change(draft, |known| {
            known.upkeep.webhooks = Errand::done(now);
            known.upkeep.webhooks_seen_at = Some(now);
        }),
        WebhooksOutcome::Partial => subscribe(draft, now),
        WebhooksOutcome::Missing => {
            change(draft, |known| {
                known.upkeep.interrupted_since =
                    known.upkeep.webhooks_seen_at.or(known.webhooks_subscribed_at).or(Some(now));
                known.webhooks_subscribed_at = None;
            });
            subscribe(draft, now);
        }
        WebhooksOutcome::TokenRefused => {
            postpone(draft, errand, now, None);
            connection::verify_token(draft, now);
        }
        WebhooksOutcome::Failed { retry_after } => postpone(draft, errand, now, retry_after),
    }
}

fn subscribed(draft: &mut Draft<User>, now: Timestamp, before: &Integration) {
    change(draft, |known| {
        known.webhooks_subscribed_at = known.webhooks_subscribed_at.or(Some(now));
        known.upkeep.webhooks = Errand::done(now);
        known.upkeep.webhooks_seen_at = Some(now);
        known.upkeep.interrupted_since = None;
    });
    if let Some(from) = before.upkeep.interrupted_since {
        tell::notify(draft, now, NotificationKind::WebhooksInterrupted { from, until: now });
    }
}

fn subscribe(draft: &mut Draft<User>, now: Timestamp) {
    change(draft, |known| known.upkeep.webhooks = known.upkeep.webhooks.started(now));
    if let Some(access) = draft.access() {
        draft.effect(UserEffect::Subscribe { since: now, access });
    }
}

fn postpone(draft: &mut Draft<User>, errand: Errand, now: Timestamp, announced: Option<Duration>) {
    let announced = announced.unwrap_or_default().min(SUBSCRIBING.max);
    let until = now + SUBSCRIBING.wait(errand.attempts).max(announced);
    change(draft, |known| known.upkeep.webhooks = errand.postponed(until));
}
