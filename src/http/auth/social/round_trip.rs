//! What is kept between sending a browser to a provider and its return.

use super::super::call::Call;
use crate::{auth::error::AuthError, identities};
use greenroom_actors::{
    identity::SecretHash,
    shell::AskError,
    signin::{self, Command, Pending, Purpose, Rejection, Reply, SignIns},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Name of the sealed field; part of what is authenticated.
const FIELD: &str = "signin.provider";
/// Hint given while too many round trips are open.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(30);

/// What the return needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RoundTrip {
    /// Where the browser goes afterwards.
    pub(super) callback_url: String,
    /// Where it goes when something fails.
    pub(super) error_url: Option<String>,
    /// Where it goes when a user was made.
    pub(super) new_user_url: Option<String>,
    /// Proves to the provider that the code came to who asked for it.
    pub(super) code_verifier: String,
    /// An account is to be linked to this user.
    pub(super) link: Option<Link>,
}

/// Who asked for a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) user_id: String,
    /// Hash of the token of the session that asked; it must still be live at the end.
    pub(super) session: SecretHash,
}

/// Where the provider sends browsers back to.
pub(super) fn redirect_uri(call: &Call) -> String {
    format!("{}/callback/google", call.auth().base())
}

/// Keeps a round trip under the hash of its state.
pub(super) async fn start(call: &Call, state: &str, round_trip: &RoundTrip) -> Result<(), AuthError> {
    let secret = SecretHash::of(state);
    let text = serde_json::to_string(round_trip).map_err(|_| AuthError::Internal)?;
    let pending = Pending {
        purpose: Purpose::Provider,
        value: identities::seal_round_trip(&call.app().keyring, FIELD, &text)?,
        bound_to: None,
        expires_at: call.now + signin::STATE_LIFETIME,
    };
    match ask(call, &secret, Command::Start { secret, pending }).await {
        Ok(_) => Ok(()),
        Err(AskError::Rejected(Rejection::Full { .. })) => {
            Err(AuthError::Overloaded { retry_after: FULL_RETRY_AFTER })
        }
        Err(AskError::Rejected(Rejection::TooLong)) => Err(AuthError::BodyTooLarge),
        Err(error) => Err(error.into()),
    }
}

/// Looks at a round trip without using it up.
pub(super) async fn peek(call: &Call, state: &str) -> Result<Option<RoundTrip>, AuthError> {
    let secret = SecretHash::of(state);
    let published = call.app().sign_ins.published(&signin::shard_of(&secret)).await?;
    let Some(pending) = published.state.peek(&secret, Purpose::Provider, call.now) else { return Ok(None) };
    open(call, pending).map(Some)
}

/// Uses a round trip up: of racing returns one gets it.
pub(super) async fn take(call: &Call, state: &str) -> Result<Option<RoundTrip>, AuthError> {
    let secret = SecretHash::of(state);
    let command = Command::Take { secret, purpose: Purpose::Provider, session: None };
    match ask(call, &secret, command).await {
        Ok(Reply::Taken(pending)) => open(call, &pending).map(Some),
        Ok(Reply::Done) => Err(AuthError::Internal),
        Err(AskError::Rejected(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn ask(call: &Call, secret: &SecretHash, command: Command) -> Result<Reply, AskError<SignIns>> {
    let bytes = command.bytes();
    let answer = call.app().sign_ins.ask(&signin::shard_of(secret), command, bytes).await?;
    Ok(answer.reply)
}

fn open(call: &Call, pending: &Pending) -> Result<RoundTrip, AuthError> {
    let text = identities::open_round_trip(&call.app().keyring, FIELD, &pending.value)?;
    serde_json::from_str(&text).map_err(|_| AuthError::Internal)
}
