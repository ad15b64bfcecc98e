//! The address of the user: proving it, changing it, and the mails about that.

use super::{
    Identity, Rejection, Reply, claim,
    command::NewSession,
    field::{Invalid, Problem},
    limits::EMAIL_BYTES_MAX,
    mail::{self, MailKind, NewMail},
    profile,
    row::UserRow,
    session, token,
    value::Email,
};
use crate::{Draft, Timestamp};
use greenroom_persistence::DirectoryChange;

/// Mails a signed link.
pub(super) fn send(draft: &mut Draft<Identity>, now: Timestamp, new: &NewMail) -> Result<Reply, Rejection> {
    mail::check(new)?;
    let Some(user) = &draft.user else { return Err(Rejection::NoUser) };
    let is_present = new.to == user.email;
    match new.kind {
        MailKind::VerifyEmail | MailKind::ConfirmEmailChange if !is_present => {
            return Err(Rejection::EmailMismatch);
        }
        MailKind::VerifyEmail if user.email_verified => return Err(Rejection::EmailAlreadyVerified),
        MailKind::VerifyNewEmail if is_present => return Err(Rejection::EmailSame),
        // These carry a token that has to be kept.
        MailKind::ResetPassword | MailKind::DeleteUser => {
            return Err(Invalid { field: "mail", problem: Problem::WrongType }.into());
        }
        MailKind::VerifyEmail | MailKind::ConfirmEmailChange | MailKind::VerifyNewEmail => {}
    }
    mail::queue(draft, now, new, None);
    Ok(Reply::Done)
}

/// The link that verifies an address was followed.
pub(super) fn verify(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    email: &Email,
    new: Option<&NewSession>,
) -> Result<Reply, Rejection> {
    let Some(user) = &draft.user else { return Err(Rejection::NoUser) };
    if user.email != *email {
        return Err(Rejection::EmailMismatch);
    }
    if user.email_verified {
        return Ok(Reply::Verified { already: true, session: None });
    }
    mark_verified(draft, now);
    let session = new.map(|new| session::start(draft, now, new)).transpose()?;
    Ok(Reply::Verified { already: false, session })
}

/// Marks the present address as verified.
pub(super) fn mark_verified(draft: &mut Draft<Identity>, now: Timestamp) {
    if let Some(user) = draft.user.clone() {
        profile::set(draft, now, UserRow { email_verified: true, ..UserRow::clone(&user) });
    }
}

/// Changes the address.
pub(super) fn change(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    from: &Email,
    to: &Email,
    unverify: bool,
    new: Option<&NewMail>,
) -> Result<Reply, Rejection> {
    let Some(user) = draft.user.clone() else { return Err(Rejection::NoUser) };
    if user.email != *from {
        return Err(Rejection::EmailMismatch);
    }
    if from == to {
        return Err(Rejection::EmailSame);
    }
    check(to)?;
    draft.directory(DirectoryChange::Claim(claim::email_claim(to)));
    draft.directory(DirectoryChange::Release(claim::email_claim(from)));
    token::void(draft);
    let email_verified = user.email_verified && !unverify;
    let row = UserRow { email: to.clone(), email_verified, ..UserRow::clone(&user) };
    let user = profile::set(draft, now, row);
    if let Some(new) = new {
        send(draft, now, new)?;
    }
    Ok(Reply::User(user))
}

/// The address has a length that can be claimed.
pub(super) fn check(email: &Email) -> Result<(), Invalid> {
    let problem = match email.as_str().len() {
        0 => Problem::Empty,
        len if len > EMAIL_BYTES_MAX => Problem::TooLong(EMAIL_BYTES_MAX),
        _ => return Ok(()),
    };
    Err(Invalid { field: "email", problem })
}
