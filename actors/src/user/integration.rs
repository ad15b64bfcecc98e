//! The connection to one Instagram account.

use crate::{Sealed, Timestamp, errand::Errand, id::AccountId};
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
    /// What keeps it alive.
    #[serde(default)]
    pub upkeep: Upkeep,
}

/// What keeps a connection alive for years: fresh tokens, and webhooks that come.
///
/// Of a connection that an earlier program stored nothing is known: its token counts as old as the connection, its webhooks
/// are looked at at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upkeep {
    /// Refreshing the token; done when the token came.
    #[serde(default)]
    pub refresh: Errand,
    /// The token before, until the new one is known to live.
    #[serde(default)]
    pub former: Option<FormerToken>,
    /// The owner was told so many days before the token's end.
    #[serde(default)]
    pub warned_days: Option<u8>,
    /// Subscribing, or looking whether the subscription still stands; done when that was last known.
    #[serde(default)]
    pub webhooks: Errand,
    /// When the subscription was last seen to stand.
    #[serde(default)]
    pub webhooks_seen_at: Option<Timestamp>,
    /// The platform had ended the subscription; what was written since then did not come.
    #[serde(default)]
    pub interrupted_since: Option<Timestamp>,
}

/// A token that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerToken {
    /// The token.
    pub token: Sealed,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A permission that the product asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// The account itself: without it nothing goes on, and the token can not be refreshed.
    Basic,
    /// Direct messages.
    Messages,
    /// Comments.
    Comments,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Basic, Self::Messages, Self::Comments];

    /// The platform's name for it.
    #[must_use]
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Basic => "instagram_business_basic",
            Self::Messages => "instagram_business_manage_messages",
            Self::Comments => "instagram_business_manage_comments",
        }
    }

    /// What does not work without it, for people.
    #[must_use]
    pub const fn feature(self) -> &'static str {
        match self {
            Self::Basic => "profile, posts and the renewal of the connection",
            Self::Messages => "receiving and answering direct messages",
            Self::Comments => "receiving and answering comments",
        }
    }
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

    /// Permissions that were not granted. None while the platform did not say what was.
    #[must_use]
    pub fn missing(&self) -> Vec<Permission> {
        if self.scopes.is_empty() {
            return Vec::new();
        }
        let is_granted =
            |permission: &Permission| self.scopes.iter().any(|scope| **scope == *permission.scope());
        Permission::ALL.into_iter().filter(|permission| !is_granted(permission)).collect()
    }

    /// The same as a connection that works, as far as it was permitted to.
    pub(super) fn in_working_order(mut self) -> Self {
        let missing: Vec<&str> = self.missing().into_iter().map(Permission::scope).collect();
        self.status = if missing.is_empty() { Status::Active } else { Status::Limited };
        self.last_error =
            (!missing.is_empty()).then(|| format!("not granted: {}", missing.join(", ")).into());
        self
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
