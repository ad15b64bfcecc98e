//! Rows that left the state for the history: their streams and how they are read back.
//!
//! A row that is written again replaces the one before: what a person took back is erased by writing its row again
//! without the content.

use super::{
    action_log::ActionLog, decision::DecisionNo, decision::DecisionRecord, event::Advance, held::HeldEvent,
    thread::Message,
};
use crate::{
    id::{Igsid, Mid},
    outbox::Fingerprint,
};
use greenroom_persistence::HistoryRow;
use serde::{Deserialize, Serialize};

/// Stream of decision records, by the number of the decision.
pub const DECISIONS: &str = "decisions";

/// Stream of the events of new contacts for whom there was no room in the plan, by the number of the decision. Rows of
/// events that were taken up hold nothing; those of messages that were taken back hold no content.
pub const OVERFLOW: &str = "overflow";

/// Stream of the events that wait for the connection and do not fit in memory, by the number of the decision; otherwise
/// as [`OVERFLOW`].
pub const PARKED: &str = "parked";

/// Stream of the activity list, by the number of the row.
pub const ACTION_LOGS: &str = "action_logs";

/// Stream of messages of the outbox that came to their end, by their number.
pub const OUTBOUND: &str = "outbound";

/// Most rows of one bucket of the index that are looked at, newest first.
pub const INDEX_ROWS_MAX: usize = 512;

/// Bytes of a row of the index.
const TAG_BYTES: usize = 8;

/// What is left of a row whose content is not needed any more: one MessagePack nil.
const NOTHING: [u8; 1] = [0xc0];

/// Stream of what happened to a decision after its record had left, by a number that grows with every row of the
/// workspace.
#[must_use]
pub fn outcomes_of(no: DecisionNo) -> String {
    format!("decision_outcomes/{}", no.0)
}

/// Stream of the messages of a thread that left its window, by their numbers. Rows are read with [`message`].
#[must_use]
pub fn messages_of(person: &Igsid) -> String {
    format!("messages/{person}")
}

/// Where the index has the decision on a message, a comment or an event: a bucket of 65,536, and the tag of its rows.
/// Written in the record in which the decision leaves for [`DECISIONS`], under the number of the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexPlace {
    /// Stream of the bucket.
    pub stream: String,
    /// Content of its rows.
    pub tag: [u8; TAG_BYTES],
}

/// The place of a reference: the id of a message or comment, or the key of an event that has neither.
#[must_use]
pub fn index_of(reference: &str) -> IndexPlace {
    let (bucket, tag) = Fingerprint::of(reference).halves();
    IndexPlace { stream: format!("about/{:04x}", bucket & 0xffff), tag: tag.to_be_bytes() }
}

/// The row of the index for a decision that leaves; `None` for events that nobody asks about by an id.
pub(super) fn index_row(record: &DecisionRecord) -> Option<HistoryRow> {
    let place = index_of(record.reference()?);
    Some(HistoryRow { stream: place.stream, no: record.no.0, bytes: place.tag.to_vec() })
}

/// The references under which the decision on this one may stand in the index: itself, and the id in it when it is the
/// key of a message or comment.
#[must_use]
pub fn references(typed: &str) -> Vec<&str> {
    let within = |kind: &str| typed.split_once(kind).map(|(_, rest)| rest);
    let message = within(":message:").and_then(|rest| rest.split_once(':')).map(|(_, mid)| mid);
    let comment = within(":comment:");
    std::iter::once(typed).chain(message).chain(comment).collect()
}

/// A row without its content.
pub(super) fn emptied(stream: &str, no: DecisionNo) -> HistoryRow {
    HistoryRow { stream: stream.to_owned(), no: no.0, bytes: NOTHING.to_vec() }
}

/// Reads a row of [`DECISIONS`].
///
/// # Errors
/// When the bytes are no decision record.
pub fn decision(bytes: &[u8]) -> Result<DecisionRecord, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}

/// Reads a row of [`ACTION_LOGS`].
///
/// # Errors
/// When the bytes are no such row.
pub fn action_log(bytes: &[u8]) -> Result<ActionLog, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}

/// Reads a row of [`outcomes_of`].
///
/// # Errors
/// When the bytes are no such row.
pub fn outcome(bytes: &[u8]) -> Result<Advance, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}

/// Reads a row of [`OVERFLOW`] or [`PARKED`]; `None` when the event was taken up.
#[must_use]
pub fn held(bytes: &[u8]) -> Option<HeldEvent> {
    rmp_serde::from_slice(bytes).ok()
}

/// What is left in the history of a message that its writer took back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// Which message.
    pub mid: Mid,
    /// Always true; tells it from a message.
    pub unsent: bool,
}

/// A row of [`messages_of`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptMessage {
    /// The message.
    Message(Box<Message>),
    /// It was taken back: nothing of it may be shown.
    TakenBack(Mid),
}

/// Reads a row of [`messages_of`]. Whoever shows messages reads them with this, and asks
/// [`super::User::was_taken_back`] too: the row of an old message is erased moments after it was taken back.
///
/// # Errors
/// When the bytes are no such row.
pub fn message(bytes: &[u8]) -> Result<KeptMessage, rmp_serde::decode::Error> {
    if let Ok(message) = rmp_serde::from_slice(bytes) {
        return Ok(KeptMessage::Message(Box::new(message)));
    }
    rmp_serde::from_slice(bytes).map(|Tombstone { mid, .. }| KeptMessage::TakenBack(mid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_looked_for_by_the_id_in_it_too() {
        assert_eq!(references("m_1"), ["m_1"]);
        assert_eq!(references("w:message:9:m:1"), ["w:message:9:m:1", "m:1"]);
        assert_eq!(references("w:comment:18"), ["w:comment:18", "18"]);
        assert_eq!(references("w:seen:9:m_1"), ["w:seen:9:m_1"]);
    }

    #[test]
    fn places_in_the_index_are_small_and_spread() {
        let places: std::collections::BTreeSet<String> =
            (0..1_000).map(|no| index_of(&format!("m_{no}")).stream).collect();
        assert!(places.len() > 950, "{}", places.len());
        assert!(places.iter().all(|stream| stream.len() == 10));
    }
}
