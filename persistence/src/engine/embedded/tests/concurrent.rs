//! Reads while records move from the journal into the working set, and entries that go missing under them.

use super::*;
use crate::{Direction, DirectoryChange, DueChange, HistoryRow, NewRecord, SnapshotBlob, Timestamp};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::task::JoinSet;

const RECORDS: u64 = 400;

fn moving(n: u64) -> NewRecord {
    let due = i64::try_from(n * 7919 % 100).unwrap();
    NewRecord {
        rows: vec![HistoryRow { stream: "m".into(), no: n, bytes: vec![7; 100] }],
        directory: vec![
            DirectoryChange::Claim(format!("n{n}")),
            DirectoryChange::Release(format!("n{}", n.saturating_sub(1))),
        ],
        due: DueChange::Set(Timestamp::from_millis(due)),
        ..record("a", n, &"x".repeat(300))
    }
}

/// Everything acknowledged before a read is in it, exactly once, whatever moves meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_are_whole_while_flushes_run() {
    let place = tempfile::tempdir().unwrap();
    let options = Options { flush_bytes: 1, flush_interval: Duration::from_millis(1), ..small(place.path()) };
    let opened = open(&options, &mut |_| ()).unwrap();
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut readers = JoinSet::new();
    for reader in 0..4 {
        let (stores, acknowledged) = (opened.stores.clone(), Arc::clone(&acknowledged));
        readers.spawn(async move {
            loop {
                let before = acknowledged.load(Ordering::Acquire);
                read_once(&stores, reader, before).await;
                if before == RECORDS {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    for n in 0..RECORDS {
        opened.stores.journal.append(moving(n)).await.unwrap();
        acknowledged.store(n + 1, Ordering::Release);
        if n % 50 == 49 {
            let state = SnapshotBlob { seq: Seq(n - 20), bytes: vec![1; 500] };
            opened.stores.snapshots.save(&entity("a"), state).await.unwrap();
        }
    }
    while let Some(done) = readers.join_next().await {
        done.unwrap();
    }
    opened.stores.journal.close().await;
}

async fn read_once(stores: &Stores, reader: u32, before: u64) {
    let id = entity("a");
    match reader {
        0 => {
            let kept = stores.snapshots.load(&id).await.unwrap().map_or(Seq::ZERO, |kept| kept.seq);
            let tail = stores.journal.tail(&id, kept).await.unwrap();
            assert!(kept.0 + tail.len() as u64 >= before, "tail after {kept} misses records before {before}");
        }
        1 => {
            let page = stores.history.page(&id, "m", None, 1000, Direction::Forward).await.unwrap();
            let rows: Vec<u64> = page.rows.iter().map(|(no, _)| *no).collect();
            assert_eq!(rows, (0..rows.len() as u64).collect::<Vec<_>>());
            assert!(rows.len() as u64 >= before);
        }
        2 => {
            let due = stores.timers.due(Timestamp::MAX, None, 10).await.unwrap();
            assert!(due.len() == 1 || before == 0, "{due:?} after {before}");
        }
        _ => {
            assert!(stores.journal.head(&id).await.unwrap().0 >= before);
            let read = stores.journal.read(Position(before.max(1)), 1).await.unwrap();
            assert!(before == 0 || read.len() == 1);
        }
    }
}

/// What sled forgets in silence while running is found by its neighbours, answered from the journal, and rebuilt.
#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_tail_is_answered_from_the_journal() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    for n in 0..20 {
        opened.stores.journal.append(moving(n)).await.unwrap();
    }
    opened.stores.journal.close().await;
    drop(opened);
    let opened = open_at(place.path());
    let shared = opened.handle.shared();
    let set = shared.slot.read().ready().map(Arc::clone).unwrap();
    let mut tails = Vec::new();
    let collect = |key: &[u8], _| {
        tails.push((key.to_vec(), None));
        Ok(true)
    };
    set.scan_prefix(&keys::tails(&entity("a")), collect).unwrap();
    assert!(!tails.is_empty());
    set.apply(set.prepare(tails, None).unwrap()).unwrap();
    drop(set);
    let tail = opened.stores.journal.tail(&entity("a"), Seq(5)).await.unwrap();
    assert_eq!(tail.iter().map(|one| one.seq.0).collect::<Vec<_>>(), (6..=20).collect::<Vec<_>>());
    while !place.path().join("sled/2").exists() || shared.slot.read().ready().is_err() {
        tokio::task::yield_now().await;
    }
    let tail = opened.stores.journal.tail(&entity("a"), Seq::ZERO).await.unwrap();
    assert_eq!(tail.len(), 20);
    opened.stores.journal.close().await;
    drop(opened);
    assert_eq!(verify(&small(place.path()), &mut |_| ()).unwrap().problems, vec![]);
}

/// As above, but a checkpoint let the segments go: only a rebuild from it brings the tail back.
#[tokio::test(flavor = "multi_thread")]
async fn a_gap_that_the_journal_does_not_fill_starts_a_rebuild() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    for n in 0..200 {
        opened.stores.journal.append(moving(n)).await.unwrap();
    }
    opened.stores.journal.close().await;
    drop(opened);
    let opened = open_at(place.path());
    opened.handle.checkpoint().await.unwrap();
    let shared = opened.handle.shared();
    let set = shared.slot.read().ready().map(Arc::clone).unwrap();
    let mut tails = Vec::new();
    let collect = |key: &[u8], _| {
        tails.push((key.to_vec(), None));
        Ok(true)
    };
    set.scan_prefix(&keys::tails(&entity("a")), collect).unwrap();
    set.apply(set.prepare(tails, None).unwrap()).unwrap();
    drop(set);
    let missing = opened.stores.journal.tail(&entity("a"), Seq::ZERO).await;
    assert!(matches!(missing, Err(crate::ReadError::Damaged(_))), "{missing:?}");
    while !place.path().join("sled/2").exists() || shared.slot.read().ready().is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(opened.stores.journal.tail(&entity("a"), Seq::ZERO).await.unwrap().len(), 200);
    // When that did not help, it is not done for every read.
    assert!(!shared.is_first_gap(&entity("a")) && shared.is_first_gap(&entity("b")));
    opened.stores.journal.close().await;
}

/// A close while others append: every append is either kept or refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_racing_a_close_are_kept_or_refused() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let journal = Arc::clone(&opened.stores.journal);
        writers.spawn(async move {
            let mut kept = 0;
            loop {
                match journal.append(record(&format!("w{writer}"), kept, "x")).await {
                    Ok(_) => kept += 1,
                    Err(AppendError::Unavailable(_)) => return (writer, kept),
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    while opened.stores.journal.position() < Position(200) {
        tokio::task::yield_now().await;
    }
    opened.stores.journal.close().await;
    let kept = writers.join_all().await;
    drop(opened);
    let opened = open_at(place.path());
    for (writer, kept) in kept {
        assert_eq!(opened.stores.journal.head(&entity(&format!("w{writer}"))).await, Ok(Seq(kept)));
    }
    opened.stores.journal.close().await;
}

/// A batch holds the gate for as long as sled takes; what the writer needs of the set must not wait for that.
#[test]
fn the_writer_does_not_wait_for_a_flush() {
    let place = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let opened = open_at(place.path());
        for n in 0..20 {
            opened.stores.journal.append(moving(n)).await.unwrap();
        }
        opened.stores.journal.close().await;
    });
    // Nothing is in a cache now.
    let opened = open_at(place.path());
    let shared = Arc::clone(opened.handle.shared());
    let gate = shared.gate.write();
    runtime.block_on(async {
        for n in 20..25 {
            let made = NewRecord {
                directory: vec![DirectoryChange::Claim(format!("cold-{n}"))],
                ..record("a", n, "while a batch is applied")
            };
            opened.stores.journal.append(made).await.unwrap();
        }
        let other = record("b", 0, "x");
        opened.stores.journal.append(other).await.unwrap();
        assert_eq!(opened.stores.directory.lookup("nobody").await, Ok(None));
        assert_eq!(opened.stores.journal.head(&entity("c")).await, Ok(Seq::ZERO));
    });
    drop(gate);
    runtime.block_on(opened.stores.journal.close());
}
