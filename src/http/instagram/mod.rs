//! `/api/auth/instagram*`: the owner connects an Instagram account, sees where the connection stands, and ends it; the
//! platform tells that an owner took the permission back or wants their data deleted.

mod authorize;
mod callback;
mod disconnect;
mod platform;
mod return_path;
mod status;

pub(super) use status::missing;

use super::router::Door;
use axum::{
    Router,
    routing::{get, post},
};

/// Path of the callback below the public origin; registered with the platform letter by letter.
const CALLBACK_PATH: &str = "/api/auth/instagram/callback";

/// The routes.
pub(super) fn routes() -> Router<Door> {
    Router::new()
        .route("/api/auth/instagram", get(authorize::begin))
        .route(CALLBACK_PATH, get(callback::finish))
        .route("/api/auth/instagram/status", get(status::status))
        .route("/api/auth/instagram/disconnect", get(disconnect::ask).post(disconnect::disconnect))
        .route("/api/auth/instagram/deauthorize", post(platform::deauthorize))
        .route("/api/auth/instagram/data-deletion", post(platform::delete_data))
        .route("/privacy/deletion/{code}", get(platform::deletion_status))
}

fn redirect_uri(door: &Door) -> String {
    format!("{}{CALLBACK_PATH}", door.app.auth.origins.own())
}
