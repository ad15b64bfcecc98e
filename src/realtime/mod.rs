//! What an owner's pages are told as it happens (product contract, section 3.8): which parts of the workspace changed, and
//! how far. What they changed to is asked with the functions; nothing is told that a snapshot does not show.

mod feed;
mod topic;

pub use feed::{Feed, Listener};
pub use topic::Topic;

use crate::{
    auth::random,
    parts::App,
    round_trips::{self, REALTIME, RoundTripError, Whose},
};
use greenroom_actors::signin;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Streams open at once.
pub const STREAMS_MAX: usize = 4_096;
/// Streams of one owner open at once: a few pages.
pub const STREAMS_OF_OWNER_MAX: usize = 16;

/// Whose stream a token opens.
#[derive(Serialize, Deserialize)]
struct Bound {
    user_id: String,
    session_id: String,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The machine gives no random numbers.
    #[error(transparent)]
    Random(#[from] random::NoRandomness),
    /// It is not kept.
    #[error(transparent)]
    Keep(#[from] RoundTripError),
}

/// A token that opens one stream of this session, once, within [`round_trips::REALTIME_LIFETIME`].
///
/// # Errors
/// See [`TokenError`].
pub async fn issue(app: &App, listener: &Listener) -> Result<String, TokenError> {
    let owner = round_trips::user(&listener.user_id);
    let token = signin::draw(Some(&owner), || random::Kind::State.generate(&mut rand::rngs::SysRng))?;
    let bound = Bound {
        user_id: listener.user_id.as_ref().to_owned(),
        session_id: listener.session_id.as_ref().to_owned(),
    };
    let whose = Whose { owner: Some(owner), bound_to: None };
    round_trips::keep(app, REALTIME, &token, &bound, whose).await?;
    Ok(token)
}

/// Uses a token up: whose stream it opens; `None` when it is none, was used or is over.
///
/// # Errors
/// See [`RoundTripError`].
pub async fn take(app: &App, token: &str) -> Result<Option<Listener>, RoundTripError> {
    let bound = match round_trips::take::<Bound>(app, REALTIME, token, None).await {
        // Sealed by a key that is gone: as good as too old.
        Err(RoundTripError::Seal(_)) => None,
        taken => taken?,
    };
    Ok(bound.map(|bound| Listener { user_id: Arc::from(bound.user_id), session_id: bound.session_id.into() }))
}
