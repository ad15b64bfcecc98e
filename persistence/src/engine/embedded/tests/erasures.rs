//! Erased bytes leave the disk in time, over restarts and crashes too.

use super::*;
use crate::{Direction, Erase, HistoryRow, NewRecord, SnapshotBlob};
use std::sync::atomic::Ordering;

/// What must not be found afterwards.
const SECRET: &[u8] = b"what she wrote to him in confidence";

fn quick(folder: &Path) -> Options {
    Options { erased_within: Duration::from_millis(30), ..small(folder) }
}

fn writing(expected: u64, no: u64, bytes: &[u8]) -> NewRecord {
    let row = HistoryRow { stream: "m".into(), no, bytes: bytes.to_vec() };
    NewRecord { rows: vec![row], ..record("a", expected, "written") }
}

fn erasing(expected: u64) -> NewRecord {
    NewRecord { erase: Erase::History, ..record("a", expected, "erased") }
}

/// Writes secrets, then erases them and takes a snapshot, so that the records before are needed no more.
async fn write_and_erase(stores: &Stores) {
    for n in 0..60 {
        stores.journal.append(writing(n, n, SECRET)).await.unwrap();
    }
    stores.journal.append(erasing(60)).await.unwrap();
    let state = SnapshotBlob { seq: Seq(61), bytes: b"nothing".to_vec() };
    stores.snapshots.save(&entity("a"), state).await.unwrap();
}

fn files_with_secret(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let has = |path: &PathBuf| {
        fs::read(path).is_ok_and(|bytes| bytes.windows(SECRET.len()).any(|found| found == SECRET))
    };
    files.filter(has).collect()
}

fn is_waiting(opened: &Opened) -> bool {
    opened.handle.shared().index.read().erased().is_some()
}

