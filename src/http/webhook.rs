//! `/api/webhooks/instagram`: handshake and deliveries.
//!
//! 200 means that every item of the delivery is durable, or was already. Nothing with a valid signature is ever answered
//! 4xx because of its content: the platform would retry in vain and then switch the subscription off.

use super::{
    error::retry_after_value,
    limits::{RETRY_AFTER, WebhookLimits},
    router::Door,
};
use crate::{delivery, metric_definitions as names};
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use serde::Deserialize;
use subtle::ConstantTimeEq;

/// Longest challenge that is echoed, in characters.
const CHALLENGE_CHARS_MAX: usize = 512;
/// Bodies above this many bytes are verified and cut off the async threads.
const INLINE_BYTES_MAX: usize = 256 * 1024;
const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");

#[derive(Deserialize)]
pub(super) struct Handshake {
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    #[serde(rename = "hub.verify_token")]
    verify_token: Option<String>,
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
}

/// `GET`: proves to the platform that the endpoint is ours.
pub(super) async fn handshake(State(door): State<Door>, Query(query): Query<Handshake>) -> Response {
    let Some(challenge) = query.challenge else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let expected = door.app.verify_token.expose();
    let offered = query.verify_token.unwrap_or_default();
    let matches = !expected.is_empty() && bool::from(offered.as_bytes().ct_eq(expected.as_bytes()));
    if query.mode.as_deref() != Some("subscribe")
        || !matches
        || challenge.chars().count() > CHALLENGE_CHARS_MAX
    {
        return StatusCode::FORBIDDEN.into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], challenge).into_response()
}

/// Any other method.
pub(super) async fn other_method() -> impl IntoResponse {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, POST")])
}

/// Why a delivery was refused, each with the status that the platform understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Encoded,
    TooLarge,
    TooSlow,
    Broken,
    Unsigned,
    Busy,
}

impl Refusal {
    const fn label(self) -> &'static str {
        match self {
            Self::Encoded => "encoded",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::Broken => "broken",
            Self::Unsigned => "unsigned",
            Self::Busy => "busy",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::Unsigned => StatusCode::UNAUTHORIZED,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        metrics::counter!(names::WEBHOOKS_REFUSED, "reason" => self.label()).increment(1);
        let mut response = self.status().into_response();
        if self == Self::Busy {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after_value(RETRY_AFTER));
        }
        response
    }
}

/// `POST`: one delivery of up to thousands of items.
pub(super) async fn receive(State(door): State<Door>, headers: HeaderMap, body: Body) -> Response {
    match accept(&door, &headers, body).await {
        Ok(()) => {
            metrics::counter!(names::WEBHOOKS_ACCEPTED).increment(1);
            (StatusCode::OK, "EVENT_RECEIVED").into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn accept(door: &Door, headers: &HeaderMap, body: Body) -> Result<(), Refusal> {
    let expected_bytes = precheck(&door.webhooks, headers, &body)?;
    let _permit = door.webhooks.admit(expected_bytes).ok_or(Refusal::Busy)?;
    let bytes = read_body(&door.webhooks, body).await?;
    let signatures: Vec<HeaderValue> = headers.get_all(SIGNATURE).iter().cloned().collect();
    let app = std::sync::Arc::clone(&door.app);
    if bytes.len() <= INLINE_BYTES_MAX {
        let parcels = delivery::open(&app, &signatures, &bytes).map_err(|_| Refusal::Unsigned)?;
        return deliver(door, parcels).await;
    }
    let opened = tokio::task::spawn_blocking(move || delivery::open(&app, &signatures, &bytes)).await;
    let parcels = opened.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Unsigned)?;
    deliver(door, parcels).await
}

async fn deliver(door: &Door, parcels: delivery::Parcels) -> Result<(), Refusal> {
    delivery::deliver(&door.app, parcels).await.map_err(|not_stored| {
        tracing::warn!(reason = %not_stored, "webhook not stored, the platform will deliver it again");
        Refusal::Busy
    })
}

/// Everything that costs nothing: encoding, declared length, shape of the signature header.
fn precheck(limits: &WebhookLimits, headers: &HeaderMap, body: &Body) -> Result<usize, Refusal> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        return Err(Refusal::Encoded);
    }
    if !headers.contains_key(SIGNATURE) {
        return Err(Refusal::Unsigned);
    }
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > limits.body_bytes_max {
        return Err(Refusal::TooLarge);
    }
    // A body of unknown length may grow to the limit, so that much is reserved.
    Ok(body.size_hint().exact().map_or(limits.body_bytes_max, |_| declared))
}

async fn read_body(limits: &WebhookLimits, body: Body) -> Result<Bytes, Refusal> {
    let limited = http_body_util::Limited::new(body, limits.body_bytes_max);
    match tokio::time::timeout(limits.body_timeout, limited.collect()).await {
        Err(_) => Err(Refusal::TooSlow),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Refusal::TooLarge),
        Ok(Err(_)) => Err(Refusal::Broken),
    }
}
