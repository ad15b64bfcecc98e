//! Fencing, order, sequences, limits, closing.

use super::{Engine, entity, record, restart};
use crate::{AppendError, NewRecord, Position, RECORD_BYTES_MAX, Seq, StoredRecord, Stores};
use std::sync::Arc;
use tokio::task::JoinSet;

pub(super) async fn run<E: Engine>(engine: &E) {
    stale_writers_are_fenced_off(engine).await;
    concurrent_appends_have_one_order(engine).await;
    one_of_two_racing_writers_wins(engine).await;
    reading_from_a_position(engine).await;
    a_restart_keeps_every_record(engine).await;
    limits_hold(engine).await;
    closing_is_idempotent(engine).await;
}

async fn stale_writers_are_fenced_off<E: Engine>(engine: &E) {
    let (stores, _place) = engine.create().await;
    let first = stores.journal.append(record("a", 0, "one")).await.unwrap();
    assert_eq!((first.position, first.seq), (Position(1), Seq(1)));
    for expected in [0, 2, u64::MAX] {
        let refused = stores.journal.append(record("a", expected, "stale")).await;
        let fenced = AppendError::Fenced { entity: entity("a"), expected: Seq(expected), actual: Seq(1) };
        assert_eq!(refused, Err(fenced));
    }
    let refused = stores.journal.append(record("new", 1, "from nowhere")).await;
    assert!(matches!(refused, Err(AppendError::Fenced { actual: Seq(0), .. })), "{refused:?}");
    assert_eq!(stores.journal.head(&entity("a")).await, Ok(Seq(1)));
    assert_eq!(stores.journal.head(&entity("new")).await, Ok(Seq::ZERO));
    let second = stores.journal.append(record("a", 1, "two")).await.unwrap();
    assert_eq!((second.position, second.seq), (Position(2), Seq(2)));
    stores.journal.close().await;
}

const WRITERS: u64 = 32;
const APPENDS_EACH: u64 = 50;

