//! The scenarios that send webhooks.

use crate::{
    Args,
    baseline::Baseline,
    machine,
    open_loop::{Load, Outcome},
    payload::{self, CHAT, Dm, QUESTION},
    report::Report,
    stage::{Stage, StageOptions, entity},
};
use greenroom_actors::user::decision::Verdict;
use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::runtime::Runtime;

/// Known contacts of each account.
const PERSONS: u32 = 4;
/// Contacts of the hot account.
const HOT_PERSONS: u32 = 1_000;
/// Messages per delivery of `batched`.
const BATCH: usize = 100;
/// Of those, for one account.
const BATCH_OF_ACCOUNT: u32 = 10;
/// Share of each run at its start that is not measured.
const WARM_UP: f64 = 0.1;
/// Rate at which latency is compared between machines, per second.
const FIXED_RATE: f64 = 12_500.0;
/// Rate of `hot_vs_many`, per second; half of it to one account.
const MIXED_RATE: f64 = 8_000.0;

/// The load side.
pub(crate) struct Bench<'a> {
    args: &'a Args,
    load: Runtime,
    /// Numbers of messages: none is used twice.
    next: AtomicU32,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(args: &'a Args) -> anyhow::Result<Self> {
        let load = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(args.load_threads)
            .thread_name("load")
            .enable_all()
            .build()?;
        Ok(Self { args, load, next: AtomicU32::new(1) })
    }

    /// `count` messages, one account after another, persons in turn.
    fn spread(&self, count: u32, accounts: u32, persons: u32, text: &'static str) -> Vec<Dm> {
        (0..count)
            .map(|n| Dm {
                account: n % accounts,
                person: (n / accounts) % persons,
                number: self.next.fetch_add(1, Ordering::Relaxed),
                text,
            })
            .collect()
    }

    /// Messages in runs of `of_account` per account.
    fn in_runs(&self, count: u32, accounts: u32, of_account: u32) -> Vec<Dm> {
        (0..count)
            .map(|n| Dm {
                account: (n / of_account) % accounts,
                person: n % PERSONS,
                number: self.next.fetch_add(1, Ordering::Relaxed),
                text: CHAT,
            })
            .collect()
    }

    /// One message of every person, account by account.
    fn introductions(&self, accounts: u32, persons: u32) -> Vec<Dm> {
        (0..accounts * persons)
            .map(|n| Dm {
                account: n / persons,
                person: n % persons,
                number: self.next.fetch_add(1, Ordering::Relaxed),
                text: CHAT,
            })
            .collect()
    }

    fn run(&self, address: SocketAddr, rate: Option<f64>, requests: Vec<Vec<u8>>) -> anyhow::Result<Outcome> {
        let connections = self.args.connections;
        self.load.block_on(Load { address, connections, rate, warm_up: WARM_UP }.run(Arc::new(requests)))
    }

    /// A server with accounts whose contacts are known.
    fn stage(&self, accounts: u32, persons: u32) -> anyhow::Result<Stage> {
        let stage = Stage::start(&StageOptions::default())?;
        stage.connect_accounts(accounts)?;
        stage.introduce(&self.introductions(accounts, persons))?;
        Ok(stage)
    }

    /// Sends messages, prints what came out, and checks that what was accepted is decided.
    fn measure(
        &self,
        name: &str,
        stage: &Stage,
        messages: &[Dm],
        per_request: usize,
        rate: Option<f64>,
    ) -> anyhow::Result<(Outcome, Vec<Dm>)> {
        let requests = payload::requests(messages, per_request, stage.now());
        let cpu = machine::cpu_by_thread();
        let outcome = self.run(stage.address, rate, requests)?;
        stage.wait_until_quiet()?;
        Report::new(name).outcome(&outcome, rate, per_request).cpu(&cpu, messages.len()).print();
        let accepted = accepted(messages, per_request, &outcome);
        self.check(name, stage, &accepted)?;
        Ok((outcome, accepted))
    }

    fn check(&self, name: &str, stage: &Stage, accepted: &[Dm]) -> anyhow::Result<()> {
        let verified = stage.verify(accepted)?;
        Report::new(format!("{name}: verified"))
            .count("accepted", accepted.len())
            .count("decided", verified.decided)
            .count("missing", verified.missing)
            .count("sharing_a_decision", verified.shared)
            .print();
        anyhow::ensure!(verified.is_right(), "{name}: accepted messages are missing: {verified:?}");
        anyhow::ensure!(stage.outlet.unexpected() == 0, "{name}: effects that no scenario causes");
        Ok(())
    }

    /// Stops the server, starts it again over the same folder, and checks again.
    fn check_after_restart(&self, name: &str, stage: Stage, accepted: &[Dm]) -> anyhow::Result<()> {
        let copy = crate::stage::temporary()?;
        let folder = copy.path().join("data");
        stage.stop_to(&folder)?;
        let again = Stage::start(&StageOptions { folder: Some(folder), resident: None })?;
        self.check(&format!("{name}, after a restart"), &again, accepted)?;
        again.stop()
    }

    pub(crate) fn baseline(&self) -> anyhow::Result<()> {
        for (name, durable) in [("baseline: hmac", false), ("baseline: hmac+append", true)] {
            let server = Baseline::start(durable)?;
            let messages = self.spread(self.args.events, self.args.accounts, PERSONS, CHAT);
            let requests = payload::requests(&messages, 1, greenroom_actors::Timestamp::from_millis(1));
            let cpu = machine::cpu_by_thread();
            let outcome = self.run(server.address, None, requests)?;
            Report::new(name).outcome(&outcome, None, 1).cpu(&cpu, messages.len()).print();
            server.stop();
        }
        Ok(())
    }

    pub(crate) fn single(&self) -> anyhow::Result<()> {
        let stage = self.stage(self.args.accounts, PERSONS)?;
        let messages = self.spread(self.args.events, self.args.accounts, PERSONS, CHAT);
        let (_, accepted) = self.measure("single", &stage, &messages, 1, self.args.rate)?;
        self.check_after_restart("single", stage, &accepted)
    }

    pub(crate) fn hot(&self) -> anyhow::Result<()> {
        let stage = self.stage(1, HOT_PERSONS)?;
        let messages = self.spread(self.args.events, 1, HOT_PERSONS, CHAT);
        self.measure("hot", &stage, &messages, 1, self.args.rate)?;
        stage.stop()
    }

    pub(crate) fn batched(&self) -> anyhow::Result<()> {
        let stage = self.stage(self.args.accounts, PERSONS)?;
        let messages = self.in_runs(self.args.events * 2, self.args.accounts, BATCH_OF_ACCOUNT);
        self.measure("batched", &stage, &messages, BATCH, self.args.rate)?;
        stage.stop()
    }

    pub(crate) fn reply(&self) -> anyhow::Result<()> {
        let stage = self.stage(self.args.accounts, PERSONS)?;
        let messages = self.spread(self.args.events, self.args.accounts, PERSONS, QUESTION);
        let requests = payload::requests(&messages, 1, stage.now());
        let cpu = machine::cpu_by_thread();
        let outcome = self.run(stage.address, self.args.rate, requests)?;
        let accepted = accepted(&messages, 1, &outcome);
        let expected = accepted.len() as u64;
        stage.wait_until("answered", || stage.outlet.sent() >= expected)?;
        stage.wait_until_quiet()?;
        let until_last_reply = outcome.begun.elapsed();
        let replies = stage.outlet.sent() as f64 * (1.0 - WARM_UP);
        Report::new("reply")
            .outcome(&outcome, self.args.rate, 1)
            .value("replies_per_s", replies / until_last_reply.as_secs_f64())
            .cpu(&cpu, messages.len())
            .print();
        self.check("reply", &stage, &accepted)?;
        self.check_replies(&stage, &accepted)?;
        stage.stop()
    }

    /// Every accepted message was answered by a message of its own, which left exactly once.
    fn check_replies(&self, stage: &Stage, accepted: &[Dm]) -> anyhow::Result<()> {
        let mids: HashSet<String> = accepted.iter().map(Dm::mid).collect();
        let (mut replied, mut once, mut outbounds) = (0, 0, HashSet::new());
        let accounts: HashSet<u32> = accepted.iter().map(|message| message.account).collect();
        for account in accounts {
            let state = stage.block_on(stage.state(account))?;
            for record in state.decisions.values() {
                if !record.mid.as_ref().is_some_and(|mid| mids.contains(mid.as_str())) {
                    continue;
                }
                if let Verdict::Replied { outbound } = record.verdict {
                    replied += 1;
                    once += usize::from(stage.outlet.times(&entity(account)?, outbound.get()) == 1);
                    outbounds.insert((account, outbound));
                }
            }
        }
        let sent = usize::try_from(stage.outlet.sent())?;
        Report::new("reply: verified")
            .count("accepted", accepted.len())
            .count("replied", replied)
            .count("sent_exactly_once", once)
            .count("sent", sent)
            .print();
        let all = accepted.len();
        anyhow::ensure!(
            [replied, once, outbounds.len(), sent].iter().all(|count| *count == all),
            "replies are missing or were sent more than once"
        );
        Ok(())
    }

    pub(crate) fn latency(&self) -> anyhow::Result<()> {
        let accounts = self.args.accounts;
        let stage = self.stage(accounts, PERSONS)?;
        let messages = self.spread(self.args.events, accounts, PERSONS, CHAT);
        let (capacity, _) = self.measure("latency: capacity", &stage, &messages, 1, None)?;
        let half = capacity.per_second() / 2.0;
        for (name, rate) in [("latency: half", half), ("latency: fixed", FIXED_RATE)] {
            let messages = self.spread(self.args.events, accounts, PERSONS, CHAT);
            self.measure(name, &stage, &messages, 1, Some(rate))?;
        }
        stage.stop()
    }

    pub(crate) fn hot_vs_many(&self) -> anyhow::Result<()> {
        let accounts = self.args.accounts;
        let stage = self.stage(accounts, PERSONS)?;
        let rate = self.args.rate.unwrap_or(MIXED_RATE) / 2.0;
        let half = self.args.events / 4;
        let alone = self.spread(half, accounts, PERSONS, CHAT);
        self.measure("hot_vs_many: many alone", &stage, &alone, 1, Some(rate))?;
        let (many, hot) = (self.spread(half, accounts, PERSONS, CHAT), self.spread(half, 1, PERSONS, CHAT));
        let requests = |messages: &[Dm]| Arc::new(payload::requests(messages, 1, stage.now()));
        let load = Load {
            address: stage.address,
            connections: self.args.connections / 2,
            rate: Some(rate),
            warm_up: WARM_UP,
        };
        let (to_many, to_hot) = (requests(&many), requests(&hot));
        let (of_many, of_hot) =
            self.load.block_on(async { tokio::try_join!(load.run(to_many), load.run(to_hot)) })?;
        stage.wait_until_quiet()?;
        for (name, messages, outcome) in
            [("hot_vs_many: many beside", &many, &of_many), ("hot_vs_many: hot", &hot, &of_hot)]
        {
            Report::new(name).outcome(outcome, Some(rate), 1).print();
            self.check(name, &stage, &accepted(messages, 1, outcome))?;
        }
        stage.stop()
    }
}

/// Messages of the requests that were answered 200.
fn accepted(messages: &[Dm], per_request: usize, outcome: &Outcome) -> Vec<Dm> {
    messages
        .chunks(per_request)
        .zip(&outcome.statuses)
        .filter(|(_, status)| **status == 200)
        .flat_map(|(chunk, _)| chunk.iter().copied())
        .collect()
}
