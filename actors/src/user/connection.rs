//! The connection to Instagram: connecting, losing and finding it again.

use super::{
    Rejection, Reply, User, UserEffect, UserEvent, backlog, cancel,
    command::{Connect, TokenState},
    comment, custody,
    decision::{CancelReason, Skip, Verdict},
    dm,
    held::{HeldEvent, PARKED_AGE_MAX},
    inbound::{InboundEvent, InboundItem},
    integration::{Integration, Status, Upkeep},
    late,
    line::LineName,
    notification::NotificationKind,
    refresh, relay, tell,
    trail::conclude,
    webhooks,
};
use crate::{
    Draft, Sealed, Timestamp,
    automation::{FieldCode, FieldError},
    errand::Errand,
    outbox::{Pace, ParkReason},
};
use greenroom_persistence::DirectoryChange;
use std::{sync::Arc, time::Duration};

/// Prefix of the directory names of Instagram accounts.
pub const CLAIM_PREFIX: &str = "instagram/";
/// Wait before the platform is asked again whether the token lives.
const TOKEN_CHECK_AGAIN: Duration = Duration::from_secs(60);
/// Events that waited for the connection taken up by one command.
const UNPARK_BATCH_MAX: usize = 128;
/// What came this long before its account was connected is answered: connecting takes a while. Older things are
/// recorded only, for nobody expects an answer any more.
const UNROUTED_ANSWERED: Duration = Duration::from_secs(3_600);
/// Longest handle, in characters (platform: 30).
const USERNAME_CHARS_MAX: usize = 100;

/// Name in the directory of an Instagram account, by either of its ids.
#[must_use]
pub fn account_claim(account: &str) -> String {
    format!("{CLAIM_PREFIX}{account}")
}

/// Connects an account, or connects it again.
pub(super) fn connect(
    draft: &mut Draft<User>,
    now: Timestamp,
    connect: &Connect,
) -> Result<Reply, Rejection> {
    check(connect, now)?;
    let before = draft.integration.clone();
    let same = before.as_ref().is_some_and(|known| known.is_account(connect.account.as_str()));
    if before.as_ref().is_some_and(|known| !same && known.status != Status::Disconnected) {
        return Err(Rejection::OtherAccountConnected);
    }
    custody::check_room(draft, &connect.account)?;
    for id in std::iter::once(&connect.account).chain(&connect.app_scoped) {
        draft.directory(DirectoryChange::Claim(account_claim(id.as_str())));
    }
    let first_connected_at = before.filter(|_| same).map_or(now, |known| known.first_connected_at);
    let integration = Integration {
        account: connect.account.clone(),
        app_scoped: connect.app_scoped.clone(),
        username: connect.username.trim().trim_start_matches('@').into(),
        token: connect.token.clone(),
        scopes: connect.scopes.iter().map(|scope| Arc::from(scope.as_str())).collect(),
        status: Status::Active,
        expires_at: connect.expires_at,
        connected_at: now,
        first_connected_at,
        webhooks_subscribed_at: None,
        last_error: None,
        disconnected_at: None,
        checking_since: None,
        parked_told: false,
        upkeep: Upkeep { refresh: Errand::done(now), ..Upkeep::default() },
    };
    draft.emit(UserEvent::IntegrationSet(Arc::new(integration.in_working_order())));
    custody::connected(draft, now, &connect.account, connect.app_scoped.as_ref());
    webhooks::attempt(draft, now);
    set_pace(draft);
    renew_permissions(draft, now);
    go_on(draft, now);
    Ok(Reply::Done)
}

fn check(connect: &Connect, now: Timestamp) -> Result<(), Rejection> {
    let mut errors = Vec::new();
    let is_id =
        |id: &str| !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if !is_id(connect.account.as_str()) || connect.app_scoped.as_ref().is_some_and(|id| !is_id(id.as_str())) {
        errors.push(FieldError::new("account", FieldCode::Invalid, "not an instagram account id"));
    }
    let username = connect.username.trim().chars().count();
    if username == 0 || username > USERNAME_CHARS_MAX {
        errors.push(FieldError::new("username", FieldCode::Invalid, "1 to 100 characters"));
    }
    if connect.expires_at <= now {
        errors.push(FieldError::new("expiresAt", FieldCode::Past, "the token has ended"));
    }
    if errors.is_empty() { Ok(()) } else { Err(Rejection::Invalid(errors)) }
}

