//! Mutations that wait for their turn and actions that run.

use crate::sync::{Call, Failed, RequestKey};
use greenroom_actors::Timestamp;
use std::collections::VecDeque;

/// A call to run.
#[derive(Clone, Debug)]
pub(in crate::sync) struct Run<C> {
    /// Number in the session.
    pub request: u32,
    /// What to run.
    pub call: Call,
    /// Whoever the connection acted for when the message was processed.
    pub caller: Option<C>,
    /// Key of a mutation; nothing when the client did not say which session it is.
    pub key: Option<RequestKey>,
}

impl<C> Run<C> {
    /// Bytes that it holds while it waits and runs.
    pub(in crate::sync) fn bytes(&self) -> usize {
        self.call.args.get().len() + self.call.path.len()
    }
}

/// One waiting mutation.
#[derive(Debug)]
pub(super) enum Waiting<C> {
    Run(Run<C>),
    /// Answered when its turn comes: answers keep the order of the requests.
    Failed(u32, Failed),
}

/// The mutation that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) request: u32,
    pub(super) since: Timestamp,
    bytes: usize,
}

/// What is in hand.
#[derive(Debug)]
pub(super) struct Requests<C> {
    waiting: VecDeque<Waiting<C>>,
    running: Option<Running>,
    actions: usize,
    bytes: usize,
}

impl<C> Default for Requests<C> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), running: None, actions: 0, bytes: 0 }
    }
}

impl<C> Requests<C> {
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) const fn actions(&self) -> usize {
        self.actions
    }

    pub(super) const fn running(&self) -> Option<Running> {
        self.running
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }

    pub(super) fn wait(&mut self, waiting: Waiting<C>) {
        if let Waiting::Run(run) = &waiting {
            self.bytes += run.bytes();
        }
        self.waiting.push_back(waiting);
    }

    /// The next one, when none runs.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Waiting<C>> {
        if self.running.is_some() {
            return None;
        }
        let next = self.waiting.pop_front()?;
        if let Waiting::Run(run) = &next {
            self.running = Some(Running { request: run.request, since: now, bytes: run.bytes() });
        }
        if self.waiting.is_empty() {
            // A burst leaves nothing behind in a connection that idles.
            self.waiting.shrink_to_fit();
        }
        Some(next)
    }

    /// The running one has ended.
    pub(super) fn finish(&mut self) {
        if let Some(running) = self.running.take() {
            self.bytes -= running.bytes;
        }
    }

    pub(super) const fn act(&mut self, bytes: usize) {
        self.actions += 1;
        self.bytes += bytes;
    }

    pub(super) const fn acted(&mut self, bytes: usize) {
        self.actions = self.actions.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}
