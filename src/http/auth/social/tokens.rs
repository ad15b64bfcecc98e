//! The tokens of a provider, for the client of their owner. Without a session: 401 and no word.

use super::{
    super::{Outcome, call::Call, shapes},
    enter::Given,
};
use crate::{
    auth::{
        answer::Answer,
        error::{AuthError, Refusal},
        validate,
    },
    config::Secret,
    identities::{self, LiveSession, PROVIDER_TOKEN_FIELDS, SealError},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use greenroom_actors::{
    Timestamp,
    identity::{
        Command, Reply, RowId, Sealed,
        row::{Account, ProviderLogin},
    },
};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// A token that ends this soon is refreshed before it is handed out.
const EXPIRES_SOON: Duration = Duration::from_secs(5);

/// An account of the caller, and who that is.
struct Asked {
    live: LiveSession,
    account: Arc<Account>,
}

/// `POST /get-access-token`: refreshed when it is about to end.
pub(in crate::http::auth) async fn get_access_token(call: &mut Call) -> Outcome {
    let asked = asked(call, "body").await?;
    let login = supported(&asked.account)?;
    let ends_soon = login.tokens.access_expires_at.is_some_and(|end| end <= call.now + EXPIRES_SOON);
    let account = match ends_soon && login.tokens.refresh.is_some() {
        true => refresh(call, &asked).await.ok_or(Refusal::FailedToGetAccessToken)??,
        false => Arc::clone(&asked.account),
    };
    let login = supported(&account)?;
    let access = open(call, &asked, Token::Access, login)?.ok_or(Refusal::FailedToGetAccessToken)?;
    let mut body = Map::new();
    body.insert("accessToken".to_owned(), access.as_str().into());
    if let Some(end) = login.tokens.access_expires_at {
        body.insert("accessTokenExpiresAt".to_owned(), shapes::date(end));
    }
    body.insert("scopes".to_owned(), login.scopes.iter().map(|scope| Value::from(&**scope)).collect());
    if let Some(id) = open(call, &asked, Token::Id, login)? {
        body.insert("idToken".to_owned(), id.as_str().into());
    }
    Ok(Answer::json(&body).uncacheable())
}

/// `POST /refresh-token`.
pub(in crate::http::auth) async fn refresh_token(call: &mut Call) -> Outcome {
    let asked = asked(call, "body").await?;
    let login = supported(&asked.account)?;
    if login.tokens.refresh.is_none() {
        return Err(Refusal::RefreshTokenNotFound.into());
    }
    let account = refresh(call, &asked).await.ok_or(Refusal::FailedToRefreshAccessToken)??;
    let login = supported(&account)?;
    let date = |at: Option<Timestamp>| at.map_or(Value::Null, shapes::date);
    let token = |token| -> Result<Value, AuthError> {
        Ok(open(call, &asked, token, login)?.map_or(Value::Null, |text| text.as_str().into()))
    };
    let scope = login.scopes.iter().map(|scope| &**scope).collect::<Vec<_>>().join(",");
    Ok(Answer::json(&json!({
        "accessToken": token(Token::Access)?,
        "refreshToken": token(Token::Refresh)?,
        "accessTokenExpiresAt": date(login.tokens.access_expires_at),
        "refreshTokenExpiresAt": date(login.tokens.refresh_expires_at),
        "scope": if scope.is_empty() { Value::Null } else { scope.into() },
        "idToken": token(Token::Id)?,
        "providerId": account.provider_id(),
        "accountId": account.id.as_str(),
    }))
    .uncacheable())
}

/// `GET /account-info`: whom the stored id token is about.
pub(in crate::http::auth) async fn account_info(call: &mut Call) -> Outcome {
    let asked = asked(call, "query").await?;
    let login = asked.account.provider_login().ok_or(Refusal::ProviderNotConfigured)?;
    let id_token = open(call, &asked, Token::Id, login)?.ok_or(Refusal::FailedToGetAccessToken)?;
    let claims = claims(&id_token).ok_or(Refusal::FailedToGetAccessToken)?;
    let text = |name: &str| claims.get(name).filter(|value| value.is_string()).cloned();
    let verified = claims.get("email_verified").is_some_and(|value| *value == true || *value == "true");
    Ok(Answer::json(&json!({
        "user": {
            "name": text("name"),
            "email": text("email"),
            "image": text("picture"),
            "emailVerified": verified,
        },
        "data": claims,
        "account": {
            "id": asked.account.id.as_str(),
            "providerId": asked.account.provider_id(),
            "accountId": &*login.account_id,
        },
    })))
}

/// The account that is asked about, by row id. Whatever else is said of whom it belongs to is ignored: it is the caller's.
async fn asked(call: &mut Call, place: &'static str) -> Result<Asked, AuthError> {
    let value = if place == "query" { Some(&call.query) } else { call.body.as_ref() };
    let id = validate::either(
        place,
        value,
        |fields| {
            let id = fields.string("accountId").to_owned();
            fields.optional_string("userId");
            fields.nothing_but(&["accountId", "userId"]);
            Some(id)
        },
        |fields| {
            if !fields.bool("useAccountCookie") {
                fields.problem("useAccountCookie", "Invalid input");
            }
            fields.nothing_but(&["useAccountCookie"]);
            None
        },
    )?;
    let live = call.session().await?.ok_or(AuthError::UnauthorizedEmpty)?;
    let account = id.and_then(|id| live.identity.state.account(&RowId::from(id)).cloned());
    Ok(Asked { account: account.ok_or(Refusal::AccountNotFound)?, live })
}

fn supported(account: &Account) -> Result<&ProviderLogin, AuthError> {
    let provider = || AuthError::ProviderNotSupported(account.provider_id().to_owned());
    account.provider_login().ok_or_else(provider)
}

#[derive(Clone, Copy)]
enum Token {
    Access,
    Refresh,
    Id,
}

fn open(
    call: &Call,
    asked: &Asked,
    token: Token,
    login: &ProviderLogin,
) -> Result<Option<Zeroizing<String>>, AuthError> {
    let [access, refresh, id] = PROVIDER_TOKEN_FIELDS;
    let (name, sealed): (_, &Option<Sealed>) = match token {
        Token::Access => (access, &login.tokens.access),
        Token::Refresh => (refresh, &login.tokens.refresh),
        Token::Id => (id, &login.tokens.id),
    };
    let Some(sealed) = sealed else { return Ok(None) };
    let user_id = &asked.live.identity.user_id;
    let plain = identities::open(&call.app().keyring, user_id, name, sealed)?;
    call.app().noticed.opened(&identities::entity(user_id).map_err(SealError::from)?, sealed);
    Ok(Some(plain))
}

/// New tokens, stored. `None` when the provider gives none.
async fn refresh(call: &Call, asked: &Asked) -> Option<Result<Arc<Account>, AuthError>> {
    let login = asked.account.provider_login()?;
    let client = call.auth().google.as_ref()?;
    let refresh = match open(call, asked, Token::Refresh, login) {
        Ok(token) => Secret::new(token?.as_str()),
        Err(error) => return Some(Err(error)),
    };
    let tokens = client.refresh(&refresh).await.map_err(|error| {
        tracing::info!(%error, "the provider gives no new token");
    });
    Some(store(call, asked, &Given::from(tokens.ok()?)).await)
}

async fn store(call: &Call, asked: &Asked, given: &Given) -> Result<Arc<Account>, AuthError> {
    let user_id = &asked.live.identity.user_id;
    let tokens = given.seal(call, user_id)?;
    let command = Command::StoreTokens { account: asked.account.id.clone(), tokens };
    match call.ask(user_id, command).await? {
        Reply::Account(account) => Ok(account),
        _ => Err(AuthError::Internal),
    }
}

/// The claims of an id token that was believed when it was stored.
fn claims(token: &str) -> Option<Map<String, Value>> {
    let payload = token.split('.').nth(1)?;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}
