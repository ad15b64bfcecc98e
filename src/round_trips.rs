//! What is kept, sealed, between sending a browser away and its return: under the hash of a state that only the one who
//! comes back knows, and taken once.

use crate::{identities::SealError, parts::App};
use greenroom_actors::{
    Sealed,
    identity::SecretHash,
    shell::AskError,
    signin::{self, Command, Pending, Purpose, Rejection, Reply, SignIns},
};
use greenroom_persistence::secret::Field;
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// Tenant of what is kept: whose user it is may not be known yet.
const TENANT: &str = "signin";
/// Hint given while too many round trips are open.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(30);

/// A kind of round trip. One of another kind is unknown to it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    purpose: Purpose,
    /// Name of the sealed field; part of what is authenticated.
    field: &'static str,
    /// Time within which it must come back.
    lifetime: Duration,
}

/// Signing in by a provider, or linking one.
pub const PROVIDER: Kind =
    Kind { purpose: Purpose::Provider, field: "signin.provider", lifetime: signin::STATE_LIFETIME };
/// Connecting an Instagram account.
pub const INSTAGRAM: Kind =
    Kind { purpose: Purpose::Instagram, field: "signin.instagram", lifetime: signin::STATE_LIFETIME };
/// Opening a stream of what happens (product contract, section 3.8).
pub const REALTIME: Kind =
    Kind { purpose: Purpose::Realtime, field: "signin.realtime", lifetime: REALTIME_LIFETIME };
/// Time within which a stream must be opened.
pub const REALTIME_LIFETIME: Duration = Duration::from_secs(60);

/// Why a round trip was not kept, or not looked up.
#[derive(Debug, thiserror::Error)]
pub enum RoundTripError {
    /// Too many are open.
    #[error("too many round trips are open")]
    Full {
        /// When trying again makes sense.
        retry_after: Duration,
    },
    /// There is too much to keep.
    #[error("a round trip is too long")]
    TooLong,
    /// It was not sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The entity that keeps it did not answer as it should.
    #[error(transparent)]
    Ask(#[from] AskError<SignIns>),
}

/// Whose a round trip is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whose {
    /// Who began it, when that is known: [`user`] or [`client`]. Of one there are only so many.
    pub owner: Option<SecretHash>,
    /// Hash of the token of the only session that gets it back.
    pub bound_to: Option<SecretHash>,
}

/// The owner of the round trips that a user begins.
#[must_use]
pub fn user(user_id: &str) -> SecretHash {
    SecretHash::of(&format!("user/{user_id}"))
}

/// The owner of the round trips that begin at a client's address.
#[must_use]
pub fn client(address: &str) -> SecretHash {
    SecretHash::of(&format!("client/{address}"))
}

/// Keeps what the return needs under the hash of its state.
///
/// # Errors
/// See [`RoundTripError`].
pub async fn keep<T: Serialize + Sync>(
    app: &App,
    kind: Kind,
    state: &str,
    trip: &T,
    whose: Whose,
) -> Result<(), RoundTripError> {
    let text = serde_json::to_string(trip).map_err(|_| SealError::Form)?;
    let field = Field { tenant: TENANT, name: kind.field };
    let sealed = app.keyring.seal(field, &text, &mut rand::rngs::SysRng).map_err(SealError::from)?;
    let pending = Pending {
        purpose: kind.purpose,
        value: Sealed::from(sealed.as_str()),
        bound_to: whose.bound_to,
        owner: whose.owner,
        expires_at: app.clock.now() + kind.lifetime,
    };
    let secret = SecretHash::of(state);
    match ask(app, &secret, Command::Start { secret, pending }).await {
        Ok(_) => Ok(()),
        Err(AskError::Rejected(Rejection::Full { .. })) => {
            Err(RoundTripError::Full { retry_after: FULL_RETRY_AFTER })
        }
        Err(AskError::Rejected(Rejection::TooLong)) => Err(RoundTripError::TooLong),
        Err(error) => Err(error.into()),
    }
}

/// Looks at a round trip without using it up.
///
/// # Errors
/// See [`RoundTripError`].
pub async fn peek<T: DeserializeOwned>(
    app: &App,
    kind: Kind,
    state: &str,
) -> Result<Option<T>, RoundTripError> {
    let secret = SecretHash::of(state);
    let published = app.sign_ins.published(&signin::shard_of(&secret)).await?;
    let pending = published.state.peek(&secret, kind.purpose, app.clock.now());
    pending.map(|pending| open(app, kind, pending)).transpose()
}

/// Uses a round trip up: of racing returns one gets it, and one that is bound to a session only that session.
///
/// # Errors
/// See [`RoundTripError`].
pub async fn take<T: DeserializeOwned>(
    app: &App,
    kind: Kind,
    state: &str,
    session: Option<SecretHash>,
) -> Result<Option<T>, RoundTripError> {
    let secret = SecretHash::of(state);
    match ask(app, &secret, Command::Take { secret, purpose: kind.purpose, session }).await {
        Ok(Reply::Taken(pending)) => open(app, kind, &pending).map(Some),
        Ok(Reply::Done) | Err(AskError::Rejected(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn ask(app: &App, secret: &SecretHash, command: Command) -> Result<Reply, AskError<SignIns>> {
    let bytes = command.bytes();
    Ok(app.sign_ins.ask(&signin::shard_of(secret), command, bytes).await?.reply)
}

fn open<T: DeserializeOwned>(app: &App, kind: Kind, pending: &Pending) -> Result<T, RoundTripError> {
    let field = Field { tenant: TENANT, name: kind.field };
    let text = app.keyring.open(field, pending.value.as_str()).map_err(SealError::from)?;
    Ok(serde_json::from_str(&text).map_err(|_| SealError::Form)?)
}
