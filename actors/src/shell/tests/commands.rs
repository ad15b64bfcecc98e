//! Asking, batching, publishing, and what an append that fails does.

use super::{
    ledger::{Command, Refused},
    stage::Stage,
};
use crate::shell::{AskError, ShellLimits, Unavailable};
use futures::future::join_all;
use greenroom_persistence::{Position, Seq, memory::Fault};
use std::{future::Future, task::Poll, time::Duration};

fn default() -> Stage {
    Stage::new(ShellLimits::default())
}

/// Starts futures in order by polling each once.
async fn begin<F: Future + Unpin>(futures: &mut [F]) {
    for future in futures {
        let polled = futures::poll!(&mut *future);
        assert!(matches!(polled, Poll::Pending), "should wait");
    }
}

#[tokio::test]
async fn a_command_is_answered_after_it_is_durable() {
    let stage = default();
    let answer = stage.ask("a", Command::Add(5)).await.unwrap();
    assert_eq!((answer.reply, answer.seq, answer.position), (5, Seq(1), Position(1)));
    let published = stage.read("a").await;
    assert_eq!((published.state.sum, published.seq, published.position), (5, Seq(1), Position(1)));
    assert_eq!(stage.engine.records().len(), 1);
}

#[tokio::test]
async fn a_hundred_racing_senders_share_one_activation() {
    let stage = default();
    let answers = join_all((0..100).map(|_| stage.ask("a", Command::Add(1)))).await;
    let mut sums: Vec<i64> = answers.into_iter().map(|answer| answer.unwrap().reply).collect();
    sums.sort_unstable();
    assert_eq!(sums, (1..=100).collect::<Vec<_>>());
    assert_eq!(stage.host.stats().resident, 1);
    let seqs: Vec<u64> = stage.engine.records().iter().map(|record| record.seq.0).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "no gaps");
}

#[tokio::test]
async fn commands_that_come_during_an_append_become_one_record() {
    let stage = default();
    stage.add("a", 0).await;
    stage.engine.pause_appends();
    let mut asks: Vec<_> = (0..51).map(|n| Box::pin(stage.ask("a", Command::Add(n)))).collect();
    begin(&mut asks[..1]).await;
    stage.until(|stage| stage.engine.held_appends() == 1).await;
    begin(&mut asks[1..]).await;
    stage.engine.resume_appends();
    for answer in join_all(asks).await.into_iter().skip(1) {
        assert_eq!(answer.unwrap().seq, Seq(3));
    }
    assert_eq!(stage.engine.records().len(), 3, "first, the one that was held, and one for all the rest");
}

#[tokio::test]
async fn a_rejection_undoes_its_own_command_and_nothing_else() {
    let stage = default();
    let commands = vec![Command::Add(1), Command::AddThenRefuse(10), Command::Add(2)];
    let answers = stage.host.ask_all("a", commands, 30).await.unwrap();
    let [first, second, third] = answers.try_into().unwrap();
    assert_eq!(first.unwrap().reply, 1);
    assert!(matches!(second, Err(AskError::Rejected(Refused))));
    assert_eq!(third.unwrap().reply, 3);
    assert_eq!(stage.read("a").await.state.entries, [1, 2]);
    assert!(stage.oracle.asked.lock().is_empty(), "the refused command's effect did not run");
    assert_eq!(stage.engine.reopen().directory.lookup("refused").await, Ok(None));
}

#[tokio::test]
async fn a_command_without_events_appends_nothing() {
    let stage = default();
    assert_eq!(stage.ask("a", Command::Look).await.unwrap().position, Position::ZERO);
    assert!(stage.engine.records().is_empty());
}

#[tokio::test]
async fn readers_never_see_what_is_not_durable() {
    let stage = default();
    stage.add("a", 1).await;
    let mut watch = stage.host.watch("a").unwrap();
    stage.engine.pause_appends();
    let mut ask = [Box::pin(stage.ask("a", Command::Add(10)))];
    begin(&mut ask).await;
    stage.until(|stage| stage.engine.held_appends() == 1).await;
    assert_eq!(stage.read("a").await.state.sum, 1, "readers do not wait for the append, nor see it");
    assert_eq!(watch.position(), Position(1));
    stage.engine.resume_appends();
    join_all(ask).await;
    assert_eq!(stage.read("a").await.state.sum, 11);
    assert_eq!(watch.changed().await, Ok(Position(2)));
}

