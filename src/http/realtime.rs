//! `GET /api/realtime`: what happens in the workspace, as server-sent events.

use super::{
    caller::{Caller, Visitor},
    error::{ApiError, Code},
    limits::RETRY_AFTER,
    router::Door,
};
use crate::realtime::{self, Feed, Listener};
use axum::{
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use serde::Deserialize;
use std::{convert::Infallible, sync::Arc};

/// What an event source sends when it comes back.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Proxies hand on what they get at once.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const BEARER: &str = "Bearer ";

/// Parameters of a stream.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameters {
    /// Opens one stream, in place of the cookie.
    token: Option<String>,
    /// The same as the header of the name, for whoever comes back by a new token.
    last_event_id: Option<String>,
}

/// The stream of whoever has the cookie of a session, or a token that one of its pages got. An event source can set no
/// header: its token stands in the address, is good for a minute and for one use.
pub(super) async fn subscribe(
    State(door): State<Door>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    Visitor(visitor): Visitor,
) -> Result<Response, ApiError> {
    let signed_out = || ApiError::new(Code::Unauthenticated, "not signed in");
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text(&header::AUTHORIZATION).and_then(|value| value.strip_prefix(BEARER));
    let last = text(&LAST_EVENT_ID).or(parameters.last_event_id.as_deref()).filter(|last| !last.is_empty());
    let last = last.map(str::parse).transpose();
    let last = last.map_err(|_| ApiError::new(Code::Validation, "the last event id is none"))?;
    let token = parameters.token.as_deref().or(bearer);
    let listener = match token {
        Some(token) => realtime::take(&door.app, token).await?,
        None => visitor.as_ref().map(listener),
    };
    let listener = listener.ok_or_else(signed_out)?;
    let busy = || ApiError::new(Code::RateLimited, "too many streams are open").retry_after(RETRY_AFTER);
    let place = door.streams.take(&listener.user_id).ok_or_else(busy)?;
    let feed = Feed::open(Arc::clone(&door.app), listener, last, door.live.stopping()).await?;
    let pieces = stream::unfold((feed, place), |(mut feed, place)| async move {
        let piece = feed.next().await?;
        Some((Ok::<_, Infallible>(piece), (feed, place)))
    });
    let mut response = Body::from_stream(pieces).into_response();
    let told = response.headers_mut();
    told.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    told.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    told.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    if token.is_some() {
        // Whoever has the token may read, wherever the page is from. What a cookie opens stays among our own pages.
        told.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    Ok(response)
}

fn listener(caller: &Caller) -> Listener {
    Listener { user_id: caller.user_id().into(), session_id: caller.session.id.as_str().into() }
}
