//! Rows that left the state for the history: their streams and how they are read back.

use super::{
    decision::{DecisionNo, DecisionRecord},
    event::Advance,
};

/// Stream of decision records, by the number of the decision.
pub const DECISIONS: &str = "decisions";

/// Stream of the events of new contacts for whom there was no room in the plan, by the number of the decision. Events
/// that were taken up or taken back stay without their content.
pub const OVERFLOW: &str = "overflow";

/// Stream of what happened to a decision after its record had left, by a number that grows with every row of the
/// workspace.
#[must_use]
pub fn outcomes_of(no: DecisionNo) -> String {
    format!("decision_outcomes/{}", no.0)
}

/// Reads a row of [`DECISIONS`].
///
/// # Errors
/// When the bytes are no decision record.
pub fn decision(bytes: &[u8]) -> Result<DecisionRecord, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}

/// Reads a row of [`outcomes_of`].
///
/// # Errors
/// When the bytes are no such row.
pub fn outcome(bytes: &[u8]) -> Result<Advance, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}
