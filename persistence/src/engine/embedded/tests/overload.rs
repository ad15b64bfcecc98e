//! Bounded memory: what lags too far refuses appends until it caught up.

use super::*;
use crate::SnapshotBlob;

#[tokio::test(flavor = "multi_thread")]
async fn lag_refuses_appends_and_a_flush_lets_them_in_again() {
    let place = tempfile::tempdir().unwrap();
    let options = Options {
        flush_bytes: usize::MAX,
        flush_interval: Duration::from_secs(3600),
        lag_bytes_max: 20_000,
        ..small(place.path())
    };
    let opened = open(&options, &mut |_| ()).unwrap();
    let mut accepted = 0;
    let refused = loop {
        match opened.stores.journal.append(record("a", accepted, &"x".repeat(1000))).await {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(refused, AppendError::Overloaded { retry_after } if !retry_after.is_zero()),
        "{refused:?}"
    );
    assert!((17..=20).contains(&accepted), "{accepted}");
    assert!(opened.stores.journal.pressure().is_some_and(|retry_after| !retry_after.is_zero()));
    opened.handle.flush_soon();
    while opened.handle.lag_bytes() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(opened.stores.journal.pressure(), None);
    opened.stores.journal.append(record("a", accepted, "after")).await.unwrap();
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_snapshot_is_flushed_at_once() {
    let place = tempfile::tempdir().unwrap();
    let options =
        Options { flush_bytes: 20_000, flush_interval: Duration::from_secs(3600), ..small(place.path()) };
    let opened = open(&options, &mut |_| ()).unwrap();
    let committed = opened.stores.journal.append(record("a", 0, "x")).await.unwrap();
    let entity = record("a", 0, "x").entity;
    assert!(opened.handle.lag_bytes() > 0, "one small record waits");
    let snapshot = SnapshotBlob { seq: committed.seq, bytes: vec![7; 30_000] };
    opened.stores.snapshots.save(&entity, snapshot).await.unwrap();
    while opened.handle.lag_bytes() > 0 {
        tokio::task::yield_now().await;
    }
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once() {
    let place = tempfile::tempdir().unwrap();
    let opened = open(&Options { queue_bytes_max: 0, ..small(place.path()) }, &mut |_| ()).unwrap();
    assert!(opened.stores.journal.pressure().is_some());
    let refused = opened.stores.journal.append(record("a", 0, "x")).await;
    assert!(matches!(refused, Err(AppendError::Overloaded { .. })), "{refused:?}");
    opened.stores.journal.close().await;
}
