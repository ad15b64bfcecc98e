//! The outcome of decoding one item: an event, or the reason why there is none.

use super::{
    item::Item,
    key::{EventKey, Kind},
};
use crate::{
    ids::{AccountIds, IdError},
    time::UnixMillis,
};
use std::sync::Arc;

/// One decoded item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its unique name.
    pub key: EventKey,
    /// Its kind, for metrics.
    pub kind: Kind,
    /// When it happened. Reply windows count from here.
    pub at: UnixMillis,
    /// Where `at` is from.
    pub time_source: TimeSource,
    /// Another app holds the thread: store for the inbox, never act.
    pub standby: bool,
    /// The account did it, not the person (echoes; unsends and edits of own messages).
    pub from_account: bool,
    /// The id that a messaging item names for the account; checked already if [`super::decode::decode`] was given the account's ids,
    /// otherwise see [`Event::check_account`].
    pub account_side: Option<Arc<str>>,
    /// What happened.
    pub item: Item,
}

impl Event {
    /// Checks that the account named inside the item is the account of the entry: an item for another tenant is never
    /// acted upon.
    ///
    /// # Errors
    /// [`Reason::ForeignAccount`].
    pub fn check_account(&self, ids: &AccountIds) -> Result<(), Reason> {
        match &self.account_side {
            Some(side) if !ids.has(side) => Err(Reason::ForeignAccount),
            _ => Ok(()),
        }
    }
}

/// Where an event's instant is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeSource {
    /// The item's own timestamp.
    Item,
    /// The batch's: when it was sent.
    Entry,
    /// The arrival: neither was usable.
    Arrival,
}

/// Why an item or a part of a delivery is quarantined. Acknowledge it all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reason {
    /// It is not an object where one was due.
    #[error("not an object")]
    NotAnObject,
    /// Its structure is broken.
    #[error("not well-formed")]
    Malformed,
    /// It nests deeper than [`super::slice::ITEM_DEPTH_MAX`].
    #[error("nested too deep")]
    TooDeep,
    /// More entries in the body than [`super::slice::ENTRIES_MAX`]; the part holds all entries left.
    #[error("too many entries in one delivery")]
    TooManyEntries,
    /// More items in the body than [`super::slice::ITEMS_MAX`]; the part holds all items left in its list.
    #[error("too many items in one delivery")]
    TooManyItems,
    /// A list was due at this member.
    #[error("{0} is not a list")]
    NotAList(&'static str),
    /// The entry does not say which account it belongs to.
    #[error("entry names no account")]
    NoAccount,
    /// The account inside the item is not the account of the entry.
    #[error("item belongs to another account than its entry")]
    ForeignAccount,
    /// A member that its key or meaning needs is missing or has an unusable type.
    #[error("{0} is missing or unusable")]
    Missing(&'static str),
    /// An identifier breaks the character rules.
    #[error("{member} is no identifier: {error}")]
    BadId {
        /// Which member.
        member: &'static str,
        /// What is wrong with it.
        error: IdError,
    },
}

impl Reason {
    /// A short name out of a closed set, fit for metrics.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::Malformed => "malformed",
            Self::TooDeep => "too_deep",
            Self::TooManyEntries => "too_many_entries",
            Self::TooManyItems => "too_many_items",
            Self::NotAList(_) => "not_a_list",
            Self::NoAccount => "no_account",
            Self::ForeignAccount => "foreign_account",
            Self::Missing(_) => "missing_member",
            Self::BadId { .. } => "bad_id",
        }
    }
}
