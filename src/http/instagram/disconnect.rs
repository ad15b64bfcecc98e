//! `/api/auth/instagram/disconnect`: asks on GET, disconnects on POST.

use super::authorize::found;
use crate::{
    connect,
    http::{
        caller::{Caller, Visitor},
        error::ApiError,
        router::Door,
    },
};
use axum::{
    extract::State,
    response::{Html, IntoResponse, Response},
};

const QUESTION: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Disconnect Instagram</title>\
    <h1>Disconnect Instagram?</h1><p>Automations stop and waiting replies are cancelled. Contacts and history stay.</p>\
    <form method=\"post\"><button>Disconnect</button> <a href=\"/settings\">Keep it</a></form></html>";

/// A link must not change anything: it shows a button.
pub(super) async fn ask(Visitor(visitor): Visitor) -> Response {
    if visitor.is_none() { found("/sign-in") } else { Html(QUESTION).into_response() }
}

/// Disconnects. The platform is told as far as it can be; what was waiting to be sent is cancelled either way.
pub(super) async fn disconnect(State(door): State<Door>, caller: Caller) -> Result<Response, ApiError> {
    let target = match connect::disconnect(&door.app, caller.user_id()).await {
        Ok(()) => "/settings?success=instagram_disconnected",
        Err(error) => {
            tracing::warn!(%error, "an account was not disconnected");
            "/settings?error=disconnect_failed"
        }
    };
    Ok(found(target))
}
