//! Random work with random restarts, crashes, lost working sets and checkpoints, compared with the memory engine.

use super::*;
use crate::{
    Direction, DirectoryChange, DueChange, Erase, HistoryRow, NewRecord, SnapshotBlob, Timestamp, memory,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Append {
        key: u8,
        fenced: bool,
        erase: bool,
        size: usize,
        rows: Vec<u64>,
        changes: Vec<(bool, u8)>,
        due: Option<i64>,
    },
    Save {
        key: u8,
        back: u64,
    },
    Flush,
    Checkpoint,
    Restart {
        lose_set: bool,
        crash: bool,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    let append = (
        0..4_u8,
        (prop::bool::weighted(0.05), prop::bool::weighted(0.15)),
        0..2000_usize,
        prop::collection::vec(0..30_u64, 0..4),
        prop::collection::vec((any::<bool>(), 0..6_u8), 0..3),
        prop::option::of(-3..10_i64),
    )
        .prop_map(|(key, (fenced, erase), size, rows, changes, due)| Step::Append {
            key,
            fenced,
            erase,
            size,
            rows,
            changes,
            due,
        });
    prop_oneof![
        20 => append,
        2 => (0..4_u8, 0..3_u64).prop_map(|(key, back)| Step::Save { key, back }),
        2 => Just(Step::Flush),
        1 => Just(Step::Checkpoint),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(lose_set, crash)| Step::Restart { lose_set, crash }),
    ]
}

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// The same questions to both.
async fn assert_same(model: &Stores, real: &Stores, snapshots_may_be_older: bool) {
    assert_eq!(real.journal.position(), model.journal.position());
    for key in KEYS {
        let id = entity(key);
        assert_eq!(real.journal.head(&id).await, model.journal.head(&id).await);
        let kept = real.snapshots.load(&id).await.unwrap();
        let newest = model.snapshots.load(&id).await.unwrap();
        if !snapshots_may_be_older {
            assert_eq!(kept, newest);
        }
        let after = kept.map_or(Seq::ZERO, |kept| kept.seq);
        assert_eq!(
            real.journal.tail(&id, after).await,
            model.journal.tail(&id, after).await,
            "tail of {key}"
        );
        for (limit, direction) in [(3, Direction::Backward), (100, Direction::Forward)] {
            let found = real.history.page(&id, "m", Some(15), limit, direction).await;
            assert_eq!(found, model.history.page(&id, "m", Some(15), limit, direction).await);
            let found = real.history.page(&id, "m", None, limit, direction).await;
            assert_eq!(found, model.history.page(&id, "m", None, limit, direction).await);
        }
    }
    for name in 0..6 {
        let name = format!("n{name}");
        assert_eq!(real.directory.lookup(&name).await, model.directory.lookup(&name).await);
    }
    for until in [Timestamp::from_millis(4), Timestamp::MAX] {
        assert_eq!(real.timers.due(until, None, 2).await, model.timers.due(until, None, 2).await);
        assert_eq!(real.timers.due(until, None, 9).await, model.timers.due(until, None, 9).await);
    }
}

async fn play(steps: Vec<Step>) {
    let place = tempfile::tempdir().unwrap();
    let (model, _handle) = memory::open();
    let mut opened = open_at(place.path());
    let mut snapshots_may_be_older = false;
    for step in steps {
        match step {
            Step::Append { key, fenced, erase, size, rows, changes, due } => {
                let key = KEYS[usize::from(key)];
                let head = model.journal.head(&entity(key)).await.unwrap().0;
                let row = |no| HistoryRow { stream: "m".into(), no, bytes: vec![7; size] };
                let change = |(claim, name): (bool, u8)| {
                    let name = format!("n{name}");
                    if claim { DirectoryChange::Claim(name) } else { DirectoryChange::Release(name) }
                };
                let due = due.map_or(DueChange::Unchanged, |due| {
                    if due < 0 { DueChange::Clear } else { DueChange::Set(Timestamp::from_millis(due)) }
                });
                let made = NewRecord {
                    rows: rows.into_iter().map(row).collect(),
                    directory: changes.into_iter().map(change).collect(),
                    due,
                    erase: if erase { Erase::History } else { Erase::Nothing },
                    ..record(key, head + u64::from(fenced), &"x".repeat(size))
                };
                let expected = model.journal.append(made.clone()).await;
                assert_eq!(opened.stores.journal.append(made).await, expected);
            }
            Step::Save { key, back } => {
                let id = entity(KEYS[usize::from(key)]);
                let seq = Seq(model.journal.head(&id).await.unwrap().0.saturating_sub(back));
                if seq > Seq::ZERO {
                    let state = SnapshotBlob { seq, bytes: vec![1; 3000] };
                    model.snapshots.save(&id, state.clone()).await.unwrap();
                    opened.stores.snapshots.save(&id, state).await.unwrap();
                }
            }
            Step::Flush => opened.handle.flush_soon(),
            Step::Checkpoint => drop(opened.handle.checkpoint().await.unwrap()),
            Step::Restart { lose_set, crash } => {
                if crash {
                    opened.handle.abandon().await
                } else {
                    opened.stores.journal.close().await
                }
                drop(opened);
                if lose_set {
                    fs::remove_dir_all(place.path().join("sled")).unwrap();
                }
                snapshots_may_be_older |= lose_set || crash;
                opened = open_at(place.path());
                assert!(lose_set || opened.report.rebuilt.is_none(), "{:?}", opened.report);
                assert_same(&model, &opened.stores, snapshots_may_be_older).await;
            }
        }
    }
    assert_same(&model, &opened.stores, snapshots_may_be_older).await;
    opened.stores.journal.close().await;
    drop(opened);
    let report = verify(&small(place.path()), &mut |_| ()).unwrap();
    assert_eq!(report.problems, vec![]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn the_engine_is_the_model_whatever_happens(steps in prop::collection::vec(any_step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(play(steps));
    }
}
