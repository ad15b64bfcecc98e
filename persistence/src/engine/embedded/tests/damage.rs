//! Files cut, flipped or gone between two starts: nothing acknowledged is lost, or the start stops and names the place.

use super::*;
use crate::{Direction, DirectoryChange, DueChange, HistoryRow, NewRecord, SnapshotBlob, Timestamp};
use std::sync::{Arc, atomic::Ordering};

/// Fills a folder with a bit of everything and closes it.
pub(super) async fn filled(place: &Path, records: u64) {
    let opened = open_at(place);
    for n in 0..records {
        opened.stores.journal.append(rich(n)).await.unwrap();
    }
    opened.stores.journal.close().await;
}

/// The record `n` of a fixed sequence: one entity of four, with a row, a name and a timer.
pub(super) fn rich(n: u64) -> NewRecord {
    let key = format!("e{}", n % 4);
    NewRecord {
        rows: vec![HistoryRow { stream: "m".into(), no: n, bytes: format!("row {n}").into_bytes() }],
        directory: vec![DirectoryChange::Claim(format!("name-{n}"))],
        due: DueChange::Set(Timestamp::from_millis(i64::try_from(n).unwrap())),
        ..record(&key, n / 4, &"x".repeat(200))
    }
}

/// Everything that `filled` wrote is there.
pub(super) async fn assert_filled(stores: &Stores, records: u64) {
    assert_eq!(stores.journal.position(), Position(records));
    for e in 0..4 {
        let id = entity(&format!("e{e}"));
        let count = (records + 3 - e) / 4;
        assert_eq!(stores.journal.head(&id).await, Ok(Seq(count)));
        let tail = stores.journal.tail(&id, Seq::ZERO).await.unwrap();
        assert_eq!(tail.iter().map(|one| one.seq.0).collect::<Vec<_>>(), (1..=count).collect::<Vec<_>>());
        let page = stores.history.page(&id, "m", None, 1000, Direction::Forward).await.unwrap();
        let rows: Vec<u64> = page.rows.iter().map(|(no, _)| *no).collect();
        assert_eq!(rows, (0..records).filter(|n| n % 4 == e).collect::<Vec<_>>());
    }
    for n in 0..records {
        let owner = stores.directory.lookup(&format!("name-{n}")).await.unwrap();
        assert_eq!(owner, Some(entity(&format!("e{}", n % 4))));
    }
    assert_eq!(stores.timers.due(Timestamp::MAX, None, 100).await.unwrap().len(), 4);
}

