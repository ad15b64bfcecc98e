//! `POST /link-social`: adds an account at a provider to the user who is signed in.

use super::{
    super::{Outcome, call::Call},
    enter::{Given, Refused},
    request,
    round_trip::Link,
    sign_in,
};
use crate::{
    auth::{
        answer::Answer,
        error::{AuthError, OauthFailure, Refusal},
        google::Person,
        random::Kind,
    },
    identities,
};
use greenroom_actors::{
    identity::{
        Command, Email, Identity, Rejection, RowId,
        command::{LinkFlow, ProviderProfile},
        row::Provider,
    },
    shell::AskError,
};
use serde_json::json;

/// Links by a round trip, or by an id token that the client has.
pub(in crate::http::auth) async fn link(call: &mut Call) -> Outcome {
    let request = request::read(call)?;
    let live = call.require_session().await?;
    super::provider(call, &request.provider)?;
    let user_id = live.identity.user_id;
    let Some(given) = &request.id_token else {
        let link = Link { user_id, session: live.session.token };
        return request::begin(call, &request, Some(link)).await;
    };
    let person = sign_in::verified(call, &request.provider, given).await?;
    // Whose it is comes before what it says; a race is settled by the directory.
    let owner = identities::by_account(call.app(), Provider::Google, &person.sub).await?;
    if owner.is_some_and(|owner| owner.user_id != user_id) {
        return Err(Refusal::SocialAccountAlreadyLinked.into());
    }
    let tokens = sign_in::tokens(call, given);
    let profile = profile(call, &user_id, &person, &tokens).ok_or(Refusal::UserEmailNotFound)??;
    ask(call, &user_id, LinkFlow::IdToken, profile).await.map_err(|error| match error {
        AskError::Taken { .. } => Refusal::SocialAccountAlreadyLinked.into(),
        AskError::Rejected(Rejection::ProviderEmailDiffers) => {
            Refusal::LinkingDifferentEmailsNotAllowed.into()
        }
        AskError::Rejected(Rejection::NoUser) => Refusal::Unauthorized.into(),
        // Not verified there, one account too many, or tokens that are too long to be kept.
        AskError::Rejected(_) => Refusal::LinkingNotAllowed.into(),
        error => AuthError::from(error),
    })?;
    Ok(Answer::json(&json!({ "url": "", "status": true, "redirect": false })))
}

/// The end of a round trip that began with a link.
pub(super) async fn finish(call: &Call, link: &Link, person: &Person, given: &Given) -> Result<(), Refused> {
    let failed = Refused::Failure;
    let profile =
        profile(call, &link.user_id, person, given).ok_or_else(|| failed(OauthFailure::EmailNotFound))??;
    let flow = LinkFlow::Redirect { session: link.session };
    ask(call, &link.user_id, flow, profile).await.map_err(|error| match error {
        AskError::Taken { .. } => failed(OauthFailure::AccountAlreadyLinkedToDifferentUser),
        AskError::Rejected(Rejection::ProviderEmailDiffers) => failed(OauthFailure::EmailDoesNotMatch),
        AskError::Rejected(_) => failed(OauthFailure::UnableToLinkAccount),
        error => AuthError::from(error).into(),
    })
}

/// `None` without an address.
fn profile(
    call: &Call,
    user_id: &str,
    person: &Person,
    given: &Given,
) -> Option<Result<ProviderProfile, AuthError>> {
    let email = Email::new(person.email.as_deref()?);
    let login = given.login(call, user_id, person);
    Some(login.map(|login| ProviderProfile { login, email, email_verified: person.email_verified }))
}

async fn ask(
    call: &Call,
    user_id: &str,
    flow: LinkFlow,
    profile: ProviderProfile,
) -> Result<(), AskError<Identity>> {
    // Without randomness the id would not be unique: nothing is asked then.
    let account = call.random(Kind::Id).map_err(|_| AskError::ShuttingDown)?;
    let command = Command::LinkAccount { flow, profile, account: RowId::from(account) };
    call.ask(user_id, command).await.map(|_| ())
}
