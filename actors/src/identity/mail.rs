//! Mails of a user: a small outbox. At least once, bounded attempts, and what is given up is noted.

use super::{
    Identity, IdentityEffect, IdentityEvent, email,
    field::{Invalid, Problem},
    limits::{
        DEAD_MAIL_AGE_MAX, DEAD_REASON_CHARS_MAX, DELETION_LIFETIME, MAIL_ATTEMPTS_MAX, MAIL_LEASE,
        MAIL_RETRY_FIRST, MAIL_RETRY_MAX, MAILS_MAX, RESET_LIFETIME, SEALED_BYTES_MAX, VERIFICATION_LIFETIME,
    },
    value::{Email, Sealed, SecretHash},
};
use crate::{Draft, Timestamp};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// Number of a mail of one user; with the user id it names the mail for the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MailId(pub u64);

/// What a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// Link that sets a new password.
    ResetPassword,
    /// Link that verifies the present address.
    VerifyEmail,
    /// Link, sent to the present address, that agrees to another one.
    ConfirmEmailChange,
    /// Link, sent to the other address, that makes it the present one.
    VerifyNewEmail,
    /// Link that deletes the user.
    DeleteUser,
}

/// A mail to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewMail {
    /// What for.
    pub kind: MailKind,
    /// To whom.
    pub to: Email,
    /// What it says, sealed: it holds a link with a token. Opened by the outlet.
    pub payload: Sealed,
}

/// A mail on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Number.
    pub id: MailId,
    /// What for.
    pub kind: MailKind,
    /// To whom.
    pub to: Email,
    /// What it says, sealed.
    pub payload: Sealed,
    /// Hash of the one-time token that it carries.
    pub token: Option<SecretHash>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When the link in it ends: later it is not worth sending.
    pub expires_at: Timestamp,
    /// Attempts begun.
    pub attempts: u32,
    /// Where it stands.
    pub state: MailState,
}

/// Where a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MailState {
    /// An attempt is out.
    InFlight {
        /// Since when.
        since: Timestamp,
    },
    /// It waits for the next attempt.
    Waiting {
        /// Until when.
        until: Timestamp,
    },
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum MailOutcome {
    /// The transport took it.
    Sent,
    /// Not now.
    Retry {
        /// Why, without secrets.
        reason: String,
        /// The transport's own wish.
        after: Option<Duration>,
    },
    /// Never.
    Rejected {
        /// Why, without secrets.
        reason: String,
    },
}

/// A mail given up. Holds nothing of what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadMail {
    /// Number.
    pub id: MailId,
    /// What for.
    pub kind: MailKind,
    /// To whom.
    pub to: Email,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was given up.
    pub at: Timestamp,
    /// Attempts begun.
    pub attempts: u32,
    /// Why.
    pub cause: DeadCause,
}

/// Why a mail was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeadCause {
    /// The transport refused it.
    Rejected(Arc<str>),
    /// All attempts failed; the last one like this.
    Exhausted(Arc<str>),
    /// The link in it ended.
    Expired,
    /// The link in it stopped working: its token is gone, or the address it was meant for.
    LinkVoid,
    /// It gave way to newer mails.
    Displaced,
}

impl MailKind {
    /// How long the link in it works.
    #[must_use]
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::ResetPassword => RESET_LIFETIME,
            Self::DeleteUser => DELETION_LIFETIME,
            Self::VerifyEmail | Self::ConfirmEmailChange | Self::VerifyNewEmail => VERIFICATION_LIFETIME,
        }
    }
}

impl Mail {
    /// When it wants a look.
    pub(super) fn next_due(&self) -> Timestamp {
        match self.state {
            MailState::InFlight { since } => since + MAIL_LEASE,
            MailState::Waiting { until } => until,
        }
    }

    const fn is_in_flight(&self) -> bool {
        matches!(self.state, MailState::InFlight { .. })
    }

    fn effect(&self) -> IdentityEffect {
        IdentityEffect::SendMail {
            id: self.id,
            attempt: self.attempts,
            kind: self.kind,
            to: self.to.clone(),
            payload: self.payload.clone(),
        }
    }
}

/// The mail is within its bounds.
pub(super) fn check(new: &NewMail) -> Result<(), Invalid> {
    email::check(&new.to)?;
    if new.payload.as_str().len() > SEALED_BYTES_MAX {
        return Err(Invalid { field: "mail", problem: Problem::TooLong(SEALED_BYTES_MAX) });
    }
    Ok(())
}

/// Puts a mail on its way.
pub(super) fn queue(draft: &mut Draft<Identity>, now: Timestamp, new: &NewMail, token: Option<SecretHash>) {
    while draft.mails.len() >= MAILS_MAX {
        // One whose attempt is out may be delivered already, so that it is the last to be taken.
        let oldest = draft.mails.iter().find(|mail| !mail.is_in_flight()).or_else(|| draft.mails.front());
        let Some(oldest) = oldest.cloned() else { break };
        give_up(draft, now, &oldest, DeadCause::Displaced);
    }
    let mail = Arc::new(Mail {
        id: MailId(draft.next_mail),
        kind: new.kind,
        to: new.to.clone(),
        payload: new.payload.clone(),
        token,
        created_at: now,
        expires_at: now + new.kind.lifetime(),
        attempts: 1,
        state: MailState::InFlight { since: now },
    });
    draft.effect(mail.effect());
    draft.emit(IdentityEvent::MailQueued(mail));
}

