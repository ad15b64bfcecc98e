//! Webhooks on their way to the product: from an update to a signed request that was answered with 200.

mod encode;
mod post;
mod queue;
mod settings;

pub(crate) use encode::{escape, with_numeric_ids};
pub(crate) use post::{callback, delivered, json_headers, post_raw, redeliver, run};
pub(crate) use queue::{Order, Queue, Shape};
pub(crate) use settings::{Secret, Settings, is_allowed_target, is_loopback_host};
