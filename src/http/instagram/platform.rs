//! What the platform tells: an owner took the permission back, or wants their data deleted. Both are signed.

use crate::{
    connect, erasure,
    http::{
        error::{ApiError, Code},
        router::Door,
    },
};
use axum::{
    Form, Json,
    extract::{Path, State},
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use greenroom_actors::Timestamp;
use greenroom_instagram::{signed_request::SignedRequest, time::UnixMillis};
use serde::Deserialize;
use serde_json::{Value, json};

/// The form that both callbacks send.
#[derive(Deserialize)]
pub(super) struct Signed {
    signed_request: String,
}

fn open(door: &Door, form: &Signed) -> Result<SignedRequest, StatusCode> {
    let now = UnixMillis::from_millis(door.app.clock.now().as_millis());
    door.app.secrets.open_signed_request(&form.signed_request, now).map_err(|error| {
        tracing::warn!(%error, "a callback of the platform is not signed as it should be");
        StatusCode::BAD_REQUEST
    })
}

/// `POST /api/auth/instagram/deauthorize`: 200 also when no such account is known.
pub(super) async fn deauthorize(State(door): State<Door>, Form(form): Form<Signed>) -> Result<(), Response> {
    let request = open(&door, &form).map_err(IntoResponse::into_response)?;
    // The platform tells whole seconds: one that began within the same second came before.
    let at = Timestamp::from_millis(request.issued_at.as_millis() + 999);
    connect::revoked(&door.app, request.user_id.as_str(), at)
        .await
        .map_err(|error| ApiError::from(error).into_response())
}

/// `POST /api/auth/instagram/data-deletion`: durable before it is answered; the same request gets the same code.
pub(super) async fn delete_data(
    State(door): State<Door>,
    Form(form): Form<Signed>,
) -> Result<Json<Value>, Response> {
    let request = open(&door, &form).map_err(IntoResponse::into_response)?;
    let code = erasure::request(&door.app, request.user_id.as_str(), request.issued_at.as_millis())
        .await
        .map_err(|error| ApiError::from(error).into_response())?;
    let url = format!("{}/privacy/deletion/{code}", door.app.auth.origins.own());
    Ok(Json(json!({ "url": url, "confirmation_code": code })))
}

/// `GET /privacy/deletion/{code}`: how far a deletion is, for whoever knows its code.
pub(super) async fn deletion_status(
    State(door): State<Door>,
    Path(code): Path<String>,
) -> Result<Html<String>, ApiError> {
    let found = erasure::status(&door.app, &code).await?;
    let found = found.ok_or_else(|| ApiError::new(Code::NotFound, "no such deletion"))?;
    let date = |at: Option<Timestamp>| {
        at.and_then(|at| jiff::Timestamp::from_millisecond(at.as_millis()).ok())
            .map_or_else(|| "–".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
    };
    Ok(Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Deletion of your data</title>\
         <h1>Deletion of your data</h1><p>Status: <strong>{}</strong></p>\
         <p>Received: {}</p><p>Done: {}</p></html>",
        found.word(),
        date(Some(found.received_at)),
        date(found.done_at),
    )))
}
