//! What a start reads: everything after a crash or a change, next to nothing after a clean stop.

use super::*;
use crate::{DueChange, NewRecord, Timestamp};

async fn append(stores: &Stores, from: u64, to: u64) {
    for n in from..to {
        let made = NewRecord {
            due: DueChange::Set(Timestamp::from_millis(5)),
            ..record(&format!("e{}", n % 3), n / 3, &"x".repeat(300))
        };
        stores.journal.append(made).await.unwrap();
    }
}

async fn close(opened: Opened) {
    opened.stores.journal.close().await;
}

fn phases_of_a_start(place: &Path) -> (Opened, Vec<Progress>) {
    let mut told = Vec::new();
    let opened = open(&small(place), &mut |progress| told.push(progress)).unwrap();
    (opened, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_spares_the_next_start_reading_everything() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    append(&opened.stores, 0, 150).await;
    opened.handle.checkpoint().await.unwrap();
    append(&opened.stores, 150, 300).await;
    close(opened).await;
    let (opened, told) = phases_of_a_start(place.path());
    assert!(opened.report.is_trusted && opened.report.segments > 3, "{:?}", opened.report);
    let newest = Progress { phase: Phase::ReadingJournal, done: 0, total: Some(1) };
    assert_eq!(told, vec![newest], "neither the set, nor the checkpoint, nor older segments");
    assert!(!place.path().join("CLEAN").exists(), "from now on a crash is no clean stop");
    // Segments that were not read at the start are read when somebody asks for them.
    let journal = &opened.stores.journal;
    let first = journal.read(Position(1), 1).await.unwrap().pop().unwrap().position;
    for from in (first.0..=300).rev().step_by(7) {
        let found = journal.read(Position(from), 50).await.unwrap();
        let positions: Vec<u64> = found.iter().map(|one| one.position.0).collect();
        assert_eq!(positions, (from..=300).take(50).collect::<Vec<_>>());
    }
    append(&opened.stores, 300, 330).await;
    assert_eq!(opened.stores.journal.head(&entity("e0")).await, Ok(Seq(110)));
    opened.handle.checkpoint().await.unwrap();
    close(opened).await;
    let (opened, _) = phases_of_a_start(place.path());
    assert!(opened.report.is_trusted);
    assert_eq!(opened.stores.journal.position(), Position(330));
    assert_eq!(opened.stores.journal.tail(&entity("e1"), Seq::ZERO).await.unwrap().len(), 110);
    close(opened).await;
    assert_eq!(verify(&small(place.path()), &mut |_| ()).unwrap().problems, vec![]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_no_clean_stop() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    append(&opened.stores, 0, 30).await;
    close(opened).await;
    let opened = open_at(place.path());
    assert!(opened.report.is_trusted);
    append(&opened.stores, 30, 33).await;
    opened.handle.abandon().await;
    drop(opened);
    let (opened, told) = phases_of_a_start(place.path());
    assert!(!opened.report.is_trusted);
    assert!(told.iter().any(|progress| progress.phase == Phase::CheckingWorkingSet));
    close(opened).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_changed_since_the_clean_stop_is_noticed() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    append(&opened.stores, 0, 150).await;
    close(opened).await;
    let first = place.path().join("journal/00000000000000000001.seg");
    let whole = fs::read(&first).unwrap();
    let mut bytes = whole.clone();
    bytes[700] ^= 1;
    fs::write(&first, bytes).unwrap();
    assert!(matches!(open(&small(place.path()), &mut |_| ()), Err(OpenError::Damaged { .. })));
    fs::write(&first, whole).unwrap();
    close(open_at(place.path())).await;
    // A mark that was copied away and put back belongs to other files.
    let mark = fs::read(place.path().join("CLEAN")).unwrap();
    let opened = open_at(place.path());
    assert!(opened.report.is_trusted);
    append(&opened.stores, 150, 160).await;
    opened.handle.abandon().await;
    drop(opened);
    fs::write(place.path().join("CLEAN"), mark).unwrap();
    let opened = open_at(place.path());
    assert!(!opened.report.is_trusted);
    assert_eq!(opened.stores.journal.position(), Position(160));
    close(opened).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_write_leaves_no_clean_stop() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    append(&opened.stores, 0, 3).await;
    opened.handle.shared().fail_next_write.store(true, std::sync::atomic::Ordering::Release);
    let unknown = opened.stores.journal.append(record("a", 0, "x")).await;
    assert!(matches!(unknown, Err(AppendError::Unknown(_))), "{unknown:?}");
    close(opened).await;
    assert!(!place.path().join("CLEAN").exists());
    close(open_at(place.path())).await;
}