pub(super) fn segments(place: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> =
        fs::read_dir(place.join("journal")).unwrap().map(|file| file.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    found.sort();
    found
}

/// Offset after the last byte that is not zero.
fn end_of(path: &Path) -> usize {
    fs::read(path).unwrap().iter().rposition(|byte| *byte != 0).unwrap() + 1
}

pub(super) fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn try_open(place: &Path) -> Result<Opened, OpenError> {
    open(&small(place), &mut |_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_tail_is_cut_and_told() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 30).await;
    let newest = segments(place.path()).pop().unwrap();
    let end = end_of(&newest);
    let mut bytes = fs::read(&newest).unwrap();
    // Half a frame: its mark is the segment's, its content is not all there.
    let half = bytes[64..100].to_vec();
    bytes[end..end + half.len()].copy_from_slice(&half);
    fs::write(&newest, bytes).unwrap();
    let report = verify(&small(place.path()), &mut |_| ()).unwrap();
    assert!(report.problems.len() == 1 && !report.problems[0].stops_start, "{report:?}");
    let opened = open_at(place.path());
    assert!(opened.report.torn.is_some());
    let kept = fs::read(segment::torn_path(&newest)).unwrap();
    assert!(half.starts_with(&kept) && kept.len() > 20, "what was cut can still be looked at");
    assert_filled(&opened.stores, 30).await;
    opened.stores.journal.append(rich(30)).await.unwrap();
    opened.stores.journal.close().await;
    drop(opened);
    let opened = open_at(place.path());
    assert_eq!(opened.report.torn, None);
    assert_filled(&opened.stores, 31).await;
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_cut_at_any_byte_is_as_if_never_written() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 10).await;
    let newest = segments(place.path()).pop().unwrap();
    let before = end_of(&newest);
    let opened = open_at(place.path());
    opened.stores.journal.append(rich(10)).await.unwrap();
    opened.stores.journal.close().await;
    drop(opened);
    let whole = fs::read(&newest).unwrap();
    let after = end_of(&newest);
    // As after a crash in the middle of the write: some of the group's bytes reached the disk, and no working set saw it.
    for cut in (before..after - 1).step_by(37) {
        let crashed = tempfile::tempdir().unwrap();
        fs::create_dir_all(crashed.path().join("journal")).unwrap();
        let mut bytes = whole.clone();
        bytes[cut..].fill(0);
        fs::write(crashed.path().join("journal").join(newest.file_name().unwrap()), &bytes).unwrap();
        let opened = open_at(crashed.path());
        assert_filled(&opened.stores, 10).await;
        opened.stores.journal.append(rich(10)).await.unwrap();
        opened.stores.journal.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_the_middle_stops_the_start_and_is_named() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 200).await;
    let files = segments(place.path());
    assert!(files.len() > 3, "several segments");
    for (file, at) in [(0, 500), (1, 700), (files.len() - 1, 80), (1, 20)] {
        flip(&files[file], at);
        let report = verify(&small(place.path()), &mut |_| ()).unwrap();
        assert!(
            report.problems.iter().any(|problem| problem.stops_start && problem.file == files[file]),
            "{report:?}"
        );
        match try_open(place.path()) {
            Err(OpenError::Damaged { path, offset, .. }) => {
                assert_eq!(path, files[file]);
                assert!(offset <= at as u64);
            }
            other => panic!("{:?}", other.map(|opened| opened.report)),
        }
        flip(&files[file], at);
    }
    let opened = open_at(place.path());
    assert_filled(&opened.stores, 200).await;
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_last_group_is_noticed_by_what_was_applied() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 30).await;
    let newest = segments(place.path()).pop().unwrap();
    flip(&newest, end_of(&newest) - 3);
    let found = fs::read(&newest).unwrap();
    assert!(matches!(try_open(place.path()), Err(OpenError::JournalShort { .. })));
    assert!(fs::read(&newest).unwrap() == found, "a start that is refused leaves the evidence");
    // Put right, it opens again.
    flip(&newest, end_of(&newest) - 3);
    let opened = open_at(place.path());
    assert_filled(&opened.stores, 30).await;
    opened.stores.journal.close().await;
}

/// A crash between the write of a group and its sync: it reads back from memory, but it is not on the disk.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_group_is_written_again_before_it_is_served() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    for n in 0..30 {
        opened.stores.journal.append(rich(n)).await.unwrap();
    }
    opened.handle.abandon().await;
    drop(opened);
    let newest = segments(place.path()).pop().unwrap();
    let found = fs::read(&newest).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    fs::File::options().write(true).open(&newest).unwrap().set_modified(long_ago).unwrap();
    let opened = open_at(place.path());
    assert!(fs::metadata(&newest).unwrap().modified().unwrap() > long_ago);
    assert!(fs::read(&newest).unwrap() == found);
    assert_filled(&opened.stores, 30).await;
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_segment_stops_the_start() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 200).await;
    let files = segments(place.path());
    let gone = fs::read(&files[1]).unwrap();
    fs::remove_file(&files[1]).unwrap();
    assert!(matches!(try_open(place.path()), Err(OpenError::RecordsMissing { .. })));
    let report = verify(&small(place.path()), &mut |_| ()).unwrap();
    assert!(report.problems.iter().any(|problem| problem.stops_start));
    fs::write(&files[1], gone).unwrap();
    let report = verify(&small(place.path()), &mut |_| ()).unwrap();
    assert_eq!((report.problems, report.records, report.entities), (vec![], 200, 4));
    assert_eq!(report.working_set, Some(Position(200)));
}

