//! The Meta app as its dashboard configures it.

use serde::{Deserialize, Serialize};

/// App id of every sandbox.
pub const APP_ID: &str = "990000000000001";
/// Secret of the Instagram product; signs webhooks and callbacks by default.
pub const APP_SECRET: &str = "sandbox-app-secret";
/// Secret of the Meta app; signs when a delivery asks for the second one.
pub const META_SECRET: &str = "sandbox-meta-secret";
/// Token of the webhook handshake.
pub const VERIFY_TOKEN: &str = "sandbox-verify";

/// Webhook fields of Instagram Login.
pub(crate) const FIELDS: [&str; 11] = [
    "comments",
    "live_comments",
    "messages",
    "message_edit",
    "message_reactions",
    "messaging_handover",
    "messaging_optins",
    "messaging_postbacks",
    "messaging_referral",
    "messaging_seen",
    "standby",
];

/// Scopes that the consent page knows.
pub(crate) const SCOPES: [&str; 5] = [
    "instagram_business_basic",
    "instagram_business_manage_messages",
    "instagram_business_manage_comments",
    "instagram_business_content_publish",
    "instagram_business_manage_insights",
];

/// Settings and switches of the app.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct App {
    /// Compared byte for byte; empty: any loopback address is taken.
    pub(crate) redirect_uris: Vec<String>,
    /// Where the deauthorize callback goes; by default beside the webhook address.
    pub(crate) deauthorize_url: Option<String>,
    /// Where the data deletion callback goes; by default beside the webhook address.
    pub(crate) data_deletion_url: Option<String>,
    /// Code exchange and `/me` answer inside `data`.
    pub(crate) wrapped_answers: bool,
    /// `POST /me/subscribed_apps` is refused, as seen on the platform.
    pub(crate) refuse_me_subscription: bool,
    /// A refresh ends the token that it replaces; the platform does not say whether it does.
    pub(crate) refresh_ends_old_token: bool,
    /// Users of the app, the factor of the app-wide limit.
    pub(crate) users: u64,
    /// Whether the call limits are enforced.
    pub(crate) enforce_rate_limits: bool,
    /// Usage that the control API forces: percent and minutes.
    pub(crate) forced_usage: Option<(u32, u32)>,
}

impl Default for App {
    fn default() -> Self {
        Self {
            redirect_uris: Vec::new(),
            deauthorize_url: None,
            data_deletion_url: None,
            wrapped_answers: false,
            refuse_me_subscription: false,
            refresh_ends_old_token: false,
            users: 100_000,
            enforce_rate_limits: true,
            forced_usage: None,
        }
    }
}
