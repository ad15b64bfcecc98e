//! `/health/live`, `/health/ready` and `/metrics`.

use super::router::Door;
use crate::parts::Readiness;
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde_json::json;

/// The process answers: that is all it says.
pub(super) async fn live() -> impl IntoResponse {
    Json(json!({ "status": "live" }))
}

/// Whether new work is taken. Not while draining, and never again once the journal failed.
pub(super) async fn ready(State(door): State<Door>) -> impl IntoResponse {
    let users = door.app.users.stats();
    let readiness = door.app.readiness();
    let status = match readiness {
        Readiness::Ready => StatusCode::OK,
        Readiness::Draining | Readiness::Failed => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = json!({
        "status": readiness,
        "position": door.app.stores.journal.position().0,
        "resident": users.resident,
        "effects_in_flight": users.effects,
    });
    (status, Json(body))
}

/// `/health/ready` before there is anything to be ready.
pub(super) async fn recovering() -> impl IntoResponse {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "recovering" })))
}

/// Prometheus text.
pub(super) async fn metrics(State(door): State<Door>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], door.app.metrics.render())
}
