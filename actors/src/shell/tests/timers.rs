//! Ticks: in time, across passivation and restarts, and never in a hot loop.

use super::{
    ledger::{Command, Event, Ledger},
    stage::Stage,
};
use crate::{
    Entity,
    shell::{Asker, ShellLimits},
};
use greenroom_persistence::{DueChange, EntityId, Erase, NewRecord, Seq, codec};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

impl Stage {
    async fn wake_in(&self, key: &str, span: Duration) {
        self.ask(key, Command::WakeAt(self.now() + span)).await.unwrap();
    }

    /// Moves the clock in steps, so that what waits for an instant on the way gets its turn.
    async fn pass(&self, span: Duration, steps: u32) {
        for _ in 0..steps {
            self.clock.advance(span / steps);
            self.settle().await;
        }
    }
}

#[tokio::test]
async fn a_tick_comes_at_its_instant_and_not_before() {
    let stage = Stage::new(ShellLimits::default());
    stage.wake_in("a", Duration::from_secs(5)).await;
    stage.settle().await;
    stage.clock.advance(Duration::from_millis(4_999));
    stage.settle().await;
    assert_eq!(stage.read("a").await.state.ticks, 0);
    stage.clock.advance(Duration::from_millis(1));
    stage.settle().await;
    assert_eq!(stage.read("a").await.state.ticks, 1);
    stage.pass(HOUR, 60).await;
    assert_eq!(stage.read("a").await.state.ticks, 1, "once");
}

#[tokio::test]
async fn a_passivated_entity_is_activated_in_time() {
    for wait in [Duration::from_secs(300), 5 * HOUR] {
        let stage = Stage::new(ShellLimits::default());
        stage.wake_in("a", wait).await;
        stage.pass_idle_time().await;
        assert_eq!(stage.host.stats().resident, 0);
        stage.pass(wait, 100).await;
        assert_eq!(stage.engine.records().len(), 2, "the tick was journaled");
        assert_eq!(stage.read("a").await.state.ticks, 1);
    }
}

#[tokio::test]
async fn a_restarted_host_finds_what_is_due() {
    let mut stage = Stage::new(ShellLimits::default());
    stage.wake_in("past", Duration::from_secs(1)).await;
    stage.wake_in("future", Duration::from_secs(100)).await;
    stage.host.abort();
    stage.clock.advance(Duration::from_secs(10));
    stage.crash();
    stage.settle().await;
    assert_eq!(stage.engine.records().len(), 3, "the past one ticked by itself");
    stage.pass(Duration::from_secs(100), 10).await;
    assert_eq!(stage.engine.records().len(), 4);
    assert_eq!(stage.read("future").await.state.ticks, 1);
}

#[tokio::test]
async fn a_due_that_moved_is_called_at_its_last_instant_only() {
    let stage = Stage::new(ShellLimits::default());
    stage.wake_in("a", Duration::from_secs(5)).await;
    stage.wake_in("a", Duration::from_secs(50)).await;
    stage.pass(Duration::from_secs(49), 49).await;
    assert_eq!(stage.read("a").await.state.ticks, 0);
    stage.pass(Duration::from_secs(2), 2).await;
    assert_eq!(stage.read("a").await.state.ticks, 1);
}

#[tokio::test]
async fn memory_for_dues_is_bounded_and_none_is_lost() {
    let limits = ShellLimits { timers: 10, ticks: 2, timer_page: 7, ..ShellLimits::default() };
    let stage = Stage::new(limits);
    stage.settle().await;
    for n in 0..100 {
        stage.wake_in(&format!("e{n}"), Duration::from_secs(10 + n)).await;
        assert!(stage.host.stats().timers <= 10);
    }
    stage.pass(Duration::from_secs(200), 400).await;
    for n in 0..100 {
        assert_eq!(stage.read(&format!("e{n}")).await.state.ticks, 1, "e{n}");
    }
}

#[tokio::test]
async fn many_dues_at_one_instant_all_come() {
    let limits = ShellLimits { timers: 10, ticks: 2, timer_page: 7, ..ShellLimits::default() };
    let mut stage = Stage::new(limits);
    let due = stage.now() + Duration::from_secs(30);
    for n in 0..100 {
        stage.ask(&format!("e{n}"), Command::WakeAt(due)).await.unwrap();
    }
    stage.crash();
    stage.pass(Duration::from_secs(200), 200).await;
    for n in 0..100 {
        assert_eq!(stage.read(&format!("e{n}")).await.state.ticks, 1, "e{n}");
    }
}

