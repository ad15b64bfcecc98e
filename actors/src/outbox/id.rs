//! Names used by the outbox: its own numbers, and the platform's opaque texts.

use crate::id::{CommentId, Igsid};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, sync::Arc};

/// Number of a message in the outbox of one workspace, from 1, never used again. Older messages have smaller numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OutboundId(u64);

impl OutboundId {
    /// The smallest number.
    pub const MIN: Self = Self(0);
    /// The largest number.
    pub const MAX: Self = Self(u64::MAX);

    /// A number read back from a client or an address.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The bare number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    pub(super) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for OutboundId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text as given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl From<Arc<str>> for $name {
            fn from(text: Arc<str>) -> Self {
                Self(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

texts! {
    /// Idempotency key of a message: `{event key}:{automation id or sidekick}:{step}`, or the key a client made for one
    /// press of a button. Unique while [`super::KEY_RETENTION`] lasts.
    OutboundKey;
    /// The automation that wrote a message.
    AutomationRef;
}

/// The conversation a message belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ThreadId {
    /// The direct messages with a person.
    Person(Igsid),
    /// A comment: public replies below it, and the private reply when nobody said who wrote it.
    Comment(CommentId),
}

impl From<&Igsid> for ThreadId {
    fn from(person: &Igsid) -> Self {
        Self::Person(person.clone())
    }
}

impl From<&CommentId> for ThreadId {
    fn from(comment: &CommentId) -> Self {
        Self::Comment(comment.clone())
    }
}

/// First 128 bits of the SHA-256 of a text: remembers keys and message ids in little space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint((u64, u64));

impl Fingerprint {
    pub(super) const MIN: Self = Self((0, 0));

    /// The fingerprint of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let hash = Sha256::digest(text.as_bytes());
        let half =
            |from: usize| hash.iter().skip(from).take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Self((half(0), half(8)))
    }

    /// A number below `all` that the text decides: as good as drawn, and always the same. 0 when `all` is 0.
    #[must_use]
    pub const fn share_of(self, all: u64) -> u64 {
        if all == 0 { 0 } else { self.0.0 % all }
    }

    /// Both halves.
    pub(crate) const fn halves(self) -> (u64, u64) {
        self.0
    }

    /// Half of it, as a number that looks random and is not.
    pub(super) const fn low(self) -> u64 {
        self.0.1
    }
}
