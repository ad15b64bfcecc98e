//! Many senders on several threads, while appends fail, commands panic, entities are passivated and ticks fire.

use super::{ledger::Command, stage::Stage};
use crate::shell::{AskError, ShellLimits};
use futures::future::join_all;
use greenroom_persistence::memory::Fault;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::Duration,
};

const ENTITIES: usize = 5;
const SENDERS: usize = 8;
const EACH: usize = 150;
const FAULTS: [Fault; 4] = [Fault::Unavailable, Fault::Overloaded, Fault::UnknownLost, Fault::UnknownKept];

#[derive(Default)]
struct Tally {
    acknowledged: AtomicI64,
    unknown: AtomicI64,
}

/// What sender number `sender` does in its `n`th turn; no randomness, so that only the interleaving varies.
async fn turn(stage: &Stage, tallies: &[Tally], sender: usize, n: usize) {
    let entity = (sender * 7 + n * 3) % ENTITIES;
    let key = entity.to_string();
    match (sender + n * 5) % 23 {
        0 => stage.engine.fail_next_append(FAULTS[n % FAULTS.len()]),
        1 => {
            let _ = stage.ask(&key, Command::AddThenPanic(1)).await;
        }
        2 => {
            let _ = stage.ask(&key, Command::WakeAt(stage.now() + Duration::from_millis(3))).await;
        }
        3 => {
            let _ = stage.ask(&key, Command::Ask(1)).await;
        }
        4 => {
            let _ = stage.host.published(&key).await;
        }
        _ => match stage.ask(&key, Command::Add(1)).await {
            Ok(_) => drop(tallies[entity].acknowledged.fetch_add(1, SeqCst)),
            Err(AskError::Unknown) => drop(tallies[entity].unknown.fetch_add(1, SeqCst)),
            Err(_) => tokio::task::yield_now().await,
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_acknowledged_is_lost_and_nothing_else_is_there() {
    let limits = ShellLimits {
        idle: Duration::from_millis(2),
        sweep: Duration::from_millis(1),
        snapshot_tail_min: 200,
        passivation_tail_min: 20,
        ..ShellLimits::default()
    };
    let stage = Arc::new(Stage::new(limits));
    let tallies: Arc<Vec<Tally>> = Arc::new((0..ENTITIES).map(|_| Tally::default()).collect());
    let runtime = tokio::runtime::Handle::current();
    let ticking = Arc::clone(&stage);
    let clock = tokio_util::task::AbortOnDropHandle::new(runtime.spawn(async move {
        loop {
            ticking.clock.advance(Duration::from_millis(1));
            tokio::task::yield_now().await;
        }
    }));
    let senders = (0..SENDERS).map(|sender| {
        let (stage, tallies) = (Arc::clone(&stage), Arc::clone(&tallies));
        tokio_util::task::AbortOnDropHandle::new(runtime.spawn(async move {
            for n in 0..EACH {
                turn(&stage, &tallies, sender, n).await;
            }
        }))
    });
    for sender in join_all(senders).await {
        sender.unwrap();
    }
    for (entity, tally) in tallies.iter().enumerate() {
        let key = entity.to_string();
        let state = loop {
            match stage.host.published(&key).await {
                Ok(published) => break published.state,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let (least, unknown) = (tally.acknowledged.load(SeqCst), tally.unknown.load(SeqCst));
        assert!(least > 0, "entity {key} did something");
        assert!(
            (least..=least + unknown).contains(&state.sum),
            "{key}: {} of {least}..+{unknown}",
            state.sum
        );
    }
    let report = stage.host.drain(stage.now() + Duration::from_secs(3_600)).await;
    assert!(report.complete, "{report:?} {:?}", stage.host.stats());
    assert_eq!(stage.host.stats().commands, 0);
    drop(clock);
}
