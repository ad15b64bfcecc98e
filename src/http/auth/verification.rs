//! Verifying an address: the mail, and the link in it, which also completes a change of address.

use super::{Outcome, call::Call, shapes};
use crate::{
    auth::{
        answer::Answer,
        email_token::{self, EmailClaims, EmailTokenError, RequestType},
        error::{AuthError, Refusal, TokenUse},
        random::Kind,
        redirect,
        validate::{self, Shape},
    },
    identities::{self, Found},
};
use greenroom_actors::{
    identity::{
        Command, Email, Rejection, Reply,
        mail::{MailKind, NewMail},
        row::UserRow,
    },
    shell::AskError,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// The mail that verifies the present address of a user.
pub(super) fn mail(
    call: &Call,
    user_id: &str,
    to: &Email,
    callback: Option<&str>,
) -> Result<NewMail, AuthError> {
    link(call, user_id, MailKind::VerifyEmail, to, verifies(user_id, to), callback)
}

fn verifies(user_id: &str, email: &Email) -> EmailClaims {
    EmailClaims {
        email: email.as_str().to_owned(),
        update_to: None,
        request_type: None,
        user_id: Some(user_id.to_owned()),
    }
}

/// What a link of one step of a change of address says.
pub(super) fn changes(user_id: &str, from: &Email, to: &Email, step: RequestType) -> EmailClaims {
    EmailClaims {
        update_to: Some(to.as_str().to_owned()),
        request_type: Some(step),
        ..verifies(user_id, from)
    }
}

const fn seconds(call: &Call) -> i64 {
    call.now.as_millis().div_euclid(1000)
}

/// A mail with a signed link.
pub(super) fn link(
    call: &Call,
    user_id: &str,
    kind: MailKind,
    to: &Email,
    claims: EmailClaims,
    callback: Option<&str>,
) -> Result<NewMail, AuthError> {
    let token = email_token::issue(&call.auth().secrets, claims, seconds(call));
    let target = redirect::encode_component(callback.filter(|target| !target.is_empty()).unwrap_or("/"));
    let url = format!("{}/verify-email?token={token}&callbackURL={target}", call.auth().base());
    call.mail(user_id, kind, to, &url, &token)
}

/// `POST /send-verification-email`.
pub(super) async fn send(call: &mut Call) -> Outcome {
    let (email, callback) = validate::body(call.body.as_ref(), Shape::Object, |fields| {
        (Email::new(fields.email("email")), fields.optional_string("callbackURL").map(str::to_owned))
    })?;
    if !call.auth().sends_mail() {
        return Err(Refusal::VerificationEmailNotEnabled.into());
    }
    match call.session().await? {
        Some(live) if live.user.email != email => return Err(Refusal::EmailMismatch.into()),
        Some(live) if live.user.email_verified => return Err(Refusal::EmailAlreadyVerified.into()),
        Some(live) => {
            let mail = mail(call, &live.identity.user_id, &email, callback.as_deref())?;
            call.ask(&live.identity.user_id, Command::SendMail(mail)).await.map_err(|error| match error {
                AskError::Rejected(Rejection::EmailAlreadyVerified) => Refusal::EmailAlreadyVerified.into(),
                AskError::Rejected(Rejection::EmailMismatch) => Refusal::EmailMismatch.into(),
                AskError::Rejected(Rejection::NoUser) => Refusal::Unauthorized.into(),
                error => AuthError::from(error),
            })?;
        }
        None => {
            call.hide_time();
            send_to_stranger(call, &email, callback.as_deref()).await?;
        }
    }
    Ok(Answer::json(&json!({ "status": true })))
}

async fn send_to_stranger(call: &Call, email: &Email, callback: Option<&str>) -> Result<(), AuthError> {
    let found = identities::by_email(call.app(), email).await?;
    let waits = |found: &Found| found.state.user().is_some_and(|user| !user.email_verified);
    let Some(found) = found.filter(waits) else {
        let nobody = call.random(Kind::Id)?;
        return call.decoy(email, mail(call, &nobody, email, callback)?).await;
    };
    let mail = mail(call, &found.user_id, email, callback)?;
    match call.ask(&found.user_id, Command::SendMail(mail)).await {
        Ok(_) | Err(AskError::Rejected(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// `GET /verify-email`: with a `callbackURL` the browser is sent there, whatever came of it.
pub(super) async fn follow(call: &mut Call) -> Outcome {
    let (token, callback) = validate::query(&call.query, |query| {
        (query.string("token").to_owned(), query.optional_string("callbackURL").map(str::to_owned))
    })?;
    redirect::check_link(&call.auth().origins, &call.query)?;
    let callback = callback.filter(|target| !target.is_empty());
    match (verify(call, &token, callback.as_deref()).await, callback) {
        (Ok(_), Some(target)) => Ok(Answer::redirect(&target)),
        (Ok(body), None) => Ok(Answer::json(&body)),
        (Err(error), Some(target)) => match error.code() {
            Some(code) if !matches!(error, AuthError::Overloaded { .. }) => {
                Ok(Answer::redirect(&redirect::append(&target, &[("error", code)])))
            }
            _ => Err(error),
        },
        (Err(error), None) => Err(error),
    }
}

async fn verify(call: &mut Call, token: &str, callback: Option<&str>) -> Result<Value, AuthError> {
    let read = email_token::read(&call.auth().secrets, token, seconds(call));
    let claims = read.map_err(|error| match error {
        EmailTokenError::Invalid => invalid(),
        EmailTokenError::Expired => Refusal::TokenExpired.into(),
    })?;
    match claims.update_to.clone() {
        Some(to) => change(call, claims, Email::new(&to), callback).await,
        None => confirm(call, &claims).await,
    }
}

const fn invalid() -> AuthError {
    AuthError::InvalidToken(TokenUse::EmailVerification)
}

/// The address becomes verified.
async fn confirm(call: &mut Call, claims: &EmailClaims) -> Result<Value, AuthError> {
    let gone = || AuthError::UserNotFound(TokenUse::EmailVerification);
    let email = Email::new(&claims.email);
    let found = identities::by_email(call.app(), &email).await?.ok_or_else(gone)?;
    let user = found.state.user().cloned().ok_or_else(gone)?;
    if claims.user_id.as_ref().is_some_and(|id| *id != found.user_id) {
        return Err(invalid());
    }
    if !user.email_verified {
        mark(call, &found, email).await?;
    }
    Ok(json!({ "status": true, "user": null }))
}

async fn mark(call: &mut Call, found: &Found, email: Email) -> Result<(), AuthError> {
    let signs_in = call.auth().settings.sign_in_after_verification;
    let own = match signs_in {
        true => call.session().await?.filter(|live| live.identity.user_id == found.user_id),
        false => None,
    };
    let session = if signs_in && own.is_none() { Some(call.new_session(true)?) } else { None };
    let (session, token) = session.map_or((None, None), |(session, token)| (Some(session), Some(token)));
    let reply = call.ask(&found.user_id, Command::VerifyEmail { email, session }).await;
    let already = match reply {
        Ok(Reply::Verified { already, .. }) => already,
        Ok(_) => return Err(AuthError::Internal),
        Err(error) => return Err(refused(error)),
    };
    let token = if own.is_some() { call.session_token() } else { token.filter(|_| !already) };
    if let Some(token) = token {
        call.issue_session(&token);
    }
    Ok(())
}

/// A link of a change of address. It names the address that it changes from, so that it works once.
async fn change(
    call: &mut Call,
    claims: EmailClaims,
    to: Email,
    callback: Option<&str>,
) -> Result<Value, AuthError> {
    let user_id = claims.user_id.as_deref().ok_or_else(invalid)?;
    let found = identities::by_id(call.app(), user_id).await?;
    let gone = || AuthError::UserNotFound(TokenUse::EmailVerification);
    let user = found.state.user().cloned().ok_or_else(gone)?;
    let from = Email::new(&claims.email);
    if user.email != from {
        return Err(invalid());
    }
    let live = call.session().await?;
    if live.as_ref().is_some_and(|live| live.identity.user_id != found.user_id) {
        return Err(Refusal::InvalidUser.into());
    }
    if claims.request_type == Some(RequestType::ChangeConfirmation) {
        let next = changes(user_id, &from, &to, RequestType::ChangeVerification);
        let agreed = link(call, user_id, MailKind::VerifyNewEmail, &to, next, callback)?;
        call.ask(user_id, Command::SendMail(agreed)).await.map_err(refused)?;
        return Ok(json!({ "status": true }));
    }
    let verified = claims.request_type == Some(RequestType::ChangeVerification);
    let another = match !verified && call.auth().sends_mail() {
        true => Some(mail(call, user_id, &to, callback)?),
        false => None,
    };
    let user =
        change_email(call, user_id, Command::ChangeEmail { from, to, unverify: !verified, mail: another })
            .await?;
    if live.is_some() {
        let token = call.session_token().unwrap_or_default();
        call.issue_session(&token);
    }
    Ok(json!({ "status": true, "user": shapes::user(user_id, &user) }))
}

async fn change_email(call: &Call, user_id: &str, command: Command) -> Result<Arc<UserRow>, AuthError> {
    match call.ask(user_id, command).await {
        Ok(Reply::User(user)) => Ok(user),
        Ok(_) => Err(AuthError::Internal),
        // Somebody else has taken the address since.
        Err(AskError::Taken { .. }) => Err(invalid()),
        Err(error) => Err(refused(error)),
    }
}

fn refused(error: AskError<greenroom_actors::identity::Identity>) -> AuthError {
    match error {
        AskError::Rejected(Rejection::NoUser) => AuthError::UserNotFound(TokenUse::EmailVerification),
        AskError::Rejected(Rejection::EmailMismatch | Rejection::EmailSame) => invalid(),
        error => error.into(),
    }
}
