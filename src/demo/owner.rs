//! The owner of the demo's workspace. Signs up, or in on a later start, and connects the sandbox's account through the
//! front door, with the cookies of a browser: sign-up, consent page, callback.
//!
//! There is one only while the sandbox stands in for Instagram. Its password is made on the first start and kept with the
//! other secrets of the installation.

use super::{
    Say,
    browser::{Answer, Browser},
};
use crate::{config::Secret, connect, identities, keys, outlets::TOKEN_FIELD, parts::App};
use anyhow::Context;
use greenroom_actors::{
    Entity,
    identity::{Command, Email, command::DeletionProof},
    user::{User, connection::account_claim, integration::Status},
};
use greenroom_persistence::{EntityId, secret::Field};
use reqwest::{StatusCode, Url};
use secrecy::SecretString;
use serde_json::json;
use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

/// Address of the owner, in a domain that nobody can have.
pub const OWNER_ADDRESS: &str = "owner@bakery.example";
/// Account of the sandbox that the owner connects.
pub const DEMO_ACCOUNT: &str = "17841400000000001";
const OWNER_NAME: &str = "The owner of fictional.bakery";
/// Handle of that account; the sandbox's consent page takes it as a login.
const DEMO_LOGIN: &str = "fictional.bakery";
/// Workspace of the demo before it had an owner: it gives the account back.
const OWNERLESS_WORKSPACE: &str = "demo";

/// The sandbox is on the same machine: it subscribes at once, or something is wrong.
const SUBSCRIBED_WITHIN: Duration = Duration::from_secs(30);

/// Somebody who has arrived: signed in, and connected to the sandbox's account.
pub struct Owner {
    /// The workspace: the id of the user.
    pub workspace: String,
    /// Connected for the first time.
    pub is_new: bool,
}

/// Signs the owner up or in, and connects what is not connected, telling each step.
///
/// # Errors
/// When a step is refused, the sandbox does not answer, or the password cannot be kept in `dir`.
pub async fn arrive(app: &Arc<App>, door: SocketAddr, dir: &Path, say: Say<'_>) -> anyhow::Result<Owner> {
    let password = keys::demo_password(dir)?;
    let mut browser = Browser::new(door, app.auth.origins.own())?;
    say(String::new());
    say("The owner of fictional.bakery arrives".to_owned());
    let workspace = enter(app, &mut browser, &password, say).await?;
    let known = app.users.published(&workspace).await?.state;
    let is_new = known.integration.is_none();
    let lives = match &known.integration {
        Some(integration) if integration.status == Status::Active => {
            token_lives(app, &workspace, integration.token.as_str()).await?
        }
        _ => false,
    };
    if !lives {
        take_from_the_ownerless(app).await?;
        agree(&mut browser, say).await?;
    }
    subscribed(app, &workspace).await?;
    Ok(Owner { workspace, is_new })
}

/// Signs up, or in whoever did before; the id of the user.
async fn enter(app: &App, browser: &mut Browser, password: &Secret, say: Say<'_>) -> anyhow::Result<String> {
    let found = identities::by_email(app, &Email::new(OWNER_ADDRESS)).await?;
    if found.is_none_or(|found| found.state.user().is_none()) {
        let path = "/api/auth/sign-up/email";
        let form = json!({"name": OWNER_NAME, "email": OWNER_ADDRESS, "password": password.expose()});
        let answer = browser.post(path, &form).await?;
        step(say, "POST", path, &answer, OWNER_ADDRESS);
        anyhow::ensure!(answer.status.is_success(), "the demo's owner cannot sign up: {}", answer.why());
        if !answer.body["token"].is_null() {
            return user_id(&answer);
        }
    }
    let path = "/api/auth/sign-in/email";
    let form = json!({"email": OWNER_ADDRESS, "password": password.expose()});
    let answer = browser.post(path, &form).await?;
    step(say, "POST", path, &answer, OWNER_ADDRESS);
    anyhow::ensure!(
        answer.status.is_success(),
        "the demo's owner cannot sign in with the password in the data folder: {}",
        answer.why()
    );
    user_id(&answer)
}

