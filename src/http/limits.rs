//! Admission at the door: how many webhook requests and bytes are held at once.

use crate::config;
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Time within which a delivery is durable or refused; the platform gives up soon after (product rule).
pub(super) const DELIVERY_DEADLINE: Duration = Duration::from_secs(4);

/// Hint given with a refusal at the door; the platform asks for a whole number of seconds.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Bytes that one byte-permit stands for; a semaphore counts at most 2^29 permits on small machines.
const BYTES_PER_PERMIT: usize = 1024;

/// What the webhook route admits.
#[derive(Clone)]
pub struct WebhookLimits {
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    /// Largest body in bytes.
    pub body_bytes_max: usize,
    /// Time within which a body must have arrived.
    pub body_timeout: Duration,
}

/// Held while a request is worked on: one request and its bytes.
pub(super) struct WebhookPermit {
    _request: OwnedSemaphorePermit,
    _body: Arriving,
}

/// Held while a body arrives: room for the bytes that have arrived so far.
pub(super) struct Arriving {
    bytes: OwnedSemaphorePermit,
    pool: Arc<Semaphore>,
    taken: usize,
}

impl Arriving {
    /// Takes room for bytes that arrived; `false` when there is none. What a client only announces costs nothing.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        self.taken = self.taken.saturating_add(bytes);
        let missing = self.taken.div_ceil(BYTES_PER_PERMIT).saturating_sub(self.bytes.num_permits());
        let Ok(missing) = u32::try_from(missing) else { return false };
        match Arc::clone(&self.pool).try_acquire_many_owned(missing) {
            Ok(more) => {
                self.bytes.merge(more);
                true
            }
            Err(_) => false,
        }
    }
}

impl WebhookLimits {
    /// Limits from the configuration.
    #[must_use]
    pub fn new(server: &config::Server) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(server.webhook_requests_max)),
            bytes: Arc::new(Semaphore::new(server.webhook_bytes_max / BYTES_PER_PERMIT)),
            body_bytes_max: server.webhook_body_bytes_max,
            body_timeout: server.webhook_body_timeout.0,
        }
    }

    /// Room for a body of which nothing has arrived yet. Bodies that arrive are bounded by their bytes, their time and
    /// the connections of the door.
    pub(super) fn arriving(&self) -> Option<Arriving> {
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(0).ok()?;
        Some(Arriving { bytes, pool: Arc::clone(&self.bytes), taken: 0 })
    }

    /// A permit for one request whose body is whole, or nothing at once.
    pub(super) fn admit(&self, body: Arriving) -> Option<WebhookPermit> {
        let request = Arc::clone(&self.requests).try_acquire_owned().ok()?;
        Some(WebhookPermit { _request: request, _body: body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(requests: usize, bytes: usize) -> WebhookLimits {
        let server =
            config::Server { webhook_requests_max: requests, webhook_bytes_max: bytes, ..Default::default() };
        WebhookLimits::new(&server)
    }

    #[test]
    fn the_count_is_refused_one_past_the_limit_and_freed_on_drop() {
        let limits = limits(2, 1 << 20);
        let admit = || limits.admit(limits.arriving().unwrap());
        let (first, second) = (admit(), admit());
        assert!(first.is_some() && second.is_some());
        assert!(admit().is_none());
        drop(first);
        assert!(admit().is_some());
    }

    #[test]
    fn the_bytes_are_refused_one_past_the_limit_and_freed_on_drop() {
        let limits = limits(10, 4096);
        let mut first = limits.arriving().unwrap();
        assert!(first.grow(1000) && first.grow(24) && first.grow(3072));
        let first = limits.admit(first).unwrap();
        let mut second = limits.arriving().unwrap();
        assert!(!second.grow(1));
        drop(first);
        assert!(limits.arriving().unwrap().grow(4096));
    }

    #[test]
    fn requests_that_only_announce_bytes_take_nothing() {
        let limits = limits(1, 4096);
        let silent: Vec<_> = (0..32).map(|_| limits.arriving().unwrap()).collect();
        let mut whole = limits.arriving().unwrap();
        assert!(whole.grow(4096) && limits.admit(whole).is_some());
        drop(silent);
    }
}
