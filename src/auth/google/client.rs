//! Calls to Google: codes and refresh tokens are exchanged once, never again after a request was written.

use super::{
    authorize::Authorization,
    id_token::{IdTokenError, Person, Rules},
    keys::{self, KeySet},
};
use crate::config::{Google, Secret};
use greenroom_actors::Timestamp;
use greenroom_instagram::plain;
use jsonwebtoken::{Algorithm, Validation};
use reqwest::{
    RequestBuilder,
    header::{ACCEPT, CACHE_CONTROL},
    redirect::Policy,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{fmt, time::Duration};
use url::Url;

/// How long a connection may take to be established.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest answer that is read, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// Longest id token that is looked at, in bytes.
const ID_TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Why there is no client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GoogleClientError {
    /// An address is none; its setting.
    #[error("setting {0} is no http or https URL")]
    Address(&'static str),
    /// TLS could not be set up.
    #[error("tls could not be set up; are root certificates installed (package ca-certificates)?")]
    Tls,
}

/// Why an exchange gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// Google said no: the code or token is wrong, used or revoked.
    #[error("the provider refused (status {0})")]
    Refused(u16),
    /// No answer, or one of a server in trouble.
    #[error("the provider is not available")]
    Unavailable,
    /// An answer that makes no sense.
    #[error("the provider's answer is malformed")]
    Malformed,
}

/// What an exchange gives. Never shown.
#[derive(Clone, Debug, Deserialize)]
pub struct Tokens {
    /// Calls on behalf of the person.
    pub access_token: Secret,
    /// Gets new ones; usually only the first time.
    pub refresh_token: Option<Secret>,
    /// Says who the person is.
    pub id_token: Option<Secret>,
    /// Seconds that the access token lives.
    pub expires_in: Option<u64>,
    /// Seconds that the refresh token lives, if it ends.
    pub refresh_token_expires_in: Option<u64>,
    /// Granted scopes, separated by spaces.
    pub scope: Option<String>,
}

impl Tokens {
    /// Granted scopes as they are stored, separated by commas.
    #[must_use]
    pub fn stored_scope(&self) -> Option<String> {
        let scope = self.scope.as_deref()?;
        Some(scope.split_whitespace().collect::<Vec<_>>().join(","))
    }
}

/// Talks to Google, or to who stands in for it.
pub struct GoogleClient {
    http: Http,
    page: Url,
    token_url: String,
    client_id: String,
    client_secret: Secret,
    rules: Rules,
    keys: KeySet,
}

impl fmt::Debug for GoogleClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GoogleClient({})", self.rules.issuer)
    }
}

impl GoogleClient {
    /// `None` when no client id is configured: sign-in with Google is off then.
    ///
    /// # Errors
    /// [`GoogleClientError`].
    pub fn new(config: &Google) -> Result<Option<Self>, GoogleClientError> {
        if config.client_id.is_empty() {
            return Ok(None);
        }
        let web = |key, text: &str| {
            let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            url.ok_or(GoogleClientError::Address(key))
        };
        let page = web("google.auth_url", &config.auth_url)?;
        let token_url = web("google.token_url", &config.token_url)?;
        let jwks_url = web("google.jwks_url", &config.jwks_url)?;
        let mut client_ids = vec![config.client_id.clone()];
        client_ids.extend(config.other_client_ids.iter().cloned());
        let hosted_domain = Some(config.hosted_domain.clone()).filter(|domain| !domain.is_empty());
        Ok(Some(Self {
            http: Http::new(&[&token_url, &jwks_url])?,
            page,
            token_url: token_url.into(),
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
            rules: Rules { issuer: config.issuer.clone(), client_ids, hosted_domain },
            keys: KeySet::at(jwks_url.as_str()),
        }))
    }

    /// The address that the browser is sent to.
    #[must_use]
    pub fn authorization_url(&self, authorization: &Authorization<'_>) -> String {
        let hosted_domain = authorization.hosted_domain.or(self.rules.hosted_domain.as_deref());
        Authorization { hosted_domain, ..*authorization }.url(&self.page, &self.client_id)
    }

