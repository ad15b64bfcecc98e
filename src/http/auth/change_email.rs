//! `POST /change-email`: asks the owner of one address or both, and answers the same whether the new one is taken.

use super::{Outcome, call::Call, verification};
use crate::{
    auth::{
        answer::Answer,
        email_token::RequestType,
        error::{AuthError, Refusal},
        validate::{self, Shape},
    },
    identities::{self, LiveSession},
};
use greenroom_actors::{
    identity::{Command, Email, Rejection, mail::MailKind},
    shell::AskError,
};
use serde_json::json;

/// Begins a change of address.
pub(super) async fn request(call: &mut Call) -> Outcome {
    let (to, callback) = validate::body(call.body.as_ref(), Shape::Object, |fields| {
        (Email::new(fields.email("newEmail")), fields.optional_string("callbackURL").map(str::to_owned))
    })?;
    let live = call.require_session().await?;
    if to == live.user.email {
        return Err(Refusal::EmailIsTheSame.into());
    }
    let settings = &call.auth().settings;
    let at_once = settings.change_unverified_email_at_once && !live.user.email_verified;
    if !call.auth().sends_mail() && !at_once {
        return Err(Refusal::ChangeEmailNotDeliverable.into());
    }
    call.hide_time();
    match (identities::by_email(call.app(), &to).await?, at_once) {
        (None, true) => change_now(call, &live, to, callback.as_deref()).await?,
        (None, false) => send(call, &live, to, callback.as_deref()).await?,
        (Some(_), _) => {
            let mail = verification::mail(call, &live.identity.user_id, &to, callback.as_deref())?;
            call.decoy(&to, mail).await?;
        }
    }
    Ok(Answer::json(&json!({ "status": true })))
}

async fn change_now(
    call: &mut Call,
    live: &LiveSession,
    to: Email,
    callback: Option<&str>,
) -> Result<(), AuthError> {
    let user_id = &live.identity.user_id;
    let mail = match call.auth().sends_mail() {
        true => Some(verification::mail(call, user_id, &to, callback)?),
        false => None,
    };
    let command = Command::ChangeEmail { from: live.user.email.clone(), to, unverify: true, mail };
    match call.ask(user_id, command).await {
        Ok(_) => {
            let token = call.session_token().unwrap_or_default();
            call.issue_session(&token);
            Ok(())
        }
        // Taken, or changed, at the same moment: as if it had been before.
        Err(AskError::Taken { .. } | AskError::Rejected(Rejection::EmailMismatch)) => Ok(()),
        Err(AskError::Rejected(Rejection::NoUser)) => Err(Refusal::Unauthorized.into()),
        Err(error) => Err(error.into()),
    }
}

/// From a verified address the change must be agreed to first; otherwise the new address is verified straight away.
async fn send(call: &Call, live: &LiveSession, to: Email, callback: Option<&str>) -> Result<(), AuthError> {
    let (user_id, from) = (live.identity.user_id.as_str(), &live.user.email);
    let agrees = live.user.email_verified && call.auth().settings.confirm_email_change;
    let (kind, request, recipient) = if agrees {
        (MailKind::ConfirmEmailChange, RequestType::ChangeConfirmation, from)
    } else {
        (MailKind::VerifyNewEmail, RequestType::ChangeVerification, &to)
    };
    let claims = verification::changes(user_id, from, &to, request);
    let mail = verification::link(call, user_id, kind, recipient, claims, callback)?;
    match call.ask(user_id, Command::SendMail(mail)).await {
        // Changed at the same moment: as if the request had come before.
        Ok(_) | Err(AskError::Rejected(Rejection::EmailMismatch)) => Ok(()),
        Err(AskError::Rejected(Rejection::NoUser)) => Err(Refusal::Unauthorized.into()),
        Err(error) => Err(error.into()),
    }
}
