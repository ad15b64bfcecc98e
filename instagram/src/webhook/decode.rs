//! From one slice to an event: what happened, to whom, when, and under which key.
//!
//! Read tolerantly: a missing member, `null` and a wrong type each disable only what they belong to; a slice is
//! quarantined only when its key or its meaning can not be told, or when it is for somebody else.

mod comment;
mod handover;
mod message;
mod messaging;
pub(crate) mod text;

use super::{
    event::{Event, Reason, TimeSource},
    item::Item,
    key::{EventKey, Kind},
    slice::{Form, Slice},
};
use crate::{
    ids::{AccountIds, IdError},
    json::Raw,
    signature::push_hex,
    time::UnixMillis,
};
use sha2::{Digest, Sha256};

/// The entry id of dashboard tests.
const TEST_ACCOUNT: &str = "0";

/// Decodes one slice.
///
/// `owner` are the ids of the account that the entry's id was resolved to. With it, keys use the professional id
/// whichever of the two the delivery used, and items for another account are refused. Without it the caller has to
/// do both itself: [`Event::check_account`], [`EventKey::with_account`].
///
/// # Errors
/// [`Reason`]: quarantine the slice with it. It is not an error towards the platform.
pub fn decode(
    slice: &Slice<'_>,
    owner: Option<&AccountIds>,
    received_at: UnixMillis,
) -> Result<Event, Reason> {
    let item = Raw::cut_before(slice.raw);
    if !item.is_object() {
        return Err(Reason::NotAnObject);
    }
    let account = match slice.account.as_deref() {
        Some(TEST_ACCOUNT) => return Ok(test(slice, received_at)),
        None if slice.form == Form::Bare => return Ok(test(slice, received_at)),
        None => return Err(Reason::NoAccount),
        Some(account) => account,
    };
    if owner.is_some_and(|owner| !owner.has(account)) {
        return Err(Reason::ForeignAccount);
    }
    let frame = Frame { slice, item, account, owner, received_at };
    match slice.field.as_deref() {
        None => messaging::decode(&frame),
        Some("comments") => comment::comment(&frame, false),
        Some("live_comments") => comment::comment(&frame, true),
        Some("mentions") => comment::mention(&frame),
        Some("story_insights") => comment::story_insights(&frame),
        Some(field) if messaging::is_field(field) => messaging::decode(&frame),
        Some(field) => Ok(frame.unknown(field)),
    }
}

fn test(slice: &Slice<'_>, received_at: UnixMillis) -> Event {
    let (at, time_source) = instant(None, slice.entry_time, received_at);
    Event {
        key: EventKey::new(TEST_ACCOUNT, Kind::Test, format_args!("{}", hash(slice.raw))),
        kind: Kind::Test,
        at,
        time_source,
        standby: false,
        from_account: false,
        account_side: None,
        item: Item::Test,
    }
}

/// What all decoders need.
struct Frame<'a> {
    slice: &'a Slice<'a>,
    item: Raw<'a>,
    /// The entry's id.
    account: &'a str,
    owner: Option<&'a AccountIds>,
    received_at: UnixMillis,
}

impl Frame<'_> {
    /// The name of the account in keys.
    fn key_account(&self) -> &str {
        self.owner.map_or(self.account, |owner| owner.professional.as_str())
    }

    fn is_account(&self, id: &str) -> bool {
        id == self.account || self.owner.is_some_and(|owner| owner.has(id))
    }

    fn key(&self, kind: Kind, discriminator: std::fmt::Arguments<'_>) -> EventKey {
        EventKey::new(self.key_account(), kind, discriminator)
    }

    /// An event that no messaging frame surrounds.
    fn event(&self, kind: Kind, key: EventKey, item: Item, timestamp: Option<i64>) -> Event {
        let (at, time_source) = instant(timestamp, self.slice.entry_time, self.received_at);
        Event { key, kind, at, time_source, standby: false, from_account: false, account_side: None, item }
    }

    fn unknown(&self, name: &str) -> Event {
        let key = self.key(Kind::Unknown, format_args!("{}", hash(self.slice.raw)));
        let timestamp = self.item.get("timestamp").and_then(Raw::int);
        let item = Item::Unknown { name: text::name(name), raw: text::raw(self.item) };
        let mut event = self.event(Kind::Unknown, key, item, timestamp);
        event.standby = self.is_standby();
        event
    }

    fn is_standby(&self) -> bool {
        self.slice.form == Form::Standby || self.slice.field.as_deref() == Some("standby")
    }
}

/// The item's own time, else the batch's, else the arrival.
fn instant(timestamp: Option<i64>, entry: Option<i64>, received_at: UnixMillis) -> (UnixMillis, TimeSource) {
    let read = |number: Option<i64>| number.and_then(|number| UnixMillis::from_webhook(number, received_at));
    if let Some(at) = read(timestamp) {
        (at, TimeSource::Item)
    } else if let Some(at) = read(entry) {
        (at, TimeSource::Entry)
    } else {
        (received_at, TimeSource::Arrival)
    }
}

/// SHA-256 in lower-case hexadecimal digits.
fn hash(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    push_hex(&mut text, &Sha256::digest(bytes));
    text
}

/// An identifier that must be there.
fn required<T>(
    value: Option<Raw<'_>>,
    read: impl Fn(Raw<'_>) -> Result<T, IdError>,
    member: &'static str,
) -> Result<T, Reason> {
    let value = value.filter(|value| !value.is_null()).ok_or(Reason::Missing(member))?;
    read(value).map_err(|error| match error {
        IdError::NotAnId => Reason::Missing(member),
        error => Reason::BadId { member, error },
    })
}

/// An identifier that may be missing. One of a wrong type counts as missing; one that breaks the character rules does
/// not: it would end up in a request path.
fn optional<T>(
    value: Option<Raw<'_>>,
    read: impl Fn(Raw<'_>) -> Result<T, IdError>,
    member: &'static str,
) -> Result<Option<T>, Reason> {
    match required(value, read, member) {
        Ok(id) => Ok(Some(id)),
        Err(Reason::Missing(_)) => Ok(None),
        Err(reason) => Err(reason),
    }
}

#[cfg(test)]
mod tests;
