//! Starts after a crash: quick, never wrong, and everything is checked in the end.

use super::{
    damage::{assert_filled, files_under, filled, flip, rich, segments},
    *,
};
use crate::{Direction, ReadError, SnapshotBlob};
use working_set::{SetError, WorkingSet};

const RECORDS: u64 = 120;

/// As if the process had been killed right after everything was in the working set.
fn crash(place: &Path) {
    fs::remove_file(place.join("CLEAN")).unwrap();
}

/// Everything of [`filled`], with a snapshot of `e0`, a checkpoint, and several segments after it.
async fn crashed() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    let opened = open_at(place.path());
    for n in 0..40 {
        opened.stores.journal.append(rich(n)).await.unwrap();
    }
    let state = SnapshotBlob { seq: Seq(5), bytes: b"five".to_vec() };
    opened.stores.snapshots.save(&entity("e0"), state).await.unwrap();
    opened.handle.checkpoint().await.unwrap();
    for n in 40..RECORDS {
        opened.stores.journal.append(rich(n)).await.unwrap();
    }
    opened.stores.journal.close().await;
    drop(opened);
    crash(place.path());
    place
}

/// Changes the set behind its own back.
fn meddle(place: &Path, change: impl FnOnce(&WorkingSet)) {
    let home = home::Home::new(place);
    let set = WorkingSet::open(&home.set(*home.generations().unwrap().last().unwrap()), 1 << 20).unwrap();
    change(&set);
    set.flush().unwrap();
}

/// The first entry whose key begins with a prefix, taken away.
fn lose(set: &WorkingSet, prefix: &[u8]) {
    let (key, _) = set.raw().scan_prefix(prefix).next().unwrap().unwrap();
    set.raw().remove(key).unwrap();
}

