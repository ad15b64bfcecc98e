//! Every metric of the front door and the outlets: name, unit, meaning. Labels come from closed sets, never from ids.

use metrics::{Unit, describe_counter, describe_histogram};

/// Deliveries answered 200.
pub const WEBHOOKS_ACCEPTED: &str = "greenroom_webhooks_accepted_total";
/// Deliveries refused, by `reason`.
pub const WEBHOOKS_REFUSED: &str = "greenroom_webhooks_refused_total";
/// Items in accepted deliveries, by `outcome`.
pub const WEBHOOK_ITEMS: &str = "greenroom_webhook_items_total";
/// Which secret of the list signed, by `index`.
pub const WEBHOOK_SECRET: &str = "greenroom_webhook_secret_total";
/// Calls to Instagram, by `call` and `outcome`.
pub const INSTAGRAM_CALLS: &str = "greenroom_instagram_calls_total";
/// Duration of calls to Instagram, by `call`.
pub const INSTAGRAM_CALL_SECONDS: &str = "greenroom_instagram_call_seconds";

/// Registers the descriptions.
pub fn describe() {
    describe_counter!(WEBHOOKS_ACCEPTED, "webhook deliveries answered 200");
    describe_counter!(WEBHOOKS_REFUSED, "webhook deliveries refused, by reason");
    describe_counter!(WEBHOOK_ITEMS, "items in accepted deliveries, by outcome");
    describe_counter!(WEBHOOK_SECRET, "deliveries by index of the secret that signed them");
    describe_counter!(INSTAGRAM_CALLS, "calls to Instagram, by call and outcome");
    describe_histogram!(INSTAGRAM_CALL_SECONDS, Unit::Seconds, "duration of calls to Instagram, by call");
}
