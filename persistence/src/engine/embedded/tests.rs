//! The suite of every engine, then what only this engine promises: that files may be cut, flipped or gone.

use super::*;
use crate::{
    AppendError, JournalHealth, Seq,
    conformance::{self, entity, record},
};
use async_trait::async_trait;
use std::fs;
use tempfile::TempDir;

mod checkpoints;
mod concurrent;
mod crashes;
mod damage;
mod erasures;
mod hostile;
mod model;
mod overload;
mod starts;

/// Small enough that a test rotates, flushes and checkpoints often.
fn small(folder: &Path) -> Options {
    Options {
        segment_bytes: 16 * 1024,
        cache_bytes: 4 * 1024 * 1024,
        flush_bytes: 8 * 1024,
        flush_interval: Duration::from_millis(20),
        ..Options::new(folder)
    }
}

fn open_at(folder: &Path) -> Opened {
    open(&small(folder), &mut |_| ()).unwrap()
}

struct Small;

#[async_trait]
impl conformance::Engine for Small {
    type Place = TempDir;

    async fn create(&self) -> (Stores, TempDir) {
        let place = tempfile::tempdir().unwrap();
        (open_at(place.path()).stores, place)
    }

    async fn reopen(&self, place: &TempDir) -> Stores {
        open_at(place.path()).stores
    }
}

/// Loses its working set at every restart.
struct WithoutSet;

#[async_trait]
impl conformance::Engine for WithoutSet {
    type Place = TempDir;

    async fn create(&self) -> (Stores, TempDir) {
        Small.create().await
    }

    async fn reopen(&self, place: &TempDir) -> Stores {
        fs::remove_dir_all(place.path().join("sled")).unwrap();
        open_at(place.path()).stores
    }
}

/// Makes a checkpoint and then loses its working set, at every restart.
struct CheckpointOnly;

#[async_trait]
impl conformance::Engine for CheckpointOnly {
    type Place = TempDir;

    async fn create(&self) -> (Stores, TempDir) {
        Small.create().await
    }

    async fn reopen(&self, place: &TempDir) -> Stores {
        let opened = open_at(place.path());
        opened.handle.checkpoint().await.unwrap();
        opened.stores.journal.close().await;
        drop(opened);
        WithoutSet.reopen(place).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_promises_of_every_engine() {
    conformance::run(&Small).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_promises_without_the_working_set() {
    // Snapshots live in the working set, so that part needs a checkpoint.
    conformance::check_appends(&WithoutSet).await;
    conformance::check_names(&WithoutSet).await;
    conformance::check_rows(&WithoutSet).await;
    conformance::check_erasure(&WithoutSet).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_promises_from_checkpoints() {
    // A checkpoint removes the segments that reading from the first position would need.
    conformance::check_names(&CheckpointOnly).await;
    conformance::check_rows(&CheckpointOnly).await;
    conformance::check_erasure(&CheckpointOnly).await;
    conformance::check_states(&CheckpointOnly).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_at_a_time() {
    let place = tempfile::tempdir().unwrap();
    let first = open_at(place.path());
    assert!(matches!(open(&small(place.path()), &mut |_| ()), Err(OpenError::Locked { .. })));
    first.stores.journal.close().await;
    let again = open_at(place.path());
    again.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_format_is_refused() {
    let place = tempfile::tempdir().unwrap();
    open_at(place.path()).stores.journal.close().await;
    fs::write(place.path().join("FORMAT"), "greenroom data 2\n").unwrap();
    let Err(OpenError::Format { found }) = open(&small(place.path()), &mut |_| ()) else {
        panic!("opened an unknown format");
    };
    assert_eq!(found, "greenroom data 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_write_stops_appends_until_reopened() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    let journal = &opened.stores.journal;
    journal.append(record("a", 0, "kept")).await.unwrap();
    assert_eq!(journal.health(), JournalHealth::Open);
    opened.handle.shared().fail_next_write.store(true, std::sync::atomic::Ordering::Release);
    let unknown = journal.append(record("a", 1, "unknown")).await;
    assert!(matches!(unknown, Err(AppendError::Unknown(_))), "{unknown:?}");
    let refused = journal.append(record("a", 1, "later")).await;
    assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{refused:?}");
    assert_eq!(journal.head(&entity("a")).await, Ok(Seq(1)), "reads go on");
    let why = journal.failed().await;
    assert_eq!(journal.health(), JournalHealth::Failed(why));
    journal.close().await;
    drop(opened);
    let opened = open_at(place.path());
    opened.stores.journal.append(record("a", 1, "after the restart")).await.unwrap();
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_appends_only_until_there_is_room() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    let journal = &opened.stores.journal;
    // Nobody can write a file where a folder is.
    let in_the_way = place.path().join("journal/spare-1");
    fs::create_dir(&in_the_way).unwrap();
    let text = "x".repeat(1000);
    let mut accepted = 0;
    let refused = loop {
        match journal.append(record("a", accepted, &text)).await {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert!(accepted > 5 && matches!(refused, AppendError::Unavailable(_)), "{accepted} {refused:?}");
    let refused = journal.append(record("b", 0, &text)).await;
    assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{refused:?}");
    assert_eq!(journal.position(), Position(accepted));
    fs::remove_dir(&in_the_way).unwrap();
    while let Err(error) = journal.append(record("a", accepted, &text)).await {
        assert!(matches!(error, AppendError::Unavailable(_)), "{error}");
        tokio::task::yield_now().await;
    }
    journal.append(record("b", 0, &text)).await.unwrap();
    journal.close().await;
    drop(opened);
    let opened = open_at(place.path());
    assert_eq!(opened.stores.journal.position(), Position(accepted + 2));
    assert_eq!(opened.stores.journal.head(&entity("a")).await, Ok(Seq(accepted + 1)));
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_removes_what_a_killed_look_left_behind() {
    let place = tempfile::tempdir().unwrap();
    let left = place.path().join("verify.tmp");
    fs::create_dir_all(left.join("conf")).unwrap();
    open_at(place.path()).stores.journal.close().await;
    assert!(!left.exists());
}
