//! `realtime`: the way to the stream of what happens.

use super::{
    context::Writer,
    declare::{Module, NoArgs, Style},
    failure::CallError,
    when::When,
};
use crate::{
    realtime::{self, Listener, TokenError, Topic},
    round_trips::{REALTIME_LIFETIME, RoundTripError},
    sync::Trouble,
};
use greenroom_actors::shell::AskError;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// The functions of the module.
pub(super) fn module() -> Module {
    Module::new("realtime", Style::Throws).action(
        "getSyncSubscribeToken",
        "A token that opens one stream of what happens, within a minute.",
        token,
    )
}

/// The right to one stream: `GET /api/realtime?token=…`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    /// Good once.
    token: String,
    /// `user:` and the id of the user.
    channel: String,
    /// What the stream tells of; each is the name of an event.
    topics: Vec<Topic>,
    expires_at: When,
}

async fn token(writer: Writer, _: NoArgs) -> Result<Subscription, CallError> {
    let session_id = Arc::clone(&writer.caller.session_id);
    let listener = Listener { user_id: writer.user_id().into(), session_id };
    let token = realtime::issue(writer.app(), &listener).await.map_err(|error| match error {
        TokenError::Keep(
            RoundTripError::Full { retry_after } | RoundTripError::Ask(AskError::Overloaded { retry_after }),
        ) => Trouble::Overloaded { retry_after },
        error => {
            tracing::warn!(%error, "a token of a stream is not kept");
            Trouble::Unavailable
        }
    })?;
    Ok(Subscription {
        token,
        channel: format!("user:{}", writer.user_id()),
        topics: Topic::ALL.to_vec(),
        expires_at: When(writer.now() + REALTIME_LIFETIME),
    })
}
