//! Passivation, snapshots, subscriptions across them, and the end of a host.

use super::{
    ledger::{Command, Ledger},
    stage::Stage,
};
use crate::{
    Timestamp,
    clock::ManualClock,
    ports::{Clock, Outlet},
    shell::{AskError, Host, ShellLimits},
};
use futures::{FutureExt, future::join_all};
use greenroom_persistence::{
    EntityId, Position, ReadError, Seq, SnapshotBlob, Snapshots, Stores, memory, memory::Fault,
};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

#[tokio::test]
async fn an_idle_activation_is_passivated_and_comes_back() {
    let stage = Stage::new(ShellLimits::default());
    stage.add("a", 1).await;
    stage.clock.advance(Duration::from_secs(30));
    stage.settle().await;
    assert_eq!(stage.host.stats().resident, 1, "not idle long enough");
    stage.pass_idle_time().await;
    let stats = stage.host.stats();
    assert_eq!((stats.resident, stats.resident_bytes, stats.passivations), (0, 0, 1));
    assert_eq!(stage.add("a", 2).await, 3);
}

#[tokio::test]
async fn reading_keeps_an_activation_resident() {
    let stage = Stage::new(ShellLimits::default());
    stage.add("a", 1).await;
    for _ in 0..4 {
        stage.clock.advance(Duration::from_secs(20));
        stage.read("a").await;
        stage.settle().await;
    }
    assert_eq!(stage.host.stats().passivations, 0);
}

#[tokio::test]
async fn above_the_cap_the_least_recently_used_go() {
    let stage = Stage::new(ShellLimits { resident: 4, ..ShellLimits::default() });
    for n in 0..4 {
        stage.add(&format!("e{n}"), 1).await;
        stage.clock.advance(Duration::from_millis(50));
    }
    stage.read("e0").await;
    stage.add("e4", 1).await;
    stage.settle().await;
    assert_eq!(stage.host.stats().resident, 4);
    let activations = stage.host.stats().passivations;
    stage.read("e0").await;
    stage.settle().await;
    assert_eq!(stage.host.stats().passivations, activations, "e0 was used last and stayed");
}

#[tokio::test]
async fn the_cap_in_bytes_holds() {
    let stage = Stage::new(ShellLimits { resident_bytes: 10_000, ..ShellLimits::default() });
    for n in 0..5 {
        stage.ask(&format!("e{n}"), Command::Pad(4_000)).await.unwrap();
        stage.clock.advance(Duration::from_millis(50));
        stage.settle().await;
    }
    assert!(stage.host.stats().resident_bytes <= 10_000, "{:?}", stage.host.stats());
    for n in 0..5 {
        assert_eq!(stage.read(&format!("e{n}")).await.state.padding.len(), 4_000);
    }
}

