//! `POST /one-tap/callback`: an id token from the provider's own button. Errors have no code here.

use super::{
    super::{Outcome, call::Call, shapes},
    enter::{self, Given, Refused},
};
use crate::auth::{
    answer::Answer,
    error::{AuthError, OauthFailure, Refusal},
    validate::{self, Shape},
};
use secrecy::SecretString;
use serde_json::json;

/// What the button grants.
const SCOPES: [&str; 3] = ["openid", "profile", "email"];

/// Signs in.
pub(in crate::http::auth) async fn one_tap(call: &mut Call) -> Outcome {
    let token = validate::body(call.body.as_ref(), Shape::Object, |fields| {
        fields.optional_string("callbackURL");
        SecretString::from(fields.string("idToken"))
    })?;
    let person = super::person(call, "google", &token, None, Refusal::OneTapInvalidIdToken.into()).await?;
    let scopes = SCOPES.map(Into::into).to_vec();
    let given = Given { id: Some(token), scopes, ..Given::default() };
    let entered = enter::enter(call, &person, &given).await.map_err(|refused| match refused {
        Refused::Failure(OauthFailure::EmailNotFound) => Refusal::OneTapEmailNotAvailable.into(),
        Refused::Failure(failure) => AuthError::OneTapLinkError(failure),
        Refused::Error(error) => error,
    })?;
    enter::welcome(call, &entered);
    let user = shapes::user(&entered.user_id, &entered.user);
    Ok(Answer::json(&json!({ "token": entered.token, "user": user })))
}
