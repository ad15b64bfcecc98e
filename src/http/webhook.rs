//! `/api/webhooks/instagram`: handshake and deliveries.
//!
//! 200 means that every item of the delivery is durable, or was already. Nothing with a valid signature is ever answered
//! 4xx because of its content: the platform would retry in vain and then switch the subscription off.

use super::{
    error::retry_after_value,
    limits::{Arriving, DELIVERY_DEADLINE, RETRY_AFTER, WebhookLimits},
    router::Door,
};
use crate::{delivery, metric_definitions as names};
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::BytesMut;
use http_body_util::BodyExt;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use subtle::ConstantTimeEq;

/// Longest challenge that is echoed, in characters.
const CHALLENGE_CHARS_MAX: usize = 512;
/// Bodies above this many bytes are verified and cut off the async threads.
const INLINE_BYTES_MAX: usize = 256 * 1024;
/// `sha256=` and 64 hexadecimal digits.
const SIGNATURE_BYTES: usize = 7 + 64;
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
            door.app.webhook_counters.accepted.increment(1);
            (StatusCode::OK, "EVENT_RECEIVED").into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn accept(door: &Door, headers: &HeaderMap, body: Body) -> Result<(), Refusal> {
    precheck(&door.webhooks, headers, &body)?;
    let mut arriving = door.webhooks.arriving().ok_or(Refusal::Busy)?;
    let reading = read_body(&door.webhooks, &mut arriving, body);
    let bytes = within(door.webhooks.body_timeout, reading).await.ok_or(Refusal::TooSlow)??;
    // Only now: whoever sends slowly, or nothing, takes the place of no delivery that is whole.
    let _permit = door.webhooks.admit(arriving).ok_or(Refusal::Busy)?;
    let signatures: Vec<HeaderValue> = headers.get_all(SIGNATURE).iter().cloned().collect();
    // Commands that were handed over go on after the deadline; their redelivery is a duplicate.
    within(DELIVERY_DEADLINE, open_and_deliver(door, signatures, bytes)).await.unwrap_or(Err(Refusal::Busy))
}

async fn within<T>(deadline: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(deadline, work).await.ok()
}

async fn open_and_deliver(door: &Door, signatures: Vec<HeaderValue>, bytes: Bytes) -> Result<(), Refusal> {
    let app = Arc::clone(&door.app);
    let opened = if bytes.len() <= INLINE_BYTES_MAX {
        delivery::open(&app, &signatures, &bytes)
    } else {
        let opening = tokio::task::spawn_blocking(move || delivery::open(&app, &signatures, &bytes));
        opening.await.map_err(|_| Refusal::Busy)?
    };
    let parcels = opened.map_err(|_| Refusal::Unsigned)?;
    delivery::deliver(&door.app, parcels).await.map_err(|not_stored| {
        tracing::warn!(reason = %not_stored, "webhook not stored, the platform will deliver it again");
        Refusal::Busy
    })
}

/// Everything that costs nothing: encoding, declared length, shape of the signature header.
fn precheck(limits: &WebhookLimits, headers: &HeaderMap, body: &Body) -> Result<(), Refusal> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        return Err(Refusal::Encoded);
    }
    let mut signatures = headers.get_all(SIGNATURE).iter();
    let (Some(only), None) = (signatures.next(), signatures.next()) else {
        return Err(Refusal::Unsigned);
    };
    if only.len() != SIGNATURE_BYTES {
        return Err(Refusal::Unsigned);
    }
    if body.size_hint().lower() > limits.body_bytes_max as u64 {
        return Err(Refusal::TooLarge);
    }
    Ok(())
}

async fn read_body(
    limits: &WebhookLimits,
    arriving: &mut Arriving,
    mut body: Body,
) -> Result<Bytes, Refusal> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(|_| Refusal::Broken)?.into_data() else { continue };
        if whole.len().saturating_add(chunk.len()) > limits.body_bytes_max {
            return Err(Refusal::TooLarge);
        }
        if !arriving.grow(chunk.len()) {
            return Err(Refusal::Busy);
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(chunk);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}
