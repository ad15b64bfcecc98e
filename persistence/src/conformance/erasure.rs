//! Erased history: gone in every stream, atomically with the record, and for good; what comes after it stays.

use super::{Engine, entity, record, restart};
use crate::{AppendError, Direction, Erase, HistoryRow, NewRecord, RowNo, Seq, SnapshotBlob, Stores};

pub(super) async fn run<E: Engine>(engine: &E) {
    erased_rows_are_gone_and_new_ones_stay(engine).await;
    a_record_keeps_its_own_rows(engine).await;
    only_the_own_history_is_erased(engine).await;
    a_refused_record_erases_nothing(engine).await;
    what_was_erased_does_not_come_back(engine).await;
}

const STREAMS: [&str; 4] = ["m", "m/1", "", "z"];

fn row(stream: &str, no: RowNo, text: &str) -> HistoryRow {
    HistoryRow { stream: stream.into(), no, bytes: text.as_bytes().to_vec() }
}

/// A row in every stream.
fn writing(key: &str, expected: u64, nos: std::ops::Range<RowNo>) -> NewRecord {
    let rows = STREAMS.iter().flat_map(|stream| nos.clone().map(|no| row(stream, no, &format!("{no}"))));
    NewRecord { rows: rows.collect(), ..record(key, expected, "rows") }
}

fn erasing(record: NewRecord) -> NewRecord {
    NewRecord { erase: Erase::History, ..record }
}

/// The numbers in every stream, read in pages of one and of many, both ways.
async fn assert_nos(stores: &Stores, key: &str, expected: &[RowNo]) {
    for stream in STREAMS {
        assert_stream(stores, key, stream, expected).await;
    }
}

async fn assert_stream(stores: &Stores, key: &str, stream: &str, expected: &[RowNo]) {
    for (limit, direction) in [
        (1, Direction::Forward),
        (1, Direction::Backward),
        (1000, Direction::Forward),
        (7, Direction::Backward),
    ] {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = stores.history.page(&entity(key), stream, cursor, limit, direction).await.unwrap();
            found.extend(page.rows.into_iter().map(|(no, _)| no));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        found.sort_unstable();
        assert_eq!(found, expected, "{key} {stream:?} in pages of {limit}");
    }
}

async fn erased_rows_are_gone_and_new_ones_stay<E: Engine>(engine: &E) {
    let (mut stores, place) = engine.create().await;
    // Before and after a restart, so that rows are wherever an engine may have them.
    for n in 0..4 {
        stores.journal.append(writing("a", n, n * 300..(n + 1) * 300)).await.unwrap();
        if n == 1 {
            stores = restart(engine, stores, &place).await;
        }
    }
    stores.journal.append(erasing(record("a", 4, "erase"))).await.unwrap();
    assert_nos(&stores, "a", &[]).await;
    stores.journal.append(writing("a", 5, 3..5)).await.unwrap();
    assert_nos(&stores, "a", &[3, 4]).await;
    for _ in 0..2 {
        stores = restart(engine, stores, &place).await;
        assert_nos(&stores, "a", &[3, 4]).await;
    }
    stores.journal.append(erasing(record("a", 6, "again"))).await.unwrap();
    assert_nos(&stores, "a", &[]).await;
    stores = restart(engine, stores, &place).await;
    assert_nos(&stores, "a", &[]).await;
    stores.journal.append(writing("a", 7, 0..1)).await.unwrap();
    assert_nos(&stores, "a", &[0]).await;
    stores.journal.close().await;
}

async fn a_record_keeps_its_own_rows<E: Engine>(engine: &E) {
    let (mut stores, place) = engine.create().await;
    stores.journal.append(writing("a", 0, 0..9)).await.unwrap();
    stores.journal.append(erasing(writing("a", 1, 5..7))).await.unwrap();
    stores.journal.append(writing("a", 2, 7..8)).await.unwrap();
    assert_nos(&stores, "a", &[5, 6, 7]).await;
    // An entity may begin with it.
    stores.journal.append(erasing(writing("b", 0, 1..2))).await.unwrap();
    for _ in 0..2 {
        stores = restart(engine, stores, &place).await;
        assert_nos(&stores, "a", &[5, 6, 7]).await;
        assert_nos(&stores, "b", &[1]).await;
    }
    assert_eq!(stores.journal.head(&entity("a")).await, Ok(Seq(3)));
    stores.journal.close().await;
}

async fn only_the_own_history_is_erased<E: Engine>(engine: &E) {
    let (mut stores, place) = engine.create().await;
    // Names that begin like each other.
    for key in ["a", "a/m", "aa"] {
        stores.journal.append(writing(key, 0, 0..40)).await.unwrap();
    }
    stores.journal.append(erasing(record("a", 1, "erase"))).await.unwrap();
    let others: Vec<RowNo> = (0..40).collect();
    for _ in 0..2 {
        assert_nos(&stores, "a", &[]).await;
        assert_nos(&stores, "a/m", &others).await;
        assert_nos(&stores, "aa", &others).await;
        stores = restart(engine, stores, &place).await;
    }
    stores.journal.close().await;
}

async fn a_refused_record_erases_nothing<E: Engine>(engine: &E) {
    let (stores, _place) = engine.create().await;
    stores.journal.append(writing("a", 0, 0..3)).await.unwrap();
    let refused = stores.journal.append(erasing(record("a", 0, "stale"))).await;
    assert!(matches!(refused, Err(AppendError::Fenced { .. })), "{refused:?}");
    assert_nos(&stores, "a", &[0, 1, 2]).await;
    stores.journal.close().await;
}

/// Neither a snapshot from before the erasure nor one after it brings rows back, and the tail is as it was.
async fn what_was_erased_does_not_come_back<E: Engine>(engine: &E) {
    let (mut stores, place) = engine.create().await;
    stores.journal.append(writing("a", 0, 0..20)).await.unwrap();
    let old = SnapshotBlob { seq: Seq(1), bytes: b"old".to_vec() };
    stores.snapshots.save(&entity("a"), old).await.unwrap();
    stores = restart(engine, stores, &place).await;
    stores.journal.append(erasing(writing("a", 1, 2..3))).await.unwrap();
    stores = restart(engine, stores, &place).await;
    let tail = stores.journal.tail(&entity("a"), Seq(1)).await.unwrap();
    assert!(matches!(tail.as_slice(), [only] if only.record == erasing(writing("a", 1, 2..3))), "{tail:?}");
    let new = SnapshotBlob { seq: Seq(2), bytes: b"new".to_vec() };
    stores.snapshots.save(&entity("a"), new).await.unwrap();
    for _ in 0..2 {
        assert_nos(&stores, "a", &[2]).await;
        stores = restart(engine, stores, &place).await;
    }
    stores.journal.close().await;
}