/// The engine counts a file as gone a moment before it is removed.
async fn wait_until_gone(opened: &Opened, journal: &Path) {
    let gone = async {
        while is_waiting(opened) || !files_with_secret(journal).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.expect("erased bytes are still on disk");
}

async fn rows(stores: &Stores) -> Vec<u64> {
    let page = stores.history.page(&entity("a"), "m", None, 1000, Direction::Forward).await.unwrap();
    page.rows.into_iter().map(|(no, _)| no).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn erased_bytes_leave_journal_and_checkpoint_in_time() {
    let place = tempfile::tempdir().unwrap();
    let opened =
        open(&Options { erased_within: Duration::from_secs(3600), ..small(place.path()) }, &mut |_| ());
    let opened = opened.unwrap();
    let journal = place.path().join("journal");
    write_and_erase(&opened.stores).await;
    assert!(is_waiting(&opened) && !files_with_secret(&journal).is_empty());
    opened.stores.journal.close().await;
    drop(opened);
    // Whoever was away does not wait again, and the newest segment does not stay either.
    let opened = open_at(place.path());
    assert!(opened.report.is_trusted, "the mark of a clean stop tells of the erasure");
    wait_until_gone(&opened, &journal).await;
    opened.stores.journal.close().await;
    drop(opened);
    // The journal now is one segment without a record.
    assert_eq!(verify(&small(place.path()), &mut |_| ()).unwrap().problems, vec![]);
    fs::remove_dir_all(place.path().join("sled")).unwrap();
    let opened = open_at(place.path());
    assert_eq!(rows(&opened.stores).await, Vec::<u64>::new());
    assert_eq!(opened.stores.journal.tail(&entity("a"), Seq(61)).await, Ok(vec![]));
    assert_eq!(opened.stores.journal.position(), Position(61));
    // The first record of an empty segment may be larger than a segment.
    opened.stores.journal.append(writing(61, 1, &[7; 20_000])).await.unwrap();
    opened.stores.journal.append(writing(62, 2, b"x")).await.unwrap();
    opened.stores.journal.close().await;
    drop(opened);
    let opened = open_at(place.path());
    assert_eq!(rows(&opened.stores).await, [1, 2]);
    assert_eq!(opened.stores.journal.read(Position(62), 9).await.unwrap().len(), 2);
    opened.stores.journal.close().await;
    assert_eq!(verify(&small(place.path()), &mut |_| ()).unwrap().problems, vec![]);
}

#[tokio::test(flavor = "multi_thread")]
async fn erased_bytes_leave_while_the_engine_runs_and_after_a_crash() {
    let place = tempfile::tempdir().unwrap();
    let opened = open(&quick(place.path()), &mut |_| ()).unwrap();
    let journal = place.path().join("journal");
    write_and_erase(&opened.stores).await;
    wait_until_gone(&opened, &journal).await;
    opened.stores.journal.append(writing(61, 0, SECRET)).await.unwrap();
    opened.stores.journal.append(erasing(62)).await.unwrap();
    opened.handle.abandon().await;
    drop(opened);
    let opened = open(&quick(place.path()), &mut |_| ()).unwrap();
    wait_until_gone(&opened, &journal).await;
    assert_eq!(rows(&opened.stores).await, Vec::<u64>::new());
    opened.stores.journal.close().await;
}

/// More pages than a batch takes, and a batch that fails between two others.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_is_erased_in_batches() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    for n in 0..8 {
        let row = |no| HistoryRow { stream: format!("m{}", no % 3), no, bytes: vec![7; 4000] };
        let rows = (n * 100..(n + 1) * 100).map(row).collect();
        opened.stores.journal.append(NewRecord { rows, ..record("a", n, "rows") }).await.unwrap();
    }
    opened.stores.journal.close().await;
    drop(opened);
    let opened = open_at(place.path());
    let set = opened.handle.shared().set().unwrap();
    set.failing_batches.store(1, Ordering::Release);
    drop(set);
    opened.stores.journal.append(erasing(8)).await.unwrap();
    opened.stores.journal.append(writing(9, 5, b"new")).await.unwrap();
    opened.stores.journal.close().await;
    drop(opened);
    let report = verify(&small(place.path()), &mut |_| ()).unwrap();
    assert_eq!((report.problems, report.working_set), (vec![], Some(Position(10))));
    let opened = open_at(place.path());
    assert_eq!(rows(&opened.stores).await, [5]);
    for stream in ["m0", "m1", "m2"] {
        let page =
            opened.stores.history.page(&entity("a"), stream, None, 9, Direction::Forward).await.unwrap();
        assert_eq!(page.rows, vec![]);
    }
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_rows_that_an_erasure_left() {
    let place = tempfile::tempdir().unwrap();
    let options = Options { erased_within: Duration::from_secs(3600), ..small(place.path()) };
    let opened = open(&options, &mut |_| ()).unwrap();
    opened.stores.journal.append(writing(0, 1, SECRET)).await.unwrap();
    opened.stores.journal.append(erasing(1)).await.unwrap();
    opened.stores.journal.append(writing(2, 2, b"new")).await.unwrap();
    opened.stores.journal.close().await;
    drop(opened);
    assert_eq!(verify(&options, &mut |_| ()).unwrap().problems, vec![]);
    let set = working_set::WorkingSet::open(&place.path().join("sled/1"), options.cache_bytes).unwrap();
    let left = values::encode_page(&[(1, ::bytes::Bytes::from_static(SECRET))]);
    let key = keys::page(&entity("a"), "m", 1);
    let mut head = flush::head(&set, &entity("a")).unwrap().unwrap();
    head.pages = head.pages.wrapping_add(working_set::digest_part(&key, &left));
    let changes = vec![(key, Some(left)), (keys::head(&entity("a")), Some(head.encode()))];
    set.apply(set.prepare(changes, None).unwrap()).unwrap();
    drop(set);
    let report = verify(&options, &mut |_| ()).unwrap();
    assert!(report.problems.iter().any(|found| found.what.contains("erased history")), "{report:?}");
}
