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
use crate::auth::error::Refusal;
use crate::auth::{error::AuthError, google::GoogleClient};
use greenroom_actors::identity::row::Provider;

/// The client of a provider.
///
/// # Errors
/// For a provider that is unknown, or switched off.
fn provider<'c>(call: &'c Call, id: &str) -> Result<&'c GoogleClient, AuthError> {
    let known = Provider::from_id(id).and(call.auth().google.as_ref());
    known.ok_or_else(|| Refusal::ProviderNotFound.into())
}
