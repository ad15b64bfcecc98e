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

/// Held while a request is worked on: one request and the bytes that have arrived so far.
pub(super) struct WebhookPermit {
    _request: OwnedSemaphorePermit,
    bytes: OwnedSemaphorePermit,
    pool: Arc<Semaphore>,
    taken: usize,
}

impl WebhookPermit {
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

    /// A permit for one request, without bytes yet, or nothing at once.
    pub(super) fn admit(&self) -> Option<WebhookPermit> {
        let request = Arc::clone(&self.requests).try_acquire_owned().ok()?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(0).ok()?;
        Some(WebhookPermit { _request: request, bytes, pool: Arc::clone(&self.bytes), taken: 0 })
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
        let (first, second) = (limits.admit(), limits.admit());
        assert!(first.is_some() && second.is_some());
        assert!(limits.admit().is_none());
        drop(first);
        assert!(limits.admit().is_some());
    }

    #[test]
    fn the_bytes_are_refused_one_past_the_limit_and_freed_on_drop() {
        let limits = limits(10, 4096);
        let mut first = limits.admit().unwrap();
        assert!(first.grow(1000) && first.grow(24) && first.grow(3072));
        let mut second = limits.admit().unwrap();
        assert!(!second.grow(1));
        drop(first);
        assert!(limits.admit().unwrap().grow(4096));
    }

    #[test]
    fn requests_that_only_announce_bytes_take_none() {
        let limits = limits(64, 4096);
        let silent: Vec<_> = (0..32).map(|_| limits.admit().unwrap()).collect();
        assert!(limits.admit().unwrap().grow(4096));
        drop(silent);
    }
}
