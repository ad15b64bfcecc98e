//! `GET /api/auth/instagram/status`: where the connection stands, from what is stored. Never a call to the platform.

use crate::http::{caller::Visitor, error::ApiError, router::Door};
use axum::{Json, extract::State};
use greenroom_actors::user::integration::Permission;
use serde_json::{Value, json};

/// `{"connected":false}` for whoever is not signed in or has no account.
pub(super) async fn status(
    State(door): State<Door>,
    Visitor(visitor): Visitor,
) -> Result<Json<Value>, ApiError> {
    let Some(caller) = visitor else { return Ok(Json(json!({ "connected": false }))) };
    let workspace = match door.app.users.published(caller.user_id()).await {
        Ok(published) => published.state,
        Err(error) => {
            tracing::warn!(%error, "a connection cannot be looked up");
            return Ok(Json(
                json!({ "connected": false, "error": "the connection cannot be looked up just now" }),
            ));
        }
    };
    let now = door.app.clock.now();
    let Some(known) = workspace.integration.as_ref().filter(|known| !known.is_disconnected()) else {
        return Ok(Json(json!({ "connected": false })));
    };
    let expires_at = jiff::Timestamp::from_millisecond(known.expires_at.as_millis()).ok();
    Ok(Json(json!({
        "connected": known.is_usable(now),
        "username": &*known.username,
        "id": known.account.as_str(),
        "status": known.status,
        "expiresAt": expires_at.map(|at| at.to_string()),
        "needsReconnect": !known.is_usable(now),
        "webhooksSubscribed": known.webhooks_subscribed_at.is_some(),
        "missing": missing(&known.missing()),
    })))
}

/// What is off because a permission was not granted, and how to grant it.
pub(in crate::http) fn missing(permissions: &[Permission]) -> Vec<Value> {
    let told = |permission: &Permission| {
        let scope = permission.scope();
        json!({
            "permission": scope,
            "feature": permission.feature(),
            "how": format!("Connect Instagram again and leave the permission {scope} switched on."),
        })
    };
    permissions.iter().map(told).collect()
}
