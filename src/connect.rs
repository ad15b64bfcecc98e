//! Connecting a workspace to an Instagram account by its token, and the demo workspace to the sandbox's account the way
//! that an owner connects a real one: consent page, code, long-lived token, identity, subscription, sealed token.

use crate::{cli_api::Control, delivery::NotStored, outlets::TOKEN_FIELD, parts::App, unrouted};
use anyhow::Context;
use greenroom_actors::{
    Entity, Timestamp,
    id::AccountId,
    shell::AskError,
    user::{
        Command, Rejection, User,
        command::Connect,
        integration::{SealedToken, Status},
    },
};
use greenroom_instagram::{
    client::{Authorization, LongToken, Prompt},
    ids,
    outcome::CallError,
    plain,
};
use greenroom_persistence::{
    EntityId, EntityIdError, ReadError,
    secret::{Field, SecretError},
};
use rand::TryRng;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::{net::SocketAddr, sync::Arc};

/// The workspace that the sandbox's demo account belongs to.
pub const DEMO_WORKSPACE: &str = "demo";
/// Account that the demo workspace is connected to.
pub const DEMO_ACCOUNT: &str = "17841400000000001";
/// Handle of that account; the sandbox's consent page takes it as a login.
const DEMO_LOGIN: &str = "fictional.bakery";
/// Where the consent page sends the browser back to.
const CALLBACK_PATH: &str = "/api/auth/instagram/callback";
/// Random bytes of the state that ties the answer of the consent page to the request.
const STATE_BYTES: usize = 32;

/// Points the sandbox's webhooks at the door and makes sure that the demo workspace is connected. `true` when it was made
/// by this call.
///
/// # Errors
/// When the sandbox or the workspace does not answer as it should.
pub async fn demo_workspace(app: &Arc<App>, sandbox: &Control, door: SocketAddr) -> anyhow::Result<bool> {
    let url = format!("http://{door}/api/webhooks/instagram");
    sandbox
        .put("delivery", &json!({ "url": url }))
        .await
        .context("the sandbox does not take the webhook address")?;
    let known = app.users.published(DEMO_WORKSPACE).await?.state;
    let is_new = known.integration.is_none();
    if let Some(integration) = &known.integration
        && integration.status == Status::Active
        && token_lives(app, integration.token.envelope()).await?
    {
        return Ok(false);
    }
    authorise(app, door).await?;
    tracing::info!(account.id = DEMO_ACCOUNT, "demo workspace connected to the sandbox's account");
    Ok(is_new)
}

async fn token_lives(app: &App, envelope: &str) -> anyhow::Result<bool> {
    let workspace = EntityId::new("user", DEMO_WORKSPACE)?;
    let field = Field { tenant: workspace.as_str(), name: TOKEN_FIELD };
    let token = SecretString::from(app.keyring.open(field, envelope)?.as_str());
    Ok(app.client.me(&token).await.value.is_ok())
}

async fn authorise(app: &Arc<App>, door: SocketAddr) -> anyhow::Result<()> {
    let redirect_uri = format!("http://{door}{CALLBACK_PATH}");
    let code = consent(app, &redirect_uri).await?;
    let short = app.client.exchange_code(&app.instagram_app, &redirect_uri, &code).await?;
    let long = app.client.long_lived_token(&app.instagram_app, &short.token).await.value?;
    by_token(app, DEMO_WORKSPACE, &long, short.permissions.unwrap_or_default(), None).await?;
    Ok(())
}

/// An account that was connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// Professional account id.
    pub account: String,
    /// Handle.
    pub username: String,
    /// The platform will deliver its webhooks.
    pub webhooks_subscribed: bool,
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

/// Connects a workspace to the account that a token belongs to: identity, subscription, sealed token, and then what had
/// arrived before. With `expected`, only to that account: a reconnection must not switch accounts by accident.
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
    let webhooks_subscribed = app.client.subscribe(&token.token, &account).await.value.is_ok();
    let field = Field { tenant: entity.as_str(), name: TOKEN_FIELD };
    let sealed = app.keyring.seal(field, token.token.expose_secret(), &mut rand::rngs::SysRng)?;
    let account = account.into_inner();
    let username = me.username.as_deref().unwrap_or(&account).to_owned();
    let connect = Connect {
        account: AccountId::from(&*account),
        app_scoped: me.app_scoped.map(ids::AppScopedId::into_inner).map(AccountId::from),
        username: username.clone(),
        token: SealedToken::new(&sealed),
        scopes,
        expires_at: app.clock.now() + token.lifetime,
        webhooks_subscribed,
    };
    app.users.ask(workspace, Command::ConnectInstagram(connect), 0).await?;
    unrouted::serve(app).await?;
    Ok(Connected { account: account.to_string(), username, webhooks_subscribed })
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

/// Disconnects a workspace from its account. The workspace itself asks the platform to send no more webhooks; that may
/// fail, and what still comes belongs to nobody. A workspace without an account is disconnected already.
///
/// # Errors
/// See [`DisconnectError`].
pub async fn disconnect(app: &Arc<App>, workspace: &str) -> Result<(), DisconnectError> {
    match app.users.ask(workspace, Command::DisconnectInstagram, 0).await {
        Ok(_) | Err(AskError::Rejected(Rejection::NotConnected)) => Ok(()),
        Err(error) => Err(error.into()),
    }
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

/// Answers the sandbox's consent page as its demo account would.
async fn consent(app: &App, redirect_uri: &str) -> anyhow::Result<SecretString> {
    let mut bytes = [0_u8; STATE_BYTES];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes)?;
    let state = SecretString::from(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let request =
        Authorization { client_id: &app.app_id, redirect_uri, state: &state, prompt: Prompt::Default };
    let mut page = reqwest::Url::parse(&app.client.authorize_url(&request))?;
    page.query_pairs_mut().append_pair("sandbox_login", DEMO_LOGIN);
    let http = plain::client_builder()?.redirect(reqwest::redirect::Policy::none()).build()?;
    let answer = http.get(page).send().await.map_err(reqwest::Error::without_url)?;
    let location =
        answer.headers().get(reqwest::header::LOCATION).context("the consent page sent nobody back")?;
    let back = reqwest::Url::parse(location.to_str()?)?;
    let value =
        |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    anyhow::ensure!(
        value("state").as_deref() == Some(state.expose_secret()),
        "the consent page changed the state"
    );
    Ok(SecretString::from(value("code").context("the consent page gave no code")?))
}
