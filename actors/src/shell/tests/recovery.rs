//! Recovery from stores that change while they are read, and from what older programs wrote.

use super::{
    ledger::{Command, EventOne, Ledger, LedgerOne},
    stage::Stage,
};
use crate::shell::{AskError, RecoveryError, ShellLimits, Unavailable};
use async_trait::async_trait;
use greenroom_persistence::{
    AppendError, Committed, DueChange, EntityId, Erase, Journal, JournalHealth, NewRecord, Position,
    ReadError, Seq, SnapshotBlob, StoredRecord, Stores, codec,
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

    async fn entities(
        &self,
        kind: &str,
        after: Option<&EntityId>,
        limit: usize,
    ) -> Result<Vec<EntityId>, ReadError> {
        self.stores.journal.entities(kind, after, limit).await
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

    fn health(&self) -> JournalHealth {
        self.stores.journal.health()
    }

    async fn failed(&self) -> String {
        self.stores.journal.failed().await
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

#[derive(serde::Serialize)]
struct Snapshot<S> {
    position: Position,
    state: S,
}

/// Five records, and a snapshot at the third before which the log is gone.
async fn five_records_after(snapshot: Vec<u8>) -> Stage {
    let mut stage = Stage::new(ShellLimits::default());
    let stores = stage.engine.reopen();
    let entity = EntityId::new("ledger", "a").unwrap();
    for n in 0..5 {
        let record = NewRecord {
            entity: entity.clone(),
            expected_seq: Seq(n),
            payload: codec::encode_events(1, &[EventOne::Plus(1)]).unwrap(),
            rows: Vec::new(),
            directory: Vec::new(),
            due: DueChange::Unchanged,
            erase: Erase::Nothing,
        };
        stores.journal.append(record).await.unwrap();
    }
    stores.snapshots.save(&entity, SnapshotBlob { seq: Seq(3), bytes: snapshot }).await.unwrap();
    let journal = Pruning { stores: stores.clone(), coming: Mutex::default(), pruned: Mutex::new(Seq(3)) };
    stage.restart_on(Stores { journal: Arc::new(journal), ..stores });
    stage
}

#[tokio::test]
async fn a_snapshot_of_an_older_schema_is_read_although_the_log_before_it_is_gone() {
    for position in [3, 200, 70_000, u64::MAX] {
        let state = LedgerOne { lines: vec![100] };
        let snapshot = Snapshot { position: Position(position), state };
        let stage = five_records_after(codec::encode_state(1, &snapshot).unwrap()).await;
        let published = stage.read("a").await;
        assert_eq!((published.state.sum, published.seq), (102, Seq(5)), "what is derived is rebuilt as well");
        assert_eq!(stage.add("a", 1).await, 103);
    }
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_used_is_named_when_the_log_before_it_is_gone() {
    let state = Ledger { key: "a private text".into(), ..Ledger::default() };
    let newer = codec::encode_state(3, &Snapshot { position: Position(3), state: &state }).unwrap();
    let state = ("a private text", 1);
    let garbled = codec::encode_state(1, &Snapshot { position: Position(3), state }).unwrap();
    for (snapshot, why) in
        [(newer, "schema 3"), (garbled, "invalid"), (b"not a snapshot".to_vec(), "envelope")]
    {
        let stage = five_records_after(snapshot).await;
        let failed = stage.ask("a", Command::Look).await;
        let Err(AskError::Unavailable(Unavailable::Recovery { cause, .. })) = failed else {
            panic!("{failed:?}");
        };
        let RecoveryError::Snapshot { cause } = &*cause else { panic!("{cause}") };
        assert!(cause.contains(why) && !cause.contains("private"), "{cause}");
    }
}
