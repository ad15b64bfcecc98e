//! The operator's routes, behind the operator's token: explain a decision, see and steer the outbox of a workspace.

use super::{
    error::{ApiError, Code},
    router::Door,
};
use crate::{explain, outbox_view};
use axum::{
    Json,
    extract::{Path, Query, Request, State},
    http::header,
    middleware::Next,
    response::Response,
};
use greenroom_actors::{
    outbox::OutboundId,
    user::{Command, decision::DecisionView},
};
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

/// Refuses everybody without the operator's token, in constant time.
pub(super) async fn authenticate(
    State(door): State<Door>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let offered = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    let expected = door.app.operator_token.expose();
    if expected.is_empty() || !bool::from(offered.as_bytes().ct_eq(expected.as_bytes())) {
        return Err(ApiError::new(Code::Unauthenticated, "the operator's token is missing or wrong"));
    }
    Ok(next.run(request).await)
}

/// The decision record of a message, comment or event key.
pub(super) async fn explain(
    State(door): State<Door>,
    Path((workspace, id)): Path<(String, String)>,
) -> Result<Json<DecisionView>, ApiError> {
    explain::find(&door.app, &workspace, &id).await?.map(Json).ok_or_else(|| {
        ApiError::new(Code::NotFound, format!("no decision on {id:?} in workspace {workspace:?}"))
    })
}

/// How much of the outbox is wanted.
#[derive(Deserialize)]
pub(super) struct Listing {
    /// Messages of each kind; see [`outbox_view::LISTED`].
    limit: Option<usize>,
}

/// What waits with its expected end, what is doubtful, and the dead letters.
pub(super) async fn outbox(
    State(door): State<Door>,
    Path(workspace): Path<String>,
    Query(listing): Query<Listing>,
) -> Result<Json<Value>, ApiError> {
    let state = door.app.users.published(&workspace).await?.state;
    let limit = listing.limit.unwrap_or(outbox_view::LISTED);
    Ok(Json(outbox_view::view(&state.outbox, door.app.clock.now(), limit)))
}

/// `cancel`, `replay` or `resend` of one message.
pub(super) async fn outbox_operation(
    State(door): State<Door>,
    Path((workspace, id, operation)): Path<(String, String, String)>,
) -> Result<Json<Value>, ApiError> {
    let number =
        id.parse().map_err(|_| ApiError::new(Code::NotFound, format!("no message {id:?} in the outbox")))?;
    let outbound = OutboundId::new(number);
    let command = match operation.as_str() {
        "cancel" => Command::CancelOutbound { outbound },
        "replay" => Command::ReplayDeadLetter { outbound },
        "resend" => Command::ResendUnknown { outbound, key: format!("operator:{id}") },
        _ => return Err(ApiError::new(Code::NotFound, "no such operation: cancel, replay or resend")),
    };
    door.app.users.ask(&workspace, command, id.len()).await?;
    Ok(Json(json!({ "ok": true })))
}
