//! `POST /sign-up/email`.

use super::{Outcome, call::Call, profile, shapes, verification};
use crate::auth::{
    answer::Answer,
    error::{AuthError, Refusal},
    password::Password,
    random::Kind,
    validate::{self, Shape},
};
use greenroom_actors::{
    Timestamp,
    identity::{
        Command, Email, Rejection, Reply, RowId,
        command::{NewAccount, NewLogin, SignUp},
        field::{self, Extra, ExtraPatch},
        mail::NewMail,
        row::UserRow,
    },
    shell::AskError,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::sync::Arc;

struct Form {
    name: Arc<str>,
    email: Email,
    password: SecretString,
    image: Option<Arc<str>>,
    callback: Option<String>,
    remember: bool,
    extra: ExtraPatch,
}

/// Creates a user with a password, and signs in unless the address must be verified first.
pub(super) async fn by_email(call: &mut Call) -> Outcome {
    let form = read(call)?;
    call.check_form()?;
    let settings = &call.auth().settings;
    if !settings.sign_up {
        return Err(Refusal::SignUpDisabled.into());
    }
    let password = Password::chosen(form.password.expose_secret())?;
    let extra = field::at_sign_up(form.extra).map_err(profile::refused)?;
    // Where an address must be verified first, nobody learns from a sign-up whether it is known.
    let signs_in = settings.sign_in_after_sign_up && !settings.require_email_verification;
    let sends_mail = settings.require_email_verification || settings.verification_mail_on_sign_up;
    if !signs_in {
        call.hide_time();
    }
    let hash = call.hash(password).await?;
    let user_id = call.random(Kind::Id)?;
    let session = if signs_in { Some(call.new_session(form.remember)?) } else { None };
    let mail = match sends_mail && call.auth().sends_mail() {
        true => Some(verification::mail(call, &user_id, &form.email, form.callback.as_deref())?),
        false => None,
    };
    let (session, token) = session.map_or((None, None), |(session, token)| (Some(session), Some(token)));
    let command = SignUp {
        name: form.name,
        email: form.email,
        email_verified: false,
        image: form.image,
        extra,
        account: NewAccount { id: RowId::from(call.random(Kind::Id)?), login: NewLogin::Password(hash) },
        session,
        mail,
    };
    let invented = match signs_in {
        true => None,
        // At the instant at which the row would be made: hashing took a while.
        false => Some((invented(call.app().clock.now(), &command), decoy_of(call, &user_id, &command)?)),
    };
    let (user, session) = match call.ask(&user_id, Command::SignUp(Box::new(command))).await {
        Ok(Reply::SignedIn { user, session }) => (user, session),
        Ok(_) => return Err(AuthError::Internal),
        Err(AskError::Taken { .. }) => match invented {
            Some((user, decoy)) => {
                call.decoy(&user.email, decoy).await?;
                (user, None)
            }
            None => return Err(Refusal::UserAlreadyExists.into()),
        },
        Err(AskError::Rejected(Rejection::Invalid(invalid))) => return Err(profile::refused(invalid)),
        Err(AskError::Rejected(_)) => return Err(Refusal::FailedToCreateUser.into()),
        Err(error) => return Err(error.into()),
    };
    if let Some(token) = &token {
        call.sign_in((token, form.remember), &user_id, &user, session.as_ref());
    }
    Ok(Answer::json(&json!({ "token": token, "user": shapes::user(&user_id, &user) })))
}

fn read(call: &Call) -> Result<Form, AuthError> {
    validate::body(call.body.as_ref(), Shape::ObjectAndRecord, |fields| Form {
        name: fields.string("name").into(),
        email: Email::new(fields.email("email")),
        password: SecretString::from(fields.filled_string("password")),
        image: fields.optional_string("image").map(Into::into),
        callback: fields.optional_string("callbackURL").map(str::to_owned),
        remember: fields.optional_bool("rememberMe").unwrap_or(true),
        extra: profile::extra(fields),
    })
}

/// What is written in place of the user when the address is known.
fn decoy_of(call: &Call, user_id: &str, command: &SignUp) -> Result<NewMail, AuthError> {
    match &command.mail {
        Some(mail) => Ok(mail.clone()),
        None => verification::mail(call, user_id, &command.email, None),
    }
}

/// What a stranger sees who signs up with a known address: the row that would have been made.
fn invented(now: Timestamp, command: &SignUp) -> Arc<UserRow> {
    let extra: Extra = command.extra.clone();
    Arc::new(UserRow {
        name: Arc::clone(&command.name),
        email: command.email.clone(),
        email_verified: false,
        image: command.image.clone(),
        created_at: now,
        updated_at: now,
        extra,
    })
}
