//! Connecting an account: the authorization page, the code exchange, long-lived tokens and their refresh.

use super::Client;
use crate::{
    errors::Target,
    json::Raw,
    outcome::{Answer, CallError, Lost, flat, readable},
    usage::Usage,
};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, time::Duration};

/// The scopes the product asks for.
pub const SCOPES: [&str; 3] =
    ["instagram_business_basic", "instagram_business_manage_messages", "instagram_business_manage_comments"];
/// How long a token lives when the platform does not say: 60 days less one hour (product rule).
const LIFETIME_ASSUMED: Duration = Duration::from_secs(60 * 24 * 3600 - 3600);
/// The longest lifetime believed.
const LIFETIME_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
/// The most permissions read.
const PERMISSIONS_MAX: usize = 32;

/// The own app at the platform.
#[derive(Clone, Debug)]
pub struct App {
    /// The Instagram app id.
    pub id: String,
    /// The Instagram app secret.
    pub secret: SecretString,
}

/// What the authorization page shall ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prompt {
    /// Whatever account is signed in.
    #[default]
    Default,
    /// Credentials again: "connect another account".
    ForceLogin,
}

/// A request for the authorization page.
#[derive(Clone, Copy)]
pub struct Authorization<'a> {
    /// The Instagram app id.
    pub client_id: &'a str,
    /// Byte for byte as registered.
    pub redirect_uri: &'a str,
    /// The unguessable value that ties the answer to the session.
    pub state: &'a SecretString,
    /// What to ask.
    pub prompt: Prompt,
}

/// A token that lives one hour.
#[derive(Clone, Debug)]
pub struct ShortToken {
    /// The token.
    pub token: SecretString,
    /// One of the two account ids, which one is not certain: only for a cross-check.
    pub user_id: Option<String>,
    /// What was granted; `None` when the platform does not say.
    pub permissions: Option<Vec<String>>,
}

/// A token that lives about 60 days.
#[derive(Clone, Debug)]
pub struct LongToken {
    /// The token.
    pub token: SecretString,
    /// From its receipt.
    pub lifetime: Duration,
}

/// Why a code brought no token.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The connection was never established: the code is unspent.
    #[error("the platform can not be reached")]
    Unreachable,
    /// The code may be spent: the person has to start again.
    #[error("the code may have been spent without an answer")]
    Ambiguous,
    /// The platform refused.
    #[error("the code was refused (status {status}, code {code})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The platform's code; 0 when there was none.
        code: u32,
        /// The platform's words, bounded, what may be a token redacted. Untrusted.
        message: String,
    },
}

impl fmt::Debug for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Client {
    /// The address of the authorization page.
    #[must_use]
    pub fn authorize_url(&self, request: &Authorization<'_>) -> String {
        let scope = SCOPES.join(",");
        let mut query = vec![
            ("client_id", request.client_id),
            ("redirect_uri", request.redirect_uri),
            ("response_type", "code"),
            ("scope", &scope),
            ("state", request.state.expose_secret()),
            ("enable_fb_login", "false"),
        ];
        if request.prompt == Prompt::ForceLogin {
            query.push(("force_reauth", "true"));
        }
        let page = format!("{}/oauth/authorize", self.www);
        // The base was checked when the client was made; a plain join keeps this total all the same.
        Url::parse_with_params(&page, &query).map(String::from).unwrap_or(page)
    }

