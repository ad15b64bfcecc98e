//! The relay: outcomes, fairness, bounds, panics, and what recovery asks again.

use super::{
    ledger::{BACKGROUND, Command},
    stage::{FORBIDDEN, Stage},
};
use crate::shell::{AskError, ShellLimits};
use greenroom_persistence::memory::Fault;
use std::time::Duration;

#[tokio::test]
async fn an_outcome_comes_back_as_a_command() {
    let stage = Stage::new(ShellLimits::default());
    stage.ask("a", Command::Ask(7)).await.unwrap();
    stage.settle().await;
    let state = stage.read("a").await.state;
    assert_eq!((state.outcomes.as_slice(), state.in_flight), ([1_007].as_slice(), 0));
    assert_eq!(stage.host.stats().effects, 0);
}

#[tokio::test]
async fn an_effect_starts_only_after_its_record_is_durable() {
    let stage = Stage::new(ShellLimits::default());
    stage.engine.pause_appends();
    let mut ask = Box::pin(stage.ask("a", Command::Ask(7)));
    assert!(futures::poll!(&mut ask).is_pending());
    stage.until(|stage| stage.engine.held_appends() == 1).await;
    assert!(stage.oracle.asked.lock().is_empty());
    stage.engine.resume_appends();
    ask.await.unwrap();
    stage.until(|stage| stage.oracle.asked.lock().len() == 1).await;
}

#[tokio::test]
async fn effects_are_bounded_in_total_and_per_entity_and_take_turns() {
    let limits = ShellLimits { effects: 3, entity_effects: 2, ..ShellLimits::default() };
    let stage = Stage::new(limits);
    stage.oracle.open.send_replace(false);
    let many = (0..20).map(Command::Ask).collect();
    stage.host.ask_all("greedy", many, 20).await.unwrap();
    stage.ask("modest", Command::Ask(100)).await.unwrap();
    stage.ask("late", Command::Ask(200)).await.unwrap();
    stage.settle().await;
    let asked: Vec<u32> = stage.oracle.asked.lock().iter().map(|(_, question)| *question).collect();
    assert_eq!(asked, [0, 1, 100], "two of the greedy, one of the modest, and no room for more");
    stage.oracle.open.send_replace(true);
    stage.until(|stage| stage.oracle.asked.lock().len() == 22).await;
    stage.settle().await;
    let asked: Vec<u32> = stage.oracle.asked.lock().iter().map(|(_, question)| *question).collect();
    let late = asked.iter().position(|question| *question == 200);
    assert!(late < Some(8), "the late one does not wait for all of the greedy: {asked:?}");
    let greedy: Vec<u32> = asked.into_iter().filter(|question| *question < 100).collect();
    assert_eq!(greedy, (0..20).collect::<Vec<_>>(), "in order");
    assert_eq!(stage.read("greedy").await.state.outcomes.len(), 20);
}

fn asked(stage: &Stage) -> Vec<u32> {
    stage.oracle.asked.lock().iter().map(|(_, question)| *question).collect()
}

#[tokio::test]
async fn what_nobody_waits_for_runs_after_everything_else_and_paced() {
    let limits = ShellLimits { effects: 1, background_starts: 5, ..ShellLimits::default() };
    let stage = Stage::new(limits);
    stage.oracle.open.send_replace(false);
    stage.ask("other", Command::Ask(1)).await.unwrap();
    let questions = (0..12).map(|n| Command::Ask(BACKGROUND + n)).chain([Command::Ask(2)]).collect();
    stage.host.ask_all("a", questions, 13).await.unwrap();
    stage.ask("other", Command::Ask(3)).await.unwrap();
    stage.oracle.open.send_replace(true);
    stage.until(|stage| stage.oracle.asked.lock().len() == 8).await;
    stage.until(|stage| stage.host.stats().effects == 0).await;
    let background = BACKGROUND..;
    assert_eq!(asked(&stage), [1, 2, 3].into_iter().chain(background.take(5)).collect::<Vec<_>>());
    stage.clock.advance(Duration::from_millis(999));
    stage.until(|stage| stage.host.stats().effects == 0).await;
    assert_eq!(asked(&stage).len(), 8, "five in a second");
    stage.clock.advance(Duration::from_millis(1));
    stage.until(|stage| stage.oracle.asked.lock().len() == 13).await;
    stage.clock.advance(Duration::from_secs(1));
    stage.until(|stage| stage.oracle.asked.lock().len() == 15).await;
}

