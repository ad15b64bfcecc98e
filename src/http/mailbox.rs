//! `GET /__sandbox/mail?to=ADDRESS`: what the sandbox's mailbox holds. There only while the sandbox takes the mails.

use super::{
    error::{ApiError, Code},
    router::Door,
};
use crate::auth::mail::Shown;
use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Wanted {
    to: Option<String>,
}

/// `[{"type","to","url","token"}]`, the oldest first.
pub(super) async fn list(
    State(door): State<Door>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Vec<Shown>>, ApiError> {
    let mailbox = door.app.mailbox.as_ref();
    let mailbox = mailbox.ok_or_else(|| ApiError::new(Code::NotFound, "mails leave by another way"))?;
    Ok(Json(mailbox.list(wanted.to.as_deref())))
}
