//! From the stores to a state: newest readable snapshot, then every record after it.

use super::{Published, answer::RecoveryError, encoding, snapshots::ERASED_TAIL};
use crate::{Entity, slices::Revisions};
use greenroom_persistence::{EntityId, Erase, Position, ReadError, Seq, SnapshotBlob, StoredRecord, Stores};
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
        let loaded = load(stores, id).await?;
        let from = loaded.seq();
        let failure = match recover_from(stores, id, loaded, inline_bytes).await {
            Err(failure) if is_gap(&failure) && tries < TRIES => failure,
            settled => return settled,
        };
        // Records before a snapshot may go as soon as it is saved: if there is a newer one, they are not missing.
        if load(stores, id).await?.seq() <= from {
            return Err(failure);
        }
        tries += 1;
    }
}

const fn is_gap(failure: &RecoveryError) -> bool {
    matches!(
        failure,
        RecoveryError::Gap { .. }
            | RecoveryError::Snapshot { .. }
            | RecoveryError::Read(ReadError::Damaged(_))
    )
}

/// What was found as the newest snapshot.
enum Loaded {
    Nothing,
    Blob(SnapshotBlob),
    Damaged(String),
}

impl Loaded {
    const fn seq(&self) -> Option<Seq> {
        match self {
            Self::Blob(blob) => Some(blob.seq),
            Self::Nothing | Self::Damaged(_) => None,
        }
    }
}

async fn load(stores: &Stores, id: &EntityId) -> Result<Loaded, RecoveryError> {
    match stores.snapshots.load(id).await {
        Ok(blob) => Ok(blob.map_or(Loaded::Nothing, Loaded::Blob)),
        Err(ReadError::Damaged(cause)) => Ok(Loaded::Damaged(cause)),
        Err(unavailable) => Err(unavailable.into()),
    }
}

async fn recover_from<E: Entity>(
    stores: &Stores,
    id: &EntityId,
    loaded: Loaded,
    inline_bytes: usize,
) -> Result<Recovered<E>, RecoveryError> {
    let cause = match loaded {
        Loaded::Nothing => return replay_all(stores, id, inline_bytes).await,
        Loaded::Damaged(cause) => cause,
        Loaded::Blob(blob) => {
            let tail = stores.journal.tail(id, blob.seq).await?;
            match rebuild::<E>(id, Some(blob), tail, inline_bytes).await {
                Err(RecoveryError::Snapshot { cause }) => cause,
                settled => return settled,
            }
        }
    };
    tracing::warn!(entity.id = %id, cause, "the snapshot of {id} can not be used, replaying its whole log");
    match replay_all(stores, id, inline_bytes).await {
        // The log is only promised from the snapshot on, so that the snapshot is what is wrong.
        Err(failure) if is_gap(&failure) => Err(RecoveryError::Snapshot { cause }),
        settled => settled,
    }
}

async fn replay_all<E: Entity>(
    stores: &Stores,
    id: &EntityId,
    inline_bytes: usize,
) -> Result<Recovered<E>, RecoveryError> {
    // The head first: a record that lands in between makes the tail longer, never too short.
    let head = stores.journal.head(id).await?;
    let tail = stores.journal.tail(id, Seq::ZERO).await?;
    let last = tail.last().map_or(Seq::ZERO, |record| record.seq);
    if last < head {
        return Err(RecoveryError::Gap { expected: last.next(), found: head });
    }
    rebuild(id, None, tail, inline_bytes).await
}

async fn rebuild<E: Entity>(
    id: &EntityId,
    blob: Option<SnapshotBlob>,
    tail: Vec<StoredRecord>,
    inline_bytes: usize,
) -> Result<Recovered<E>, RecoveryError> {
    let tail_bytes: usize = tail.iter().map(bytes_of).sum();
    let has_erased = tail.iter().any(|stored| stored.record.erase == Erase::History);
    let snapshot_bytes = blob.as_ref().map_or(0, |blob| blob.bytes.len());
    let id = id.clone();
    let fold = move || {
        let run = AssertUnwindSafe(|| fold::<E>(&id, blob.as_ref(), &tail));
        catch_unwind(run).unwrap_or(Err(RecoveryError::Panicked))
    };
    let published = if tail_bytes + snapshot_bytes <= inline_bytes {
        fold()?
    } else {
        tokio::task::spawn_blocking(fold).await.map_err(|_| RecoveryError::Stopping)??
    };
    let tail_bytes = if has_erased { ERASED_TAIL } else { tail_bytes };
    Ok(Recovered { published, tail_bytes, snapshot_bytes })
}

/// What a record adds to the journal, as the snapshot policy counts it.
fn bytes_of(stored: &StoredRecord) -> usize {
    stored.record.payload.len() + stored.record.rows.iter().map(|row| row.bytes.len()).sum::<usize>()
}

fn fold<E: Entity>(
    id: &EntityId,
    blob: Option<&SnapshotBlob>,
    tail: &[StoredRecord],
) -> Result<Published<E>, RecoveryError> {
    let (mut state, mut seq, mut position) = match blob {
        None => (E::vacant(id.key()), Seq::ZERO, Position::ZERO),
        Some(blob) => {
            let (mut state, position) = encoding::state::<E>(&blob.bytes)
                .map_err(|cause| RecoveryError::Snapshot { cause: cause.shape() })?;
            state.restored();
            (state, blob.seq, position)
        }
    };
    for stored in tail {
        if stored.seq != seq.next() {
            return Err(RecoveryError::Gap { expected: seq.next(), found: stored.seq });
        }
        encoding::replay(&mut state, &stored.record.payload)
            .map_err(|cause| RecoveryError::Record { seq: stored.seq, cause: cause.shape() })?;
        (seq, position) = (stored.seq, stored.position);
    }
    let revisions = Revisions::all_at(position);
    Ok(Published { state: Arc::new(state), seq, position, revisions })
}
