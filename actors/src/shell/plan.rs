//! Deciding a batch: synchronous, without effects, and safe against panics.

use super::{
    Published, encoding,
    limits::ShellLimits,
    slot::{Envelope, Live},
    snapshots::ERASED_TAIL,
};
use crate::{Draft, Entity, Timestamp};
use greenroom_persistence::{DueChange, EntityId, Erase, NewRecord, codec::CodecError};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// What a command came to.
pub(super) enum Verdict<E: Entity> {
    Replied(E::Reply),
    Rejected(E::Rejection),
    /// A tick of an entity that is not due any more.
    NotDue,
}

/// A decided batch.
pub(super) struct Plan<E: Entity> {
    pub(super) next: Next<E>,
    pub(super) verdicts: Vec<Verdict<E>>,
    pub(super) effects: Vec<E::Effect>,
}

/// What the batch does to the journal.
pub(super) enum Next<E: Entity> {
    /// Nothing.
    Same,
    /// One record, what is known after it, and what it adds to the journal, as the snapshot policy counts it.
    Record { record: NewRecord, after: After<E>, bytes: usize },
}

/// What an activation knows after a record.
pub(super) struct After<E: Entity> {
    pub(super) state: Arc<E>,
    pub(super) weight: usize,
    pub(super) due: Option<Timestamp>,
    /// See [`Live::is_indexed`].
    pub(super) is_indexed: bool,
}

/// Deciding panicked, or its result could not be encoded.
pub(super) struct Panicked {
    /// Index of the command that did it; `None` when the batch as a whole did.
    pub(super) suspect: Option<usize>,
    /// The panic's text. May quote data: for the quarantine row, never for a log.
    pub(super) cause: String,
}

/// Decides a batch on a working copy.
pub(super) fn plan<E: Entity>(
    id: &EntityId,
    live: &Live<E>,
    batch: &[Envelope<E>],
    now: Timestamp,
    limits: &ShellLimits,
) -> Result<Plan<E>, Panicked> {
    let current = Cell::new(None);
    let run = AssertUnwindSafe(|| decide_all(id, live, batch, now, limits, &current));
    match catch_unwind(run) {
        Ok(Ok(plan)) => Ok(plan),
        Ok(Err(unencodable)) => Err(Panicked { suspect: only(batch), cause: unencodable.to_string() }),
        Err(payload) => {
            Err(Panicked { suspect: current.get().or_else(|| only(batch)), cause: text_of(&*payload) })
        }
    }
}

fn only<E: Entity>(batch: &[Envelope<E>]) -> Option<usize> {
    (batch.len() == 1).then_some(0)
}

fn text_of(payload: &(dyn std::any::Any + Send)) -> String {
    let text =
        payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref().copied());
    text.unwrap_or("panic without a text").to_owned()
}

fn decide_all<E: Entity>(
    id: &EntityId,
    live: &Live<E>,
    batch: &[Envelope<E>],
    now: Timestamp,
    limits: &ShellLimits,
    current: &Cell<Option<usize>>,
) -> Result<Plan<E>, CodecError> {
    let Published { state, seq, .. } = &live.published;
    let mut draft = Draft::new(E::clone(state));
    // As long as nothing was decided, the published state is the savepoint: a batch of one never pays for another.
    let mut touched = false;
    let mut verdicts = Vec::with_capacity(batch.len());
    // A tick that the entity did not ask for: the index is wrong, and would call it again and again.
    let mut is_misled = false;
    for (index, envelope) in batch.iter().enumerate() {
        current.set(Some(index));
        if envelope.is_tick() && draft.next_due().is_none_or(|due| due > now) {
            verdicts.push(Verdict::NotDue);
            is_misled = !live.is_indexed;
            continue;
        }
        let before = touched.then(|| draft.savepoint());
        verdicts.push(match E::decide(&mut draft, now, &envelope.command) {
            Ok(reply) => {
                touched = true;
                Verdict::Replied(reply)
            }
            Err(rejection) => {
                match before {
                    Some(before) => draft.rollback(before),
                    None => draft = Draft::new(E::clone(state)),
                }
                Verdict::Rejected(rejection)
            }
        });
    }
    current.set(None);
    let parts = draft.into_parts();
    let effects = parts.effects;
    let erases = parts.erase == Erase::History;
    let adds_nothing = parts.events.is_empty() && parts.rows.is_empty() && parts.directory.is_empty();
    if adds_nothing && !erases && !is_misled {
        return Ok(Plan { next: Next::Same, verdicts, effects });
    }
    // A snapshot takes the place of what is erased, but it is durable only a little later. A call that the entity did not
    // ask for makes sure that an activation looks again, whatever happens in between.
    let due = match parts.state.next_due() {
        due if erases => {
            Some(due.map_or(now + limits.erased_check, |due| due.min(now + limits.erased_check)))
        }
        due => due,
    };
    let payload = encoding::events::<E>(&parts.events)?;
    let bytes = payload.len() + parts.rows.iter().map(|row| row.bytes.len()).sum::<usize>();
    let bytes = if erases { ERASED_TAIL } else { bytes };
    let weight = parts.state.weight();
    let record = NewRecord {
        entity: id.clone(),
        expected_seq: *seq,
        payload,
        rows: parts.rows,
        directory: parts.directory,
        due: due_change(live, due),
        erase: parts.erase,
    };
    let after = After { state: Arc::new(parts.state), weight, due, is_indexed: !erases };
    Ok(Plan { next: Next::Record { record, after, bytes }, verdicts, effects })
}

/// The first record after a recovery always writes the due: what the index says is not known.
fn due_change<E: Entity>(live: &Live<E>, after: Option<Timestamp>) -> DueChange {
    match after {
        _ if live.is_indexed && live.due == after => DueChange::Unchanged,
        Some(after) => DueChange::Set(after),
        None => DueChange::Clear,
    }
}
