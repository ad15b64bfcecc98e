//! `POST /sign-in/social`: by a round trip, or by an id token that the client has.

use super::{
    super::{Outcome, call::Call, shapes},
    enter::{self, Given, Refused},
    request::{self, GivenIdToken},
};
use crate::auth::{
    answer::Answer,
    error::{AuthError, OauthFailure, Refusal, TokenUse},
    google::Person,
};
use serde_json::json;
use std::time::Duration;

/// Signs in.
pub(in crate::http::auth) async fn sign_in(call: &mut Call) -> Outcome {
    let request = request::read(call)?;
    super::provider(call, &request.provider)?;
    let Some(given) = &request.id_token else { return request::begin(call, &request, None).await };
    let person = verified(call, &request.provider, given).await?;
    let entered = match enter::enter(call, &person, &tokens(call, given)).await {
        Ok(entered) => entered,
        Err(Refused::Failure(OauthFailure::EmailNotFound)) => return Err(Refusal::UserEmailNotFound.into()),
        Err(Refused::Failure(failure)) => return Err(AuthError::OauthLinkError(failure)),
        Err(Refused::Error(error)) => return Err(error),
    };
    enter::welcome(call, &entered);
    Ok(Answer::json(&json!({
        "redirect": false,
        "token": entered.token,
        "user": shapes::user(&entered.user_id, &entered.user),
    })))
}

/// Whom an id token of a client is about.
pub(super) async fn verified(call: &Call, provider: &str, given: &GivenIdToken) -> Result<Person, AuthError> {
    let not_genuine = AuthError::InvalidToken(TokenUse::IdToken);
    super::person(call, provider, &given.token, given.nonce.as_deref(), not_genuine).await
}

/// The tokens that came with an id token.
pub(super) fn tokens(call: &Call, given: &GivenIdToken) -> Given {
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
    let now_s = call.now.as_millis() as f64 / 1000.0;
    let lives = given.expires_at.map(|end| end - now_s).filter(|span| span.is_finite());
    Given {
        access: given.access.clone(),
        access_lives: lives.map(|span| Duration::try_from_secs_f64(span).unwrap_or_default()),
        refresh: given.refresh.clone(),
        refresh_lives: None,
        id: Some(given.token.clone()),
        scopes: Vec::new(),
    }
}
