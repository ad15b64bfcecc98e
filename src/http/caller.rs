//! Who is calling: the one way in which a route learns whose entities it may touch.

use super::{
    error::{ApiError, Code},
    router::Door,
};
use crate::{
    auth::{
        cookie::RequestCookies,
        origin::{self, Provenance},
    },
    identities::{self, IdentityError},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, Method, header, request::Parts},
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
        // A request that changes something must come from a page that is trusted: the cookie alone proves nothing.
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            let cookies = cookies_of(parts);
            origin::check_origin(&door.app.auth.origins, &provenance(&parts.headers, &cookies)).map_err(
                |_| ApiError::new(Code::Forbidden, "the request comes from an origin that is not trusted"),
            )?;
        }
        signed_in(parts, door).await?.ok_or_else(|| ApiError::new(Code::Unauthenticated, "not signed in"))
    }
}

fn cookies_of(parts: &Parts) -> RequestCookies {
    RequestCookies::parse(parts.headers.get_all(header::COOKIE).iter().map(|value| value.as_bytes()))
}

/// What the browser says about where a request comes from.
pub(super) fn provenance<'a>(headers: &'a HeaderMap, cookies: &RequestCookies) -> Provenance<'a> {
    const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
    const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    Provenance {
        has_cookies: cookies.is_present(),
        origin: text(&header::ORIGIN),
        referer: text(&header::REFERER),
        fetch_site: text(&FETCH_SITE),
        fetch_mode: text(&FETCH_MODE),
        fetch_dest: text(&FETCH_DEST),
    }
}

/// The caller by the session cookie, and by nothing else.
async fn signed_in(parts: &Parts, door: &Door) -> Result<Option<Caller>, ApiError> {
    let Some(token) = door.app.auth.cookies.session_token(&cookies_of(parts)) else { return Ok(None) };
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
