//! The owner removes the app, or asks for deletion of data.

use super::{Answer, Refused, read};
use crate::sandbox::{
    SandboxState, delivery, sign,
    world::{World, tokens::Standing},
};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Callback {
    secret: delivery::Secret,
    /// Seconds added to `issued_at`.
    issued_offset_s: i64,
    /// Sent instead of a proper one.
    signed_request: Option<String>,
}

impl Default for Callback {
    fn default() -> Self {
        Self { secret: delivery::Secret::First, issued_offset_s: 0, signed_request: None }
    }
}

struct Ready {
    url: String,
    signed_request: String,
}

/// The address: as set, or beside the webhook address.
fn target(world: &World, set: Option<&String>, path: &str) -> Result<String, Refused> {
    if let Some(set) = set {
        return Ok(set.clone());
    }
    let webhook = world.delivery.url.as_deref().and_then(|url| Url::parse(url).ok());
    let mut url = webhook.ok_or(Refused::Conflict("no webhook address is set"))?;
    url.set_path(path);
    url.set_query(None);
    Ok(url.into())
}

fn prepare(world: &World, id: &str, callback: Callback, url: String) -> Result<Ready, Refused> {
    let account = world.accounts.find(id).and_then(|id| world.accounts.get(id));
    let account = account.ok_or(Refused::NotFound("account"))?;
    let payload = json!({"user_id": account.app_scoped.to_string(), "algorithm": "HMAC-SHA256",
        "issued_at": world.now_seconds() + callback.issued_offset_s});
    let signed = || sign::signed_request(callback.secret.key(), &payload.to_string());
    Ok(Ready { url, signed_request: callback.signed_request.unwrap_or_else(signed) })
}

fn remove_app(world: &mut World, id: &str) {
    let Some(id) = world.accounts.find(id) else { return };
    for token in world.tokens.of_mut(id) {
        token.standing = Standing::Revoked;
    }
    if let Some(account) = world.accounts.get_mut(id) {
        account.subscribed.clear();
    }
}

async fn send(state: &SandboxState, ready: &Ready) -> Result<(u16, Value), Refused> {
    let allowed = Url::parse(&ready.url)
        .is_ok_and(|url| delivery::is_allowed_target(&url, state.origin().allow_remote));
    if !allowed {
        return Err(Refused::bad("the callback address must be plain http on this machine"));
    }
    let outcome = delivery::callback(state, &ready.url, &ready.signed_request).await;
    let text = String::from_utf8_lossy(&outcome.body).into_owned();
    Ok((outcome.status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}

/// Ends the tokens and the subscription, then tells the product.
pub(super) async fn deauthorize(state: &SandboxState, id: &str, body: Value) -> Answer {
    let callback = read(body)?;
    let ready = state.locked(|world| {
        let url = target(world, world.app.deauthorize_url.as_ref(), "/api/auth/instagram/deauthorize")?;
        let ready = prepare(world, id, callback, url)?;
        remove_app(world, id);
        Ok(ready)
    })?;
    let (status, body) = send(state, &ready).await?;
    Ok(json!({"status": status, "body": body}))
}

/// Asks the product to delete, and checks its answer.
pub(super) async fn delete_data(state: &SandboxState, id: &str, body: Value) -> Answer {
    let callback = read(body)?;
    let ready = state.peek(|world| {
        let url = target(world, world.app.data_deletion_url.as_ref(), "/api/auth/instagram/data-deletion")?;
        prepare(world, id, callback, url)
    })?;
    let (status, body) = send(state, &ready).await?;
    let code = body["confirmation_code"].as_str();
    let code_ok =
        code.is_some_and(|code| !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric()));
    let url_ok = body["url"].as_str().is_some_and(|url| Url::parse(url).is_ok());
    Ok(json!({"status": status, "body": body, "valid": status == 200 && code_ok && url_ok}))
}
