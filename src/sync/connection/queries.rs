//! The subscriptions of a connection: what each is, what the client was told about it, and what has to be evaluated.

use crate::sync::{
    Answered, Call, Failed, Outcome, Ts,
    limits::{REFUSED_FACTOR, REMOVED_MAX},
    message::{Change, Malformed, Modification, coded},
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A query to evaluate.
#[derive(Clone, Debug)]
pub(in crate::sync) struct Evaluation {
    pub(in crate::sync) query: u32,
    /// Tells this subscription from another one that had its number.
    pub(super) generation: u64,
    pub(in crate::sync) call: Call,
    pub(in crate::sync) journal: Option<Arc<str>>,
}

/// A query that was evaluated.
#[derive(Debug)]
pub(in crate::sync) struct Evaluated<R> {
    pub(super) query: u32,
    pub(super) generation: u64,
    outcome: Outcome,
    journal: Option<Arc<str>>,
    reads: Option<R>,
}

impl Evaluation {
    /// With what it came to.
    pub(in crate::sync) fn answered<R>(self, answered: Answered<R>) -> Evaluated<R> {
        Evaluated {
            query: self.query,
            generation: self.generation,
            outcome: answered.outcome,
            journal: answered.journal,
            reads: Some(answered.reads),
        }
    }

    /// It cannot be evaluated, now or later.
    pub(in crate::sync) fn failed<R>(self, failed: Failed) -> Evaluated<R> {
        Evaluated {
            query: self.query,
            generation: self.generation,
            outcome: Err(failed),
            journal: None,
            reads: None,
        }
    }
}

#[derive(Debug)]
struct Query<R> {
    generation: u64,
    call: Result<Call, Failed>,
    journal: Option<Arc<str>>,
    /// Digest of what the client was told.
    told: Option<[u8; 16]>,
    seen: Option<Seen<R>>,
}

/// When and as whom a query was evaluated.
#[derive(Debug)]
struct Seen<R> {
    epoch: u64,
    at: Ts,
    reads: Option<R>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Queries<R> {
    live: BTreeMap<u32, Query<R>>,
    removed: BTreeSet<u32>,
    generation: u64,
    bytes: usize,
}

impl<R> Default for Queries<R> {
    fn default() -> Self {
        Self { live: BTreeMap::new(), removed: BTreeSet::new(), generation: 0, bytes: 0 }
    }
}

/// More than a connection may have.
pub(super) struct TooMany;

impl<R> Queries<R> {
    pub(super) fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    /// Bytes of arguments.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Applies one change as it arrives.
    pub(super) fn modify(&mut self, modification: Modification, max: usize) -> Result<(), Malformed> {
        match modification {
            Modification::Add { query, call, journal } => {
                if self.live.contains_key(&query) {
                    return Err(Malformed("a query is added twice"));
                }
                let refused =
                    || coded("LIMIT_EXCEEDED", format!("more than {max} subscriptions on a connection"));
                let call = if self.live.len() < max { call } else { Err(refused()) };
                self.generation += 1;
                self.bytes += size(&call);
                let query_state =
                    Query { generation: self.generation, call, journal, told: None, seen: None };
                self.live.insert(query, query_state);
            }
            Modification::Remove { query } => {
                let gone =
                    self.live.remove(&query).ok_or(Malformed("a query is removed that is not there"))?;
                self.bytes -= size(&gone.call);
                self.removed.insert(query);
            }
        }
        Ok(())
    }

    /// Checks what no client of good will comes near.
    pub(super) fn check(&self, max: usize) -> Result<(), TooMany> {
        let is_within = self.live.len() <= max * REFUSED_FACTOR && self.removed.len() <= REMOVED_MAX;
        if is_within { Ok(()) } else { Err(TooMany) }
    }

    /// Takes what is to be told as removed.
    pub(super) fn take_removed(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.removed)
    }

    /// Gives it back: the transition that would have told it is not made.
    pub(super) fn put_back(&mut self, removed: BTreeSet<u32>) {
        self.removed.extend(removed);
    }

    /// What is new, was evaluated for somebody else, or read something that changed since.
    pub(super) fn due(
        &self,
        epoch: u64,
        is_stale: impl Fn(&R, Ts) -> bool,
    ) -> (Vec<Evaluation>, Vec<Evaluated<R>>) {
        let (mut due, mut done) = (Vec::new(), Vec::new());
        for (id, query) in &self.live {
            let is_fresh = match &query.seen {
                Some(seen) => match &seen.reads {
                    Some(reads) => seen.epoch == epoch && !is_stale(reads, seen.at),
                    // Fails whatever happens.
                    None => query.call.is_err() || seen.epoch == epoch,
                },
                None => false,
            };
            if is_fresh {
                continue;
            }
            let (query_id, generation) = (*id, query.generation);
            match &query.call {
                Ok(call) => due.push(Evaluation {
                    query: query_id,
                    generation,
                    call: call.clone(),
                    journal: query.journal.clone(),
                }),
                Err(failed) => done.push(Evaluated {
                    query: query_id,
                    generation,
                    outcome: Err(failed.clone()),
                    journal: None,
                    reads: None,
                }),
            }
        }
        (due, done)
    }

    /// Notes what a transition shows, and keeps of it what the client does not know yet.
    pub(super) fn show(
        &mut self,
        results: Vec<Evaluated<R>>,
        removed: BTreeSet<u32>,
        epoch: u64,
        at: Ts,
    ) -> Vec<Change> {
        let gone = removed.into_iter().filter(|query| !self.live.contains_key(query));
        let mut changes: Vec<Change> = gone.map(|query| Change::Removed { query }).collect();
        for result in results {
            let Some(query) = self.live.get_mut(&result.query) else { continue };
            if query.generation != result.generation {
                continue;
            }
            query.seen = Some(Seen { epoch, at, reads: result.reads });
            query.journal.clone_from(&result.journal);
            let digest = digest(&result.outcome);
            if query.told.replace(digest) == Some(digest) {
                continue;
            }
            changes.push(Change::Outcome {
                query: result.query,
                outcome: result.outcome,
                journal: result.journal,
            });
        }
        changes
    }
}

fn size(call: &Result<Call, Failed>) -> usize {
    call.as_ref().map_or(0, |call| call.args.get().len() + call.path.len())
}

/// Equal outcomes have equal digests; unequal ones do not, even when somebody tries.
fn digest(outcome: &Outcome) -> [u8; 16] {
    let mut hash = Sha256::new();
    match outcome {
        Ok(value) => {
            hash.update([0]);
            hash.update(value.0.as_bytes());
        }
        Err(failed) => {
            hash.update([1]);
            hash.update(failed.message.len().to_le_bytes());
            hash.update(failed.message.as_bytes());
            hash.update(failed.data.as_ref().map_or("", |data| &data.0).as_bytes());
        }
    }
    let whole: [u8; 32] = hash.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    half
}
