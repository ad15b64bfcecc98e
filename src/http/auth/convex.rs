//! Tokens for clients of the sync protocol, and the keys that verify them.
//!
//! A token is made from the session alone: nothing is written for it.

use super::{Outcome, call::Call, shapes};
use crate::auth::{answer::Answer, cookie::Name, error::AuthError, token::Subject};
use greenroom_actors::identity::row::{Session, UserRow};
use serde_json::{Value, json};

/// Lifetime of a token, in seconds.
pub(super) const LIFETIME_S: u32 = crate::auth::token::LIFETIME_S;

/// `GET /convex/token`.
pub(super) async fn issue(call: &mut Call) -> Outcome {
    let live = call.require_session().await?;
    let token = token(call, &live.identity.user_id, &live.user, &live.session)?;
    let cookie = call.auth().cookies.set_plain(Name::ConvexJwt, &token, Some(LIFETIME_S));
    call.set_cookies([cookie]);
    Ok(Answer::json(&json!({ "token": token })).uncacheable())
}

/// A token for a session: the user's own fields but the id, which is the subject, and the picture.
pub(super) fn token(
    call: &Call,
    user_id: &str,
    user: &UserRow,
    session: &Session,
) -> Result<String, AuthError> {
    let Value::Object(user) = shapes::user(user_id, user) else { return Err(AuthError::Internal) };
    let subject = Subject { user_id, session_id: session.id.as_str(), user: &user };
    call.auth().convex.issue(subject, call.now, &mut rand::rngs::SysRng).map_err(|error| {
        tracing::error!(%error, "a token for the sync protocol is not made");
        AuthError::Internal
    })
}

/// `GET /convex/jwks`.
pub(super) async fn keys(call: &mut Call) -> Outcome {
    Ok(Answer::json(&call.auth().convex.jwks()))
}

/// `GET /convex/.well-known/openid-configuration`.
pub(super) async fn discovery(call: &mut Call) -> Outcome {
    Ok(Answer::json(&call.auth().convex.openid_configuration(&call.auth().base())))
}