fn user_id(answer: &Answer) -> anyhow::Result<String> {
    answer.body["user"]["id"].as_str().map(str::to_owned).context("the answer names no user")
}

/// Goes to the consent page and back.
async fn agree(browser: &mut Browser, say: Say<'_>) -> anyhow::Result<()> {
    let path = "/api/auth/instagram";
    let begun = browser.get(path).await?;
    step(say, "GET", path, &begun, "to the consent page of Instagram");
    let mut page = Url::parse(begun.location.as_deref().unwrap_or_default())
        .with_context(|| format!("no way to the consent page: {}", begun.why()))?;
    page.query_pairs_mut().append_pair("sandbox_login", DEMO_LOGIN);
    let shown = page.path().to_owned();
    let agreed = browser.visit(page).await?;
    step(say, "GET", &shown, &agreed, &format!("agreed as {DEMO_LOGIN}"));
    let back = Url::parse(agreed.location.as_deref().unwrap_or_default())
        .with_context(|| format!("the consent page sends nobody back: {}", agreed.why()))?;
    let done = browser.get(&back[url::Position::BeforePath..]).await?;
    let target = done.location.clone().unwrap_or_default();
    step(say, "GET", back.path(), &done, &target);
    let connected = done.status == StatusCode::FOUND && target.contains("success=instagram_connected");
    anyhow::ensure!(connected, "the demo's account was not connected: {} {target}", done.why());
    Ok(())
}

/// Waits until the platform delivers what people write: the workspace subscribes once the connection is stored.
async fn subscribed(app: &App, workspace: &str) -> anyhow::Result<()> {
    let mut watch = app.users.watch(workspace)?;
    let deadline = app.clock.now() + SUBSCRIBED_WITHIN;
    loop {
        let known = app.users.published(workspace).await?.state.integration.clone();
        if known.is_some_and(|known| known.webhooks_subscribed_at.is_some()) {
            return Ok(());
        }
        tokio::select! {
            changed = watch.changed() => { changed?; }
            () = app.clock.sleep_until(deadline) => anyhow::bail!("the sandbox does not subscribe the webhooks"),
        }
    }
}

/// One line of the transcript: never a query, which may hold a code.
fn step(say: Say<'_>, method: &str, path: &str, answer: &Answer, what: &str) {
    say(format!("   {method:<4} {path:<32} {}  {what}", answer.status.as_u16()));
}

async fn token_lives(app: &App, workspace: &str, envelope: &str) -> anyhow::Result<bool> {
    let entity = EntityId::new(User::KIND, workspace)?;
    let field = Field { tenant: entity.as_str(), name: TOKEN_FIELD };
    let token = SecretString::from(app.keyring.open(field, envelope)?.as_str());
    Ok(app.client.me(&token).await.value.is_ok())
}

/// A data folder of an earlier version has the account in a workspace that nobody owns.
async fn take_from_the_ownerless(app: &Arc<App>) -> anyhow::Result<()> {
    let holder = app.stores.directory.lookup(&account_claim(DEMO_ACCOUNT)).await?;
    if holder.is_some_and(|holder| holder.kind() == User::KIND && holder.key() == OWNERLESS_WORKSPACE) {
        connect::disconnect(app, OWNERLESS_WORKSPACE).await?;
    }
    Ok(())
}

/// Deletes the owner, and with it the workspace, that an earlier start with the sandbox left in the data folder: a server
/// that the world can reach has nobody who never signed up. Nothing happens without one.
///
/// # Errors
/// When the identity does not answer or the password's file cannot be removed.
pub async fn dismiss(app: &App, dir: &Path) -> anyhow::Result<()> {
    if !keys::has_demo_password(dir) {
        return Ok(());
    }
    let found = identities::by_email(app, &Email::new(OWNER_ADDRESS)).await?;
    let stored = found.as_ref().and_then(|found| found.state.credential()?.password().cloned());
    if let (Some(found), Some(stored)) = (found, stored) {
        identities::ask(app, &found.user_id, Command::Delete(DeletionProof::Password(stored))).await?;
        tracing::info!("the owner of the demo is deleted: the sandbox does not stand in any more");
    }
    keys::remove_demo_password(dir)?;
    Ok(())
}
