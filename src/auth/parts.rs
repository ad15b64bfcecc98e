//! Everything that the auth endpoints need beside the entities, made once at start.

use super::{
    BASE_PATH,
    address::{ClientAddress, ClientAddresses},
    cookie::Cookies,
    google::GoogleClient,
    hashing::HashingPool,
    origin::TrustedOrigins,
    rate_limit::RateLimiter,
    secrets::Secrets,
    token::ConvexTokens,
};
use crate::config;
use axum::http::HeaderMap;

/// See the module.
pub struct Auth {
    /// The switches.
    pub settings: config::Auth,
    /// Who may send requests with cookies, and where browsers may be sent.
    pub origins: TrustedOrigins,
    /// Writes and reads the contract's cookies.
    pub cookies: Cookies,
    /// Sign the links of mails.
    pub secrets: Secrets,
    /// Off only while the sandbox stands in, or by wish.
    pub limiter: Option<RateLimiter>,
    /// Finds the client in the list that proxies write.
    pub addresses: ClientAddresses,
    /// Hashes passwords.
    pub hashing: HashingPool,
    /// Sign-in with Google, unless it is off.
    pub google: Option<GoogleClient>,
    /// Signs the tokens of the sync protocol.
    pub convex: ConvexTokens,
    /// There is a way to people's mailboxes.
    pub sends_mail: bool,
}

impl Auth {
    /// Public origin and base path: what links begin with.
    #[must_use]
    pub fn base(&self) -> String {
        format!("{}{BASE_PATH}", self.origins.own())
    }

    /// There is a way to people's mailboxes.
    #[must_use]
    pub const fn sends_mail(&self) -> bool {
        self.sends_mail
    }

    /// The client of a request, as far as it can be told.
    #[must_use]
    pub fn client_of(&self, headers: &HeaderMap) -> Option<ClientAddress> {
        let name = self.settings.client_address_header.as_str();
        self.addresses.resolve(headers.get_all(name).iter().filter_map(|value| value.to_str().ok()))
    }

    /// Where failed sign-ins are sent instead of the built-in page: the configured page, or the front page where the
    /// server is reached by https.
    #[must_use]
    pub fn error_page(&self) -> Option<&str> {
        match self.settings.error_url.as_str() {
            "" => self.cookies.is_secure().then_some("/"),
            page => Some(page),
        }
    }
}
