//! However the records are cut into runs and checkpoints, the last checkpoint says what the memory engine says.

use super::super::{
    super::{body, bytes::Reader},
    EXTENSION, RUN_EXTENSION, path_of,
};
use super::*;
use crate::{HistoryRow, NewRecord, Stores, Timestamp, conformance, memory};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Spec {
    key: u8,
    rows: Vec<u64>,
    changes: Vec<(bool, u8)>,
    due: Option<i64>,
    erase: bool,
    /// A run ends after this record.
    spill: bool,
    /// A checkpoint is made after this record.
    checkpoint: bool,
}

fn any_spec() -> impl Strategy<Value = Spec> {
    let lists =
        (prop::collection::vec(0..8_u64, 0..3), prop::collection::vec((any::<bool>(), 0..5_u8), 0..3));
    let cuts = (prop::bool::weighted(0.15), prop::bool::weighted(0.3), prop::bool::weighted(0.1));
    (0..4_u8, lists, prop::option::of(-2..5_i64), cuts).prop_map(
        |(key, (rows, changes), due, (erase, spill, checkpoint))| Spec {
            key,
            rows,
            changes,
            due,
            erase,
            spill,
            checkpoint,
        },
    )
}

fn record(spec: &Spec, head: Seq, n: u64) -> NewRecord {
    let change = |(claim, name): &(bool, u8)| {
        let name = format!("n{name}");
        if *claim { DirectoryChange::Claim(name) } else { DirectoryChange::Release(name) }
    };
    NewRecord {
        rows: spec
            .rows
            .iter()
            .map(|no| HistoryRow { stream: "m".into(), no: *no, bytes: n.to_le_bytes().into() })
            .collect(),
        directory: spec.changes.iter().map(change).collect(),
        due: spec.due.map_or(DueChange::Unchanged, |due| {
            if due < 0 { DueChange::Clear } else { DueChange::Set(Timestamp::from_millis(due)) }
        }),
        erase: if spec.erase { Erase::History } else { Erase::Nothing },
        ..conformance::record(&format!("e{}", spec.key), head.0, "x")
    }
}

fn framed_body(record: &NewRecord) -> Bytes {
    let framed = body::encode(record);
    Bytes::copy_from_slice(body::take_framed(&mut Reader(&framed)).unwrap())
}

/// Snapshots that a working set would have: every second seq of entity `e0`.
fn snapshots(id: &EntityId, head: Seq) -> Option<(Seq, Bytes)> {
    let seq = Seq(head.0 / 2 * 2);
    (*id == conformance::entity("e0") && seq > Seq::ZERO).then(|| (seq, Bytes::from_static(b"state")))
}

async fn play(specs: Vec<Spec>) {
    let place = tempfile::tempdir().unwrap();
    let (model, _handle) = memory::open();
    let mut run = Run::default();
    let mut sources = Vec::new();
    let mut last = Position::ZERO;
    for (n, spec) in (0..).zip(&specs) {
        let id = conformance::entity(&format!("e{}", spec.key));
        let made = record(spec, model.journal.head(&id).await.unwrap(), n);
        let Ok(committed) = model.journal.append(made.clone()).await else { continue };
        last = committed.position;
        run.add(last, &framed_body(&made)).unwrap();
        if spec.spill {
            let path = path_of(place.path(), last, RUN_EXTENSION);
            run.spill(&path, last).unwrap();
            sources.push(path);
        }
        if spec.checkpoint {
            let path = path_of(place.path(), last, EXTENSION);
            checkpoint(&mut run, &mut sources, &path, last, &model).await;
            sources = vec![path];
        }
    }
    let path = place.path().join("last.ckpt");
    checkpoint(&mut run, &mut sources, &path, last, &model).await;
    assert_says_the_same(&path, &model).await;
}

async fn checkpoint(
    run: &mut Run,
    sources: &mut Vec<PathBuf>,
    target: &Path,
    last: Position,
    model: &Stores,
) {
    let rest = target.with_extension("rest");
    run.spill(&rest, last).unwrap();
    sources.push(rest);
    let head = model.journal.head(&conformance::entity("e0")).await.unwrap();
    merge(sources, target, last, &mut |id, kept| snapshots(id, head).filter(|(seq, _)| *seq > kept), &|| {
        true
    })
    .unwrap();
}

async fn assert_says_the_same(path: &Path, model: &Stores) {
    let mut reader = CheckpointReader::open(path).unwrap();
    assert_eq!(reader.position(), model.journal.position());
    let (mut names, mut rows, mut dues, mut heads) = (Vec::new(), Vec::new(), Vec::new(), 0);
    while let Some(entry) = reader.next_entry().unwrap() {
        match entry {
            Entry::Entity { id, head, due, snapshot, tail } => {
                assert_eq!(model.journal.head(&id).await, Ok(head));
                assert_eq!(snapshot, snapshots(&id, head));
                let from = snapshot.map_or(Seq::ZERO, |(seq, _)| seq);
                let seqs: Vec<u64> = tail.iter().map(|one| one.seq.0).collect();
                assert_eq!(seqs, (from.0 + 1..=head.0).collect::<Vec<_>>());
                if let DueChange::Set(due) = due {
                    dues.push(crate::TimerEntry { due, entity: id });
                }
                heads += 1;
            }
            Entry::Row { id, stream, no, row } => rows.push((id, stream, no, row)),
            Entry::Name { name, state } => names.push((name, state)),
            Entry::Erased { id } => panic!("a checkpoint erases nothing, it has nothing erased: {id}"),
        }
    }
    dues.sort();
    assert_eq!(dues, model.timers.due(Timestamp::MAX, None, 100).await.unwrap());
    let mut expected_names = Vec::new();
    for name in (0..5).map(|name| format!("n{name}")) {
        if let Some(owner) = model.directory.lookup(&name).await.unwrap() {
            expected_names.push((name, NameState::Owned(owner)));
        }
    }
    assert_eq!(names, expected_names);
    let (mut expected_rows, mut expected_heads) = (Vec::new(), 0);
    for id in (0..4).map(|key| conformance::entity(&format!("e{key}"))) {
        expected_heads += u32::from(model.journal.head(&id).await.unwrap() > Seq::ZERO);
        let page = model.history.page(&id, "m", None, 100, crate::Direction::Forward).await.unwrap();
        expected_rows.extend(
            page.rows.into_iter().map(|(no, row)| (id.clone(), "m".to_owned(), no, Bytes::from(row))),
        );
    }
    assert_eq!((rows, heads), (expected_rows, expected_heads));
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_checkpoint(specs in prop::collection::vec(any_spec(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(specs));
    }
}

#[test]
fn a_close_stops_a_merge_and_a_check() {
    let place = tempfile::tempdir().unwrap();
    let mut run = Run::default();
    for n in 0..20 {
        let made = conformance::record(&format!("e{n}"), 0, "x");
        run.add(Position(n + 1), &framed_body(&made)).unwrap();
    }
    let source = path_of(place.path(), Position(20), RUN_EXTENSION);
    run.spill(&source, Position(20)).unwrap();
    let target = place.path().join("stopped.tmp");
    let asked = std::cell::Cell::new(0);
    let soon = || {
        asked.set(asked.get() + 1);
        asked.get() < 5
    };
    let merged = merge(std::slice::from_ref(&source), &target, Position(20), &mut |_, _| None, &soon);
    assert!(matches!(merged, Err(CheckpointError::Stopped)) && asked.get() == 5);
    asked.set(0);
    assert!(matches!(CheckpointReader::verify(&source, &soon), Err(CheckpointError::Stopped)));
    assert_eq!(asked.get(), 5);
}
