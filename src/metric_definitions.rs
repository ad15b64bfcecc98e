//! Every metric of the front door and the outlets: name, unit, meaning. Labels come from closed sets, never from ids.

use metrics::{Counter, Unit, counter, describe_counter, describe_histogram};

/// Deliveries answered 200.
pub const WEBHOOKS_ACCEPTED: &str = "greenroom_webhooks_accepted_total";
/// Deliveries refused, by `reason`.
pub const WEBHOOKS_REFUSED: &str = "greenroom_webhooks_refused_total";
/// Items in accepted deliveries, by `outcome`.
pub const WEBHOOK_ITEMS: &str = "greenroom_webhook_items_total";
/// Items and whole deliveries that could not be understood, by `reason`.
pub const WEBHOOK_QUARANTINED: &str = "greenroom_webhook_quarantined_total";
/// Which secret of the list signed, by `index`.
pub const WEBHOOK_SECRET: &str = "greenroom_webhook_secret_total";
/// Calls to Instagram, by `call` and `outcome`.
pub const INSTAGRAM_CALLS: &str = "greenroom_instagram_calls_total";
/// Duration of calls to Instagram, by `call`.
pub const INSTAGRAM_CALL_SECONDS: &str = "greenroom_instagram_call_seconds";
/// Passwords that were hashed or checked.
pub const PASSWORD_HASHES: &str = "greenroom_password_hashes_total";
/// Passwords that were refused because too many were waiting.
pub const PASSWORD_HASHES_REFUSED: &str = "greenroom_password_hashes_refused_total";

/// Handles to the counters that every delivery moves, looked up once: a look-up costs more than the count.
pub struct WebhookCounters {
    /// [`WEBHOOKS_ACCEPTED`].
    pub accepted: Counter,
    /// [`WEBHOOK_ITEMS`] handed to workspaces.
    pub received: Counter,
    /// [`WEBHOOK_SECRET`], by index.
    pub signed_by: Vec<Counter>,
}

impl WebhookCounters {
    /// Handles for so many secrets.
    #[must_use]
    pub fn new(secrets: usize) -> Self {
        Self {
            accepted: counter!(WEBHOOKS_ACCEPTED),
            received: counter!(WEBHOOK_ITEMS, "outcome" => "received"),
            signed_by: (0..secrets)
                .map(|index| counter!(WEBHOOK_SECRET, "index" => index.to_string()))
                .collect(),
        }
    }
}

/// Registers the descriptions.
pub fn describe() {
    describe_counter!(WEBHOOKS_ACCEPTED, "webhook deliveries answered 200");
    describe_counter!(WEBHOOKS_REFUSED, "webhook deliveries refused, by reason");
    describe_counter!(WEBHOOK_ITEMS, "items in accepted deliveries, by outcome");
    describe_counter!(WEBHOOK_QUARANTINED, "items and deliveries that could not be understood, by reason");
    describe_counter!(WEBHOOK_SECRET, "deliveries by index of the secret that signed them");
    describe_counter!(INSTAGRAM_CALLS, "calls to Instagram, by call and outcome");
    describe_counter!(PASSWORD_HASHES, "passwords that were hashed or checked");
    describe_counter!(PASSWORD_HASHES_REFUSED, "passwords refused because too many were waiting");
    describe_histogram!(INSTAGRAM_CALL_SECONDS, Unit::Seconds, "duration of calls to Instagram, by call");
}
