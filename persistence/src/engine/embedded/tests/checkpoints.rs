//! Checkpoints: what they cover may go, and a damaged one is not trusted.

use super::*;
use crate::{DueChange, NewRecord, SnapshotBlob, Timestamp};

fn count(folder: &Path, extension: &str) -> usize {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|found| found == extension)).count()
}

async fn append(stores: &Stores, from: u64, to: u64) {
    for n in from..to {
        let made = NewRecord {
            due: DueChange::Set(Timestamp::from_millis(5)),
            ..record(&format!("e{}", n % 3), n / 3, &"x".repeat(300))
        };
        stores.journal.append(made).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn covered_segments_go_and_nothing_is_lost() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    append(&opened.stores, 0, 300).await;
    let journal = place.path().join("journal");
    assert!(count(&journal, "seg") > 4);
    // The working set must be on disk up to the checkpoint before segments go.
    opened.stores.journal.close().await;
    drop(opened);
    let opened = open_at(place.path());
    assert_eq!(opened.handle.checkpoint().await, Ok(Position(300)));
    assert_eq!(count(&journal, "seg"), 1);
    append(&opened.stores, 300, 330).await;
    assert_eq!(opened.handle.checkpoint().await, Ok(Position(330)));
    assert_eq!(count(&place.path().join("checkpoint"), "ckpt"), 1);
    assert_eq!(count(&place.path().join("checkpoint"), "run"), 0);
    append(&opened.stores, 330, 360).await;
    opened.stores.journal.close().await;
    drop(opened);
    fs::remove_dir_all(place.path().join("sled")).unwrap();
    let report = verify(&small(place.path()), &mut |_| ()).unwrap();
    assert_eq!((report.problems, report.checkpoint, report.entities), (vec![], Some(Position(330)), 3));
    let opened = open_at(place.path());
    for e in 0..3 {
        let id = entity(&format!("e{e}"));
        assert_eq!(opened.stores.journal.head(&id).await, Ok(Seq(120)));
        assert_eq!(opened.stores.journal.tail(&id, Seq::ZERO).await.unwrap().len(), 120);
    }
    assert_eq!(opened.stores.timers.due(Timestamp::MAX, None, 9).await.unwrap().len(), 3);
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn growth_of_the_journal_makes_a_checkpoint() {
    let place = tempfile::tempdir().unwrap();
    let options = Options { checkpoint_bytes: 40_000, ..small(place.path()) };
    let opened = open(&options, &mut |_| ()).unwrap();
    append(&opened.stores, 0, 400).await;
    // The thread answers requests in order, so the ones that growth made are done when this one is.
    let position = opened.handle.checkpoint().await.unwrap();
    assert_eq!(position, Position(400));
    opened.stores.journal.close().await;
    assert!(count(&place.path().join("checkpoint"), "ckpt") == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_shorten_the_tail_in_a_checkpoint() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    append(&opened.stores, 0, 30).await;
    let state = SnapshotBlob { seq: Seq(8), bytes: b"state".to_vec() };
    opened.stores.snapshots.save(&entity("e0"), state.clone()).await.unwrap();
    opened.stores.journal.close().await;
    drop(opened);
    let opened = open_at(place.path());
    opened.handle.checkpoint().await.unwrap();
    opened.stores.journal.close().await;
    drop(opened);
    fs::remove_dir_all(place.path().join("sled")).unwrap();
    let opened = open_at(place.path());
    assert_eq!(opened.stores.snapshots.load(&entity("e0")).await, Ok(Some(state)));
    let tail = opened.stores.journal.tail(&entity("e0"), Seq(8)).await.unwrap();
    assert_eq!(tail.iter().map(|one| one.seq.0).collect::<Vec<_>>(), vec![9, 10]);
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_checkpoint_is_named_when_it_is_needed() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    append(&opened.stores, 0, 200).await;
    opened.stores.journal.close().await;
    drop(opened);
    let opened = open_at(place.path());
    opened.handle.checkpoint().await.unwrap();
    opened.stores.journal.close().await;
    drop(opened);
    let folder = place.path().join("checkpoint");
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&file).unwrap();
    for at in [3, 20, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&file, bytes).unwrap();
        assert!(matches!(open(&small(place.path()), &mut |_| ()), Err(OpenError::Checkpoint(_))));
        let report = verify(&small(place.path()), &mut |_| ()).unwrap();
        assert!(report.problems.iter().any(|problem| problem.file == file), "{report:?}");
    }
    fs::write(&file, &whole[..whole.len() - 5]).unwrap();
    assert!(matches!(open(&small(place.path()), &mut |_| ()), Err(OpenError::Checkpoint(_))));
    fs::write(&file, whole).unwrap();
    open_at(place.path()).stores.journal.close().await;
}

/// Flips a bit in a group in the middle of a segment. Groups follow it there.
fn damage_segment(place: &Path, number: usize) {
    let mut files: Vec<_> =
        fs::read_dir(place.join("journal")).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == "seg"));
    files.sort();
    let mut bytes = fs::read(&files[number]).unwrap();
    bytes[700] ^= 0x10;
    fs::write(&files[number], bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_segment_is_never_covered_by_a_checkpoint() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    append(&opened.stores, 0, 300).await;
    let journal = place.path().join("journal");
    let segments = count(&journal, "seg");
    damage_segment(place.path(), 2);
    let refused = opened.handle.checkpoint().await.unwrap_err();
    assert!(refused.0.contains("damaged at offset"), "{refused}");
    assert_eq!(count(&journal, "seg"), segments);
    assert_eq!(count(&place.path().join("checkpoint"), "ckpt"), 0);
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_checkpoint_leaves_no_drafts() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    append(&opened.stores, 0, 300).await;
    let folder = place.path().join("checkpoint");
    // Drafts of an earlier try go too, whatever became of it.
    fs::write(folder.join("00000000000000000007.tmp"), "x").unwrap();
    // Late, so that sorted runs were written before.
    damage_segment(place.path(), count(&place.path().join("journal"), "seg") - 2);
    for n in 300..303 {
        append(&opened.stores, n, n + 1).await;
        opened.handle.checkpoint().await.unwrap_err();
        assert_eq!((count(&folder, "run"), count(&folder, "tmp")), (0, 0));
    }
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_does_not_wait_for_a_checkpoint() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    append(&opened.stores, 0, 100).await;
    opened.handle.checkpoint().await.unwrap();
    append(&opened.stores, 100, 200).await;
    opened.handle.shared().stopping.store(true, std::sync::atomic::Ordering::Release);
    let stopped = opened.handle.checkpoint().await.unwrap_err();
    assert!(stopped.0.contains("being closed"), "{stopped}");
    let folder = place.path().join("checkpoint");
    assert_eq!((count(&folder, "ckpt"), count(&folder, "run"), count(&folder, "tmp")), (1, 0, 0));
    opened.stores.journal.close().await;
    let opened = open_at(place.path());
    assert_eq!(opened.handle.checkpoint().await, Ok(Position(200)));
    opened.stores.journal.close().await;
}
