//! Calls to the platform: one pooled connection set, bounded times and sizes, tokens only where they belong.
//!
//! No call is repeated here: whether and when to repeat is the caller's decision. Tokens travel in the `Authorization`
//! header except where an endpoint demands a parameter; neither tokens nor URLs appear in errors.

mod media;
mod oauth;
mod read;
mod send;
mod subscription;

pub use media::{MEDIA_PER_PAGE_MAX, Media};
pub use oauth::{App, Authorization, ExchangeError, LongToken, Prompt, SCOPES, ShortToken};
pub use read::{
    CONVERSATIONS_PER_PAGE, CommentPlace, CommentReply, Conversation, LIST_MAX, Me, Page, Participant,
    PersonProfile, StoredMessage,
};
pub use subscription::{FIELDS, FIELDS_MINIMAL, Subscribed, SubscribedApp};

use crate::{
    outcome::{Lost, Response},
    plain,
    usage::{self, Usage},
};
use reqwest::{
    RequestBuilder, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// How long a connection may take to be established, TLS included (product rule).
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a whole call may take (product rule).
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer read, in bytes (product rule; ordinary answers have some kilobytes).
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How long an idle connection is kept: shorter than servers keep theirs, so that a request is rarely written to a
/// connection that is about to be closed, which would leave its outcome unknown (product rule).
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The most idle connections kept per host (product rule).
pub const IDLE_CONNECTIONS_MAX: usize = 64;

/// Where the platform is and how long to wait for it.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The authorization page: `https://www.instagram.com`.
    pub www_url: String,
    /// The code exchange: `https://api.instagram.com`.
    pub api_url: String,
    /// Everything else: `https://graph.instagram.com`.
    pub graph_url: String,
    /// The graph version, `v25.0`.
    pub graph_version: String,
    /// Limit for a connection; [`CONNECT_TIMEOUT`].
    pub connect_timeout: Duration,
    /// Limit for a call; [`CALL_TIMEOUT`].
    pub call_timeout: Duration,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            www_url: "https://www.instagram.com".to_owned(),
            api_url: "https://api.instagram.com".to_owned(),
            graph_url: "https://graph.instagram.com".to_owned(),
            graph_version: "v25.0".to_owned(),
            connect_timeout: CONNECT_TIMEOUT,
            call_timeout: CALL_TIMEOUT,
        }
    }
}

/// Why a client can not be made. Refuse to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not an absolute `http` or `https` URL without credentials, query and fragment.
    #[error("{0} is not a usable base url")]
    BaseUrl(&'static str),
    /// Not `v` and a number like `v25.0`.
    #[error("graph version is not of the form v25.0")]
    Version,
    /// TLS could not be set up: no root certificates, or no crypto provider.
    #[error("tls could not be set up; are root certificates installed (package ca-certificates)?")]
    Tls,
}

/// The platform's API. Cheap to clone; clones share the connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    www: String,
    api: String,
    /// With the version.
    graph: String,
    /// Without the version.
    graph_root: String,
}

/// Where no host needs TLS, missing root certificates are no obstacle.
fn builder(config: &ClientConfig) -> Result<reqwest::ClientBuilder, ConfigError> {
    let is_plain = |url: &String| url.starts_with("http://");
    if [&config.www_url, &config.api_url, &config.graph_url].into_iter().all(is_plain) {
        return plain::client_builder().map_err(|_| ConfigError::Tls);
    }
    Ok(reqwest::Client::builder())
}

impl Client {
    /// Makes a client. Installs the process's crypto provider if there is none yet.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: &ClientConfig) -> Result<Self, ConfigError> {
        let graph_root = base("graph_url", &config.graph_url)?;
        check_version(&config.graph_version)?;
        // Losing a race against another installation is fine: then there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = builder(config)?
            .user_agent(concat!("greenroom/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.connect_timeout)
            .timeout(config.call_timeout)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // Proxies would come from the environment, which is read in one place only.
            .no_proxy()
            .build()
            .map_err(|_| ConfigError::Tls)?;
        Ok(Self {
            http,
            www: base("www_url", &config.www_url)?,
            api: base("api_url", &config.api_url)?,
            graph: format!("{graph_root}/{}", config.graph_version),
            graph_root,
        })
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        self.http.get(format!("{}/{path}", self.graph)).query(query)
    }

    /// Makes a call with a token in its header.
    async fn call(&self, request: RequestBuilder, token: &SecretString) -> Result<Response, Lost> {
        let text = SecretString::from(format!("Bearer {}", token.expose_secret()));
        let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| Lost::BadToken)?;
        value.set_sensitive(true);
        self.bare_call(request.header(AUTHORIZATION, value)).await
    }

    /// Makes a call as it is.
    async fn bare_call(&self, request: RequestBuilder) -> Result<Response, Lost> {
        let mut response = request.send().await.map_err(|error| lost(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers());
        let usage = usage_of(headers);
        let retry_after = headers.get(RETRY_AFTER).and_then(|value| usage::retry_after(value.as_bytes()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| interrupted(&error))? {
            if body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(Lost::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, body, usage, retry_after })
    }
}

fn usage_of(headers: &HeaderMap) -> Usage {
    let value = |name| headers.get(name).map(HeaderValue::as_bytes);
    Usage::parse(value(usage::APP_USAGE), value(usage::ACCOUNT_USAGE))
}

/// Whether anything can have been written. Only a connection that was never established is certain.
fn lost(error: &reqwest::Error) -> Lost {
    if error.is_connect() || error.is_builder() { Lost::Unreachable } else { interrupted(error) }
}

fn interrupted(error: &reqwest::Error) -> Lost {
    if error.is_timeout() { Lost::TimedOut } else { Lost::Interrupted }
}

/// A base URL without the slash at its end.
fn base(name: &'static str, url: &str) -> Result<String, ConfigError> {
    let parsed = Url::parse(url).map_err(|_| ConfigError::BaseUrl(name))?;
    let is_plain = parsed.query().is_none()
        && parsed.fragment().is_none()
        && parsed.username().is_empty()
        && parsed.password().is_none();
    let is_web = matches!(parsed.scheme(), "http" | "https") && parsed.has_host();
    if is_plain && is_web {
        Ok(url.trim_end_matches('/').to_owned())
    } else {
        Err(ConfigError::BaseUrl(name))
    }
}

fn check_version(version: &str) -> Result<(), ConfigError> {
    let number = version.strip_prefix('v').and_then(|number| number.split_once('.'));
    let is_number =
        |text: &str| !text.is_empty() && text.len() < 5 && text.bytes().all(|b| b.is_ascii_digit());
    match number {
        Some((major, minor)) if is_number(major) && is_number(minor) => Ok(()),
        _ => Err(ConfigError::Version),
    }
}

#[cfg(test)]
mod tests;
