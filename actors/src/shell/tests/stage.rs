//! A host on the memory engine with a clock that the test moves.

use super::ledger::{Command, Ledger};
use crate::{
    EntityId,
    clock::ManualClock,
    ports::{Clock, Outlet},
    shell::{Answer, AskError, Host, Published, ShellLimits},
};
use async_trait::async_trait;
use greenroom_persistence::{Stores, memory, memory::MemoryHandle};
use parking_lot::Mutex;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::sync::watch;

/// Turns the runtime takes before a test gives up waiting for something that should happen by itself.
const TURNS: usize = 200_000;

/// Answers every question with its number plus 1,000, when the gate is open.
pub(super) struct Oracle {
    pub(super) open: watch::Sender<bool>,
    pub(super) asked: Mutex<Vec<(EntityId, u32)>>,
}

/// A question that the outlet panics at.
pub(super) const FORBIDDEN: u32 = 666;
/// A question whose outcome claims the name "taken".
pub(super) const GREEDY: u32 = 777;

#[async_trait]
impl Outlet<Ledger> for Oracle {
    async fn run(&self, entity: &EntityId, question: u32) -> Option<Command> {
        self.asked.lock().push((entity.clone(), question));
        let _ = self.open.subscribe().wait_for(|open| *open).await;
        assert_ne!(question, FORBIDDEN, "forbidden question");
        if question == GREEDY {
            return Some(Command::Outclaim("taken".into()));
        }
        Some(Command::Asked(question + 1_000))
    }
}

pub(super) struct Stage {
    pub(super) host: Host<Ledger>,
    pub(super) engine: MemoryHandle,
    pub(super) clock: ManualClock,
    pub(super) oracle: Arc<Oracle>,
    limits: ShellLimits,
}

impl Stage {
    pub(super) fn new(limits: ShellLimits) -> Self {
        let (stores, engine) = memory::open();
        let clock = ManualClock::default();
        let oracle = Arc::new(Oracle { open: watch::Sender::new(true), asked: Mutex::default() });
        let host = start(stores, &oracle, &clock, &limits);
        Self { host, engine, clock, oracle, limits }
    }

    /// A second host on the same data.
    pub(super) fn rival(&self) -> Host<Ledger> {
        start(self.engine.reopen(), &self.oracle, &self.clock, &self.limits)
    }

    /// Ends the host as a crash would, and starts another on the same data.
    pub(super) fn crash(&mut self) {
        self.host.abort();
        self.host = self.rival();
    }

    /// Ends the host as a crash would, and starts another on these stores.
    pub(super) fn restart_on(&mut self, stores: Stores) {
        self.host.abort();
        self.host = start(stores, &self.oracle, &self.clock, &self.limits);
    }

    pub(super) async fn ask(&self, key: &str, command: Command) -> Result<Answer<Ledger>, AskError<Ledger>> {
        self.host.ask(key, command, 1).await
    }

    pub(super) async fn add(&self, key: &str, n: i64) -> i64 {
        self.ask(key, Command::Add(n)).await.unwrap().reply
    }

    pub(super) async fn read(&self, key: &str) -> Published<Ledger> {
        self.host.published(key).await.unwrap()
    }

    /// Runs something to its end, moving the clock in small steps so that pauses pass.
    pub(super) async fn running<T>(&self, run: impl Future<Output = T>) -> T {
        futures::pin_mut!(run);
        for turn in 0..TURNS {
            if let Some(done) = futures::future::poll_immediate(run.as_mut()).await {
                return done;
            }
            tokio::task::yield_now().await;
            if turn % 50 == 49 {
                self.clock.advance(Duration::from_millis(5));
            }
        }
        panic!("nothing happened");
    }

    /// Waits, with the clock standing still, until something holds.
    pub(super) async fn until(&self, what: impl Fn(&Self) -> bool) {
        for _ in 0..TURNS {
            if what(self) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("it never came to hold: {:?}", self.host.stats());
    }

    /// Lets everything that can happen without the clock happen.
    pub(super) async fn settle(&self) {
        for _ in 0..500 {
            tokio::task::yield_now().await;
        }
    }

    /// Lets an idle time and a sweep pass.
    pub(super) async fn pass_idle_time(&self) {
        self.settle().await;
        self.clock.advance(self.limits.idle + self.limits.sweep);
        self.settle().await;
    }

    pub(super) fn now(&self) -> crate::Timestamp {
        self.clock.now()
    }
}

fn start(stores: Stores, oracle: &Arc<Oracle>, clock: &ManualClock, limits: &ShellLimits) -> Host<Ledger> {
    let outlet: Arc<dyn Outlet<Ledger>> = Arc::<Oracle>::clone(oracle);
    Host::start(stores, outlet, Arc::new(clock.clone()), limits.clone()).unwrap()
}
