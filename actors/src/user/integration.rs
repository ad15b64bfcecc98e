//! The connection to one Instagram account.

use crate::{Sealed, Timestamp, id::AccountId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A connected account, or one that was connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    /// Professional account id.
    pub account: AccountId,
    /// Id scoped to the app.
    pub app_scoped: Option<AccountId>,
    /// Handle.
    pub username: Arc<str>,
    /// Access token, sealed: opaque here, opened by the outlet only.
    pub token: Sealed,
    /// Permissions granted.
    pub scopes: Vec<Arc<str>>,
    /// Whether it can be used.
    pub status: Status,
    /// When the token ends.
    pub expires_at: Timestamp,
    /// When the account was connected, the last time.
    pub connected_at: Timestamp,
    /// When it was first connected: young accounts send slowly.
    pub first_connected_at: Timestamp,
    /// When webhooks were subscribed.
    pub webhooks_subscribed_at: Option<Timestamp>,
    /// Last problem, for the owner.
    pub last_error: Option<Arc<str>>,
    /// When the owner disconnected it.
    pub disconnected_at: Option<Timestamp>,
    /// A question "does the token live?" is out.
    pub checking_since: Option<Timestamp>,
    /// The owner was told that messages wait for a reconnection.
    pub parked_told: bool,
}

/// Whether a connection can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Yes.
    Active,
    /// Yes, but a permission is missing.
    Limited,
    /// The token ended.
    Expired,
    /// The owner took the permission back on Instagram.
    Revoked,
    /// The owner disconnected it here.
    Disconnected,
}

impl Integration {
    /// It can be used at this instant.
    #[must_use]
    pub fn is_usable(&self, now: Timestamp) -> bool {
        matches!(self.status, Status::Active | Status::Limited) && now < self.expires_at
    }

    /// The owner ended it here.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        self.status == Status::Disconnected
    }

    /// The text is one of the two ids of the account.
    #[must_use]
    pub fn is_account(&self, id: &str) -> bool {
        self.account.as_str() == id || self.app_scoped.as_ref().is_some_and(|other| other.as_str() == id)
    }

    /// The text is the handle of the account.
    #[must_use]
    pub fn is_username(&self, username: &str) -> bool {
        self.username.eq_ignore_ascii_case(username)
    }
}
