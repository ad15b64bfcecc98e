//! Passwords: only their hashes come here.

use super::{
    Identity, Rejection, Reply, account,
    command::NewSession,
    event::SessionEnd,
    field::{Invalid, Problem},
    limits::PASSWORD_HASH_BYTES_MAX,
    row::{Account, Login, Password, Purpose},
    session, sign_in, token,
    value::{PasswordHash, RowId, SecretHash},
};
use crate::{Draft, Timestamp};

/// Whoever verified this hash has verified the present password.
pub(super) fn check_verified(identity: &Identity, verified: &PasswordHash) -> Result<(), Rejection> {
    let password = identity.password().ok_or(Rejection::NoPassword)?;
    if password.is_verified_by(verified) { Ok(()) } else { Err(Rejection::PasswordChanged) }
}

/// Stores a better hash of the same password, if `from` is what is stored.
pub(super) fn rehash(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    from: &PasswordHash,
    to: &PasswordHash,
) -> Result<Reply, Rejection> {
    check_hash(to)?;
    if draft.password().is_some_and(|password| password.hash == *from) && from != to {
        let rehash_of = Some(SecretHash::of(from.as_str()));
        store(draft, now, Password { hash: to.clone(), rehash_of }, None)?;
    }
    Ok(Reply::Done)
}

/// Changes the password, and with that the sessions if wanted.
pub(super) fn change(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    verified: &PasswordHash,
    to: &PasswordHash,
    revoke: Option<&NewSession>,
) -> Result<Reply, Rejection> {
    check_verified(draft, verified)?;
    check_hash(to)?;
    store(draft, now, Password::chosen(to.clone()), None)?;
    if revoke.is_some() {
        session::end_where(draft, SessionEnd::PasswordChanged, |_| true);
    }
    sign_in::signed_in(draft, now, revoke)
}

/// Uses up a token and sets the password: one decision, so that of racing requests one wins.
pub(super) fn reset(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    token: &SecretHash,
    to: &PasswordHash,
    id: &RowId,
    revoke_sessions: bool,
) -> Result<Reply, Rejection> {
    check_hash(to)?;
    token::consume(draft, now, Purpose::ResetPassword, token)?;
    store(draft, now, Password::chosen(to.clone()), Some(id))?;
    if revoke_sessions {
        return Ok(session::end_where(draft, SessionEnd::PasswordChanged, |_| true));
    }
    Ok(Reply::Ended(0))
}

/// Stores a password in the account for it, or in a new one.
fn store(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    password: Password,
    new: Option<&RowId>,
) -> Result<(), Rejection> {
    let login = Login::Credential { password: Some(password) };
    match (draft.credential().cloned(), new) {
        (Some(known), _) => {
            account::set(draft, Account { login, updated_at: now, ..Account::clone(&known) });
            Ok(())
        }
        (None, Some(id)) => {
            account::add(draft, Account { id: id.clone(), login, created_at: now, updated_at: now })
        }
        (None, None) => Err(Rejection::NoPassword),
    }
}

/// The stored form is no longer than any real one.
pub(super) fn check_hash(hash: &PasswordHash) -> Result<(), Invalid> {
    let problem = match hash.as_str().len() {
        0 => Problem::Empty,
        len if len > PASSWORD_HASH_BYTES_MAX => Problem::TooLong(PASSWORD_HASH_BYTES_MAX),
        _ => return Ok(()),
    };
    Err(Invalid { field: "password", problem })
}
