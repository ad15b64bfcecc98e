//! One-time tokens: making them with the mail that carries them, using them up, letting them go.

use super::{
    Identity, IdentityEvent, Rejection, Reply, claim,
    event::TokenEnd,
    field::{Invalid, Problem},
    limits::{ONE_TIME_TOKENS_MAX, SWEEP_STEP},
    mail::{self, MailKind, NewMail},
    row::{OneTimeToken, Purpose},
    value::SecretHash,
};
use crate::{Draft, Timestamp};
use greenroom_persistence::DirectoryChange;
use std::{sync::Arc, time::Duration};

/// Keeps and mails a token that allows to set a new password.
pub(super) fn request_reset(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    token: SecretHash,
    new: &NewMail,
) -> Result<Reply, Rejection> {
    issue(draft, now, token, Purpose::ResetPassword, new)
}

/// Keeps and mails a token that allows to delete the user.
pub(super) fn request_deletion(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    token: SecretHash,
    new: &NewMail,
) -> Result<Reply, Rejection> {
    issue(draft, now, token, Purpose::DeleteUser, new)
}

fn issue(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    token: SecretHash,
    purpose: Purpose,
    new: &NewMail,
) -> Result<Reply, Rejection> {
    let kind = match purpose {
        Purpose::ResetPassword => MailKind::ResetPassword,
        Purpose::DeleteUser => MailKind::DeleteUser,
    };
    if new.kind != kind {
        return Err(Invalid { field: "mail", problem: Problem::WrongType }.into());
    }
    mail::check(new)?;
    if draft.tokens.iter().any(|known| known.token == token) {
        return Err(Invalid { field: "token", problem: Problem::Duplicate }.into());
    }
    // Links go to the address that the user has now, whatever it was when the request was read.
    if draft.user.as_ref().is_none_or(|user| user.email != new.to) {
        return Err(Rejection::EmailMismatch);
    }
    make_room(draft, now);
    if let Some(name) = name(purpose, &token) {
        draft.directory(DirectoryChange::Claim(name));
    }
    let expires_at = now + kind.lifetime();
    draft.emit(IdentityEvent::TokenIssued(Arc::new(OneTimeToken {
        token,
        purpose,
        created_at: now,
        expires_at,
    })));
    mail::queue(draft, now, new, Some(token));
    Ok(Reply::Done)
}

/// Uses up a token.
pub(super) fn consume(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    purpose: Purpose,
    token: &SecretHash,
) -> Result<(), Rejection> {
    let known = draft.one_time_token(purpose, token, now).cloned().ok_or(Rejection::InvalidToken)?;
    remove(draft, &known, TokenEnd::Used);
    Ok(())
}

/// Lets go tokens whose time is over.
pub(super) fn sweep(draft: &mut Draft<Identity>, now: Timestamp) {
    let over: Vec<_> = draft.tokens.iter().filter(|token| !token.is_live(now)).cloned().collect();
    for token in over {
        remove(draft, &token, TokenEnd::Expired);
    }
}

/// Lets go every token: who reads the mails of a former address must not get in by one.
pub(super) fn void(draft: &mut Draft<Identity>) {
    let all: Vec<_> = draft.tokens.iter().cloned().collect();
    for token in all {
        remove(draft, &token, TokenEnd::EmailChanged);
    }
}

fn make_room(draft: &mut Draft<Identity>, now: Timestamp) {
    if draft.tokens.len() < ONE_TIME_TOKENS_MAX {
        return;
    }
    sweep(draft, now);
    let surplus = (draft.tokens.len() + 1).saturating_sub(ONE_TIME_TOKENS_MAX);
    let oldest: Vec<_> = draft.tokens.iter().take(surplus).cloned().collect();
    for token in oldest {
        remove(draft, &token, TokenEnd::Displaced);
    }
}

fn remove(draft: &mut Draft<Identity>, known: &OneTimeToken, why: TokenEnd) {
    if let Some(name) = name(known.purpose, &known.token) {
        draft.directory(DirectoryChange::Release(name));
    }
    draft.emit(IdentityEvent::TokenGone { token: known.token, why });
}

/// Name that a token holds: resets are used by people who are not signed in.
pub(super) fn name(purpose: Purpose, token: &SecretHash) -> Option<String> {
    (purpose == Purpose::ResetPassword).then(|| claim::reset_claim(token))
}

impl Identity {
    /// When something expired is to be swept: at one instant per [`SWEEP_STEP`] for everything, and another one for
    /// each identity.
    pub(super) fn sweep_due(&self) -> Option<Timestamp> {
        let sessions = self.sessions.iter().map(|session| session.expires_at);
        let tokens = self.tokens.iter().map(|token| token.expires_at);
        let dead = self.dead_mails.front().map(|dead| dead.at + super::limits::DEAD_MAIL_AGE_MAX);
        let first = sessions.chain(tokens).chain(dead).min()?;
        // Only one millisecond past its end something is over.
        Some(next_slot(first + Duration::from_millis(1), self.spread))
    }
}

/// The first instant at or after `at` that is this identity's turn.
fn next_slot(at: Timestamp, spread: u64) -> Timestamp {
    let step = i64::try_from(SWEEP_STEP.as_millis()).unwrap_or(i64::MAX);
    let turn = i64::try_from(spread % step.unsigned_abs()).unwrap_or_default();
    let behind = at.as_millis().saturating_sub(turn).rem_euclid(step);
    let wait = if behind == 0 { 0 } else { step - behind };
    Timestamp::from_millis(at.as_millis().saturating_add(wait))
}
