//! From the stores to a state: newest readable snapshot, then every record after it.

use super::{Published, answer::RecoveryError, encoding};
use crate::Entity;
use greenroom_persistence::{EntityId, Position, ReadError, Seq, SnapshotBlob, StoredRecord, Stores};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// A recovered state.
pub(super) struct Recovered<E: Entity> {
    pub(super) published: Published<E>,
    /// Journal bytes since the snapshot.
    pub(super) tail_bytes: usize,
    /// Size of the snapshot; 0 without one.
    pub(super) snapshot_bytes: usize,
}

/// Tries of a recovery that found records missing: each needs a snapshot saved and the journal before it let go
/// between two reads, so that a second one is rare and a third a mishap.
const TRIES: usize = 3;

/// Recovers an entity; leaves the async threads when there is more than `inline_bytes` to decode.
pub(super) async fn recover<E: Entity>(
    stores: &Stores,
    id: &EntityId,
    inline_bytes: usize,
) -> Result<Recovered<E>, RecoveryError> {
    let mut tries = 1;
    loop {
        let blob = load(stores, id).await?;
        let from = blob.as_ref().map(|blob| blob.seq);
        let failure = match recover_from(stores, id, blob, inline_bytes).await {
            Err(failure) if is_gap(&failure) && tries < TRIES => failure,
            settled => return settled,
        };
        // Records before a snapshot may go as soon as it is saved: if there is a newer one, they are not missing.
        let newer = load(stores, id).await?.map(|blob| blob.seq);
        if newer <= from {
            return Err(failure);
        }
        tries += 1;
    }
}

const fn is_gap(failure: &RecoveryError) -> bool {
    matches!(failure, RecoveryError::Gap { .. } | RecoveryError::Read(ReadError::Damaged(_)))
}

/// The newest snapshot; none when it is damaged.
async fn load(stores: &Stores, id: &EntityId) -> Result<Option<SnapshotBlob>, RecoveryError> {
    match stores.snapshots.load(id).await {
        Ok(blob) => Ok(blob),
        Err(ReadError::Damaged(_)) => {
            tracing::warn!(entity.id = %id, "the snapshot of {id} is damaged, replaying its whole log");
            Ok(None)
        }
        Err(unavailable) => Err(unavailable.into()),
    }
}

async fn recover_from<E: Entity>(
    stores: &Stores,
    id: &EntityId,
    blob: Option<SnapshotBlob>,
    inline_bytes: usize,
) -> Result<Recovered<E>, RecoveryError> {
    if let Some(blob) = blob {
        let from = blob.seq;
        let tail = stores.journal.tail(id, from).await?;
        if let Some(recovered) = rebuild::<E>(id, Some(blob), tail, inline_bytes).await? {
            return Ok(recovered);
        }
        tracing::warn!(entity.id = %id, "the snapshot of {id} does not decode, replaying its whole log");
    }
    // The head first: a record that lands in between makes the tail longer, never too short.
    let head = stores.journal.head(id).await?;
    let tail = stores.journal.tail(id, Seq::ZERO).await?;
    let last = tail.last().map_or(Seq::ZERO, |record| record.seq);
    if last < head {
        return Err(RecoveryError::Gap { expected: last.next(), found: head });
    }
    let recovered = rebuild::<E>(id, None, tail, inline_bytes).await?;
    recovered.ok_or(RecoveryError::Gap { expected: Seq::ZERO.next(), found: head })
}

/// `None` when the snapshot does not decode.
async fn rebuild<E: Entity>(
    id: &EntityId,
    blob: Option<SnapshotBlob>,
    tail: Vec<StoredRecord>,
    inline_bytes: usize,
) -> Result<Option<Recovered<E>>, RecoveryError> {
    let tail_bytes: usize = tail.iter().map(bytes_of).sum();
    let snapshot_bytes = blob.as_ref().map_or(0, |blob| blob.bytes.len());
    let id = id.clone();
    let fold = move || {
        let run = AssertUnwindSafe(|| fold::<E>(&id, blob.as_ref(), &tail));
        catch_unwind(run).unwrap_or(Err(RecoveryError::Panicked))
    };
    let folded = if tail_bytes + snapshot_bytes <= inline_bytes {
        fold()?
    } else {
        tokio::task::spawn_blocking(fold).await.map_err(|_| RecoveryError::Stopping)??
    };
    Ok(folded.map(|published| Recovered { published, tail_bytes, snapshot_bytes }))
}

/// What a record adds to the journal, as the snapshot policy counts it.
fn bytes_of(stored: &StoredRecord) -> usize {
    stored.record.payload.len() + stored.record.rows.iter().map(|row| row.bytes.len()).sum::<usize>()
}

fn fold<E: Entity>(
    id: &EntityId,
    blob: Option<&SnapshotBlob>,
    tail: &[StoredRecord],
) -> Result<Option<Published<E>>, RecoveryError> {
    let (mut state, mut seq, mut position) = match blob {
        None => (E::vacant(id.key()), Seq::ZERO, Position::ZERO),
        Some(blob) => match encoding::state::<E>(&blob.bytes) {
            Ok((mut state, position)) => {
                state.restored();
                (state, blob.seq, position)
            }
            Err(_) => return Ok(None),
        },
    };
    for stored in tail {
        if stored.seq != seq.next() {
            return Err(RecoveryError::Gap { expected: seq.next(), found: stored.seq });
        }
        encoding::replay(&mut state, &stored.record.payload)
            .map_err(|cause| RecoveryError::Record { seq: stored.seq, cause: cause.to_string() })?;
        (seq, position) = (stored.seq, stored.position);
    }
    Ok(Some(Published { state: Arc::new(state), seq, position }))
}
