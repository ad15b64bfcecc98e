//! Results of queries, shared: a hundred open pages of one workspace evaluate a query once per change.

use super::declare::Reads;
use crate::sync::{Answered, Ts};
use moka::sync::Cache;
use std::{sync::Arc, time::Duration};

/// Bytes of results and their keys kept in memory; the least used are dropped.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A result is evaluated again after this time though nothing changed: a few tell of the month that it is.
const AGE_MAX: Duration = Duration::from_secs(60);
/// Larger results are not kept: they would push out everything else.
const RESULT_BYTES_MAX: usize = 1024 * 1024;
/// Rough bytes of an entry beside its texts.
const ENTRY_BYTES: usize = 256;

/// One query of one caller.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) user_id: Arc<str>,
    pub(super) path: Arc<str>,
    pub(super) args: Arc<str>,
    pub(super) journal: Option<Arc<str>>,
}

/// What it came to, and at which point.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) answered: Answered<Reads>,
    pub(super) at: Ts,
}

/// See the module.
pub(super) struct Results(Cache<Key, Arc<Known>>);

impl Default for Results {
    fn default() -> Self {
        let weigh = |key: &Key, known: &Arc<Known>| {
            let journal = key.journal.as_ref().map_or(0, |journal| journal.len());
            let bytes = ENTRY_BYTES + key.args.len() + journal + size_of(&known.answered);
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder().weigher(weigh).max_capacity(BYTES_MAX);
        Self(cache.time_to_live(AGE_MAX).build())
    }
}

fn size_of(answered: &Answered<Reads>) -> usize {
    match &answered.outcome {
        Ok(encoded) => encoded.0.len(),
        Err(failed) => failed.message.len() + failed.data.as_ref().map_or(0, |data| data.0.len()),
    }
}

impl Results {
    /// What is known of a query.
    pub(super) fn get(&self, key: &Key) -> Option<Arc<Known>> {
        self.0.get(key)
    }

    /// Keeps a result, unless it is too large or a later one is known.
    pub(super) fn put(&self, key: Key, known: Known) {
        if size_of(&known.answered) > RESULT_BYTES_MAX {
            return;
        }
        if self.0.get(&key).is_none_or(|before| before.at <= known.at) {
            self.0.insert(key, Arc::new(known));
        }
    }
}
