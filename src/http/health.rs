//! `/health/live`, `/health/ready` and `/metrics`.

use super::router::Door;
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

/// Whether new work is taken. Not while recovering or draining.
pub(super) async fn ready(State(door): State<Door>) -> impl IntoResponse {
    let users = door.app.users.stats();
    let ready = door.app.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if ready { "ready" } else { "draining" },
        "position": door.app.stores.journal.position().0,
        "resident": users.resident,
        "effects_in_flight": users.effects,
    });
    (status, Json(body))
}

/// Prometheus text.
pub(super) async fn metrics(State(door): State<Door>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], door.app.metrics.render())
}