async fn concurrent_appends_have_one_order<E: Engine>(engine: &E) {
    let (stores, _place) = engine.create().await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let journal = Arc::clone(&stores.journal);
        writers.spawn(async move {
            let mut last = Position::ZERO;
            for n in 0..APPENDS_EACH {
                let made = journal.append(record(&format!("w{writer}"), n, &format!("{n}"))).await.unwrap();
                assert_eq!(made.seq, Seq(n + 1));
                assert!(made.position > last, "positions grow for one writer");
                last = made.position;
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    assert_eq!(stores.journal.position(), Position(WRITERS * APPENDS_EACH));
    let all = stores.journal.read(Position(1), usize::MAX).await.unwrap();
    assert_gapless(&all, Position(1));
    assert_eq!(all.len() as u64, WRITERS * APPENDS_EACH);
    for writer in 0..WRITERS {
        assert_tail(&stores, &format!("w{writer}"), APPENDS_EACH).await;
    }
    stores.journal.close().await;
}

fn assert_gapless(records: &[StoredRecord], from: Position) {
    for (offset, stored) in (from.0..).zip(records) {
        assert_eq!(stored.position, Position(offset), "global order has no gaps");
        assert_eq!(stored.seq, stored.record.expected_seq.next());
    }
}

/// Every record of `key` is there, in order, with the payload that was its place.
async fn assert_tail(stores: &Stores, key: &str, count: u64) {
    let tail = stores.journal.tail(&entity(key), Seq::ZERO).await.unwrap();
    let seqs: Vec<u64> = tail.iter().map(|stored| stored.seq.0).collect();
    assert_eq!(seqs, (1..=count).collect::<Vec<_>>(), "seqs of {key} have no gaps");
    for (n, stored) in tail.iter().enumerate() {
        assert_eq!(stored.record.payload, n.to_string().into_bytes());
    }
}

async fn one_of_two_racing_writers_wins<E: Engine>(engine: &E) {
    let (stores, _place) = engine.create().await;
    for round in 0..20 {
        let mut racers = JoinSet::new();
        for racer in 0..8 {
            let journal = Arc::clone(&stores.journal);
            racers.spawn(async move { journal.append(record("a", round, &format!("{racer}"))).await });
        }
        let results = racers.join_all().await;
        let winners = results.iter().filter(|result| result.is_ok()).count();
        let fenced =
            results.iter().filter(|result| matches!(result, Err(AppendError::Fenced { .. }))).count();
        assert_eq!((winners, fenced), (1, 7), "round {round}");
    }
    assert_eq!(stores.journal.position(), Position(20), "losers wrote nothing");
    stores.journal.close().await;
}

async fn reading_from_a_position<E: Engine>(engine: &E) {
    let (stores, _place) = engine.create().await;
    for n in 0..30 {
        stores.journal.append(record(if n % 2 == 0 { "a" } else { "b" }, n / 2, "x")).await.unwrap();
    }
    let middle = stores.journal.read(Position(11), 5).await.unwrap();
    assert_gapless(&middle, Position(11));
    assert_eq!(middle.len(), 5);
    assert_eq!(stores.journal.read(Position(30), 5).await.unwrap().len(), 1);
    assert!(stores.journal.read(Position(31), 5).await.unwrap().is_empty());
    assert!(stores.journal.read(Position(1), 0).await.unwrap().is_empty());
    assert_eq!(stores.journal.read(Position::ZERO, 1).await.unwrap().len(), 1);
    let later = stores.journal.tail(&entity("a"), Seq(12)).await.unwrap();
    assert_eq!(later.iter().map(|stored| stored.seq.0).collect::<Vec<_>>(), vec![13, 14, 15]);
    assert!(stores.journal.tail(&entity("a"), Seq(15)).await.unwrap().is_empty());
    assert!(stores.journal.tail(&entity("nobody"), Seq(0)).await.unwrap().is_empty());
    stores.journal.close().await;
}

async fn a_restart_keeps_every_record<E: Engine>(engine: &E) {
    let (mut stores, place) = engine.create().await;
    for n in 0..60 {
        stores.journal.append(record("a", n, &n.to_string())).await.unwrap();
        if n % 20 == 19 {
            let before = stores.journal.read(Position(1), usize::MAX).await.unwrap();
            stores = restart(engine, stores, &place).await;
            assert_eq!(stores.journal.position(), Position(n + 1));
            assert_eq!(stores.journal.head(&entity("a")).await, Ok(Seq(n + 1)));
            assert_eq!(stores.journal.read(Position(1), usize::MAX).await.unwrap(), before);
        }
    }
    assert_tail(&stores, "a", 60).await;
    stores.journal.close().await;
}

async fn limits_hold<E: Engine>(engine: &E) {
    let (stores, _place) = engine.create().await;
    let sized = |size: usize| {
        let mut made = record("big", 0, "");
        made.payload = vec![7; size - made.size()];
        made
    };
    let refused = stores.journal.append(sized(RECORD_BYTES_MAX + 1)).await;
    let too_large = AppendError::TooLarge { size: RECORD_BYTES_MAX + 1, limit: RECORD_BYTES_MAX };
    assert_eq!(refused, Err(too_large));
    let largest: NewRecord = sized(RECORD_BYTES_MAX);
    stores.journal.append(largest.clone()).await.unwrap();
    let tail = stores.journal.tail(&entity("big"), Seq::ZERO).await.unwrap();
    assert!(tail.len() == 1 && tail.iter().all(|stored| stored.record == largest));
    stores.journal.close().await;
}

async fn closing_is_idempotent<E: Engine>(engine: &E) {
    let (stores, place) = engine.create().await;
    stores.journal.append(record("a", 0, "0")).await.unwrap();
    stores.journal.close().await;
    stores.journal.close().await;
    let refused = stores.journal.append(record("a", 1, "1")).await;
    assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{refused:?}");
    drop(stores);
    let stores = engine.reopen(&place).await;
    assert_tail(&stores, "a", 1).await;
    stores.journal.close().await;
}