#[tokio::test]
async fn an_unknown_append_ends_in_replay() {
    for (fault, sum) in [(Fault::UnknownKept, 3), (Fault::UnknownLost, 1)] {
        let stage = default();
        stage.add("a", 1).await;
        stage.engine.fail_next_append(fault);
        assert!(matches!(stage.ask("a", Command::Add(2)).await, Err(AskError::Unknown)));
        assert_eq!(stage.running(stage.host.published("a")).await.unwrap().state.sum, sum, "{fault:?}");
        assert_eq!(stage.running(stage.ask("a", Command::Add(10))).await.unwrap().reply, sum + 10);
        assert_eq!(stage.host.stats().restarts, 1);
    }
}

#[tokio::test]
async fn a_definite_failure_is_told_and_nothing_happened() {
    let stage = default();
    stage.add("a", 1).await;
    stage.engine.fail_next_append(Fault::Unavailable);
    let failed = stage.ask("a", Command::Add(2)).await;
    assert!(matches!(failed, Err(AskError::Unavailable(Unavailable::Journal(_)))), "{failed:?}");
    assert_eq!(stage.running(stage.ask("a", Command::Add(10))).await.unwrap().reply, 11);
}

#[tokio::test]
async fn a_journal_that_is_unavailable_ends_no_activation() {
    let stage = default();
    stage.add("a", 1).await;
    for _ in 0..3 {
        stage.engine.fail_next_append(Fault::Unavailable);
        assert!(matches!(stage.ask("a", Command::Add(2)).await, Err(AskError::Unavailable(_))));
    }
    assert_eq!(stage.add("a", 10).await, 11, "at once: what it knows is still the truth");
    assert_eq!(stage.host.stats().restarts, 0);
}

#[tokio::test]
async fn an_overloaded_journal_refuses_without_ending_the_activation() {
    let stage = default();
    stage.add("a", 1).await;
    stage.engine.fail_next_append(Fault::Overloaded);
    assert!(matches!(stage.ask("a", Command::Add(2)).await, Err(AskError::Overloaded { .. })));
    assert_eq!(stage.add("a", 10).await, 11);
    assert_eq!(stage.host.stats().restarts, 0);
}

#[tokio::test]
async fn a_journal_that_is_behind_refuses_before_anything_is_decided() {
    let stage = default();
    stage.engine.set_pressure(Some(Duration::from_millis(70)));
    let refused = stage.running(stage.ask("a", Command::AddThenPanic(1))).await;
    assert!(matches!(refused, Err(AskError::Overloaded { retry_after }) if retry_after.as_millis() == 70));
    let stats = stage.host.stats();
    assert_eq!((stats.resident, stats.restarts, stats.refusals), (0, 0, 1), "not even activated");
    stage.engine.set_pressure(None);
    assert_eq!(stage.add("a", 1).await, 1);
}

#[tokio::test]
async fn what_was_admitted_before_the_journal_fell_behind_is_not_decided_in_vain() {
    let stage = default();
    stage.add("a", 1).await;
    stage.engine.pause_appends();
    let mut asks =
        [Command::Add(1), Command::AddThenPanic(1)].map(|command| Box::pin(stage.ask("a", command)));
    begin(&mut asks[..1]).await;
    stage.until(|stage| stage.engine.held_appends() == 1).await;
    begin(&mut asks[1..]).await;
    stage.engine.set_pressure(Some(Duration::from_millis(70)));
    stage.engine.resume_appends();
    let [first, second] = asks;
    assert_eq!(first.await.unwrap().reply, 2, "it was on its way");
    assert!(matches!(stage.running(second).await, Err(AskError::Overloaded { .. })));
    assert_eq!(stage.host.stats().restarts, 0);
}