/// Every file under a folder.
pub(super) fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_under(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_working_set_loses_nothing() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 120).await;
    let mut rebuilds = 0;
    for round in 0..24_usize {
        let files = files_under(&place.path().join("sled"));
        let large: Vec<_> = files.iter().filter(|file| fs::metadata(file).unwrap().len() > 0).collect();
        let file = large[round % large.len()];
        let mut bytes = fs::read(file).unwrap();
        let at = bytes.len() * (round + 1) / 26;
        match round % 4 {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 0xff,
            2 => bytes[at..].iter_mut().take(4096).for_each(|byte| *byte = 0),
            _ => bytes.clear(),
        }
        fs::write(file, bytes).unwrap();
        let opened = open_at(place.path());
        rebuilds += usize::from(opened.report.rebuilt.is_some());
        assert_filled(&opened.stores, 120).await;
        opened.stores.journal.close().await;
    }
    assert!(rebuilds > 6, "the damage was noticed {rebuilds} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_working_set_catches_up() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 40).await;
    let older = tempfile::tempdir().unwrap();
    for file in files_under(&place.path().join("sled")) {
        let target = older.path().join(file.strip_prefix(place.path()).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
    let opened = open_at(place.path());
    for n in 40..90 {
        opened.stores.journal.append(rich(n)).await.unwrap();
    }
    opened.stores.journal.close().await;
    drop(opened);
    fs::remove_dir_all(place.path().join("sled")).unwrap();
    fs::rename(older.path().join("sled"), place.path().join("sled")).unwrap();
    let opened = open_at(place.path());
    assert_eq!((opened.report.applied, opened.report.rebuilt), (50, None));
    assert_filled(&opened.stores, 90).await;
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unclean_end_loses_nothing_acknowledged() {
    let place = tempfile::tempdir().unwrap();
    for round in 0..5_u64 {
        let opened = open_at(place.path());
        for n in round * 20..round * 20 + 20 {
            opened.stores.journal.append(rich(n)).await.unwrap();
        }
        opened.handle.abandon().await;
    }
    let opened = open_at(place.path());
    assert_filled(&opened.stores, 100).await;
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_found_while_running_starts_a_rebuild() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 60).await;
    let opened = open_at(place.path());
    let shared = opened.handle.shared();
    shared.set_is_damaged(&working_set::SetError::Form);
    // Appends go on meanwhile; reads of what is not recent may be refused for a moment.
    for n in 60..80 {
        while let Err(error) = opened.stores.journal.append(rich(n)).await {
            assert!(matches!(error, AppendError::Unavailable(_)), "{error}");
            tokio::task::yield_now().await;
        }
    }
    while !place.path().join("sled/2").exists() || shared.slot.read().ready().is_err() {
        tokio::task::yield_now().await;
    }
    assert_filled(&opened.stores, 80).await;
    opened.stores.journal.close().await;
    drop(opened);
    let report = verify(&small(place.path()), &mut |_| ()).unwrap();
    assert_eq!(report.problems, vec![]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_lacks_records_is_refused() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 200).await;
    let home = home::Home::new(place.path());
    let fresh = fresh::fresh_set(&home, 7, &small(place.path()), None, &mut |_| ()).unwrap();
    replay::catch_up(&home, &fresh, Position(150), 1024).unwrap();
    assert_eq!(fresh.mark(), Position(150));
    let short = replay::catch_up(&home, &fresh, Position(201), 1024);
    assert!(matches!(short, Err(OpenError::JournalShort { .. })));
    drop(fresh);
    let fresh = fresh::fresh_set(&home, 8, &small(place.path()), None, &mut |_| ()).unwrap();
    fs::remove_file(&segments(place.path())[0]).unwrap();
    assert!(replay::catch_up(&home, &fresh, Position(200), 1024).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_on_request_keeps_everything() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 60).await;
    let opened = open_at(place.path());
    let state = SnapshotBlob { seq: Seq(10), bytes: vec![1; 5000] };
    opened.stores.snapshots.save(&entity("e0"), state).await.unwrap();
    opened.handle.checkpoint().await.unwrap();
    opened.stores.journal.close().await;
    drop(opened);
    let mut phases = Vec::new();
    let report = rebuild(&small(place.path()), &mut |progress| phases.push(progress.phase)).unwrap();
    assert!(phases.contains(&Phase::LoadingCheckpoint) && phases.contains(&Phase::ReadingJournal));
    assert_eq!(report.position, Position(60));
    let opened = open_at(place.path());
    assert_eq!(opened.report.rebuilt, None);
    assert_eq!(opened.stores.journal.head(&entity("e0")).await, Ok(Seq(15)));
    opened.stores.journal.close().await;
}

/// A flush cut between two batches leaves names of later records beside missing ones of earlier records.
#[tokio::test(flavor = "multi_thread")]
async fn records_applied_over_a_newer_set_end_in_the_same_state() {
    let claim = |name: &str| DirectoryChange::Claim(name.into());
    let release = |name: &str| DirectoryChange::Release(name.into());
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    let with = |key: &str, seq, directory| NewRecord { directory, ..record(key, seq, "x") };
    let journal = &opened.stores.journal;
    journal.append(with("a", 0, vec![claim("n1"), claim("n2")])).await.unwrap();
    journal.append(with("a", 1, vec![release("n1")])).await.unwrap();
    journal.append(with("b", 0, vec![claim("n1")])).await.unwrap();
    journal.close().await;
    drop(opened);
    let home = home::Home::new(place.path());
    let set = working_set::WorkingSet::open(&home.set(1), 1 << 20).unwrap();
    // Only the name that the last record claimed is there, and the mark is before all three.
    let undone = vec![(keys::name("n2"), None)];
    set.apply(set.prepare(undone, Some(Position::ZERO)).unwrap()).unwrap();
    set.flush().unwrap();
    drop(set);
    let opened = open_at(place.path());
    assert_eq!((opened.report.applied, opened.report.rebuilt.as_deref()), (3, None));
    assert_eq!(opened.stores.directory.lookup("n1").await, Ok(Some(entity("b"))));
    assert_eq!(opened.stores.directory.lookup("n2").await, Ok(Some(entity("a"))));
    opened.stores.journal.close().await;
}

/// The checkpoint is newer than the records that are being flushed when the set is rebuilt.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_from_a_newer_checkpoint_loses_nothing() {
    let place = tempfile::tempdir().unwrap();
    let options =
        Options { flush_bytes: usize::MAX, flush_interval: Duration::from_secs(3600), ..small(place.path()) };
    let opened = open(&options, &mut |_| ()).unwrap();
    for n in 0..40 {
        opened.stores.journal.append(rich(n)).await.unwrap();
    }
    opened.handle.checkpoint().await.unwrap();
    for n in 40..60 {
        opened.stores.journal.append(rich(n)).await.unwrap();
    }
    let shared = opened.handle.shared();
    shared.set_is_damaged(&working_set::SetError::Form);
    while !place.path().join("sled/2").exists() || shared.slot.read().ready().is_err() {
        tokio::task::yield_now().await;
    }
    opened.handle.flush_soon();
    while opened.handle.lag_bytes() > 0 {
        tokio::task::yield_now().await;
    }
    assert_filled(&opened.stores, 60).await;
    opened.handle.abandon().await;
    let opened = open_at(place.path());
    assert_filled(&opened.stores, 60).await;
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mark_never_passes_records_that_the_set_lacks() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 40).await;
    let home = home::Home::new(place.path());
    let set = fresh::fresh_set(&home, 9, &small(place.path()), None, &mut |_| ()).unwrap();
    let mut applier = flush::Applier::new(&set, usize::MAX);
    let first = &segments(place.path())[0];
    let scan = segment::scan(first, |group, _| {
        let skipping = group.bodies().filter(|(position, _)| *position != Position(1));
        skipping.into_iter().try_for_each(|(position, body)| applier.record(position, &body))
    });
    scan.unwrap();
    let missing = working_set::SetError::Missing { after: Position::ZERO, next: Position(2) };
    assert_eq!(applier.flush(), Err(missing));
    assert_eq!(set.mark(), Position::ZERO);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_disk_does_not_cost_a_rebuild() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 60).await;
    let opened = open_at(place.path());
    let shared = opened.handle.shared();
    let mut appended = 60;
    for _ in 0..2 {
        let set = shared.slot.read().ready().map(Arc::clone).unwrap();
        set.failing_batches.store(1, Ordering::Release);
        let failed = Arc::downgrade(&set);
        drop(set);
        // The batch that fails may be one of the append before; while the set is opened again names cannot be checked.
        while let Err(error) = opened.stores.journal.append(rich(appended)).await {
            assert!(matches!(error, AppendError::Unavailable(_)), "{error}");
            tokio::task::yield_now().await;
        }
        appended += 1;
        while failed.strong_count() > 0 || shared.slot.read().ready().is_err() {
            tokio::task::yield_now().await;
        }
    }
    while opened.handle.lag_bytes() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(place.path().join("sled/1").exists() && !place.path().join("sled/2").exists());
    assert_filled(&opened.stores, appended).await;
    opened.stores.journal.close().await;
    drop(opened);
    let opened = open_at(place.path());
    assert_eq!(opened.report.rebuilt, None);
    assert_filled(&opened.stores, appended).await;
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_cannot_be_opened_goes_before_the_next_is_built() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), 60).await;
    let db = place.path().join("sled/1/db");
    fs::remove_file(&db).unwrap();
    fs::create_dir(&db).unwrap();
    // While the journal is damaged the set stays: it may have what the journal lost.
    flip(&segments(place.path())[0], 500);
    assert!(matches!(try_open(place.path()), Err(OpenError::Damaged { .. })));
    assert!(db.exists());
    flip(&segments(place.path())[0], 500);
    let opened = open_at(place.path());
    assert!(opened.report.rebuilt.is_some());
    assert!(!db.exists() && place.path().join("sled/2").exists());
    assert_filled(&opened.stores, 60).await;
    opened.stores.journal.close().await;
}