/// Sends at the pace that the age of the connection and the owner's setting allow.
pub(super) fn set_pace(draft: &mut Draft<User>) {
    let Some(integration) = draft.integration.clone() else { return };
    let pace = Pace::connected_at(integration.first_connected_at);
    let pace = match draft.settings.sends_per_hour {
        // Validated when it was set.
        Some(per_hour) => pace.with_send_per_hour(per_hour).unwrap_or(pace),
        None => pace,
    };
    if let Some(event) = draft.outbox.set_pace(pace) {
        draft.emit(UserEvent::Outbox(event));
    }
}

/// A new token may bring the permissions along that were missing.
fn renew_permissions(draft: &mut Draft<User>, now: Timestamp) {
    if let Some(event) = draft.outbox.renew_permissions(now) {
        draft.emit(UserEvent::Outbox(event));
    }
}

/// A message arrived: when no lane lacks a permission any more, the connection is whole again.
pub(super) fn permitted(draft: &mut Draft<User>) {
    let limited = draft.integration.as_ref().filter(|known| known.status == Status::Limited).cloned();
    if let Some(integration) = limited.filter(|_| !draft.outbox.lacks_permission()) {
        let whole = Integration::clone(&integration).in_working_order();
        if whole != *integration {
            draft.emit(UserEvent::IntegrationSet(Arc::new(whole)));
        }
    }
}

/// It was written long before its account was connected.
pub(super) fn is_from_before(user: &User, event: &InboundEvent) -> bool {
    let connected_at = user.integration.as_ref().map(|known| known.connected_at);
    event.unrouted && connected_at.is_some_and(|at| event.at + UNROUTED_ANSWERED < at)
}

/// The connection works: the outbox goes on, and so do events that waited.
fn go_on(draft: &mut Draft<User>, now: Timestamp) {
    if let Some(event) = draft.outbox.resume(now) {
        relay::emit(draft, now, event);
    }
    unpark(draft, now);
}

/// When events that waited for the connection go on: at once while it can be used.
pub(super) fn unpark_due(user: &User) -> Option<Timestamp> {
    let usable = |known: &Arc<Integration>| matches!(known.status, Status::Active | Status::Limited);
    user.integration.as_ref().filter(|known| usable(known))?;
    user.parked.next_due()
}

/// Goes on with events that waited, as many as fit in this decision.
pub(super) fn unpark(draft: &mut Draft<User>, now: Timestamp) {
    if !draft.integration.as_ref().is_some_and(|known| known.is_usable(now)) {
        return;
    }
    for done in 0..UNPARK_BATCH_MAX {
        if done > 0 && draft.is_full() {
            return;
        }
        let Some(held) = draft.parked.first().cloned() else {
            return backlog::ask(draft, now, LineName::Parked);
        };
        draft.emit(UserEvent::Unparked(held.no));
        unpark_one(draft, now, &held);
    }
}

/// Goes on with one event that waited; false when the connection is lost again.
pub(super) fn unpark_one(draft: &mut Draft<User>, now: Timestamp, held: &HeldEvent) -> bool {
    let Some(integration) = draft.integration.clone().filter(|known| known.is_usable(now)) else {
        return false;
    };
    let event = &held.event;
    if !integration.is_account(event.account.as_str()) {
        conclude(draft, now, held.no, Verdict::Skipped(Skip::OtherAccount));
    } else if now.since(event.at) >= PARKED_AGE_MAX {
        late::give_up(draft, now, held);
    } else if let InboundItem::Comment(inbound) = &event.item {
        comment::resume(draft, now, event, inbound, held.no);
    } else if let Some(incoming) = super::decide::incoming_of(&event.item) {
        dm::resume(draft, now, event, &incoming, held.no);
    }
    true
}

