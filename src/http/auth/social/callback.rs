//! `/callback/google`: the browser comes back from the provider. Whatever happens, it is sent on.

use super::{
    super::{Outcome, call::Call},
    enter::{self, Given, Refused},
    link,
    round_trip::{self, RoundTrip},
};
use crate::auth::{
    answer::Answer,
    cookie::Name,
    error::{AuthError, OauthFailure},
    google::Person,
    redirect,
};
use greenroom_actors::identity::row::Provider;
use secrecy::ExposeSecret;
use serde_json::Value;
use subtle::ConstantTimeEq;

/// Parameters that a posted callback hands on.
const HANDED_ON: [&str; 7] = ["code", "error", "device_id", "error_description", "state", "user", "iss"];

/// `POST`: the same as a GET with what the form holds; the query wins.
pub(in crate::http::auth) async fn posted(call: &mut Call) -> Outcome {
    let text = |from: Option<&Value>, name: &str| {
        from.and_then(|from| from.get(name)).and_then(Value::as_str).map(str::to_owned)
    };
    let value = |name| text(Some(&call.query), name).or_else(|| text(call.body.as_ref(), name));
    let pairs: Vec<(&str, String)> =
        HANDED_ON.iter().filter_map(|name| Some((*name, value(name)?))).collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let target = format!("{}/callback/{}", call.auth().base(), redirect::encode_component(&call.param));
    Ok(Answer::redirect(&redirect::append(&target, &pairs)))
}

/// Where a failure sends the browser, and what it says there.
struct Failed {
    page: Option<String>,
    code: String,
    description: Option<String>,
}

impl Failed {
    fn at(page: Option<&str>, failure: OauthFailure) -> Self {
        Self { page: page.map(str::to_owned), code: failure.code().to_owned(), description: None }
    }
}

/// `GET`.
pub(in crate::http::auth) async fn back(call: &mut Call) -> Outcome {
    match go_on(call).await? {
        Ok(target) => Ok(Answer::redirect(&target)),
        Err(Failed { page, code, description }) => {
            let page = page.filter(|page| !page.is_empty());
            let page = page.unwrap_or_else(|| format!("{}/error", call.auth().base()));
            let mut pairs = vec![("error", code.as_str())];
            pairs.extend(description.as_deref().map(|words| ("error_description", words)));
            Ok(Answer::redirect(&redirect::append(&page, &pairs)))
        }
    }
}

async fn go_on(call: &mut Call) -> Result<Result<String, Failed>, AuthError> {
    let text = |name: &str| call.query.get(name).and_then(Value::as_str).map(str::to_owned);
    let (state, code, error) = (text("state"), text("code"), text("error"));
    let description = text("error_description");
    let Some(state) = state.filter(|state| !state.is_empty()) else {
        return Ok(Err(Failed::at(None, OauthFailure::StateNotFound)));
    };
    let Some(known) = round_trip::peek(call, &state).await? else {
        return Ok(Err(Failed::at(None, OauthFailure::StateMismatch)));
    };
    let cookie = call.auth().cookies.signed(&call.cookies, Name::State);
    if !cookie.is_some_and(|cookie| bool::from(cookie.as_bytes().ct_eq(state.as_bytes()))) {
        // The row stays: the browser that began may still come.
        return Ok(Err(Failed::at(known.error_url.as_deref(), OauthFailure::StateMismatch)));
    }
    let deleted = call.auth().cookies.delete(Name::State);
    call.set_cookies([deleted]);
    let page = known.error_url.as_deref();
    let Some(round_trip) = round_trip::take(call, &state).await? else {
        return Ok(Err(Failed::at(page, OauthFailure::StateMismatch)));
    };
    if let Some(code) = error.filter(|error| !error.is_empty()) {
        return Ok(Err(Failed { page: page.map(str::to_owned), code, description }));
    }
    let Some(code) = code.filter(|code| !code.is_empty()) else {
        return Ok(Err(Failed::at(page, OauthFailure::NoCode)));
    };
    match finish(call, &round_trip, &code).await {
        Ok(target) => Ok(Ok(target)),
        Err(Refused::Failure(failure)) => Ok(Err(Failed::at(page, failure))),
        Err(Refused::Error(error)) => {
            tracing::warn!(?error, "a sign-in with a provider failed");
            Ok(Err(Failed::at(page, OauthFailure::InternalServerError)))
        }
    }
}

async fn finish(call: &mut Call, round_trip: &RoundTrip, code: &str) -> Result<String, Refused> {
    if Provider::from_id(&call.param).is_none() || call.auth().google.is_none() {
        return Err(Refused::Failure(OauthFailure::ProviderNotFound));
    }
    let (person, given) = exchange(call, round_trip, code).await?;
    if let Some(link) = &round_trip.link {
        link::finish(call, link, &person, &given).await?;
        return Ok(round_trip.callback_url.clone());
    }
    let entered = enter::enter(call, &person, &given).await?;
    enter::welcome(call, &entered);
    let new_user = round_trip.new_user_url.as_ref().filter(|target| entered.is_new && !target.is_empty());
    Ok(new_user.unwrap_or(&round_trip.callback_url).clone())
}

/// The code becomes tokens, the id token a person.
async fn exchange(call: &Call, round_trip: &RoundTrip, code: &str) -> Result<(Person, Given), Refused> {
    let client = super::provider(call, &call.param)?;
    let uri = round_trip::redirect_uri(call);
    let tokens = client.exchange(code, &round_trip.code_verifier, &uri).await.map_err(|error| {
        tracing::warn!(%error, "the provider does not exchange the code");
        Refused::Failure(OauthFailure::InvalidCode)
    })?;
    let given = Given::from(tokens);
    let unknown = || Refused::Failure(OauthFailure::UnableToGetUserInfo);
    let id_token = given.id.as_ref().ok_or_else(unknown)?;
    let person = client.verify(id_token.expose_secret(), None, call.now).await.map_err(|error| {
        tracing::warn!(%error, "the provider's id token is not believed");
        unknown()
    })?;
    Ok((person, given))
}
