//! Connecting a workspace to an Instagram account by its token: identity, sealed token.

use crate::{delivery::NotStored, outlets::TOKEN_FIELD, parts::App, unrouted};
use greenroom_actors::{
    Entity, Sealed, Timestamp,
    id::AccountId,
    shell::AskError,
    user::{Command, Rejection, User, command::Connect, integration::Permission},
};
use greenroom_instagram::{client::LongToken, ids, outcome::CallError};
use greenroom_persistence::{
    EntityId, EntityIdError, ReadError,
    secret::{Field, SecretError},
};
use secrecy::ExposeSecret;
use std::{sync::Arc, time::Duration};

/// Time that a disconnection waits for the account to be free: moments, unless the note that it waits for fails.
const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(2);

/// An account that was connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// Professional account id.
    pub account: String,
    /// Handle.
    pub username: String,
    /// Permissions that were not granted.
    pub missing: Vec<Permission>,
}

/// Why an account was not connected. Connecting again is safe.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name is no workspace's.
    #[error("no such workspace: {0}")]
    Workspace(#[from] EntityIdError),
    /// The platform refuses the token.
    #[error("the platform refuses the token: {0}")]
    Refused(CallError),
    /// The platform could not be asked.
    #[error("the platform could not be asked: {0}")]
    Call(CallError),
    /// The token belongs to a personal account.
    #[error("the account is no professional account")]
    NotProfessional,
    /// The token belongs to another account than the one that is to be connected again.
    #[error("this is another account than the one to connect again")]
    Unexpected,
    /// The token was not sealed.
    #[error(transparent)]
    Seal(#[from] SecretError),
    /// The workspace did not take it.
    #[error(transparent)]
    Ask(#[from] AskError<User>),
    /// It is connected, but not everything that had arrived before is served; connecting again goes on with it.
    #[error("connected, but what had arrived before is not served: {0}")]
    Unserved(#[from] NotStored),
}

/// Connects a workspace to the account that a token belongs to: identity, sealed token, and then what had arrived before. The
/// workspace itself subscribes the webhooks once the connection is stored, and goes on until they are. With `expected`, only to that account: a reconnection must not switch accounts by accident.
///
/// # Errors
/// See [`ConnectError`].
pub async fn by_token(
    app: &Arc<App>,
    workspace: &str,
    token: &LongToken,
    scopes: Vec<String>,
    expected: Option<&str>,
) -> Result<Connected, ConnectError> {
    let entity = EntityId::new(User::KIND, workspace)?;
    let me = app.client.me(&token.token).await.value.map_err(|error| match error {
        CallError::Refused(_) => ConnectError::Refused(error),
        _ => ConnectError::Call(error),
    })?;
    let account = me.professional.ok_or(ConnectError::NotProfessional)?;
    if expected.is_some_and(|expected| account.as_str() != expected) {
        return Err(ConnectError::Unexpected);
    }
    let field = Field { tenant: entity.as_str(), name: TOKEN_FIELD };
    let sealed = app.keyring.seal(field, token.token.expose_secret(), &mut rand::rngs::SysRng)?;
    let account = account.into_inner();
    let username = me.username.as_deref().unwrap_or(&account).to_owned();
    let connect = Connect {
        account: AccountId::from(&*account),
        app_scoped: me.app_scoped.map(ids::AppScopedId::into_inner).map(AccountId::from),
        username: username.clone(),
        token: Sealed::from(sealed),
        scopes,
        expires_at: app.clock.now() + token.lifetime,
    };
    app.users.ask(workspace, Command::ConnectInstagram(connect), 0).await?;
    unrouted::serve(app).await?;
    let known = app.users.published(workspace).await?.state.integration.clone();
    let missing = known.map(|known| known.missing()).unwrap_or_default();
    Ok(Connected { account: account.to_string(), username, missing })
}

/// Why an account was not disconnected.
#[derive(Debug, thiserror::Error)]
pub enum DisconnectError {
    /// The workspace did not take it.
    #[error(transparent)]
    Ask(#[from] AskError<User>),
    /// The directory cannot be read.
    #[error("directory: {0}")]
    Directory(#[from] ReadError),
}

/// Disconnects a workspace from its account, which is free for others then. The workspace itself asks the platform to send
/// no more webhooks; that may fail, and what still comes belongs to nobody. A workspace without an account is disconnected
/// already.
///
/// # Errors
/// See [`DisconnectError`].
pub async fn disconnect(app: &Arc<App>, workspace: &str) -> Result<(), DisconnectError> {
    match app.users.ask(workspace, Command::DisconnectInstagram, 0).await {
        Ok(_) | Err(AskError::Rejected(Rejection::NotConnected)) => {}
        Err(error) => return Err(error.into()),
    }
    if let Err(error) = until_free(app, workspace).await {
        tracing::info!(%error, "the account is free in a moment");
    }
    Ok(())
}

async fn until_free(app: &App, workspace: &str) -> Result<(), AskError<User>> {
    let mut watch = app.users.watch(workspace)?;
    let deadline = app.clock.now() + GIVEN_BACK_WITHIN;
    while app.users.published(workspace).await?.state.gives_names_back() {
        tokio::select! {
            changed = watch.changed() => if changed.is_err() { break },
            () = app.clock.sleep_until(deadline) => break,
        }
    }
    Ok(())
}

/// The owner of an account took the permission back on Instagram at an instant. Nothing happens when no workspace has the
/// account, or when it was connected again since: the platform repeats what it got no answer to.
///
/// # Errors
/// See [`DisconnectError`].
pub async fn revoked(app: &Arc<App>, account: &str, at: Timestamp) -> Result<(), DisconnectError> {
    let name = greenroom_actors::user::connection::account_claim(account);
    let Some(workspace) = app.stores.directory.lookup(&name).await? else { return Ok(()) };
    let known = app.users.published(workspace.key()).await?.state.integration.clone();
    if known.is_none_or(|known| !known.is_account(account) || known.connected_at > at) {
        return Ok(());
    }
    match app.users.ask(workspace.key(), Command::RevokeInstagram, 0).await {
        Ok(_) | Err(AskError::Rejected(Rejection::NotConnected)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
