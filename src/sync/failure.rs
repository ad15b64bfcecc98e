//! What a caller is told about a call that failed.

use super::{Failed, Kind, limits::FAILURE_BYTES_MAX, message::coded};

/// Names of failures, unlike each other and not to be guessed from one another's order.
#[derive(Clone, Debug)]
pub(super) struct RequestIds(u64);

impl RequestIds {
    /// Those that follow from a seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next one: SplitMix64.
    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The message in the form that clients know, with the name of this failure.
pub(super) fn named(failed: Failed, ids: &mut RequestIds) -> Failed {
    let cut = failed.message.floor_char_boundary(FAILURE_BYTES_MAX);
    let message = format!("[Request ID: {:016x}] Server Error\n{}", ids.next(), &failed.message[..cut]);
    Failed { message, data: failed.data }
}

/// The machine could not, and the caller has nothing to wait for.
pub(super) fn internal() -> Failed {
    Failed { message: "the server could not run the function".to_owned(), data: None }
}

/// There is no function of this path and kind.
pub(super) fn wrong_kind(path: &str, actual: Option<Kind>, expected: Kind) -> Option<Failed> {
    match actual {
        Some(kind) if kind == expected => None,
        Some(kind) => {
            let (is, not) = (name(kind), name(expected));
            Some(coded("WRONG_KIND", format!("'{path}' is {is}, and was called as {not}")))
        }
        None => Some(coded("NOT_FOUND", format!("Could not find public function for '{path}'"))),
    }
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Query => "a query",
        Kind::Mutation => "a mutation",
        Kind::Action => "an action",
    }
}
