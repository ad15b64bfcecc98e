//! From disk to answer: workspaces with 1,000 contacts, more of them than memory may hold.

use crate::{
    machine,
    open_loop::Load,
    payload::{self, CHAT, Dm, workspace},
    report::Report,
    stage::{self, Stage, StageOptions},
};
use greenroom_actors::shell::AskError;
use hdrhistogram::Histogram;
use std::{sync::Arc, time::Instant};

/// Workspaces.
const WORKSPACES: u32 = 128;
/// Contacts of each.
const CONTACTS: u32 = 1_000;
/// Workspaces that memory may hold.
const RESIDENT: usize = 16;
/// Activations that are measured.
const ACTIVATIONS: u32 = 1_280;
/// A step through the workspaces that meets each of them after all others: coprime to their number.
const STRIDE: u32 = 37;

pub(crate) fn run() -> anyhow::Result<()> {
    let temporary = stage::temporary()?;
    let folder = temporary.path().join("data");
    set_up()?.stop_to(&folder)?;
    let stage = Stage::start(&StageOptions { folder: Some(folder), resident: Some(RESIDENT) })?;
    reads(&stage)?;
    webhooks(&stage)?;
    stage.stop()
}

/// The workspaces with their contacts, made where memory has room for all.
fn set_up() -> anyhow::Result<Stage> {
    let stage = Stage::start(&StageOptions::default())?;
    stage.connect_accounts(WORKSPACES)?;
    for account in 0..WORKSPACES {
        let introductions: Vec<Dm> = (0..CONTACTS)
            .map(|person| Dm { account, person, number: account * CONTACTS + person, text: CHAT })
            .collect();
        stage.introduce(&introductions)?;
    }
    Ok(stage)
}

/// Asks for states, one after another.
#[expect(clippy::disallowed_methods, reason = "measures time")]
fn reads(stage: &Stage) -> anyhow::Result<()> {
    let activations = stage.app.users.stats().passivations;
    let mut latency = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
    let cpu = machine::cpu_by_thread();
    for n in 0..ACTIVATIONS {
        let key = workspace(n * STRIDE % WORKSPACES);
        let begun = Instant::now();
        let published = loop {
            match stage.block_on(stage.app.users.published(&key)) {
                Ok(published) => break published,
                // Passivation is behind: the wait is part of what a reader sees.
                Err(AskError::Overloaded { .. }) => std::thread::yield_now(),
                Err(error) => return Err(error.into()),
            }
        };
        latency.record(u64::try_from(begun.elapsed().as_micros())?.max(1))?;
        anyhow::ensure!(published.state.contacts.len() == CONTACTS as usize, "contacts are missing");
    }
    let passivated = stage.app.users.stats().passivations - activations;
    // Whatever is looked at left memory before, but for the last ones.
    anyhow::ensure!(passivated + u64::from(WORKSPACES) > u64::from(ACTIVATIONS), "states came from memory");
    let millis = |quantile: f64| latency.value_at_quantile(quantile) as f64 / 1000.0;
    let state = stage.block_on(stage.state(0))?;
    Report::new("activation: read")
        .count("contacts", CONTACTS as usize)
        .count("encoded_state_bytes", rmp_serde::to_vec_named(&*state)?.len())
        .count("activations", ACTIVATIONS as usize)
        .count("passivations", usize::try_from(passivated)?)
        .value("p50_ms", millis(0.5))
        .value("p99_ms", millis(0.99))
        .value("max_ms", millis(1.0))
        .cpu(&cpu, ACTIVATIONS as usize)
        .print();
    Ok(())
}

/// Sends one webhook at a time, each to a workspace that left memory.
fn webhooks(stage: &Stage) -> anyhow::Result<()> {
    let first = WORKSPACES * CONTACTS;
    let messages: Vec<Dm> = (0..ACTIVATIONS)
        .map(|n| Dm { account: n * STRIDE % WORKSPACES, person: n % CONTACTS, number: first + n, text: CHAT })
        .collect();
    let requests = Arc::new(payload::requests(&messages, 1, stage.now()));
    let load = Load { address: stage.address, connections: 1, rate: None, warm_up: 0.1 };
    let outcome = stage.block_on(load.run(requests))?;
    Report::new("activation: webhook").outcome(&outcome, None, 1).print();
    let verified = stage.verify(&messages)?;
    anyhow::ensure!(verified.is_right(), "accepted messages are missing: {verified:?}");
    Ok(())
}
