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

use self::{event::Reason, slice::Delivery};
use crate::{ids::AccountIds, time::UnixMillis};

/// The body of the fuzz target: cuts and decodes arbitrary bytes and checks what must hold for all of them. Panics
/// when something does not.
#[doc(hidden)]
pub fn fuzz(body: &[u8]) {
    let Delivery::Envelope(envelope) = slice::slice(body) else { return };
    assert!(envelope.slices.len() <= slice::ITEMS_MAX, "items are bounded");
    assert!(envelope.quarantined.len() <= slice::QUARANTINED_MAX, "quarantined parts are bounded");
    let now = UnixMillis::from_secs(1_767_225_600);
    let within = body.as_ptr_range();
    for item in &envelope.slices {
        let raw = item.raw.as_ptr_range();
        assert!(within.start <= raw.start && raw.end <= within.end, "slices lie in the body");
        if let Ok(event) = decode::decode(item, None, now) {
            assert!(event.at <= now.plus(crate::time::SKEW_LIMIT), "no event is from the future");
            assert_eq!(decode::decode(item, None, now).as_ref(), Ok(&event), "decoding is a function");
        }
        let Some(Ok(professional)) = item.account.as_deref().map(str::parse) else { continue };
        let owner = AccountIds { professional, app_scoped: None };
        if let Ok(event) = decode::decode(item, Some(&owner), now) {
            assert!(event.check_account(&owner).is_ok(), "an owned item is for its owner");
        }
    }
    for part in &envelope.quarantined {
        assert!(!matches!(part.reason, Reason::ForeignAccount), "slicing does not judge accounts");
    }
}

#[cfg(test)]
mod hostile;