/// A token, the one before among them, sealed again under another key. What was replaced meanwhile stays.
pub(super) fn reseal(draft: &mut Draft<User>, from: &Sealed, to: &Sealed) {
    let Some(known) = draft.integration.clone() else { return };
    let mut next = Integration::clone(&known);
    let former = next.upkeep.former.as_mut().map(|former| &mut former.token);
    for token in std::iter::once(&mut next.token).chain(former).filter(|token| *token == from) {
        *token = to.clone();
    }
    if next != *known {
        draft.emit(UserEvent::IntegrationSet(Arc::new(next)));
    }
}

/// The owner disconnects: the token goes, claims are released, what is pending is dropped.
pub(super) fn disconnect(draft: &mut Draft<User>, now: Timestamp) -> Result<Reply, Rejection> {
    let Some(integration) = draft.integration.clone().filter(|known| known.status != Status::Disconnected)
    else {
        return Err(Rejection::NotConnected);
    };
    let mut next = Integration::clone(&integration);
    next.status = Status::Disconnected;
    next.token = Sealed::from("");
    next.disconnected_at = Some(now);
    next.checking_since = None;
    next.webhooks_subscribed_at = None;
    next.upkeep = Upkeep::default();
    unsubscribe(draft);
    draft.emit(UserEvent::IntegrationSet(Arc::new(next)));
    cancel::everything(draft, now, CancelReason::Disconnected, true);
    park(draft, now, ParkReason::Disconnected);
    custody::disconnected(draft, now, &integration.account);
    Ok(Reply::Done)
}

/// The token is gone after this: it is asked once, and not again after a crash. A subscription that stays brings items that
/// no workspace wants.
pub(super) fn unsubscribe(draft: &mut Draft<User>) {
    if let Some(access) = draft.access().filter(|access| !access.token.as_str().is_empty()) {
        draft.effect(UserEffect::Unsubscribe { access });
    }
}

/// Gives the names of the account back.
pub(super) fn release(draft: &mut Draft<User>, integration: &Integration) {
    for id in std::iter::once(&integration.account).chain(&integration.app_scoped) {
        draft.directory(DirectoryChange::Release(account_claim(id.as_str())));
    }
}

/// The owner took the permission back on Instagram: the token goes, and what is pending is dropped.
pub(super) fn revoke(draft: &mut Draft<User>, now: Timestamp) -> Result<Reply, Rejection> {
    let Some(integration) = draft.integration.clone().filter(|known| known.status != Status::Disconnected)
    else {
        return Err(Rejection::NotConnected);
    };
    let mut next = Integration::clone(&integration);
    next.token = Sealed::from("");
    next.webhooks_subscribed_at = None;
    next.upkeep = Upkeep::default();
    draft.emit(UserEvent::IntegrationSet(Arc::new(next)));
    lost(draft, now, Status::Revoked, "the permission was taken back on instagram");
    cancel::everything(draft, now, CancelReason::Disconnected, true);
    Ok(Reply::Done)
}

fn park(draft: &mut Draft<User>, now: Timestamp, reason: ParkReason) {
    if let Some(event) = draft.outbox.park(now, reason) {
        draft.emit(UserEvent::Outbox(event));
    }
}

fn lost(draft: &mut Draft<User>, now: Timestamp, status: Status, reason: &str) {
    set_status(draft, status, reason);
    park(draft, now, ParkReason::Expired);
    tell::notify(draft, now, NotificationKind::ReconnectNeeded { reason: reason.into() });
}

/// Changes the connection, if there is one.
pub(super) fn change(draft: &mut Draft<User>, change: impl FnOnce(&mut Integration)) {
    let Some(known) = draft.integration.as_ref() else { return };
    let mut next = Integration::clone(known);
    change(&mut next);
    draft.emit(UserEvent::IntegrationSet(Arc::new(next)));
}

/// Changes the status of the connection.
pub(super) fn set_status(draft: &mut Draft<User>, status: Status, reason: &str) {
    let Some(integration) = draft.integration.clone() else { return };
    // A missing permission says nothing about the token: the question whether it lives stays open.
    let checking_since = integration.checking_since.filter(|_| status == Status::Limited);
    if integration.status == status
        && integration.last_error.as_deref() == Some(reason)
        && integration.checking_since == checking_since
    {
        return;
    }
    let mut next = Integration::clone(&integration);
    next.status = status;
    next.last_error = Some(reason.into());
    next.checking_since = checking_since;
    draft.emit(UserEvent::IntegrationSet(Arc::new(next)));
}

