//! What clients asked for and got: a request that comes again is answered again, and changes nothing again.
//!
//! Kept in the state of the entity that decided it, in the record of what it changed: both are durable, or neither.

use crate::{Timestamp, outbox::Fingerprint};
use imbl::{OrdMap, Vector};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{sync::Arc, time::Duration};

/// Time for which a request is remembered at least, unless there are too many (the sync protocol asks for 24 hours).
pub const REQUESTS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Most remembered requests of one entity; the oldest are forgotten first.
pub const REQUESTS_MAX: usize = 4_096;
/// Most bytes of their answers in one entity; the oldest are forgotten first.
pub const ANSWERS_BYTES_MAX: usize = 1024 * 1024;

/// Names one change that a client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestKey {
    /// The client object, by the fingerprint of the name that it gave itself: the name is as good as a password.
    pub session: Fingerprint,
    /// Number of the request in it.
    pub request: u32,
    /// Number of the command within the request.
    pub part: u16,
}

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnsweredRequest {
    /// Which.
    pub key: RequestKey,
    /// When.
    pub at: Timestamp,
    /// The reply, in MessagePack.
    pub reply: Arc<[u8]>,
}

/// The last answered requests of one entity.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vector<Arc<AnsweredRequest>>", into = "Vector<Arc<AnsweredRequest>>")]
pub struct Requests {
    /// Oldest first.
    all: Vector<Arc<AnsweredRequest>>,
    by_key: OrdMap<RequestKey, Arc<AnsweredRequest>>,
    bytes: usize,
}

impl From<Vector<Arc<AnsweredRequest>>> for Requests {
    fn from(all: Vector<Arc<AnsweredRequest>>) -> Self {
        let bytes = all.iter().map(|request| request.reply.len()).sum();
        let by_key = all.iter().map(|request| (request.key, Arc::clone(request))).collect();
        Self { all, by_key, bytes }
    }
}

impl From<Requests> for Vector<Arc<AnsweredRequest>> {
    fn from(requests: Requests) -> Self {
        requests.all
    }
}

impl Requests {
    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Rough bytes in memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.bytes + self.all.len() * 160
    }

    /// The reply to a request that was answered before; `None` when it was not, or when the answer is of an older
    /// program and does not decode: then it is not known any more.
    #[must_use]
    pub fn reply<R: DeserializeOwned>(&self, key: &RequestKey) -> Option<R> {
        rmp_serde::from_slice(&self.by_key.get(key)?.reply).ok()
    }

    /// Remembers an answer, and forgets those that are old or too many.
    pub(crate) fn remember(&mut self, request: &AnsweredRequest) {
        while self.all.front().is_some_and(|oldest| self.may_forget(oldest, request)) {
            if let Some(oldest) = self.all.pop_front() {
                self.by_key.remove(&oldest.key);
                self.bytes = self.bytes.saturating_sub(oldest.reply.len());
            }
        }
        let request = Arc::new(request.clone());
        self.bytes += request.reply.len();
        self.by_key.insert(request.key, Arc::clone(&request));
        self.all.push_back(request);
    }

    fn may_forget(&self, oldest: &AnsweredRequest, newest: &AnsweredRequest) -> bool {
        oldest.at + REQUESTS_KEPT < newest.at
            || self.all.len() >= REQUESTS_MAX
            || self.bytes + newest.reply.len() > ANSWERS_BYTES_MAX
    }
}

/// An answer to be remembered; `None` when the reply cannot be encoded, which no reply is.
pub(crate) fn answered<R: Serialize>(key: RequestKey, at: Timestamp, reply: &R) -> Option<AnsweredRequest> {
    let reply = rmp_serde::to_vec_named(reply).ok()?;
    Some(AnsweredRequest { key, at, reply: reply.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(request: u32) -> RequestKey {
        RequestKey { session: Fingerprint::of("tab"), request, part: 0 }
    }

    fn done(request: u32, at_s: i64) -> AnsweredRequest {
        answered(key(request), Timestamp::from_millis(at_s * 1000), &request)
            .unwrap_or_else(|| unreachable!())
    }

    #[test]
    fn an_answer_is_given_again_and_survives_storage() {
        let mut requests = Requests::default();
        requests.remember(&done(7, 1));
        let bytes = rmp_serde::to_vec_named(&requests).unwrap_or_default();
        let read: Requests = rmp_serde::from_slice(&bytes).unwrap_or_default();
        assert_eq!(read.reply::<u32>(&key(7)), Some(7));
        assert_eq!(read.reply::<u32>(&key(8)), None);
        assert_eq!(read.weight(), requests.weight());
    }

    #[test]
    fn old_ones_are_forgotten_and_young_ones_kept() {
        let mut requests = Requests::default();
        requests.remember(&done(1, 0));
        requests.remember(&done(2, 86_400));
        assert_eq!(requests.reply::<u32>(&key(1)), Some(1), "a day is kept");
        requests.remember(&done(3, 86_401));
        assert_eq!(requests.reply::<u32>(&key(1)), None);
        assert_eq!(requests.reply::<u32>(&key(2)), Some(2));
    }

    #[test]
    fn there_are_never_too_many() {
        let mut requests = Requests::default();
        for request in 0..=u32::try_from(REQUESTS_MAX).unwrap_or(u32::MAX) {
            requests.remember(&done(request, 0));
        }
        assert_eq!(requests.all.len(), REQUESTS_MAX);
        assert_eq!(requests.by_key.len(), REQUESTS_MAX);
        assert_eq!(requests.reply::<u32>(&key(0)), None);
    }
}
