//! Snapshots: taken when the journal has outgrown the last one, so that all writing stays under about twice the
//! journal and recovery stays proportional to the state; and at once after an erasure. Encoded away from the async threads, few at once.

use super::{
    Published, encoding,
    shared::Shell,
    slot::{Inner, Slot},
};
use crate::Entity;
use greenroom_persistence::SnapshotBlob;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// A tail with an erasure counts as this many bytes: a snapshot is due at once, and owed until it is saved.
pub(super) const ERASED_TAIL: usize = usize::MAX / 2;

impl<E: Entity> Inner<E> {
    /// Events of before an erasure are still part of the recovery.
    pub(super) const fn owes_snapshot(&self) -> bool {
        self.tail_bytes >= ERASED_TAIL
    }
}

impl<E: Entity> Shell<E> {
    /// Starts a snapshot when the tail is longer than the last one and none is under way.
    pub(super) fn snapshot_if_due(shell: &Arc<Self>, slot: &Arc<Slot<E>>, inner: &mut Inner<E>) {
        if inner.tail_bytes > inner.snapshot_bytes.max(shell.limits.snapshot_tail_min) {
            Self::start_snapshot(shell, slot, inner);
        }
    }

    /// When passivating: half as long a tail is worth it, because the next recovery comes for certain.
    pub(super) fn snapshot_if_worth(shell: &Arc<Self>, slot: &Arc<Slot<E>>, inner: &mut Inner<E>) {
        if inner.tail_bytes > (inner.snapshot_bytes / 2).max(shell.limits.passivation_tail_min) {
            Self::start_snapshot(shell, slot, inner);
        }
    }

    /// Starts a snapshot of the published state, one at a time per entity, and none in a pause after a failure.
    fn start_snapshot(shell: &Arc<Self>, slot: &Arc<Slot<E>>, inner: &mut Inner<E>) {
        if inner.snapshotting || inner.snapshots_paused_until.is_some_and(|until| until > shell.clock.now()) {
            return;
        }
        let Some(live) = inner.live.as_ref() else { return };
        let weight = live.weight;
        let published = live.published.clone();
        inner.snapshotting = true;
        let counted = inner.tail_bytes;
        let (shell, slot, generation) = (Arc::clone(shell), Arc::clone(slot), inner.generation);
        let tasks = shell.tasks.clone();
        tasks.spawn(async move {
            let saved = tokio::select! {
                saved = shell.save_snapshot(&slot, published, weight) => saved,
                () = shell.aborted.cancelled() => return,
            };
            let mut inner = slot.lock();
            inner.snapshotting = false;
            inner.snapshots_paused_until =
                saved.is_none().then(|| shell.clock.now() + shell.limits.snapshot_pause);
            if let Some(size) = saved
                && inner.generation == generation
            {
                inner.snapshot_bytes = size;
                inner.tail_bytes = inner.tail_bytes.saturating_sub(counted);
                // An erasure that came meanwhile does not wait for the next record.
                Self::snapshot_if_due(&shell, &slot, &mut inner);
            }
            drop(inner);
            shell.reclaim(&slot, shell.clock.now());
            shell.progress.notify_waiters();
        });
    }

    /// Size of the snapshot, when it was saved. A failure costs only time and is tried again after a pause.
    async fn save_snapshot(&self, slot: &Slot<E>, published: Published<E>, weight: usize) -> Option<usize> {
        let _permit = self.snapshot_permits.acquire().await.ok()?;
        let Published { state, seq, position, .. } = published;
        let encode = move || catch_unwind(AssertUnwindSafe(|| encoding::snapshot(&*state, position)));
        let encoded = if weight <= self.limits.inline_bytes {
            encode()
        } else {
            tokio::task::spawn_blocking(encode).await.ok()?
        };
        let Ok(Ok(bytes)) = encoded else {
            tracing::error!(entity.id = %slot.id, "the state of {} does not encode", slot.id);
            return None;
        };
        let size = bytes.len();
        if let Err(error) = self.stores.snapshots.save(&slot.id, SnapshotBlob { seq, bytes }).await {
            tracing::warn!(entity.id = %slot.id, %error, "the snapshot of {} was not taken", slot.id);
            return None;
        }
        self.metrics.snapshots.increment(1);
        self.metrics.snapshot_bytes.increment(u64::try_from(size).unwrap_or(u64::MAX));
        Some(size)
    }
}