#[tokio::test]
async fn a_second_host_fences_the_first() {
    let stage = default();
    let rival = stage.rival();
    stage.add("a", 1).await;
    assert_eq!(rival.ask("a", Command::Add(10), 1).await.unwrap().reply, 11);
    let fenced = stage.ask("a", Command::Add(100)).await;
    assert!(matches!(fenced, Err(AskError::Unavailable(Unavailable::Fenced))), "{fenced:?}");
    assert_eq!(stage.running(stage.ask("a", Command::Add(100))).await.unwrap().reply, 111);
}

#[tokio::test]
async fn only_the_guilty_command_of_a_batch_fails() {
    let stage = default();
    stage.ask("owner", Command::Claim("name".into())).await.unwrap();
    stage.add("a", 0).await;
    let guilty = [Command::Claim("name".into()), Command::Burst(64 << 20)];
    let commands = [Command::Add(1), guilty[0].clone(), Command::Add(2), guilty[1].clone(), Command::Add(3)];
    let answers = stage.host.ask_all("a", commands.to_vec(), 1).await.unwrap();
    let [one, taken, two, large, three] = answers.try_into().unwrap();
    assert_eq!([one.unwrap().reply, two.unwrap().reply, three.unwrap().reply], [1, 3, 6]);
    assert!(matches!(taken, Err(AskError::Taken { name }) if name == "name"));
    assert!(matches!(large, Err(AskError::TooLarge { .. })));
    assert_eq!(stage.host.stats().restarts, 0);
}

#[tokio::test]
async fn permits_fit_up_to_the_limit_and_not_one_past_it() {
    let limits = ShellLimits {
        entity_commands: 3,
        entity_bytes: 100,
        total_commands: 5,
        total_bytes: 1_000,
        ..ShellLimits::default()
    };
    let stage = Stage::new(limits);
    stage.engine.pause_appends();
    let mut held: Vec<_> =
        ["a", "a", "a", "b", "b"].map(|key| Box::pin(stage.ask(key, Command::Add(1)))).into();
    begin(&mut held).await;
    assert!(matches!(stage.ask("a", Command::Look).await, Err(AskError::Overloaded { .. })), "per entity");
    assert!(matches!(stage.ask("c", Command::Look).await, Err(AskError::Overloaded { .. })), "in total");
    assert_eq!(stage.host.stats().refusals, 2);
    let large = stage.host.ask("c", Command::Look, 101).await;
    assert!(matches!(large, Err(AskError::TooLarge { size: 101, limit: 100 })), "never fits");
    let many = stage.host.ask_all("c", vec![Command::Look; 4], 1).await;
    assert!(matches!(many, Err(AskError::TooLarge { size: 4, limit: 3 })));
    stage.engine.resume_appends();
    for answer in join_all(held).await {
        answer.unwrap();
    }
    assert_eq!((stage.host.stats().commands, stage.host.stats().command_bytes), (0, 0));
    stage.ask("c", Command::Look).await.unwrap();
}

#[tokio::test]
async fn a_bad_key_is_refused() {
    let stage = default();
    assert!(matches!(stage.ask("", Command::Look).await, Err(AskError::BadKey)));
    assert!(matches!(stage.host.published("a\n").await, Err(AskError::BadKey)));
    assert!(matches!(stage.host.watch("").map(drop), Err(AskError::BadKey)));
}

#[tokio::test]
async fn a_recovery_that_fails_is_told_to_everybody_who_waits() {
    let stage = default();
    // The timer service reads too: let it do so first.
    stage.settle().await;
    stage.engine.fail_next_reads(1);
    let (asked, read) = tokio::join!(stage.ask("a", Command::Add(1)), stage.host.published("a"));
    assert!(matches!(asked, Err(AskError::Unavailable(Unavailable::Recovery { .. }))), "{asked:?}");
    assert!(matches!(read, Err(AskError::Unavailable(Unavailable::Recovery { .. }))), "{read:?}");
    let pausing = stage.ask("a", Command::Add(1)).await;
    assert!(matches!(pausing, Err(AskError::Unavailable(Unavailable::Pausing { .. }))), "{pausing:?}");
    stage.clock.advance(Duration::from_millis(20));
    assert_eq!(stage.add("a", 1).await, 1);
}
