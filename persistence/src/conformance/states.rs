//! Snapshots, the tail after them, and timers.

use super::{Engine, entity, record, restart};
use crate::{DueChange, EntityId, NewRecord, Seq, SnapshotBlob, Stores, TimerEntry, Timestamp};

pub(super) async fn run<E: Engine>(engine: &E) {
    the_newest_snapshot_and_its_tail_give_everything(engine).await;
    an_entity_has_one_timer(engine).await;
    timers_page_in_order(engine).await;
    entities_of_a_kind_page_in_order(engine).await;
}

fn blob(seq: u64, size: usize) -> SnapshotBlob {
    SnapshotBlob { seq: Seq(seq), bytes: vec![u8::try_from(seq % 251).unwrap_or(0); size] }
}

async fn the_newest_snapshot_and_its_tail_give_everything<E: Engine>(engine: &E) {
    let (mut stores, place) = engine.create().await;
    assert_eq!(stores.snapshots.load(&entity("a")).await, Ok(None));
    for n in 0..30_u64 {
        stores.journal.append(record("a", n, "x")).await.unwrap();
        let seq = n + 1;
        if seq % 10 == 0 {
            stores.snapshots.save(&entity("a"), blob(seq, 20_000)).await.unwrap();
            stores.snapshots.save(&entity("a"), blob(seq - 5, 100)).await.unwrap();
        }
        if seq % 7 == 0 {
            stores = restart(engine, stores, &place).await;
        }
        let found = stores.snapshots.load(&entity("a")).await.unwrap();
        let newest = seq / 10 * 10;
        assert_eq!(found, (newest > 0).then(|| blob(newest, 20_000)), "an older snapshot is ignored");
        assert_continues(&stores, newest, seq).await;
    }
    assert!(stores.snapshots.save(&entity("a"), blob(31, 10)).await.is_err(), "ahead of the journal");
    let stores = restart(engine, stores, &place).await;
    assert_eq!(stores.snapshots.load(&entity("a")).await, Ok(Some(blob(30, 20_000))));
    assert_eq!(stores.journal.head(&entity("a")).await, Ok(Seq(30)));
    stores.journal.append(record("a", 30, "x")).await.unwrap();
    assert_continues(&stores, 30, 31).await;
    stores.journal.close().await;
}

async fn assert_continues(stores: &Stores, after: u64, head: u64) {
    let tail = stores.journal.tail(&entity("a"), Seq(after)).await.unwrap();
    let seqs: Vec<u64> = tail.iter().map(|stored| stored.seq.0).collect();
    assert_eq!(seqs, (after + 1..=head).collect::<Vec<_>>());
}

fn due(key: &str, expected: u64, due: DueChange) -> NewRecord {
    NewRecord { due, ..record(key, expected, "due") }
}

fn at(millis: i64) -> DueChange {
    DueChange::Set(Timestamp::from_millis(millis))
}

fn entry(millis: i64, key: &str) -> TimerEntry {
    TimerEntry { due: Timestamp::from_millis(millis), entity: entity(key) }
}

async fn due_until(stores: &Stores, until: Timestamp) -> Vec<TimerEntry> {
    stores.timers.due(until, None, 100).await.unwrap()
}

async fn an_entity_has_one_timer<E: Engine>(engine: &E) {
    let (mut stores, place) = engine.create().await;
    let steps = [
        (at(50), Some(50)),
        (at(20), Some(20)),
        (DueChange::Unchanged, Some(20)),
        (at(90), Some(90)),
        (DueChange::Clear, None),
        (DueChange::Clear, None),
        (at(-5), Some(-5)),
    ];
    for restarts in [false, true] {
        let key = if restarts { "b" } else { "a" };
        for (n, (change, expected)) in (0..).zip(steps) {
            stores.journal.append(due(key, n, change)).await.unwrap();
            if restarts {
                stores = restart(engine, stores, &place).await;
            }
            let mut found = due_until(&stores, Timestamp::MAX).await;
            found.retain(|one| one.entity == entity(key));
            assert_eq!(found, expected.map(|millis| entry(millis, key)).into_iter().collect::<Vec<_>>());
        }
    }
    stores.journal.close().await;
}

async fn entities_of_a_kind_page_in_order<E: Engine>(engine: &E) {
    let (mut stores, place) = engine.create().await;
    let mut expected = Vec::new();
    for n in 0..25_u64 {
        let key = format!("e{:02}", n * 7 % 25);
        stores.journal.append(due(&key, 0, DueChange::Unchanged)).await.unwrap();
        let neighbour = EntityId::new("other", &key).unwrap();
        let record = NewRecord { entity: neighbour, ..due(&key, 0, DueChange::Unchanged) };
        stores.journal.append(record).await.unwrap();
        expected.push(due(&key, 0, DueChange::Unchanged).entity);
        if n == 12 {
            stores = restart(engine, stores, &place).await;
        }
    }
    expected.sort();
    let kind = expected.first().map(|one| one.kind().to_owned()).unwrap();
    for limit in [1, 4, 25, 100] {
        let mut paged: Vec<EntityId> = Vec::new();
        loop {
            let page = stores.journal.entities(&kind, paged.last(), limit).await.unwrap();
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= limit);
            paged.extend(page);
        }
        assert_eq!(paged, expected, "limit {limit}");
    }
    assert!(stores.journal.entities("nobody", None, 4).await.unwrap().is_empty());
    stores.journal.close().await;
}

async fn timers_page_in_order<E: Engine>(engine: &E) {
    let (mut stores, place) = engine.create().await;
    for n in 0..25_u64 {
        let millis = i64::try_from(n * 7 % 10).unwrap_or(0) - 5;
        stores.journal.append(due(&format!("e{n:02}"), 0, at(millis))).await.unwrap();
        if n == 12 {
            stores = restart(engine, stores, &place).await;
        }
    }
    let all = due_until(&stores, Timestamp::MAX).await;
    assert_eq!(all.len(), 25);
    assert!(all.is_sorted());
    let mut paged = Vec::new();
    loop {
        let page = stores.timers.due(Timestamp::MAX, paged.last(), 4).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 4);
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let until = Timestamp::from_millis(0);
    let some = due_until(&stores, until).await;
    assert_eq!(some, all.iter().filter(|one| one.due <= until).cloned().collect::<Vec<_>>());
    assert!(due_until(&stores, Timestamp::MIN).await.is_empty());
    stores.journal.close().await;
}