/// Rows, tails, names and timers are right; `e0` has the state that was saved.
async fn assert_crashed(stores: &Stores) {
    assert_eq!(stores.journal.position(), Position(RECORDS));
    for e in 0..4 {
        let id = entity(&format!("e{e}"));
        let kept = stores.snapshots.load(&id).await.unwrap().map_or(Seq::ZERO, |kept| kept.seq);
        let tail = stores.journal.tail(&id, kept).await.unwrap();
        assert_eq!(tail.last().map(|last| last.seq), Some(Seq(RECORDS / 4)));
        assert_eq!(tail.len() as u64, RECORDS / 4 - kept.0);
        let rows = stores.history.page(&id, "m", None, 1000, Direction::Forward).await.unwrap().rows;
        assert_eq!(rows.len() as u64, RECORDS / 4);
    }
    for n in 0..RECORDS {
        let owner = stores.directory.lookup(&format!("name-{n}")).await.unwrap();
        assert_eq!(owner, Some(entity(&format!("e{}", n % 4))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_after_a_crash_reads_the_index_and_the_rest_is_checked_while_serving() {
    let place = crashed().await;
    let mut told = Vec::new();
    let opened = open(&small(place.path()), &mut |progress| told.push(progress)).unwrap();
    assert!(opened.report.audit_follows && opened.report.segments > 2, "{:?}", opened.report);
    assert_eq!(opened.report.applied, 0);
    told.dedup_by_key(|progress| progress.phase);
    let phases: Vec<_> = told.iter().map(|progress| progress.phase).collect();
    assert_eq!(phases, [Phase::CheckingWorkingSet, Phase::ReadingJournal], "the checkpoint is not read");
    assert_crashed(&opened.stores).await;
    let audit = opened.handle.audited().await;
    let whole =
        Audit { is_running: false, is_complete: true, entities: 4, entities_total: 4, problems: Vec::new() };
    assert_eq!(audit, whole);
    opened.stores.journal.close().await;
    assert!(open_at(place.path()).report.is_trusted, "what was checked to the end can be trusted");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_the_set_lacks_are_applied_after_a_crash() {
    let place = tempfile::tempdir().unwrap();
    let options =
        Options { flush_bytes: usize::MAX, flush_interval: Duration::from_secs(3600), ..small(place.path()) };
    filled(place.path(), 60).await;
    let opened = open(&options, &mut |_| ()).unwrap();
    for n in 60..RECORDS {
        opened.stores.journal.append(rich(n)).await.unwrap();
    }
    opened.handle.abandon().await;
    drop(opened);
    let opened = open_at(place.path());
    assert!(opened.report.audit_follows);
    assert_eq!((opened.report.applied, opened.report.rebuilt.as_deref()), (60, None));
    assert_filled(&opened.stores, RECORDS).await;
    assert_eq!(opened.handle.audited().await.problems, Vec::<String>::new());
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_before_the_check_ended_is_no_clean_one() {
    let place = crashed().await;
    for _ in 0..5 {
        let opened = open_at(place.path());
        if opened.report.is_trusted {
            opened.stores.journal.close().await;
            crash(place.path());
            continue;
        }
        opened.stores.journal.close().await;
        let audit = opened.handle.audited().await;
        if place.path().join("CLEAN").exists() {
            assert_eq!(audit.entities, 4, "only a set that was checked to the end is left as clean");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_a_name_or_a_timer_that_sled_lost_is_noticed_before_anybody_is_served() {
    let place = crashed().await;
    let lost = [
        keys::head(&entity("e1")),
        keys::name("name-7"),
        keys::timers_from(crate::Timestamp::from_millis(117)),
    ];
    for prefix in lost {
        meddle(place.path(), |set| lose(set, &prefix));
        let opened = open_at(place.path());
        assert_eq!(opened.report.rebuilt, Some(SetError::Digest.to_string()), "{prefix:?}");
        assert_crashed(&opened.stores).await;
        opened.stores.journal.close().await;
        drop(opened);
        crash(place.path());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_sled_applied_by_half_is_noticed_before_anybody_is_served() {
    let place = crashed().await;
    // All but the meta entry of one batch.
    meddle(place.path(), |set| {
        let meta = set.raw().get(keys::META).unwrap().unwrap();
        set.apply(set.prepare(vec![(keys::name("name-3"), None)], None).unwrap()).unwrap();
        set.raw().insert(keys::META, meta).unwrap();
    });
    let opened = open_at(place.path());
    assert_eq!(opened.report.rebuilt, Some(SetError::Digest.to_string()));
    assert_crashed(&opened.stores).await;
    opened.stores.journal.close().await;
}

/// What is lost, and how.
type Loss = (&'static str, Box<dyn Fn(&WorkingSet)>);

/// Ways in which sled may lose what the index does not have itself.
fn losses() -> Vec<Loss> {
    let old_value = |set: &WorkingSet, key: Vec<u8>, value: Vec<u8>| {
        // With its own checksum, as a value of an earlier time has.
        let now = set.raw().get(keys::META).unwrap().unwrap();
        set.apply(set.prepare(vec![(key, Some(value))], None).unwrap()).unwrap();
        set.raw().insert(keys::META, now).unwrap();
    };
    vec![
        ("a page", Box::new(|set: &WorkingSet| lose(set, &keys::all_pages(&entity("e2"))))),
        (
            "an older page",
            Box::new(move |set: &WorkingSet| {
                let (first, value) =
                    flush::page_value_before(set, &entity("e3"), "m", u64::MAX).unwrap().unwrap();
                let mut rows = values::decode_page(&value).unwrap();
                rows.truncate(1);
                old_value(set, keys::page(&entity("e3"), "m", first), values::encode_page(&rows));
            }),
        ),
        ("a tail", Box::new(|set: &WorkingSet| lose(set, &keys::tails(&entity("e1"))))),
        ("a snapshot", Box::new(|set: &WorkingSet| lose(set, &keys::snapshot(&entity("e0"))))),
        (
            "an older snapshot",
            Box::new(move |set: &WorkingSet| {
                old_value(set, keys::snapshot(&entity("e0")), values::encode_snapshot(Seq(3), b"three"));
            }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sled_lost_outside_of_the_index_is_found_and_built_again() {
    for (what, loss) in losses() {
        let place = crashed().await;
        meddle(place.path(), |set| loss(set));
        let opened = open_at(place.path());
        assert_eq!(opened.report.rebuilt, None, "{what}: the start does not look there");
        // Whoever asks before the audit came by gets the truth or an error, never less.
        let page = opened.stores.history.page(&entity("e2"), "m", None, 1000, Direction::Forward).await;
        assert!(page.as_ref().map_or_else(is_failure, |page| page.rows.len() == 30), "{what}: {page:?}");
        let state = opened.stores.snapshots.load(&entity("e0")).await;
        let right = |kept: &Option<SnapshotBlob>| kept.as_ref().is_none_or(|kept| kept.bytes == b"five");
        assert!(state.as_ref().map_or_else(is_failure, right), "{what}: {state:?}");
        let audit = opened.handle.audited().await;
        assert!(audit.is_complete, "{what}: {audit:?}");
        assert!(place.path().join("sled/2").exists(), "{what} was not found: {audit:?}");
        assert_crashed(&opened.stores).await;
        opened.stores.journal.close().await;
        assert_eq!(verify(&small(place.path()), &mut |_| ()).unwrap().problems, vec![], "{what}");
    }
}

fn is_failure(_: &ReadError) -> bool {
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_page_is_noticed_by_its_first_reader_and_after_later_changes() {
    let place = crashed().await;
    meddle(place.path(), |set| {
        audit::vouch_for_history(set, &entity("e2")).unwrap();
    });
    meddle(place.path(), |set| {
        lose(set, &keys::all_pages(&entity("e2")));
        let lost = Err(SetError::Pages(entity("e2")));
        assert_eq!(audit::vouch_for_history(set, &entity("e2")), lost);
        let mut applier = flush::Applier::new(set, usize::MAX);
        let record = crate::NewRecord { expected_seq: Seq(30), ..rich(RECORDS + 2) };
        let framed = body::encode(&record);
        let body = ::bytes::Bytes::copy_from_slice(body::take_framed(&mut bytes::Reader(&framed)).unwrap());
        applier.record(Position(RECORDS + 1), &body).unwrap();
        applier.flush().unwrap();
        assert_eq!(audit::vouch_for_history(set, &entity("e2")), lost, "a change does not cover it up");
        audit::vouch_for_history(set, &entity("e1")).unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_checkpoint_is_told_and_the_set_stays() {
    let place = crashed().await;
    let checkpoint = files_under(&place.path().join("checkpoint")).pop().unwrap();
    flip(&checkpoint, 60);
    let opened = open_at(place.path());
    let audit = opened.handle.audited().await;
    let named = checkpoint.display().to_string();
    assert!(audit.problems.len() == 1 && audit.problems[0].contains(&named), "{audit:?}");
    assert_crashed(&opened.stores).await;
    assert!(place.path().join("sled/1").exists());
    opened.stores.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_is_not_thrown_away_while_the_journal_cannot_replace_it() {
    let place = crashed().await;
    let older = segments(place.path())[1].clone();
    let home = home::Home::new(place.path());
    replay::check_reach(&home, Position(40), Position(RECORDS)).unwrap();
    flip(&older, 700);
    assert!(replay::check_reach(&home, Position(40), Position(RECORDS)).is_err());
    // Nor is anybody served from it: the start stops and names the place.
    assert!(
        matches!(open(&small(place.path()), &mut |_| ()), Err(OpenError::Damaged { path, .. }) if path == older)
    );
    assert!(place.path().join("sled/1").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_the_files_of_a_crashed_set_nothing_is_lost() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), RECORDS).await;
    let mut noticed = 0;
    for round in 0..16_usize {
        let clean = place.path().join("CLEAN");
        if clean.exists() {
            fs::remove_file(clean).unwrap();
        }
        let files = files_under(&place.path().join("sled"));
        let large: Vec<_> = files.iter().filter(|file| fs::metadata(file).unwrap().len() > 0).collect();
        let file = large[round % large.len()];
        let mut bytes = fs::read(file).unwrap();
        let at = bytes.len() * (round + 1) / 18;
        match round % 3 {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 0xff,
            _ => bytes[at..].iter_mut().take(4096).for_each(|byte| *byte = 0),
        }
        fs::write(file, bytes).unwrap();
        let opened = open_at(place.path());
        let audit = opened.handle.audited().await;
        noticed += usize::from(opened.report.rebuilt.is_some() || !audit.problems.is_empty());
        assert_filled(&opened.stores, RECORDS).await;
        opened.stores.journal.close().await;
    }
    assert!(noticed > 4, "the damage was noticed {noticed} times");
}
