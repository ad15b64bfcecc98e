//! Random commands, crashes, faults and idle times against a model that only knows what was answered.

use super::{ledger::Command, stage::Stage};
use crate::shell::{AskError, ShellLimits};
use greenroom_persistence::memory::Fault;
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};

#[derive(Clone, Debug)]
enum Step {
    Add { key: u8, n: i64 },
    Batch { key: u8, ns: Vec<i64> },
    Refuse { key: u8 },
    Poison { key: u8 },
    Ask { key: u8 },
    Fail(Fault),
    Idle,
    Crash,
    Drain,
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..3_u8;
    prop_oneof![
        6 => (key.clone(), -50..50_i64).prop_map(|(key, n)| Step::Add { key, n }),
        3 => (key.clone(), prop::collection::vec(-50..50_i64, 1..20))
            .prop_map(|(key, ns)| Step::Batch { key, ns }),
        1 => key.clone().prop_map(|key| Step::Refuse { key }),
        1 => key.clone().prop_map(|key| Step::Poison { key }),
        1 => key.prop_map(|key| Step::Ask { key }),
        1 => prop_oneof![
            Just(Fault::Unavailable),
            Just(Fault::Overloaded),
            Just(Fault::UnknownLost),
            Just(Fault::UnknownKept)
        ]
        .prop_map(Step::Fail),
        1 => Just(Step::Idle),
        1 => Just(Step::Crash),
        1 => Just(Step::Drain),
    ]
}

/// What must be in an entity: everything acknowledged, in order; what is unknown may be.
#[derive(Default)]
struct Expected {
    entries: Vec<i64>,
}

impl Expected {
    /// Takes the truth for what was unknown, after checking that it is one of the two possibilities.
    fn check(&mut self, found: &[i64], unknown: &[i64]) {
        let with: Vec<i64> = self.entries.iter().chain(unknown).copied().collect();
        assert!(
            found == self.entries || found == with,
            "found {found:?}, knew {:?} and {unknown:?}",
            self.entries
        );
        self.entries = found.to_vec();
    }
}

async fn add(stage: &Stage, model: &mut BTreeMap<u8, Expected>, key: u8, ns: &[i64]) {
    let name = key.to_string();
    let commands = ns.iter().map(|n| Command::Add(*n)).collect();
    let expected = model.entry(key).or_default();
    let Ok(answers) = stage.running(stage.host.ask_all(&name, commands, ns.len())).await else { return };
    let mut unknown = Vec::new();
    for (n, answer) in ns.iter().zip(answers) {
        match answer {
            Ok(answer) => {
                expected.entries.push(*n);
                assert_eq!(answer.seq, stage.host.published(&name).await.map_or(answer.seq, |now| now.seq));
            }
            Err(AskError::Unknown) => unknown.push(*n),
            Err(_) => {}
        }
    }
    if !unknown.is_empty() {
        stage.clock.advance(Duration::from_secs(60));
        let found = stage.running(stage.host.published(&name)).await.unwrap().state;
        expected.check(&found.entries, &unknown);
    }
}

async fn play(steps: Vec<Step>) {
    let limits = ShellLimits { snapshot_tail_min: 200, passivation_tail_min: 50, ..ShellLimits::default() };
    let mut stage = Stage::new(limits);
    let mut model: BTreeMap<u8, Expected> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Add { key, n } => add(&stage, &mut model, key, &[n]).await,
            Step::Batch { key, ns } => add(&stage, &mut model, key, &ns).await,
            Step::Refuse { key } => {
                assert!(stage.running(stage.ask(&key.to_string(), Command::AddThenRefuse(1))).await.is_err());
            }
            Step::Poison { key } => {
                assert!(stage.running(stage.ask(&key.to_string(), Command::AddThenPanic(1))).await.is_err());
            }
            Step::Ask { key } => {
                // Whatever comes of it, the entries stay.
                let _ = stage.running(stage.ask(&key.to_string(), Command::Ask(1))).await;
            }
            Step::Fail(fault) => stage.engine.fail_next_append(fault),
            Step::Idle => stage.pass_idle_time().await,
            Step::Crash => stage.crash(),
            Step::Drain => {
                stage.running(stage.host.drain(stage.now() + Duration::from_secs(1))).await;
                stage.crash();
            }
        }
    }
    stage.crash();
    for (key, expected) in &model {
        stage.clock.advance(Duration::from_secs(60));
        let found = stage.running(stage.host.published(&key.to_string())).await.unwrap();
        assert_eq!(found.state.entries, expected.entries, "entity {key}");
        assert_eq!(found.state.sum, expected.entries.iter().sum::<i64>());
    }
    let mut heads: BTreeMap<String, u64> = BTreeMap::new();
    for record in stage.engine.records() {
        let head = heads.entry(record.record.entity.to_string()).or_default();
        *head += 1;
        assert_eq!(record.seq.0, *head, "no gaps");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_is_there_after_anything(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(steps));
    }
}