#[tokio::test]
async fn no_more_activations_than_can_be_held_are_admitted() {
    let limits = ShellLimits { resident: 1, resident_refuse: 2, ..ShellLimits::default() };
    let stage = Stage::new(limits);
    // Busy entities cannot be passivated.
    stage.oracle.open.send_replace(false);
    for key in ["a", "b"] {
        stage.ask(key, Command::Ask(1)).await.unwrap();
    }
    stage.settle().await;
    assert!(matches!(stage.ask("c", Command::Look).await, Err(AskError::Overloaded { .. })));
    stage.ask("a", Command::Look).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_senders_lose_nothing_to_passivation() {
    const SENDERS: i64 = 8;
    const EACH: i64 = 200;
    let limits =
        ShellLimits { idle: Duration::ZERO, sweep: Duration::from_millis(1), ..ShellLimits::default() };
    let stage = Arc::new(Stage::new(limits));
    let senders = (0..SENDERS).map(|sender| {
        let stage = Arc::clone(&stage);
        let task = async move {
            for n in 0..EACH {
                stage.add("a", 1).await;
                if (n + sender) % 3 == 0 {
                    stage.clock.advance(Duration::from_millis(1));
                    tokio::task::yield_now().await;
                }
            }
        };
        tokio_util::task::AbortOnDropHandle::new(tokio::runtime::Handle::current().spawn(task))
    });
    for sender in join_all(senders).await {
        sender.unwrap();
    }
    assert_eq!(stage.read("a").await.state.sum, SENDERS * EACH);
    assert!(stage.host.stats().passivations > 0, "the race took place");
    assert_eq!(stage.host.stats().restarts, 0, "no activation was fenced by a second one");
}

#[tokio::test]
async fn a_subscription_survives_passivation() {
    let stage = Stage::new(ShellLimits::default());
    let mut watch = stage.host.watch("a").unwrap();
    stage.add("a", 1).await;
    assert_eq!(watch.changed().await, Ok(Position(1)));
    stage.pass_idle_time().await;
    assert_eq!(stage.host.stats().resident, 0);
    stage.add("a", 1).await;
    assert_eq!(watch.changed().await, Ok(Position(2)));
    stage.host.abort();
    assert!(watch.changed().await.is_err());
}

#[tokio::test]
async fn a_subscription_hears_of_a_record_whose_append_was_unknown() {
    let stage = Stage::new(ShellLimits::default());
    let mut watch = stage.host.watch("a").unwrap();
    stage.engine.fail_next_append(Fault::UnknownKept);
    assert!(matches!(stage.ask("a", Command::Add(1)).await, Err(AskError::Unknown)));
    assert_eq!(watch.changed().await, Ok(Position(1)), "without anybody asking");
}

#[tokio::test]
async fn an_entity_hears_that_the_effects_of_an_unknown_append_may_be_lost() {
    let stage = Stage::new(ShellLimits::default());
    stage.engine.fail_next_append(Fault::UnknownKept);
    assert!(matches!(stage.ask("a", Command::Ask(1)).await, Err(AskError::Unknown)));
    stage.until(|stage| stage.engine.records().len() == 2).await;
    assert_eq!(stage.read("a").await.state.activations, 1, "without anybody asking");
}

#[tokio::test]
async fn waiting_readers_fit_up_to_the_limit_and_not_one_past_it() {
    let stage = Stage::new(ShellLimits { readers: 2, ..ShellLimits::default() });
    let mut reads = ["a", "b"].map(|key| Box::pin(stage.host.published(key)));
    for read in &mut reads {
        assert!(futures::poll!(read).is_pending());
    }
    assert!(matches!(stage.host.published("c").await, Err(AskError::Overloaded { .. })));
    for read in join_all(reads).await {
        read.unwrap();
    }
    stage.read("c").await;
}

#[tokio::test]
async fn subscriptions_fit_up_to_the_limit_and_not_one_past_it() {
    let stage = Stage::new(ShellLimits { watchers: 2, ..ShellLimits::default() });
    let first = stage.host.watch("a").unwrap();
    let _second = stage.host.watch("a").unwrap();
    assert!(matches!(stage.host.watch("b").map(drop), Err(AskError::Overloaded { .. })));
    drop(first);
    stage.host.watch("b").unwrap();
}

#[tokio::test]
async fn all_snapshots_together_stay_in_proportion_to_the_journal() {
    let stage = Stage::new(ShellLimits { snapshot_tail_min: 1_000, ..ShellLimits::default() });
    for n in 0..3_000 {
        stage.add("a", n).await;
    }
    stage.settle().await;
    let journal: u64 = stage.engine.records().iter().map(|record| record.record.payload.len() as u64).sum();
    let stats = stage.host.stats();
    assert!(stats.snapshots >= 2, "{stats:?}");
    let last = stage.engine.reopen().snapshots.load(&id("a")).await.unwrap().unwrap();
    let earlier = stats.snapshot_bytes - last.bytes.len() as u64;
    assert!(earlier <= journal, "{earlier} bytes of superseded snapshots for {journal} of journal");
    assert!(last.seq > Seq(1_000), "the last snapshot is not too old: {}", last.seq);
}

#[tokio::test]
async fn passivation_takes_a_snapshot_only_when_the_tail_is_worth_it() {
    let stage = Stage::new(ShellLimits { passivation_tail_min: 100, ..ShellLimits::default() });
    stage.add("short", 1).await;
    for n in 0..50 {
        stage.add("long", n).await;
    }
    stage.pass_idle_time().await;
    assert_eq!((stage.host.stats().passivations, stage.host.stats().snapshots), (2, 1));
    stage.read("long").await;
    stage.pass_idle_time().await;
    assert_eq!(stage.host.stats().snapshots, 1, "nothing new, no snapshot");
}

fn id(key: &str) -> EntityId {
    EntityId::new("ledger", key).unwrap()
}

#[tokio::test]
async fn recovery_starts_from_the_snapshot_and_rebuilds_what_is_derived() {
    let mut stage = Stage::new(ShellLimits { snapshot_tail_min: 500, ..ShellLimits::default() });
    for _ in 0..100 {
        stage.add("a", 2).await;
    }
    stage.settle().await;
    assert!(stage.host.stats().snapshots > 0);
    let before = stage.read("a").await;
    stage.crash();
    let after = stage.read("a").await;
    assert_eq!((&*after.state, after.seq, after.position), (&*before.state, before.seq, before.position));
}

#[tokio::test]
async fn an_unreadable_snapshot_costs_only_time() {
    let mut stage = Stage::new(ShellLimits::default());
    for _ in 0..10 {
        stage.add("a", 2).await;
    }
    let damaged = SnapshotBlob { seq: Seq(9), bytes: b"not a snapshot".to_vec() };
    stage.engine.reopen().snapshots.save(&id("a"), damaged).await.unwrap();
    stage.crash();
    assert_eq!(stage.read("a").await.state.sum, 20);
}

/// Takes no snapshots, and counts how often it was asked to.
#[derive(Default)]
struct Full(AtomicUsize);

#[async_trait::async_trait]
impl Snapshots for Full {
    async fn load(&self, _: &EntityId) -> Result<Option<SnapshotBlob>, ReadError> {
        Ok(None)
    }

    async fn save(&self, _: &EntityId, _: SnapshotBlob) -> Result<(), ReadError> {
        self.0.fetch_add(1, Relaxed);
        Err(ReadError::Unavailable("no room".into()))
    }
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_saved_is_not_encoded_again_with_every_record() {
    let mut stage = Stage::new(ShellLimits { snapshot_tail_min: 100, ..ShellLimits::default() });
    let full = Arc::new(Full::default());
    let snapshots: Arc<dyn Snapshots> = Arc::<Full>::clone(&full);
    stage.restart_on(Stores { snapshots, ..stage.engine.reopen() });
    for _ in 0..100 {
        stage.add("a", 1).await;
        stage.settle().await;
    }
    assert_eq!(full.0.load(Relaxed), 1);
    stage.clock.advance(Duration::from_secs(10));
    stage.add("a", 1).await;
    stage.settle().await;
    assert_eq!(full.0.load(Relaxed), 2, "it is tried again after the pause");
}

#[tokio::test]
async fn a_drain_finishes_what_is_queued_and_refuses_what_is_new() {
    let stage = Stage::new(ShellLimits { passivation_tail_min: 1, ..ShellLimits::default() });
    stage.oracle.open.send_replace(false);
    stage.ask("a", Command::Ask(1)).await.unwrap();
    stage.engine.pause_appends();
    let mut ask = Box::pin(stage.ask("b", Command::Add(1)));
    assert!(futures::poll!(&mut ask).is_pending());
    let mut drain = Box::pin(stage.host.drain(stage.now() + Duration::from_secs(10)));
    assert!(futures::poll!(&mut drain).is_pending());
    assert!(matches!(stage.ask("b", Command::Add(1)).await, Err(AskError::ShuttingDown)));
    stage.engine.resume_appends();
    assert_eq!(ask.await.unwrap().reply, 1);
    stage.settle().await;
    assert!(futures::poll!(&mut drain).is_pending(), "an effect is in flight");
    stage.oracle.open.send_replace(true);
    let report = drain.await;
    assert!(report.complete && report.commands == 0 && report.effects == 0, "{report:?}");
    let rival = stage.rival();
    assert_eq!(rival.published("a").await.unwrap().state.outcomes, [1_001], "the outcome was decided");
    assert_eq!(stage.host.stats().snapshots, 2, "what changed was kept");
}

#[tokio::test]
async fn a_drain_takes_a_snapshot_only_when_the_tail_is_worth_it() {
    let stage = Stage::new(ShellLimits { passivation_tail_min: 100, ..ShellLimits::default() });
    stage.add("short", 1).await;
    for n in 0..50 {
        stage.add("long", n).await;
    }
    let report = stage.host.drain(stage.now() + Duration::from_secs(10)).await;
    assert!(report.complete);
    assert_eq!(stage.host.stats().snapshots, 1);
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline() {
    let stage = Stage::new(ShellLimits::default());
    stage.oracle.open.send_replace(false);
    stage.ask("a", Command::Ask(1)).await.unwrap();
    let mut drain = Box::pin(stage.host.drain(stage.now() + Duration::from_secs(10)));
    stage.settle().await;
    assert!(futures::poll!(&mut drain).is_pending());
    stage.clock.advance(Duration::from_secs(10));
    let report = drain.await;
    assert_eq!((report.complete, report.effects), (false, 1));
}

#[tokio::test]
async fn dropping_the_host_ends_everything() {
    let stage = Stage::new(ShellLimits::default());
    stage.add("a", 1).await;
    let Stage { host, engine, .. } = stage;
    engine.pause_appends();
    let other = host.clone();
    let ask =
        tokio::runtime::Handle::current().spawn(async move { other.ask("a", Command::Add(1), 1).await });
    while engine.held_appends() == 0 {
        tokio::task::yield_now().await;
    }
    host.abort();
    assert!(matches!(ask.await.unwrap(), Err(AskError::Unknown)), "it was being appended");
    assert!(matches!(host.ask("a", Command::Look, 1).await, Err(AskError::ShuttingDown)));
}

/// A clock that ends a host when it is asked the next time.
#[derive(Default)]
struct Trap {
    clock: ManualClock,
    armed: Mutex<Option<Host<Ledger>>>,
}

#[async_trait::async_trait]
impl Clock for Trap {
    fn now(&self) -> Timestamp {
        if let Some(host) = self.armed.lock().take() {
            host.abort();
        }
        self.clock.now()
    }

    async fn sleep_until(&self, until: Timestamp) {
        self.clock.sleep_until(until).await;
    }
}

#[tokio::test]
async fn a_command_that_races_with_an_abort_is_answered() {
    let stage = Stage::new(ShellLimits::default());
    let outlet: Arc<dyn Outlet<Ledger>> = Arc::<super::stage::Oracle>::clone(&stage.oracle);
    let trap = Arc::new(Trap::default());
    let clock: Arc<dyn Clock> = Arc::<Trap>::clone(&trap);
    let host = Host::start(memory::open().0, outlet, clock, ShellLimits::default()).unwrap();
    // The instant is read to make the slot: after the door let the command in, before the abort could see the slot.
    *trap.armed.lock() = Some(host.clone());
    let answer = host.ask("fresh", Command::Add(1), 1).now_or_never();
    assert!(matches!(answer, Some(Err(AskError::ShuttingDown))), "it does not wait for ever");
}
