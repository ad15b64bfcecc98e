//! Downloads of tables.

use super::{
    error::{ApiError, Code},
    router::Door,
};
use crate::exports::ContactExport;
use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Files being made at the same time: each takes a core and some tens of megabytes.
const FILES_MAX: usize = 2;
/// Hint given when more are asked for.
const RETRY_AFTER: Duration = Duration::from_secs(5);

static FILES: Semaphore = Semaphore::const_new(FILES_MAX);

/// The file behind an address: the contacts as they are now.
pub(super) async fn download(
    State(door): State<Door>,
    Path(token): Path<String>,
) -> Result<Response, ApiError> {
    let now = door.app.clock.now();
    let export = ContactExport::open(&token, &door.app.keyring, now)
        .ok_or_else(|| ApiError::new(Code::NotFound, "no such export, or it has expired"))?;
    let Ok(permit) = FILES.try_acquire() else {
        let busy = ApiError::new(Code::RateLimited, "other files are being made");
        return Err(busy.retry_after(RETRY_AFTER));
    };
    let user = door.app.users.published(&export.user_id).await?.state;
    let (name, media_type) = (export.file_name(now), export.format.media_type());
    let made = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        export.file(&user)
    });
    let bytes = made
        .await
        .map_err(|_| ApiError::new(Code::Internal, "the file could not be made"))?
        .map_err(|error| ApiError::new(Code::Validation, error.to_string()))?;
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""))
        .unwrap_or(HeaderValue::from_static("attachment"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, bytes).into_response())
}