#[tokio::test]
async fn what_nobody_waits_for_is_bounded_and_takes_no_place_of_others() {
    let limits = ShellLimits { background_waiting: 10, background_running: 2, ..ShellLimits::default() };
    let stage = Stage::new(limits);
    stage.oracle.open.send_replace(false);
    let questions = (0..20).map(|n| Command::Ask(BACKGROUND + n)).collect();
    stage.host.ask_all("a", questions, 20).await.unwrap();
    stage.until(|stage| stage.oracle.asked.lock().len() == 2).await;
    let sends = (0..16).map(Command::Ask).collect();
    stage.host.ask_all("a", sends, 16).await.unwrap();
    stage.until(|stage| stage.oracle.asked.lock().len() == 18).await;
    stage.oracle.open.send_replace(true);
    stage.until(|stage| stage.host.stats().effects == 0).await;
    for _ in 0..5 {
        stage.clock.advance(Duration::from_secs(1));
        stage.settle().await;
    }
    let done = asked(&stage).into_iter().filter(|question| *question >= BACKGROUND).count();
    assert!((10..=12).contains(&done), "{done} of 20 with ten waiting and two running");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_what_nobody_waits_for() {
    let stage = Stage::new(ShellLimits::default());
    let questions = (0..500).map(|n| Command::Ask(BACKGROUND + n)).collect();
    stage.host.ask_all("a", questions, 500).await.unwrap();
    let report = stage.running(stage.host.drain(stage.now() + Duration::from_secs(5))).await;
    assert!(report.complete, "{report:?}");
}

#[tokio::test]
async fn an_outlet_that_panics_harms_nobody() {
    let stage = Stage::new(ShellLimits::default());
    stage.host.ask_all("a", vec![Command::Ask(FORBIDDEN), Command::Ask(1)], 1).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.read("a").await.state.outcomes, [1_001]);
    let stats = stage.host.stats();
    assert_eq!((stats.outlet_panics, stats.restarts, stats.effects), (1, 0, 0));
}

#[tokio::test]
async fn an_outcome_is_delivered_though_the_journal_fails_for_a_while() {
    for fault in [Fault::Overloaded, Fault::Unavailable, Fault::UnknownLost] {
        let stage = Stage::new(ShellLimits::default());
        stage.oracle.open.send_replace(false);
        stage.ask("a", Command::Ask(1)).await.unwrap();
        stage.engine.fail_next_append(fault);
        stage.engine.fail_next_append(fault);
        stage.oracle.open.send_replace(true);
        for _ in 0..40 {
            stage.settle().await;
            stage.clock.advance(Duration::from_millis(500));
        }
        stage.settle().await;
        assert!(stage.read("a").await.state.outcomes.contains(&1_001), "{fault:?}");
        let is_definite = fault != Fault::UnknownLost;
        assert_eq!(stage.host.stats().restarts == 0, is_definite, "{fault:?}");
    }
}

#[tokio::test]
async fn an_entity_with_effects_in_flight_is_not_passivated() {
    let stage = Stage::new(ShellLimits::default());
    stage.oracle.open.send_replace(false);
    stage.ask("a", Command::Ask(1)).await.unwrap();
    stage.pass_idle_time().await;
    assert_eq!(stage.host.stats().resident, 1);
    stage.oracle.open.send_replace(true);
    stage.settle().await;
    stage.pass_idle_time().await;
    assert_eq!(stage.host.stats().resident, 0);
}

#[tokio::test]
async fn recovery_tells_the_entity_first_that_something_was_in_flight() {
    let mut stage = Stage::new(ShellLimits::default());
    stage.oracle.open.send_replace(false);
    stage.ask("a", Command::Ask(1)).await.unwrap();
    stage.crash();
    stage.ask("a", Command::Look).await.unwrap();
    let state = stage.read("a").await.state;
    assert_eq!((state.activations, state.in_flight), (1, 0));
    stage.crash();
    stage.ask("a", Command::Look).await.unwrap();
    assert_eq!(stage.read("a").await.state.activations, 1, "nothing was in flight this time");
}

#[tokio::test]
async fn nobody_is_served_before_the_entity_knows_that_it_was_recovered() {
    let mut stage = Stage::new(ShellLimits::default());
    stage.oracle.open.send_replace(false);
    stage.ask("a", Command::Ask(1)).await.unwrap();
    stage.crash();
    stage.engine.fail_next_append(Fault::Overloaded);
    assert!(matches!(stage.ask("a", Command::Look).await, Err(AskError::Overloaded { .. })));
    let mut early = Box::pin(stage.ask("a", Command::Add(1)));
    assert!(futures::poll!(&mut early).is_pending());
    stage.settle().await;
    assert_eq!(stage.engine.records().len(), 1, "the recovery is not journaled, so nothing else is");
    stage.running(early).await.unwrap();
    assert_eq!(stage.read("a").await.state.activations, 1);
    assert_eq!(stage.engine.records().len(), 2, "one batch, the recovery first");
}

#[tokio::test]
async fn an_outcome_that_comes_during_a_pause_is_decided_after_it() {
    let stage = Stage::new(ShellLimits::default());
    stage.oracle.open.send_replace(false);
    stage.ask("a", Command::Ask(1)).await.unwrap();
    stage.settle().await;
    // The activation ends, and its successor cannot be recovered: a pause in which nothing waits.
    stage.engine.fail_next_reads(1);
    assert!(matches!(stage.ask("a", Command::AddThenPanic(1)).await, Err(AskError::Unavailable(_))));
    stage.oracle.open.send_replace(true);
    stage.settle().await;
    assert_eq!(stage.engine.records().len(), 1, "it pauses");
    stage.clock.advance(Duration::from_secs(1));
    stage.until(|stage| stage.engine.records().len() == 2).await;
    assert_eq!(stage.read("a").await.state.outcomes, [1_001]);
}
