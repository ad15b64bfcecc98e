//! Signing in with Google, and linking an account there.

mod callback;
mod enter;
mod link;
mod one_tap;
mod request;
mod round_trip;
mod sign_in;
mod tokens;

pub(super) use self::{
    callback::{back, posted},
    link::link,
    one_tap::one_tap,
    sign_in::sign_in,
    tokens::{account_info, get_access_token, refresh_token},
};

use super::call::Call;
use crate::auth::{
    error::{AuthError, Refusal},
    google::{GoogleClient, IdTokenError, Person},
};
use greenroom_actors::identity::row::Provider;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// Hint given while the provider's keys cannot be had.
const KEYS_RETRY_AFTER: Duration = Duration::from_secs(5);

/// The client of a provider.
///
/// # Errors
/// For a provider that is unknown, or switched off.
fn provider<'c>(call: &'c Call, id: &str) -> Result<&'c GoogleClient, AuthError> {
    let known = Provider::from_id(id).and(call.auth().google.as_ref());
    known.ok_or_else(|| Refusal::ProviderNotFound.into())
}

/// Whom an id token is about that came from a client.
///
/// # Errors
/// `not_genuine` when it is not believed; a retry hint while the keys that would tell cannot be had.
async fn person(
    call: &Call,
    provider_id: &str,
    token: &SecretString,
    nonce: Option<&str>,
    not_genuine: AuthError,
) -> Result<Person, AuthError> {
    let person = provider(call, provider_id)?.verify(token.expose_secret(), nonce, call.now).await;
    person.map_err(|error| match error {
        IdTokenError::KeysUnavailable => AuthError::Overloaded { retry_after: KEYS_RETRY_AFTER },
        IdTokenError::NotGenuine | IdTokenError::Claim(_) => not_genuine,
    })
}
