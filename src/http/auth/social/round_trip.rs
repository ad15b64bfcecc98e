//! What is kept between sending a browser to a provider and its return.

use super::super::call::Call;
use crate::{
    auth::error::AuthError,
    round_trips::{self, PROVIDER, RoundTripError, Whose},
};
use greenroom_actors::identity::SecretHash;
use serde::{Deserialize, Serialize};

/// What the return needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RoundTrip {
    /// Where the browser goes afterwards.
    pub(super) callback_url: String,
    /// Where it goes when something fails.
    pub(super) error_url: Option<String>,
    /// Where it goes when a user was made.
    pub(super) new_user_url: Option<String>,
    /// Proves to the provider that the code came to who asked for it.
    pub(super) code_verifier: String,
    /// An account is to be linked to this user.
    pub(super) link: Option<Link>,
}

/// Who asked for a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) user_id: String,
    /// Hash of the token of the session that asked; it must still be live at the end.
    pub(super) session: SecretHash,
}

/// Where the provider sends browsers back to.
pub(super) fn redirect_uri(call: &Call) -> String {
    format!("{}/callback/google", call.auth().base())
}

/// Whose round trip it is: of the user who links, or of the client's address. Without a known address it is nobody's, and
/// only the bound of all counts.
pub(super) fn owner(call: &Call, link: Option<&Link>) -> Option<SecretHash> {
    let of_client = || (!call.address.is_empty()).then(|| round_trips::client(&call.address));
    link.map(|link| round_trips::user(&link.user_id)).or_else(of_client)
}

/// Keeps a round trip under the hash of its state.
pub(super) async fn start(call: &Call, state: &str, round_trip: &RoundTrip) -> Result<(), AuthError> {
    let whose = Whose { owner: owner(call, round_trip.link.as_ref()), bound_to: None };
    Ok(round_trips::keep(call.app(), PROVIDER, state, round_trip, whose).await?)
}

/// Looks at a round trip without using it up.
pub(super) async fn peek(call: &Call, state: &str) -> Result<Option<RoundTrip>, AuthError> {
    Ok(round_trips::peek(call.app(), PROVIDER, state).await?)
}

/// Uses a round trip up: of racing returns one gets it.
pub(super) async fn take(call: &Call, state: &str) -> Result<Option<RoundTrip>, AuthError> {
    Ok(round_trips::take(call.app(), PROVIDER, state, None).await?)
}

impl From<RoundTripError> for AuthError {
    fn from(error: RoundTripError) -> Self {
        match error {
            RoundTripError::Full { retry_after } => Self::Overloaded { retry_after },
            RoundTripError::TooLong => Self::BodyTooLarge,
            RoundTripError::Seal(error) => error.into(),
            RoundTripError::Ask(error) => error.into(),
        }
    }
}
