//! Cuts a delivery into single items without decoding what is inside them.
//!
//! One pass over the body, one small vector; the depth of nesting costs neither stack nor memory. All seven shapes in
//! which items occur are understood, also several in one entry:
//!
//! | Form | Where the items are |
//! |---|---|
//! | A | `entry[].messaging[]` |
//! | B | `entry[].changes[]`, each `{"field","value"}` |
//! | C | `entry[].field` and `entry[].value` |
//! | D | the whole body is a list of envelopes (or of form F) |
//! | E | `entry[].standby[]`, shaped like `messaging` |
//! | F | the whole body is `{"field","value"}` |
//! | G | `entry[].changed_fields`, no values: counted |

mod cut;

use self::cut::Cutter;
use super::event::Reason;
use crate::json::{Malformed, Raw, Scanner};

use std::borrow::Cow;

/// The most entries read from one delivery; the rest is quarantined (product rule).
pub const ENTRIES_MAX: usize = 1_000;
/// The most items read from one delivery; the rest is quarantined (product rule; the platform batches at most 1000).
pub const ITEMS_MAX: usize = 5_000;
/// How deep one item may nest (ordinary items have at most 7 levels).
pub const ITEM_DEPTH_MAX: usize = 64;
/// The most parts listed as quarantined for one delivery; further ones are only counted.
pub const QUARANTINED_MAX: usize = ENTRIES_MAX + ITEMS_MAX;
/// The longest `object` kept of a delivery for another product, in characters.
pub const OBJECT_CHARS_MAX: usize = 64;

/// What a body turned out to be. Each outcome is acknowledged with 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// Items to route and decode.
    Envelope(Envelope<'a>),
    /// Nothing in it can be told apart: keep the whole body with the reason.
    Quarantined(BodyFault),
}

/// What is wrong with a whole body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BodyFault {
    /// Not JSON, or cut off.
    #[error("body is not json")]
    NotJson,
    /// JSON, but neither an object nor a list.
    #[error("body is neither an object nor a list")]
    NotAnEnvelope,
}

impl BodyFault {
    /// A short name out of a closed set, fit for metrics.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotAnEnvelope => "not_an_envelope",
        }
    }
}

/// The parts of one delivery, each in the order of the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The items, at most [`ITEMS_MAX`].
    pub slices: Vec<Slice<'a>>,
    /// Parts that are no items.
    pub quarantined: Vec<Quarantined<'a>>,
    /// Names of other products' objects (`page`, `user`, …) that were skipped, at most [`ENTRIES_MAX`].
    pub ignored: Vec<Cow<'a, str>>,
    /// How many changes came without their values.
    pub valueless: usize,
    /// How many parts beyond [`QUARANTINED_MAX`] are not listed.
    pub unlisted: usize,
}

/// One item, undecoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice<'a> {
    /// The entry's id: the account, by either of its ids. `"0"` for dashboard tests. `None` when missing or no id.
    pub account: Option<Cow<'a, str>>,
    /// The entry's `time`, as sent (seconds or milliseconds), where readable.
    pub entry_time: Option<i64>,
    /// Where the item was.
    pub form: Form,
    /// The `field`, in the forms that have one.
    pub field: Option<Cow<'a, str>>,
    /// The item (form A, E) or its `value` (form B, C, F), bytes as received.
    pub raw: &'a [u8],
}

/// Where an item was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// `entry[].messaging[]`.
    Messaging,
    /// `entry[].standby[]`: another app holds the thread.
    Standby,
    /// `entry[].changes[]`.
    Change,
    /// `field` and `value` in the entry itself.
    Entry,
    /// The whole body: the dashboard's preview, without an account.
    Bare,
}

/// A part that is no item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined<'a> {
    /// The entry's id, where known.
    pub account: Option<Cow<'a, str>>,
    /// Why.
    pub reason: Reason,
    /// The part, bytes as received.
    pub raw: &'a [u8],
}

/// Cuts a verified body into items. Never fails: what can not be understood is in the outcome.
#[must_use]
pub fn slice(body: &[u8]) -> Delivery<'_> {
    let mut scanner = Scanner::new(body);
    let mut cutter = Cutter::new(body);
    let cut = match scanner.peek() {
        Some(b'{') => cutter.envelope(&mut scanner),
        Some(b'[') => cutter.envelopes(&mut scanner),
        _ => return Delivery::Quarantined(scalar_fault(body)),
    };
    match cut.and_then(|()| scanner.end()) {
        Ok(()) => Delivery::Envelope(cutter.finish()),
        Err(Malformed) => Delivery::Quarantined(BodyFault::NotJson),
    }
}

fn scalar_fault(body: &[u8]) -> BodyFault {
    match Raw::whole(body) {
        Ok(_) => BodyFault::NotAnEnvelope,
        Err(Malformed) => BodyFault::NotJson,
    }
}

#[cfg(test)]
mod tests;
