//! Transitions: when one is made, what it shows, and when it may be written.

use super::{
    core::{Core, Output, close_of, now_ns},
    outgoing::Close,
    queries::{Evaluated, Evaluation},
};
use crate::sync::{
    Trouble, Ts, failure,
    limits::{BURST_WAIT, COALESCE, FIRST_WAIT, RETRIES_MAX, UNSENT_TRANSITIONS_MAX},
    message::{self, Change, StateVersion, Transition},
};
use greenroom_actors::Timestamp;
use std::{collections::BTreeSet, time::Duration};

/// Pauses before an evaluation is tried again.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// The transition that is being made; there is at most one.
#[derive(Debug)]
pub(super) enum Work<R> {
    /// None.
    Idle,
    /// The snapshot is being taken.
    Snapshot(Draft),
    /// Its queries are being evaluated. Some need no evaluation.
    Evaluating(Draft, Taken, Vec<Evaluated<R>>),
    /// It waits for the answer to a mutation that it may show.
    Held(Draft, Taken, Vec<Evaluated<R>>),
}

/// What a transition answers: all that was accepted when it was begun.
#[derive(Debug)]
pub(super) struct Draft {
    query_set: u32,
    identity: u32,
    removed: BTreeSet<u32>,
    /// Commits up to here were answered before the snapshot was taken, so it shows them.
    answered: Ts,
}

/// The snapshot of a transition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    at: Ts,
    /// A mutation that ran when the snapshot was taken: the snapshot may show it.
    mutation: Option<u32>,
}

impl<C: Clone + PartialEq, R> Core<C, R> {
    /// Begins a transition if one is due, nothing stands in the way and the socket has room.
    pub(super) fn advance(&mut self, now: Timestamp) {
        if !self.closed && self.transition_due().is_some_and(|due| due <= now) && !self.ends_expired(now) {
            self.begin();
        }
    }

    /// When a transition is to be begun; nothing when there is nothing to tell, or something else has to happen before.
    pub(super) fn transition_due(&self) -> Option<Timestamp> {
        let is_free = matches!(self.work, Work::Idle) && self.outgoing.transitions < UNSENT_TRANSITIONS_MAX;
        if !is_free || self.is_blocked() || self.closed {
            return None;
        }
        let is_ahead =
            self.rx.query_set != self.version.query_set || self.rx.identity != self.version.identity;
        let due = if is_ahead || self.force {
            Timestamp::MIN
        } else {
            self.changed_at.filter(|_| !self.queries.is_empty())? + COALESCE
        };
        Some(due.max(self.first_due()).max(self.retry_at.unwrap_or(Timestamp::MIN)))
    }

    /// A client sends all it has when it connects. That is read whole, and mutations that it sends again are answered, before
    /// the first transition: it would show what they did.
    fn first_due(&self) -> Timestamp {
        let is_first = self.version == StateVersion::default();
        match self.first_message_at.filter(|_| is_first) {
            Some(first) if self.requests.is_idle() => first + BURST_WAIT,
            Some(first) => first + FIRST_WAIT,
            None => Timestamp::MIN,
        }
    }

    fn begin(&mut self) {
        self.serial += 1;
        self.changed_at = None;
        self.retry_at = None;
        self.work = Work::Snapshot(Draft {
            query_set: self.rx.query_set,
            identity: self.rx.identity,
            removed: self.queries.take_removed(),
            answered: self.answered,
        });
        self.out.push_back(Output::Snapshot { serial: self.serial, caller: self.caller.clone() });
    }

    /// Gives up the transition that is being made, as if it had not been begun.
    pub(super) fn abandon(&mut self) {
        match std::mem::replace(&mut self.work, Work::Idle) {
            Work::Idle => {}
            Work::Snapshot(draft) | Work::Evaluating(draft, ..) | Work::Held(draft, ..) => {
                self.queries.put_back(draft.removed);
                // What was changed is looked for again.
                self.changed_at.get_or_insert(Timestamp::MIN + COALESCE);
            }
        }
    }