/// The platform refused the token: asks once whether it lives.
pub(super) fn verify_token(draft: &mut Draft<User>, now: Timestamp) {
    let Some(integration) = draft.integration.clone() else { return };
    if integration.checking_since.is_some() || integration.status == Status::Disconnected {
        return;
    }
    let mut next = Integration::clone(&integration);
    next.checking_since = Some(now);
    draft.emit(UserEvent::IntegrationSet(Arc::new(next)));
    ask_again(draft);
}

/// Asks whether the token lives.
pub(super) fn ask_again(draft: &mut Draft<User>) {
    if let Some(access) = draft.access() {
        draft.effect(UserEffect::CheckToken { access });
    }
}

/// The platform said whether the token lives.
pub(super) fn token_checked(draft: &mut Draft<User>, now: Timestamp, state: &TokenState) {
    let waits = draft.outbox.parked().is_some_and(|(reason, _)| reason == ParkReason::TokenInDoubt);
    let Some(integration) = draft.integration.clone().filter(|known| known.checking_since.is_some() || waits)
    else {
        return;
    };
    match state {
        TokenState::Dead(_) if integration.upkeep.former.is_some() => refresh::take_back(draft, now),
        TokenState::Dead(reason) => lost(draft, now, Status::Expired, reason),
        TokenState::Alive => {
            let mut next = Integration::clone(&integration);
            next.checking_since = None;
            next.upkeep.former = None;
            draft.emit(UserEvent::IntegrationSet(Arc::new(next)));
            go_on(draft, now);
        }
        TokenState::Unknown => {
            let mut next = Integration::clone(&integration);
            next.checking_since = Some(now);
            draft.emit(UserEvent::IntegrationSet(Arc::new(next)));
        }
    }
}

/// The connection works, as far as is known: it is kept alive.
pub(super) fn working(user: &User) -> Option<&Arc<Integration>> {
    user.integration.as_ref().filter(|known| matches!(known.status, Status::Active | Status::Limited))
}

/// Something was asked of the platform about the connection, and its answer is waited for.
pub(super) fn is_asking(user: &User) -> bool {
    let is_kept = |known: &Arc<Integration>| {
        known.upkeep.refresh.stand.is_in_flight() || known.upkeep.webhooks.stand.is_in_flight()
    };
    working(user).is_some_and(is_kept)
        || user.integration.as_ref().is_some_and(|known| known.checking_since.is_some())
}

/// When the connection wants a look: the token's end, the next question whether it lives, its upkeep.
pub(super) fn next_due(user: &User) -> Option<Timestamp> {
    let integration = user.integration.as_ref()?;
    let ends = working(user).map(|known| known.expires_at);
    let again = integration.checking_since.map(|since| since + TOKEN_CHECK_AGAIN);
    [ends, again, refresh::next_due(user), webhooks::next_due(user)].into_iter().flatten().min()
}

/// The token came to its end, the question whether it lives got no answer, or its upkeep is due.
pub(super) fn tick(draft: &mut Draft<User>, now: Timestamp) {
    if working(draft).is_some_and(|known| now >= known.expires_at) {
        return lost(draft, now, Status::Expired, "the access token has ended");
    }
    let Some(integration) = draft.integration.clone() else { return };
    if integration.checking_since.is_some_and(|since| now >= since + TOKEN_CHECK_AGAIN) {
        let mut next = Integration::clone(&integration);
        next.checking_since = Some(now);
        draft.emit(UserEvent::IntegrationSet(Arc::new(next)));
        ask_again(draft);
    }
    refresh::tick(draft, now);
    webhooks::tick(draft, now);
}

/// Asks again when the answer was lost with the activation.
pub(super) fn recover(draft: &mut Draft<User>, now: Timestamp) {
    if draft.integration.as_ref().is_some_and(|known| known.checking_since.is_some()) {
        ask_again(draft);
    }
    refresh::recover(draft, now);
    webhooks::recover(draft, now);
}
