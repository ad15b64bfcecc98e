//! Uploads and the files that came of them (sync contract, section 18).
//!
//! Whoever has the address of a file has the file, from any origin: nothing here reads cookies.

use super::{
    error::{ApiError, Code},
    limits::RETRY_AFTER,
    router::Door,
};
use crate::files::{self, StoreError, TokenError, UploadError};
use axum::{
    Json,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use greenroom_actors::{
    shell::AskError,
    user::{
        Rejection,
        files::{FileRecord, Purpose, file_claim},
    },
};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::json;
use std::{ops::Range, time::Duration};

/// Time within which an upload must have arrived (sync contract, section 18).
const ARRIVES_WITHIN: Duration = Duration::from_secs(120);
const DIGEST: HeaderName = HeaderName::from_static("digest");

/// Parameters of an upload.
#[derive(Deserialize)]
pub(super) struct Parameters {
    #[serde(default)]
    token: String,
}

/// `POST /api/storage/upload?token=…`: the bytes as the body. Answers `{"storageId"}`.
pub(super) async fn upload(
    State(door): State<Door>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let app = &door.app;
    let upload = app.uploads.key.verify(&parameters.token, app.clock.now()).map_err(|error| {
        let code = match error {
            TokenError::Forged => Code::Forbidden,
            TokenError::Expired => Code::Unauthenticated,
        };
        ApiError::new(code, error.to_string())
    })?;
    let digest = digest(&headers)?;
    let busy = || ApiError::new(Code::Unavailable, "too many uploads at once").retry_after(RETRY_AFTER);
    let _room = app.uploads.room.take(&upload.user_id).ok_or_else(busy)?;
    let max = files::bytes_max(upload.purpose);
    let bytes = tokio::time::timeout(ARRIVES_WITHIN, collect(body, max))
        .await
        .unwrap_or_else(|_| Err(ApiError::new(Code::Validation, "the file did not arrive in time")))?;
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    files::take_in(app, &upload, bytes, declared, digest).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(json!({ "storageId": upload.id }))).into_response())
}

async fn collect(mut body: Body, max: usize) -> Result<Bytes, ApiError> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::new(Code::Validation, "the file broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > max {
            return Err(UploadError::TooLarge(max).into());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// What the bytes must hash to, when the client says so: `sha-256=` and base64, among others that are passed over.
fn digest(headers: &HeaderMap) -> Result<Option<[u8; 32]>, ApiError> {
    let wrong = || ApiError::new(Code::Validation, "the digest is none");
    let Some(value) = headers.get(DIGEST) else { return Ok(None) };
    let text = value.to_str().map_err(|_| wrong())?;
    for (name, digest) in text.split(',').filter_map(|one| one.trim().split_once('=')) {
        if name.eq_ignore_ascii_case("sha-256") {
            let bytes = STANDARD.decode(digest).map_err(|_| wrong())?;
            return bytes.try_into().map(Some).map_err(|_| wrong());
        }
    }
    Ok(None)
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let message = error.to_string();
        match error {
            UploadError::NoUser => Self::new(Code::Forbidden, message),
            UploadError::TooLarge(_) | UploadError::Digest | UploadError::Picture(_) => {
                Self::new(Code::Validation, message)
            }
            UploadError::Ask(AskError::Rejected(Rejection::TooSoon { retry_after })) => {
                Self::new(Code::RateLimited, message).retry_after(retry_after)
            }
            UploadError::Ask(error) => error.into(),
            UploadError::Identity(error) => error.into(),
            UploadError::Store(error) => {
                tracing::warn!(%error, "an upload is not stored");
                Self::new(Code::Unavailable, "the file store does not answer")
            }
            UploadError::Broken => Self::new(Code::Internal, message),
        }
    }
}

/// `GET /api/storage/{id}`: the file, or one range of it.
pub(super) async fn serve(
    State(door): State<Door>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let missing = || ApiError::new(Code::NotFound, "no such file");
    let app = &door.app;
    if !files::is_id(&id) {
        return Err(missing());
    }
    let owner = app.stores.directory.lookup(&file_claim(&id)).await;
    let owner = owner.map_err(|error| ApiError::new(Code::Unavailable, error.to_string()))?;
    let owner = owner.ok_or_else(missing)?;
    let user = app.users.published(owner.key()).await?.state;
    let file = user.files.get(&id).ok_or_else(missing)?;
    let range = match headers.get(header::RANGE).and_then(|value| value.to_str().ok()) {
        None => None,
        Some(text) => match range(text, file.bytes) {
            Asked::Whole => None,
            Asked::Part(range) => Some(range),
            Asked::Nothing => return Ok(unsatisfiable(file)),
        },
    };
    let body = match app.uploads.store.get(owner.key(), file, range.clone()).await {
        Ok(body) => Body::from_stream(body),
        Err(StoreError::Missing) => return Err(missing()),
        Err(error) => {
            tracing::warn!(%error, "a file is not served");
            return Err(ApiError::new(Code::Unavailable, "the file store does not answer"));
        }
    };
    Ok(answer(file, range, body))
}

fn answer(file: &FileRecord, range: Option<Range<u64>>, body: Body) -> Response {
    let mut response = body.into_response();
    let length = range.as_ref().map_or(file.bytes, |range| range.end - range.start);
    if let Some(range) = &range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let text = format!("bytes {}-{}/{}", range.start, range.end - 1, file.bytes);
        insert(response.headers_mut(), header::CONTENT_RANGE, &text);
    }
    let headers = response.headers_mut();
    insert(headers, header::CONTENT_TYPE, &file.content_type);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=2592000"));
    // What an owner uploaded must not run as a page of ours, whatever it is.
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
    );
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if file.purpose == Purpose::Attachment {
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    insert(headers, DIGEST, &format!("sha-256={}", STANDARD.encode(file.sha256)));
    response
}

fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

fn unsatisfiable(file: &FileRecord) -> Response {
    let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    insert(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{}", file.bytes));
    response
}

/// What a range asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// No range that is understood, or several: the whole.
    Whole,
    Part(Range<u64>),
    /// Nothing that there is.
    Nothing,
}

fn range(text: &str, bytes: u64) -> Asked {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::Whole;
    };
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let (first, end): (Option<u64>, Option<u64>) = (number(first.trim()), number(last.trim()));
    let part = match (first, end) {
        (Some(first), Some(last)) if first > last => return Asked::Whole,
        (Some(first), Some(last)) => first..last.saturating_add(1).min(bytes),
        (Some(first), None) if last.trim().is_empty() => first..bytes,
        (None, Some(count)) if text.starts_with("bytes=-") => bytes.saturating_sub(count)..bytes,
        _ => return Asked::Whole,
    };
    if part.start < part.end { Asked::Part(part) } else { Asked::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_single_and_within_the_file() {
        for (text, asked) in [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=2-99", Asked::Part(2..10)),
            ("bytes=4-", Asked::Part(4..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-99", Asked::Part(0..10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=3-2", Asked::Whole),
            ("bytes=0-1,4-5", Asked::Whole),
            ("bytes=a-", Asked::Whole),
            ("lines=0-1", Asked::Whole),
        ] {
            assert_eq!(range(text, 10), asked, "{text}");
        }
    }
}
