//! `GET /api/auth/instagram/callback`: the browser comes back from the consent page.

use super::{
    authorize::{self, RoundTrip, found},
    redirect_uri, return_path,
};
use crate::{
    auth::redirect::append,
    connect::{self, ConnectError},
    http::{
        caller::{Caller, Visitor},
        error::ApiError,
        router::Door,
    },
    identities,
};
use axum::{
    extract::{Query, State},
    response::Response,
};
use greenroom_actors::{
    shell::AskError,
    user::{Command, Rejection},
};
use secrecy::SecretString;
use serde::Deserialize;

/// Errors of the consent page that the web client knows; others are told as `auth_failed`.
const KNOWN_ERRORS: [&str; 1] = ["access_denied"];
/// Longest text of the platform that is logged, in characters.
const LOGGED_CHARS_MAX: usize = 300;

#[derive(Deserialize)]
pub(super) struct Answer {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_reason: Option<String>,
    error_description: Option<String>,
}

/// Why a round trip connected nothing, as the web client is told in `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// The state is unknown, used, too old or of another session: the platform is not called.
    Expired,
    NoCode,
    Denied,
    NotProfessional,
    /// The account belongs to another workspace; whose is not told.
    AccountInUse,
    /// Another account than the one that is to be connected again, or than the one that is connected.
    OtherAccount,
    Failed,
}

impl Failure {
    const fn code(self) -> &'static str {
        match self {
            Self::Expired => "link_expired",
            Self::NoCode => "no_code",
            Self::Denied => "access_denied",
            Self::NotProfessional => "not_professional",
            Self::AccountInUse => "account_in_use",
            Self::OtherAccount => "other_account",
            Self::Failed => "auth_failed",
        }
    }
}

/// Ends a round trip: the browser is sent to where it began, with `success` or `error`.
pub(super) async fn finish(
    State(door): State<Door>,
    Visitor(visitor): Visitor,
    Query(answer): Query<Answer>,
) -> Result<Response, ApiError> {
    let Some(caller) = visitor else { return Ok(back(return_path::DEFAULT, Err(Failure::Expired))) };
    let state = answer.state.as_deref().unwrap_or_default();
    // Used up before anything else, whatever the answer says.
    let Some(round_trip) = authorize::take(&door, caller.session.token, state).await? else {
        return Ok(back(return_path::DEFAULT, Err(Failure::Expired)));
    };
    let outcome = connect(&door, &caller, &round_trip, &answer).await;
    if let Err(failure) = outcome {
        tracing::warn!(failure = failure.code(), "an account was not connected");
    }
    Ok(back(&round_trip.return_to, outcome))
}

fn back(path: &str, outcome: Result<(), Failure>) -> Response {
    let pair = match outcome {
        Ok(()) => ("success", "instagram_connected"),
        Err(failure) => ("error", failure.code()),
    };
    found(&append(path, &[pair]))
}

async fn connect(
    door: &Door,
    caller: &Caller,
    round_trip: &RoundTrip,
    answer: &Answer,
) -> Result<(), Failure> {
    if let Some(error) = &answer.error {
        return Err(refused(error, answer));
    }
    let code = answer.code.as_deref().filter(|code| !code.is_empty()).ok_or(Failure::NoCode)?;
    let app = &door.app;
    let uri = redirect_uri(door);
    let short = app.client.exchange_code(&app.instagram_app, &uri, &SecretString::from(code)).await;
    let short = short.map_err(|error| {
        tracing::warn!(%error, "the platform does not exchange the code");
        Failure::Failed
    })?;
    let long = app.client.long_lived_token(&app.instagram_app, &short.token).await.value;
    let long = long.map_err(|error| {
        tracing::warn!(%error, "the platform gives no long-lived token");
        Failure::Failed
    })?;
    let scopes = short.permissions.unwrap_or_default();
    let expected = round_trip.expected.as_deref();
    match connect::by_token(app, caller.user_id(), &long, scopes, expected).await {
        Ok(_) => keep_only_for_the_living(door, caller).await,
        Err(ConnectError::Unserved(error)) => {
            tracing::warn!(%error, "connected; what had arrived before is served later");
            keep_only_for_the_living(door, caller).await
        }
        Err(ConnectError::NotProfessional) => Err(Failure::NotProfessional),
        Err(ConnectError::Unexpected) => Err(Failure::OtherAccount),
        Err(ConnectError::Ask(AskError::Taken { .. })) => Err(Failure::AccountInUse),
        Err(ConnectError::Ask(AskError::Rejected(Rejection::OtherAccountConnected))) => {
            Err(Failure::OtherAccount)
        }
        Err(error) => {
            tracing::warn!(%error, "an account was not connected");
            Err(Failure::Failed)
        }
    }
}

/// A user who was deleted during the round trip gets no workspace back.
async fn keep_only_for_the_living(door: &Door, caller: &Caller) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "not certain whether a connected workspace still has a user");
        Failure::Failed
    };
    let identity = identities::by_id(&door.app, caller.user_id()).await.map_err(|error| failed(&error))?;
    if identity.state.user().is_some() {
        return Ok(());
    }
    door.app.users.ask(caller.user_id(), Command::Erase, 0).await.map_err(|error| failed(&error))?;
    Err(Failure::Failed)
}

/// The consent page said no. Its words are untrusted.
fn refused(error: &str, answer: &Answer) -> Failure {
    let cut = |text: &Option<String>| -> String {
        text.as_deref().unwrap_or_default().chars().take(LOGGED_CHARS_MAX).collect()
    };
    tracing::info!(
        error = %error.chars().take(LOGGED_CHARS_MAX).collect::<String>(),
        reason = %cut(&answer.error_reason),
        description = %cut(&answer.error_description),
        "the consent page refused"
    );
    if KNOWN_ERRORS.contains(&error) { Failure::Denied } else { Failure::Failed }
}
