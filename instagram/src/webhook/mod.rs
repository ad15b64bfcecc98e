//! Deliveries: from a verified body to single items with their meaning.
//!
//! ```text
//! body ── slice ──▶ slices (raw bytes, one per item) ── decode ──▶ Event { key, time, item }
//!            └────▶ quarantined parts                    └───────▶ quarantined item
//! ```
//!
//! Items are independent: whatever is wrong inside one spoils that one alone. Nothing in here is an error that could
//! become a 4xx answer: the platform switches off subscriptions whose deliveries are refused, and a retry can not
//! help. What can not be understood is quarantined with a reason, and acknowledged.

pub mod decode;
pub mod event;
pub mod item;
pub mod key;
pub mod slice;
