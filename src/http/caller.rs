//! Who is calling: the one way in which a route learns whose entities it may touch.

use super::{
    error::{ApiError, Code},
    router::Door,
};
use crate::{
    auth::cookie::RequestCookies,
    identities::{self, IdentityError},
};
use axum::{
    extract::FromRequestParts,
    http::{Method, header, request::Parts},
};
use greenroom_actors::identity::{
    SecretHash,
    row::{Session, UserRow},
};
use std::{sync::Arc, time::Duration};

/// Hint given when the session cannot be looked up just now.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Somebody who is signed in. A handler that takes it reaches the entities of [`Caller::user_id`] and no others: the id
/// comes from the session, never from the request.
#[derive(Clone, Debug)]
pub struct Caller {
    user_id: Arc<str>,
    /// The user.
    pub user: Arc<UserRow>,
    /// The session.
    pub session: Arc<Session>,
}

impl Caller {
    /// Key of the caller's identity and workspace.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }
}

impl FromRequestParts<Door> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, ApiError> {
        let auth = &door.app.auth;
        let headers = &parts.headers;
        // A request that changes something must come from a page that is trusted: the cookie alone proves nothing.
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            let origin = headers.get(header::ORIGIN).or_else(|| headers.get(header::REFERER));
            let trusted =
                origin.and_then(|origin| origin.to_str().ok()).is_some_and(|o| auth.origins.trusts(o));
            if !trusted {
                return Err(ApiError::new(
                    Code::Forbidden,
                    "the request comes from an origin that is not trusted",
                ));
            }
        }
        signed_in(parts, door).await?.ok_or_else(|| ApiError::new(Code::Unauthenticated, "not signed in"))
    }
}

/// The caller by the session cookie, and by nothing else.
async fn signed_in(parts: &Parts, door: &Door) -> Result<Option<Caller>, ApiError> {
    let cookies = parts.headers.get_all(header::COOKIE).iter().map(|value| value.as_bytes());
    let Some(token) = door.app.auth.cookies.session_token(&RequestCookies::parse(cookies)) else {
        return Ok(None);
    };
    let live = identities::by_session(&door.app, &SecretHash::of(&token), door.app.clock.now()).await?;
    Ok(live.map(|live| Caller {
        user_id: live.identity.user_id.into(),
        user: live.user,
        session: live.session,
    }))
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        tracing::warn!(%error, "a session cannot be looked up");
        Self::new(Code::Unavailable, "the session cannot be looked up just now").retry_after(RETRY_AFTER)
    }
}

/// Whoever visits a page: signed in or not. Nothing may be changed on the strength of it.
#[derive(Clone, Debug)]
pub struct Visitor(pub Option<Caller>);

impl FromRequestParts<Door> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, ApiError> {
        signed_in(parts, door).await.map(Self)
    }
}
