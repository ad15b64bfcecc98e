//! Commands that panic: isolated, tried again, quarantined.

use super::{
    ledger::Command,
    stage::{GREEDY, Stage},
};
use crate::shell::{AskError, Asker, ShellLimits};
use std::time::Duration;

#[tokio::test]
async fn poison_is_quarantined_and_its_neighbours_are_unharmed() {
    let stage = Stage::new(ShellLimits::default());
    stage.add("a", 1).await;
    let commands = vec![Command::Add(10), Command::AddThenPanic(7), Command::Add(100)];
    let answers = stage.running(stage.host.ask_all("a", commands, 3)).await.unwrap();
    let [before, poison, after] = answers.try_into().unwrap();
    assert_eq!((before.unwrap().reply, after.unwrap().reply), (11, 111));
    assert!(matches!(poison, Err(AskError::Poisoned)));
    assert_eq!(stage.host.stats().restarts, 3, "one for each strike");
    assert_eq!(stage.read("a").await.state.entries, [1, 10, 100]);

    let page = stage.host.quarantined("a", None, 10).await.unwrap();
    let [(_, kept)] = page.commands.try_into().unwrap();
    assert_eq!((kept.asker, kept.strikes, kept.cause.as_str()), (Asker::Caller, 3, "poison 7"));
    assert_eq!(rmp_serde::from_slice::<Command>(&kept.command).unwrap(), Command::AddThenPanic(7));
    assert_eq!(stage.host.stats().quarantined, 1);
}

#[tokio::test]
async fn a_panic_in_apply_is_poison_too_and_never_reaches_the_journal() {
    let mut stage = Stage::new(ShellLimits::default());
    stage.add("a", 1).await;
    assert!(matches!(stage.running(stage.ask("a", Command::Curse)).await, Err(AskError::Poisoned)));
    stage.crash();
    assert_eq!(stage.add("a", 1).await, 2);
    assert_eq!(stage.host.quarantined("a", None, 10).await.unwrap().commands.len(), 1, "it is durable");
}

#[tokio::test]
async fn other_entities_do_not_notice() {
    let stage = Stage::new(ShellLimits::default());
    let poisoned = stage.running(async {
        tokio::join!(stage.ask("a", Command::AddThenPanic(1)), stage.ask("b", Command::Add(1)))
    });
    let (poison, fine) = poisoned.await;
    assert!(matches!(poison, Err(AskError::Poisoned)));
    assert_eq!(fine.unwrap().reply, 1);
}

#[tokio::test]
async fn a_panic_does_not_ask_again_what_is_still_being_answered() {
    let stage = Stage::new(ShellLimits::default());
    stage.oracle.open.send_replace(false);
    stage.ask("a", Command::Ask(1)).await.unwrap();
    assert!(stage.running(stage.ask("a", Command::AddThenPanic(1))).await.is_err());
    stage.oracle.open.send_replace(true);
    stage.settle().await;
    let state = stage.read("a").await.state;
    assert_eq!((state.activations, state.outcomes.as_slice()), (0, [1_001].as_slice()));
}

#[tokio::test]
async fn an_outcome_that_can_never_be_journaled_is_kept_for_a_person() {
    let stage = Stage::new(ShellLimits::default());
    stage.ask("owner", Command::Claim("taken".into())).await.unwrap();
    stage.ask("a", Command::Ask(GREEDY)).await.unwrap();
    stage.settle().await;
    let page = stage.host.quarantined("a", None, 10).await.unwrap();
    assert_eq!(page.commands.first().map(|(_, kept)| kept.asker), Some(Asker::Outcome));
    assert_eq!(stage.add("a", 1).await, 1);
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(stage.host.stats().restarts, 0);
}
