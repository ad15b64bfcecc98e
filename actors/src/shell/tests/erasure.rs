//! What an entity erases leaves its history at once, and its recovery with the next snapshot, which is taken at once.

use super::{
    ledger::{Command, Event, Ledger},
    stage::Stage,
};
use crate::{Draft, Entity, Timestamp, shell::ShellLimits};
use greenroom_persistence::{Direction, DueChange, EntityId, Erase, NewRecord, Seq, Stores, codec};
use std::time::Duration;

fn id() -> EntityId {
    EntityId::new("ledger", "a").unwrap()
}

async fn notes(stores: &Stores) -> Vec<u64> {
    let page = stores.history.page(&id(), "notes", None, 100, Direction::Forward).await.unwrap();
    page.rows.into_iter().map(|(no, _)| no).collect()
}

async fn snapshot_seq(stores: &Stores) -> Option<Seq> {
    stores.snapshots.load(&id()).await.unwrap().map(|kept| kept.seq)
}

#[test]
fn rows_before_an_erasure_go_and_later_ones_stay_unless_it_is_refused() {
    let decide = |draft: &mut Draft<Ledger>, command: Command| {
        let before = draft.savepoint();
        if Ledger::decide(draft, Timestamp::MIN, &command).is_err() {
            draft.rollback(before);
        }
    };
    let run = |commands: Vec<Command>| {
        let mut draft = Draft::new(Ledger::vacant("a"));
        commands.into_iter().for_each(|command| decide(&mut draft, command));
        let parts = draft.into_parts();
        (parts.erase, parts.rows.iter().map(|row| row.no).collect::<Vec<_>>())
    };
    let note = Command::Note;
    assert_eq!(run(vec![note(1), Command::Forget, note(2)]), (Erase::History, vec![2]));
    assert_eq!(run(vec![note(1), Command::ForgetThenRefuse, note(2)]), (Erase::Nothing, vec![1, 2]));
    let refused_later = vec![Command::Forget, note(1), Command::ForgetThenRefuse, note(2)];
    assert_eq!(run(refused_later), (Erase::History, vec![1, 2]));
}

#[tokio::test]
async fn an_erasure_takes_history_and_old_events_at_once() {
    let stage = Stage::new(ShellLimits::default());
    let stores = stage.engine.reopen();
    stage.add("a", 1).await;
    stage.ask("a", Command::Note(1)).await.unwrap();
    stage.settle().await;
    assert_eq!((notes(&stores).await, snapshot_seq(&stores).await), (vec![1], None));
    stage.ask("a", Command::Forget).await.unwrap();
    stage.settle().await;
    assert_eq!((notes(&stores).await, snapshot_seq(&stores).await), (vec![], Some(Seq(3))));
    assert_eq!(stores.journal.tail(&id(), Seq(3)).await, Ok(vec![]));
    stage.ask("a", Command::Note(2)).await.unwrap();
    stage.add("a", 5).await;
    stage.pass_idle_time().await;
    assert_eq!(stage.host.stats().resident, 0, "nothing is owed any more");
    assert_eq!((stage.read("a").await.state.sum, notes(&stores).await), (5, vec![2]));
}

#[tokio::test]
async fn an_erased_entity_is_called_once_more_and_not_again() {
    let stage = Stage::new(ShellLimits::default());
    let at = stage.now();
    stage.ask("a", Command::Forget).await.unwrap();
    let due = |n: usize| stage.engine.records().get(n).map(|stored| stored.record.due);
    assert_eq!(due(0), Some(DueChange::Set(at + Duration::from_secs(600))));
    for _ in 0..30 {
        stage.clock.advance(Duration::from_secs(60));
        stage.settle().await;
    }
    assert_eq!(due(1), Some(DueChange::Clear));
    assert_eq!((due(2), stage.read("a").await.state.ticks), (None, 0), "the entity knows nothing of it");
    stage.ask("a", Command::WakeAt(stage.now() + Duration::from_secs(5))).await.unwrap();
    stage.ask("a", Command::Forget).await.unwrap();
    assert_eq!(due(3), Some(DueChange::Set(stage.now() + Duration::from_secs(600))), "its own due went");
}

/// The process ended between the record and its snapshot, and nobody asks for the entity any more.
#[tokio::test]
async fn a_snapshot_that_was_lost_is_taken_by_whoever_recovers_next() {
    let stage = Stage::new(ShellLimits::default());
    let stores = stage.engine.reopen();
    let record = |n: u64, event: &Event| NewRecord {
        entity: id(),
        expected_seq: Seq(n),
        payload: codec::encode_events(Ledger::SCHEMA, std::slice::from_ref(event)).unwrap(),
        rows: Vec::new(),
        directory: Vec::new(),
        due: DueChange::Unchanged,
        erase: Erase::Nothing,
    };
    stores.journal.append(record(0, &Event::Added(1))).await.unwrap();
    let due = DueChange::Set(stage.now() + Duration::from_secs(600));
    let erasing = NewRecord { erase: Erase::History, due, ..record(1, &Event::Forgotten) };
    stores.journal.append(erasing).await.unwrap();
    stage.settle().await;
    assert_eq!(snapshot_seq(&stores).await, None);
    for _ in 0..12 {
        stage.clock.advance(Duration::from_secs(60));
        stage.settle().await;
    }
    assert!(snapshot_seq(&stores).await.is_some_and(|seq| seq >= Seq(2)));
    assert_eq!(stage.engine.records().last().map(|stored| stored.record.due), Some(DueChange::Clear));
}
