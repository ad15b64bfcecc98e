//! Snapshots that are kept for a little while, for queries at a point in the past.

use super::{Product, Ts};
use greenroom_actors::Timestamp;
use parking_lot::Mutex;
use std::{collections::VecDeque, time::Duration};

/// How long a snapshot is kept.
const KEPT_FOR: Duration = Duration::from_secs(30);
/// Most snapshots that are kept. They share most of their memory with the current one.
const KEPT_MAX: usize = 256;

/// The kept ones, oldest first.
pub(super) struct Recent<P: Product> {
    kept: Mutex<VecDeque<Kept<P>>>,
}

struct Kept<P: Product> {
    caller: Option<P::Caller>,
    snapshot: P::Snapshot,
    at: Ts,
    /// It was the newest when everything up to here had been committed.
    valid_to: Ts,
    since: Timestamp,
}

impl<P: Product> Default for Recent<P> {
    fn default() -> Self {
        Self { kept: Mutex::default() }
    }
}

impl<P: Product> Recent<P> {
    /// Keeps a snapshot that was the newest when `newest` was the newest commit of all.
    pub(super) fn keep(
        &self,
        now: Timestamp,
        caller: Option<&P::Caller>,
        snapshot: &P::Snapshot,
        at: Ts,
        newest: Ts,
    ) {
        let mut kept = self.kept.lock();
        while kept.front().is_some_and(|oldest| now.since(oldest.since) > KEPT_FOR) {
            kept.pop_front();
        }
        let valid_to = newest.max(at);
        if let Some(same) = kept.iter_mut().find(|kept| kept.at == at && kept.caller.as_ref() == caller) {
            same.valid_to = same.valid_to.max(valid_to);
            return;
        }
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(Kept {
            caller: caller.cloned(),
            snapshot: snapshot.clone(),
            at,
            valid_to,
            since: now,
        });
    }

    /// What the caller could read at that point, if it is known.
    pub(super) fn at(&self, now: Timestamp, caller: Option<&P::Caller>, ts: Ts) -> Option<P::Snapshot> {
        let kept = self.kept.lock();
        let found = kept.iter().find(|kept| {
            kept.caller.as_ref() == caller
                && (kept.at..=kept.valid_to).contains(&ts)
                && now.since(kept.since) <= KEPT_FOR
        });
        found.map(|kept| kept.snapshot.clone())
    }
}
