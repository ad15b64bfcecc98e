//! Deleting the user: by password, by a mailed link, or by a fresh session.

use super::{Outcome, call::Call, passwords};
use crate::{
    auth::{
        answer::Answer,
        error::{AuthError, Refusal, TokenUse},
        password::Password,
        random::Kind,
        redirect,
        validate::{self, Shape},
    },
    identities::LiveSession,
};
use greenroom_actors::{
    identity::{Command, Rejection, SecretHash, command::DeletionProof, mail::MailKind},
    shell::AskError,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

struct Form {
    password: Option<SecretString>,
    token: Option<String>,
    callback: Option<String>,
}

/// `POST /delete-user`.
pub(super) async fn delete(call: &mut Call) -> Outcome {
    if !call.auth().settings.delete_user {
        return Err(AuthError::NotFound);
    }
    let form = validate::body(call.body.as_ref(), Shape::Object, |fields| {
        let mut text = |name| fields.optional_string(name).filter(|text| !text.is_empty()).map(str::to_owned);
        Form {
            password: text("password").map(SecretString::from),
            token: text("token"),
            callback: text("callbackURL"),
        }
    })?;
    let live = call.require_session().await?;
    let by_password = match &form.password {
        Some(password) => Some(checked(call, &live, password).await?),
        None => None,
    };
    if let Some(token) = &form.token {
        return by_token(call, &live, token).await.map(|()| deleted());
    }
    if call.auth().settings.confirm_deletion_by_mail && call.auth().sends_mail() {
        send(call, &live, form.callback.as_deref()).await?;
        return Ok(Answer::json(&json!({ "success": true, "message": "Verification email sent" })));
    }
    let proof = match by_password {
        Some(proof) => proof,
        None if call.is_fresh(&live.session) => {
            DeletionProof::FreshSession { token: live.session.token, since: call.fresh_since() }
        }
        None => return Err(Refusal::SessionExpired.into()),
    };
    finish(call, &live, proof).await?;
    Ok(deleted())
}

fn deleted() -> Answer {
    Answer::json(&json!({ "success": true, "message": "User deleted" }))
}

async fn checked(call: &Call, live: &LiveSession, given: &SecretString) -> Result<DeletionProof, AuthError> {
    let given = Password::attempted(given.expose_secret())?;
    let (hash, _) = passwords::verified(call, live, given).await?;
    Ok(DeletionProof::Password(hash))
}

async fn by_token(call: &mut Call, live: &LiveSession, token: &str) -> Result<(), AuthError> {
    finish(call, live, DeletionProof::Token(SecretHash::of(token))).await
}

async fn send(call: &Call, live: &LiveSession, callback: Option<&str>) -> Result<(), AuthError> {
    let token = call.random(Kind::DeletionToken)?;
    let target = redirect::encode_component(callback.unwrap_or("/"));
    let url = format!("{}/delete-user/callback?token={token}&callbackURL={target}", call.auth().base());
    let user_id = &live.identity.user_id;
    let mail = call.mail(user_id, MailKind::DeleteUser, &live.user.email, &url, &token)?;
    let command = Command::RequestDeletion { token: SecretHash::of(&token), mail };
    call.ask(user_id, command).await.map_err(passwords::refused)?;
    Ok(())
}

async fn finish(call: &mut Call, live: &LiveSession, proof: DeletionProof) -> Result<(), AuthError> {
    call.ask(&live.identity.user_id, Command::Delete(proof)).await.map_err(|error| match error {
        AskError::Rejected(Rejection::InvalidToken) => AuthError::InvalidToken(TokenUse::Deletion),
        AskError::Rejected(Rejection::NotFresh) => Refusal::SessionExpired.into(),
        error => passwords::refused(error),
    })?;
    call.clear_session();
    Ok(())
}

/// `GET /delete-user/callback`: the link in the mail, followed by somebody who is signed in.
pub(super) async fn follow(call: &mut Call) -> Outcome {
    if !call.auth().settings.delete_user {
        return Err(Refusal::DeletionNotFound.into());
    }
    let token = validate::query(&call.query, |query| {
        query.optional_string("callbackURL");
        query.string("token").to_owned()
    })?;
    redirect::check_link(&call.auth().origins, &call.query)?;
    let live = call.session().await?.ok_or(Refusal::FailedToGetUserInfo)?;
    by_token(call, &live, &token).await?;
    let target = call.query.get("callbackURL").and_then(Value::as_str).filter(|target| !target.is_empty());
    Ok(target.map_or_else(deleted, Answer::redirect))
}