#[tokio::test]
async fn a_tick_survives_a_store_that_fails_for_a_while() {
    let stage = Stage::new(ShellLimits::default());
    stage.wake_in("a", Duration::from_secs(100)).await;
    stage.pass_idle_time().await;
    stage.engine.fail_next_reads(3);
    stage.pass(Duration::from_secs(120), 120).await;
    assert_eq!(stage.read("a").await.state.ticks, 1);
}

#[tokio::test]
async fn an_entity_that_stays_due_is_called_again_but_not_in_a_hot_loop() {
    let stage = Stage::new(ShellLimits::default());
    stage.wake_in("stubborn", Duration::from_secs(1)).await;
    stage.clock.advance(Duration::from_secs(1));
    stage.settle().await;
    assert_eq!(stage.read("stubborn").await.state.sum, 1);
    stage.pass(Duration::from_secs(1), 100).await;
    assert_eq!(stage.read("stubborn").await.state.sum, 11, "once in 100 ms");
}

#[tokio::test]
async fn a_tick_that_is_poison_pauses_and_harms_nobody() {
    let stage = Stage::new(ShellLimits::default());
    stage.wake_in("cursed", Duration::from_secs(1)).await;
    stage.pass(Duration::from_secs(60), 60).await;
    let stats = stage.host.stats();
    assert_eq!((stats.quarantined, stats.restarts), (1, 3), "three strikes, then a pause");
    assert_eq!(stage.add("cursed", 1).await, 1, "commands go on");
    let page = stage.host.quarantined("cursed", None, 1).await.unwrap();
    assert_eq!(page.commands.first().map(|(_, kept)| kept.asker), Some(Asker::Tick));
    stage.pass(Duration::from_secs(700), 70).await;
    assert_eq!(stage.host.stats().quarantined, 2, "it is tried again after the pause");
}

impl Stage {
    /// What a program with other rules for its dues left behind.
    async fn left_behind(&self, event: &Event, due: DueChange) {
        let record = NewRecord {
            entity: EntityId::new("ledger", "a").unwrap(),
            expected_seq: Seq::ZERO,
            payload: codec::encode_events(Ledger::SCHEMA, std::slice::from_ref(event)).unwrap(),
            rows: Vec::new(),
            directory: Vec::new(),
            due,
            erase: Erase::Nothing,
        };
        self.engine.reopen().journal.append(record).await.unwrap();
    }
}

#[tokio::test]
async fn a_due_that_an_older_program_did_not_index_is_indexed_with_the_next_record() {
    let stage = Stage::new(ShellLimits::default());
    let due = stage.now() + 5 * HOUR;
    stage.left_behind(&Event::DueSet(due), DueChange::Unchanged).await;
    stage.add("a", 1).await;
    assert_eq!(stage.engine.records().last().unwrap().record.due, DueChange::Set(due));
    stage.add("a", 1).await;
    assert_eq!(stage.engine.records().last().unwrap().record.due, DueChange::Unchanged, "once");
    stage.pass_idle_time().await;
    assert_eq!(stage.host.stats().resident, 0);
    stage.pass(5 * HOUR, 100).await;
    assert_eq!(stage.read("a").await.state.ticks, 1, "though it was passivated");
}

#[tokio::test]
async fn a_due_that_an_older_program_indexed_in_vain_calls_once() {
    let stage = Stage::new(ShellLimits::default());
    stage.left_behind(&Event::Added(1), DueChange::Set(stage.now() + HOUR)).await;
    stage.pass(2 * HOUR, 100).await;
    let records = stage.engine.records();
    assert_eq!(records.len(), 2);
    let last = &records.last().unwrap().record;
    assert_eq!((last.due, last.payload.as_slice()), (DueChange::Clear, [].as_slice()));
    assert_eq!(stage.host.stats().passivations, 1);
    stage.pass(2 * HOUR, 100).await;
    assert_eq!(
        (stage.host.stats().passivations, stage.engine.records().len()),
        (1, 2),
        "not activated again"
    );
}
