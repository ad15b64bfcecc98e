//! Fresh tokens: a token lives 60 days, and a connection that is not refreshed meanwhile is dead for good.

use super::{
    User, UserEffect,
    command::RefreshOutcome,
    connection::{self, change},
    integration::{FormerToken, Integration, Status},
    notification::NotificationKind,
    tell,
};
use crate::{
    Draft, Timestamp,
    errand::{Errand, Patience, Stand},
    outbox::Fingerprint,
};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
/// The platform refuses to refresh a younger token.
const AGE_MIN: Duration = DAY;
/// Days before its end in which a token is refreshed first; which one is drawn by the workspace, so that those connected
/// together are not refreshed together. Of a token of 60 days it is the 30th to the 40th.
const LEAD_DAYS: (u64, u64) = (20, 30);
/// A refresh that brings no answer is tried again. Attempts end with the token.
pub(super) const REFRESHING: Patience = Patience {
    first: Duration::from_secs(60),
    max: Duration::from_secs(6 * 3_600),
    lease: Duration::from_secs(120),
};
/// Longest wait for a turn that is believed.
const TURN_MAX: Duration = Duration::from_secs(3_600);
/// Days before the end at which the owner is told that refreshing does not work.
const WARNINGS: [u8; 3] = [7, 3, 1];

/// When the token is refreshed next, or the owner told.
pub(super) fn next_due(user: &User) -> Option<Timestamp> {
    let known = connection::working(user)?;
    due(user, known).into_iter().chain(warn_due(known).map(|(_, at)| at)).min()
}

/// When the next attempt is made; `None` when the token ends before.
fn due(user: &User, known: &Integration) -> Option<Timestamp> {
    let errand = &known.upkeep.refresh;
    let since = errand.done_at().unwrap_or(known.connected_at);
    let first = (since + AGE_MIN).max(known.expires_at - lead(&user.key));
    let due = match errand.stand {
        Stand::Done { .. } => first,
        // Never tried.
        Stand::Waiting { until } if errand.attempts == 0 => until.max(first),
        stand => stand.due(&REFRESHING)?,
    };
    (due < known.expires_at).then_some(due)
}

fn lead(key: &str) -> Duration {
    let (least, most) = LEAD_DAYS;
    let spread = (most - least) * DAY.as_secs();
    Duration::from_secs(least * DAY.as_secs() + Fingerprint::of(key).share_of(spread))
}

/// The warning that comes next, when refreshing fails.
fn warn_due(known: &Integration) -> Option<(u8, Timestamp)> {
    let next = WARNINGS.into_iter().find(|days| known.upkeep.warned_days.is_none_or(|told| *days < told));
    let next = next.filter(|_| known.upkeep.refresh.failures() > 0)?;
    Some((next, known.expires_at - DAY * u32::from(next)))
}

pub(super) fn tick(draft: &mut Draft<User>, now: Timestamp) {
    warn(draft, now);
    let user: &User = draft;
    if connection::working(user).and_then(|known| due(user, known)).is_some_and(|due| due <= now) {
        attempt(draft, now);
    }
}

/// Asks again when the answer was lost with the activation.
pub(super) fn recover(draft: &mut Draft<User>, now: Timestamp) {
    if connection::working(draft).is_some_and(|known| known.upkeep.refresh.stand.is_in_flight()) {
        attempt(draft, now);
    }
}

fn attempt(draft: &mut Draft<User>, now: Timestamp) {
    change(draft, |known| known.upkeep.refresh = known.upkeep.refresh.started(now));
    if let Some(access) = draft.access() {
        draft.effect(UserEffect::RefreshToken { since: now, access });
    }
}

/// Tells the owner how near the end is: once for each of the days, and of several that have passed only the last.
fn warn(draft: &mut Draft<User>, now: Timestamp) {
    let Some(known) = connection::working(draft).cloned() else { return };
    if warn_due(&known).is_none_or(|(_, at)| now < at) {
        return;
    }
    let passed = |days: &u8| known.expires_at - DAY * u32::from(*days) <= now;
    let told = WARNINGS.into_iter().filter(passed).min();
    change(draft, |known| known.upkeep.warned_days = told);
    tell::notify(draft, now, NotificationKind::ConnectionEnding { at: known.expires_at });
}

/// The platform answered, or did not. An answer to an attempt of before says nothing.
pub(super) fn finished(draft: &mut Draft<User>, now: Timestamp, since: Timestamp, outcome: &RefreshOutcome) {
    let asked = draft.integration.as_ref().filter(|known| known.upkeep.refresh.is_attempt(since));
    let Some(errand) = asked.map(|known| known.upkeep.refresh) else { return };
    match outcome {
        RefreshOutcome::Renewed { token, expires_at } => {
            change(draft, |known| {
                let token = std::mem::replace(&mut known.token, token.clone());
                let expires_at = std::mem::replace(&mut known.expires_at, *expires_at);
                known.upkeep.former = Some(FormerToken { token, expires_at });
                known.upkeep.refresh = Errand::done(now);
                known.upkeep.warned_days = None;
                known.checking_since = Some(now);
                if known.status == Status::Expired {
                    *known = known.clone().in_working_order();
                }
            });
            connection::ask_again(draft);
        }
        RefreshOutcome::Refused => postpone(draft, errand, now + DAY),
        RefreshOutcome::TokenRefused => {
            postpone(draft, errand, now + DAY);
            connection::verify_token(draft, now);
        }
        RefreshOutcome::Failed { retry_after } => {
            let announced = retry_after.unwrap_or_default().min(REFRESHING.max);
            postpone(draft, errand, now + REFRESHING.wait(errand.attempts).max(announced));
        }
        RefreshOutcome::Later { after } => {
            let errand = Errand { attempts: errand.attempts.saturating_sub(1), ..errand };
            postpone(draft, errand, now + (*after).min(TURN_MAX));
        }
    }
}

fn postpone(draft: &mut Draft<User>, errand: Errand, until: Timestamp) {
    change(draft, |known| known.upkeep.refresh = errand.postponed(until));
}

/// The fresh token does not live: back to the one before, which may. It is asked about in turn.
pub(super) fn take_back(draft: &mut Draft<User>, now: Timestamp) {
    change(draft, |known| {
        let Some(former) = known.upkeep.former.take() else { return };
        (known.token, known.expires_at) = (former.token, former.expires_at);
        known.upkeep.refresh = Errand { attempts: 1, stand: Stand::Waiting { until: now + DAY } };
        known.checking_since = Some(now);
    });
    connection::ask_again(draft);
}

#[cfg(test)]
impl User {
    /// When the token is refreshed next.
    pub(super) fn refresh_due(&self) -> Option<Timestamp> {
        due(self, self.integration.as_ref()?)
    }
}
