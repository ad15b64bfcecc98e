//! Admission at the door: how many webhook requests and bytes are held at once.

use crate::config;
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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

/// Held while a request is worked on.
pub(super) struct WebhookPermit {
    _request: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
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

    /// A permit for a body of at most `bytes`, or nothing at once.
    pub(super) fn admit(&self, bytes: usize) -> Option<WebhookPermit> {
        let permits = u32::try_from(bytes.div_ceil(BYTES_PER_PERMIT)).ok()?;
        let request = Arc::clone(&self.requests).try_acquire_owned().ok()?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(permits).ok()?;
        Some(WebhookPermit { _request: request, _bytes: bytes })
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
        let (first, second) = (limits.admit(10), limits.admit(10));
        assert!(first.is_some() && second.is_some());
        assert!(limits.admit(10).is_none());
        drop(first);
        assert!(limits.admit(10).is_some());
    }

    #[test]
    fn the_bytes_are_refused_one_past_the_limit() {
        let limits = limits(10, 4096);
        let held = limits.admit(4096);
        assert!(held.is_some());
        assert!(limits.admit(1).is_none());
    }
}