    /// Exchanges the code of a callback.
    ///
    /// # Errors
    /// [`ExchangeError`]; the code is used up all the same.
    pub async fn exchange(
        &self,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<Tokens, ExchangeError> {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier),
            ("redirect_uri", redirect_uri),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose()),
        ])
        .await
    }

    /// Gets new tokens. What is not in the answer stays as it was.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub async fn refresh(&self, refresh_token: &Secret) -> Result<Tokens, ExchangeError> {
        self.token(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose()),
        ])
        .await
    }

    async fn token(&self, form: &[(&str, &str)]) -> Result<Tokens, ExchangeError> {
        let request = self.http.0.post(&self.token_url).header(ACCEPT, "application/json").form(form);
        let (body, _) = call(request).await?;
        serde_json::from_value(body).map_err(|_| ExchangeError::Malformed)
    }

    /// Whom an id token is about, at `now`: RS256 with a key of the set, and every rule of the contract.
    ///
    /// # Errors
    /// [`IdTokenError`].
    pub async fn verify(
        &self,
        id_token: &str,
        nonce: Option<&str>,
        now: Timestamp,
    ) -> Result<Person, IdTokenError> {
        if id_token.len() > ID_TOKEN_BYTES_MAX {
            return Err(IdTokenError::NotGenuine);
        }
        let header = jsonwebtoken::decode_header(id_token).map_err(|_| IdTokenError::NotGenuine)?;
        if header.alg != Algorithm::RS256 {
            return Err(IdTokenError::NotGenuine);
        }
        let key = self.keys.key(&self.http, header.kid.as_deref(), now).await?;
        // The library checks the signature; claims are checked against the injected clock.
        let mut rules = Validation::new(Algorithm::RS256);
        (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
        rules.required_spec_claims.clear();
        let decoded = jsonwebtoken::decode::<Map<String, Value>>(id_token, &key, &rules)
            .map_err(|_| IdTokenError::NotGenuine)?;
        self.rules.check(decoded.claims, nonce, now.as_millis().div_euclid(1000))
    }
}

/// One pooled set of connections, bounded in time and size. Follows no redirect and repeats nothing.
pub(super) struct Http(reqwest::Client);

impl Http {
    fn new(urls: &[&Url]) -> Result<Self, GoogleClientError> {
        // Where no host needs TLS, missing root certificates are no obstacle.
        let builder = if urls.iter().all(|url| url.scheme() == "http") {
            plain::client_builder().map_err(|_| GoogleClientError::Tls)?
        } else {
            // Losing a race against another installation is fine: then there is one.
            let _ = rustls::crypto::ring::default_provider().install_default();
            reqwest::Client::builder()
        };
        let client = builder
            .user_agent(concat!("greenroom/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // Proxies would come from the environment, which is read in one place only.
            .no_proxy()
            .build()
            .map_err(|_| GoogleClientError::Tls)?;
        Ok(Self(client))
    }

    pub(super) async fn get_json(&self, url: &str) -> Result<(Value, Option<Duration>), ExchangeError> {
        call(self.0.get(url).header(ACCEPT, "application/json")).await
    }
}

/// The body of a successful answer, and how long it may be kept.
async fn call(request: RequestBuilder) -> Result<(Value, Option<Duration>), ExchangeError> {
    let mut response = request.send().await.map_err(|_| ExchangeError::Unavailable)?;
    let status = response.status();
    if status.is_server_error() {
        return Err(ExchangeError::Unavailable);
    }
    if !status.is_success() {
        return Err(ExchangeError::Refused(status.as_u16()));
    }
    let cache = response.headers().get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
    let max_age = cache.and_then(keys::max_age);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| ExchangeError::Unavailable)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(ExchangeError::Malformed);
        }
        body.extend_from_slice(&chunk);
    }
    let value = serde_json::from_slice(&body).map_err(|_| ExchangeError::Malformed)?;
    Ok((value, max_age))
}
