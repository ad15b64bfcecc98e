//! Signing up and signing in.

use super::{
    Identity, IdentityEvent, Rejection, Reply, account, claim,
    command::{NewLogin, NewSession, ProviderProfile, SignUp},
    email, field, password, profile,
    row::{Account, Login, Password, UserRow},
    session,
    value::{PasswordHash, RowId},
};
use crate::{Draft, Timestamp};
use greenroom_persistence::DirectoryChange;
use std::sync::Arc;

/// Creates the user, its first account and a session.
pub(super) fn sign_up(draft: &mut Draft<Identity>, now: Timestamp, new: &SignUp) -> Result<Reply, Rejection> {
    if draft.tombstone.is_some() {
        return Err(Rejection::Deleted);
    }
    if draft.user.is_some() {
        return Err(Rejection::UserExists);
    }
    profile::check_name(&new.name)?;
    profile::check_image(new.image.as_deref())?;
    email::check(&new.email)?;
    for (known, value) in new.extra.all().filter(|(known, _)| known.client_writable) {
        field::check(known.field, value.as_ref(), field::Writer::Client)?;
    }
    draft.directory(DirectoryChange::Claim(claim::email_claim(&new.email)));
    draft.emit(IdentityEvent::UserSet(Arc::new(UserRow {
        name: Arc::clone(&new.name),
        email: new.email.clone(),
        email_verified: new.email_verified,
        image: new.image.clone(),
        created_at: now,
        updated_at: now,
        extra: new.extra.clone(),
    })));
    let login = match &new.account.login {
        NewLogin::Password(hash) => Login::Credential { password: Some(Password::chosen(hash.clone())) },
        NewLogin::Provider(login) => Login::Provider(login.clone()),
    };
    let id = new.account.id.clone();
    account::add(draft, Account { id, login, created_at: now, updated_at: now })?;
    if let Some(new) = &new.mail {
        email::send(draft, now, new)?;
    }
    signed_in(draft, now, new.session.as_ref())
}

/// Starts a session for a verified password.
pub(super) fn by_password(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    verified: &PasswordHash,
    rehash: Option<&PasswordHash>,
    new: &NewSession,
) -> Result<Reply, Rejection> {
    password::check_verified(draft, verified)?;
    if let Some(to) = rehash {
        password::rehash(draft, now, verified, to)?;
    }
    signed_in(draft, now, Some(new))
}

/// Starts a session for a user whom a provider vouches for.
pub(super) fn by_provider(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    profile: &ProviderProfile,
    id: &RowId,
    new: &NewSession,
) -> Result<Reply, Rejection> {
    let Some(user) = draft.user.clone() else { return Err(Rejection::NoUser) };
    let login = &profile.login;
    let vouched = profile.email_verified && profile.email == user.email;
    match draft.provider_account(login.provider, &login.account_id).cloned() {
        Some(known) => {
            account::take_over(draft, now, &known, &login.tokens, &[])?;
            if vouched && !user.email_verified {
                email::mark_verified(draft, now);
            }
        }
        // Whoever registered the address first need not be its owner: both sides must have verified it.
        None if !vouched || !user.email_verified => return Err(Rejection::AccountNotLinked),
        None => {
            let login = Login::Provider(login.clone());
            account::add(draft, Account { id: id.clone(), login, created_at: now, updated_at: now })?;
        }
    }
    signed_in(draft, now, Some(new))
}

/// Starts the session, if one is wanted, and answers with the user.
pub(super) fn signed_in(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    new: Option<&NewSession>,
) -> Result<Reply, Rejection> {
    let session = new.map(|new| session::start(draft, now, new)).transpose()?;
    let user = draft.user.clone().ok_or(Rejection::NoUser)?;
    Ok(Reply::SignedIn { user, session })
}
