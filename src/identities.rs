//! The identities behind the auth endpoints: found by a name of the directory, read as published states.

use crate::parts::App;
use greenroom_actors::{
    Entity, EntityId, Timestamp,
    identity::{
        Command, Email, Identity, Reply, Sealed, SecretHash, claim,
        row::{Provider, Session, UserRow},
    },
    shell::{AskError, Published},
};
use greenroom_persistence::{
    EntityIdError, ReadError,
    secret::{Field, Keyring, SecretError},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use zeroize::Zeroizing;

/// An identity that a name led to.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its key: the user id.
    pub user_id: String,
    /// Its newest durable state.
    pub state: Arc<Identity>,
}

/// A live session and its user.
#[derive(Clone, Debug)]
pub struct LiveSession {
    /// The identity it belongs to.
    pub identity: Found,
    /// The session.
    pub session: Arc<Session>,
    /// The user.
    pub user: Arc<UserRow>,
}

/// Why an identity was not found or did not answer. Only [`AskError::Unknown`] leaves open whether anything happened.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The directory cannot be read.
    #[error("directory: {0}")]
    Directory(#[from] ReadError),
    /// The identity did not answer.
    #[error(transparent)]
    Ask(#[from] AskError<Identity>),
}

/// The identity that holds a name; `None` when nobody does.
///
/// # Errors
/// See [`IdentityError`].
pub async fn by_name(app: &App, name: &str) -> Result<Option<Found>, IdentityError> {
    let Some(entity) = app.stores.directory.lookup(name).await? else { return Ok(None) };
    if entity.kind() != Identity::KIND {
        return Ok(None);
    }
    by_id(app, entity.key()).await.map(Some)
}

/// The identity of a user id, whatever is in it.
///
/// # Errors
/// See [`IdentityError`].
pub async fn by_id(app: &App, user_id: &str) -> Result<Found, IdentityError> {
    let Published { state, .. } = app.identities.published(user_id).await?;
    Ok(Found { user_id: user_id.to_owned(), state })
}

/// The identity with an address.
///
/// # Errors
/// See [`IdentityError`].
pub async fn by_email(app: &App, email: &Email) -> Result<Option<Found>, IdentityError> {
    by_name(app, &claim::email_claim(email)).await
}

/// The identity of a user at a provider.
///
/// # Errors
/// See [`IdentityError`].
pub async fn by_account(
    app: &App,
    provider: Provider,
    account_id: &str,
) -> Result<Option<Found>, IdentityError> {
    by_name(app, &claim::account_claim(provider, account_id)).await
}

/// The live session with a token. A name that is left from a session that ended leads nowhere.
///
/// # Errors
/// See [`IdentityError`].
pub async fn by_session(
    app: &App,
    token: &SecretHash,
    now: Timestamp,
) -> Result<Option<LiveSession>, IdentityError> {
    let Some(identity) = by_name(app, &claim::session_claim(token)).await? else { return Ok(None) };
    let session = identity.state.session_by_hash(token, now).cloned();
    let user = identity.state.user().cloned();
    Ok(session.zip(user).map(|(session, user)| LiveSession { identity, session, user }))
}

/// Asks the identity of a user id.
///
/// # Errors
/// What the shell or the identity refuses with.
pub async fn ask(app: &App, user_id: &str, command: Command) -> Result<Reply, AskError<Identity>> {
    let bytes = command.bytes();
    app.identities.ask(user_id, command, bytes).await.map(|answer| answer.reply)
}

/// Entity of an identity: part of what is authenticated when one of its secrets is sealed.
///
/// # Errors
/// When the user id is no key.
pub fn entity(user_id: &str) -> Result<EntityId, EntityIdError> {
    EntityId::new(Identity::KIND, user_id)
}

/// Name of the sealed field that holds a mail; part of what is authenticated.
pub const MAIL_FIELD: &str = "identity.mail";

/// Names of the sealed fields that hold the tokens of a provider: access, refresh, id.
pub const PROVIDER_TOKEN_FIELDS: [&str; 3] =
    ["identity.access_token", "identity.refresh_token", "identity.id_token"];

/// What a mail carries: kept sealed, for the link signs in or changes a password.
#[derive(Debug, Serialize, Deserialize)]
pub struct MailPayload {
    /// The link.
    pub url: String,
    /// The token in it.
    pub token: String,
}

/// Why a secret of an identity was not sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The user id is no key.
    #[error(transparent)]
    Id(#[from] EntityIdError),
    /// The keyring refuses.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// What was opened is none of ours.
    #[error("the sealed text has another form")]
    Form,
}

/// Seals what a mail carries.
///
/// # Errors
/// See [`SealError`].
pub fn seal_mail(keyring: &Keyring, user_id: &str, payload: &MailPayload) -> Result<Sealed, SealError> {
    let text = Zeroizing::new(serde_json::to_string(payload).map_err(|_| SealError::Form)?);
    seal(keyring, user_id, MAIL_FIELD, &text)
}

/// Opens what a mail carries.
///
/// # Errors
/// See [`SealError`].
pub fn open_mail(keyring: &Keyring, identity: &EntityId, sealed: &Sealed) -> Result<MailPayload, SealError> {
    let text = keyring.open(Field { tenant: identity.as_str(), name: MAIL_FIELD }, sealed.as_str())?;
    serde_json::from_str(&text).map_err(|_| SealError::Form)
}

/// Seals a secret of an identity under the name of its field.
///
/// # Errors
/// See [`SealError`].
pub fn seal(keyring: &Keyring, user_id: &str, name: &str, secret: &str) -> Result<Sealed, SealError> {
    let entity = entity(user_id)?;
    let field = Field { tenant: entity.as_str(), name };
    Ok(Sealed::from(keyring.seal(field, secret, &mut rand::rngs::SysRng)?.as_str()))
}

/// Opens a secret of an identity.
///
/// # Errors
/// See [`SealError`].
pub fn open(
    keyring: &Keyring,
    user_id: &str,
    name: &str,
    sealed: &Sealed,
) -> Result<Zeroizing<String>, SealError> {
    let entity = entity(user_id)?;
    Ok(keyring.open(Field { tenant: entity.as_str(), name }, sealed.as_str())?)
}
