//! The operator's routes, behind the operator's token: explain a decision, see and steer the outbox of a workspace.

use super::limits::RETRY_AFTER;
use super::{
    error::{ApiError, Code},
    router::Door,
};
use crate::{
    explain, identities, outbox_view, quarantine_view,
    reseal::{self, ResealError},
    send_stop,
};
use axum::{
    Json,
    extract::{Path, Query, Request, State, rejection::JsonRejection},
    http::header,
    middleware::Next,
    response::Response,
};
use greenroom_actors::{
    Entity, EntityId,
    identity::Email,
    intake::{INTAKE_KEY, Intake},
    outbox::OutboundId,
    shell::AskError,
    user::{Command, User, decision::DecisionView},
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

/// Where a pass goes on.
#[derive(Deserialize)]
pub(super) struct Place {
    /// `next` of the page before.
    after: Option<String>,
}

/// `POST …/keys/reseal`: seals again what older keys sealed, [`reseal::ENTITIES_PER_PAGE`] entities at a time. Safe to
/// repeat.
pub(super) async fn reseal(
    State(door): State<Door>,
    Query(place): Query<Place>,
) -> Result<Json<reseal::Page>, ApiError> {
    let page = reseal::page(&door.app, place.after.as_deref()).await;
    page.map(Json).map_err(|error| match error {
        ResealError::Place(_) => ApiError::new(Code::Validation, error.to_string()),
        _ => ApiError::new(Code::Unavailable, error.to_string()).retry_after(RETRY_AFTER),
    })
}

/// Whose workspace is wanted.
#[derive(Deserialize)]
pub(super) struct OfOwner {
    /// Address that the owner signs in with.
    owner: String,
}

/// `GET …/workspaces?owner=ADDRESS`: the workspace of an owner.
pub(super) async fn workspace_of(
    State(door): State<Door>,
    Query(OfOwner { owner }): Query<OfOwner>,
) -> Result<Json<Value>, ApiError> {
    let found = identities::by_email(&door.app, &Email::new(&owner)).await;
    let found = found.map_err(|error| ApiError::new(Code::Unavailable, error.to_string()))?;
    let found = found.filter(|found| found.state.user().is_some());
    let nobody = || ApiError::new(Code::NotFound, "nobody with this address owns a workspace");
    Ok(Json(json!({ "workspace": found.ok_or_else(nobody)?.user_id })))
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

/// Whether the automatic messages of all workspaces are stopped.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stop {
    stopped: bool,
}

/// `GET …/automatic-sends`: whether they are stopped, and since when (milliseconds).
pub(super) async fn automatic_sends(State(door): State<Door>) -> Result<Json<Value>, ApiError> {
    let since = send_stop::since(&door.app).await.map_err(not_kept)?;
    Ok(Json(
        json!({ "stopped": since.is_some(), "since": since.map(greenroom_actors::Timestamp::as_millis) }),
    ))
}

/// `PUT …/automatic-sends`: stops them, or lets them go on.
pub(super) async fn stop_automatic_sends(
    State(door): State<Door>,
    body: Result<Json<Stop>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(Stop { stopped }) =
        body.map_err(|rejection| ApiError::new(Code::Validation, rejection.body_text()))?;
    send_stop::set(&door.app, stopped).await.map_err(not_kept)?;
    Ok(Json(json!({ "stopped": stopped })))
}

fn not_kept(error: AskError<Intake>) -> ApiError {
    ApiError::new(Code::Unavailable, error.to_string())
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

/// How much of a quarantine is wanted.
#[derive(Deserialize)]
pub(super) struct QuarantineListing {
    /// Items or commands at most; see [`quarantine_view::LISTED`].
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<u64>,
    /// Show what arrived, which holds what people wrote.
    #[serde(default)]
    content: bool,
}

impl QuarantineListing {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(quarantine_view::LISTED).min(quarantine_view::LISTED_MAX)
    }
}

/// What belongs to no workspace: dashboard tests, items of unknown accounts, and what could not be understood.
pub(super) async fn intake(
    State(door): State<Door>,
    Query(listing): Query<QuarantineListing>,
) -> Result<Json<Value>, ApiError> {
    let published = door.app.intake.published(INTAKE_KEY).await;
    let state = published.map_err(|error| ApiError::new(Code::Unavailable, error.to_string()))?.state;
    Ok(Json(quarantine_view::intake(&state, listing.limit(), listing.content)))
}

/// Commands that a workspace could not digest, newest first.
pub(super) async fn quarantine(
    State(door): State<Door>,
    Path(workspace): Path<String>,
    Query(listing): Query<QuarantineListing>,
) -> Result<Json<Value>, ApiError> {
    EntityId::new(User::KIND, &workspace).map_err(|_| ApiError::new(Code::NotFound, "no such workspace"))?;
    let page = door.app.users.quarantined(&workspace, listing.cursor, listing.limit()).await;
    let page = page.map_err(|error| ApiError::new(Code::Unavailable, error.to_string()))?;
    Ok(Json(quarantine_view::commands(&page)))
}

/// Ends a safety stop before its time: the owner has settled with the platform what led to it. Nothing when there is none.
pub(super) async fn lift_safety_stop(
    State(door): State<Door>,
    Path(workspace): Path<String>,
) -> Result<Json<Value>, ApiError> {
    door.app.users.ask(&workspace, Command::LiftSafetyStop, 0).await?;
    Ok(Json(json!({ "ok": true })))
}
