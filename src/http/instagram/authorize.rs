//! `GET /api/auth/instagram`: sends a signed-in owner to the platform's consent page.

use super::{redirect_uri, return_path};
use crate::{
    http::{
        caller::Visitor,
        error::{ApiError, Code},
        router::Door,
    },
    round_trips::{self, INSTAGRAM, RoundTripError, Whose},
};
use axum::{
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use greenroom_actors::{identity::SecretHash, shell::AskError, signin};
use greenroom_instagram::client::{Authorization, Prompt};
use rand::TryRng;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Random bytes of the state that ties the answer of the consent page to the session.
const STATE_BYTES: usize = 32;
/// Where pages send somebody who is not signed in.
const SIGN_IN_PAGE: &str = "/sign-in";

/// What the end of a round trip needs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RoundTrip {
    /// Where the browser goes afterwards.
    pub(super) return_to: String,
    /// The account that is to be connected again; another one is refused.
    pub(super) expected: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Request {
    #[serde(rename = "returnTo")]
    return_to: Option<String>,
    /// `another`: ask for credentials again, to connect another account.
    account: Option<String>,
}

/// Begins a round trip.
pub(super) async fn begin(
    State(door): State<Door>,
    Visitor(visitor): Visitor,
    Query(request): Query<Request>,
) -> Result<Response, ApiError> {
    let Some(caller) = visitor else { return Ok(found(SIGN_IN_PAGE)) };
    let workspace = door.app.users.published(caller.user_id()).await?.state;
    let another = request.account.as_deref() == Some("another");
    // A connection that is to be renewed stays with its account.
    let expected = workspace.integration.as_ref().filter(|known| !another && !known.is_disconnected());
    let round_trip = RoundTrip {
        return_to: return_path::checked(request.return_to.as_deref()).to_owned(),
        expected: expected.map(|known| known.account.as_str().to_owned()),
    };
    let state = start(&door, caller.user_id(), caller.session.token, &round_trip).await?;
    let uri = redirect_uri(&door);
    let authorization = Authorization {
        client_id: &door.app.app_id,
        redirect_uri: &uri,
        state: &state,
        prompt: if another { Prompt::ForceLogin } else { Prompt::Default },
    };
    Ok(found(&door.app.client.authorize_url(&authorization)))
}

/// Keeps the round trip under a fresh state that only this session can use.
async fn start(
    door: &Door,
    user_id: &str,
    session: SecretHash,
    round_trip: &RoundTrip,
) -> Result<SecretString, ApiError> {
    let owner = round_trips::user(user_id);
    let state = SecretString::from(signin::draw(Some(&owner), || {
        let mut bytes = [0_u8; STATE_BYTES];
        rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(|_| unavailable())?;
        Ok::<_, ApiError>(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    })?);
    let whose = Whose { owner: Some(owner), bound_to: Some(session) };
    round_trips::keep(&door.app, INSTAGRAM, state.expose_secret(), round_trip, whose).await?;
    Ok(state)
}

/// Takes the round trip of a state: once, and only for the session that began it.
pub(super) async fn take(
    door: &Door,
    session: SecretHash,
    state: &str,
) -> Result<Option<RoundTrip>, ApiError> {
    match round_trips::take(&door.app, INSTAGRAM, state, Some(session)).await {
        // Sealed by a key that is gone: as good as too old.
        Err(RoundTripError::Seal(_)) => Ok(None),
        taken => Ok(taken?),
    }
}

impl From<RoundTripError> for ApiError {
    fn from(error: RoundTripError) -> Self {
        match error {
            RoundTripError::Full { retry_after }
            | RoundTripError::Ask(AskError::Overloaded { retry_after }) => {
                unavailable().retry_after(retry_after)
            }
            error => {
                tracing::warn!(%error, "a round trip to instagram is not kept or not found");
                unavailable()
            }
        }
    }
}

fn unavailable() -> ApiError {
    ApiError::new(Code::Unavailable, "connecting is not possible just now")
        .retry_after(Duration::from_secs(1))
}

/// 302, with whatever stands in the target kept as it is.
pub(super) fn found(target: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, crate::auth::redirect::location(target))]).into_response()
}