    /// A snapshot was taken: which queries have to be evaluated on it. Nothing when it is not wanted any more.
    pub(in crate::sync) fn plan(
        &mut self,
        serial: u64,
        at: Ts,
        is_stale: impl Fn(&R, Ts) -> bool,
    ) -> Option<Vec<Evaluation>> {
        if self.closed || serial != self.serial {
            return None;
        }
        let Work::Snapshot(draft) = std::mem::replace(&mut self.work, Work::Idle) else { return None };
        let (due, done) = self.queries.due(self.epoch, is_stale);
        let mutation = self.requests.running().map(|running| running.request);
        self.work = Work::Evaluating(draft, Taken { at, mutation }, done);
        Some(due)
    }

    /// The planned queries were evaluated.
    pub(in crate::sync) fn evaluated(&mut self, now: Timestamp, serial: u64, results: Vec<Evaluated<R>>) {
        if self.closed || serial != self.serial {
            return;
        }
        match std::mem::replace(&mut self.work, Work::Idle) {
            Work::Evaluating(draft, taken, mut done) => {
                done.extend(results);
                self.retries = 0;
                self.work = Work::Held(draft, taken, done);
                self.release(now);
            }
            other => self.work = other,
        }
        self.advance(now);
    }

    /// The machine could not take the snapshot or evaluate on it.
    pub(in crate::sync) fn not_evaluated(&mut self, now: Timestamp, serial: u64, trouble: &Trouble) {
        if self.closed || serial != self.serial || matches!(self.work, Work::Idle) {
            return;
        }
        self.abandon();
        match trouble {
            Trouble::Overloaded { retry_after } if self.retries < RETRIES_MAX => {
                self.retries += 1;
                self.retry_at = Some(now + (*retry_after).clamp(RETRY_MIN, RETRY_MAX));
            }
            other => self.close(close_of(other)),
        }
    }

    /// Writes the transition that is ready, unless it may show a mutation that is not answered yet.
    pub(super) fn release(&mut self, now: Timestamp) {
        let Work::Held(_, taken, _) = &self.work else { return };
        let is_unanswered = taken
            .mutation
            .is_some_and(|request| self.requests.running().is_some_and(|running| running.request == request));
        // At the point of the last transition nothing can be new.
        if is_unanswered && taken.at > self.version.ts {
            return;
        }
        if let Work::Held(draft, taken, results) = std::mem::replace(&mut self.work, Work::Idle)
            && !self.ends_expired(now)
        {
            self.write(now, draft, taken.at, results);
        }
    }

    fn write(&mut self, now: Timestamp, draft: Draft, at: Ts, results: Vec<Evaluated<R>>) {
        let end = StateVersion {
            query_set: draft.query_set,
            identity: draft.identity,
            ts: self.version.ts.max(at).max(draft.answered),
        };
        let mut changes = self.queries.show(results, draft.removed, self.epoch, at);
        let is_still = end.query_set == self.version.query_set && end.identity == self.version.identity;
        if changes.is_empty() && is_still && !self.force {
            return;
        }
        for change in &mut changes {
            if let Change::Outcome { outcome: Err(failed), .. } = change {
                *failed = failure::named(failed.clone(), &mut self.ids);
            }
        }
        let (start, skew_ms) = (self.version, self.skew_ms);
        if end.query_set < start.query_set || end.identity < start.identity || end.ts < start.ts {
            // A defect of ours. The client would freeze without a word; a new connection heals it.
            tracing::error!("a transition would go back");
            return self.close(Close::TROUBLE);
        }
        let text = Transition { start, end, changes, skew_ms, now_ns: now_ns(now) }.render();
        self.version = end;
        self.force = self.answered > end.ts;
        self.send_transition(now, text);
    }

    fn send_transition(&mut self, now: Timestamp, text: String) {
        if !self.client.takes_chunks || text.len() <= self.limits.chunk_bytes {
            return self.send(now, text.into(), true);
        }
        let chunks = message::chunks(&text, self.limits.chunk_bytes, self.serial);
        let last = chunks.len() - 1;
        for (index, chunk) in chunks.into_iter().enumerate() {
            self.send(now, chunk.into(), index == last);
        }
    }
}