/// An attempt ended.
pub(super) fn finished(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    id: MailId,
    attempt: u32,
    outcome: &MailOutcome,
) {
    let Some(mail) = draft.mail(id).cloned() else { return };
    match outcome {
        MailOutcome::Sent => draft.emit(IdentityEvent::MailSent(id)),
        // Of an attempt that was given up on: another one is out.
        _ if attempt != mail.attempts || !mail.is_in_flight() => {}
        MailOutcome::Rejected { reason } => {
            give_up(draft, now, &mail, DeadCause::Rejected(shortened(reason)));
        }
        MailOutcome::Retry { reason, after } => postpone(draft, now, &mail, reason, *after),
    }
}

/// Does what is due of the mails.
pub(super) fn tick(draft: &mut Draft<Identity>, now: Timestamp) {
    let due: Vec<Arc<Mail>> = draft.mails.iter().filter(|mail| mail.next_due() <= now).cloned().collect();
    for mail in due {
        match mail.state {
            MailState::InFlight { .. } => postpone(draft, now, &mail, "no outcome", None),
            MailState::Waiting { .. } => attempt(draft, now, &mail),
        }
    }
    let old = draft.dead_mails.iter().take_while(|dead| now.since(dead.at) >= DEAD_MAIL_AGE_MAX).count();
    if old > 0 {
        draft.emit(IdentityEvent::DeadMailsDropped(old));
    }
}

/// Makes attempts again whose outcome was lost with the activation.
pub(super) fn recover(draft: &mut Draft<Identity>, now: Timestamp) {
    let lost: Vec<Arc<Mail>> = draft.mails.iter().filter(|mail| mail.is_in_flight()).cloned().collect();
    for mail in lost {
        if mail.attempts >= MAIL_ATTEMPTS_MAX {
            give_up(draft, now, &mail, DeadCause::Exhausted("no outcome".into()));
        } else {
            attempt(draft, now, &mail);
        }
    }
}

/// Something is out.
pub(super) fn is_busy(identity: &Identity) -> bool {
    identity.mails.iter().any(|mail| mail.is_in_flight())
}

fn attempt(draft: &mut Draft<Identity>, now: Timestamp, mail: &Arc<Mail>) {
    if let Some(cause) = moot(draft, now, mail) {
        return give_up(draft, now, mail, cause);
    }
    let mut next = Mail::clone(mail);
    next.attempts += 1;
    next.state = MailState::InFlight { since: now };
    draft.emit(IdentityEvent::MailStarted { id: mail.id, attempt: next.attempts, at: now });
    draft.effect(next.effect());
}

fn postpone(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    mail: &Arc<Mail>,
    reason: &str,
    after: Option<Duration>,
) {
    let until = now + wait(draft, mail).max(after.unwrap_or_default().min(MAIL_RETRY_MAX));
    if let Some(cause) = moot(draft, until, mail) {
        give_up(draft, now, mail, cause);
    } else if mail.attempts >= MAIL_ATTEMPTS_MAX {
        give_up(draft, now, mail, DeadCause::Exhausted(shortened(reason)));
    } else {
        draft.emit(IdentityEvent::MailPostponed { id: mail.id, until });
    }
}

/// Why an attempt at an instant would be of no use, if so.
fn moot(identity: &Identity, at: Timestamp, mail: &Mail) -> Option<DeadCause> {
    if at >= mail.expires_at {
        return Some(DeadCause::Expired);
    }
    let is_gone = |hash: SecretHash| !identity.tokens.iter().any(|known| known.token == hash);
    let is_former = mail.kind != MailKind::VerifyNewEmail
        && identity.user.as_ref().is_none_or(|user| user.email != mail.to);
    (is_former || mail.token.is_some_and(is_gone)).then_some(DeadCause::LinkVoid)
}

/// The wait after an attempt: doubling, with up to a quarter more, so that mails of many users do not come back together.
fn wait(identity: &Identity, mail: &Mail) -> Duration {
    let doubled = MAIL_RETRY_FIRST.saturating_mul(1 << mail.attempts.saturating_sub(1).min(16));
    let span = doubled.min(MAIL_RETRY_MAX);
    let spread =
        identity.spread.wrapping_mul(mail.id.0.wrapping_add(u64::from(mail.attempts) << 32) | 1) >> 32;
    let percent = u32::try_from(spread % 25).unwrap_or_default();
    span + span / 100 * percent
}

fn give_up(draft: &mut Draft<Identity>, now: Timestamp, mail: &Mail, cause: DeadCause) {
    draft.emit(IdentityEvent::MailDied(Arc::new(DeadMail {
        id: mail.id,
        kind: mail.kind,
        to: mail.to.clone(),
        created_at: mail.created_at,
        at: now,
        attempts: mail.attempts,
        cause,
    })));
}

fn shortened(reason: &str) -> Arc<str> {
    crate::text::cut_chars(reason, DEAD_REASON_CHARS_MAX).0.into()
}
