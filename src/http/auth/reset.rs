//! A forgotten password: the mail, the link in it, the new password.

use super::{Outcome, call::Call};
use crate::{
    auth::{
        answer::Answer,
        error::{AuthError, Refusal, TokenUse},
        password::Password,
        random::Kind,
        redirect,
        validate::{self, Shape},
    },
    identities,
};
use greenroom_actors::{
    identity::{Command, Email, Rejection, RowId, SecretHash, claim, mail::MailKind, row::Purpose},
    shell::AskError,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// `POST /request-password-reset`: the same answer whether the address is known or not.
pub(super) async fn request(call: &mut Call) -> Outcome {
    let (email, target) = validate::body(call.body.as_ref(), Shape::Object, |fields| {
        (Email::new(fields.email("email")), fields.optional_string("redirectTo").map(str::to_owned))
    })?;
    if !call.auth().sends_mail() {
        return Err(Refusal::ResetPasswordDisabled.into());
    }
    call.hide_time();
    let token = call.random(Kind::ResetToken)?;
    let target = redirect::encode_component(target.as_deref().unwrap_or_default());
    let url = format!("{}/reset-password/{token}?callbackURL={target}", call.auth().base());
    let found = identities::by_email(call.app(), &email).await?;
    match found.filter(|found| found.state.user().is_some()) {
        Some(found) => {
            let mail = call.mail(&found.user_id, MailKind::ResetPassword, &email, &url, &token)?;
            let command = Command::RequestReset { token: SecretHash::of(&token), mail };
            match call.ask(&found.user_id, command).await {
                // Deleted, or moved to another address, at this moment: as if it had been before.
                Ok(_) | Err(AskError::Rejected(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        None => {
            let nobody = call.random(Kind::Id)?;
            let mail = call.mail(&nobody, MailKind::ResetPassword, &email, &url, &token)?;
            call.decoy(&email, mail).await?;
        }
    }
    Ok(Answer::json(&json!({
        "status": true,
        "message": "If this email exists in our system, check your email for the reset link",
    })))
}

/// `GET /reset-password/{token}`: the link in the mail. Sends the browser on; nothing is used up.
pub(super) async fn follow(call: &mut Call) -> Outcome {
    let target = validate::query(&call.query, |query| query.string("callbackURL").to_owned())?;
    redirect::check_link(&call.auth().origins, &call.query)?;
    if target.is_empty() {
        let page = format!("{}/error", call.auth().base());
        return Ok(Answer::redirect(&redirect::append(&page, &[("error", "INVALID_TOKEN")])));
    }
    let target = redirect::absolute(call.auth().origins.own(), &target);
    let token = call.param.clone();
    let pair = match is_live(call, &token).await? {
        true => ("token", token.as_str()),
        false => ("error", "INVALID_TOKEN"),
    };
    Ok(Answer::redirect(&redirect::append(&target, &[pair])))
}

async fn is_live(call: &Call, token: &str) -> Result<bool, AuthError> {
    let hash = SecretHash::of(token);
    let found = identities::by_name(call.app(), &claim::reset_claim(&hash)).await?;
    Ok(found
        .is_some_and(|found| found.state.one_time_token(Purpose::ResetPassword, &hash, call.now).is_some()))
}

/// `POST /reset-password`: uses the token up and stores the password, both or neither.
pub(super) async fn set(call: &mut Call) -> Outcome {
    let (new, token) = validate::body(call.body.as_ref(), Shape::Object, |fields| {
        let new = SecretString::from(fields.string("newPassword"));
        (new, fields.optional_string("token").map(str::to_owned))
    })?;
    let in_query = || call.query.get("token").and_then(Value::as_str).map(str::to_owned);
    let token = token.filter(|token| !token.is_empty()).or_else(in_query).filter(|token| !token.is_empty());
    let token = token.ok_or(AuthError::InvalidToken(TokenUse::PasswordReset))?;
    let new = Password::chosen(new.expose_secret())?;
    let hash = SecretHash::of(&token);
    let invalid = || AuthError::InvalidToken(TokenUse::PasswordReset);
    let found = identities::by_name(call.app(), &claim::reset_claim(&hash)).await?.ok_or_else(invalid)?;
    if found.state.one_time_token(Purpose::ResetPassword, &hash, call.now).is_none() {
        return Err(invalid());
    }
    let command = Command::ConsumeReset {
        token: hash,
        to: call.hash(new).await?,
        account: RowId::from(call.random(Kind::Id)?),
        revoke_sessions: call.auth().settings.revoke_sessions_on_reset,
    };
    call.ask(&found.user_id, command).await.map_err(|error| match error {
        AskError::Rejected(Rejection::InvalidToken) => invalid(),
        AskError::Rejected(Rejection::NoUser) => AuthError::UserNotFound(TokenUse::PasswordReset),
        error => error.into(),
    })?;
    Ok(Answer::json(&json!({ "status": true })))
}
