//! `POST /sign-in/email`.

use super::{
    Outcome,
    call::{Call, Check},
    shapes, verification,
};
use crate::{
    auth::{
        answer::Answer,
        email,
        error::{AuthError, Refusal},
        password::Password,
        validate::{self, Shape},
    },
    identities::{self, Found},
};
use greenroom_actors::{
    identity::{Command, Email, PasswordHash, Rejection, Reply},
    shell::AskError,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

struct Form {
    email: String,
    password: SecretString,
    callback: Option<String>,
    remember: bool,
}

/// Starts a session for an address and its password. Whoever is unknown costs the same work and gets the same answer.
pub(super) async fn by_email(call: &mut Call) -> Outcome {
    let form = validate::body(call.body.as_ref(), Shape::Object, |fields| Form {
        email: fields.string("email").to_owned(),
        password: SecretString::from(fields.string("password")),
        callback: fields.optional_string("callbackURL").map(str::to_owned),
        remember: fields.optional_bool("rememberMe").unwrap_or(true),
    })?;
    call.check_form()?;
    if !email::is_address(&form.email) {
        return Err(Refusal::InvalidEmail.into());
    }
    let password = Password::attempted(form.password.expose_secret())?;
    let found = identities::by_email(call.app(), &Email::new(&form.email)).await?;
    let stored = found.as_ref().and_then(stored_hash);
    let check = call.verify(password, stored.as_ref()).await?;
    let (Some(found), Some(stored), Check::Matches { better }) = (found, stored, check) else {
        return Err(Refusal::InvalidEmailOrPassword.into());
    };
    must_be_verified(call, &found, form.callback.as_deref()).await?;
    let (session, token) = call.new_session(form.remember)?;
    let command = Command::SignIn { verified: stored, rehash: better, session };
    let (user, session) = match call.ask(&found.user_id, command).await {
        Ok(Reply::SignedIn { user, session }) => (user, session),
        Ok(_) => return Err(AuthError::Internal),
        Err(AskError::Rejected(Rejection::NoUser | Rejection::PasswordChanged | Rejection::NoPassword)) => {
            return Err(Refusal::InvalidEmailOrPassword.into());
        }
        Err(error) => return Err(error.into()),
    };
    call.sign_in((&token, form.remember), &found.user_id, &user, session.as_ref());
    let mut body = json!({
        "redirect": form.callback.as_deref().is_some_and(|target| !target.is_empty()),
        "token": token,
        "user": shapes::user(&found.user_id, &user),
    });
    let Some(target) = form.callback else { return Ok(Answer::json(&body)) };
    body["url"] = target.as_str().into();
    Ok(Answer::json(&body).location(&target))
}

/// The hash that the password of a user is verified against.
pub(super) fn stored_hash(found: &Found) -> Option<PasswordHash> {
    found.state.user()?;
    found.state.credential()?.password().cloned()
}

/// Where addresses must be verified, whoever did not is told so, with another mail.
async fn must_be_verified(call: &Call, found: &Found, callback: Option<&str>) -> Result<(), AuthError> {
    let Some(user) = found.state.user() else { return Err(Refusal::InvalidEmailOrPassword.into()) };
    if user.email_verified || !call.auth().settings.require_email_verification {
        return Ok(());
    }
    if call.auth().sends_mail() {
        let mail = verification::mail(call, &found.user_id, &user.email, callback)?;
        match call.ask(&found.user_id, Command::SendMail(mail)).await {
            // Verified, changed or deleted at this moment: the next sign-in finds out.
            Ok(_) | Err(AskError::Rejected(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Refusal::EmailNotVerified.into())
}
