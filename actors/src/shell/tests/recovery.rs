//! Recovery from stores that change while they are read, and from what older programs wrote.

use super::{ledger::Command, stage::Stage};
use crate::shell::{AskError, ShellLimits};
use async_trait::async_trait;
use greenroom_persistence::{
    AppendError, Committed, EntityId, Journal, NewRecord, Position, ReadError, Seq, SnapshotBlob,
    StoredRecord, Stores,
};
use parking_lot::Mutex;
use std::sync::Arc;

/// A journal that, between the loading of a snapshot and the reading of the tail, gets a newer snapshot and lets go
/// of the records before it.
struct Pruning {
    stores: Stores,
    /// Snapshots still to come, last first.
    coming: Mutex<Vec<SnapshotBlob>>,
    pruned: Mutex<Seq>,
}

#[async_trait]
impl Journal for Pruning {
    async fn append(&self, record: NewRecord) -> Result<Committed, AppendError> {
        self.stores.journal.append(record).await
    }

    async fn head(&self, entity: &EntityId) -> Result<Seq, ReadError> {
        self.stores.journal.head(entity).await
    }

    async fn tail(&self, entity: &EntityId, after: Seq) -> Result<Vec<StoredRecord>, ReadError> {
        let coming = self.coming.lock().pop();
        if let Some(snapshot) = coming {
            *self.pruned.lock() = snapshot.seq;
            self.stores.snapshots.save(entity, snapshot).await?;
        }
        let pruned = *self.pruned.lock();
        let tail = self.stores.journal.tail(entity, after).await?;
        Ok(tail.into_iter().filter(|record| record.seq > pruned).collect())
    }

    async fn read(&self, from: Position, limit: usize) -> Result<Vec<StoredRecord>, ReadError> {
        self.stores.journal.read(from, limit).await
    }

    fn position(&self) -> Position {
        self.stores.journal.position()
    }

    async fn close(&self) {
        self.stores.journal.close().await;
    }
}

/// Ten records of which snapshots stand at these seqs, taken while a recovery reads.
async fn pruned_while_read(seqs: &[u64]) -> Stage {
    let mut stage = Stage::new(ShellLimits::default());
    let mut coming = Vec::new();
    for n in 1..=10 {
        stage.add("a", 1).await;
        if seqs.contains(&n) {
            let published = stage.read("a").await;
            let bytes = crate::shell::encoding::snapshot(&*published.state, published.position).unwrap();
            coming.insert(0, SnapshotBlob { seq: published.seq, bytes });
        }
    }
    let stores = stage.engine.reopen();
    let journal = Pruning { stores: stores.clone(), coming: Mutex::new(coming), pruned: Mutex::default() };
    stage.restart_on(Stores { journal: Arc::new(journal), ..stores });
    stage
}

#[tokio::test]
async fn a_snapshot_saved_during_a_recovery_does_not_fail_it() {
    for seqs in [[4].as_slice(), &[4, 8]] {
        let stage = pruned_while_read(seqs).await;
        assert_eq!(stage.read("a").await.state.sum, 10);
        assert_eq!(stage.host.stats().activation_failures, 0);
    }
}

#[tokio::test]
async fn records_that_are_missing_after_the_newest_snapshot_are_told() {
    let stage = pruned_while_read(&[4]).await;
    stage.read("a").await;
    let stores = stage.engine.reopen();
    let journal = Pruning { stores: stores.clone(), coming: Mutex::default(), pruned: Mutex::new(Seq(6)) };
    let mut stage = stage;
    stage.restart_on(Stores { journal: Arc::new(journal), ..stores });
    assert!(matches!(stage.ask("a", Command::Look).await, Err(AskError::Unavailable(_))));
}
