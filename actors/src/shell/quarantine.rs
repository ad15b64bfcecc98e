//! Poison: commands that keep ending their activation are kept in the entity's history, for a person to look at.

use super::{
    shared::Shell,
    slot::{Envelope, Origin},
};
use crate::{Entity, Timestamp};
use greenroom_persistence::{
    AppendError, Committed, Direction, DueChange, EntityId, Erase, HistoryRow, NewRecord, ReadError, RowNo,
    Seq,
};
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// History stream of quarantined commands.
pub const QUARANTINE_STREAM: &str = "quarantine";
/// Longest kept cause, in characters.
const CAUSE_MAX: usize = 1_000;
/// Longest kept command, in bytes; a larger one is kept without its content.
const COMMAND_MAX: usize = 256 << 10;

/// Who asked for a quarantined command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asker {
    /// A caller, who was told.
    Caller,
    /// The relay, with the outcome of an effect.
    Outcome,
    /// The timer service.
    Tick,
    /// The shell, after a recovery.
    Activated,
}

/// A command the entity could not digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// When it was given up.
    pub at: Timestamp,
    /// Who asked.
    pub asker: Asker,
    /// Why: a panic's text, or the journal's refusal. May quote data of the command.
    pub cause: String,
    /// Activations that it ended.
    pub strikes: u8,
    /// The command, MessagePack with named fields; empty when it could not be kept.
    pub command: Vec<u8>,
}

/// A page of quarantined commands, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuarantinePage {
    /// The commands, each with its number.
    pub commands: Vec<(RowNo, Quarantined)>,
    /// Cursor for the next page; `None` at the end.
    pub next: Option<RowNo>,
}

impl<E: Entity> Shell<E> {
    /// Keeps a command durably, as a record without events.
    pub(super) async fn quarantine(
        &self,
        id: &EntityId,
        expected_seq: Seq,
        envelope: &Envelope<E>,
        cause: &str,
    ) -> Result<Committed, AppendError> {
        let encoded = catch_unwind(AssertUnwindSafe(|| rmp_serde::to_vec_named(&envelope.command)));
        let command = encoded.ok().and_then(Result::ok).filter(|bytes| bytes.len() <= COMMAND_MAX);
        let kept = Quarantined {
            at: self.clock.now(),
            asker: match envelope.origin {
                Origin::Caller { .. } => Asker::Caller,
                Origin::Outcome { .. } => Asker::Outcome,
                Origin::Tick { .. } => Asker::Tick,
                Origin::Activated => Asker::Activated,
            },
            cause: cause.chars().take(CAUSE_MAX).collect(),
            strikes: envelope.strikes,
            command: command.unwrap_or_default(),
        };
        let bytes = rmp_serde::to_vec_named(&kept)
            .map_err(|error| AppendError::Unavailable(format!("quarantine row does not encode: {error}")))?;
        let row = HistoryRow { stream: QUARANTINE_STREAM.to_owned(), no: expected_seq.next().0, bytes };
        let record = NewRecord {
            entity: id.clone(),
            expected_seq,
            payload: Vec::new(),
            rows: vec![row],
            directory: Vec::new(),
            due: DueChange::Unchanged,
            erase: Erase::Nothing,
        };
        let committed = self.stores.journal.append(record).await?;
        tracing::error!(entity.id = %id, strikes = envelope.strikes, "a command of {id} is quarantined");
        self.metrics.quarantined.increment(1);
        Ok(committed)
    }

    /// At most `limit` quarantined commands of an entity, newest first.
    pub(super) async fn quarantined(
        &self,
        id: &EntityId,
        cursor: Option<RowNo>,
        limit: usize,
    ) -> Result<QuarantinePage, ReadError> {
        let page =
            self.stores.history.page(id, QUARANTINE_STREAM, cursor, limit, Direction::Backward).await?;
        let commands = page.rows.into_iter().map(|(no, bytes)| {
            let kept =
                rmp_serde::from_slice(&bytes).map_err(|error| ReadError::Damaged(error.to_string()))?;
            Ok((no, kept))
        });
        Ok(QuarantinePage { commands: commands.collect::<Result<_, ReadError>>()?, next: page.next })
    }
}
