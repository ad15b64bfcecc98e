//! Passwords of somebody who is signed in.

use super::{
    Outcome,
    call::{Call, Check},
    shapes, sign_in,
};
use crate::{
    auth::{
        answer::Answer,
        error::{AuthError, Refusal},
        password::Password,
        validate::{self, Shape},
    },
    identities::LiveSession,
};
use greenroom_actors::{
    identity::{Command, PasswordHash, Rejection, Reply},
    shell::AskError,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// `POST /change-password`.
pub(super) async fn change(call: &mut Call) -> Outcome {
    let (current, new, revoke) = validate::body(call.body.as_ref(), Shape::Object, |fields| {
        (
            SecretString::from(fields.string("currentPassword")),
            SecretString::from(fields.string("newPassword")),
            fields.optional_bool("revokeOtherSessions").unwrap_or_default(),
        )
    })?;
    let live = call.require_session().await?;
    let new = Password::chosen(new.expose_secret())?;
    let current = Password::attempted(current.expose_secret())?;
    let (verified, _) = verified(call, &live, current).await?;
    let to = call.hash(new).await?;
    // The row lives its full time; only the cookie follows "remember me".
    let session = if revoke { Some(call.new_session(true)?) } else { None };
    let (revoke, token) = session.map_or((None, None), |(session, token)| (Some(session), Some(token)));
    let user_id = &live.identity.user_id;
    let user = match call.ask(user_id, Command::ChangePassword { verified, to, revoke }).await {
        Ok(Reply::SignedIn { user, .. }) => user,
        Ok(_) => return Err(AuthError::Internal),
        Err(error) => return Err(refused(error)),
    };
    if let Some(token) = &token {
        call.issue_session(token);
    }
    Ok(Answer::json(&json!({ "token": token, "user": shapes::user(user_id, &user) })))
}

/// `POST /verify-password`.
pub(super) async fn verify(call: &mut Call) -> Outcome {
    let given = validate::body(call.body.as_ref(), Shape::Object, |fields| {
        SecretString::from(fields.string("password"))
    })?;
    let live = call.require_session().await?;
    let given = Password::attempted(given.expose_secret()).map_err(|_| Refusal::InvalidPassword)?;
    if sign_in::stored_hash(&live.identity).is_none() {
        return Err(Refusal::InvalidPassword.into());
    }
    let (from, better) = verified(call, &live, given).await?;
    if let Some(to) = better {
        call.ask(&live.identity.user_id, Command::Rehash { from, to }).await.map_err(refused)?;
    }
    Ok(Answer::json(&json!({ "status": true })))
}

/// The stored hash that a password of the caller was verified against, and a better one if there is.
///
/// # Errors
/// Without a password, or with another one.
pub(super) async fn verified(
    call: &Call,
    live: &LiveSession,
    given: Password,
) -> Result<(PasswordHash, Option<PasswordHash>), AuthError> {
    let stored = sign_in::stored_hash(&live.identity).ok_or(Refusal::CredentialAccountNotFound)?;
    match call.verify(given, Some(&stored)).await? {
        Check::Matches { better } => Ok((stored, better)),
        Check::Differs => Err(Refusal::InvalidPassword.into()),
    }
}

/// What can have happened between the verification and the command.
pub(super) fn refused(error: AskError<greenroom_actors::identity::Identity>) -> AuthError {
    match error {
        AskError::Rejected(Rejection::PasswordChanged) => Refusal::InvalidPassword.into(),
        AskError::Rejected(Rejection::NoPassword) => Refusal::CredentialAccountNotFound.into(),
        AskError::Rejected(Rejection::NoUser | Rejection::NoSession) => Refusal::Unauthorized.into(),
        error => error.into(),
    }
}
