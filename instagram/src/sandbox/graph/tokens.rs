//! Long-lived tokens and their refresh.

use super::{BASIC, GraphError, GraphResult, authorise};
use crate::sandbox::{
    call::Request,
    world::{World, app::APP_SECRET, tokens::REFRESH_AGE},
};
use serde_json::{Value, json};

fn answer(token: &str, seconds: i64) -> Value {
    json!({"access_token": token, "token_type": "bearer", "expires_in": seconds})
}

/// Short-lived for long-lived.
pub(super) fn exchange(world: &mut World, request: &Request) -> GraphResult {
    if request.text("grant_type") != Some("ig_exchange_token") {
        return Err(GraphError::bad("grant_type must be ig_exchange_token"));
    }
    if request.text("client_secret") != Some(APP_SECRET) {
        return Err(GraphError::token(None, "Error validating client secret."));
    }
    let text = request.text("access_token");
    authorise(world, text)?;
    let refused = || {
        GraphError::token(
            None,
            "Session key invalid. This could be because the session key has an incorrect format.",
        )
    };
    let token = text.and_then(|text| world.tokens.get(text)).filter(|token| !token.long_lived);
    let token = token.ok_or_else(refused)?.clone();
    let (text, seconds) = world.issue_token(token.account, token.scopes, true);
    Ok(answer(&text, seconds))
}

/// Another 60 days.
pub(super) fn refresh(world: &mut World, request: &Request) -> GraphResult {
    if request.text("grant_type") != Some("ig_refresh_token") {
        return Err(GraphError::bad("grant_type must be ig_refresh_token"));
    }
    let text = request.text("access_token");
    authorise(world, text)?.needs(BASIC)?;
    let token = text.and_then(|text| world.tokens.get(text)).filter(|token| token.long_lived);
    let token = token.ok_or_else(|| GraphError::bad("Only long-lived tokens can be refreshed."))?.clone();
    if world.now - token.issued_at < REFRESH_AGE {
        return Err(GraphError::bad("The access token is less than 24 hours old."));
    }
    let (fresh, seconds) = world.issue_token(token.account, token.scopes, true);
    let now = world.now;
    if world.app.refresh_ends_old_token
        && let Some(old) = text.and_then(|text| world.tokens.get_mut(text))
    {
        old.expires_at = now;
    }
    Ok(answer(&fresh, seconds))
}