    /// Exchanges a code for a token. Never repeated: the code is valid once.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub async fn exchange_code(
        &self,
        app: &App,
        redirect_uri: &str,
        code: &SecretString,
    ) -> Result<ShortToken, ExchangeError> {
        // A literal fragment at the end is not part of the code.
        let code = code.expose_secret();
        let form = [
            ("client_id", app.id.as_str()),
            ("client_secret", app.secret.expose_secret()),
            ("grant_type", "authorization_code"),
            ("redirect_uri", redirect_uri),
            ("code", code.strip_suffix("#_").unwrap_or(code)),
        ];
        let request = self.http.post(format!("{}/oauth/access_token", self.api)).form(&form);
        let response = self.bare_call(request).await.map_err(|lost| match lost {
            Lost::Unreachable | Lost::BadToken => ExchangeError::Unreachable,
            Lost::TimedOut | Lost::Interrupted | Lost::TooLarge => ExchangeError::Ambiguous,
        })?;
        let body = response.json();
        match (response.status, body) {
            (200..300, Some(body)) => short_token(flat(body)).ok_or(ExchangeError::Ambiguous),
            (400..500, body) => Err(refused(response.status, body)),
            _ => Err(ExchangeError::Ambiguous),
        }
    }

    /// Exchanges a short-lived token for a long-lived one. May be repeated after network errors: it consumes nothing.
    pub async fn long_lived_token(
        &self,
        app: &App,
        short: &SecretString,
    ) -> Answer<Result<LongToken, CallError>> {
        let query = [
            ("grant_type", "ig_exchange_token"),
            ("client_secret", app.secret.expose_secret()),
            ("access_token", short.expose_secret()),
        ];
        self.token_call("access_token", &query).await
    }

    /// Gives a long-lived token 60 more days. Refused for tokens younger than 24 hours, and for dead ones.
    pub async fn refresh_token(&self, long: &SecretString) -> Answer<Result<LongToken, CallError>> {
        let query = [("grant_type", "ig_refresh_token"), ("access_token", long.expose_secret())];
        self.token_call("refresh_access_token", &query).await
    }

    /// The two endpoints that demand the token as a parameter, and know no version.
    async fn token_call(&self, path: &str, query: &[(&str, &str)]) -> Answer<Result<LongToken, CallError>> {
        let request = self.http.get(format!("{}/{path}", self.graph_root)).query(query);
        let response = match self.bare_call(request).await {
            Ok(response) => response,
            Err(lost) => return Answer { value: Err(lost.into()), usage: Usage::default() },
        };
        let unreadable = CallError::Unreadable { status: response.status };
        let value =
            response.success(Target::Object).and_then(|body| long_token(flat(body)).ok_or(unreadable));
        Answer { value, usage: response.usage }
    }
}

fn token(body: Raw<'_>) -> Option<SecretString> {
    let token = body.get("access_token")?.str()?;
    (!token.is_empty()).then(|| token.into_owned().into())
}

fn short_token(body: Raw<'_>) -> Option<ShortToken> {
    Some(ShortToken {
        token: token(body)?,
        user_id: body.get("user_id").and_then(Raw::id_text).map(|id| id.into_owned()),
        permissions: body.get("permissions").map(permissions),
    })
}

/// A list, or one text with commas.
fn permissions(value: Raw<'_>) -> Vec<String> {
    let listed: Vec<String> = match value.str() {
        Some(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        None => value.elements().flatten().filter_map(|name| Some(name.str()?.into_owned())).collect(),
    };
    listed.into_iter().filter(|name| !name.is_empty()).take(PERMISSIONS_MAX).collect()
}

fn long_token(body: Raw<'_>) -> Option<LongToken> {
    let secs = body.get("expires_in").and_then(Raw::int).and_then(|secs| u64::try_from(secs).ok());
    let lifetime = secs.filter(|&secs| secs > 0).map_or(LIFETIME_ASSUMED, Duration::from_secs);
    Some(LongToken { token: token(body)?, lifetime: lifetime.min(LIFETIME_MAX) })
}

/// The exchange has an error shape of its own; the usual one is understood as well.
fn refused(status: u16, body: Option<Raw<'_>>) -> ExchangeError {
    let error = body.map(|body| body.get("error").filter(|error| error.is_object()).unwrap_or(body));
    let text = |name| error.and_then(|error| error.get(name)).and_then(Raw::lossy);
    let code = error.and_then(|error| error.get("code")).and_then(Raw::int);
    let message = text("error_message").or_else(|| text("message"));
    ExchangeError::Refused {
        status,
        code: code.and_then(|code| u32::try_from(code).ok()).unwrap_or(0),
        message: message.map(|message| readable(&message)).unwrap_or_default(),
    }
}
